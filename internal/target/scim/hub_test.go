package scim_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/target"
	targetscim "github.com/muster-id/muster/internal/target/scim"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// hub is a directory in memory with what delivery does for one target: it knows what
// is dirty, calls Sync in turn, and keeps links. It is for one goroutine.
type hub struct {
	set       *schema.Set
	target    target.State
	last      target.Num
	resources map[target.Num]*target.Resource
	members   map[target.Num]map[target.Num]bool
	links     map[target.Num]target.Link
	dirty     map[target.Num]map[target.Num]bool // with the members touched
	running   map[target.Num]bool
	bare      map[target.Num]bool // of running
	failed    map[target.Num]bool // resources whose creation failed
	puts      int
	// down makes Links fail, if set.
	down func() error
}

var (
	_ target.Directory = (*hub)(nil)
	_ target.Links     = (*hub)(nil)
)

func newHub() *hub {
	return &hub{
		set: schema.Core(nil), resources: map[target.Num]*target.Resource{}, members: map[target.Num]map[target.Num]bool{},
		links: map[target.Num]target.Link{}, dirty: map[target.Num]map[target.Num]bool{},
		running: map[target.Num]bool{}, bare: map[target.Num]bool{}, failed: map[target.Num]bool{},
	}
}

// open opens a target at a base URL on loopback.
func (h *hub) open(tb cleaner, base string, alter func(*targetscim.Settings)) {
	tb.Helper()
	s := targetscim.Defaults()
	s.URL, s.Token = base, secret.New("s3cret-token")
	if alter != nil {
		alter(s)
	}
	t, err := s.Open(target.Env{
		Name: "app", Tenant: "default", Schemas: func() *schema.Set { return h.set }, Log: slog.New(slog.DiscardHandler),
		Outbound: outbound.Options{Allow: []string{"127.0.0.0/8"}},
	})
	if err != nil {
		tb.Fatalf("%v", err)
	}
	h.target = t.(target.State)
	tb.Cleanup(func() { _ = t.Close() })
}

func (h *hub) touch(n target.Num, members ...target.Num) {
	if h.dirty[n] == nil {
		h.dirty[n] = map[target.Num]bool{}
	}
	for _, m := range members {
		h.dirty[n][m] = true
	}
}

// put adds a resource or gives it another document.
func (h *hub) put(n target.Num, typ string, doc schema.Object) target.Num {
	r := &target.Resource{Num: n, Type: typ, Live: true, Version: 1, Document: schema.Clone(doc)}
	if old := h.resources[n]; old != nil {
		r.ID, r.Person, r.Version = old.ID, old.Person, old.Version+1
	} else {
		h.last++
		r.Num, r.ID = h.last, fmt.Sprintf("hub-%d", h.last)
		r.Person = r.ID
	}
	h.resources[r.Num] = r
	h.touch(r.Num)
	return r.Num
}

func (h *hub) user(name string, more schema.Object) target.Num {
	doc := schema.Object{"userName": name, "active": true}
	maps.Copy(doc, more)
	return h.put(0, "User", doc)
}

func (h *hub) group(name string, members ...target.Num) target.Num {
	n := h.put(0, "Group", schema.Object{"displayName": name})
	h.join(n, members...)
	return n
}

// set sets attributes of a resource; nil removes one.
func (h *hub) alter(n target.Num, attrs schema.Object) {
	doc := schema.Clone(h.resources[n].Document)
	for name, v := range attrs {
		if doc[name] = v; v == nil {
			delete(doc, name)
		}
	}
	h.put(n, "", doc)
	h.resources[n].Type = map[bool]string{true: "User", false: "Group"}[doc["userName"] != nil]
}

func (h *hub) join(group target.Num, members ...target.Num) {
	if h.members[group] == nil {
		h.members[group] = map[target.Num]bool{}
	}
	for _, m := range members {
		h.members[group][m] = true
	}
	h.touch(group, members...)
}

func (h *hub) leave(group target.Num, members ...target.Num) {
	for _, m := range members {
		delete(h.members[group], m)
	}
	h.touch(group, members...)
}

// remove deletes a resource, which leaves all groups; those have no change of their own by that.
func (h *hub) remove(n target.Num) {
	old := *h.resources[n]
	old.Live, old.Document = false, nil
	h.resources[n] = &old
	delete(h.members, n)
	for _, members := range h.members {
		delete(members, n)
	}
	h.touch(n)
}

// rehire brings a deleted person back, under a new id.
func (h *hub) rehire(n target.Num, doc schema.Object) {
	old := h.resources[n]
	h.resources[n] = &target.Resource{
		Num: n, Type: old.Type, ID: fmt.Sprintf("%s-again-%d", old.Person, old.Version), Person: old.Person,
		Version: old.Version + 1, Live: true, Document: schema.Clone(doc),
	}
	h.touch(n)
}

// round syncs what is dirty, once each; what fails stays dirty.
func (h *hub) round(ctx context.Context) error {
	var errs []error
	for _, n := range slices.Sorted(maps.Keys(h.dirty)) {
		errs = append(errs, h.sync(ctx, n, false))
	}
	return errors.Join(errs...)
}

// settle goes on until nothing is dirty.
func (h *hub) settle(tb failer) {
	tb.Helper()
	for range 10 {
		if err := h.round(context.Background()); err != nil {
			tb.Fatalf("%v", err)
		}
		if len(h.dirty) == 0 {
			return
		}
	}
	tb.Fatalf("the directory does not come to rest: %v is dirty", h.dirty)
}

func (h *hub) sync(ctx context.Context, n target.Num, bare bool) error {
	if h.running[n] {
		return errors.New("the resources wait for each other's accounts")
	}
	h.running[n], h.bare[n] = true, bare
	defer delete(h.running, n)
	touched := h.dirty[n]
	if !bare {
		delete(h.dirty, n)
	}
	had := h.has(n)
	err := h.target.Sync(ctx, &target.Work{
		Resource: h.resources[n], Bare: bare, Attempt: 1, Directory: h, Links: h,
		Touched: func(yield func(target.Num, error) bool) {
			for _, m := range slices.Sorted(maps.Keys(touched)) {
				if bare || !yield(m, nil) {
					return
				}
			}
		},
		Ensure: func(ctx context.Context, n target.Num) (*target.Link, error) {
			if l := h.linkOf(n); l != nil {
				return l, nil
			}
			if r := h.resources[n]; r == nil || !r.Live {
				return nil, target.ErrGone
			}
			if err := h.sync(ctx, n, true); err != nil {
				h.failed[n] = true
				h.touch(n)
				return nil, err
			}
			return h.linkOf(n), nil
		},
	})
	if err != nil && !bare {
		h.touch(n, slices.Collect(maps.Keys(touched))...)
	}
	if err != nil && !had {
		h.failed[n] = true
	}
	return err
}

func (h *hub) has(n target.Num) bool { _, ok := h.links[n]; return ok }

func (h *hub) linkOf(n target.Num) *target.Link {
	l, ok := h.links[n]
	if !ok {
		return nil
	}
	return &l
}

func (h *hub) Resource(_ context.Context, n target.Num) (*target.Resource, error) {
	return h.resources[n], nil
}

func (h *hub) Lookup(_ context.Context, id string) (*target.Resource, error) {
	for _, r := range h.resources {
		if r.ID == id && r.Live {
			return r, nil
		}
	}
	return nil, nil
}

func (h *hub) Members(_ context.Context, group, after target.Num) iter.Seq2[target.Num, error] {
	return func(yield func(target.Num, error) bool) {
		for _, n := range slices.Sorted(maps.Keys(h.members[group])) {
			if n > after && !yield(n, nil) {
				return
			}
		}
	}
}

func (h *hub) IsMember(_ context.Context, group target.Num, members []target.Num) (map[target.Num]bool, error) {
	is := map[target.Num]bool{}
	for _, n := range members {
		is[n] = h.members[group][n]
	}
	return is, nil
}

func (h *hub) Get(_ context.Context, n target.Num) (*target.Link, error) { return h.linkOf(n), nil }

func (h *hub) ByRemote(_ context.Context, typ, remote string) (*target.Link, error) {
	for _, l := range h.links {
		if l.Type == typ && l.RemoteID == remote {
			return &l, nil
		}
	}
	return nil, nil
}

// Put makes dirty what delivery makes dirty: at the first link those that refer to the resource, the
// groups only if they may have gone on without it; a bare one itself.
func (h *hub) Put(_ context.Context, l *target.Link) error {
	if h.down != nil {
		if err := h.down(); err != nil {
			return err
		}
	}
	if !h.has(l.Num) {
		id := h.resources[l.Num].ID
		for n, r := range h.resources {
			ext, _ := r.Document[protocol.EnterpriseUserSchema].(schema.Object)
			manager, _ := ext["manager"].(schema.Object)
			if h.has(n) && manager["value"] == id || h.has(n) && h.failed[l.Num] && h.members[n][l.Num] {
				h.touch(n)
			}
		}
		delete(h.failed, l.Num)
		if h.bare[l.Num] {
			h.touch(l.Num)
		}
	}
	h.puts++
	h.links[l.Num] = *l
	return nil
}

func (h *hub) Delete(_ context.Context, n target.Num) error {
	delete(h.links, n)
	for g, members := range h.members {
		if members[n] && h.has(g) {
			h.touch(g)
		}
	}
	return nil
}
