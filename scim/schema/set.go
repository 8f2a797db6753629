package schema

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// FoldFunc maps a string value of an attribute to the form in which values are
// compared and indexed. It is idempotent, and is asked only where caseExact is false.
type FoldFunc func(a *Attribute, s string) string

// Set is the definitions that one caller sees.
type Set struct {
	Types []*ResourceType
	Fold  FoldFunc // never nil in a set of NewSet

	schemas []*Schema
}

// NewSet checks the definitions, fills in the defaults of RFC 7643 §2.2, links them
// and returns them as a set. The definitions belong to the set from then on: they
// are not to be altered or put into another set. A nil fold stands for SimpleFold.
//
// The error names every problem found.
func NewSet(fold FoldFunc, types ...*ResourceType) (*Set, error) { return newSet(fold, types, nil) }

// newSet is NewSet that also checks schemas which no type may use.
func newSet(fold FoldFunc, types []*ResourceType, spare []*Schema) (*Set, error) {
	if fold == nil {
		fold = func(_ *Attribute, s string) string { return SimpleFold(s) }
	}
	s := &Set{Types: types, Fold: fold}
	var l linker
	for _, t := range types {
		l.resourceType(s, t)
	}
	for _, d := range discovery() {
		l.schema(s, d)
	}
	for _, x := range spare {
		if x.attrs == nil {
			l.attributes("schema "+x.ID, x.Attributes, 0)
		}
	}
	if len(l.problems) > 0 {
		return nil, problems(l.problems)
	}
	for _, t := range types {
		t.whole = t.project(wish{})
	}
	return s, nil
}

// Type returns the resource type of that name, or nil.
func (s *Set) Type(name string) *ResourceType {
	for _, t := range s.Types {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// ByEndpoint returns the resource type served there ("/Users", "Users"; case-sensitive), or nil.
func (s *Set) ByEndpoint(endpoint string) *ResourceType {
	endpoint = strings.TrimPrefix(endpoint, "/")
	for _, t := range s.Types {
		if t.Endpoint[1:] == endpoint {
			return t
		}
	}
	return nil
}

// Schemas returns every schema of the set once, those of the resource types first,
// then those of the discovery resources: what /Schemas lists (RFC 7644 §4).
func (s *Set) Schemas() []*Schema { return slices.Clone(s.schemas) }

// Schema returns the schema of that URI, compared without case, or nil.
func (s *Set) Schema(id string) *Schema {
	for _, x := range s.schemas {
		if equalFold(x.ID, id) {
			return x
		}
	}
	return nil
}

// ParseRef finds what a reference to a resource means: its last two segments are an
// endpoint of the set and an id, whatever stands in front (RFC 7643 §2.3.7, §2.4:
// relative references and other API versions mean the same resource).
func (s *Set) ParseRef(ref string) (t *ResourceType, id string, ok bool) {
	rest, id, ok := cutLast(ref, "/")
	if !ok || id == "" || strings.ContainsAny(id, "?#") {
		return nil, "", false
	}
	if _, last, found := cutLast(rest, "/"); found {
		rest = last
	}
	t = s.ByEndpoint(rest)
	return t, id, t != nil
}

// Paths yields every attribute of the type: the common ones, those of its schema,
// those of its extensions; not their sub-attributes.
func (t *ResourceType) Paths() iter.Seq[Path] {
	return func(yield func(Path) bool) {
		for _, a := range t.attrs {
			if !yield(Path{Attr: a}) {
				return
			}
		}
		for _, e := range t.Extensions {
			for _, a := range e.Schema.Attributes {
				if !yield(Path{Extension: e.Schema, Attr: a}) {
					return
				}
			}
		}
	}
}

// Schemas returns what the schemas attribute of a document is: the type's schema and
// the extensions that have values in it (RFC 7643 §3, §3.3).
func (t *ResourceType) Schemas(o Object) []any {
	s := make([]any, 1, 1+len(t.Extensions))
	s[0] = t.Schema.ID
	for _, e := range t.Extensions {
		if c, _ := o[e.Schema.ID].(Object); len(c) > 0 {
			s = append(s, e.Schema.ID)
		}
	}
	return s
}

// extension returns the extension of that URI, compared without case, or nil.
func (t *ResourceType) extension(id string) *Schema {
	for _, e := range t.Extensions {
		if e.Schema.ID == id || equalFold(e.Schema.ID, id) {
			return e.Schema
		}
	}
	return nil
}

// cutLast cuts s around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// A linker fills in and checks definitions.
type linker struct{ problems []error }

func (l *linker) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf(format, args...))
}

func (l *linker) resourceType(s *Set, t *ResourceType) {
	if t.set != nil {
		l.problem("resource type %q is in a set already", t.Name)
		return
	}
	t.set = s
	for _, other := range s.Types {
		if other != t && (other.Name == t.Name || other.Endpoint == t.Endpoint) {
			l.problem("resource types %q and %q share a name or an endpoint", other.Name, t.Name)
		}
	}
	if t.Name == "" || len(t.Endpoint) < 2 || t.Endpoint[0] != '/' || strings.Contains(t.Endpoint[1:], "/") {
		l.problem("resource type %q: endpoint %q is not one segment such as /Users", t.Name, t.Endpoint)
	}
	if t.Schema == nil {
		l.problem("resource type %q has no schema", t.Name)
		return
	}
	l.schema(s, t.Schema)
	for _, e := range t.Extensions {
		l.schema(s, e.Schema)
	}

	c := common()
	l.attributes("common attributes", c, 0)
	meta := len(c) - 1
	t.attrs = slices.Concat(c[:meta], t.Schema.Attributes, c[meta:])
	t.names = make(names, 2*len(t.attrs))
	for _, a := range t.attrs {
		if t.names.find(a.Name) != nil {
			l.problem("schema %s: attribute %q is one that every resource has", t.Schema.ID, a.Name)
		}
		t.names.add(a)
	}
}

func (l *linker) schema(s *Set, x *Schema) {
	if slices.Contains(s.schemas, x) {
		return
	}
	if !strings.Contains(x.ID, ":") {
		l.problem("schema %q: its id is not a URI", x.ID)
	}
	if s.Schema(x.ID) != nil {
		l.problem("schema %s is defined twice", x.ID)
	}
	if x.attrs != nil {
		l.problem("schema %s is in a set already", x.ID)
		return
	}
	s.schemas = append(s.schemas, x)
	x.attrs = l.attributes("schema "+x.ID, x.Attributes, 0)
}

// attributes links a list of attributes and returns their names.
func (l *linker) attributes(where string, attrs []*Attribute, depth int) names {
	n := make(names, 2*len(attrs))
	for _, a := range attrs {
		at := where + ": attribute " + a.Name
		if !validName(a.Name) {
			l.problem("%s: not a letter followed by letters, digits, $, - and _", at)
		}
		if n.find(a.Name) != nil {
			l.problem("%s is defined twice", at)
		}
		n.add(a)
		l.attribute(at, a, depth)
	}
	return n
}

func (l *linker) attribute(at string, a *Attribute, depth int) {
	setDefault(&a.Type, String)
	setDefault(&a.Mutability, ReadWrite)
	setDefault(&a.Returned, ReturnedDefault)
	setDefault(&a.Uniqueness, UniqueNone)

	oneOf(l, at, a.Type, String, Boolean, Decimal, Integer, DateTime, Binary, Reference, Complex)
	oneOf(l, at, a.Mutability, ReadOnly, ReadWrite, Immutable, WriteOnly)
	oneOf(l, at, a.Returned, ReturnedAlways, ReturnedNever, ReturnedDefault, ReturnedRequest)
	oneOf(l, at, a.Uniqueness, UniqueNone, UniqueServer, UniqueGlobal)

	a.derived = a.derived || a.Relation || a.Returned == ReturnedNever

	if a.Mutability == WriteOnly && a.Returned != ReturnedNever {
		l.problem("%s: writeOnly needs returned never", at) // RFC 7643 §7
	}
	if len(a.ReferenceTypes) > 0 && a.Type != Reference {
		l.problem("%s: only references have referenceTypes", at)
	}
	if a.Type != Complex {
		if len(a.SubAttributes) > 0 || a.Relation {
			l.problem("%s: only complex attributes have sub-attributes and are relations", at)
		}
		return
	}
	// The attributes of the Schema schema have sub-attributes one level deeper (erratum 8415).
	if depth > 1 || depth == 1 && a.Name != "subAttributes" {
		l.problem("%s: a complex attribute inside a complex one", at)
		return
	}
	if a.Uniqueness != UniqueNone || a.CaseExact {
		l.problem("%s: complex attributes have neither uniqueness nor caseExact", at) // erratum 6004
	}
	a.subs = l.attributes(at, a.SubAttributes, depth+1)
	if a.Relation && (!a.MultiValued || a.Sub(subValue) == nil) {
		l.problem("%s: a relation is multi-valued and has a value", at)
	}
	if ref := a.subs[subRef]; ref != nil && a.subs[subValue] != nil && refersToResources(ref) {
		a.link, a.lone = ref, !a.MultiValued
	}
}

// refersToResources reports whether a reference names resources of this service.
func refersToResources(a *Attribute) bool {
	return a.Type == Reference && len(a.ReferenceTypes) > 0 &&
		!slices.Contains(a.ReferenceTypes, "external") && !slices.Contains(a.ReferenceTypes, "uri")
}

// setDefault sets a characteristic that is not stated to its default.
func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func oneOf[T ~string](l *linker, at string, v T, allowed ...T) {
	if !slices.Contains(allowed, v) {
		l.problem("%s: %q is not one of %q", at, v, allowed)
	}
}

// validName reports whether s is an attribute name (RFC 7643 §2.1, erratum 8924: $ref too).
func validName(s string) bool {
	for i := range len(s) {
		c := lower(s[i])
		if 'a' <= c && c <= 'z' || c == '$' || i > 0 && ('0' <= c && c <= '9' || c == '-' || c == '_') {
			continue
		}
		return false
	}
	return s != ""
}
