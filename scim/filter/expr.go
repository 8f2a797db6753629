// Package filter parses, checks, prints, walks and evaluates SCIM filters and
// PATCH paths (RFC 7644 §3.4.2.2, §3.5.2).
//
// Parse knows the grammar only. Bind resolves the names of a parsed filter
// against a resource type, checks operators against types, and brings the filter
// into normal form: negation stands on the leaves only. A bound filter is what
// Match evaluates and what a store compiles to its query language.
//
// Length, nesting and number of comparisons are bounded while parsing, so that no
// input makes any function here recurse deeply.
package filter

import (
	"github.com/muster-id/muster/scim/schema"
)

// Op is a comparison operator of RFC 7644 table 3.
type Op string

// The operators of RFC 7644 table 3.
const (
	Eq Op = "eq"
	Ne Op = "ne"
	Co Op = "co"
	Sw Op = "sw"
	Ew Op = "ew"
	Gt Op = "gt"
	Ge Op = "ge"
	Lt Op = "lt"
	Le Op = "le"
	Pr Op = "pr"
)

// Expr is a node of a filter: *And, *Or, *Not, *Compare or *Element.
type Expr interface{ expr() }

// And is true if all its terms are. It has at least two.
type And struct{ Terms []Expr }

// Or is true if any of its terms is. It has at least two.
type Or struct{ Terms []Expr }

// Not is the negation of a term. It does not occur in a bound filter.
type Not struct{ Term Expr }

// Compare is attribute operator value, or attribute pr. On a multi-valued attribute
// it holds if it holds for any of its values.
//
// In a bound filter the path is resolved and the comparison is in normal form:
//
//   - Value has the Go type that package schema gives the attribute; strings are
//     unfolded. It is nil with Pr and never otherwise: eq null is a negated Pr, ne
//     null is Pr.
//   - Op is never Ne, see Negated and AnyOther.
//   - A complex attribute has become its value sub-attribute (AMB-06), but for Pr.
//   - A comparison of a primary flag is with true, so that absent counts as false
//     (AMB-07); emails.primary eq false is an Element.
type Compare struct {
	Name  string // as written; bound in standard notation, inside an Element that of the sub-attribute alone
	Op    Op
	Value any // string, bool, schema.Number (parsed) or int64, float64 (bound), nil

	Path schema.Path // bound only
	// Negated inverts the whole comparison: true where no value satisfies it, so
	// also where the attribute is absent (AMB-05). Bound only.
	Negated bool
	// AnyOther is a bound ne on a multi-valued attribute: any value there is differs
	// from Value, so false where there is none. Op is Eq then. Bound only.
	AnyOther bool
	// Nothing is a bound comparison on an attribute that the type lacks, which has no
	// value there (RFC 7644 §3.4.2.1): false, or true if Negated. Path is empty. Bound only.
	Nothing bool
}

// Element is attribute[expr]: one and the same element satisfies the inner filter
// (RFC 7644 table 5). The paths inside are relative to the element: of their Path only
// Sub is looked at, and where that is nil the element itself, of a simple attribute,
// is meant. Attribute is multi-valued, or complex and then its own only element.
type Element struct {
	Name    string // as written; bound in standard notation
	Inner   Expr
	Path    schema.Path // bound only
	Negated bool        // bound only: no element satisfies Inner
}

func (*And) expr()     {}
func (*Or) expr()      {}
func (*Not) expr()     {}
func (*Compare) expr() {}
func (*Element) expr() {}

// Path is a parsed PATCH path (RFC 7644 §3.5.2, figure 7): attribute, or
// attribute[filter] with an optional sub-attribute.
type Path struct {
	Name   string // attribute in standard notation, sub-attribute included when there is no filter
	Filter Expr   // nil: none. Relative to the element, as Element.Inner
	Sub    string // sub-attribute behind the filter
}
