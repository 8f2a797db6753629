package report_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/report"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// desk is a directory whose clock moves by a second with each write.
type desk struct {
	t   *testing.T
	db  *sqlite.DB
	dir *directory.Directory
	now time.Time
	*report.Reporter
	log *audit.Log
}

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func newDesk(t *testing.T) *desk {
	t.Helper()
	docs := &audit.Documents{}
	docs.Use(bytes.Repeat([]byte{7}, 32))
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "muster.db"), sqlite.Options{Sealer: docs})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	d := &desk{t: t, db: db, now: began}
	d.dir = directory.New(db, directory.NewSet(), directory.Options{Now: func() time.Time { return d.now }})
	d.log = audit.New(db, audit.Options{Now: func() time.Time { return d.now }})
	d.Reporter = report.New(db, d.log, func(context.Context, store.Tenant) (*feed.Reader, error) {
		return feed.NewReader(db, store.Default, feed.Options{}), nil
	})
	return d
}

func (d *desk) store(typ string) server.Store {
	d.now = d.now.Add(time.Second)
	return d.dir.Stores(directory.Caller{Tenant: store.Default, Source: store.DefaultSource, Actor: fmt.Sprint("at ", d.now.Sub(began))})[typ]
}

var dialect = scim.NewDialect(scim.Compat())

func (d *desk) create(typ string, doc schema.Object) (string, error) {
	r, err := d.store(typ).Create(d.t.Context(), &server.Resource{Attrs: doc}, dialect)
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

func (d *desk) set(id, title string) error {
	_, err := d.store("User").Update(d.t.Context(), id, &server.Edit{Dialect: dialect, Apply: func(r *server.Resource) (*server.Resource, error) {
		next := *r
		next.Attrs = schema.Object{"userName": r.Attrs["userName"], "externalId": r.Attrs["externalId"], "title": title}
		return &next, nil
	}})
	return err
}

func (d *desk) link(group string, op patch.LinkOp, id string) error {
	_, err := d.store("Group").Update(d.t.Context(), group, &server.Edit{Dialect: dialect, Links: []server.LinkEdit{{Relation: "members", Op: op, Refs: []patch.Ref{{Value: id}}}}})
	return err
}

// TestSec_K10_ReportsAreWhatWas: random lives are replayed by a model that looks after each step, and the reports on each of
// those instants say the same.
func TestSec_K10_ReportsAreWhatWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t)
		type moment struct {
			at     time.Time
			titles map[string]string          // of those who are there, by person
			member map[string]map[string]bool // persons of a group
		}
		var moments []moment
		people, groups := []string{"nobody"}, []string{"nothing"} // first ids
		now := map[string]string{}                                // newest id of a person
		titles, member := map[string]string{}, map[string]map[string]bool{}
		names := map[string]string{}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			p, g := rapid.SampledFrom(people).Draw(rt, "person"), rapid.SampledFrom(groups).Draw(rt, "group")
			_, there := titles[p]
			switch rapid.IntRange(0, 7).Draw(rt, "kind") {
			case 0:
				name := fmt.Sprint("u", len(people))
				id, err := d.create("User", schema.Object{"userName": name, "externalId": name, "title": "new"})
				assert.NoError(t, err)
				people, now[id], titles[id], names[id] = append(people, id), id, "new", name
			case 1:
				id, err := d.create("Group", schema.Object{"displayName": fmt.Sprint("g", len(groups))})
				assert.NoError(t, err)
				groups, member[id] = append(groups, id), map[string]bool{}
			case 2:
				if title := fmt.Sprint("t", len(moments)); there && d.set(now[p], title) == nil {
					titles[p] = title
				}
			case 3, 4:
				if m := member[g]; there && m != nil && d.link(g, patch.LinkAdd, now[p]) == nil {
					m[p] = true
				}
			case 5:
				if m := member[g]; there && m != nil && d.link(g, patch.LinkRemove, now[p]) == nil {
					delete(m, p)
				}
			case 6:
				if there && rapid.Bool().Draw(rt, "person goes") {
					assert.NoError(t, d.store("User").Delete(t.Context(), now[p], server.Cond{}))
					delete(titles, p)
					for _, m := range member {
						delete(m, p)
					}
				} else if member[g] != nil {
					assert.NoError(t, d.store("Group").Delete(t.Context(), g, server.Cond{}))
					delete(member, g)
				}
			case 7: // hired again
				if name := names[p]; name != "" && !there {
					id, err := d.create("User", schema.Object{"userName": name, "externalId": name, "title": "again"})
					assert.NoError(t, err)
					now[p], titles[p] = id, "again"
				}
			}
			m := moment{at: d.now, titles: map[string]string{}, member: map[string]map[string]bool{}}
			maps.Copy(m.titles, titles)
			for g, set := range member {
				m.member[g] = maps.Clone(set)
			}
			moments = append(moments, m)
		}
		for _, m := range moments {
			for _, p := range people[1:] {
				got, err := d.Person(t.Context(), store.Default, p, m.at)
				assert.NoError(t, err)
				var doc struct {
					Title string `json:"title"`
				}
				if got.Document != nil {
					assert.NoError(t, json.Unmarshal(got.Document, &doc))
				}
				if want := m.titles[p]; doc.Title != want || (got.State == report.Present) != (want != "") {
					rt.Fatalf("at %v person %s is %s with %q, want %q", m.at, p, got.State, doc.Title, want)
				}
				var in, want []string
				for _, g := range got.Groups {
					in = append(in, g.ID)
				}
				for g, set := range m.member {
					if set[p] {
						want = append(want, g)
					}
				}
				slices.Sort(in)
				slices.Sort(want)
				if !slices.Equal(in, want) {
					rt.Fatalf("at %v person %s is in %v, want %v", m.at, p, in, want)
				}
			}
			for _, g := range groups[1:] {
				list, err := d.Members(t.Context(), store.Default, g, m.at, m.at.Add(1))
				assert.NoError(t, err)
				var in, want []string
				for _, x := range list {
					in = append(in, x.ID)
				}
				for p := range m.member[g] {
					want = append(want, now[p]) // by the id that they have now
				}
				slices.Sort(in)
				slices.Sort(want)
				if !slices.Equal(in, want) {
					rt.Fatalf("at %v group %s has %v, want %v", m.at, g, in, want)
				}
			}
		}
	})
}

// TestSec_K12_EverythingThatIsHeld: a life as it is exported: document, where each value is from, groups, changes, targets, tokens,
// audit; and what is left of it after an erasure.
func TestSec_K12_EverythingThatIsHeld(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ada, err := d.create("User", schema.Object{"userName": "ada", "title": "one", "name": schema.Object{"familyName": "L", "givenName": "A"}})
	assert.NoError(t, err)
	eve, err := d.create("User", schema.Object{"userName": "eve"})
	assert.NoError(t, err)
	g, err := d.create("Group", schema.Object{"displayName": "all"})
	assert.NoError(t, err)
	assert.NoError(t, d.link(g, patch.LinkAdd, ada))
	assert.NoError(t, d.link(g, patch.LinkAdd, eve))
	assert.NoError(t, d.set(ada, "two"))
	assert.NoError(t, d.link(g, patch.LinkRemove, ada))
	assert.NoError(t, d.db.Write(t.Context(), store.Default, &store.Op{Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{
			Cursors: []store.Cursor{{Target: "app", Seq: 5}, {Target: "hook", Seq: 7}},
			Links:   []store.Link{{LinkKey: store.LinkKey{Target: "app", Num: 1}, Type: "User", RemoteID: "r-17"}},
			Detours: []store.Detour{{DetourKey: store.DetourKey{Target: "app", Num: 1}, From: 6, Upto: 6, Reason: "refused", Detail: "409"}},
			Tokens:  []*store.Token{{Tenant: 1, ID: "tok", Source: 1, Name: "phone", User: ada, Created: began}},
		}, nil
	}}))
	p, err := d.Person(t.Context(), store.Default, ada, time.Time{})
	assert.NoError(t, err)
	assert.Equal(t, []any{p.ID, p.Type, p.State, p.Version}, []any{ada, "User", report.Present, int64(2)})
	var from []string
	for _, o := range p.Attributes {
		from = append(from, fmt.Sprintf("%s %s %s %d", o.Name, o.Source, o.Actor, o.Change))
	}
	assert.Equal(t, from, []string{"title default at 6s 6", "userName default at 1s 1"})
	assert.Equal(t, len(p.Changes), 2)
	assert.Equal(t, len(p.Groups), 1)
	assert.Equal(t, []any{p.Groups[0].ID, p.Groups[0].From, p.Groups[0].Until, p.Groups[0].Added, p.Groups[0].Removed},
		[]any{g, began.Add(4 * time.Second), began.Add(7 * time.Second), "at 4s", "at 7s"})
	assert.Equal(t, p.Targets, []report.Target{{Name: "app", RemoteID: "r-17", Upto: 5, Problem: "refused 409"}, {Name: "hook", Upto: 7}})
	assert.Equal(t, p.Tokens, []report.Token{{ID: "tok", Name: "phone", Created: began}})
	assert.Equal(t, len(p.Audit), 2)
	b, err := json.Marshal(p)
	assert.NoError(t, err)
	if strings.Contains(string(b), eve) {
		t.Errorf("somebody else in %s", b)
	}

	assert.NoError(t, d.store("User").Delete(t.Context(), ada, server.Cond{}))
	p, err = d.Person(t.Context(), store.Default, ada, time.Time{})
	assert.NoError(t, err)
	assert.Equal(t, []any{p.State, len(p.Changes), p.Document == nil}, []any{report.Deleted, 3, true})
	assert.NoError(t, d.log.Erase(t.Context(), store.Default, ada, ""))
	p, err = d.Person(t.Context(), store.Default, ada, time.Time{})
	assert.NoError(t, err)
	assert.Equal(t, p.State, report.Erased)
	b, err = json.Marshal(p)
	assert.NoError(t, err)
	for _, value := range []string{`"ada"`, `"one"`, `"two"`, " 409"} {
		if strings.Contains(string(b), value) {
			t.Errorf("%s in %s", value, b)
		}
	}
	_, err = d.Person(t.Context(), store.Default, "nobody", time.Time{})
	assert.ErrorIs(t, err, store.ErrNotFound)
	_, err = d.Members(t.Context(), store.Default+1, g, time.Time{}, time.Time{})
	assert.ErrorIs(t, err, store.ErrNotFound)
}
