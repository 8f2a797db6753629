package directory

import (
	"context"
	"fmt"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// Undo says how a resource was before what a person has rejected.
type Undo struct {
	Num      store.Num
	Type, ID string
	Owner    store.Source
	Created  bool   // it was not there
	Before   []byte // its document
	Edges    []store.EdgeChange
	// KeepNames leaves what has to be unique as it is now: somebody else has taken the name meanwhile.
	KeepNames bool
}

// Undo puts a resource back, as a change of its own that is never held: the document as it was, members that were removed are
// members again, those that were added are not, and one that was deleted is there again under its id, with its memberships. It
// may be called again. scim.Uniqueness: a name is taken.
func (d *Directory) Undo(ctx context.Context, t store.Tenant, actor string, u Undo) error {
	k := d.kind(u.Type)
	if k == nil {
		return fmt.Errorf("resource type %q is not defined", u.Type)
	}
	s := &resources{Caller: Caller{Tenant: t, Source: u.Owner, Actor: actor, repair: true}, d: d, kind: k}
	if u.Created {
		p := s.planDelete(ctx, u.ID, server.Cond{})
		return s.write(ctx, p.keys, p.big, p.decide)
	}
	doc, err := k.document(&store.Resource{Num: u.Num, Type: u.Type, Body: u.Before, Gen: 0})
	if err != nil {
		return fmt.Errorf("read the document of resource %d: %w", u.Num, err)
	}
	keys := store.Keys{Nums: []store.Num{u.Num}, Claims: claimKeys(k.claims(doc))}
	for _, e := range u.Edges {
		keys.Nums = append(keys.Nums, e.Child)
	}
	return s.write(ctx, keys, len(u.Edges) >= heavy, func(v *view) (*store.Rows, error) {
		old := v.ByNum(u.Num)
		if old == nil || old.Type != k.Name {
			return nil, nil
		}
		if old.Deleted {
			return s.restore(ctx, v, old, doc)
		}
		return s.putBack(ctx, v, old, doc, u)
	})
}

// restore brings a tombstone back as if it had not been deleted.
func (s *resources) restore(ctx context.Context, v *view, old *store.Resource, doc schema.Object) (*store.Rows, error) {
	next, err := s.kind.draft(doc)
	if err != nil {
		return nil, err
	}
	row := *old
	row.Version++
	row.Modified = later(s.d.now(), old.Modified)
	row.Deleted, row.Body, row.Gen, row.Index = false, next.body, s.d.schemas.Gen, next.index
	rows := &store.Rows{
		Resources: []*store.Resource{&row},
		Restored:  []store.Num{row.Num},
		Records:   []*store.Record{{Source: s.Source, ID: row.ID, Num: row.Num, ExternalID: next.index.ExternalID, Created: row.Created}},
		Changes:   []*store.Change{s.change(ctx, &row, store.Change{Kind: store.Updated, Events: store.EventUpdated})},
	}
	return rows, take(v, rows, row.Num, nil, next.claims, nil)
}

// putBack gives a resource the document and the members that it had.
func (s *resources) putBack(ctx context.Context, v *view, old *store.Resource, doc schema.Object, u Undo) (*store.Rows, error) {
	now, err := s.kind.document(old)
	if err != nil {
		return nil, err
	}
	if u.KeepNames {
		for _, c := range s.kind.unique {
			if c.path.Extension != nil || c.path.Sub != nil {
				continue
			}
			name := c.path.Attr.Name
			if delete(doc, name); now[name] != nil {
				doc[name] = now[name]
			}
		}
	}
	next, err := s.kind.draft(doc)
	if err != nil {
		return nil, err
	}
	row := *old
	row.Version++
	row.Modified = later(s.d.now(), old.Modified)
	rows := &store.Rows{Resources: []*store.Resource{&row}}
	c := store.Change{Kind: store.Updated, SameDoc: true}
	if !s.kind.unchanged(old, now, next.body) {
		if err := take(v, rows, old.Num, s.kind.claims(now), next.claims, nil); err != nil {
			return nil, err
		}
		c.SameDoc, c.Before, c.Events = false, old.Body, s.kind.updates(now, next.doc, old.Once)
		row.Body, row.Gen, row.Index = next.body, s.d.schemas.Gen, next.index
		if next.index.ExternalID != old.Index.ExternalID {
			rows.Records = append(rows.Records, &store.Record{
				Source: s.Source, ID: old.ID, Num: old.Num, ExternalID: next.index.ExternalID, Created: old.Created,
			})
		}
	}
	for _, e := range u.Edges {
		child := v.ByNum(e.Child)
		if child == nil || child.Deleted {
			continue
		}
		edge := store.Edge{Rel: e.Rel, Parent: old.Num, Child: e.Child, Source: s.Source}
		if e.Removed {
			rows.Link = append(rows.Link, edge)
		} else {
			rows.Unlink = append(rows.Unlink, edge)
		}
		c.Edges = append(c.Edges, store.EdgeChange{Rel: e.Rel, Child: e.Child, Removed: !e.Removed})
	}
	if c.SameDoc && len(c.Edges) == 0 {
		return nil, nil
	}
	rows.Changes = []*store.Change{s.change(ctx, &row, c)}
	return rows, nil
}
