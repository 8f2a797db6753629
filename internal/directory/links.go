package directory

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// remembered is how long a reference to something unknown waits (F20).
const remembered = 7 * 24 * time.Hour

// linking is the operations of one request on the members of one resource.
type linking struct {
	kind    *kind
	source  store.Source
	ops     []server.LinkEdit
	dialect *scim.Dialect
	limit   int
	now     time.Time
	whole   bool // some operation looks at all members
	renewed bool // some operation says what all members are
	ids     []string

	self     string            // outside id of the resource
	promised map[string]string // types of those who will be there, by id
}

// newLinking checks operations as far as that needs nothing loaded.
func (s *resources) newLinking(ops []server.LinkEdit, d *scim.Dialect, now time.Time) (*linking, error) {
	l := &linking{kind: s.kind, source: s.Source, ops: ops, dialect: d, limit: s.d.opts.MaxEdges, now: now}
	for _, op := range ops {
		if s.kind.members == nil || op.Relation != s.kind.members.name {
			return nil, scim.BadRequest(scim.Mutability, "%s of a %s cannot be written", scim.Quote(op.Relation), s.kind.Name)
		}
		l.renewed = l.renewed || op.Op == patch.LinkSet || op.Op == patch.LinkClear
		l.whole = l.renewed || l.whole || op.Op == patch.LinkWhere
		for _, ref := range op.Refs {
			l.ids = append(l.ids, ref.Value)
		}
	}
	if len(l.ids) > l.limit {
		return nil, l.tooMany()
	}
	return l, nil
}

func (l *linking) tooMany() error {
	return scim.Errorf(http.StatusRequestEntityTooLarge,
		"one request can change at most %d %s; add or remove them in several requests", l.limit, l.kind.members.name)
}

// ask adds what the decision needs: the resources that are named, and of the edges of parent
// only those to them, unless an operation looks at all. parent is "" for a new resource.
func (l *linking) ask(keys *store.Keys, parent string) {
	if len(l.ops) == 0 {
		return
	}
	keys.Refs = l.ids
	switch rel := l.kind.members.rel; {
	case parent == "":
	case l.whole:
		keys.Children = []store.ChildKeys{{Parent: parent, Rel: rel, Limit: min(heavy, l.limit)}}
	case len(l.ids) > 0:
		keys.Edges = []store.EdgeKeys{{Parent: parent, Rel: rel, Members: l.ids}}
	}
}

// big reports whether it is known beforehand that many edges may change.
func (l *linking) big() bool { return len(l.ids) > heavy }

// edges is the membership of one parent while the operations of a request go over it.
// Only the net effect counts: what is removed and added again is no change.
type edges struct {
	*linking
	v      *view
	parent store.Num
	before map[store.Num]bool // of those in order
	after  map[store.Num]bool
	order  []store.Num // as the request or the store named them first
	// Values that name nobody, and whether the request wants them in the end.
	unknown map[string]bool
}

// decide applies the operations in order and adds to rows the edges that come and go, and the
// references to remember. It returns what the change says.
func (l *linking) decide(v *view, rows *store.Rows, parent store.Num, fresh bool) ([]store.EdgeChange, error) {
	if len(l.ops) == 0 {
		return nil, nil
	}
	e := &edges{
		linking: l, v: v, parent: parent,
		before: make(map[store.Num]bool), after: make(map[store.Num]bool), unknown: make(map[string]bool),
	}
	if l.whole && !fresh {
		if err := e.loadAll(); err != nil {
			return nil, err
		}
	}
	for _, op := range l.ops {
		if err := e.apply(op); err != nil {
			return nil, err
		}
	}
	e.remember(rows)
	return e.changes(rows)
}

// loadAll takes over all members that there are.
func (e *edges) loadAll() error {
	limit := e.limit
	if !e.v.load.heavy {
		limit = min(heavy, limit)
	}
	for n := range e.v.Children(e.kind.members.rel, e.parent) {
		e.before[n], e.after[n] = true, true
		e.order = append(e.order, n)
		if len(e.order) > limit {
			break
		}
	}
	switch {
	case len(e.order) > e.limit:
		return e.tooMany()
	case len(e.order) > limit:
		e.v.needHeavy()
	}
	return nil
}

// touch makes n one of those in order. Where all members were loaded, those in them were touched before.
func (e *edges) touch(n store.Num) {
	if _, seen := e.before[n]; seen {
		return
	}
	there := e.v.HasEdge(e.kind.members.rel, e.parent, n)
	e.before[n], e.after[n] = there, there
	e.order = append(e.order, n)
}

func (e *edges) apply(op server.LinkEdit) error {
	switch op.Op {
	case patch.LinkAdd:
		return e.add(op.Refs)
	case patch.LinkRemove:
		e.remove(op.Refs)
	case patch.LinkSet:
		e.clear()
		return e.add(op.Refs)
	case patch.LinkClear:
		e.clear()
	case patch.LinkWhere:
		e.removeWhere(op.Where)
	}
	return nil
}

func (e *edges) add(refs []patch.Ref) error {
	for _, ref := range refs {
		r := e.v.ByID(ref.Value)
		typ, promised := e.promised[ref.Value]
		if r != nil {
			typ = r.Type
		}
		switch {
		case ref.Value == e.self:
			return scim.BadRequest(scim.InvalidValue, "%s: a %s cannot be a member of itself", e.kind.members.name, e.kind.Name)
		case r == nil && promised && e.kind.members.allows(typ):
			e.unknown[ref.Value] = true
			continue
		case r == nil && !promised && e.dialect.Forgives(scim.UnknownMembers):
			e.unknown[ref.Value] = true
			continue
		case r == nil && !promised:
			return scim.BadRequest(scim.InvalidValue, "%s: no resource has the id %s", e.kind.members.name, scim.Quote(ref.Value))
		case !e.kind.members.allows(typ):
			return scim.BadRequest(scim.InvalidValue, "%s: %s is a %s, which cannot be one", e.kind.members.name, scim.Quote(ref.Value), typ)
		}
		e.touch(r.Num)
		e.after[r.Num] = true
	}
	return nil
}

// remove takes members out. Who is not one, or not anybody, is no error: the client has what it wants.
func (e *edges) remove(refs []patch.Ref) {
	for _, ref := range refs {
		if r := e.v.ByID(ref.Value); r != nil {
			e.touch(r.Num)
			e.after[r.Num] = false
		} else {
			e.unknown[ref.Value] = false
		}
	}
}

func (e *edges) clear() {
	for _, n := range e.order {
		e.after[n] = false
	}
	for value := range e.unknown {
		e.unknown[value] = false
	}
}

// removeWhere takes out the members that a filter matches.
func (e *edges) removeWhere(where filter.Expr) {
	for _, n := range e.order {
		if !e.after[n] {
			continue
		}
		r := e.v.ByNum(n) // known by name, as all members and all who are named
		element := schema.Object{"value": r.ID, "type": r.Type}
		if r.Index.Display != "" {
			element["display"] = r.Index.Display
		}
		if filter.MatchElement(where, e.kind.set, element) {
			e.after[n] = false
		}
	}
}

// remember notes references to what is not there yet, and forgets those that are not wanted
// any more: after a request that says what all members are, all others.
func (e *edges) remember(rows *store.Rows) {
	all := store.Pending{Source: e.source, Rel: e.kind.members.rel, Parent: e.parent}
	if e.renewed {
		rows.Unpend = append(rows.Unpend, all)
	}
	for _, value := range slices.Sorted(maps.Keys(e.unknown)) {
		one := all
		one.Value, one.Expires = value, e.now.Add(remembered)
		switch {
		case e.unknown[value]:
			rows.Pend = append(rows.Pend, one)
		case !e.renewed && slices.ContainsFunc(e.v.waiting(value), func(p store.Pending) bool {
			return p.Parent == one.Parent && p.Rel == one.Rel
		}):
			rows.Unpend = append(rows.Unpend, one)
		}
	}
}

// strangers returns how many references the rows remember to what nobody has promised.
func (l *linking) strangers(rows *store.Rows) int {
	n := 0
	for _, p := range rows.Pend {
		if _, promised := l.promised[p.Value]; !promised {
			n++
		}
	}
	return n
}

// changes adds the edges that differ in the end.
func (e *edges) changes(rows *store.Rows) ([]store.EdgeChange, error) {
	var out []store.EdgeChange
	rel := e.kind.members.rel
	for _, n := range e.order {
		if e.before[n] == e.after[n] {
			continue
		}
		edge := store.Edge{Rel: rel, Parent: e.parent, Child: n, Source: e.source}
		if e.after[n] {
			rows.Link = append(rows.Link, edge)
		} else {
			rows.Unlink = append(rows.Unlink, edge)
		}
		out = append(out, store.EdgeChange{Rel: rel, Child: n, Removed: !e.after[n]})
	}
	switch {
	case len(out) > e.limit:
		return nil, e.tooMany()
	case len(out) > heavy:
		e.v.needHeavy()
	}
	return out, nil
}
