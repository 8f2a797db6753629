package directory_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// hub is a directory on a real store, with the words in which the tests talk to it.
type hub struct {
	testing.TB
	db     *sqlite.DB
	dir    *directory.Directory
	set    *schema.Set
	log    *strings.Builder
	seen   store.Seq // of the feed, by events
	now    *clock
	users  *face
	groups *face
}

// face is the server.Store of one type as one caller with one profile sees it.
type face struct {
	*hub
	server.Store
	typ     *schema.ResourceType
	profile scim.Profile
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// migrated returns the file of an empty store. Making one takes longer than most tests.
var migrated = sync.OnceValue(func() []byte {
	dir, err := os.MkdirTemp("", "muster-directory-*")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) // one that stays is no failure
	path := filepath.Join(dir, "muster.db")
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		panic(err)
	}
	if err := db.Close(); err != nil {
		panic(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return b
})

func newHub(t testing.TB, options ...func(*directory.Options)) *hub {
	t.Helper()
	h := &hub{TB: t, set: directory.NewSet(), log: &strings.Builder{}}
	h.now = &clock{at: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	path := filepath.Join(t.TempDir(), "muster.db")
	assert.NoError(t, os.WriteFile(path, migrated(), 0o600))
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	o := directory.Options{Now: h.now.Now, Log: slog.New(slog.NewTextHandler(h.log, nil))}
	for _, set := range options {
		set(&o)
	}
	h.db = db
	h.dir = directory.New(db, h.set, o)
	h.users = h.face(store.TypeUser, scim.Compat(), directory.Caller{Tenant: store.Default, Source: store.DefaultSource, Actor: "token-1"})
	h.groups = h.face(store.TypeGroup, scim.Compat(), directory.Caller{Tenant: store.Default, Source: store.DefaultSource, Actor: "token-1"})
	return h
}

func (h *hub) face(typ string, p scim.Profile, c directory.Caller) *face {
	return &face{hub: h, Store: h.dir.Stores(c)[typ], typ: h.set.Type(typ), profile: p}
}

// strict is the same face for a client of profile strict.
func (f *face) strict() *face {
	g := *f
	g.profile = scim.Strict()
	return &g
}

// object reads JSON in which ' stands for ".
func (f *face) object(text string) schema.Object {
	f.Helper()
	v, err := schema.Parse([]byte(strings.ReplaceAll(text, "'", `"`)))
	assert.NoError(f, err)
	o, ok := v.(schema.Object)
	assert.True(f, ok)
	return o
}

// document reads a resource body as the server does, members apart. Tests are spared schemas.
func (f *face) document(text string) (schema.Object, []patch.Ref, bool) {
	f.Helper()
	d := scim.NewDialect(scim.Compat())
	in := f.object(text)
	members, named := in["members"]
	var refs []patch.Ref
	if named {
		var err error
		refs, err = patch.ReadLinks(members, f.typ, f.typ.Schema.Attribute("members"), d)
		assert.NoError(f, err)
		delete(in, "members")
	}
	doc, err := f.typ.Read(in, schema.Create, d)
	assert.NoError(f, err)
	return doc, refs, named
}

func (f *face) tryCreate(text string) (*server.Resource, error) {
	f.Helper()
	d := scim.NewDialect(f.profile)
	doc, refs, _ := f.document(text)
	r := &server.Resource{Attrs: doc}
	if len(refs) > 0 {
		r.Relations = map[string]iter.Seq2[server.Ref, error]{"members": func(yield func(server.Ref, error) bool) {
			for _, ref := range refs {
				if !yield(server.Ref{Value: ref.Value}, nil) {
					return
				}
			}
		}}
	}
	return f.Create(f.Context(), r, d)
}

func (f *face) create(text string) *server.Resource {
	f.Helper()
	r, err := f.tryCreate(text)
	assert.NoError(f, err)
	return r
}

// tryPut replaces the document and, if members are named, these.
func (f *face) tryPut(id, text string, c server.Cond) (*server.Resource, error) {
	f.Helper()
	d := scim.NewDialect(f.profile)
	doc, refs, named := f.document(text)
	e := &server.Edit{If: c, Dialect: d, Apply: func(cur *server.Resource) (*server.Resource, error) {
		next := *cur
		next.Attrs = doc
		return &next, nil
	}}
	if named {
		e.Links = []patch.Link{{Relation: "members", Op: patch.LinkSet, Refs: refs}}
	}
	return f.Update(f.Context(), id, e)
}

func (f *face) put(id, text string) *server.Resource {
	f.Helper()
	r, err := f.tryPut(id, text, server.Cond{})
	assert.NoError(f, err)
	return r
}

// edit makes an Edit of the operations of a PATCH.
func (f *face) edit(operations string, d *scim.Dialect) *server.Edit {
	f.Helper()
	body := f.object("{'schemas':['" + scim.PatchOpMessage + "'],'Operations':[" + operations + "]}")
	p, err := patch.New(body, f.typ, d, 1000)
	assert.NoError(f, err)
	return &server.Edit{Dialect: d, Links: p.Links(), Apply: func(cur *server.Resource) (*server.Resource, error) {
		doc, err := p.Apply(cur.Attrs)
		if err != nil {
			return nil, err
		}
		if schema.Equal(doc, cur.Attrs) {
			return cur, nil
		}
		next := *cur
		next.Attrs = doc
		return &next, nil
	}}
}

func (f *face) tryPatch(id, operations string) (*server.Resource, error) {
	f.Helper()
	return f.Update(f.Context(), id, f.edit(operations, scim.NewDialect(f.profile)))
}

func (f *face) patch(id, operations string) *server.Resource {
	f.Helper()
	r, err := f.tryPatch(id, operations)
	assert.NoError(f, err)
	return r
}

func (f *face) get(id string) *server.Resource {
	f.Helper()
	r, err := f.Get(f.Context(), id, nil)
	assert.NoError(f, err)
	return r
}

func (f *face) delete(id string) {
	f.Helper()
	assert.NoError(f, f.Delete(f.Context(), id, server.Cond{}))
}

// find returns the ids that match a filter.
func (f *face) find(text string) []string {
	f.Helper()
	var e filter.Expr
	if text != "" {
		parsed, err := filter.Parse(strings.ReplaceAll(text, "'", `"`), nil)
		assert.NoError(f, err)
		e, err = filter.Bind(parsed, f.typ, filter.OneType, nil)
		assert.NoError(f, err)
	}
	ids := []string{}
	page, err := f.Find(f.Context(), &server.Query{Type: f.typ, Filter: e, Start: 1, Count: 1000}, func(r *server.Resource) error {
		ids = append(ids, r.ID)
		return nil
	})
	assert.NoError(f, err)
	assert.Equal(f, page.Total, len(ids))
	return ids
}

// value returns what a resource has at a path in standard notation.
func (f *face) value(r *server.Resource, path string) any {
	f.Helper()
	doc := r.Attrs
	if doc == nil {
		var err error
		doc, err = f.typ.Decode(r.Raw)
		assert.NoError(f, err)
	}
	p, err := f.typ.Resolve(path, nil)
	assert.NoError(f, err)
	for v := range p.Values(doc) {
		return v
	}
	return nil
}

// refs reads a relation.
func (h *hub) refs(r *server.Resource, relation string) []server.Ref {
	h.Helper()
	var out []server.Ref
	if r.Relations[relation] != nil {
		for ref, err := range r.Relations[relation] {
			assert.NoError(h, err)
			out = append(out, ref)
		}
	}
	return out
}

// members returns the ids of the members of a group, sorted.
func (h *hub) members(group string) []string {
	h.Helper()
	ids := []string{}
	for _, ref := range h.refs(h.groups.get(group), "members") {
		ids = append(ids, ref.Value)
	}
	slices.Sort(ids)
	return ids
}

// changes returns what the feed has since the last call, and checks that it is dense.
func (h *hub) changes() []*store.Change {
	h.Helper()
	list, err := h.db.Changes(h.Context(), store.Default, h.seen, 10_000)
	assert.NoError(h, err)
	for _, c := range list {
		h.seen++
		assert.Equal(h, c.Seq, h.seen)
	}
	return list
}

// events returns the names of the events since the last call, one string a change. Members are not named.
func (h *hub) events() []string {
	h.Helper()
	out := []string{}
	for _, c := range h.changes() {
		out = append(out, strings.Join(eventsOf(c), " "))
	}
	return out
}

func eventsOf(c *store.Change) []string {
	var names []string
	for _, e := range []struct {
		bit  store.Events
		name string
	}{
		{store.EventCreated, "created"},
		{store.EventRehired, "rehired"},
		{store.EventUpdated, "updated"},
		{store.EventActivated, "activated"},
		{store.EventReactivated, "reactivated"},
		{store.EventDeactivated, "deactivated"},
		{store.EventDeleted, "deleted"},
	} {
		if c.Events&e.bit != 0 {
			names = append(names, strings.ToLower(c.Type)+"."+e.name)
		}
	}
	var edges []string // the store keeps no order among the edges of a change
	for _, e := range c.Edges {
		if e.Removed {
			edges = append(edges, "-member")
		} else {
			edges = append(edges, "+member")
		}
	}
	slices.Sort(edges)
	return append(names, edges...)
}

// refused checks that an error is one for the client, and returns its detail.
func refused(t testing.TB, err error, status int, typ scim.ErrorType) string {
	t.Helper()
	e := assert.ErrorAs[*scim.Error](t, err)
	assert.Equal(t, e.Status, status, assert.Sprintf("%v", err))
	assert.Equal(t, e.Type, typ, assert.Sprintf("%v", err))
	return e.Detail
}

func user(name string) string { return fmt.Sprintf("{'userName':'%s','active':true}", name) }

func group(name string, members ...string) string {
	var refs []string
	for _, id := range members {
		refs = append(refs, "{'value':'"+id+"'}")
	}
	return fmt.Sprintf("{'displayName':'%s','members':[%s]}", name, strings.Join(refs, ","))
}

func add(ids ...string) string {
	var refs []string
	for _, id := range ids {
		refs = append(refs, "{'value':'"+id+"'}")
	}
	return "{'op':'add','path':'members','value':[" + strings.Join(refs, ",") + "]}"
}

func remove(id string) string { return "{'op':'remove','path':'members[value eq \\'" + id + "\\']'}" }

func replace(path, value string) string {
	return fmt.Sprintf("{'op':'replace','path':'%s','value':%s}", path, value)
}
