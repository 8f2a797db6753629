package scimtest

import (
	"iter"
	"maps"
	"slices"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// linkSet returns the edit that makes a relation hold these references.
func linkSet(relation string, refs iter.Seq2[server.Ref, error]) (server.LinkEdit, error) {
	edit := server.LinkEdit{Relation: relation, Op: patch.LinkSet}
	for ref, err := range refs {
		if err != nil {
			return edit, err
		}
		edit.Refs = append(edit.Refs, patch.Ref{Value: ref.Value})
	}
	return edit, nil
}

// linksAfter returns the links of a row after the edits, in order; the row is not altered.
func (m *Memory) linksAfter(r *row, edits []server.LinkEdit, d *scim.Dialect) (map[string][]*row, error) {
	links := maps.Clone(r.links)
	if links == nil {
		links = make(map[string][]*row)
	}
	for _, e := range edits {
		after, err := m.linkAfter(links[e.Relation], e, d)
		if err != nil {
			return nil, err
		}
		links[e.Relation] = after
	}
	return links, nil
}

// linkAfter returns the targets of one relation after one edit.
func (m *Memory) linkAfter(before []*row, e server.LinkEdit, d *scim.Dialect) ([]*row, error) {
	switch e.Op {
	case patch.LinkRemove:
		return slices.DeleteFunc(slices.Clone(before), func(target *row) bool {
			return slices.ContainsFunc(e.Refs, func(r patch.Ref) bool { return r.Value == target.id })
		}), nil
	case patch.LinkWhere:
		return slices.DeleteFunc(slices.Clone(before), func(target *row) bool {
			return filter.MatchElement(e.Where, m.set, schema.Object{
				"value": target.id, "type": target.typ.Name, "display": target.ref("").Display,
			})
		}), nil
	case patch.LinkClear:
		return nil, nil
	case patch.LinkSet:
		before = nil
	case patch.LinkAdd:
	}
	after := slices.Clone(before)
	for _, ref := range e.Refs {
		target := m.byID[ref.Value]
		switch {
		case target == nil && d.Forgives(scim.UnknownMembers): // F20
		case target == nil:
			return nil, scim.BadRequest(scim.InvalidValue, "%s names an unknown resource: %s", e.Relation, scim.Quote(ref.Value))
		case !slices.Contains(after, target):
			after = append(after, target)
		}
	}
	return after, nil
}

// equalLinks reports whether two sets of links hold the same, in any order.
func equalLinks(a, b map[string][]*row) bool {
	same := func(a, b map[string][]*row) bool {
		for name, targets := range a {
			if len(targets) != len(b[name]) {
				return false
			}
			for _, t := range targets {
				if !slices.Contains(b[name], t) {
					return false
				}
			}
		}
		return true
	}
	return same(a, b) && same(b, a)
}
