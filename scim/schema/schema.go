// Package schema holds SCIM definitions as data and applies them: it reads JSON
// strictly, coerces and validates documents, resolves attribute names, projects
// answers and writes canonical JSON (RFC 7643, RFC 7644 §3.9, §3.10).
//
// A document is an Object in canonical form: attribute names spelled as the
// definition spells them, values of the defined Go type, nothing unassigned.
//
//	SCIM type                              Go value
//	string, dateTime, binary, reference    string (as it was sent)
//	boolean                                bool
//	integer                                int64
//	decimal                                float64
//	complex                                Object
//	multi-valued                           []any, never empty
//
// Extension attributes stand in an Object under the extension's URN. null, [] and
// an absent attribute are one state (RFC 7643 §2.5), which canonical form writes as absent.
//
// A body goes through Parse (strict JSON), Read (canonical form) and Check (may it be
// stored?) to Append (canonical JSON); Decode brings stored JSON back. ReadValue reads
// the values of a PATCH, Resolve the names of paths and filters, Project what a
// request wants to see. Every forgiveness on the way asks the scim.Dialect by name.
//
// Definitions come in three ways that mix: as JSON (Load), as values of Schema and
// TypeDefinition in Go, and from tagged structs (FromStruct). Build makes a set of them
// and the core types. Encode and Decode move values between such structs and documents.
//
// The package does not apply PATCH, evaluate filters or know how relations such as
// Group.members are kept: they are never part of a document. Whether a value is
// taken, or what it refers to exists, is the business of a store.
//
// The package is pure: no I/O, no clock, no goroutines; definitions do not change
// after NewSet and are safe for concurrent use.
package schema

import (
	"iter"
	"regexp"
)

// Object is a resource or a complex value. See the package comment for its canonical form.
type Object map[string]any

// Type is an attribute's data type (RFC 7643 §2.3).
type Type string

// The data types of RFC 7643 §2.3.
const (
	String    Type = "string"
	Boolean   Type = "boolean"
	Decimal   Type = "decimal"
	Integer   Type = "integer"
	DateTime  Type = "dateTime"
	Binary    Type = "binary"
	Reference Type = "reference"
	Complex   Type = "complex"
)

// Mutability says who may change an attribute (RFC 7643 §7).
type Mutability string

// The mutabilities of RFC 7643 §7.
const (
	ReadWrite Mutability = "readWrite"
	ReadOnly  Mutability = "readOnly"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute is sent (RFC 7643 §7).
type Returned string

// The values of returned of RFC 7643 §7.
const (
	ReturnedDefault Returned = "default"
	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedRequest Returned = "request"
)

// Uniqueness says where a value may stand only once (RFC 7643 §7).
type Uniqueness string

// The values of uniqueness of RFC 7643 §7.
const (
	UniqueNone   Uniqueness = "none"
	UniqueServer Uniqueness = "server"
	UniqueGlobal Uniqueness = "global"
)

// Attribute is the definition of one attribute (RFC 7643 §7). The zero value of a
// characteristic means the default of RFC 7643 §2.2.
type Attribute struct {
	Name            string
	Type            Type
	MultiValued     bool
	Description     string
	Required        bool
	CanonicalValues []string
	CaseExact       bool
	Mutability      Mutability
	Returned        Returned
	Uniqueness      Uniqueness
	ReferenceTypes  []string
	SubAttributes   []*Attribute

	// Relation marks an attribute whose values refer to resources and are kept as
	// edges, never in the document: Group.members, User.groups. Not published.
	Relation bool
	// MaxLength is the limit of a string in characters, 0 for the general one. Not published.
	MaxLength int
	// Identifier marks a string in which control characters are refused. Not published.
	Identifier bool
	// NoBlanks marks a string in which white space is refused. Not published.
	NoBlanks bool
	// Pattern is a regular expression (RE2) that a string must match as a whole, "" for
	// none. Not published: say in Description what it demands.
	Pattern string
	// Indexed asks stores that can for an index, so that filters on the attribute need
	// not look at every resource. It stands on the attribute whose values are compared:
	// of a complex one on its sub-attributes. Not published.
	Indexed bool

	subs    names
	link    *Attribute // the $ref of a complex attribute that is made from its value
	lone    bool       // link is set and the attribute has one value: scim.LooseReference applies
	derived bool       // never in a document: id, meta, relations, what is never returned
	pattern *regexp.Regexp
	country bool // a code of ISO 3166-1 alpha-2, unless scim.LooseCountry is on
}

// Sub returns the sub-attribute of that name, compared without case, or nil.
func (a *Attribute) Sub(name string) *Attribute { return a.subs.find(name) }

// Schema is a set of attributes under a URN (RFC 7643 §7).
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []*Attribute

	attrs   names
	boxed   any      // ID
	printed printing // what is published otherwise
}

// Attribute returns the attribute of that name, compared without case, or nil.
func (s *Schema) Attribute(name string) *Attribute { return s.attrs.find(name) }

// Extension is a schema that a resource type may carry beside its own (RFC 7643 §6).
type Extension struct {
	Schema   *Schema
	Required bool
}

// ResourceType is a kind of resource (RFC 7643 §6). Its attributes are those of
// Schema, the common ones of RFC 7643 §3.1 and, under their URN, those of Extensions.
type ResourceType struct {
	Name        string // "User"
	Description string
	Endpoint    string // "/Users"
	Schema      *Schema
	Extensions  []Extension

	set   *Set
	attrs []*Attribute // the common attributes and those of Schema, in the order of canonical form
	names names        // of attrs
	whole *Projection  // what is sent if nobody asks for anything else
}

// Set returns the set that the type belongs to.
func (t *ResourceType) Set() *Set { return t.set }

// Path is an attribute that a name was resolved to.
type Path struct {
	Extension *Schema    // nil: the core schema or a common attribute
	Attr      *Attribute // nil: the extension's container itself
	Sub       *Attribute // nil: the attribute itself
}

// Leaf returns the innermost attribute of the path: Sub, else Attr; nil for a container.
func (p Path) Leaf() *Attribute {
	if p.Sub != nil {
		return p.Sub
	}
	return p.Attr
}

// String returns the path in standard notation (RFC 7644 §3.10), the extension's URN included.
func (p Path) String() string {
	var s string
	if p.Extension != nil {
		s = p.Extension.ID
	}
	if p.Attr != nil {
		if s != "" {
			s += ":"
		}
		s += p.Attr.Name
	}
	if p.Sub != nil {
		s += "." + p.Sub.Name
	}
	return s
}

// Values yields the values the path has in a canonical document: the elements of
// multi-valued attributes one by one, nothing for what is unassigned.
func (p Path) Values(o Object) iter.Seq[any] {
	return func(yield func(any) bool) {
		if p.Extension != nil {
			o, _ = o[p.Extension.ID].(Object)
		}
		if p.Attr == nil {
			if len(o) > 0 {
				yield(o)
			}
			return
		}
		each := func(v any) bool {
			if p.Sub == nil {
				return yield(v)
			}
			c, _ := v.(Object)
			switch s := c[p.Sub.Name].(type) {
			case nil:
				return true
			case []any:
				for _, e := range s {
					if !yield(e) {
						return false
					}
				}
				return true
			default:
				return yield(s)
			}
		}
		switch v := o[p.Attr.Name].(type) {
		case nil:
		case []any:
			for _, e := range v {
				if !each(e) {
					return
				}
			}
		default:
			each(v)
		}
	}
}
