package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

func testView(t *testing.T, open OpenFunc) {
	t.Run("a decision sees what those before it in the batch decided", func(t *testing.T) {
		f := newFixture(t, open)
		g, a := f.group("g"), f.user("a")
		fresh := f.resource(store.TypeUser, named("b"))
		key := store.ClaimKey{Scope: "userName", Key: "b"}
		keys := store.Keys{
			IDs:      []string{fresh.ID, a.ID, g.ID},
			Claims:   []store.ClaimKey{key},
			Edges:    []store.EdgeKeys{{Parent: g.ID, Rel: store.Members, Members: []string{a.ID, fresh.ID}}},
			Children: []store.ChildKeys{{Parent: g.ID, Rel: store.Members, Limit: 10}},
			Pending:  []string{"waits"},
		}
		var num store.Num
		errs := f.together(
			op(keys, func(v store.View) (*store.Rows, error) {
				equal(t, v.ByID(fresh.ID) == nil, true)
				rows := created(v, fresh)
				num = rows.Resources[0].Num
				rows.Claim = []store.Claim{{ClaimKey: key, Num: num}}
				rows.Link = []store.Edge{edge(g, a), {Rel: store.Members, Parent: g.Num, Child: num}}
				rows.Pend = []store.Pending{{Source: store.DefaultSource, Value: "waits", Rel: store.Members, Parent: g.Num, Expires: began}}
				return rows, nil
			}),
			op(keys, func(v store.View) (*store.Rows, error) {
				equal(t, v.ByID(fresh.ID).Num, num)
				holder, held := v.Claim(key)
				equal(t, held, true)
				equal(t, holder, num)
				equal(t, v.HasEdge(store.Members, g.Num, num), true)
				equal(t, slices.Collect(v.Children(store.Members, g.Num)), []store.Num{a.Num, num})
				equal(t, len(v.Pending("waits")), 1)
				rows := deleted(v.ByID(a.ID))
				rows.Unpend = v.Pending("waits")
				rows.Release = []store.ClaimKey{key}
				return rows, nil
			}),
			op(keys, func(v store.View) (*store.Rows, error) {
				equal(t, v.ByID(a.ID) == nil, true)
				equal(t, v.ByNum(a.Num).Deleted, true)
				equal(t, v.HasEdge(store.Members, g.Num, a.Num), false)
				equal(t, slices.Collect(v.Children(store.Members, g.Num)), []store.Num{num})
				_, held := v.Claim(key)
				equal(t, held, false)
				equal(t, len(v.Pending("waits")), 0)
				return &store.Rows{Unlink: []store.Edge{{Rel: store.Members, Parent: g.Num, Child: num}}}, nil
			}),
			op(keys, func(v store.View) (*store.Rows, error) {
				equal(t, v.HasEdge(store.Members, g.Num, num), false)
				equal(t, len(slices.Collect(v.Children(store.Members, g.Num))), 0)
				return nil, nil
			}),
		)
		for _, err := range errs {
			assert.NoError(t, err)
		}
		// And the next batch reads the same from the database.
		f.write(keys, func(v store.View) (*store.Rows, error) {
			equal(t, v.ByID(fresh.ID).Num, num)
			equal(t, v.ByID(a.ID) == nil, true)
			equal(t, v.HasEdge(store.Members, g.Num, num), false)
			equal(t, len(slices.Collect(v.Children(store.Members, g.Num))), 0)
			equal(t, len(v.Pending("waits")), 0)
			_, held := v.Claim(key)
			equal(t, held, false)
			return nil, nil
		})
	})

	t.Run("a resource comes with its index, a reference with its name", func(t *testing.T) {
		f := newFixture(t, open)
		doc := schema.Object{
			"userName": "Ada", "externalId": "X1", "displayName": "Ada O.", "active": false,
			"emails": []any{schema.Object{"value": "B@x"}, schema.Object{"value": "A@x"}, schema.Object{"value": "a@x"}},
		}
		r := f.create(f.resource(store.TypeUser, doc))
		want := store.Index{
			UserName: "ada", ExternalID: "X1", DisplayName: "ada o.", Display: "Ada O.", Active: store.False,
			Entries: []store.Entry{{Attr: "emails.value", Key: "a@x"}, {Attr: "emails.value", Key: "b@x"}},
		}
		f.write(store.Keys{IDs: []string{r.ID}}, func(v store.View) (*store.Rows, error) {
			equal(t, v.ByID(r.ID).Index, want)
			return nil, nil
		})
		f.write(store.Keys{Nums: []store.Num{r.Num}}, func(v store.View) (*store.Rows, error) {
			equal(t, v.ByNum(r.Num).Index, want)
			return nil, nil
		})
		f.write(store.Keys{Refs: []string{r.ID}}, func(v store.View) (*store.Rows, error) {
			got := v.ByID(r.ID)
			equal(t, got.Num, r.Num)
			equal(t, got.Type, store.TypeUser)
			equal(t, got.Index.Display, "Ada O.")
			return nil, nil
		})
	})

	t.Run("what names lead to comes with them", func(t *testing.T) {
		f := newFixture(t, open)
		g, u := f.group("g"), f.user("u")
		key := store.ClaimKey{Scope: "userName", Key: "u"}
		f.rows(store.Rows{
			Claim: []store.Claim{{ClaimKey: key, Num: u.Num}},
			Link:  []store.Edge{edge(g, u)},
			Pend:  []store.Pending{{Source: store.DefaultSource, Value: "x", Rel: store.Members, Parent: g.Num, Expires: began.Add(time.Hour)}},
		})
		f.write(store.Keys{Claims: []store.ClaimKey{key}, Pending: []string{"x"}}, func(v store.View) (*store.Rows, error) {
			equal(t, v.ByNum(u.Num).ID, u.ID)
			p := v.Pending("x")
			equal(t, p, []store.Pending{{Source: store.DefaultSource, Value: "x", Rel: store.Members, Parent: g.Num, Expires: began.Add(time.Hour)}})
			equal(t, string(v.ByNum(g.Num).Body), string(g.Body))
			return nil, nil
		})
		f.write(store.Keys{Children: []store.ChildKeys{{Parent: g.ID, Rel: store.Members, Limit: 1}}}, func(v store.View) (*store.Rows, error) {
			equal(t, slices.Collect(v.Children(store.Members, g.Num)), []store.Num{u.Num})
			equal(t, v.ByNum(u.Num).ID, u.ID)
			return nil, nil
		})
	})

	t.Run("children are cut off one above the limit", func(t *testing.T) {
		f := newFixture(t, open)
		g := f.group("g")
		for _, name := range []string{"a", "b", "c", "d"} {
			f.link(g, f.user(name))
		}
		f.write(store.Keys{Children: []store.ChildKeys{{Parent: g.ID, Rel: store.Members, Limit: 2}}}, func(v store.View) (*store.Rows, error) {
			equal(t, len(slices.Collect(v.Children(store.Members, g.Num))), 3)
			return nil, nil
		})
	})

	t.Run("pending references", func(t *testing.T) {
		f := newFixture(t, open)
		g, h := f.group("g"), f.group("h")
		wait := func(parent *store.Resource, value string, expires time.Time) store.Pending {
			return store.Pending{Source: store.DefaultSource, Value: value, Rel: store.Members, Parent: parent.Num, Expires: expires}
		}
		parents := func(value string) (list []store.Num) {
			f.write(store.Keys{Pending: []string{value}}, func(v store.View) (*store.Rows, error) {
				list = nil
				for _, p := range v.Pending(value) {
					list = append(list, p.Parent)
				}
				return nil, nil
			})
			return list
		}
		f.rows(store.Rows{Pend: []store.Pending{wait(g, "x", began), wait(h, "x", began), wait(g, "y", began)}})
		assert.Equal(t, parents("x"), []store.Num{g.Num, h.Num})
		f.rows(store.Rows{Unpend: []store.Pending{wait(h, "x", began)}})
		assert.Equal(t, parents("x"), []store.Num{g.Num})
		// Of another source nobody knows.
		err := f.Write(t.Context(), store.Default, &store.Op{Source: 99, Load: store.Keys{Pending: []string{"x"}}, Decide: func(v store.View) (*store.Rows, error) {
			equal(t, len(v.Pending("x")), 0)
			return nil, nil
		}})
		assert.NoError(t, err)
		// All of a parent at once, and then others.
		f.write(store.Keys{Pending: []string{"x", "z"}}, func(v store.View) (*store.Rows, error) {
			return &store.Rows{Unpend: []store.Pending{wait(g, "", time.Time{})}, Pend: []store.Pending{wait(g, "z", began)}}, nil
		})
		assert.Equal(t, len(parents("x")), 0)
		assert.Equal(t, len(parents("y")), 0)
		assert.Equal(t, parents("z"), []store.Num{g.Num})
		// Sweep takes the expired ones.
		f.rows(store.Rows{Pend: []store.Pending{wait(g, "later", began.Add(time.Hour))}})
		n, err := f.Sweep(t.Context(), store.Default, began.Add(time.Minute), 100)
		assert.NoError(t, err)
		assert.Equal(t, n, 1)
		assert.Equal(t, len(parents("z")), 0)
		assert.Equal(t, parents("later"), []store.Num{g.Num})
	})
}
