package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is a webhook receiver that verifies signatures with the reference
// library, not with our own code, and remembers what it got.
type receiver struct {
	url, secret string
	mu          sync.Mutex
	down        bool
	events      []received
	problems    []string
}

type received struct {
	ID   string `json:"-"` // webhook-id
	Body []byte `json:"-"`
	Type string `json:"type"`
	Data struct {
		ID       string `json:"id"`
		Sequence int64  `json:"sequence"`
	} `json:"data"`
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	r := &receiver{secret: "whsec_" + base64.StdEncoding.EncodeToString(key)}
	verifier, err := standardwebhooks.NewWebhook(r.secret)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = verifier.Verify(body, req.Header)
		}
		e := received{ID: req.Header.Get("webhook-id"), Body: body}
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if err != nil {
			r.problems = append(r.problems, fmt.Sprintf("%v: %s", err, body))
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.events = append(r.events, e)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(srv.Close)
	r.url = srv.URL + "/hook"
	return r
}

// refuse makes the receiver refuse everything, or take it again.
func (r *receiver) refuse(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = all
}

// distinct returns the events without repeats, and what is wrong with their order:
// per resource an event never comes before an earlier one.
func (r *receiver) distinct() (events []received, problems []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	problems = slices.Clone(r.problems)
	seen := map[string]bool{}
	last := map[string]int64{}
	for _, e := range r.events {
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		if e.Data.Sequence < last[e.Data.ID] {
			problems = append(problems, fmt.Sprintf("%s of %s: change %d after change %d", e.Type, e.Data.ID, e.Data.Sequence, last[e.Data.ID]))
		}
		last[e.Data.ID] = e.Data.Sequence
		events = append(events, e)
	}
	return events, problems
}

// hasAll waits until the receiver has every event of the feed, in order per resource.
func (r *receiver) hasAll(t *testing.T, h *hub) {
	t.Helper()
	want := map[string]int{}
	total := 0
	for _, c := range changes(t, h) {
		for _, e := range c.Events {
			want[fmt.Sprintf("%d %s %s", c.Seq, e.Type, c.ID)]++
			total++
		}
	}
	limit := time.Now().Add(30 * time.Second)
	for {
		events, problems := r.distinct()
		if len(problems) > 0 {
			t.Fatalf("webhook receiver:\n%s", strings.Join(problems, "\n"))
		}
		if len(events) >= total || time.Now().After(limit) {
			got := map[string]int{}
			for _, e := range events {
				got[fmt.Sprintf("%d %s %s", e.Data.Sequence, e.Type, e.Data.ID)]++
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("events at the webhook receiver (-want +got):\n%s\n%s", diff, h.log)
			}
			return
		}
		pause(t)
	}
}

func pause(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(10 * time.Millisecond):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// targets writes a configuration with both kinds of target and returns its path.
func targets(t *testing.T, r *receiver, app *hub) string {
	t.Helper()
	dir := t.TempDir()
	for name, s := range map[string]string{"webhook.secret": r.secret, "app.token": app.token} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(s+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "muster.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, `
outbound:
  allow: [127.0.0.0/8]
targets:
  - name: receiver
    type: webhook
    url: %s
    insecure_http: true
    secret_file: %s
  - name: app
    type: scim
    url: %s
    insecure_http: true
    token_file: %s
`, r.url, filepath.Join(dir, "webhook.secret"), app.base, filepath.Join(dir, "app.token")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// sameAsHub waits until the application has exactly the hub's users, groups and memberships.
func sameAsHub(t *testing.T, h, app *hub) {
	t.Helper()
	var diff string
	limit := time.Now().Add(30 * time.Second)
	for {
		want, got := directory(h, func(r map[string]any) any { return r["id"] }), directory(app, func(r map[string]any) any { return r["externalId"] })
		if diff = cmp.Diff(want, got); diff == "" {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("the application differs from the hub (-hub +application):\n%s\n%s", diff, h.log)
		}
		pause(t)
	}
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// directory reads all resources of a hub, keyed by the id that key gives them, with
// references rewritten to those keys and without what differs by nature.
func directory(h *hub, key func(map[string]any) any) map[string]any {
	all := map[string]any{}
	keys := map[any]any{}
	var list []map[string]any
	for _, endpoint := range []string{"/Users", "/Groups"} {
		for start := 1; ; {
			status, v := h.call(http.MethodGet, fmt.Sprintf("%s?startIndex=%d&count=200", endpoint, start), nil)
			if status != http.StatusOK {
				h.t.Fatalf("GET %s: %d %v", endpoint, status, v)
			}
			resources, _ := v.(map[string]any)["Resources"].([]any)
			for _, r := range resources {
				m, _ := r.(map[string]any)
				keys[m["id"]] = key(m)
				list = append(list, m)
			}
			start += len(resources)
			if len(resources) == 0 {
				break
			}
		}
	}
	for _, m := range list {
		k := fmt.Sprint(key(m))
		for _, name := range []string{"id", "externalId", "meta", "groups"} {
			delete(m, name)
		}
		rewriteManager(m, keys)
		if members, ok := m["members"].([]any); ok {
			set := map[string]bool{}
			for _, e := range members {
				ref, _ := e.(map[string]any)
				set[fmt.Sprint(keys[ref["value"]])] = true
			}
			m["members"] = slices.Sorted(maps.Keys(set))
		}
		all[k] = m
	}
	return all
}

// rewriteManager names the manager by key. One who is nobody, or nobody any more, is the hub's to
// remember and nothing that an application could be told of.
func rewriteManager(m map[string]any, keys map[any]any) {
	ext, _ := m[enterprise].(map[string]any)
	manager, ok := ext["manager"].(map[string]any)
	if !ok {
		return
	}
	if key, known := keys[manager["value"]]; known {
		ext["manager"] = key
		return
	}
	if delete(ext, "manager"); len(ext) == 0 {
		delete(m, enterprise)
		m["schemas"] = []any{userSchema}
	}
}
