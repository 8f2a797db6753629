// Package storetest is what a store has to prove: the contract of package store as tests that run against any
// implementation. A rule of the contract starts as a case here.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB, dir string) store.Store { … })
//	}
//
// The tests know no SCIM rule beyond what a schema is: they write rows as some domain might, and look at what
// every reader sees. Searches are compared with filter.Match over random resources and filters.
package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// OpenFunc opens the database, with a Sealer, that belongs to dir, a directory of the test's own: what was written to it before it was
// closed is there when it is opened again. The test closes it.
type OpenFunc func(t testing.TB, dir string) store.Store

// Run runs the whole suite.
func Run(t *testing.T, open OpenFunc) {
	for _, group := range []struct {
		name string
		run  func(*testing.T, OpenFunc)
	}{
		{"Write", testWrite},
		{"Slice", testSlice},
		{"View", testView},
		{"Identity", testIdentity},
		{"Relations", testRelations},
		{"Sweep", testSweep},
		{"Feed", testFeed},
		{"Deliveries", testDeliveries},
		{"Tokens", testTokens},
		{"TokenUse", testTokenUse},
		{"Secrets", testSecrets},
		{"Items", testItems},
		{"Tenants", testTenants},
		{"Purge", testPurge},
		{"Find", testFind},
		{"Schemas", testSchemas},
		{"Nodes", testNodes},
		{"Audit", testAudit},
		{"Reports", testReports},
		{"Reopen", testReopen},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			group.run(t, open)
		})
	}
}

// began is when the tests' world began. Times are whole milliseconds.
var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// fixture is a store with the writes that tests need.
type fixture struct {
	t testing.TB
	store.Store
	set *schema.Set
}

func newFixture(t testing.TB, open OpenFunc) *fixture {
	return reopen(t, open, t.TempDir())
}

func reopen(t testing.TB, open OpenFunc, dir string) *fixture {
	t.Helper()
	f := &fixture{t: t, Store: open(t, dir), set: schema.Core(nil)}
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

// op returns an Op of the default source.
func op(load store.Keys, decide func(v store.View) (*store.Rows, error)) *store.Op {
	return &store.Op{Source: store.DefaultSource, Load: load, Decide: decide}
}

func (f *fixture) write(load store.Keys, decide func(v store.View) (*store.Rows, error)) {
	f.t.Helper()
	assert.NoError(f.t, f.Write(f.t.Context(), store.Default, op(load, decide)))
}

// rows writes rows that depend on nothing.
func (f *fixture) rows(r store.Rows) {
	f.t.Helper()
	f.write(store.Keys{}, func(store.View) (*store.Rows, error) { return &r, nil })
}

// resource makes a resource of a document, as yet without a number.
func (f *fixture) resource(typ string, doc schema.Object) *store.Resource {
	t := f.set.Type(typ)
	uuid := id.New()
	return &store.Resource{
		Type: typ, ID: uuid, Person: uuid, Version: 1, Created: began, Modified: began, Gen: 1,
		Body: t.Append(nil, doc), Index: store.MakeIndex(f.set, t, doc),
	}
}

// created returns the rows of a new resource: itself, its record, its change.
func created(v store.View, r *store.Resource) *store.Rows {
	fresh := *r
	fresh.Num = v.NextNum()
	return &store.Rows{
		Resources: []*store.Resource{&fresh},
		Records:   []*store.Record{{Source: store.DefaultSource, ID: r.ID, Num: fresh.Num, ExternalID: r.Index.ExternalID, Created: r.Created}},
		Changes:   []*store.Change{change(&fresh, store.Created)},
	}
}

// updated returns the rows of a resource with another document.
func updated(cur *store.Resource, body []byte) *store.Rows {
	next := *cur
	next.Version++
	next.Modified = cur.Modified.Add(time.Second)
	next.Body = body
	c := change(&next, store.Updated)
	c.Before = cur.Body
	return &store.Rows{Resources: []*store.Resource{&next}, Changes: []*store.Change{c}}
}

// deleted returns the rows of a tombstone.
func deleted(cur *store.Resource) *store.Rows {
	next := *cur
	next.Version++
	next.Deleted, next.Body, next.Index = true, nil, store.Index{}
	next.Modified = cur.Modified.Add(time.Second)
	c := change(&next, store.Deleted)
	c.Before = cur.Body
	return &store.Rows{
		Resources: []*store.Resource{&next},
		Records: []*store.Record{{
			Source: store.DefaultSource, ID: cur.ID, Num: cur.Num, ExternalID: cur.Index.ExternalID,
			EmployeeNumber: cur.Index.EmployeeNumber, Created: cur.Created, Ended: next.Modified,
		}},
		Swept:   []store.Num{cur.Num},
		Changes: []*store.Change{c},
	}
}

func change(r *store.Resource, k store.Kind) *store.Change {
	return &store.Change{
		Num: r.Num, Type: r.Type, ID: r.ID, Person: r.Person, Kind: k, Events: store.Events(k), Version: r.Version,
		At: r.Modified, Source: store.DefaultSource, Actor: "actor", RequestID: "request",
	}
}

// create writes a new resource and returns it as stored.
func (f *fixture) create(r *store.Resource) *store.Resource {
	f.t.Helper()
	f.write(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, r), nil })
	return f.get(r.ID)
}

func (f *fixture) user(name string) *store.Resource {
	f.t.Helper()
	return f.create(f.resource(store.TypeUser, schema.Object{"userName": name}))
}

func (f *fixture) group(name string) *store.Resource {
	f.t.Helper()
	return f.create(f.resource(store.TypeGroup, schema.Object{"displayName": name}))
}

func (f *fixture) get(id string) *store.Resource {
	f.t.Helper()
	r, err := f.Get(f.t.Context(), store.Default, "", id)
	assert.NoError(f.t, err)
	return r
}

func (f *fixture) delete(id string) {
	f.t.Helper()
	f.write(store.Keys{IDs: []string{id}}, func(v store.View) (*store.Rows, error) { return deleted(v.ByID(id)), nil })
}

// link adds members to a group by one change.
func (f *fixture) link(group *store.Resource, members ...*store.Resource) {
	f.t.Helper()
	f.edges(group, members, nil)
}

func (f *fixture) edges(group *store.Resource, add, remove []*store.Resource) {
	f.t.Helper()
	f.write(store.Keys{IDs: []string{group.ID}}, func(v store.View) (*store.Rows, error) {
		cur := v.ByID(group.ID)
		rows := updated(cur, cur.Body)
		c := rows.Changes[0]
		c.SameDoc, c.Before = true, nil
		for _, m := range add {
			rows.Link = append(rows.Link, edge(group, m))
			c.Edges = append(c.Edges, store.EdgeChange{Rel: store.Members, Child: m.Num})
		}
		for _, m := range remove {
			rows.Unlink = append(rows.Unlink, edge(group, m))
			c.Edges = append(c.Edges, store.EdgeChange{Rel: store.Members, Child: m.Num, Removed: true})
		}
		return rows, nil
	})
}

func edge(parent, child *store.Resource) store.Edge {
	return store.Edge{Rel: store.Members, Parent: parent.Num, Child: child.Num, Source: store.DefaultSource}
}

// names are numbers with names, so that failures can be read.
type names map[store.Num]string

func nameAll(resources map[string]*store.Resource) names {
	n := names{}
	for name, r := range resources {
		n[r.Num] = name
	}
	return n
}

func (f *fixture) children(n names, parent *store.Resource) (list []string) {
	f.t.Helper()
	for ref, err := range f.Children(f.t.Context(), store.Default, store.Members, parent.Num, 0) {
		assert.NoError(f.t, err)
		list = append(list, n[ref.Num])
	}
	return list
}

// ancestors returns the names of the ancestors, the direct ones marked with a star.
func (f *fixture) ancestors(n names, child *store.Resource) (list []string) {
	f.t.Helper()
	refs, err := f.Ancestors(f.t.Context(), store.Default, store.Members, child.Num)
	assert.NoError(f.t, err)
	for _, ref := range refs {
		name := n[ref.Num]
		if ref.Direct {
			name += "*"
		}
		list = append(list, name)
	}
	if found, err := f.Get(f.t.Context(), store.Default, child.Type, child.ID); err == nil && found.Parentless && len(list) > 0 {
		f.t.Errorf("%s is said to have no parent, but has %v", n[child.Num], list)
	}
	return list
}

// together makes Ops one batch: the writer is held in a decision until all of them wait. It returns their errors.
func (f *fixture) together(ops ...*store.Op) []error {
	f.t.Helper()
	var wg sync.WaitGroup
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	wg.Go(func() {
		err := f.Write(f.t.Context(), store.Default, op(store.Keys{}, func(store.View) (*store.Rows, error) {
			once.Do(func() { close(held) })
			<-release
			return nil, nil
		}))
		if err != nil {
			f.t.Error(err)
		}
	})
	<-held
	errs := make([]error, len(ops))
	for i, o := range ops {
		wg.Go(func() { errs[i] = f.Write(f.t.Context(), store.Default, o) })
		f.await(func(s store.Stats) bool { return s.Waiting == i+1 }) // so that they stand in order
	}
	close(release)
	wg.Wait()
	return errs
}

// await waits for a condition on the store's figures.
func (f *fixture) await(ok func(store.Stats) bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 30*time.Second)
	defer cancel()
	for {
		s, err := f.Stats(ctx, store.Default)
		if err != nil {
			f.t.Errorf("waiting for the store's figures: %v", err)
			return
		}
		if ok(s) {
			return
		}
	}
}

// feed returns all changes of the default tenant, and checks that they are dense.
func (f *fixture) feed() []*store.Change {
	f.t.Helper()
	list, err := f.Changes(f.t.Context(), store.Default, 0, 1_000_000)
	assert.NoError(f.t, err)
	for i, c := range list {
		assert.Equal(f.t, c.Seq, store.Seq(i+1))
	}
	h, err := f.Head(f.t.Context(), store.Default)
	assert.NoError(f.t, err)
	assert.Equal(f.t, h.Seq, store.Seq(len(list)))
	return list
}

// hints are not compared: a store may leave them out. That they are never wrong is checked where ancestors are read.
var hints = cmpopts.IgnoreFields(store.Resource{}, "Parentless")

// equal checks inside a decision, which runs on the store's goroutine and must not end it, as a failed check of package
// assert would; and resources.
func equal[T any](t testing.TB, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, hints); diff != "" {
		t.Errorf("not equal (-want +got):\n%s", diff)
	}
}
