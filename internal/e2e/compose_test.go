//go:build deploy

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/testenv"
)

// composeVariable names a file with the variables that deploy/compose.yaml gives to a node, which .ci/deploy-check takes from it.
const composeVariable = "MUSTER_COMPOSE_ENVIRONMENT"

// TestDeploy_ComposeAsProcesses is deploy/compose.yaml without containers: PostgreSQL, two nodes with the variables of that file, and
// HAProxy with the configuration beside it, but without a second try. Both nodes are replaced while clients write, and not one request fails.
func TestDeploy_ComposeAsProcesses(t *testing.T) {
	given, err := os.ReadFile(os.Getenv(composeVariable))
	if err != nil {
		t.Fatalf("%s: %v: run .ci/deploy-check", composeVariable, err)
	}
	proxy := free(t)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	// What is another one on one machine. The rest is as the file says.
	environment := append(strings.Fields(string(given)),
		"MUSTER_DATABASE_URL="+testenv.Postgres(t), "MUSTER_DATABASE_PASSWORD_FILE=", "MUSTER_KEYRING="+base64.StdEncoding.EncodeToString(key),
		"MUSTER_BASE_URL=http://"+proxy, "MUSTER_TRUSTED_PROXIES=127.0.0.1", "MUSTER_METRICS=off")
	nodes := []*node{{t: t, address: free(t), dir: t.TempDir()}, {t: t, address: free(t), dir: t.TempDir()}}
	for _, n := range nodes {
		n.environment = append(slices.Clone(environment), "MUSTER_LISTEN="+n.address, "MUSTER_DATA="+n.dir)
		n.start()
	}
	balance(t, proxy, nodes)

	h := &hub{t: t, base: "http://" + proxy + "/scim/v2", token: token.FindString(nodes[0].out.String())}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var stopped atomic.Bool
	var wg sync.WaitGroup
	made := make([]int, 6)
	for w := range made {
		wg.Go(func() {
			for !stopped.Load() && ctx.Err() == nil {
				status, _, body, err := h.send(ctx, http.MethodPost, "/Users", map[string]any{"userName": fmt.Sprintf("w%d-%d@acme.test", w, made[w])})
				if err != nil || status != http.StatusCreated {
					t.Errorf("a request failed while nodes were replaced: %d %s %v", status, body, err)
					return
				}
				made[w]++
				idle(ctx, 5*time.Millisecond)
			}
		})
	}
	eventually(t, "the writers are at work", 20*time.Second, func() bool { return total(t, h, "userName sw \"w\"") >= 50 })
	for _, n := range nodes {
		n.stop()
		n.start()
	}
	stopped.Store(true)
	wg.Wait()
	for i, n := range nodes {
		if got := strings.Count(n.out.String(), `"path":"/scim/v2/Users","status":201`); got == 0 {
			t.Errorf("node %d has served nobody", i+1)
		}
	}
	sum := 0
	for _, n := range made {
		sum += n
	}
	if got := total(t, h, "userName sw \"w\""); got != sum {
		t.Errorf("%d users are there, %d were acknowledged", got, sum)
	}
	t.Logf("%d requests, none failed, while both nodes were replaced", sum)
}

// free returns an address on which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// node is a process of the hub that is told everything by its environment.
type node struct {
	t            *testing.T
	address, dir string
	environment  []string
	cmd          *exec.Cmd
	out          safeBuffer
}

// start starts the node and returns when it is ready.
func (n *node) start() {
	n.t.Helper()
	n.cmd = exec.Command(binary, "serve")
	n.cmd.Env, n.cmd.Dir, n.cmd.Stdout, n.cmd.Stderr = n.environment, n.dir, &n.out, &n.out
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	cmd := n.cmd
	n.t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(n.t, "the node is ready", 30*time.Second, func() bool { return ready(n.t, n.address) })
}

// stop ends the node as an engine does, and waits.
func (n *node) stop() {
	n.t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Fatal(err)
	}
	if err := n.cmd.Wait(); err != nil {
		n.t.Fatalf("exit after SIGTERM: %v\n%s", err, n.out.String())
	}
}

// balance starts HAProxy in front of the nodes.
func balance(t *testing.T, address string, nodes []*node) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	// Its second tries would hide what draining is for.
	strict := regexp.MustCompile(`(?m)^  (retries|option redispatch|retry-on).*$`).ReplaceAll(text, nil)
	strict = bytes.Replace(strict, []byte("defaults\n"), []byte("defaults\n  retries 0\n"), 1)
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(config, strict, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("haproxy", "-db", "-f", config)
	cmd.Env = []string{"LISTEN=" + address, "NODE_1=" + nodes[0].address, "NODE_2=" + nodes[1].address}
	var out safeBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the proxy says:\n%s", out.String())
		}
	})
	eventually(t, "the proxy answers", 10*time.Second, func() bool { return ready(t, address) })
}

// ready reports whether somebody at address says so.
func ready(t *testing.T, address string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/readyz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}
