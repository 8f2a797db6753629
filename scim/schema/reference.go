package schema

import (
	"maps"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
)

// linked drops the $ref of a complex value that refers to a resource: it is made from
// value when it is sent. If only $ref was given, value is taken from it. It alters o
// only if that is the caller's own.
func (r *reader) linked(a *Attribute, o Object, own bool) (Object, bool) {
	sent, given := o[subRef]
	if a.link == nil || !given {
		return o, own
	}
	if !own {
		o = maps.Clone(o)
	}
	delete(o, subRef)
	ref, _ := sent.(string)
	if ref == "" || o[subValue] != nil {
		return o, true
	}
	if t, id, ok := r.t.set.ParseRef(ref); ok && slices.Contains(a.link.ReferenceTypes, t.Name) {
		o[subValue] = id
	}
	return o, true
}

// loose makes an object of what clients send for a single reference to a resource:
// its id, an array of one, 1.x managerId; blank clears (F7). What is in order, and
// what nothing can be made of, comes back as it is, and altered is false.
func (r *reader) loose(a *Attribute, v any) (_ any, altered bool) {
	if list, ok := v.([]any); ok && len(list) < 2 && r.d.Forgives(scim.LooseReference) {
		if len(list) == 0 {
			return nil, true
		}
		v, altered = list[0], true
	}
	switch x := v.(type) {
	case string:
		switch {
		case !r.d.Forgives(scim.LooseReference):
			return v, altered
		case blank(x):
			return nil, true
		}
		return Object{subValue: x}, true
	case Object:
		if o, ok := r.looseObject(a, x); ok {
			return o, true
		}
	}
	return v, altered
}

// looseObject is loose for an object, in which the id stands under value or, as in
// SCIM 1.x, under the attribute's own name with Id behind it.
func (r *reader) looseObject(a *Attribute, o Object) (_ any, altered bool) {
	id, _ := o.lookup(subValue)
	old := id == nil && a.Sub(a.Name+"Id") == nil
	if old {
		id, _ = o.lookup(a.Name + "Id")
	}
	s, ok := id.(string)
	if !ok || !old && !blank(s) || !r.d.Forgives(scim.LooseReference) {
		return nil, false
	}
	if ref, _ := o.lookup(subRef); blank(s) && (ref == nil || ref == "") {
		return nil, true
	}
	out := make(Object, len(o))
	for n, v := range o {
		if !equalFold(n, subValue) && !equalFold(n, a.Name+"Id") {
			out[n] = v
		}
	}
	if !blank(s) {
		out[subValue] = s
	}
	return out, true
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
