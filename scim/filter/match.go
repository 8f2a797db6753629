package filter

import (
	"cmp"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim/schema"
)

// Match evaluates a bound filter on a canonical document that has everything the
// filter names (id, meta and relations included). nil matches everything.
//
// Strings are compared in the form that Set.Key gives them, by bytes, so that a
// store that keeps the same keys finds the same resources.
func Match(e Expr, set *schema.Set, o schema.Object) bool {
	m := matcher{set: set, document: o}
	return m.eval(e)
}

// MatchElement evaluates a filter of BindElement on one element.
func MatchElement(e Expr, set *schema.Set, v any) bool {
	m := matcher{set: set, element: v, inside: true}
	return m.eval(e)
}

// A matcher evaluates filters on a document or, inside, on an element. It walks values
// by hand: iterators and values of interfaces made on the way would be most of the time.
type matcher struct {
	set      *schema.Set
	document schema.Object
	element  any
	inside   bool
}

func (m *matcher) eval(e Expr) bool {
	switch e := e.(type) {
	case *And:
		for _, t := range e.Terms {
			if !m.eval(t) {
				return false
			}
		}
		return true
	case *Or:
		return slices.ContainsFunc(e.Terms, m.eval)
	case *Not:
		return !m.eval(e.Term)
	case *Element:
		return m.anyElement(e) != e.Negated
	case *Compare:
		return (!e.Nothing && m.holds(e)) != e.Negated
	}
	return true
}

// anyElement reports whether an element satisfies the filter inside.
func (m *matcher) anyElement(e *Element) bool {
	inner := matcher{set: m.set, inside: true}
	v := m.value(e.Path)
	list, ok := v.([]any)
	if !ok {
		inner.element = v
		return v != nil && inner.eval(e.Inner)
	}
	for _, inner.element = range list {
		if inner.eval(e.Inner) {
			return true
		}
	}
	return false
}

// value returns what the document has for the attribute of a path, or for an
// extension, whose path has none.
func (m *matcher) value(p schema.Path) any {
	o := m.document
	if p.Extension != nil {
		o, _ = o[p.Extension.ID].(schema.Object)
	}
	if p.Attr != nil {
		return o[p.Attr.Name]
	}
	if len(o) == 0 {
		return nil
	}
	return o
}

// holds reports whether any of the values of its path satisfies a comparison.
func (m *matcher) holds(c *Compare) bool {
	w := wanted{Compare: c, set: m.set, attr: c.Path.Leaf()}
	if s, ok := c.Value.(string); ok {
		w.text = m.set.KeyText(w.attr, s)
	}
	v := m.element
	if !m.inside {
		v = m.value(c.Path)
	}
	if c.Path.Sub == nil {
		return w.anyOf(v)
	}
	list, ok := v.([]any)
	if !ok {
		return w.anyOfSub(v)
	}
	return slices.ContainsFunc(list, w.anyOfSub)
}

// wanted is a comparison with the key of its value.
type wanted struct {
	*Compare
	set  *schema.Set
	attr *schema.Attribute
	text string // the key of a Value that is a string
}

// anyOfSub reports whether a value of the path's sub-attribute satisfies the comparison.
func (w *wanted) anyOfSub(v any) bool {
	o, _ := v.(schema.Object)
	return w.anyOf(o[w.Path.Sub.Name])
}

// anyOf reports whether a value, or one of several, satisfies the comparison.
func (w *wanted) anyOf(v any) bool {
	if list, ok := v.([]any); ok {
		return slices.ContainsFunc(list, w.one)
	}
	return v != nil && w.one(v)
}

func (w *wanted) one(v any) bool {
	if w.Op == Pr {
		return assigned(v)
	}
	return w.satisfies(v) != w.AnyOther
}

func (w *wanted) satisfies(v any) bool {
	if s, ok := v.(string); ok {
		_, ok = w.Value.(string)
		return ok && compareText(w.Op, w.set.KeyText(w.attr, s), w.text)
	}
	if w.Op == Co || w.Op == Sw || w.Op == Ew {
		return false
	}
	n, ok := order(v, w.Value)
	return ok && stands(w.Op, n)
}

// assigned reports whether v is a value or has a non-empty node (RFC 7644 table 3, pr).
func assigned(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case schema.Object:
		for _, e := range v {
			if assigned(e) {
				return true
			}
		}
		return false
	case []any:
		return slices.ContainsFunc(v, assigned)
	}
	return true
}

// compareText compares the keys of two strings.
func compareText(op Op, key, want string) bool {
	switch op {
	case Eq:
		return key == want
	case Co, Sw, Ew:
		return includes(op, key, want)
	default:
		return stands(op, strings.Compare(key, want))
	}
}

// includes is co, sw and ew.
func includes(op Op, s, part string) bool {
	switch op {
	case Sw:
		return strings.HasPrefix(s, part)
	case Ew:
		return strings.HasSuffix(s, part)
	default:
		return strings.Contains(s, part)
	}
}

// stands reports whether the order n of two keys is the one that an operator asks for.
func stands(op Op, n int) bool {
	switch op {
	case Gt:
		return n > 0
	case Ge:
		return n >= 0
	case Lt:
		return n < 0
	case Le:
		return n <= 0
	default:
		return n == 0
	}
}

// order compares two values that are not strings; false if they are not of one type.
func order(a, b any) (int, bool) {
	switch a := a.(type) {
	case int64:
		b, ok := b.(int64)
		return cmp.Compare(a, b), ok
	case float64:
		b, ok := b.(float64)
		return cmp.Compare(a, b), ok
	case bool:
		b, ok := b.(bool)
		if a == b {
			return 0, ok
		}
		return 1, ok // there is no order of booleans, only a difference
	}
	return 0, false
}
