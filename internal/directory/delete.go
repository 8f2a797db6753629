package directory

import (
	"context"
	"fmt"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// Delete implements server.Store (RFC 7644 §3.6). What is left is a tombstone, which only a
// rehire ever finds. The edges of a deleted resource count as gone at once, without changes of
// the groups it was in, and are swept later.
func (s *resources) Delete(ctx context.Context, id string, c server.Cond) error {
	p := s.planDelete(ctx, id, c)
	return s.write(ctx, p.keys, p.big, p.decide)
}

func (s *resources) planDelete(ctx context.Context, id string, c server.Cond) *plan {
	now := s.d.now()
	decide := func(v *view) (*store.Rows, error) {
		old := v.ByID(id)
		if old == nil || old.Type != s.kind.Name {
			return nil, scim.NotFound(id)
		}
		if err := s.owns(old); err != nil {
			return nil, err
		}
		if err := c.Check(version(old)); err != nil {
			return nil, err
		}
		doc, err := s.kind.document(old)
		if err != nil {
			return nil, fmt.Errorf("read resource %d: %w", old.Num, err)
		}
		row := *old
		row.Version++
		row.Modified = later(now, old.Modified)
		row.Deleted, row.Body, row.Index = true, nil, store.Index{}
		rows := &store.Rows{
			Resources: []*store.Resource{&row},
			Records: []*store.Record{{
				Source: s.Source, ID: old.ID, Num: old.Num, Created: old.Created, Ended: row.Modified,
				ExternalID: old.Index.ExternalID, EmployeeNumber: old.Index.EmployeeNumber,
			}},
			Swept: []store.Num{old.Num},
			Changes: []*store.Change{s.change(ctx, &row, store.Change{
				Kind: store.Deleted, Events: store.EventDeleted, Before: old.Body,
			})},
		}
		if s.kind.members != nil { // what waited to be a member waits no longer
			rows.Unpend = []store.Pending{{Source: s.Source, Rel: s.kind.members.rel, Parent: old.Num}}
		}
		return rows, take(v, rows, old.Num, s.kind.claims(doc), nil, nil)
	}
	return &plan{keys: store.Keys{IDs: []string{id}}, decide: decide}
}
