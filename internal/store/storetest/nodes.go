package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
)

// testNodes has the rules of store.Nodes, also on an engine that no other node can open.
func testNodes(t *testing.T, open OpenFunc) {
	f := newFixture(t, open)
	ctx := t.Context()
	beat := func(id string) {
		t.Helper()
		assert.NoError(t, f.Beat(ctx, store.Node{ID: id, Name: "host-" + id, Address: "127.0.0.1:1", Version: "v1"}))
	}
	take := func(name, node string) store.Lease {
		t.Helper()
		l, err := f.Take(ctx, store.Default, name, node)
		assert.NoError(t, err)
		return l
	}
	write := func(name string, fence int64) error {
		return f.Write(ctx, store.Default, &store.Op{Decide: func(store.View) (*store.Rows, error) {
			return &store.Rows{Cursors: []store.Cursor{{Target: "t", Seq: 1}}, Fence: &store.Fence{Name: name, Number: fence}}, nil
		}})
	}

	beat("a")
	beat("b")
	list, err := f.Nodes(ctx)
	assert.NoError(t, err)
	assert.Equal(t, len(list), 2)
	assert.Equal(t, list[0].Name, "host-"+list[0].ID)
	assert.True(t, list[0].Alive && list[1].Alive && !list[0].Started.IsZero())

	_, err = f.Lease(ctx, store.Default, "x")
	assert.ErrorIs(t, err, store.ErrNotFound)
	mine := take("x", "a")
	assert.Equal(t, mine, store.Lease{Tenant: store.Default, Name: "x", Holder: "a", Fence: 1})
	assert.Equal(t, take("x", "a"), mine, assert.Sprintf("taken again"))
	assert.Equal(t, take("x", "b"), mine, assert.Sprintf("asked for by another"))
	assert.Equal(t, take("y", "b").Holder, "b")
	assert.NoError(t, write("x", 1))
	assert.ErrorIs(t, write("x", 0), store.ErrFenced)
	assert.ErrorIs(t, write("nothing", 1), store.ErrFenced)

	// Who has left, or was never there, holds nothing. What it writes after that is refused.
	assert.NoError(t, f.Leave(ctx, "a"))
	next := take("x", "b")
	assert.Equal(t, next, store.Lease{Tenant: store.Default, Name: "x", Holder: "b", Fence: 2})
	assert.ErrorIs(t, write("x", 1), store.ErrFenced)
	assert.NoError(t, write("x", 2))
	list, err = f.Nodes(ctx)
	assert.NoError(t, err)
	assert.Equal(t, len(list), 1)
	assert.Equal(t, list[0].Leases, 2)

	// Another tenant's lease of the same name is another one.
	_, err = f.Take(ctx, 99, "x", "b")
	assert.ErrorIs(t, err, store.ErrNotFound)

	// Of many that ask for the same one gets it.
	var wg sync.WaitGroup
	got := make([]store.Lease, 8)
	for i := range got {
		beat(fmt.Sprint(i))
	}
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = f.Take(ctx, store.Default, "z", fmt.Sprint(i)); err != nil && !errors.Is(err, ctx.Err()) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, l := range got {
		assert.Equal(t, l, got[0])
	}
}
