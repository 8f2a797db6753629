package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRel_R11_FullDisk fills what the hub may write. Writes are refused with 507 and leave
// nothing, reads go on, and with room again so do writes.
func TestRel_R11_FullDisk(t *testing.T) {
	t.Parallel()
	t.Run("limit of file size", func(t *testing.T) {
		t.Parallel()
		h := startHub(t, t.TempDir())
		limit := func(bytes uint64) {
			t.Helper()
			var old unix.Rlimit
			if err := unix.Prlimit(h.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &old); err != nil {
				t.Fatal(err)
			}
			if err := unix.Prlimit(h.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: min(bytes, old.Max), Max: old.Max}, nil); err != nil {
				t.Fatal(err)
			}
		}
		fillAndFree(t, h, func() { limit(600 << 10) }, func() { limit(unix.RLIM_INFINITY) })
	})
	t.Run("full file system", func(t *testing.T) {
		t.Parallel()
		// A mount namespace of our own needs no privilege, but may be forbidden where this runs.
		if out, err := exec.CommandContext(t.Context(), "unshare", "-rm", "true").CombinedOutput(); err != nil {
			t.Skipf("no mount namespaces here, the limit of file size has to do: %v %s", err, out)
		}
		dir := t.TempDir()
		wrapper := filepath.Join(dir, "mounted")
		write(t, wrapper, "#!/bin/sh\nmount -t tmpfs -o size=6m tmpfs "+dir+" && exec "+binary+` "$@"`+"\n")
		if err := os.Chmod(wrapper, 0o700); err != nil {
			t.Fatal(err)
		}
		h := startProgram(t, dir, []string{"unshare", "-rm", wrapper})
		filler := fmt.Sprintf("/proc/%d/root%s/filler", h.cmd.Process.Pid, dir)
		fillAndFree(t, h, func() {
			_ = os.WriteFile(filler, make([]byte, 5<<20), 0o600) // as much as there is room for
		}, func() {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func fillAndFree(t *testing.T, h *hub, fill, free func()) {
	t.Helper()
	c := newConversation(t, h)
	body := func(i int) string {
		return fmt.Sprintf(`{"userName":"full-%d","title":%q}`, i, strings.Repeat("x", 20_000))
	}
	c.say(say{req: "POST /Users", status: 201, keep: "u", body: body(0), events: []string{"user.created"}})
	fill()
	made, refusals := 1, 0
	for i := 1; refusals < 5 && i < 500; i++ {
		switch a := c.send(say{req: "POST /Users", body: body(i)}); a.status {
		case http.StatusCreated:
			made++
		case http.StatusInsufficientStorage:
			refusals++
			if _, wrong := c.judge(say{status: 507, want: `{"schemas":["` + errorMessage + `"],"status":"507","detail":"*"}`}, a); len(wrong) > 0 {
				t.Errorf("%v: %s", wrong, a.body)
			}
			if i > 1 && made > 1 {
				c.say(say{note: "reads go on", req: "GET /Users/${u}", status: 200, want: `{"userName":"full-0"}`})
			}
		default:
			t.Fatalf("on a full disk: %d %s\n%s", a.status, a.body, h.log)
		}
	}
	if refusals == 0 {
		t.Fatal("the disk did not fill")
	}
	if n := total(t, h, `userName sw "full-"`); n != made {
		t.Errorf("%d users were acknowledged, %d are there", made, n)
	}
	free()
	c.say(say{note: "room again", req: "POST /Users", status: 201, body: `{"userName":"full-again"}`})
	if err := h.stop(); err != nil {
		t.Errorf("exit: %v\n%s", err, h.log)
	}
}
