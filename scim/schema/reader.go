package schema

import "github.com/muster-id/muster/scim"

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
	return r.object(o, s.Attributes, s.attrs)
}

// object reads an object whose attributes are attrs.
func (r *reader) object(in Object, attrs []*Attribute, names names) (Object, *fault) {
	in, f := r.canonical(in, names)
	if f != nil {
		return nil, f
	}
	return r.members(in, attrs)
}

// members reads the attributes of an object whose names are canonical, in the order
// of attrs so that the same body always has the same fault.
func (r *reader) members(in Object, attrs []*Attribute) (Object, *fault) {
	out := make(Object, len(in))
	for _, a := range attrs {
		v, ok := in[a.Name]
		if !ok {
			continue
		}
		switch {
		case a.Returned == ReturnedNever && r.d.Allows(scim.HideCredentials): // IPS-13
			return nil, undeclared("has no attribute %s", scim.Quote(a.Name))
		case a.Mutability == ReadOnly:
			if r.patch && !r.d.Forgives(scim.IgnoreReadOnly) {
				return nil, readOnlyFault().in(a.Name)
			}
			continue
		case a.Relation:
			out[a.Name] = v
			continue
		}
		x, f := r.attribute(a, v)
		if f != nil {
			return nil, f.in(a.Name)
		}
		if x != nil || r.nils && a.Returned != ReturnedNever {
			out[a.Name] = x
		}
	}
	return out, nil
}

// canonical returns in with names spelled as they are defined and unknown ones left out.
func (r *reader) canonical(in Object, names names) (Object, *fault) {
	exact := true
	for n := range in {
		if a := names[n]; a == nil || a.Name != n {
			exact = false
			break
		}
	}
	if exact {
		return in, nil
	}
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

// attribute reads the value of an attribute; nil is unassigned.
func (r *reader) attribute(a *Attribute, v any) (any, *fault) {
	if v == nil {
		return nil, nil
	}
	if !a.MultiValued {
		x, f := r.single(a, v)
		if a.Returned == ReturnedNever {
			x = nil // checked, then dropped: it must not reach a document (F11)
		}
		return x, f
	}
	list, ok := v.([]any)
	if !ok {
		if !r.takesOne(a, v) {
			return nil, mistyped("an array", v)
		}
		list = []any{v}
	}
	x, f := r.elements(a, list)
	if a.Returned == ReturnedNever || len(x) == 0 {
		return nil, f
	}
	return x, f
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

// single reads one value of the type of a; nil is unassigned.
func (r *reader) single(a *Attribute, v any) (any, *fault) {
	if a.Type != Complex {
		return r.simple(a, v)
	}
	if a.lone {
		v = r.loose(a, v)
	}
	if v == nil {
		return nil, nil
	}
	in, ok := v.(Object)
	if !ok {
		return nil, mistyped("an object", v)
	}
	out, f := r.object(in, a.SubAttributes, a.subs)
	if f != nil {
		return nil, f
	}
	r.linked(a, out)
	if len(out) == 0 && !r.nils {
		return nil, nil
	}
	return out, nil
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
