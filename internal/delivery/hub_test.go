package delivery_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/internal/target"
	"github.com/muster-id/muster/scim/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var set = schema.Core(nil)

// hub is a store that changes are written to, as the directory would.
type hub struct {
	*sqlite.DB
	t  testing.TB
	mu sync.Mutex
	id map[string]string // outside names, by the tests' short ones
}

// inBubble runs a test on a fake clock. The store is real: reading and writing a file
// holds the clock, waiting for a change does not.
func inBubble(t *testing.T, f func(t *testing.T, h *hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newHub(t)) })
}

func newHub(t testing.TB) *hub {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "muster.db"), sqlite.Options{})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return &hub{DB: db, t: t, id: map[string]string{}}
}

// change is one write to a resource, which is created when it is named first.
type change struct {
	name   string // of the resource
	typ    string // "" is User
	add    []string
	remove []string
	events store.Events // 0: created, then updated
	urgent bool
	boss   string // manager
}

func (h *hub) write(changes ...change) {
	h.t.Helper()
	for _, c := range changes {
		h.writeOne(c)
	}
}

func (h *hub) nameOf(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.id[name] == "" {
		h.id[name] = id.New()
	}
	return h.id[name]
}

func (h *hub) writeOne(c change) {
	h.t.Helper()
	outside := h.nameOf(c.name)
	keys := store.Keys{IDs: []string{outside}}
	for _, m := range append(c.add, c.remove...) {
		keys.IDs = append(keys.IDs, h.nameOf(m))
	}
	now := time.Now()
	err := h.Write(h.t.Context(), store.Default, &store.Op{Source: store.DefaultSource, Load: keys, Decide: func(v store.View) (*store.Rows, error) {
		rows := &store.Rows{}
		ch := &store.Change{At: now, Source: store.DefaultSource, Actor: "test", Events: c.events}
		r := v.ByID(outside)
		if r == nil {
			r = &store.Resource{Num: v.NextNum(), Type: c.typ, ID: outside, Person: outside, Created: now}
			if r.Type == "" {
				r.Type = "User"
			}
			ch.Kind = store.Created
			if c.events == 0 {
				ch.Events = store.EventCreated
			}
		} else {
			before := r.Body
			next := *r
			r = &next
			ch.Kind, ch.Before = store.Updated, before
			if c.events == 0 && len(c.add)+len(c.remove) == 0 {
				ch.Events = store.EventUpdated
			}
		}
		r.Version++
		r.Modified = now
		if ch.Events&store.EventDeleted != 0 {
			ch.Kind, r.Deleted, r.Body = store.Deleted, true, nil
		} else if ch.SameDoc = ch.Kind == store.Updated && ch.Events == 0; ch.SameDoc {
			ch.Before = nil
		} else {
			r.Body = h.body(r.Type, c, r.Version)
			if c.boss != "" {
				r.Index.Manager = h.nameOf(c.boss)
			}
		}
		if c.urgent {
			ch.Lane = store.Urgent
		}
		for _, m := range c.add {
			child := v.ByID(h.nameOf(m)).Num
			rows.Link = append(rows.Link, store.Edge{Rel: store.Members, Parent: r.Num, Child: child, Source: store.DefaultSource})
			ch.Edges = append(ch.Edges, store.EdgeChange{Rel: store.Members, Child: child})
		}
		for _, m := range c.remove {
			child := v.ByID(h.nameOf(m)).Num
			rows.Unlink = append(rows.Unlink, store.Edge{Rel: store.Members, Parent: r.Num, Child: child, Source: store.DefaultSource})
			ch.Edges = append(ch.Edges, store.EdgeChange{Rel: store.Members, Child: child, Removed: true})
		}
		ch.Num, ch.Type, ch.ID, ch.Person, ch.Version = r.Num, r.Type, r.ID, r.Person, r.Version
		rows.Resources, rows.Changes = append(rows.Resources, r), append(rows.Changes, ch)
		return rows, nil
	}})
	assert.NoError(h.t, err)
}

func (h *hub) body(typ string, c change, version int64) []byte {
	t := set.Type(typ)
	if typ == "Group" {
		return t.Append(nil, schema.Object{"displayName": fmt.Sprintf("%s %d", c.name, version)})
	}
	doc := schema.Object{"userName": c.name, "title": fmt.Sprint(version)}
	if c.boss != "" {
		doc["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] = schema.Object{"manager": schema.Object{"value": h.nameOf(c.boss)}}
	}
	return t.Append(nil, doc)
}

// start starts a walker that ends with the test.
func (h *hub) start(t testing.TB, to target.Target, o delivery.Options) *delivery.Walker {
	t.Helper()
	return h.startOn(t, h.DB, to, o)
}

func (h *hub) startOn(t testing.TB, db delivery.Store, to target.Target, o delivery.Options) *delivery.Walker {
	t.Helper()
	w := h.walkerOn(db, to, o)
	assert.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, w.Stop(context.Background())) })
	return w
}

// fixed is schemas that do not change.
type fixed struct{ set *schema.Set }

func (f fixed) Set() *schema.Set { return f.set }

func (f fixed) Document(r *store.Resource) (schema.Object, error) {
	return f.set.Type(r.Type).Decode(r.Body)
}

func (h *hub) walker(to target.Target, o delivery.Options) *delivery.Walker {
	return h.walkerOn(h.DB, to, o)
}

func (h *hub) walkerOn(db delivery.Store, to target.Target, o delivery.Options) *delivery.Walker {
	if o.Name == "" {
		o.Name = "app"
	}
	o.Schemas, o.Log = fixed{set}, slog.New(slog.NewTextHandler(h.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	return delivery.New(db, store.Default, to, o)
}

// stream is a scripted stream target that remembers what it was brought.
type stream struct {
	mu     sync.Mutex
	script func(ctx context.Context, d *target.Delivery) error // nil: everything succeeds
	calls  []call
	got    []call // that succeeded
	moved  chan struct{}
}

type call struct {
	id      string
	seq     int64
	attempt int
	at      time.Time
}

func (s *stream) Close() error { return nil }

func (s *stream) Deliver(ctx context.Context, d *target.Delivery) error {
	c := call{d.Change.ID, int64(d.Change.Position.Seq), d.Attempt, time.Now()}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	script := s.script
	s.mu.Unlock()
	if script != nil {
		if err := script(ctx, d); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, c)
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
	return nil
}

func (s *stream) delivered() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.got...)
}

func (s *stream) attempts() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.calls...)
}

func (s *stream) set(script func(ctx context.Context, d *target.Delivery) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// await waits until so many changes were delivered.
func (s *stream) await(t testing.TB, n int) []call {
	t.Helper()
	for {
		s.mu.Lock()
		if len(s.got) >= n {
			defer s.mu.Unlock()
			return append([]call(nil), s.got...)
		}
		if s.moved == nil {
			s.moved = make(chan struct{})
		}
		moved := s.moved
		s.mu.Unlock()
		select {
		case <-moved:
		case <-t.Context().Done():
			t.Fatalf("%d of %d changes were delivered", len(s.delivered()), n)
		case <-time.After(30 * 24 * time.Hour):
			t.Fatalf("%d of %d changes were delivered", len(s.delivered()), n)
		}
	}
}

// pass lets time go by, on the fake clock of a bubble.
func pass(d time.Duration) { <-time.After(d) }

func named(prefix string, i int) string { return fmt.Sprintf("%s-%d", prefix, i) }

// bulk creates n users in one write.
func (h *hub) bulk(prefix string, n int) {
	h.t.Helper()
	now := time.Now()
	for i := range n {
		h.nameOf(named(prefix, i))
	}
	err := h.Write(h.t.Context(), store.Default, &store.Op{Source: store.DefaultSource, Heavy: true, Decide: func(v store.View) (*store.Rows, error) {
		rows := &store.Rows{}
		for i := range n {
			c := change{name: named(prefix, i)}
			outside := h.nameOf(c.name)
			r := &store.Resource{
				Num: v.NextNum(), Type: "User", ID: outside, Person: outside, Version: 1, Created: now, Modified: now, Body: h.body("User", c, 1),
			}
			rows.Resources = append(rows.Resources, r)
			rows.Changes = append(rows.Changes, &store.Change{
				Num: r.Num, Type: r.Type, ID: r.ID, Person: r.Person, Kind: store.Created, Events: store.EventCreated, Version: 1,
				At: now, Source: store.DefaultSource, Actor: "test",
			})
		}
		return rows, nil
	}})
	assert.NoError(h.t, err)
}

// silent writes a change without events.
func (h *hub) silent(name string) {
	h.t.Helper()
	outside := h.nameOf(name)
	err := h.Write(h.t.Context(), store.Default, &store.Op{
		Source: store.DefaultSource, Load: store.Keys{IDs: []string{outside}}, Decide: func(v store.View) (*store.Rows, error) {
			r := v.ByID(outside)
			return &store.Rows{Changes: []*store.Change{{
				Num: r.Num, Type: r.Type, ID: r.ID, Person: r.Person, Kind: store.Updated, SameDoc: true, Version: r.Version,
				At: time.Now(), Source: store.DefaultSource, Actor: "test",
			}}}, nil
		},
	})
	assert.NoError(h.t, err)
}

// forget gives a short name free for another resource.
func (h *hub) forget(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.id, name)
}
