package nodes_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/nodes"
	"github.com/muster-id/muster/internal/store"
)

// database is store.Nodes in memory, with the clock of the test.
type database struct {
	mu     sync.Mutex
	alone  bool
	nodes  map[string]time.Time
	leases map[string]store.Lease
	deaf   map[string]bool // nodes that do not reach it
}

var errDown = errors.New("the database does not answer")

func (d *database) Shared() bool { return !d.alone }

func (d *database) Beat(_ context.Context, n store.Node) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deaf[n.ID] {
		return errDown
	}
	d.nodes[n.ID] = time.Now()
	return nil
}

func (d *database) Leave(_ context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.nodes, id)
	return nil
}

func (d *database) alive(id string) bool {
	seen, ok := d.nodes[id]
	return ok && time.Since(seen) <= store.NodeTTL
}

func (d *database) Nodes(context.Context) (list []store.Node, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.nodes {
		list = append(list, store.Node{ID: id, Alive: d.alive(id)})
	}
	return list, nil
}

func (d *database) Take(_ context.Context, t store.Tenant, name, node string) (store.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deaf[node] {
		return store.Lease{}, errDown
	}
	k := fmt.Sprint(t, name)
	l := d.leases[k]
	if !d.alive(l.Holder) {
		l = store.Lease{Tenant: t, Name: name, Holder: node, Fence: l.Fence + 1}
		d.leases[k] = l
	}
	return l, nil
}

func (d *database) Lease(_ context.Context, t store.Tenant, name string) (store.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.leases[fmt.Sprint(t, name)], nil
}

func (d *database) Head(context.Context, store.Tenant) (store.Head, error) {
	return store.Head{Seq: 10}, nil
}

func (d *database) Cursor(context.Context, store.Tenant, string) (store.Cursor, error) {
	return store.Cursor{Seq: 4}, nil
}

// work notes who runs, and fails the test if two do.
type work struct {
	t    *testing.T
	name string
	all  *sync.Map
	on   bool
}

func (w *work) Start(context.Context) error {
	if other, taken := w.all.LoadOrStore("running", w.name); taken {
		w.t.Errorf("%s starts while %v runs", w.name, other)
	}
	w.on = true
	return nil
}

func (w *work) Stop(context.Context) error {
	if w.on {
		w.all.Delete("running")
	}
	return nil
}

func (w *work) Status() delivery.Status { return delivery.Status{State: delivery.Open} }
func (w *work) Wake()                   {}

// TestRel_R06_OneNodeDelivers: of two nodes one runs a target; when it is not heard of any more it stops, before the other
// one takes over, which is within 30 s. It does not take the work back when it returns.
func TestRel_R06_OneNodeDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		db := &database{nodes: map[string]time.Time{}, leases: map[string]store.Lease{}, deaf: map[string]bool{}}
		var all sync.Map
		node := func(id string) (*nodes.Keeper, nodes.Walker) {
			k := nodes.New(db, store.Node{ID: id}, slog.New(slog.DiscardHandler))
			assert.NoError(t, k.Start(ctx))
			o, err := k.Own(ctx, store.Default, "hook", func(_ context.Context, f *store.Fence) (nodes.Walker, error) {
				return &work{t: t, name: id, all: &all}, nil
			})
			assert.NoError(t, err)
			assert.NoError(t, o.Start(ctx))
			synctest.Wait()
			return k, o
		}
		running := func() any { who, _ := all.Load("running"); return who }
		a, onA := node("a")
		b, onB := node("b")
		<-time.After(time.Second)
		assert.Equal(t, running(), any("a"))
		assert.Equal(t, onA.Status().State, delivery.Open)
		assert.Equal(t, onB.Status().State, delivery.Elsewhere)
		assert.Equal(t, onB.Status().Lag, 6)

		db.mu.Lock()
		db.deaf["a"] = true
		db.mu.Unlock()
		began := time.Now()
		for running() != any("b") {
			<-time.After(100 * time.Millisecond)
			if time.Since(began) > 30*time.Second {
				t.Fatal("nobody took over in 30 s")
			}
		}
		assert.True(t, !a.Alive() && b.Alive())

		db.mu.Lock()
		db.deaf["a"] = false
		db.mu.Unlock()
		<-time.After(time.Minute)
		assert.Equal(t, running(), any("b"))
		assert.Equal(t, a.Count(), 2)

		// Who leaves hands over at once.
		assert.NoError(t, onB.Stop(ctx))
		assert.NoError(t, b.Stop(ctx))
		<-time.After(4 * time.Second)
		assert.Equal(t, running(), any("a"))
		assert.NoError(t, onA.Stop(ctx))
		assert.NoError(t, a.Stop(ctx))
		assert.Equal(t, running(), nil)
	})
}

// TestOneNodeAlone: with the embedded database nothing is asked for and nothing wrapped.
func TestOneNodeAlone(t *testing.T) {
	t.Parallel()
	k := nodes.New(&database{alone: true}, store.Node{ID: "a", Name: "here"}, slog.New(slog.DiscardHandler))
	assert.NoError(t, k.Start(t.Context()))
	w := &work{}
	got, err := k.Own(t.Context(), store.Default, "hook", func(_ context.Context, f *store.Fence) (nodes.Walker, error) {
		assert.True(t, f == nil)
		return w, nil
	})
	assert.NoError(t, err)
	assert.True(t, got == nodes.Walker(w) && k.Alive())
	list, err := k.List(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, len(list), 1)
	assert.NoError(t, k.Stop(t.Context()))
}
