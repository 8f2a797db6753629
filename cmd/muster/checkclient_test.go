package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/client/clienttest"
)

// announced is where muster check --client says what its base URL is.
type announced struct {
	mu   sync.Mutex
	text bytes.Buffer
	base chan string
}

func (a *announced) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text.Write(b)
	if _, rest, ok := strings.Cut(a.text.String(), "Base URL  "); ok && a.base != nil {
		if base, _, whole := strings.Cut(rest, "\n"); whole {
			a.base <- base
			a.base = nil
		}
	}
	return len(b), nil
}

// checkedClient runs muster check --client with a client, and interrupts it when the client is done.
func checkedClient(t *testing.T, use func(base string), args ...string) (out string, code int) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var o bytes.Buffer
	e := &announced{base: make(chan string, 1)}
	base := e.base
	root := newRoot()
	root.SetOut(&o)
	root.SetErr(e)
	root.SetArgs(append([]string{"check", "--client", "--token", "secret"}, args...))
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	select {
	case b := <-base:
		use(b)
	case err := <-ended:
		t.Fatal(err)
	}
	interrupt()
	if err := <-ended; err != nil {
		code = exitCode(err)
	}
	return o.String(), code
}

func TestCheckClient(t *testing.T) {
	good := func(base string) {
		c, err := client.New(base, client.Options{
			HTTP:  &http.Client{Timeout: 30 * time.Second},
			Token: func(context.Context) (string, error) { return "secret", nil },
			Retry: client.Retry{Attempts: 4}, UserAgent: "test",
		})
		if err == nil {
			err = clienttest.Lifecycle(t.Context(), c, clienttest.Options{Prefix: "cli"})
		}
		if err != nil {
			t.Error(err)
		}
	}
	out, code := checkedClient(t, good, "--pause", "1s")
	if code != 0 || !strings.Contains(out, "scene  scene/busy-write") || !strings.Contains(out, "not seen") || strings.Contains(out, "FAIL") {
		t.Errorf("a good client: exit code %d\n%s", code, out)
	}

	bad := func(base string) {
		resp, err := http.Get(base + "/Users")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	dir := t.TempDir()
	baseline, junit := filepath.Join(dir, "known"), filepath.Join(dir, "junit")
	out, code = checkedClient(t, bad, "--junit", junit, "--write-baseline", baseline)
	if b, err := os.ReadFile(junit); code != exitFailed || !strings.Contains(out, "FAIL  http/authorization") || err != nil || !bytes.Contains(b, []byte("http/authorization")) {
		t.Errorf("a bad client: exit code %d, %v\n%s", code, err, out)
	}
	out, code = checkedClient(t, bad, "--baseline", baseline)
	if code != 0 || !strings.Contains(out, "1 fail as known") {
		t.Errorf("with a baseline: exit code %d\n%s", code, out)
	}
	if out, code = checkedClient(t, func(string) {}); code != exitBroken {
		t.Errorf("no client: exit code %d\n%s", code, out)
	}
}

func TestCheckClientIsToldWrongly(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--client", "http://127.0.0.1:1"}, "takes no URL"},
		{[]string{"http://127.0.0.1:1", "--people"}, "--people goes with --client only"},
		{[]string{"--client", "--read-only"}, "--read-only does not go with --client"},
		{[]string{"--client", "--idle", "-1s"}, "not negative"},
		{[]string{"--client", "--listen", "nonsense"}, "nonsense"},
		{[]string{"--client", "--published", "nonsense"}, "no base URL"},
	} {
		if _, errOut, _ := checked(t, c.args...); !strings.Contains(errOut, c.says) {
			t.Errorf("%q: %s", c.args, errOut)
		}
	}
}
