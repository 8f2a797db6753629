package directory

import (
	"context"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// join adds a resource to the groups that its source had named it in before it was there, by
// one of the values (F20). Each group has a change of its own. Whatever the references waited
// for, they wait no longer: expired ones and those of groups that are gone are dropped.
func (s *resources) join(ctx context.Context, v *view, rows *store.Rows, row *store.Resource, now time.Time, values []string) {
	fresh := row == rows.Resources[0] && rows.Changes[0].Kind == store.Created
	joined := map[store.Num]bool{row.Num: true} // nobody is a member of himself
	for _, value := range values {
		for _, p := range v.waiting(value) {
			rows.Unpend = append(rows.Unpend, p)
			if now.After(p.Expires) || joined[p.Parent] {
				continue
			}
			parent := v.whole(p.Parent)
			if parent == nil || parent.Deleted || !fresh && v.linked(p.Rel, parent, row) {
				continue
			}
			k := s.d.kind(parent.Type)
			if k == nil || k.members == nil || !k.members.allows(row.Type) {
				continue
			}
			joined[p.Parent] = true
			after := *parent
			after.Version++
			after.Modified = later(now, parent.Modified)
			rows.Resources = append(rows.Resources, &after)
			rows.Link = append(rows.Link, store.Edge{Rel: p.Rel, Parent: p.Parent, Child: row.Num, Source: p.Source})
			rows.Changes = append(rows.Changes, s.change(ctx, &after, store.Change{
				Kind: store.Updated, SameDoc: true, Edges: []store.EdgeChange{{Rel: p.Rel, Child: row.Num}},
			}))
		}
	}
}
