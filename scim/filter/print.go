package filter

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim/schema"
)

// String prints a parsed or bound filter so that Parse reads the same filter again:
// names of a bound one in standard notation, every string quoted.
func String(e Expr) string {
	if e == nil {
		return ""
	}
	return string(appendExpr(nil, e))
}

func appendExpr(b []byte, e Expr) []byte {
	switch e := e.(type) {
	case *And:
		return appendTerms(b, e.Terms, " and ")
	case *Or:
		return appendTerms(b, e.Terms, " or ")
	case *Not:
		b = append(b, "not ("...)
		b = appendExpr(b, e.Term)
		return append(b, ')')
	case *Element:
		return appendElement(b, e)
	case *Compare:
		return appendCompare(b, e)
	}
	return b
}

// appendTerms puts parentheses where the terms would be read otherwise: around or
// inside and, and around what nests without need.
func appendTerms(b []byte, terms []Expr, sep string) []byte {
	for i, t := range terms {
		if i > 0 {
			b = append(b, sep...)
		}
		_, isAnd := t.(*And)
		_, isOr := t.(*Or)
		if isOr || isAnd && sep == " and " {
			b = append(b, '(')
			b = appendExpr(b, t)
			b = append(b, ')')
			continue
		}
		b = appendExpr(b, t)
	}
	return b
}

func appendElement(b []byte, e *Element) []byte {
	if e.Negated {
		b = append(b, "not ("...)
	}
	b = append(b, e.Name...)
	b = append(b, '[')
	b = appendExpr(b, e.Inner)
	b = append(b, ']')
	if e.Negated {
		b = append(b, ')')
	}
	return b
}

func appendCompare(b []byte, c *Compare) []byte {
	op, value, not := c.Op, c.Value, c.Negated
	switch {
	case c.AnyOther:
		op = Ne
	case not && op == Pr:
		op, not = Eq, false // eq null
	case not && op == Eq && !c.multiValued():
		op, not = Ne, false
	}
	if not {
		b = append(b, "not ("...)
	}
	b = append(b, c.Name...)
	b = append(b, ' ')
	b = append(b, op...)
	if op != Pr {
		b = append(b, ' ')
		b = appendValue(b, value)
	}
	if not {
		b = append(b, ')')
	}
	return b
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		// Parse let no invalid UTF-8 in, so there is no error.
		b, _ = jsontext.AppendQuote(b, v)
		return b
	case schema.Number:
		return append(b, v...)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	case bool:
		return strconv.AppendBool(b, v)
	}
	return append(b, "null"...)
}
