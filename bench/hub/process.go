package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server in a process of its own.
type process struct {
	cmd         *exec.Cmd
	base, token string
}

func goBuild(ctx context.Context, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

var (
	baseURL = regexp.MustCompile(`http://\S+`)
	token   = regexp.MustCompile(`\bmst_\w+`)
)

// startMuster starts the hub and returns once it serves.
func startMuster(ctx context.Context, binary, data, config string) (*process, error) {
	args := []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics", "", "--log-level", "warn"}
	if config != "" {
		args = append(args, "--config", config)
	}
	return start(exec.CommandContext(ctx, binary, args...), "Ctrl-C")
}

// startBare starts this program as a handler of a constant.
func startBare(ctx context.Context, size int) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.CommandContext(ctx, self, "-bare", strconv.Itoa(size)), "http://")
}

// start starts a server and reads what it says until a line that holds the word ready.
func start(cmd *exec.Cmd, ready string) (*process, error) {
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd}
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		if m := baseURL.FindString(sc.Text()); m != "" && p.base == "" {
			p.base = m
		}
		if m := token.FindString(sc.Text()); m != "" {
			p.token = m
		}
		if strings.Contains(sc.Text(), ready) {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return p, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s ended before it served", cmd.Path), cmd.Wait())
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// cpu returns the CPU time the process has used, user and system. The kernel counts in ticks of 10 ms.
func (p *process) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident returns the resident memory in MiB.
func (p *process) resident() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kb) / 1024
		}
	}
	return 0
}

// serveBare answers every request with a constant of the size, as plainly as net/http can.
func serveBare(ctx context.Context, size int) error {
	constant := []byte(strings.Repeat("x", size))
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = w.Write(constant)
	})}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	return srv.Serve(l)
}

// fsyncRate returns how many appends of 4 KiB, each synced, the disk makes in a second.
func fsyncRate(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	page := make([]byte, 4096)
	began := time.Now()
	n := 0
	for ; time.Since(began) < 2*time.Second; n++ {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

func describeMachine() {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "model name"); ok {
				model = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), ":"))
				break
			}
		}
	}
	fmt.Printf("%s, %d cores, %s, %s/%s\n\n", model, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
