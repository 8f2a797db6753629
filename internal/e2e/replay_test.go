package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// TestReplay plays what identity providers send, each against a hub of its own that
// has a webhook receiver and a SCIM application behind it. In the end both have
// all that the hub has.
func TestReplay(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.ID, func(t *testing.T) {
			t.Parallel()
			replay(t, f, "compat")
		})
		if own, _, _ := strings.Cut(f.ID, "-"); own == "entra" || own == "okta" { // what has a profile of its own
			t.Run(f.ID+" by its own profile", func(t *testing.T) {
				t.Parallel()
				replay(t, f, own)
			})
		}
	}
}

// replay plays one fixture with a token of the profile.
func replay(t *testing.T, f fixture, profile string) {
	t.Helper()
	app := startHub(t, t.TempDir())
	receiver := newReceiver(t)
	dir := t.TempDir()
	h := startHub(t, dir, "--config", targets(t, receiver, app))
	p := player{t: t, hub: h, fixture: f, names: names{"base": h.base}}
	maps.Copy(p.names, f.Vars)
	p.names["token"] = strings.TrimSpace(muster(t, "token", "create", "--data", dir, "--name", f.ID, "--profile", profile))
	p.play()
	sameAsHub(t, h, app)
	for _, wrong := range hasRecords(t, h, changes(t, h)) {
		t.Error(wrong)
	}
	receiver.hasAll(t, h)
}

// player plays one fixture.
type player struct {
	t       *testing.T
	hub     *hub
	fixture fixture
	mu      sync.Mutex // guards names while a group of steps runs in parallel
	names   names
	seen    int // changes looked at so far
}

func (p *player) play() {
	for i := 0; i < len(p.fixture.Steps); {
		j := i + 1
		if g := p.fixture.Steps[i].ParallelGroup; g != "" {
			for j < len(p.fixture.Steps) && p.fixture.Steps[j].ParallelGroup == g {
				j++
			}
		}
		group := p.fixture.Steps[i:j]
		var wg sync.WaitGroup
		for _, s := range group {
			wg.Go(func() {
				for _, wrong := range p.step(s) {
					p.t.Errorf("%s (%s): %s", s.ID, s.Note, wrong)
				}
			})
		}
		wg.Wait()
		p.outcome(group)
		i = j
	}
}

// step makes one request and returns what is wrong with its answer.
func (p *player) step(s step) []string {
	resp, body, err := p.request(s)
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	if !slices.Contains(s.Expect.Status, resp.StatusCode) {
		return []string{fmt.Sprintf("status %d, want one of %v\n%s", resp.StatusCode, s.Expect.Status, body)}
	}
	if s.Expect.EmptyBody && len(body) > 0 {
		wrong = append(wrong, fmt.Sprintf("body %s, want none", body))
	}
	if len(body) == 0 {
		if len(s.Expect.JSON) > 0 {
			wrong = append(wrong, "no body")
		}
		return wrong
	}
	if s.Expect.ContentType == "scim-json" {
		want := "application/scim+json"
		if resp.Request.Header.Get("Accept") == "application/json" {
			want = "application/json"
		}
		if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != want {
			wrong = append(wrong, fmt.Sprintf("content type %q, want %s", resp.Header.Get("Content-Type"), want))
		}
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return append(wrong, err.Error())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	wrong = append(wrong, check(v, s.Expect.JSON, p.names)...)
	wrong = append(wrong, check(v, s.Expect.JSONIfBody, p.names)...)
	for name, path := range s.Capture {
		got, _ := lookup(v, path)
		str, ok := got.(string)
		if !ok {
			wrong = append(wrong, fmt.Sprintf("nothing to capture at %s", path))
		}
		p.names[name] = str
	}
	return wrong
}

func (p *player) request(s step) (*http.Response, []byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path, err := p.names.fill(s.Request.Path, false)
	if err != nil {
		return nil, nil, err
	}
	query, err := p.names.query(s.Request.Query)
	if err != nil {
		return nil, nil, err
	}
	if s.Request.RawQuery != "" {
		if query, err = p.names.fill(s.Request.RawQuery, false); err != nil {
			return nil, nil, err
		}
	}
	if query != "" {
		path += "?" + query
	}
	var body io.Reader
	if len(s.Request.Body) > 0 {
		b, err := p.names.fill(string(s.Request.Body), true)
		if err != nil {
			return nil, nil, err
		}
		body = strings.NewReader(b)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), s.Request.Method, p.hub.base+path, body)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("User-Agent", "") // none is sent unless it is listed
	for _, hs := range []map[string]string{p.fixture.Headers, s.Request.Headers} {
		for k, v := range hs {
			if v, err = p.names.fill(v, false); err != nil {
				return nil, nil, err
			}
			req.Header.Set(k, v)
		}
	}
	for _, k := range s.Request.UnsetHeaders {
		req.Header.Del(k)
	}
	p.mu.Unlock()
	resp, err := http.DefaultClient.Do(req)
	var b []byte
	if err == nil {
		b, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	p.mu.Lock()
	return resp, b, err
}

// outcome compares the events that the steps left in the feed with those expected.
func (p *player) outcome(group []step) {
	all := changes(p.t, p.hub)
	var got []string
	for _, c := range all[p.seen:] {
		for _, e := range c.Events {
			got = append(got, e.Type)
		}
	}
	p.seen = len(all)
	slices.Sort(got)
	var want []string
	for _, s := range group {
		if s.Outcome == nil {
			continue
		}
		if any := s.Outcome.EventsAnyOf; any != nil {
			for _, w := range any {
				slices.Sort(w)
			}
			if !slices.ContainsFunc(any, func(w []string) bool { return slices.Equal(w, got) }) {
				p.t.Errorf("%s: events %v, want one of %v", s.ID, got, any)
			}
			return
		}
		want = append(want, s.Outcome.Events...)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("%s: events differ (-want +got):\n%s", group[0].ID, diff)
	}
}

// change is a line of "muster changes --json".
type change struct {
	Position     string `json:"position"`
	Seq          int64  `json:"seq"`
	ResourceType string `json:"resourceType"`
	ID           string `json:"id"`
	RequestID    string `json:"requestId"`
	Events       []struct {
		Type string `json:"type"`
	} `json:"events"`
}

// changes reads the whole feed through the command line.
func changes(t *testing.T, h *hub) []change {
	t.Helper()
	return changesAfter(t, h, "")
}

// changesAfter reads what follows a position.
func changesAfter(t *testing.T, h *hub, position string) []change {
	t.Helper()
	var all []change
	for line := range bytes.Lines([]byte(muster(t, "changes", "--data", h.dir, "--json", "--after", position))) {
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, c)
	}
	return all
}
