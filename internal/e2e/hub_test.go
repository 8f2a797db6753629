// Package e2e runs the real binary as its users do: the recorded conversations of
// identity providers over HTTP, the two targets behind it, the command line.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// binary is the path of the program under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "muster-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "muster")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/muster-id/muster/cmd/muster").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// hub is a running muster.
type hub struct {
	t     *testing.T
	dir   string
	base  string // SCIM base URL
	token string
	// greeting is what the hub says at its start.
	greeting string

	cmd  *exec.Cmd
	log  *safeBuffer
	done chan error

	others []*hub // nodes of the same hub
}

var (
	baseURL = regexp.MustCompile(`https?://\S+/scim/v2\b`)
	token   = regexp.MustCompile(`\bmst_[0-9A-Za-z]+\b`)
)

// startHub starts a hub on a free port. args follow "serve --data DIR --listen …".
func startHub(t *testing.T, dir string, args ...string) *hub {
	t.Helper()
	if n := onNodes(); n > 0 {
		return startNodes(t, dir, n, args...)
	}
	return startProgram(t, dir, []string{binary}, args...)
}

// startProgram starts a hub by a program that becomes it.
func startProgram(t *testing.T, dir string, program []string, args ...string) *hub {
	t.Helper()
	h := &hub{t: t, dir: dir, log: &safeBuffer{}, done: make(chan error, 1)}
	args = append(append(program, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--metrics", ""), args...)
	h.cmd = exec.Command(args[0], args[1:]...)
	h.cmd.Stderr = h.log
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		var seen strings.Builder
		sc := bufio.NewScanner(stdout)
		for sc.Scan() {
			seen.WriteString(sc.Text() + "\n")
			if strings.Contains(sc.Text(), "Ctrl-C") { // the last line of the greeting
				select {
				case ready <- seen.String():
				default:
				}
			}
		}
		h.done <- h.cmd.Wait()
		close(h.done)
	}()
	t.Cleanup(h.kill)
	select {
	case greeting := <-ready:
		h.greeting = greeting
		h.base = baseURL.FindString(greeting)
		h.token = token.FindString(greeting)
		if h.base == "" {
			t.Fatalf("no base URL in the greeting:\n%s", greeting)
		}
	case err := <-h.done:
		t.Fatalf("the hub ended at start: %v\n%s", err, h.log)
	case <-time.After(20 * time.Second):
		t.Fatalf("the hub did not start\n%s", h.log)
	}
	return h
}

// stop sends SIGTERM and waits for the end.
func (h *hub) stop() error {
	for _, o := range h.others {
		if err := o.stop(); err != nil {
			return err
		}
	}
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-h.done:
		return err
	case <-time.After(30 * time.Second):
		return errors.New("did not end within 30 s of SIGTERM")
	}
}

// kill ends the hub as a crash would.
func (h *hub) kill() {
	for _, o := range h.others {
		o.kill()
	}
	_ = h.cmd.Process.Kill() // it may have ended already
	for range h.done {       // until it has ended; how it did was asked for
		continue
	}
}

// muster runs a command of the program and returns its standard output.
func muster(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), databaseOf(args)...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("muster %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	if onNodes() > 0 && args[0] == "schema" {
		<-time.After(time.Second) // as long as the other nodes may answer by the schemas of before
	}
	return stdout.String()
}

// call sends a request to the hub as its first token and returns status and decoded body.
func (h *hub) call(method, path string, body any) (int, any) {
	h.t.Helper()
	status, _, b, err := h.send(h.t.Context(), method, path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	var v any
	if len(b) > 0 {
		if err := json.Unmarshal(b, &v); err != nil {
			h.t.Fatalf("%s %s: %v\n%s", method, path, err, b)
		}
	}
	return status, v
}

func (h *hub) send(ctx context.Context, method, path string, body any) (int, http.Header, []byte, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.base+path, r)
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, b, err
}

// safeBuffer collects what a process writes while others read it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// eventually waits for a condition that something else brings about.
func eventually(t *testing.T, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, limit)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}
