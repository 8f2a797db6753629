//go:build interop

package interop

import (
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/muster-id/muster/scim/client"
)

// A server is one that our client meets.
type server struct {
	name  string
	start func(t *testing.T) peer
	// config is what the server says of itself.
	config client.Config
	// filters is whether it gets filters right on extensions and on what is
	// multi-valued or compared without regard to case. What it does instead is in
	// testdata/faults.json.
	filters bool
	// gaps are what a working life has to go around. What happens instead is in
	// testdata/faults.json.
	gaps []string
}

func (s *server) lacks(gap string) bool { return slices.Contains(s.gaps, gap) }

const token = "a-token-of-this-test" // of the servers that are told theirs

var servers = []server{
	{
		name:    "scim2-server",
		start:   startSCIM2Server,
		filters: true,
		config: client.Config{
			Known: true, Patch: true, Filter: true, Sort: true, ETag: true, ChangePassword: true, MaxResults: 1000,
			Bulk: true, MaxBulk: 1000, MaxBulkSize: 1 << 20, Cursor: true, Index: true, MaxPageSize: 1000,
		},
	},
	{
		name:  "scimmy-routers",
		start: startSCIMMY,
		config: client.Config{
			Known: true, Patch: true, Filter: true, Sort: true, MaxResults: 200,
			Bulk: true, MaxBulk: 1000, MaxBulkSize: 1 << 20, Index: true,
		},
	},
	{
		name:  "scimple",
		start: startSCIMple,
		gaps:  []string{"unknown path", "If-Match", "member filter", "PATCH in bulk"},
		config: client.Config{
			Known: true, Patch: true, Filter: true, ETag: true, MaxResults: 200,
			Bulk: true, MaxBulk: 1000, MaxBulkSize: 1 << 20, Index: true,
		},
	},
}

// loopback calls them, with no proxy in between.
var loopback = &http.Client{Timeout: runTime, Transport: &http.Transport{}}

// startSCIM2Server starts the server that the Python package brings. It says
// where it listens as it was told, so it is told a port that was free just now.
func startSCIM2Server(t *testing.T) peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, []string{"PYTHONPATH=" + python.open(t)}, "python3", "-m", "scim2_server.testserver.cli",
		"--port", strconv.Itoa(port), "--bearer-token", token, "--service-provider-config", "python/server-config.json")
	return peer{base: serve(t, cmd), token: token}
}

// startSCIMMY starts node/server.cjs.
func startSCIMMY(t *testing.T) peer {
	t.Helper()
	cmd := command(t, []string{"NODE_PATH=" + node.open(t) + "/node_modules", "SCIM_TOKEN=" + token}, "node", "node/server.cjs")
	return peer{base: serve(t, cmd), token: token}
}

// startSCIMple starts scimple/Server.java.
func startSCIMple(t *testing.T) peer {
	t.Helper()
	jars := filepath.Join(scimple.open(t), "*")
	cmd := command(t, []string{"SCIM_TOKEN=" + token}, "java", "-cp", jars, "scimple/Server.java")
	return peer{base: serve(t, cmd), token: token}
}
