package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// TestTargetDownAtStart starts a hub whose targets do not answer. It serves, and they catch up when they come.
func TestTargetDownAtStart(t *testing.T) {
	t.Parallel()
	appDir := t.TempDir()
	app := startHub(t, appDir)
	app.kill()
	recv := newReceiver(t)
	recv.refuse(true)
	began := time.Now()
	h := startHub(t, t.TempDir(), "--config", targets(t, recv, app))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the start took %v", took)
	}
	c := newConversation(t, h)
	// Few changes: with five failures in a row a target would be left alone for half a minute.
	c.play(hire("u", "down@acme.test"))
	if status, _ := get(t, strings.TrimSuffix(h.base, "/scim/v2")+"/readyz"); status != http.StatusOK {
		t.Errorf("not ready because of a target: %d", status)
	}
	up := startHub(t, appDir, "--listen", strings.TrimSuffix(strings.TrimPrefix(app.base, "http://"), "/scim/v2"))
	up.token = app.token
	recv.refuse(false)
	sameAsHub(t, h, up)
	recv.hasAll(t, h)
}

// TestRel_SigtermUnderLoad ends a hub while clients write. A request that it has begun gets its answer, nothing is
// answered with an error, and after the next start the targets get everything.
func TestRel_SigtermUnderLoad(t *testing.T) {
	t.Parallel()
	app := startHub(t, t.TempDir())
	recv := newReceiver(t)
	dir, config := t.TempDir(), targets(t, recv, app)
	h := startHub(t, dir, "--config", config)
	slow := beginSlowly(t, h, `{"userName":"slow@acme.test"}`)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	made := make([]int, 6)
	for w := range made {
		wg.Go(func() {
			for ; ; made[w]++ {
				status, _, body, err := h.send(ctx, http.MethodPost, "/Users", map[string]any{"userName": fmt.Sprintf("w%d-%d@acme.test", w, made[w])})
				if err != nil {
					return // the connection was refused or, being idle, closed
				}
				if status != http.StatusCreated {
					t.Errorf("answer while stopping: %d %s", status, body)
					return
				}
			}
		})
	}
	eventually(t, "the writers are at work", 10*time.Second, func() bool {
		return total(t, h, "userName sw \"w\"") >= 50
	})
	stopped := make(chan error, 1)
	go func() { stopped <- h.stop() }()
	wg.Wait() // nobody new is let in
	if status := slow(); status != http.StatusCreated {
		t.Errorf("the request that had begun: %d", status)
	}
	if err := <-stopped; err != nil {
		t.Errorf("exit after SIGTERM: %v\n%s", err, h.log)
	}

	token := h.token
	h = startHub(t, dir, "--config", config)
	h.token = token
	for w, n := range made {
		// One more than was answered may have been stored: its answer met a closed connection.
		if got := total(t, h, fmt.Sprintf("userName sw \"w%d-\"", w)); got != n && got != n+1 {
			t.Errorf("writer %d has %d answers, %d users are there", w, n, got)
		}
	}
	if got := total(t, h, `userName eq "slow@acme.test"`); got != 1 {
		t.Errorf("the request that had begun is stored %d times", got)
	}
	sameAsHub(t, h, app)
	recv.hasAll(t, h)
}

// beginSlowly sends the head of a POST and waits until the hub asks for its body. The
// function that it returns sends the body and returns the status of the answer.
func beginSlowly(t *testing.T, h *hub, body string) func() int {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimSuffix(strings.TrimPrefix(h.base, "http://"), "/scim/v2"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(25 * time.Second))
	_, _ = fmt.Fprintf(conn, "POST /scim/v2/Users HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\nContent-Type: application/scim+json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", h.token, len(body))
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = r.ReadString('\n')
	return func() int {
		_, _ = io.WriteString(conn, body)
		a, err := read(http.ReadResponse(r, nil))
		if err != nil {
			t.Error(err)
		}
		return a.status
	}
}

func total(t *testing.T, h *hub, filter string) int {
	t.Helper()
	_, v := h.call(http.MethodGet, "/Users?count=0&filter="+escape(filter), nil)
	n, _ := v.(map[string]any)["totalResults"].(float64)
	return int(n)
}

// TestSecondProcessIsRefused starts a hub on a data directory that is taken.
func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, "serve", "--data", h.dir, "--listen", "127.0.0.1:0", "--metrics", "").CombinedOutput()
	if err == nil || !strings.Contains(string(out), h.dir) || !strings.Contains(string(out), "muster") || strings.Contains(string(out), "panic") {
		t.Errorf("the second process: %v\n%s", err, out)
	}
	if status, _ := h.call(http.MethodGet, "/Users", nil); status != http.StatusOK {
		t.Errorf("the first process: %d", status)
	}
}

var (
	metricsURL = regexp.MustCompile(`http://\S+/metrics`)
	sample     = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (\S+)$`)
)

// TestProbesAndFigures asks what an operator's machines ask.
func TestProbesAndFigures(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir(), "--metrics", "127.0.0.1:0")
	root := strings.TrimSuffix(h.base, "/scim/v2")
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := get(t, root+path); status != http.StatusOK || body != "{\"status\":\"ok\"}\n" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	c := newConversation(t, h)
	before := figures(t, h)
	c.say(hire("u", "figures@acme.test"))
	c.say(patchUser("u", `{"op":"Replace","path":"active","value":"False"}`, "", "user.deactivated"))
	c.say(patchUser("u", `{"op":"replace","path":"active","value":true}`, "", "user.reactivated"))
	c.say(say{req: "GET /Users/nobody", status: 404})
	after := figures(t, h)
	grew := func(name string, labels ...string) float64 {
		sum := 0.0
		for key, v := range after {
			matches := strings.HasPrefix(key, name)
			for _, l := range labels {
				matches = matches && strings.Contains(key, l)
			}
			if matches {
				sum += v - before[key]
			}
		}
		return sum
	}
	if n := grew("muster_dialect_uses_total", `switch="string-booleans"`); n != 1 {
		t.Errorf("one string boolean was counted %v times", n)
	}
	if n := grew("muster_users"); n != 1 {
		t.Errorf("one person more was counted as %v", n)
	}
	if n := grew("muster_feed_head"); n != 3 {
		t.Errorf("the feed grew by %v, want 3", n)
	}
	for key := range after {
		if strings.Contains(key, c.names["u"]) || strings.Contains(key, "acme") || strings.Contains(key, "nobody") {
			t.Errorf("a label names somebody: %s", key)
		}
	}
}

// figures reads /metrics, strictly.
func figures(t *testing.T, h *hub) map[string]float64 {
	t.Helper()
	status, body := get(t, metricsURL.FindString(h.greeting))
	if status != http.StatusOK {
		t.Fatalf("metrics: %d %s", status, body)
	}
	all, helped := map[string]float64{}, map[string]bool{}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, _, _ = strings.Cut(name, " ")
			helped[name] = true
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no sample: %q", line)
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(m[1], ""); !helped[m[1]] && !helped[base] {
			t.Errorf("%s has no help", m[1])
		}
		all[m[1]+m[2]] = v
	}
	return all
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := read(http.DefaultClient.Do(req))
	if err != nil {
		t.Fatal(err)
	}
	return a.status, string(a.body)
}

// TestSec_A10_Revoke ends a token from the command line; the running hub refuses it within five seconds.
func TestSec_A10_Revoke(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	second := strings.TrimSpace(muster(t, "token", "create", "--data", h.dir, "--name", "second"))
	c := newConversation(t, h)
	c.say(say{req: "GET /Users", header: "Authorization: Bearer " + second, status: 200})
	var tokens []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal([]byte(muster(t, "token", "list", "--data", h.dir, "--json")), &tokens); err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		if token.Name == "second" {
			muster(t, "token", "revoke", "--data", h.dir, token.ID)
		}
	}
	eventually(t, "the token is refused", 5*time.Second, func() bool {
		return c.send(say{req: "GET /Users", header: "Authorization: Bearer " + second}).status == http.StatusUnauthorized
	})
	c.play(say{note: "the other one", req: "GET /Users", status: 200})
}

// TestLogs reads the log as a machine does: every line is JSON, a request has its id there and
// in the answer, and above debug nobody is named.
func TestLogs(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	c := newConversation(t, h)
	c.say(hire("u", "log-marker@acme.test"))
	c.say(say{req: `GET /Users?filter=userName eq "log-marker"` + "\n" + `{"level":"ERROR","msg":"forged"}`, status: 400})
	a := c.send(say{req: "POST /Users", body: `{"userName":"LOG-MARKER@acme.test","displayName":"log-marker"}`})
	c.say(say{req: "PATCH /Users/${u}", body: `{"Operations":[{"op":"replace","path":"log-marker","value":1}]}`, status: 400})
	c.say(say{req: "GET /Users/log%1b[31mmarker%0aforged", status: 400})
	eventually(t, "the request is in the log", 5*time.Second, func() bool { return strings.Contains(h.log.String(), a.header.Get("X-Request-Id")) })
	for line := range strings.Lines(h.log.String()) {
		var entry struct {
			Level string `json:"level"`
			Msg   string `json:"msg"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Msg == "" || entry.Msg == "forged" {
			t.Errorf("a line of the log: %v %s", err, line)
		}
		if strings.Contains(strings.ToLower(line), "log-marker") || strings.Contains(line, "\x1b") {
			t.Errorf("the log has what a client wrote: %s", line)
		}
	}
}
