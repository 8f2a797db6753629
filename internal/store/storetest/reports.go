package storetest

import (
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
)

// testReports is of what reports read and nobody else does.
func testReports(t *testing.T, open OpenFunc) {
	t.Run("the edges of a child, also those that ended", func(t *testing.T) {
		f := newFixture(t, open)
		a, b, g, h := f.user("a"), f.user("b"), f.group("g"), f.group("h")
		f.link(g, a, b)
		f.link(h, a)
		f.edges(g, nil, []*store.Resource{a})
		f.delete(h.ID)
		moves, err := f.EdgeHistory(t.Context(), store.Default, store.Members, a.Num)
		assert.NoError(t, err)
		want := []store.EdgeMove{
			{Seq: 5, Actor: "actor", Parent: g.Num, ParentID: g.ID, ParentType: store.TypeGroup},
			{Seq: 6, Actor: "actor", Parent: h.Num, ParentID: h.ID, ParentType: store.TypeGroup},
			{Seq: 7, Actor: "actor", Parent: g.Num, ParentID: g.ID, ParentType: store.TypeGroup, Removed: true},
		}
		changes := f.feed()
		for i := range want {
			want[i].At = changes[want[i].Seq-1].At
		}
		assert.Equal(t, moves, want)
		for _, c := range []struct {
			tenant store.Tenant
			num    store.Num
		}{{store.Default, g.Num}, {store.Default + 1, a.Num}} {
			none, err := f.EdgeHistory(t.Context(), c.tenant, store.Members, c.num)
			assert.NoError(t, err)
			assert.Equal(t, len(none), 0)
		}
	})
	t.Run("the cursors of a tenant", func(t *testing.T) {
		f := newFixture(t, open)
		want := []store.Cursor{{Target: "a", Seq: 2}, {Target: "b", Seq: 1}}
		f.rows(store.Rows{Cursors: []store.Cursor{want[1], want[0]}})
		got, err := f.Cursors(t.Context(), store.Default)
		assert.NoError(t, err)
		assert.Equal(t, got, want)
		none, err := f.Cursors(t.Context(), store.System)
		assert.NoError(t, err)
		assert.Equal(t, len(none), 0)
	})
}
