package relational

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// clause is a piece of SQL with its arguments. Text is made of constants alone; whatever a
// client wrote is an argument (D06).
type clause struct {
	text string
	args []any
}

func (c clause) and(d clause) clause {
	switch {
	case d.text == "":
		return c
	case c.text == "":
		return d
	}
	return clause{c.text + " AND " + d.text, slices.Concat(c.args, d.args)}
}

// term is a part of a filter, compiled.
type term struct {
	// cond is a condition on resource r that is true wherever the part of the filter is. Without text it is always true.
	cond clause
	// exact says that cond is true nowhere else.
	exact bool
	// never says that nothing satisfies it; then cond has no text.
	never bool
	via   access
}

// access is how the resources are found that cond allows, without looking at others.
type access struct {
	rank  rank
	index string        // on resource, which the columns of cond make use of
	nums  func() clause // a query for the numbers, where rank is selective
	byNum bool          // it yields them in order of number
}

// rank says how well an access narrows a search. The smallest drives.
type rank uint8

const (
	rankNone   rank = iota // none: all live resources of the type are looked at
	rankKey                // one key of a column
	rankRows               // one key of an entry, the ends of an edge
	rankPrefix             // a range of keys that share a beginning
	rankUnion              // several of these
	rankRange              // an open range of an index
	rankScan               // every key of an index, which is smaller than the rows
)

// selective reports whether an access leads to few rows, so that sorting their numbers is cheap.
func (a access) selective() bool { return a.rank != rankNone && a.rank <= rankUnion }

func (a access) better(b access) bool {
	return a.rank != rankNone && (b.rank == rankNone || a.rank < b.rank)
}

// compiler makes conditions of a bound filter for one tenant and resource type.
//
// A leaf is exact if SQL compares the same keys that filter.Match would: Set.Key folded them when
// they were written and folds the operand here. What is not exact, and why:
//
//   - attributes that have neither column nor entries;
//   - the order of numbers: their keys only tell them apart;
//   - an empty operand, and lt and le on strings: "" is stored as unassigned;
//   - attribute[…] of more than one comparison: entries do not know which belong together.
type compiler struct {
	db     *DB
	conn   Conn // for the numbers behind ids and the nesting of groups
	tenant store.Tenant
	typ    *schema.ResourceType
}

// anything is the condition of a leaf that SQL knows nothing about.
var anything = term{}

// constant is a condition that does not depend on the resource.
func constant(holds bool) term { return term{exact: true, never: !holds} }

func (c *compiler) compile(e filter.Expr) (term, error) {
	switch e := e.(type) {
	case *filter.And:
		return c.and(e.Terms)
	case *filter.Or:
		return c.or(e.Terms)
	case *filter.Compare:
		return c.compare(e)
	case *filter.Element:
		return c.element(e)
	}
	return anything, nil
}

func (c *compiler) and(terms []filter.Expr) (term, error) {
	out := term{exact: true}
	for _, e := range terms {
		t, err := c.compile(e)
		if err != nil || t.never {
			return t, err
		}
		out.cond = out.cond.and(t.cond)
		out.exact = out.exact && t.exact
		if t.via.better(out.via) {
			out.via = t.via
		}
	}
	return out, nil
}

func (c *compiler) or(terms []filter.Expr) (term, error) {
	out := term{exact: true, via: access{rank: rankUnion}}
	var conds, nums []string
	var numArgs []any
	for _, e := range terms {
		t, err := c.compile(e)
		if t.never {
			continue
		}
		if err != nil || t.cond.text == "" {
			return t, err
		}
		conds = append(conds, t.cond.text)
		out.cond.args = append(out.cond.args, t.cond.args...)
		out.exact = out.exact && t.exact
		if t.via.selective() {
			one := t.via.nums()
			nums = append(nums, one.text)
			numArgs = append(numArgs, one.args...)
		} else {
			out.via = access{}
		}
	}
	if len(conds) == 0 {
		return constant(false), nil
	}
	out.cond.text = "(" + strings.Join(conds, " OR ") + ")"
	if out.via.rank == rankUnion {
		out.via.nums = func() clause { return clause{strings.Join(nums, " UNION "), numArgs} }
	}
	return out, nil
}

// column is a single-valued string attribute with an index of its own.
type column struct{ name, index string }

var columns = map[store.Column]column{
	store.ColumnUserName:       {"r.user_name", "resource_user_name"},
	store.ColumnExternalID:     {"r.external_id", "resource_external_id"},
	store.ColumnDisplayName:    {"r.display_name", "resource_display_name"},
	store.ColumnEmployeeNumber: {"r.employee_number", "resource_employee_number"},
	store.ColumnManager:        {"r.manager", "resource_manager"},
}

func (c *compiler) compare(e *filter.Compare) (term, error) {
	p := e.Path
	switch {
	case e.Nothing:
		return constant(e.Negated), nil
	case p.Attr == nil || e.AnyOther:
		return anything, nil
	case p.Attr.Relation:
		return c.relation(e)
	case p.Extension == nil && p.Sub == nil && p.Attr.Name == "id":
		return c.id(e), nil
	case p.Extension == nil && p.Attr.Name == "meta":
		return c.meta(e), nil
	}
	switch col := store.Indexed(p); col {
	case store.NotIndexed:
		return anything, nil
	case store.ColumnActive:
		return active(e), nil
	case store.ColumnEntries:
		return c.entry(e), nil
	default:
		return c.text(e, columns[col]), nil
	}
}

// text compiles a comparison of a column that is "" where the attribute is unassigned.
func (c *compiler) text(e *filter.Compare, col column) term {
	cond, exact, r := c.keys(e, col.name)
	if cond.text == "" {
		return anything
	}
	present := clause{text: col.name + " <> ''"} // of the partial index, which SQLite uses only where it is said
	if e.Negated {
		if !exact {
			// Wherever the comparison itself is in doubt, so is its opposite.
			return anything
		}
		return term{cond: clause{"NOT (" + cond.and(present).text + ")", cond.args}, exact: true}
	}
	via := access{rank: r, index: col.index, byNum: r == rankKey}
	cond = cond.and(present)
	if via.selective() {
		via.nums = func() clause {
			where := clause{"SELECT r.num FROM resource r INDEXED BY " + col.index + " WHERE r.tenant = ? AND r.type = ?", []any{int64(c.tenant), c.typ.Name}}
			return where.and(cond)
		}
	}
	return term{cond: cond, exact: exact, via: via}
}

// keys compiles a comparison of a column of keys, negation aside. What it returns without text is not to be compiled.
func (c *compiler) keys(e *filter.Compare, name string) (cond clause, exact bool, r rank) {
	if e.Op == filter.Pr {
		return clause{text: name + " <> ''"}, true, rankScan
	}
	set, leaf := c.typ.Set(), e.Path.Leaf()
	key := store.KeyText(set, leaf, e.Value)
	_, ordered := set.Key(leaf, e.Value).(string)
	if key == "" || !ordered && e.Op != filter.Eq {
		return clause{}, false, rankNone
	}
	// Bytes, not characters: LIKE has wildcards and folds by rules of its own (D07), instr and substr of text stop at a NUL.
	bytes := "CAST(" + name + " AS BLOB)"
	switch e.Op {
	case filter.Eq:
		return clause{name + " = ?", []any{key}}, true, rankKey
	case filter.Sw:
		cond := clause{name + " >= ?", []any{key}}
		if end := behind(key); end != "" {
			cond = cond.and(clause{name + " < ?", []any{end}})
		}
		return cond, true, rankPrefix
	case filter.Co:
		return clause{"instr(" + bytes + ", ?) > 0", []any{[]byte(key)}}, true, rankScan
	case filter.Ew:
		return clause{"substr(" + bytes + ", ?) = ?", []any{int64(-len(key)), []byte(key)}}, true, rankScan
	case filter.Gt:
		return clause{name + " > ?", []any{key}}, true, rankRange
	case filter.Ge:
		return clause{name + " >= ?", []any{key}}, true, rankRange
	case filter.Lt, filter.Le, filter.Ne, filter.Pr: // of these, Ne does not occur and Pr was above
	}
	return clause{}, false, rankNone
}

// behind returns the least string of valid UTF-8 that is greater than all that begin with s; "" if there is none. Databases
// compare bytes, whose order is that of the code points.
func behind(s string) string {
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		switch {
		case r == utf8.MaxRune: // carry
		case r+1 == 0xD800: // surrogates are no characters
			return s + "\uE000"
		default:
			return s + string(r+1)
		}
	}
	return ""
}

func active(e *filter.Compare) term {
	var cond clause
	switch v, _ := e.Value.(bool); {
	case e.Op == filter.Pr:
		cond.text = "r.active <> 0"
	case e.Op != filter.Eq:
		return anything
	case v:
		cond.text = "r.active = 2"
	default:
		cond.text = "r.active = 1"
	}
	if e.Negated {
		cond.text = "NOT (" + cond.text + ")"
	}
	return term{cond: cond, exact: true}
}

// id compiles a comparison of the outside id, which is never empty.
func (c *compiler) id(e *filter.Compare) term {
	if e.Op == filter.Pr {
		return constant(!e.Negated)
	}
	key, ok := c.typ.Set().Key(e.Path.Leaf(), e.Value).(string)
	if !ok || key == "" {
		return anything
	}
	var t term
	switch e.Op {
	case filter.Lt:
		t = term{cond: clause{"r.id < ?", []any{key}}, exact: true}
	case filter.Le:
		t = term{cond: clause{"r.id <= ?", []any{key}}, exact: true}
	default:
		t.cond, t.exact, _ = c.keys(e, "r.id")
	}
	if e.Negated {
		t.cond.text = "NOT (" + t.cond.text + ")"
	} else if e.Op == filter.Eq {
		t.via = access{rank: rankKey, index: "resource_id", byNum: true, nums: func() clause {
			return clause{"SELECT r.num FROM resource r INDEXED BY resource_id WHERE r.tenant = ? AND r.id = ?", []any{int64(c.tenant), key}}
		}}
	}
	return t
}

// meta compiles a comparison of the two times, which are stored in whole milliseconds.
func (c *compiler) meta(e *filter.Compare) term {
	var name string
	var via access
	switch {
	case e.Path.Sub == nil:
	case e.Path.Sub.Name == "created":
		name = "r.created"
	case e.Path.Sub.Name == "lastModified":
		name, via = "r.modified", access{rank: rankRange, index: "resource_modified"}
	}
	if name == "" {
		return anything
	}
	if e.Op == filter.Pr {
		return constant(!e.Negated)
	}
	s, _ := e.Value.(string)
	at, ok := schema.ParseDateTime(s)
	if !ok {
		return anything
	}
	below := at.UnixMilli() // the last millisecond not after at
	whole := at.Equal(time.UnixMilli(below))
	var cond clause
	switch {
	case e.Op == filter.Eq && !whole:
		return constant(e.Negated)
	case e.Op == filter.Eq:
		cond = clause{name + " = ?", []any{below}}
	case e.Op == filter.Gt, e.Op == filter.Ge && !whole:
		cond = clause{name + " > ?", []any{below}}
	case e.Op == filter.Ge:
		cond = clause{name + " >= ?", []any{below}}
	case e.Op == filter.Lt && whole:
		cond = clause{name + " < ?", []any{below}}
	case e.Op == filter.Lt, e.Op == filter.Le:
		cond = clause{name + " <= ?", []any{below}}
	default:
		return anything
	}
	if e.Negated {
		cond.text, via = "NOT ("+cond.text+")", access{}
	}
	return term{cond: cond, exact: true, via: via}
}

// entry compiles a comparison of a multi-valued attribute with entries: it holds if one of them does.
func (c *compiler) entry(e *filter.Compare) term {
	cond, exact, r := c.keys(e, "e.key")
	if cond.text == "" {
		return anything
	}
	nums := clause{"SELECT e.num FROM entry e WHERE e.tenant = ? AND e.attr = ?", []any{int64(c.tenant), e.Path.String()}}
	nums = nums.and(cond)
	if r == rankKey {
		r = rankRows
	}
	return member(nums, r, exact, e.Negated)
}

// member makes a term of a query for the numbers that satisfy it.
func member(nums clause, r rank, exact, negated bool) term {
	if negated {
		if !exact {
			return anything
		}
		return term{cond: clause{"r.num NOT IN (" + nums.text + ")", nums.args}, exact: true}
	}
	t := term{cond: clause{"r.num IN (" + nums.text + ")", nums.args}, exact: exact, via: access{rank: r, nums: func() clause { return nums }, byNum: r == rankRows}}
	if !t.via.selective() {
		t.via = access{}
	}
	return t
}

// element compiles attribute[…]. With one comparison inside it is the same as without brackets. With
// more, those of an And that have entries each narrow the search.
func (c *compiler) element(e *filter.Element) (term, error) {
	inner := []filter.Expr{e.Inner}
	if a, ok := e.Inner.(*filter.And); ok {
		if e.Negated {
			return anything, nil
		}
		inner = a.Terms
	}
	out := term{exact: len(inner) == 1}
	for _, i := range inner {
		leaf, ok := i.(*filter.Compare)
		if !ok || leaf.Negated || leaf.AnyOther || leaf.Nothing || leaf.Path.Sub == nil || e.Path.Attr.Relation {
			out.exact = false
			continue
		}
		whole := *leaf
		whole.Path = schema.Path{Extension: e.Path.Extension, Attr: e.Path.Attr, Sub: leaf.Path.Sub}
		whole.Negated = e.Negated
		t, err := c.compare(&whole)
		if err != nil || t.never {
			return t, err
		}
		out.cond = out.cond.and(t.cond)
		out.exact = out.exact && t.exact
		if t.via.better(out.via) {
			out.via = t.via
		}
	}
	if e.Negated && !out.exact {
		return anything, nil
	}
	return out, nil
}

const liveNum = "SELECT num FROM resource INDEXED BY resource_id WHERE tenant = ? AND id = ? AND deleted = 0"

// relation compiles a comparison of members.value or groups.value by the edges.
func (c *compiler) relation(e *filter.Compare) (term, error) {
	// The derived side of a relation cannot be written: User.groups. Its values are all ancestors.
	up := e.Path.Attr.Mutability == schema.ReadOnly
	t := int64(c.tenant)
	if e.Op == filter.Pr && (e.Path.Sub == nil || e.Path.Sub.Name == "value") {
		return term{cond: c.related(up, e.Negated), exact: true}, nil
	}
	if e.Op != filter.Eq || e.Path.Sub == nil || e.Path.Sub.Name != "value" {
		return anything, nil
	}
	key, _ := c.typ.Set().Key(e.Path.Leaf(), e.Value).(string)
	if key == "" {
		return anything, nil
	}
	var other store.Num
	if _, err := c.conn.One(func(r Row) { other = store.Num(r.Int(0)) }, liveNum, t, key); err != nil {
		return anything, err
	}
	if other == 0 {
		return constant(e.Negated), nil // nobody's id: in no relation
	}
	if !up {
		return member(clause{
			"SELECT e.parent FROM edge e INDEXED BY edge_child WHERE e.tenant = ? AND e.child = ? AND e.rel = ?",
			[]any{t, int64(other), int64(store.Members)},
		}, rankRows, true, e.Negated), nil
	}
	n, err := c.db.nesting.of(c.conn, c.tenant, store.Members)
	if err != nil {
		return anything, err
	}
	groups := append(walk(n.children, []store.Num{other}, other), other)
	// Nobody is his own ancestor, also not around a cycle.
	return member(clause{
		`SELECT e.child FROM edge e WHERE e.tenant = ? AND e.rel = ? AND e.parent IN (SELECT k.value FROM numbers(?) k) AND e.child <> ?`,
		[]any{t, int64(store.Members), groups, int64(other)},
	}, rankRows, true, e.Negated), nil
}

// related is the condition that a resource has any live child, or any live parent.
func (c *compiler) related(up, negated bool) clause {
	text := `EXISTS (SELECT 1 FROM edge e CROSS JOIN resource o ON o.tenant = e.tenant AND o.num = e.child
	WHERE e.tenant = ? AND e.rel = ? AND e.parent = r.num AND o.deleted = 0)`
	if up {
		text = `EXISTS (SELECT 1 FROM edge e INDEXED BY edge_child CROSS JOIN resource o ON o.tenant = e.tenant AND o.num = e.parent
	WHERE e.tenant = ? AND e.rel = ? AND e.child = r.num AND o.deleted = 0 AND o.num <> r.num)`
	}
	if negated {
		text = "NOT " + text
	}
	return clause{text, []any{int64(c.tenant), int64(store.Members)}}
}
