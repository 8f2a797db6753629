package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/testenv"
)

// nodesVariable says on how many nodes the hubs of the tests run, on one PostgreSQL database each, every request on another
// node than the one before. Without it a hub is one process with the embedded database.
const nodesVariable = "MUSTER_E2E_NODES"

// databases are those of hubs by data directory: a hub that is started again in its directory finds its own.
var databases sync.Map

// onNodes returns how many nodes there are to be.
func onNodes() int {
	n, _ := strconv.Atoi(os.Getenv(nodesVariable)) // 0: not set
	return n
}

// startNodes starts a hub of several nodes. What it returns is the first one, reached through a load balancer.
func startNodes(t *testing.T, dir string, n int, args ...string) *hub {
	t.Helper()
	database, known := databases.Load(dir)
	if !known {
		database = testenv.Postgres(t)
		databases.Store(dir, database)
	}
	var mu sync.Mutex
	var backends []*httputil.ReverseProxy
	var turn atomic.Uint64
	balancer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		to := backends[turn.Add(1)%uint64(len(backends))]
		mu.Unlock()
		to.ServeHTTP(w, r)
	}))
	t.Cleanup(balancer.Close)
	args = append([]string{"--database", database.(string), "--base-url", balancer.URL}, args...) //nolint:forcetypeassert // see above
	var first *hub
	for i := range n {
		at := dir
		if i > 0 {
			at = filepath.Join(dir, "node"+strconv.Itoa(i))
			share(t, dir, at)
		}
		h := startProgram(t, at, []string{binary}, args...)
		if first == nil {
			first = h
		} else {
			first.others = append(first.others, h)
		}
		mu.Lock()
		backends = append(backends, httputil.NewSingleHostReverseProxy(listening(t, h)))
		mu.Unlock()
	}
	first.base = balancer.URL + "/scim/v2"
	return first
}

// share gives a node the keyring of the first one.
func share(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	ring, err := os.ReadFile(filepath.Join(from, "keyring"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "keyring"), ring, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var listens = regexp.MustCompile(`"hub started".*"listen":"([^"]+)"`)

// listening returns where a node listens, which it logs.
func listening(t *testing.T, h *hub) *url.URL {
	t.Helper()
	var found []string
	eventually(t, "the line that says where the node listens", 5*time.Second, func() bool {
		found = listens.FindStringSubmatch(h.log.String())
		return found != nil
	})
	return &url.URL{Scheme: "http", Host: found[1]}
}

// databaseOf returns the environment in which a command finds the database of the hub that it is for, if that is on nodes
// and does not run.
func databaseOf(args []string) []string {
	i := slices.Index(args, "--data")
	if i < 0 || i+1 == len(args) {
		return nil
	}
	database, known := databases.Load(args[i+1])
	if !known {
		return nil
	}
	return []string{fmt.Sprint("MUSTER_DATABASE_URL=", database)}
}
