package filter

import (
	"cmp"
	"iter"
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
	return eval(e, set, func(p schema.Path) iter.Seq[any] { return p.Values(o) })
}

// MatchElement evaluates a filter of BindElement on one element.
func MatchElement(e Expr, set *schema.Set, v any) bool {
	return eval(e, set, func(p schema.Path) iter.Seq[any] { return elementValues(p, v) })
}

// elementValues yields the values of a sub-attribute in an element, or the element
// itself if the attribute is simple.
func elementValues(p schema.Path, v any) iter.Seq[any] {
	return func(yield func(any) bool) {
		if p.Sub != nil {
			o, _ := v.(schema.Object)
			v = o[p.Sub.Name]
		}
		if v == nil {
			return
		}
		a, ok := v.([]any)
		if !ok {
			yield(v)
			return
		}
		for _, e := range a {
			if !yield(e) {
				return
			}
		}
	}
}

func eval(e Expr, set *schema.Set, values func(schema.Path) iter.Seq[any]) bool {
	switch e := e.(type) {
	case *And:
		for _, t := range e.Terms {
			if !eval(t, set, values) {
				return false
			}
		}
		return true
	case *Or:
		for _, t := range e.Terms {
			if eval(t, set, values) {
				return true
			}
		}
		return false
	case *Not:
		return !eval(e.Term, set, values)
	case *Element:
		for v := range values(e.Path) {
			if MatchElement(e.Inner, set, v) {
				return !e.Negated
			}
		}
		return e.Negated
	case *Compare:
		return !e.Nothing && e.holds(set, values(e.Path)) != e.Negated || e.Nothing && e.Negated
	}
	return true
}

// holds reports whether any of the values satisfies the comparison.
func (c *Compare) holds(set *schema.Set, values iter.Seq[any]) bool {
	a := c.Path.Leaf()
	var want any
	for v := range values {
		if c.Op == Pr {
			if assigned(v) {
				return true
			}
			continue
		}
		if want == nil {
			want = set.Key(a, c.Value)
		}
		if satisfies(c.Op, set.Key(a, v), want) != c.AnyOther {
			return true
		}
	}
	return false
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

// satisfies compares two keys of one attribute.
func satisfies(op Op, key, want any) bool {
	switch op {
	case Co, Sw, Ew:
		k, ok1 := key.(string)
		w, ok2 := want.(string)
		return ok1 && ok2 && includes(op, k, w)
	default:
		n, ok := order(key, want)
		return ok && stands(op, n)
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

// order compares two keys as Set.Key makes them; false if they are not of one type.
func order(a, b any) (int, bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
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
