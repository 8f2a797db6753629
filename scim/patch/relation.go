package patch

import (
	"slices"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// relation compiles an operation on a relation that clients may alter. Its values
// come and go and are never edited (S-4.2-02).
//
//	path                  add                    replace     remove
//	members               add values             set values  all; with a value only those (AMB-15)
//	members[filter]       add the ids that the   mutability  those that match
//	                      filter names (F4)
//	members.value         add ids                mutability  the ids of value
//	members…sub           mutability             mutability  mutability
func (c *compiler) relation(t target, op operation) error {
	relation := t.path.Attr
	r := linkReader{t: c.t, relation: relation, d: c.d}
	op.value = r.unwrap(op.value)
	if t.where != nil {
		return c.relationWhere(t, op, r)
	}
	if sub := t.path.Sub; sub != nil {
		// members.value with ids: what the client means is plain, if it says which.
		refs, err := r.refs(op.value)
		if sub.Name != "value" || op.verb == replace || err != nil || len(refs) == 0 {
			return notEditable(t)
		}
	}
	if op.verb == remove && !op.given {
		c.link(Link{Relation: relation.Name, Op: LinkClear})
		return nil
	}
	if op.value == nil && (!op.given || op.verb == remove) {
		// A client that means all leaves value out, one that means nobody sends [].
		return scim.BadRequest(scim.InvalidValue, "%s needs a value: an array, empty for none", scim.Quote(t.name))
	}
	refs, err := r.refs(op.value)
	if err != nil {
		return err
	}
	ops := map[verb]LinkOp{add: LinkAdd, replace: LinkSet, remove: LinkRemove}
	if len(refs) > 0 || op.verb == replace {
		c.link(Link{Relation: relation.Name, Op: ops[op.verb], Refs: refs})
	}
	return nil
}

// relationWhere compiles an operation on members[filter].
func (c *compiler) relationWhere(t target, op operation, r linkReader) error {
	if t.path.Sub != nil || op.verb == replace {
		return notEditable(t)
	}
	named, byID := namedRefs(t.where)
	var said []Ref
	if op.value != nil {
		var err error
		if said, err = r.refs(op.value); err != nil {
			return err
		}
	}
	agrees := byID && !slices.ContainsFunc(said, func(s Ref) bool {
		return !slices.ContainsFunc(named, func(n Ref) bool { return n.Value == s.Value })
	})
	link := Link{Relation: t.path.Attr.Name}
	switch {
	case len(said) > 0 && !agrees:
		return notEditable(t)
	case op.verb == remove && byID:
		link.Op, link.Refs = LinkRemove, named
	case op.verb == remove:
		link.Op, link.Where = LinkWhere, t.where
	case !byID:
		return scim.BadRequest(scim.NoTarget, "%s does not say which to add; send a value", scim.Quote(t.name))
	case !c.d.Forgives(scim.AddByFilter):
		return scim.BadRequest(scim.InvalidValue, "%s needs a value; add to %s without a filter", scim.Quote(t.name), link.Relation)
	default:
		link.Op, link.Refs = LinkAdd, named
	}
	c.link(link)
	return nil
}

func (c *compiler) link(l Link) { c.links = append(c.links, l) }

// unwrap takes values out of {"members": […]}, which some clients send (F3).
func (r linkReader) unwrap(v any) any {
	if o, ok := v.(schema.Object); ok && len(o) == 1 {
		if inner, ok := lookup(o, r.relation.Name); ok && r.d.Forgives(scim.SingleForArray) {
			return inner
		}
	}
	return v
}

// namedRefs returns the ids that a filter names, if it does nothing else:
// value eq "a" or value eq "b".
func namedRefs(e filter.Expr) ([]Ref, bool) {
	switch e := e.(type) {
	case *filter.Or:
		var refs []Ref
		for _, t := range e.Terms {
			more, ok := namedRefs(t)
			if !ok {
				return nil, false
			}
			for _, m := range more {
				if !slices.Contains(refs, m) {
					refs = append(refs, m)
				}
			}
		}
		return refs, true
	case *filter.Compare:
		id, ok := e.Value.(string)
		ok = ok && id != "" && e.Op == filter.Eq && !e.Negated && e.Path.Sub != nil && e.Path.Sub.Name == "value"
		return []Ref{{Value: id}}, ok
	}
	return nil, false
}

func notEditable(t target) error {
	return scim.BadRequest(scim.Mutability, "%s: values of %s are added and removed, never edited",
		scim.Quote(t.name), t.path.Attr.Name)
}
