package schema

import (
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
)

// linked drops the $ref of a complex value that refers to a resource: it is made from
// value when it is sent. If only $ref was given, value is taken from it.
func (r *reader) linked(a *Attribute, o Object) {
	if a.link == nil {
		return
	}
	ref, _ := o[subRef].(string)
	delete(o, subRef)
	if ref == "" || o[subValue] != nil {
		return
	}
	if t, id, ok := r.t.set.ParseRef(ref); ok && slices.Contains(a.link.ReferenceTypes, t.Name) {
		o[subValue] = id
	}
}

// loose makes an object of what clients send for a single reference to a resource:
// its id, an array of one, 1.x managerId; blank clears (F7). What is in order, and
// what nothing can be made of, comes back as it is.
func (r *reader) loose(a *Attribute, v any) any {
	if list, ok := v.([]any); ok && len(list) < 2 && r.d.Forgives(scim.LooseReference) {
		if len(list) == 0 {
			return nil
		}
		v = list[0]
	}
	switch x := v.(type) {
	case string:
		if !r.d.Forgives(scim.LooseReference) {
			return v
		}
		if blank(x) {
			return nil
		}
		return Object{subValue: x}
	case Object:
		return r.looseObject(a, x)
	}
	return v
}

// looseObject is loose for an object, in which the id stands under value or, as in
// SCIM 1.x, under the attribute's own name with Id behind it.
func (r *reader) looseObject(a *Attribute, o Object) any {
	id, _ := o.lookup(subValue)
	old := id == nil && a.Sub(a.Name+"Id") == nil
	if old {
		id, _ = o.lookup(a.Name + "Id")
	}
	s, ok := id.(string)
	if !ok || !old && !blank(s) || !r.d.Forgives(scim.LooseReference) {
		return o
	}
	if ref, _ := o.lookup(subRef); blank(s) && (ref == nil || ref == "") {
		return nil
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
	return out
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
