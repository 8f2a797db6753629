package schema

import (
	"slices"

	"github.com/muster-id/muster/scim"
)

func (l *loader) attributes(at string, v any) []*Attribute {
	var attrs []*Attribute
	for i, o := range l.objects(at, v) {
		attrs = append(attrs, l.attribute(index(at, i), o))
	}
	return attrs
}

// attribute reads the definition of an attribute. What it does not state stays zero,
// so that what is written back does not state it either.
func (l *loader) attribute(at string, o Object) *Attribute {
	a := new(Attribute)
	for name, v := range members(o) {
		at := member(at, name)
		switch name {
		case "name":
			a.Name = l.text(at, v)
		case "type":
			a.Type = l.dataType(at, v)
		case "multiValued":
			a.MultiValued = l.boolean(at, v)
		case "description":
			a.Description = l.text(at, v)
		case "required":
			a.Required = l.boolean(at, v)
		case "canonicalValues":
			a.CanonicalValues = l.texts(at, v)
		case "caseExact":
			a.CaseExact = l.boolean(at, v)
		case "mutability":
			a.Mutability = word(l, at, v, ReadOnly, ReadWrite, Immutable, WriteOnly)
		case "returned":
			a.Returned = word(l, at, v, ReturnedAlways, ReturnedNever, ReturnedDefault, ReturnedRequest)
		case "uniqueness":
			a.Uniqueness = l.uniqueness(at, v)
		case "referenceTypes":
			a.ReferenceTypes = l.texts(at, v)
		case "subAttributes":
			a.SubAttributes = l.attributes(at, v)
		default:
			l.unpublished(at, name, v, a)
		}
	}
	if a.Name == "" {
		l.problem(member(at, "name"), "is missing")
	}
	return a
}

// unpublished reads the members that only this package knows.
func (l *loader) unpublished(at, name string, v any, a *Attribute) {
	switch name {
	case "relation":
		a.Relation = l.boolean(at, v)
	case "indexed":
		a.Indexed = l.boolean(at, v)
	case "maxLength":
		a.MaxLength = l.length(at, v)
	case "identifier":
		a.Identifier = l.boolean(at, v)
	case "noBlanks":
		a.NoBlanks = l.boolean(at, v)
	case "pattern":
		a.Pattern = l.text(at, v)
	default:
		l.unknown(at)
	}
}

func (l *loader) dataType(at string, v any) Type {
	if s, ok := v.(string); ok && equalFold(s, "bool") {
		l.warn(at, "%q is no data type; read as boolean", s) // RFC 9944 §7 (DEV-07)
		return Boolean
	}
	return word(l, at, v, String, Boolean, Decimal, Integer, DateTime, Binary, Reference, Complex)
}

// uniqueness reads RFC 7643's keywords and the two that the schemas of RFC 9944 have
// beside them (DEV-06): a manufacturer's numbers may repeat those of another one.
func (l *loader) uniqueness(at string, v any) Uniqueness {
	s, _ := v.(string)
	for keyword, meant := range map[string]Uniqueness{"manufacturer": UniqueNone, "enterprise": UniqueGlobal} {
		if equalFold(s, keyword) {
			l.warn(at, "%q is no uniqueness of RFC 7643; read as %s", s, meant)
			return meant
		}
	}
	return word(l, at, v, UniqueNone, UniqueServer, UniqueGlobal)
}

// word reads one of the words of RFC 7643 §7, which compare without case.
func word[T ~string](l *loader, at string, v any, allowed ...T) T {
	s := l.text(at, v)
	i := slices.IndexFunc(allowed, func(w T) bool { return equalFold(string(w), s) })
	if i < 0 {
		l.problem(at, "%s is not one of %q", scim.Quote(s), allowed)
		return ""
	}
	return allowed[i]
}
