package directory

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
)

const (
	// heavy is from how many edges on a write runs in a batch of its own.
	heavy = 1000
	// rounds is how often a decision may find that it needs more keys. Two are usual; more
	// than four would mean that the keys themselves change all the time.
	rounds = 8
)

// errMissed ends a round in which a decision needed what was not loaded.
var errMissed = errors.New("the decision needs more keys")

// decideFunc is a decision: pure, and may run again. Its last run is the one that counts.
type decideFunc func(v *view) (*store.Rows, error)

// view is what a decision sees. It passes on what was loaded and notes what was not: if
// anything was missed, the decision's result is thrown away, so that it may go on with
// whatever "absent" leads to.
type view struct {
	store.View
	load   *load
	missed load
}

// load is what a write asks for.
type load struct {
	store.Keys
	heavy bool
}

func (l *load) empty() bool {
	return !l.heavy && len(l.IDs) == 0 && len(l.Nums) == 0 && len(l.Claims) == 0 &&
		len(l.Pending) == 0 && len(l.Edges) == 0
}

// with returns what the next round asks for. A heavy one may see all children of a parent.
func (l *load) with(m load, maxEdges int) load {
	next := load{Keys: l.Keys, heavy: l.heavy || m.heavy}
	next.IDs = slices.Concat(l.IDs, m.IDs)
	next.Nums = slices.Concat(l.Nums, m.Nums)
	next.Claims = slices.Concat(l.Claims, m.Claims)
	next.Edges = slices.Concat(l.Edges, m.Edges)
	next.Pending = slices.Concat(l.Pending, m.Pending)
	if next.heavy {
		next.Children = slices.Clone(l.Children)
		for i := range next.Children {
			next.Children[i].Limit = maxEdges
		}
	}
	return next
}

// plan is a write that is ready to be decided.
type plan struct {
	keys   store.Keys
	big    bool // it is known beforehand that many edges may change
	decide decideFunc
	out    outcome // what the last run of decide came to; of a delete it stays empty
}

// write commits what decide decides. While it misses keys, it is asked again with these.
func (s *resources) write(ctx context.Context, keys store.Keys, big bool, decide decideFunc) error {
	loaded := load{Keys: keys, heavy: big}
	for range rounds {
		var missed load
		round := loaded // of its own: the store may run the decision until it has answered
		err := s.d.store.Write(ctx, s.Tenant, &store.Op{
			Source: s.Source,
			Gen:    s.d.schemas.Gen,
			Load:   round.Keys,
			Heavy:  round.heavy,
			Decide: func(loaded store.View) (*store.Rows, error) {
				v := &view{View: loaded, load: &round}
				rows, err := decide(v)
				if missed = v.missed; !missed.empty() {
					return nil, errMissed
				}
				return rows, err
			},
		})
		if !errors.Is(err, errMissed) {
			return translate(err)
		}
		loaded = round.with(missed, s.d.opts.MaxEdges)
	}
	return unsettled()
}

// unsettled is the answer to a write that never had all the keys it needs.
func unsettled() error {
	return &scim.Error{
		Status: http.StatusServiceUnavailable, RetryAfter: time.Second, Err: errMissed,
		Detail: "the resource keeps changing while it is written; try again",
	}
}

// resource returns a live resource by outside id, or nil; of members it may have the names alone.
func (v *view) resource(id string) *store.Resource {
	r := v.ByID(id)
	if r == nil && !slices.Contains(v.load.IDs, id) {
		v.missed.IDs = append(v.missed.IDs, id)
	}
	return r
}

// whole returns a resource by number, tombstones included, so that it can be written back; or nil.
func (v *view) whole(n store.Num) *store.Resource {
	r := v.ByNum(n)
	if r == nil || !r.Deleted && r.Body == nil { // members are known by their names alone
		v.missed.Nums = append(v.missed.Nums, n)
		return nil
	}
	return r
}

// holder returns who holds a claim.
func (v *view) holder(k store.ClaimKey) (store.Num, bool) {
	n, held := v.Claim(k)
	if !held && !slices.Contains(v.load.Claims, k) {
		v.missed.Claims = append(v.missed.Claims, k)
	}
	return n, held
}

// waiting returns the references that wait for a value.
func (v *view) waiting(value string) []store.Pending {
	p := v.Pending(value)
	if len(p) == 0 && !slices.Contains(v.load.Pending, value) {
		v.missed.Pending = append(v.missed.Pending, value)
	}
	return p
}

// linked reports whether there is an edge from parent to child.
func (v *view) linked(rel store.Rel, parent, child *store.Resource) bool {
	there := v.HasEdge(rel, parent.Num, child.Num)
	asked := func(k store.EdgeKeys) bool {
		return k.Rel == rel && k.Parent == parent.ID && slices.Contains(k.Members, child.ID)
	}
	if !there && !slices.ContainsFunc(v.load.Edges, asked) {
		v.missed.Edges = append(v.missed.Edges, store.EdgeKeys{Rel: rel, Parent: parent.ID, Members: []string{child.ID}})
	}
	return there
}

// needHeavy makes the write one that changes many edges.
func (v *view) needHeavy() {
	if !v.load.heavy {
		v.missed.heavy = true
	}
}
