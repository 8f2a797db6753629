package schema

import (
	"maps"

	"github.com/muster-id/muster/scim"
)

// A reader brings values into canonical form.
type reader struct {
	t     *ResourceType
	d     *scim.Dialect
	patch bool // the rules of ReadValue apply, not those of Read
	nils  bool // cleared attributes are kept as nil
}

// container reads the attributes of an extension.
func (r *reader) container(s *Schema, v any) (Object, *fault) {
	if v == nil {
		return nil, nil
	}
	o, ok := v.(Object)
	if !ok {
		return nil, mistyped("an object", v)
	}
	out, _, f := r.object(o, s.Attributes, s.attrs)
	return out, f
}

// object reads an object whose attributes are attrs. What is canonical already comes
// back itself, and own is false; else the result is a new object, which the caller owns.
func (r *reader) object(in Object, attrs []*Attribute, names names) (out Object, own bool, f *fault) {
	if count(in, attrs) < len(in) {
		if in, f = r.canonical(in, names); f != nil {
			return nil, false, f
		}
		out = in
	}
	return r.members(in, out, attrs)
}

// count returns how many of the attributes stand in an object under the very name that
// they are defined by.
func count(in Object, attrs []*Attribute) int {
	n := 0
	for _, a := range attrs {
		if _, ok := in[a.Name]; ok {
			n++
		}
	}
	return n
}

// members reads the attributes of an object whose names are canonical, in the order
// of attrs so that the same body always has the same fault. It puts them into out, which
// may be in. If out is nil and nothing is altered, in itself comes back; if something
// is, a copy, which own says.
func (r *reader) members(in, out Object, attrs []*Attribute) (_ Object, own bool, _ *fault) {
	for _, a := range attrs {
		v, ok := in[a.Name]
		if !ok {
			continue
		}
		x, same, keep, f := r.member(a, v)
		if f != nil {
			return nil, false, f.in(a.Name)
		}
		if out == nil {
			if same && keep {
				continue
			}
			out = maps.Clone(in)
		}
		if keep {
			out[a.Name] = x
		} else {
			delete(out, a.Name)
		}
	}
	if out == nil {
		return in, false, nil
	}
	return out, true, nil
}

// member reads the value that an object has for an attribute. same says that it comes
// back as it was, keep that the object keeps the attribute.
func (r *reader) member(a *Attribute, v any) (x any, same, keep bool, f *fault) {
	switch {
	case a.Returned == ReturnedNever && r.d.Allows(scim.HideCredentials): // IPS-13
		return nil, false, false, undeclared("there is no such attribute")
	case a.Mutability == ReadOnly:
		if r.patch && !r.d.Forgives(scim.IgnoreReadOnly) {
			f = readOnlyFault()
		}
		return nil, false, false, f
	case a.Relation:
		return v, true, true, nil
	}
	x, same, f = r.attribute(a, v)
	return x, same, x != nil || r.nils && a.Returned != ReturnedNever, f
}

// canonical returns in with names spelled as they are defined and unknown ones left out.
func (r *reader) canonical(in Object, names names) (Object, *fault) {
	out := make(Object, len(in))
	for n, v := range in {
		a := names.find(n)
		switch {
		case a != nil:
			out[a.Name] = v
		case r.d.Allows(scim.RefuseUnknown) && r.t.extension(n) == nil: // IOP-05
			return nil, undeclared("has no attribute %s", scim.Quote(n))
		case r.patch && !r.d.Forgives(scim.UnknownAttributes):
			return nil, invalid("has no attribute %s", scim.Quote(n))
		}
	}
	return out, nil
}

// attribute reads the value of an attribute; nil is unassigned. same says that the
// value comes back as it was.
func (r *reader) attribute(a *Attribute, v any) (x any, same bool, f *fault) {
	if v == nil {
		return nil, true, nil
	}
	if !a.MultiValued {
		x, same, f = r.single(a, v)
		if a.Returned == ReturnedNever {
			x, same = nil, false // checked, then dropped: it must not reach a document (F11)
		}
		return x, same, f
	}
	list, ok := v.([]any)
	if !ok {
		if !r.takesOne(a, v) {
			return nil, false, mistyped("an array", v)
		}
		list = []any{v}
	}
	out, same, f := r.elements(a, list)
	switch {
	case f != nil, a.Returned == ReturnedNever, len(out) == 0:
		return nil, false, f
	case same && ok:
		return v, true, nil // not out, whose way into an interface is an allocation
	}
	return out, false, nil
}

// takesOne reports whether a value may stand where an array belongs: any in PATCH
// (RFC 7644 §3.5.2.1); in a body what could be an element (F13), but not a string for
// a complex one, which are two mistakes at once.
func (r *reader) takesOne(a *Attribute, v any) bool {
	if r.patch {
		return true
	}
	if _, object := v.(Object); object != (a.Type == Complex) {
		return false
	}
	return r.d.Forgives(scim.SingleForArray)
}

// single reads one value of the type of a; nil is unassigned. same is as in attribute.
func (r *reader) single(a *Attribute, v any) (x any, same bool, f *fault) {
	if a.Type != Complex {
		return r.simple(a, v)
	}
	loose := false
	if a.lone {
		v, loose = r.loose(a, v)
	}
	if v == nil {
		return nil, false, nil
	}
	in, ok := v.(Object)
	if !ok {
		return nil, false, mistyped("an object", v)
	}
	out, own, f := r.object(in, a.SubAttributes, a.subs)
	if f != nil {
		return nil, false, f
	}
	out, own = r.linked(a, out, own)
	if len(out) == 0 && !r.nils {
		return nil, false, nil
	}
	if own {
		return out, false, nil
	}
	return v, !loose, nil
}

// lookup returns what a parsed object has under a name, in whatever case.
func (o Object) lookup(name string) (any, bool) {
	if v, ok := o[name]; ok {
		return v, true
	}
	for n, v := range o {
		if equalFold(n, name) {
			return v, true
		}
	}
	return nil, false
}
