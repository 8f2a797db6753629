package filter

import (
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// STUBS; the owner of this package replaces this file.

// Parse reads a filter. Errors are 400 invalidFilter with the position of the fault.
func Parse(s string, d *scim.Dialect) (Expr, error) { panic("stub") }

// ParsePath reads a PATCH path. Errors are 400 invalidPath.
func ParsePath(s string, d *scim.Dialect) (*Path, error) { panic("stub") }

// Scope says what an attribute unknown to the type means in Bind.
type Scope uint8

// The scopes of Bind.
const (
	OneType  Scope = iota // unknown: 400 invalidFilter
	AllTypes              // unknown here but known to another type of the set: no value
)

// Bind resolves and checks a parsed filter against a type and brings it into normal form.
func Bind(e Expr, t *schema.ResourceType, s Scope, d *scim.Dialect) (Expr, error) { panic("stub") }

// BindElement binds a filter on the elements of a complex multi-valued attribute.
func BindElement(e Expr, t *schema.ResourceType, p schema.Path, d *scim.Dialect) (Expr, error) {
	panic("stub")
}

// Match evaluates a bound filter on a canonical document that has everything the filter names
// (id, meta and relations included). nil matches everything.
func Match(e Expr, set *schema.Set, o schema.Object) bool { panic("stub") }

// MatchElement evaluates a filter of BindElement on one element.
func MatchElement(e Expr, set *schema.Set, v any) bool { panic("stub") }

// Walk calls f for every Compare and Element of e, inner ones of Elements included, until f returns false.
func Walk(e Expr, f func(Expr) bool) bool { panic("stub") }

// String prints a parsed or bound filter so that Parse reads the same filter again.
func String(e Expr) string { panic("stub") }
