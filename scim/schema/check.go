package schema

import (
	"net/http"

	"github.com/muster-id/muster/scim"
)

// maxDocument is the limit of the strings of one document. A body that is as large
// as allowed stays below; only a document grown by many PATCHes meets it.
const maxDocument = 2 << 20

// Check reports whether a whole canonical document may be stored: required attributes
// have values that are not blank, sub-attributes and extensions included (400
// invalidValue); multi-valued attributes keep their limits and at most one primary
// value; the document is not larger than 2 MiB (413). Values themselves were checked
// when they were read. Relations and what is never returned are not in a document and
// so not asked for.
func (t *ResourceType) Check(o Object) error {
	if size(o) > maxDocument {
		return scim.Errorf(http.StatusRequestEntityTooLarge, "resource would be larger than %d bytes", maxDocument)
	}
	if f := check(t.attrs, o); f != nil {
		return f.err()
	}
	for _, e := range t.Extensions {
		c, _ := o[e.Schema.ID].(Object)
		if len(c) == 0 {
			if e.Required {
				return invalid("is required").in(e.Schema.ID).err()
			}
			continue
		}
		if f := check(e.Schema.Attributes, c); f != nil {
			return f.in(e.Schema.ID).err()
		}
	}
	return nil
}

func check(attrs []*Attribute, o Object) *fault {
	for _, a := range attrs {
		v := o[a.Name]
		if a.Required && missing(v) && a.Mutability != ReadOnly && a.Returned != ReturnedNever && !a.Relation {
			return invalid("is required").in(a.Name)
		}
		var f *fault
		switch v := v.(type) {
		case Object:
			f = check(a.SubAttributes, v)
		case []any:
			f = checkElements(a, v)
		}
		if f != nil {
			return f.in(a.Name)
		}
	}
	return nil
}

func checkElements(a *Attribute, list []any) *fault {
	if len(list) > maxElements {
		return tooMany(len(list))
	}
	for i, v := range list {
		if o, ok := v.(Object); ok {
			if f := check(a.SubAttributes, o); f != nil {
				return f.at(i)
			}
		}
	}
	return onePrimary(list)
}

func missing(v any) bool {
	s, ok := v.(string)
	return v == nil || ok && blank(s)
}

// size is roughly the number of bytes of a value in canonical JSON.
func size(v any) int {
	n := 8
	switch v := v.(type) {
	case string:
		n += len(v)
	case Object:
		for k, e := range v {
			n += len(k) + size(e)
		}
	case []any:
		for _, e := range v {
			n += size(e)
		}
	}
	return n
}

// CheckChange reports a change of an immutable attribute between two documents: 400
// mutability. Setting one that had no value is no change of it (RFC 7643 §7);
// removing it is (AMB-20). Elements of multi-valued attributes come and go, so their
// immutable sub-attributes are not compared.
func (t *ResourceType) CheckChange(before, after Object) error {
	if f := checkChange(t.attrs, before, after); f != nil {
		return f.err()
	}
	for _, e := range t.Extensions {
		b, _ := before[e.Schema.ID].(Object)
		a, _ := after[e.Schema.ID].(Object)
		if f := checkChange(e.Schema.Attributes, b, a); f != nil {
			return f.in(e.Schema.ID).err()
		}
	}
	return nil
}

func checkChange(attrs []*Attribute, before, after Object) *fault {
	for _, a := range attrs {
		b := before[a.Name]
		if b == nil {
			continue
		}
		if a.Mutability == Immutable && !Equal(b, after[a.Name]) {
			return (&fault{typ: scim.Mutability, text: "is immutable and has a value already"}).in(a.Name)
		}
		if inner, ok := b.(Object); ok {
			x, _ := after[a.Name].(Object)
			if f := checkChange(a.SubAttributes, inner, x); f != nil {
				return f.in(a.Name)
			}
		}
	}
	return nil
}
