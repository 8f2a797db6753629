//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startTime = 30 * time.Second // for a server to say where it listens
	runTime   = 2 * time.Minute  // for a tool to come to its end
	stopTime  = 10 * time.Second // from SIGTERM to the end
)

// scratch is the directory of the program under test.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "muster-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	_ = os.RemoveAll(dir) // as far as it goes
	os.Exit(code)
}

// buildMuster builds the program, once, and returns its path.
var buildMuster = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "muster")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/muster-id/muster/cmd/muster").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build muster: %w\n%s", err, out)
	}
	return path, nil
})

// A peer is a SCIM server and a token of it.
type peer struct{ base, token string }

// startMuster starts a hub on a fresh data directory and makes a token of the profile.
func startMuster(t *testing.T, profile string) peer {
	t.Helper()
	muster, err := buildMuster()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	base := serve(t, command(t, nil, muster, "serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics", ""))
	token := run(t, command(t, nil, muster, "token", "create", "--data", data, "--name", "interop", "--profile", profile))
	return peer{base: base, token: strings.TrimSpace(token)}
}

// command is one that gets SIGTERM when the test is over. Whatever it calls is on
// loopback, so no proxy is in between.
func command(t *testing.T, env []string, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTime
	cmd.Env = append(append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "PYTHONDONTWRITEBYTECODE=1"), env...)
	return cmd
}

// run runs a tool to its end and returns what it printed.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	tooLong := time.AfterFunc(runTime, func() { _ = cmd.Process.Kill() })
	defer tooLong.Stop()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, &out, &errOut)
	}
	return out.String()
}

var baseURL = regexp.MustCompile(`http://127\.0\.0\.1:\d+/[\w/]*v2\b`)

// serve starts a server and returns the base URL that it prints when it is
// ready. The server ends with the test; what it said is shown if that failed.
func serve(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said safeBuffer
	ready, ended := make(chan string, 1), make(chan error, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		for sc := bufio.NewScanner(r); sc.Scan(); {
			_, _ = said.Write(append(sc.Bytes(), '\n')) // it cannot fail
			if base := baseURL.FindString(sc.Text()); base != "" {
				select {
				case ready <- base:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, r) // a line longer than a Scanner takes must not stop the server
	})
	go func() {
		err := cmd.Wait()
		_ = w.Close() // of a pipe in memory: never fails
		ended <- err
	}()
	t.Cleanup(func() {
		_ = cmd.Cancel() // it may have ended already
		late := time.AfterFunc(stopTime, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		reading.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd, said.String())
		}
	})
	select {
	case base := <-ready:
		return base
	case err := <-ended:
		t.Fatalf("%s ended at start: %v\n%s", cmd, err, said.String())
	case <-time.After(startTime):
		t.Fatalf("%s did not say where it listens\n%s", cmd, said.String())
	}
	return ""
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
