package schema

import (
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
	s[0] = t.Schema.boxed
	for _, e := range t.Extensions {
		if c, _ := o[e.Schema.ID].(Object); len(c) > 0 {
			s = append(s, e.Schema.boxed)
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

// knows reports whether a document of the type may declare the schema: its own, that
// of an extension, or one inside an extension.
func (t *ResourceType) knows(id string) bool {
	if equalFold(id, t.Schema.ID) || t.extension(id) != nil {
		return true
	}
	for _, e := range t.Extensions {
		if e.Schema.attrs.find(id) != nil {
			return true
		}
	}
	return false
}

// cutLast cuts s around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
