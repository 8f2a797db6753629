package relational

import (
	"context"
	"slices"
	"sync"

	"github.com/muster-id/muster/internal/store"
)

// maxNestings bounds the tenants whose nesting is kept.
const maxNestings = 256

// nesting keeps, per tenant, which groups are in which groups: what User.groups and filters
// on it walk. It holds edges between live resources of one type only, so it is as large as a
// tenant's nesting, not as its membership.
//
// The writer forgets a tenant's after each commit that altered it. What a reader loaded before that
// commit is not kept, since the generation moved on meanwhile. Where other nodes write too, the head tells of which state
// of the nesting it is, and what is kept of another one is of no use.
type nesting struct {
	shared bool

	mu         sync.Mutex
	tenants    map[nestingKey]*nested
	generation map[store.Tenant]uint64
}

type nestingKey struct {
	tenant store.Tenant
	rel    store.Rel
}

// nested is the nesting of one tenant. It does not change.
type nested struct {
	state             int64 // of the nesting, as the head counts; 0 where only this process writes
	parents, children map[store.Num][]store.Num
}

func newNesting(shared bool) *nesting {
	return &nesting{shared: shared, tenants: map[nestingKey]*nested{}, generation: map[store.Tenant]uint64{}}
}

// forget drops what is known of a tenant.
func (n *nesting) forget(t store.Tenant) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.generation[t]++
	for k := range n.tenants {
		if k.tenant == t {
			delete(n.tenants, k)
		}
	}
}

// drop forgets that a tenant was ever there.
func (n *nesting) drop(t store.Tenant) {
	n.forget(t)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.generation, t)
}

const nestingState = "SELECT nest FROM head WHERE tenant = ?"

const selectNesting = `SELECT e.parent, e.child FROM edge e INDEXED BY edge_nested
	CROSS JOIN resource p ON p.tenant = e.tenant AND p.num = e.parent
	CROSS JOIN resource c ON c.tenant = e.tenant AND c.num = e.child
	WHERE e.tenant = ? AND e.rel = ? AND e.nested = 1 AND p.deleted = 0 AND c.deleted = 0`

// of returns the nesting of a tenant, reading it if need be.
func (n *nesting) of(c Conn, t store.Tenant, rel store.Rel) (*nested, error) {
	var state int64
	if n.shared {
		// Before the edges: if they are newer than this, they are read again next time.
		if _, err := c.One(func(r Row) { state = r.Int(0) }, nestingState, int64(t)); err != nil {
			return nil, err
		}
	}
	k := nestingKey{t, rel}
	n.mu.Lock()
	have, generation := n.tenants[k], n.generation[t]
	n.mu.Unlock()
	if have != nil && have.state == state {
		return have, nil
	}
	g := &nested{state: state, parents: map[store.Num][]store.Num{}, children: map[store.Num][]store.Num{}}
	for r, err := range c.Rows(context.Background(), selectNesting, int64(t), int64(rel)) {
		if err != nil {
			return nil, err
		}
		parent, child := store.Num(r.Int(0)), store.Num(r.Int(1))
		g.parents[child] = append(g.parents[child], parent)
		g.children[parent] = append(g.children[parent], child)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.generation[t] == generation {
		if len(n.tenants) >= maxNestings {
			clear(n.tenants)
		}
		n.tenants[k] = g
	}
	return g, nil
}

// walk returns what is reached from start along next, in order: without start itself and without not. A
// cycle ends where it closes.
func walk(next map[store.Num][]store.Num, start []store.Num, not store.Num) []store.Num {
	if len(next) == 0 {
		return nil
	}
	seen := map[store.Num]bool{not: true}
	for _, s := range start {
		seen[s] = true
	}
	var reached []store.Num
	for queue := slices.Clone(start); len(queue) > 0; queue = queue[1:] {
		for _, n := range next[queue[0]] {
			if !seen[n] {
				seen[n] = true
				reached = append(reached, n)
				queue = append(queue, n)
			}
		}
	}
	slices.Sort(reached)
	return reached
}
