package schema

import "github.com/muster-id/muster/scim"

// STUBS: signatures that the other packages are written against. The owner of this
// package replaces this file by real ones, one concept a file.

// FoldFunc maps a string value of an attribute to the form in which values are compared and indexed.
type FoldFunc func(a *Attribute, s string) string

// Set is the definitions that one caller sees.
type Set struct {
	Types []*ResourceType
	Fold  FoldFunc // nil: Unicode simple case folding where caseExact is false
}

// NewSet checks the definitions, links them and returns them as a set.
func NewSet(fold FoldFunc, types ...*ResourceType) (*Set, error) { panic("stub") }

// Core returns User (with the Enterprise extension) and Group as RFC 7643 §8.7 with its errata defines them.
func Core(fold FoldFunc) *Set { panic("stub") }

// Type returns the resource type of that name, or nil.
func (s *Set) Type(name string) *ResourceType { panic("stub") }

// ByEndpoint returns the resource type served there ("/Users", "Users"; case-sensitive), or nil.
func (s *Set) ByEndpoint(endpoint string) *ResourceType { panic("stub") }

// Key returns the form in which the value v of attribute a is compared for equality:
// strings folded by Fold unless caseExact, dateTime as an instant, references and
// binary as they are, numbers and booleans as they are. It is what an index stores.
func (s *Set) Key(a *Attribute, v any) any { panic("stub") }

// Resolve finds the attribute that a name in standard notation means (RFC 7644 §3.10).
func (t *ResourceType) Resolve(name string, d *scim.Dialect) (Path, error) { panic("stub") }

// Parse reads one JSON value strictly. Objects keep the spelling of their names; numbers are Number.
func Parse(b []byte) (any, error) { panic("stub") }

// Number is a JSON number as it was written.
type Number string

// Mode says which write a document is read for.
type Mode uint8

// The modes of Read.
const (
	Create Mode = iota
	Replace
)

// Read brings a parsed body into canonical form for a create or replace.
func (t *ResourceType) Read(in Object, m Mode, d *scim.Dialect) (Object, error) { panic("stub") }

// ReadValue brings one value for the path into canonical form; nil means unassigned.
func (t *ResourceType) ReadValue(p Path, v any, d *scim.Dialect) (any, error) { panic("stub") }

// Check reports whether a whole canonical document may be stored.
func (t *ResourceType) Check(o Object) error { panic("stub") }

// CheckChange reports a change of an immutable attribute between two documents.
func (t *ResourceType) CheckChange(before, after Object) error { panic("stub") }

// Append appends the canonical JSON of a document to dst.
func (t *ResourceType) Append(dst []byte, o Object) []byte { panic("stub") }

// Decode reads canonical JSON that Append wrote.
func (t *ResourceType) Decode(b []byte) (Object, error) { panic("stub") }

// Equal reports whether two canonical values are the same.
func Equal(a, b any) bool { panic("stub") }

// Clone returns a deep copy of a canonical value.
func Clone[T any](v T) T { panic("stub") }

// Projection is what attributes and excludedAttributes ask for.
type Projection struct{}

// Project builds the projection of a request.
func (t *ResourceType) Project(attributes, excluded []string, d *scim.Dialect) (*Projection, error) {
	panic("stub")
}

// Wants reports whether the attribute is sent at all.
func (p *Projection) Wants(path Path) bool { panic("stub") }

// Whole reports whether documents of the type may be sent as they are stored.
func (p *Projection) Whole() bool { panic("stub") }

// Apply returns the part of a document that is sent.
func (p *Projection) Apply(o Object) Object { panic("stub") }

// Describe returns the Schema resource (RFC 7643 §7) as canonical JSON-able Object.
func (s *Schema) Describe(location string) Object { panic("stub") }

// Describe returns the ResourceType resource (RFC 7643 §6).
func (t *ResourceType) Describe(location string) Object { panic("stub") }
