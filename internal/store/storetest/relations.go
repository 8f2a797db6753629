package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

func testRelations(t *testing.T, open OpenFunc) {
	t.Run("an edge that is there is not added again", func(t *testing.T) {
		f := newFixture(t, open)
		g, u := f.group("g"), f.user("u")
		f.link(g, u)
		f.link(g, u)
		n := nameAll(map[string]*store.Resource{"g": g, "u": u})
		assert.Equal(t, f.children(n, g), []string{"u"})
		f.edges(g, nil, []*store.Resource{u})
		f.edges(g, nil, []*store.Resource{u})
		assert.Equal(t, len(f.children(n, g)), 0)
	})

	t.Run("children come in order, over pages, from a place on", func(t *testing.T) {
		f := newFixture(t, open)
		g := f.group("g")
		const members = 150
		var list []*store.Resource
		for i := range members {
			list = append(list, f.resource(store.TypeUser, schema.Object{"userName": fmt.Sprint("u", i), "displayName": fmt.Sprint("User ", i)}))
		}
		f.write(store.Keys{IDs: []string{g.ID}}, func(v store.View) (*store.Rows, error) {
			rows := &store.Rows{}
			for _, u := range list {
				one := created(v, u)
				rows.Resources = append(rows.Resources, one.Resources...)
				rows.Link = append(rows.Link, edge(g, one.Resources[0]))
			}
			return rows, nil
		})
		var got []store.Ref
		for ref, err := range f.Children(t.Context(), store.Default, store.Members, g.Num, 0) {
			assert.NoError(t, err)
			got = append(got, ref)
		}
		assert.Equal(t, len(got), members)
		assert.Equal(t, got[7], store.Ref{Num: got[7].Num, ID: list[7].ID, Type: store.TypeUser, Display: "User 7"})
		assert.True(t, slices.IsSortedFunc(got, func(a, b store.Ref) int { return int(a.Num - b.Num) }))
		var rest []store.Ref
		for ref, err := range f.Children(t.Context(), store.Default, store.Members, g.Num, got[99].Num) {
			assert.NoError(t, err)
			if rest = append(rest, ref); len(rest) == 10 {
				break
			}
		}
		assert.Equal(t, rest, got[100:110])
		is, err := f.IsChild(t.Context(), store.Default, store.Members, g.Num, []store.Num{got[0].Num, g.Num, got[149].Num, 4711})
		assert.NoError(t, err)
		assert.Equal(t, is, map[store.Num]bool{got[0].Num: true, got[149].Num: true})
	})

	t.Run("ancestors through groups, each once, whatever the cycles", func(t *testing.T) {
		f := newFixture(t, open)
		r := map[string]*store.Resource{}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			r[name] = f.group(name)
		}
		r["u"], r["v"] = f.user("u"), f.user("v")
		n := nameAll(r)
		f.link(r["a"], r["u"])
		f.link(r["b"], r["a"], r["u"])
		f.link(r["c"], r["b"])
		f.link(r["d"], r["b"], r["v"])
		f.link(r["e"], r["c"], r["d"])
		assert.Equal(t, f.ancestors(n, r["u"]), []string{"a*", "b*", "c", "d", "e"})
		assert.Equal(t, f.ancestors(n, r["v"]), []string{"d*", "e"})
		assert.Equal(t, f.ancestors(n, r["e"]), nil)

		f.link(r["a"], r["e"], r["a"]) // around, and into itself
		assert.Equal(t, f.ancestors(n, r["e"]), []string{"a*", "b", "c", "d"})
		assert.Equal(t, f.ancestors(n, r["a"]), []string{"b*", "c", "d", "e"})
		assert.Equal(t, f.ancestors(n, r["v"]), []string{"d*", "a", "b", "c", "e"})

		f.edges(r["e"], nil, []*store.Resource{r["d"]})
		assert.Equal(t, f.ancestors(n, r["v"]), []string{"d*"})
		f.delete(r["c"].ID) // a tombstone leads nowhere, at once
		assert.Equal(t, f.ancestors(n, r["u"]), []string{"a*", "b*", "d"})
		f.delete(r["b"].ID)
		assert.Equal(t, f.ancestors(n, r["u"]), []string{"a*"})
		assert.Equal(t, len(f.children(n, r["b"])), 0)
	})
}

func testSweep(t *testing.T, open OpenFunc) {
	t.Run("the edges of a tombstone go in slices, and its groups look new", func(t *testing.T) {
		f := newFixture(t, open)
		u, v := f.user("u"), f.user("v")
		var groups []*store.Resource
		for i := range 7 {
			g := f.group(fmt.Sprint("g", i))
			f.link(g, u, v)
			groups = append(groups, f.get(g.ID))
		}
		f.delete(u.ID)
		changes := len(f.feed())
		later := groups[0].Modified.Add(1000)
		var slices []int
		for {
			n, err := f.Sweep(t.Context(), store.Default, later, 3)
			assert.NoError(t, err)
			if n == 0 {
				break
			}
			slices = append(slices, n)
		}
		assert.Equal(t, slices, []int{3, 3, 1})
		for _, g := range groups {
			now := f.get(g.ID)
			assert.Equal(t, now.Version, g.Version+1)
			assert.False(t, now.Modified.Before(g.Modified))
		}
		assert.Equal(t, len(f.feed()), changes)
		n := nameAll(map[string]*store.Resource{"v": v})
		assert.Equal(t, f.children(n, groups[0]), []string{"v"})
	})

	t.Run("a deleted group lets go of its members and of what waited for them", func(t *testing.T) {
		f := newFixture(t, open)
		g, u, v := f.group("g"), f.user("u"), f.user("v")
		f.link(g, u, v)
		f.rows(store.Rows{Pend: []store.Pending{{Source: store.DefaultSource, Value: "x", Rel: store.Members, Parent: g.Num, Expires: began.AddDate(1, 0, 0)}}})
		f.delete(g.ID)
		before := f.get(u.ID)
		n, err := f.Sweep(t.Context(), store.Default, began, 100)
		assert.NoError(t, err)
		assert.Equal(t, n, 2)
		equal(t, f.get(u.ID), before)
		f.write(store.Keys{Pending: []string{"x"}}, func(v store.View) (*store.Rows, error) {
			equal(t, len(v.Pending("x")), 0)
			return nil, nil
		})
		n, err = f.Sweep(t.Context(), store.Default, began, 100)
		assert.NoError(t, err)
		assert.Equal(t, n, 0)
	})
}
