package clientcheck

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// maxOperations is what the provider says of bulk requests: few, so that a client has to split.
const maxOperations = 20

// Options say what the provider is. The zero value has users at /Users and plays every scene.
type Options struct {
	// Token is the bearer token. Defaults to a random one.
	Token string
	// People has users at /People, which a client learns from /ResourceTypes.
	People bool
	// NoCursors offers paging by index only; else there are cursors too (RFC 9865), and the client chooses.
	NoCursors bool
	// Plain plays no scenes: the provider only looks on.
	Plain bool
	// Pause is what Retry-After asks for, in whole seconds. Defaults to 2 s.
	Pause time.Duration
	// Progress, if set, is told of whatever is met for the first time. It must not call the Checker.
	Progress func(Event)
}

// Event is something that a client showed for the first time, or that was done to it.
type Event struct {
	Check   *conformance.Check
	Verdict conformance.Verdict // "": a scene is being played
	Text    string
}

// Checker is a service provider that checks its client. It is safe for concurrent use.
type Checker struct {
	base, prefix, token string
	pause               time.Duration
	set                 *schema.Set
	provider            http.Handler
	progress            func(Event)

	mu      sync.Mutex // guards what follows
	began   time.Time
	last    time.Time
	n       int
	checks  []*tally
	touched map[string]bool // keys of requests that a scene was played on, until they have come again
	seen    memory
}

// New returns a checker with nobody in it for a base URL ("http://127.0.0.1:8080/scim/v2"), of which it serves the path.
func New(base string, o Options) (*Checker, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no base URL", base)
	}
	base = strings.TrimRight(base, "/")
	user, group := schema.User(), schema.Group()
	if o.People {
		user.Endpoint = "/People"
	}
	set, err := schema.NewSet(nil, user, group)
	if err != nil {
		return nil, err
	}
	c := &Checker{
		base: base, prefix: strings.TrimRight(u.Path, "/"), token: cmp.Or(o.Token, rand.Text()), pause: max(cmp.Or(o.Pause, 2*time.Second).Round(time.Second), time.Second),
		set: set, progress: o.Progress, began: time.Now(), touched: make(map[string]bool), seen: newMemory(),
	}
	service := scimtest.ServiceOf(set, base, scim.Compat())
	service.Stores = scimtest.NewMemory(set).StoresWith(server.Features{Versions: true, Sort: true, Cursors: !o.NoCursors})
	c.provider = server.Handler(server.Bearer(server.Static(service), c.token), server.Options{
		Prefix: c.prefix, Limits: server.Limits{Operations: maxOperations},
	})
	for _, d := range slices.Concat(rules(), scenes()) {
		if o.Plain && d.scene {
			continue
		}
		t := &tally{Check: &d.Check, level: d.level, c: c}
		t.act = d.begin(c, t)
		c.checks = append(c.checks, t)
	}
	return c, nil
}

// Start starts a checker on the loopback interface, until the test ends.
func Start(t testing.TB, o Options) *Checker {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	c, err := New("http://"+srv.Listener.Addr().String()+"/scim/v2", o)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = c
	srv.Start()
	t.Cleanup(srv.Close)
	return c
}

// Test fails a test for what the client did wrong. Warnings are logged.
func Test(t *testing.T, c *Checker) {
	t.Helper()
	for _, res := range c.Report().Results {
		for _, f := range res.Findings {
			switch res.Verdict {
			case conformance.Fail:
				t.Errorf("%s: %s\n%s\n%s", res.Check.Name, res.Check.Title, f, res.Check.Fix)
			case conformance.Warn:
				t.Logf("%s: %s", res.Check.Name, f)
			case conformance.Pass, conformance.NotOffered, conformance.NotSeen, conformance.Skipped, conformance.Broken: // no fault of the client
			}
		}
	}
}

// URL is the base URL of the provider.
func (c *Checker) URL() string { return c.base }

// Token is the bearer token of the provider.
func (c *Checker) Token() string { return c.token }

// Requests is how many there were, and when the last one came.
func (c *Checker) Requests() (n int, last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n, c.last
}

// All returns every check, in the order of reports.
func All() []*conformance.Check {
	var all []*conformance.Check
	for _, d := range slices.Concat(rules(), scenes()) {
		all = append(all, &d.Check)
	}
	return all
}

// Report is what the client has shown so far.
func (c *Checker) Report() *conformance.Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &conformance.Report{URL: c.base, Took: time.Since(c.began)}
	for _, t := range c.checks {
		r.Results = append(r.Results, t.result())
	}
	return r
}

// ServeHTTP implements http.Handler. Requests are answered one at a time, so that what is seen is seen in order.
func (c *Checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, err := c.read(r)
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	c.exchange(x) //nolint:contextcheck // it travels in the request
	x.write(w)
}

// exchange answers a request and judges it.
func (c *Checker) exchange(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	authorized := x.request.Header.Get("Authorization") == "Bearer "+c.token
	played := !authorized || c.touched[x.key]
	delete(c.touched, x.key)
	play := func(f func(*exchange) bool, t *tally) {
		if f != nil && !played && f(x) {
			played, c.touched[x.key] = true, true
			c.tell(Event{Check: t.Check, Text: x.name() + ": " + t.Title})
		}
	}
	for _, t := range c.checks {
		if t.act.watch != nil {
			t.act.watch(x)
		}
	}
	for _, t := range c.checks {
		play(t.act.before, t)
	}
	if x.status == 0 {
		c.provide(x)
	}
	for _, t := range c.checks {
		if t.act.look != nil {
			t.act.look(x)
		}
	}
	for _, t := range c.checks {
		play(t.act.after, t)
	}
	c.seen.note(x)
	c.last = time.Now()
}

func (c *Checker) tell(e Event) {
	if c.progress != nil {
		c.progress(e)
	}
}

// Wait returns when the context ends, or when there were requests and none for the time given; 0: only the context ends it.
func (c *Checker) Wait(ctx context.Context, idle time.Duration) {
	tick := time.NewTicker(min(max(idle/10, 20*time.Millisecond), time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if n, last := c.Requests(); idle > 0 && n > 0 && time.Since(last) >= idle {
				return
			}
		}
	}
}
