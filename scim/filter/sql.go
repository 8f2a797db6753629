package filter

import "strings"

// Condition is a piece of SQL with its arguments. No value that a client sent belongs into Text.
type Condition struct {
	Text string
	Args []any
	// Exact says that Text is true where the filter is and nowhere else. If not, it is true for more: evaluate the
	// filter with Match on what the database finds.
	Exact bool
}

// SQL compiles a bound filter to a condition for WHERE. leaf compiles one *Compare or *Element, negation included,
// and returns false for what it has no SQL for: that counts as true.
//
// The condition is true at least wherever the filter is, because negation stands on the leaves of a bound filter only,
// and And and Or cannot become false by a term that is true too often. So a leaf must be true wherever the filter's is
// and may be true elsewhere; only then Exact must be false.
//
// For a comparison of strings to be exact the column holds what schema.Set.Key makes of the value, and the argument is
// what it makes of the operand: databases fold case by other rules than SCIM (RFC 7643 §2.2, caseExact). NULL needs care:
// Negated is true where an attribute is absent, and NOT NULL is not.
func SQL(e Expr, leaf func(Expr) (Condition, bool)) Condition {
	always := Condition{Text: "1 = 1"}
	switch e := e.(type) {
	case nil:
		always.Exact = true
		return always
	case *And:
		out := Condition{Exact: true}
		var texts []string
		for _, term := range e.Terms {
			c := SQL(term, leaf)
			texts = append(texts, c.Text)
			out.Args = append(out.Args, c.Args...)
			out.Exact = out.Exact && c.Exact
		}
		out.Text = "(" + strings.Join(texts, " AND ") + ")"
		return out
	case *Or:
		out := Condition{Exact: true}
		var texts []string
		for _, term := range e.Terms {
			c := SQL(term, leaf)
			if c.Text == always.Text {
				return always
			}
			texts = append(texts, c.Text)
			out.Args = append(out.Args, c.Args...)
			out.Exact = out.Exact && c.Exact
		}
		out.Text = "(" + strings.Join(texts, " OR ") + ")"
		return out
	case *Compare, *Element:
		if c, ok := leaf(e); ok {
			return c
		}
	}
	return always
}
