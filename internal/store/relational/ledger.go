package relational

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/muster-id/muster/internal/store"
)

// ledger is what a batch knows of one tenant: what it loaded, and over it what the decisions so
// far have altered. A View reads it; at the end what was altered is written once.
type ledger struct {
	tenant store.Tenant
	opts   *Options
	ops    []*store.Op
	known  bool // the tenant has a head
	head   head

	ids      map[string]store.Num // of live resources; 0: none has it
	nums     map[store.Num]*known
	claims   map[store.ClaimKey]*claim
	edges    map[edgeKey]*edge
	children map[parentKey][]store.Num // in order; without what was linked since
	former   map[formerKey]*store.Record
	pending  map[pendKey]*pending

	altered []*known    // resources to write
	records []recordKey // in the order in which they were first altered
	record  map[recordKey]*store.Record
	forgets map[forgetKey]bool // parents whose pending references go before others come
	cuts    []cut
	sweep   map[store.Num]bool // true: to be swept, false: not any more
	changes []*change
	acts    []*store.Act // in the order in which they happened
	guard   guard
	rest    []*store.Rows // for the tables that no View shows

	renested bool // the nesting of groups changed
}

// head is a tenant's row of head.
type head struct {
	seq           store.Seq
	next          store.Num
	fresh         store.Num // next when the batch began: what is below may be in the database
	at            int64
	users, groups int64
	gen           int // of the schemas
	audited       int64
	hash          [sha256.Size]byte // of the record audited
	checked       int64             // the record of the last checkpoint
	active        int64             // people who are not inactive
	holds         int64             // that are open
	lastHold      int64
	protected     int64
	nest          int64 // grows whenever the nesting of groups changes
	dirty         bool
}

// known is a resource in a ledger.
type known struct {
	now    *store.Resource
	stored *store.Resource // as the database has it; nil: not there yet
	light  bool            // stored has neither body nor index
	dirty  bool
}

type claim struct {
	num, stored store.Num // 0: free
	released    bool      // at some time in this batch
	dirty       bool
}

type edgeKey struct {
	rel           store.Rel
	parent, child store.Num
}

type parentKey struct {
	rel    store.Rel
	parent store.Num
}

type edge struct {
	source  store.Source
	there   bool
	stored  bool // as the database has it
	unknown bool // the database was not asked
}

type formerKey struct {
	source store.Source
	store.FormerKey
}

type pendKey struct {
	source store.Source
	value  string
}

// pending is the references that wait for one value.
type pending struct {
	now   []store.Pending
	dirty map[parentKey]bool
}

// forgetKey names all references of a source that wait to be children of a parent.
type forgetKey struct {
	source store.Source
	parentKey
}

type recordKey struct {
	source store.Source
	id     string
}

type cut struct {
	num store.Num
	at  int64
}

type change struct {
	*store.Change
	gen    int
	before []byte // as it is stored
	format int64
}

func newLedger(t store.Tenant, o *Options) *ledger {
	return &ledger{
		tenant:   t,
		opts:     o,
		ids:      map[string]store.Num{},
		nums:     map[store.Num]*known{},
		claims:   map[store.ClaimKey]*claim{},
		edges:    map[edgeKey]*edge{},
		children: map[parentKey][]store.Num{},
		former:   map[formerKey]*store.Record{},
		pending:  map[pendKey]*pending{},
		record:   map[recordKey]*store.Record{},
		forgets:  map[forgetKey]bool{},
		sweep:    map[store.Num]bool{},
	}
}

// learn notes a resource as the database has it. One that is known with its body is not
// replaced by one without.
func (l *ledger) learn(r *store.Resource, light bool) {
	if k := l.nums[r.Num]; k == nil || k.light && !light {
		l.nums[r.Num] = &known{now: r, stored: r, light: light}
	}
	if !r.Deleted {
		l.ids[r.ID] = r.Num
	}
}

// live reports whether a resource is known and no tombstone.
func (l *ledger) live(n store.Num) bool {
	k := l.nums[n]
	return k != nil && !k.now.Deleted
}

// resource returns a known resource, reading it if it is not known yet: with its body unless light is enough.
func (l *ledger) resource(c Conn, n store.Num, light bool) (*known, error) {
	k := l.nums[n]
	if n >= l.head.fresh || k != nil && (light || !k.light || k.dirty) {
		return k, nil
	}
	if err := l.loadNums(c, []store.Num{n}); err != nil {
		return nil, err
	}
	return l.nums[n], nil
}

// enter takes what a decision wrote into the ledger. answer refuses the rows as a whole, before
// anything was entered; err is of the database.
func (l *ledger) enter(c Conn, rows *store.Rows) (answer, err error) {
	if answer := l.check(rows); answer != nil {
		return answer, nil
	}
	if answer, err := l.fenced(c, rows.Fence); answer != nil || err != nil {
		return answer, err
	}
	if answer, err := l.checkNames(c, rows); answer != nil || err != nil {
		return answer, err
	}
	if answer, err := l.checkItems(c, rows); answer != nil || err != nil {
		return answer, err
	}
	for _, r := range rows.Resources {
		// Read now what writing needs to know of a resource that the decision did not ask for.
		if _, err := l.resource(c, r.Num, false); err != nil {
			return nil, err
		}
	}
	for _, e := range rows.Link {
		for _, n := range []store.Num{e.Parent, e.Child} {
			if _, err := l.resource(c, n, true); err != nil {
				return nil, err
			}
		}
	}
	l.guard.conn = c
	for _, r := range rows.Resources {
		l.giveKey(r)
	}
	for _, ch := range rows.Changes {
		l.enterChange(ch, rows)
	}
	if l.guard.err != nil {
		return nil, l.guard.err
	}
	l.enterActs(rows)
	l.enterDecisions(rows)
	for _, n := range rows.Cut {
		l.enterCut(n, rows)
	}
	for _, r := range rows.Resources {
		if k := l.nums[r.Num]; k != nil && k.now.Deleted && !r.Deleted && !slices.Contains(rows.Cut, r.Num) && !slices.Contains(rows.Restored, r.Num) {
			l.enterCut(r.Num, rows) // no revival brings an edge back
		}
		l.enterResource(r)
	}
	for _, n := range rows.Restored {
		l.sweep[n] = false
		l.renested = true
	}
	for _, n := range rows.Swept {
		l.sweep[n] = true
	}
	for _, r := range rows.Records {
		k := recordKey{r.Source, r.ID}
		if l.record[k] == nil {
			l.records = append(l.records, k)
		}
		l.record[k] = r
		l.enterFormer(r)
	}
	for _, k := range rows.Release {
		l.claim(k).set(0)
	}
	for _, k := range rows.Claim {
		l.claim(k.ClaimKey).set(k.Num)
	}
	for _, e := range rows.Unlink {
		l.enterEdge(e, false)
	}
	for _, e := range rows.Link {
		l.enterEdge(e, true)
	}
	for _, p := range rows.Unpend {
		l.enterPending(p, false)
	}
	for _, p := range rows.Pend {
		l.enterPending(p, true)
	}
	if rows.Schema != nil {
		l.head.gen, l.head.dirty = rows.Schema.Gen, true
	}
	l.rest = append(l.rest, rows)
	return nil, nil
}

// check finds rows that would break what the tables promise, before they take the whole batch down.
func (l *ledger) check(rows *store.Rows) error {
	if err := l.checkSchema(rows.Schema); err != nil {
		return err
	}
	released := map[store.ClaimKey]bool{}
	for _, k := range rows.Release {
		released[k] = true
	}
	for _, k := range rows.Claim {
		if h := l.claims[k.ClaimKey]; h != nil && h.num != 0 && h.num != k.Num && !released[k.ClaimKey] {
			return fmt.Errorf("claim of %s for resource %d: resource %d holds it", k.Scope, k.Num, h.num)
		}
	}
	for _, r := range rows.Resources {
		if n, ok := l.ids[r.ID]; ok && n != 0 && n != r.Num {
			return fmt.Errorf("id of resource %d: resource %d has it", r.Num, n)
		}
		if r.Num <= 0 || r.Num >= l.head.next {
			return fmt.Errorf("number %d of a resource was never given out", r.Num)
		}
	}
	return nil
}

func (l *ledger) enterChange(ch *store.Change, rows *store.Rows) {
	l.head.seq++
	l.head.dirty = true
	// The clock of a node may go back, the feed's does not.
	l.head.at = max(l.head.at, toMillis(ch.At))
	ch.Seq = l.head.seq
	gen := 0
	if k := l.nums[ch.Num]; k != nil {
		gen = k.now.Gen // of the document before: Resources are entered after Changes
	}
	c := &change{Change: ch, gen: gen, before: ch.Before}
	l.changes = append(l.changes, c)
	l.judge(c, rows)
	l.sealChange(c, rows)
}

// enterCut removes all edges of a resource: those in the database when the ledger is written, those known here now.
func (l *ledger) enterCut(n store.Num, rows *store.Rows) {
	c := cut{num: n, at: l.head.at}
	for _, r := range rows.Resources {
		if r.Num == n {
			c.at = toMillis(r.Modified)
		}
	}
	l.cuts = append(l.cuts, c)
	l.sweep[n] = false
	l.renested = true
	for k, e := range l.edges {
		if k.parent == n || k.child == n {
			*e = edge{}
		}
	}
	for k, list := range l.children {
		if k.parent == n {
			l.children[k] = nil
		} else if i, ok := slices.BinarySearch(list, n); ok {
			l.children[k] = slices.Delete(slices.Clone(list), i, i+1)
		}
	}
}

func (l *ledger) enterResource(r *store.Resource) {
	k := l.nums[r.Num]
	if k == nil {
		k = &known{}
		l.nums[r.Num] = k
	}
	if !k.dirty {
		k.dirty = true
		l.altered = append(l.altered, k)
	}
	was := k.now
	if was != nil && !was.Deleted {
		l.count(was, -1)
		if was.ID != r.ID || r.Deleted {
			l.ids[was.ID] = 0
		}
	}
	if !r.Deleted {
		l.count(r, +1)
		l.ids[r.ID] = r.Num
	}
	if was != nil && was.Deleted != r.Deleted && r.Type != store.TypeUser {
		l.renested = true
	}
	if r.Deleted && (was == nil || !was.Deleted) {
		l.sweep[r.Num] = true // whatever the decision says: readers rely on it
	}
	k.now = r
}

func (l *ledger) count(r *store.Resource, by int64) {
	switch r.Type {
	case store.TypeUser:
		l.head.users += by
		if r.Index.Active != store.False {
			l.head.active += by
		}
	case store.TypeGroup:
		l.head.groups += by
	}
	l.head.dirty = true
}

func (l *ledger) claim(k store.ClaimKey) *claim {
	c := l.claims[k]
	if c == nil {
		// Nobody asked who holds it: then the table decides.
		c = &claim{}
		l.claims[k] = c
	}
	return c
}

func (c *claim) set(n store.Num) {
	c.num, c.dirty = n, true
	c.released = c.released || n == 0
}

// enterFormer shows a record that ends to those who ask for former ones of its keys.
func (l *ledger) enterFormer(r *store.Record) {
	k := l.nums[r.Num]
	if r.Ended.IsZero() || k == nil {
		return
	}
	for f, was := range l.former {
		if f.source == r.Source && f.Type == k.now.Type && matches(f, r) && (was == nil || !was.Ended.After(r.Ended)) {
			l.former[f] = r
		}
	}
}

func matches(f formerKey, r *store.Record) bool {
	return f.ExternalID != "" && f.ExternalID == r.ExternalID ||
		f.EmployeeNumber != "" && f.EmployeeNumber == r.EmployeeNumber
}

func (l *ledger) enterEdge(e store.Edge, there bool) {
	k := edgeKey{e.Rel, e.Parent, e.Child}
	s := l.edges[k]
	if s == nil {
		s = &edge{unknown: true}
		l.edges[k] = s
	}
	if there && !s.there {
		s.source = e.Source
	}
	s.there = there
	if l.nested(e.Parent, e.Child) {
		l.renested = true
	}
}

// nested reports whether an edge leads from a resource to one of the same type, such as a group in a group. An
// end that is unknown is taken to be one.
func (l *ledger) nested(parent, child store.Num) bool {
	p, c := l.nums[parent], l.nums[child]
	return p == nil || c == nil || p.now.Type == c.now.Type
}

// enterPending adds or removes a reference; without a value, it removes all that wait for the parent.
func (l *ledger) enterPending(p store.Pending, there bool) {
	if p.Value == "" {
		l.forgets[forgetKey{p.Source, parentKey{p.Rel, p.Parent}}] = true
		for k, s := range l.pending {
			if k.source == p.Source {
				s.drop(p)
			}
		}
		return
	}
	s := l.pending[pendKey{p.Source, p.Value}]
	if s == nil {
		s = &pending{}
		l.pending[pendKey{p.Source, p.Value}] = s
	}
	s.drop(p)
	if there {
		s.now = append(s.now, p)
	}
	if s.dirty == nil {
		s.dirty = map[parentKey]bool{}
	}
	s.dirty[parentKey{p.Rel, p.Parent}] = true
}

// drop leaves out the reference of p's parent. Those who hold the old list keep it.
func (s *pending) drop(p store.Pending) {
	s.now = slices.DeleteFunc(slices.Clone(s.now), func(q store.Pending) bool {
		return q.Rel == p.Rel && q.Parent == p.Parent
	})
}

// childrenOf returns the live children of a parent whose edges were loaded, in order.
func (l *ledger) childrenOf(k parentKey) []store.Num {
	set := map[store.Num]bool{}
	for _, n := range l.children[k] {
		set[n] = true
	}
	for e, s := range l.edges {
		if e.rel == k.rel && e.parent == k.parent {
			set[e.child] = s.there
		}
	}
	var list []store.Num
	for _, n := range slices.Sorted(maps.Keys(set)) {
		if set[n] && l.live(n) {
			list = append(list, n)
		}
	}
	return list
}
