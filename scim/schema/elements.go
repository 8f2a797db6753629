package schema

import (
	"maps"
	"slices"

	"github.com/muster-id/muster/scim"
)

// maxElements is the limit of a multi-valued attribute; relations have none here.
const maxElements = 1000

// elements reads the elements of a multi-valued attribute. Those that are empty and
// those that repeat another are left out. If nothing was altered the list itself comes
// back and same is true; list is never written to.
func (r *reader) elements(a *Attribute, list []any) (out []any, same bool, f *fault) {
	if len(list) > maxElements {
		return nil, false, tooMany(len(list))
	}
	nils := r.nils
	r.nils = false
	defer func() { r.nils = nils }()
	out, same = list, true
	for i, v := range list {
		var x any
		kept := false
		if v != nil {
			if x, kept, f = r.element(a, v); f != nil {
				return nil, false, f.at(i)
			}
		}
		if same && !kept {
			out, same = append(make([]any, 0, len(list)), list[:i]...), false
		}
		if !same && x != nil {
			out = append(out, x)
		}
	}
	unique := distinct(a, out)
	return unique, same && len(unique) == len(list), onePrimary(unique)
}

// element reads one element of a multi-valued attribute.
func (r *reader) element(a *Attribute, v any) (x any, same bool, f *fault) {
	if s, ok := v.(string); ok && a.Type == Complex && a.Sub(subValue) != nil && r.d.Forgives(scim.StringForComplex) {
		x, _, f = r.single(a, Object{subValue: s})
		return x, false, f
	}
	x, same, f = r.single(a, v)
	in, ok := v.(Object)
	if !ok || f != nil || x == nil || x.(Object)[subValue] != nil || a.Sub(subValue) == nil {
		return x, same, f
	}
	if sent, _ := in.lookup(subValue); sent == "" {
		return nil, false, nil // the unset macro of a template: a type alone says nothing
	}
	return x, same, f
}

// fewElements is the number of elements up to which comparing one by one beats a map.
const fewElements = 8

// distinct returns the elements without those that repeat the type and value of an
// earlier one (RFC 7643 §2.4); an element without a value repeats only its like. The
// one that stays is primary if any of them was. It alters neither list nor elements.
func distinct(a *Attribute, list []any) []any {
	if !repeats(a, list) {
		return list
	}
	seen := make(map[identity]int, len(list))
	out := make([]any, 0, len(list))
	for _, v := range list {
		id := identityOf(a, v)
		first, repeated := seen[id]
		if !repeated {
			seen[id] = len(out)
			out = append(out, v)
		} else if o, ok := v.(Object); ok && o[subPrimary] == true {
			o = maps.Clone(out[first].(Object))
			o[subPrimary] = true
			out[first] = o
		}
	}
	return out
}

// repeats reports whether two elements have the same identity.
func repeats(a *Attribute, list []any) bool {
	if len(list) > fewElements {
		seen := make(map[identity]bool, len(list))
		for _, v := range list {
			seen[identityOf(a, v)] = true
		}
		return len(seen) < len(list)
	}
	var ids [fewElements]identity
	for i, v := range list {
		if len(list) > 1 {
			ids[i] = identityOf(a, v)
		}
		if slices.Contains(ids[:i], ids[i]) {
			return true
		}
	}
	return false
}

// identity is what makes an element different from others.
type identity struct {
	value, typ any    // simple values
	rest       string // of an element without a value: all that it has, as JSON
}

func identityOf(a *Attribute, v any) identity {
	o, ok := v.(Object)
	if !ok {
		return identity{value: v}
	}
	value, typ := o[subValue], o[subType]
	if !simple(value) || !simple(typ) || value == nil {
		return identity{rest: string(appendMembers([]byte{'{'}, a.SubAttributes, o))}
	}
	return identity{value: value, typ: typ}
}

// simple reports whether a canonical value is one of a simple attribute.
func simple(v any) bool {
	switch v.(type) {
	case Object, []any:
		return false
	}
	return true
}

// onePrimary refuses a second primary element (RFC 7643 §2.4, AMB-13).
func onePrimary(list []any) *fault {
	found := false
	for i, v := range list {
		if o, ok := v.(Object); ok && o[subPrimary] == true {
			if found {
				return invalid("is true a second time; one value is primary at most").in(subPrimary).at(i)
			}
			found = true
		}
	}
	return nil
}

func tooMany(n int) *fault { return invalid("has %d values; %d are allowed", n, maxElements) }
