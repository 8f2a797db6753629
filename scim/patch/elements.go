package patch

import (
	"fmt"
	"slices"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// list runs a step on a multi-valued attribute without a filter.
func (a *applier) list(s *step, holder schema.Object, attr *schema.Attribute) error {
	values := schema.Clone(s.value.([]any))
	if s.what == swap {
		holder[attr.Name] = values
		return nil
	}
	old, _ := holder[attr.Name].([]any)
	if err := a.spend(len(old) + len(values)); err != nil {
		return err
	}
	if s.what == subtract {
		putList(holder, attr.Name, a.subtract(attr, old, values))
		return nil
	}
	primary := -1
	index := make(map[string]int, len(old))
	for i, v := range old {
		index[a.key(attr, v)] = i
	}
	for _, v := range values {
		k := a.key(attr, v)
		i, there := index[k]
		if there { // P-3.5.2.1-09
			if err := a.mergeInto(attr, old[i], v); err != nil {
				return err
			}
		} else {
			i = len(old)
			index[k] = i
			old = append(old, v)
		}
		if isPrimary(v) {
			primary = i
		}
	}
	if primary >= 0 {
		demote(old, func(i int) bool { return i == primary })
	}
	putList(holder, attr.Name, old)
	return nil
}

// selected runs a step on elements: those that the filter selects, or all (AMB-17).
func (a *applier) selected(s *step, holder schema.Object, attr *schema.Attribute) error {
	old, _ := holder[attr.Name].([]any)
	if err := a.spend(len(old) * s.cost); err != nil {
		return err
	}
	var list []any
	sub := s.path.Sub
	primary := sub == nil && isPrimary(s.value) || sub != nil && sub.Name == "primary" && s.value == true
	chosen := make(map[int]bool) // by their index in list
	found := false
	for _, v := range old {
		if s.where != nil && !filter.MatchElement(s.where, a.set, v) {
			list = append(list, v)
			continue
		}
		if found && sub == nil && s.what == swap {
			continue // all that match become the same value, which must not stand twice
		}
		found = true
		v, err := a.element(s, attr, v)
		if err != nil {
			return err
		}
		if v != nil {
			chosen[len(list)] = true
			list = append(list, v)
		}
	}
	if !found && s.what != erase {
		v, err := a.create(s, attr)
		if err != nil {
			return err
		}
		primary = primary || isPrimary(v)
		chosen[len(list)] = true
		list = append(list, v)
	}
	if primary {
		demote(list, func(i int) bool { return chosen[i] })
	}
	putList(holder, attr.Name, list)
	return nil
}

// element returns an element as the step leaves it, nil if nothing is left of it.
func (a *applier) element(s *step, attr *schema.Attribute, v any) (any, error) {
	o, isObject := v.(schema.Object)
	switch {
	case s.path.Sub != nil:
		if err := a.whole(s, o, s.path.Sub); err != nil || len(o) == 0 {
			return nil, err // P-3.5.2.2-07: an empty element disappears
		}
		return o, nil
	case s.what == erase:
		return nil, nil
	case s.what == merge && isObject:
		return o, a.mergeInto(attr, o, s.value)
	}
	return a.swapped(s, o)
}

// swapped returns the value that takes the place of an element. To the letter that
// is the value alone; where elements are created from filters, what the filter says
// and the value does not is kept, or the next such request would not find it.
func (a *applier) swapped(s *step, old schema.Object) (any, error) {
	value := schema.Clone(s.value)
	o, ok := value.(schema.Object)
	if !ok {
		return value, nil
	}
	for _, sub := range s.path.Attr.SubAttributes {
		if sub.Mutability != schema.Immutable {
			continue
		}
		if err := write(old, sub, o[sub.Name]); err != nil {
			return nil, err
		}
	}
	if terms, ok := equalTerms(s.where, schema.Object{}); ok {
		for name, v := range terms {
			if _, said := o[name]; !said && a.d.Forgives(scim.CreateByFilter) {
				o[name] = v
			}
		}
	}
	return withoutNil(o), nil
}

// withoutNil removes the entries that stand for what a value clears.
func withoutNil(o schema.Object) schema.Object {
	for name, v := range o {
		if v == nil {
			delete(o, name)
		}
	}
	return o
}

// create makes the element that a filter looked for and did not find (F8, AMB-09).
func (a *applier) create(s *step, attr *schema.Attribute) (any, error) {
	terms, ok := equalTerms(s.where, schema.Object{})
	if !ok || !a.d.Forgives(scim.CreateByFilter) {
		return nil, scim.BadRequest(scim.NoTarget, "no value of %s matches %s", attr.Name, scim.Quote(s.name))
	}
	if attr.Type != schema.Complex {
		return schema.Clone(s.value), nil
	}
	if s.path.Sub != nil {
		terms[s.path.Sub.Name] = schema.Clone(s.value)
		return terms, nil
	}
	for name, v := range s.value.(schema.Object) {
		terms[name] = schema.Clone(v)
	}
	return withoutNil(terms), nil
}

// equalTerms adds to o what a filter says by eq and and; false if it says anything else.
func equalTerms(e filter.Expr, o schema.Object) (schema.Object, bool) {
	switch e := e.(type) {
	case nil:
		return o, true
	case *filter.And:
		for _, t := range e.Terms {
			if _, ok := equalTerms(t, o); !ok {
				return o, false
			}
		}
		return o, true
	case *filter.Compare:
		sub, value := e.Path.Sub, e.Value
		if e.Negated && value == true && sub != nil && sub.Name == "primary" {
			value = false // a bound filter has primary eq false as not (primary eq true)
		} else if e.Negated {
			return o, false
		}
		if e.Op != filter.Eq || e.AnyOther {
			return o, false
		}
		if sub == nil {
			return o, true // the element itself
		}
		_, twice := o[sub.Name]
		if twice || sub.MultiValued || sub.Mutability == schema.ReadOnly {
			return o, false
		}
		o[sub.Name] = value
		return o, true
	}
	return o, false
}

// mergeInto sets the sub-attributes of v in an element that is there. A value that
// compares equal keeps the spelling it has.
func (a *applier) mergeInto(attr *schema.Attribute, element, v any) error {
	o, _ := element.(schema.Object)
	n, _ := v.(schema.Object)
	for _, sub := range attr.SubAttributes {
		value, said := n[sub.Name]
		if !said || schema.Equal(a.set.Key(sub, o[sub.Name]), a.set.Key(sub, value)) {
			continue
		}
		if err := write(o, sub, schema.Clone(value)); err != nil {
			return err
		}
	}
	return nil
}

// subtract returns the elements of list that none of values means.
func (a *applier) subtract(attr *schema.Attribute, list, values []any) []any {
	gone := make(map[string]bool, len(values))
	for _, v := range values {
		gone[a.key(attr, v)] = true
	}
	return slices.DeleteFunc(list, func(v any) bool {
		if gone[a.key(attr, v)] {
			return true
		}
		// A bare value, without the type, means every element that has it.
		o, ok := v.(schema.Object)
		return ok && o["value"] != nil && gone[a.key(attr, schema.Object{"value": o["value"]})]
	})
}

// key returns what makes an element different from the others: value and type if it
// has a value (RFC 7643 §2.4), else all but the primary flag.
func (a *applier) key(attr *schema.Attribute, v any) string {
	o, ok := v.(schema.Object)
	if !ok {
		return fmt.Sprintf("%q", fmt.Sprint(a.set.Key(attr, v)))
	}
	var k []byte
	for _, sub := range attr.SubAttributes {
		x := o[sub.Name]
		if x == nil || sub.Name == "primary" || o["value"] != nil && sub.Name != "value" && sub.Name != "type" {
			continue
		}
		k = fmt.Appendf(k, "%s=%q;", sub.Name, fmt.Sprint(a.set.Key(sub, x)))
	}
	return string(k)
}

func isPrimary(v any) bool {
	o, _ := v.(schema.Object)
	return o["primary"] == true
}

// demote makes primary false where it is true and keep does not say otherwise (P-3.5.2-14).
func demote(list []any, keep func(i int) bool) {
	for i, v := range list {
		if o, ok := v.(schema.Object); ok && o["primary"] == true && !keep(i) {
			o["primary"] = false
		}
	}
}

// putList sets a multi-valued attribute, or removes it if it has no values left.
func putList(holder schema.Object, name string, list []any) {
	if len(list) == 0 {
		delete(holder, name)
		return
	}
	holder[name] = list
}
