// Package testenv starts the servers of others that tests need: each once a test binary, in a temporary folder, on a Unix
// socket. A server that this machine does not have is a skipped test; in CI that is a failure.
package testenv

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Postgres returns the URL of an empty database of its own, which the test drops at its end. The server is that of
// MUSTER_TEST_POSTGRES, a URL of somebody who may make databases, or else one of the machine's that is started here.
//
// It runs without fsync: it is killed with the machine only. Tests of durability start their own, with Durable.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv("MUSTER_TEST_POSTGRES")
	if server == "" {
		server = started(t)
	}
	return database(t, server)
}

var databases atomic.Int64

// database makes a database on a server.
func database(t testing.TB, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("t%d_%d", os.Getpid(), databases.Add(1))
	sql(t, server, "CREATE DATABASE "+name+" ENCODING 'UTF8' TEMPLATE template0")
	t.Cleanup(func() { sql(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

// sql runs a statement with psql, which comes with the server.
func sql(t testing.TB, server, statement string) {
	t.Helper()
	out, err := exec.Command(binary("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, server).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", statement, err, out)
	}
}

// binary finds a program of PostgreSQL: Debian keeps the server's out of the path. "" if there is none.
func binary(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is well formed
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 is as good as any
	return n
}

var once struct {
	sync.Once
	server *Server // held, for its input ends with it
	why    string
}

// started starts the server of this test binary.
func started(t testing.TB) string {
	t.Helper()
	once.Do(func() {
		s, err := start("fsync=off", "")
		if err != nil {
			once.why = err.Error()
			return
		}
		once.server = s
	})
	if once.server == nil {
		t.Skip(once.why)
	}
	return once.server.URL
}

// Server is a PostgreSQL server of a test.
type Server struct {
	URL string // of the database postgres
	Dir string

	command *exec.Cmd
	alive   io.Closer // the server ends when this does, and so when the test binary does
	setting string
	keep    string // not empty: the folder stays when the server stops
}

// Durable starts a server of the test's own, which syncs what it commits and may be stopped and started.
func Durable(t testing.TB) (*Server, string) {
	t.Helper()
	s, err := start("fsync=on", "keep")
	if err != nil {
		t.Skip(err.Error())
	}
	t.Cleanup(func() {
		s.Stop(t)
		_ = os.RemoveAll(s.Dir)
	})
	name := "muster"
	sql(t, s.URL, "CREATE DATABASE "+name+" ENCODING 'UTF8' TEMPLATE template0")
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return s, u.String()
}

// start makes a cluster in a temporary folder and starts it.
func start(setting, keep string) (*Server, error) {
	if runtime.GOOS == "windows" || binary("postgres") == "" || binary("initdb") == "" {
		return nil, fmt.Errorf("this machine has no PostgreSQL server: install one, or name one in MUSTER_TEST_POSTGRES")
	}
	dir, err := os.MkdirTemp("", "muster-pg")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, setting: setting, keep: keep}
	s.URL = "postgres://postgres@/postgres?host=" + url.QueryEscape(dir)
	if err := own(dir); err != nil {
		return nil, err
	}
	initdb := exec.Command(binary("initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	if err := as(initdb); err != nil {
		return nil, err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.start()
}

func (s *Server) start() error {
	// The shell ends the server when its input ends, which is when this process does, however that comes about.
	const script = `dir=$1; keep=$2; shift 2; "$@" >"$dir/log" 2>&1 & pg=$!; read -r _; kill -QUIT $pg 2>/dev/null; wait $pg; [ -n "$keep" ] || rm -rf "$dir"`
	s.command = exec.Command("sh", "-c", script, "sh", s.Dir, s.keep, binary("postgres"),
		"-D", filepath.Join(s.Dir, "data"), "-k", s.Dir, "-c", "listen_addresses=", "-c", s.setting,
		"-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "log_min_messages=fatal")
	if err := as(s.command); err != nil {
		return err
	}
	stdin, err := s.command.StdinPipe()
	if err != nil {
		return err
	}
	s.alive = stdin
	if err := s.command.Start(); err != nil {
		return err
	}
	for range 300 {
		if exec.Command(binary("psql"), "-X", "-q", "-c", "SELECT 1", s.URL).Run() == nil {
			return nil
		}
		<-time.After(50 * time.Millisecond)
	}
	_ = stdin.Close()
	log, _ := os.ReadFile(filepath.Join(s.Dir, "log")) // what there is of it
	return fmt.Errorf("postgres did not start:\n%s", log)
}

// Stop stops the server at once, without a checkpoint: what it has acknowledged has to be in its log.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.command == nil {
		return
	}
	_ = s.alive.Close()
	_ = s.command.Wait() // it was killed
	s.command = nil
}

// Start starts a server that was stopped.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// own gives a folder to whoever runs the server, which must not be root.
func own(dir string) error {
	id, err := runner()
	if err != nil || id == nil {
		return err
	}
	return os.Chown(dir, id.uid, id.gid)
}

type identity struct{ uid, gid int }

// runner returns who runs the server if this process is root's.
func runner() (*identity, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // nobody else
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return &identity{uid, gid}, err
}
