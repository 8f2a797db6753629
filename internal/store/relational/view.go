package relational

import (
	"iter"
	"slices"

	"github.com/muster-id/muster/internal/store"
)

// view is a store.View on a ledger for an Op of one source.
type view struct {
	ledger *ledger
	source store.Source
}

var _ store.View = (*view)(nil)

func (v *view) ByID(id string) *store.Resource {
	if n := v.ledger.ids[id]; n != 0 {
		return v.ledger.nums[n].now
	}
	return nil
}

func (v *view) ByNum(n store.Num) *store.Resource {
	if k := v.ledger.nums[n]; k != nil {
		return k.now
	}
	return nil
}

func (v *view) Claim(k store.ClaimKey) (store.Num, bool) {
	if c := v.ledger.claims[k]; c != nil && c.num != 0 {
		return c.num, true
	}
	return 0, false
}

func (v *view) HasEdge(r store.Rel, parent, child store.Num) bool {
	e := v.ledger.edges[edgeKey{r, parent, child}]
	return e != nil && e.there && v.ledger.live(parent) && v.ledger.live(child)
}

func (v *view) Children(r store.Rel, parent store.Num) iter.Seq[store.Num] {
	if !v.ledger.live(parent) {
		return slices.Values[[]store.Num](nil)
	}
	return slices.Values(v.ledger.childrenOf(parentKey{r, parent}))
}

func (v *view) Former(k store.FormerKey) *store.Record {
	return v.ledger.former[formerKey{v.source, k}]
}

func (v *view) Pending(value string) []store.Pending {
	if p := v.ledger.pending[pendKey{v.source, value}]; p != nil {
		return slices.Clone(p.now)
	}
	return nil
}

func (v *view) NextNum() store.Num {
	n := v.ledger.head.next
	v.ledger.head.next++
	v.ledger.head.dirty = true
	return n
}
