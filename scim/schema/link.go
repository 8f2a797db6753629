package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

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
	if !validName(t.Name) {
		l.problem("resource type %q: its name is not a letter followed by letters, digits, $, - and _", t.Name)
	}
	switch {
	case len(t.Endpoint) < 2 || t.Endpoint[0] != '/' || !validSegment(t.Endpoint[1:]):
		l.problem("resource type %q: endpoint %q is not one segment such as /Users", t.Name, t.Endpoint)
	case slices.ContainsFunc(ownEndpoints, func(e string) bool { return equalFold(t.Endpoint, e) }):
		l.problem("resource type %q: endpoint %q is one of the protocol's own", t.Name, t.Endpoint)
	}
	if t.Schema == nil {
		l.problem("resource type %q has no schema", t.Name)
		return
	}
	l.schema(s, t.Schema)
	for _, a := range t.Schema.Attributes {
		if a.container() {
			l.problem("schema %s: attribute %s: only attributes of an extension are named by a URN", t.Schema.ID, a.Name)
		}
	}
	l.extensions(s, t)

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

// ownEndpoints are those of RFC 7644 §3.2, which no resource type can have, and the
// versions that stand in front of endpoints (RFC 7644 §3.13).
var ownEndpoints = []string{"/Me", "/Bulk", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/.search", "/v1", "/v2"}

func (l *linker) extensions(s *Set, t *ResourceType) {
	for i, e := range t.Extensions {
		switch {
		case e.Schema == nil:
			l.problem("resource type %q: extension %d has no schema", t.Name, i)
			continue
		case e.Schema == t.Schema:
			l.problem("resource type %q: %s is its schema and cannot be an extension too", t.Name, e.Schema.ID)
			continue
		case slices.ContainsFunc(t.Extensions[:i], func(o Extension) bool { return o.Schema == e.Schema }):
			l.problem("resource type %q has the extension %s twice", t.Name, e.Schema.ID)
			continue
		}
		l.schema(s, e.Schema)
		for _, a := range e.Schema.Attributes {
			switch {
			case a.Relation:
				l.problem("schema %s: attribute %s: an extension has no relations; put it into the schema of the type", e.Schema.ID, a.Name)
			case a.container() && a.subs != nil:
				l.container(s, e.Schema, a)
			}
		}
	}
}

// container links an extension inside an extension as a schema of its own (RFC 9944:
// what a pairing method needs stands in the BLE extension, under its own URN).
func (l *linker) container(s *Set, parent *Schema, a *Attribute) {
	if a.Type != Complex || a.MultiValued {
		l.problem("schema %s: attribute %s: what is named by a URN is complex and has one value", parent.ID, a.Name)
	}
	if old := s.Schema(a.Name); old == nil {
		x := &Schema{ID: a.Name, Name: a.Name, Description: a.Description, Attributes: a.SubAttributes, attrs: a.subs}
		s.schemas = append(s.schemas, x)
	} else if len(a.SubAttributes) != 0 && !slices.Equal(old.Attributes, a.SubAttributes) {
		l.problem("schema %s is defined twice", a.Name)
	}
}

func (l *linker) schema(s *Set, x *Schema) {
	if slices.Contains(s.schemas, x) {
		return
	}
	if !validURN(x.ID) {
		l.problem("schema %q: its id is not a URI of at most %d letters, digits and -._~:/%%+", x.ID, maxURN)
	}
	if s.Schema(x.ID) != nil {
		l.problem("schema %s is defined twice", x.ID)
	}
	if x.attrs != nil {
		l.problem("schema %s is in a set already", x.ID)
		return
	}
	s.schemas = append(s.schemas, x)
	x.boxed = x.ID
	x.attrs = l.attributes("schema "+x.ID, x.Attributes, 0)
}

// attributes links a list of attributes and returns their names.
func (l *linker) attributes(where string, attrs []*Attribute, depth int) names {
	n := make(names, 2*len(attrs))
	for _, a := range attrs {
		at := where + ": attribute " + a.Name
		if !validName(a.Name) && !(depth == 0 && a.container() && validURN(a.Name)) {
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
	a.defaults()

	oneOf(l, at, a.Type, String, Boolean, Decimal, Integer, DateTime, Binary, Reference, Complex)
	oneOf(l, at, a.Mutability, ReadOnly, ReadWrite, Immutable, WriteOnly)
	oneOf(l, at, a.Returned, ReturnedAlways, ReturnedNever, ReturnedDefault, ReturnedRequest)
	oneOf(l, at, a.Uniqueness, UniqueNone, UniqueServer, UniqueGlobal)

	l.unpublished(at, a)

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

// unpublished checks the characteristics that only this package knows.
func (l *linker) unpublished(at string, a *Attribute) {
	if text := a.Type == String || a.Type == Reference; !text && (a.MaxLength != 0 || a.Identifier || a.NoBlanks || a.Pattern != "") {
		l.problem("%s: only strings and references have maxLength, identifier, noBlanks and pattern", at)
	}
	if a.MaxLength < 0 {
		l.problem("%s: maxLength %d is negative", at, a.MaxLength)
	}
	if a.Indexed && (a.Type == Complex || a.Relation || a.Returned == ReturnedNever) {
		l.problem("%s: what is complex or never returned has no index; set indexed on what is compared", at)
	}
	if a.Pattern == "" {
		return
	}
	if len(a.Pattern) > maxPattern {
		l.problem("%s: pattern is longer than %d bytes", at, maxPattern)
		return
	}
	re, err := regexp.Compile(`\A(?:` + a.Pattern + `)\z`)
	if err != nil {
		l.problem("%s: pattern: %v", at, err)
	}
	a.pattern = re
}

// maxPattern is the limit of a regular expression in bytes. RE2 takes time linear in
// its value, but memory in what repetitions such as {1000} write out.
const maxPattern = 256

// refersToResources reports whether a reference names resources of this service.
func refersToResources(a *Attribute) bool {
	return a.Type == Reference && len(a.ReferenceTypes) > 0 &&
		!slices.Contains(a.ReferenceTypes, "external") && !slices.Contains(a.ReferenceTypes, "uri")
}

// defaults states every characteristic that is not stated (RFC 7643 §2.2).
func (a *Attribute) defaults() {
	setDefault(&a.Type, String)
	setDefault(&a.Mutability, ReadWrite)
	setDefault(&a.Returned, ReturnedDefault)
	setDefault(&a.Uniqueness, UniqueNone)
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

// container reports whether the attribute is an extension inside an extension, which
// is named by its URN.
func (a *Attribute) container() bool { return strings.Contains(a.Name, ":") }

// maxURN is the limit of a schema's URI in bytes.
const maxURN = 255

// validURN reports whether s can stand for a schema: an absolute URI of characters that
// need no escaping anywhere, filters and PATCH paths included (RFC 7644 §3.10).
func validURN(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || len(s) > maxURN || !validName(scheme) {
		return false
	}
	for i := range len(rest) {
		c := lower(rest[i])
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~:/%+", c) >= 0) {
			return false
		}
	}
	return isAlphanumeric(rest[len(rest)-1])
}

// validSegment reports whether s can be a segment of a path as it is.
func validSegment(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("-._~", s[i]) < 0 {
			return false
		}
	}
	return s != "" && isAlphanumeric(s[0])
}

func isAlphanumeric(c byte) bool {
	c = lower(c)
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
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
