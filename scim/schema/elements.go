package schema

import "github.com/muster-id/muster/scim"

// maxElements is the limit of a multi-valued attribute; relations have none here.
const maxElements = 1000

// elements reads the elements of a multi-valued attribute. Those that are empty and
// those that repeat another are left out.
func (r *reader) elements(a *Attribute, list []any) ([]any, *fault) {
	if len(list) > maxElements {
		return nil, tooMany(len(list))
	}
	inner := *r
	inner.nils = false
	out := make([]any, 0, len(list))
	for i, v := range list {
		if v == nil {
			continue
		}
		x, f := inner.element(a, v)
		if f != nil {
			return nil, f.at(i)
		}
		if x != nil {
			out = append(out, x)
		}
	}
	return distinct(a, out), onePrimary(out)
}

// element reads one element of a multi-valued attribute.
func (r *reader) element(a *Attribute, v any) (any, *fault) {
	if s, ok := v.(string); ok && a.Type == Complex && a.Sub(subValue) != nil && r.d.Forgives(scim.StringForComplex) {
		v = Object{subValue: s}
	}
	x, f := r.single(a, v)
	if in, ok := v.(Object); ok && f == nil && x != nil && a.Sub(subValue) != nil && x.(Object)[subValue] == nil {
		if sent, _ := in.lookup(subValue); sent == "" {
			return nil, nil // the unset macro of a template: a type alone says nothing
		}
	}
	return x, f
}

// distinct returns the elements without those that repeat the type and value of an
// earlier one (RFC 7643 §2.4); an element without a value repeats only its like. The
// one that stays is primary if any of them was.
func distinct(a *Attribute, list []any) []any {
	if len(list) < 2 {
		return list
	}
	seen := make(map[identity]int, len(list))
	out := list[:0]
	for _, v := range list {
		id := identityOf(a, v)
		first, repeated := seen[id]
		if !repeated {
			seen[id] = len(out)
			out = append(out, v)
		} else if o, ok := v.(Object); ok && o[subPrimary] == true {
			out[first].(Object)[subPrimary] = true
		}
	}
	return out
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
