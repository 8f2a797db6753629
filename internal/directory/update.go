package directory

import (
	"context"
	"fmt"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// Update implements server.Store: PUT and PATCH (RFC 7644 §3.5) as one decision.
func (s *resources) Update(ctx context.Context, id string, e *server.Edit) (*server.Resource, error) {
	p, err := s.planUpdate(ctx, id, e, nil)
	if err != nil {
		return nil, err
	}
	if err := s.write(ctx, p.keys, p.big, p.decide); err != nil {
		return nil, err
	}
	return s.done(ctx, p.out, e.Want)
}

// planUpdate checks an edit as far as that needs nothing loaded; for promised see server.Op.
func (s *resources) planUpdate(ctx context.Context, id string, e *server.Edit, promised map[string]string) (*plan, error) {
	now := s.d.now()
	links, err := s.newLinking(e.Links, e.Dialect, now)
	if err != nil {
		return nil, err
	}
	links.self, links.promised = id, promised
	p := &plan{keys: store.Keys{IDs: []string{id}}, big: links.big()}
	links.ask(&p.keys, id)

	p.decide = func(v *view) (*store.Rows, error) {
		old := v.ByID(id)
		if old == nil || old.Type != s.kind.Name {
			return nil, scim.NotFound(id)
		}
		if err := s.owns(old); err != nil {
			return nil, err
		}
		if err := e.If.Check(version(old)); err != nil {
			return nil, err
		}
		rows := &store.Rows{}
		u := &update{resources: s, edit: e, old: old, row: *old, rows: rows, promised: promised}
		if err := u.document(v); err != nil {
			return nil, err
		}
		edges, err := links.decide(v, rows, old.Num, false)
		if err != nil {
			return nil, err
		}
		p.out = outcome{row: old, unknown: links.strangers(rows)}
		if !u.changed && len(edges) == 0 {
			return rows, nil // F25: nothing but, maybe, references to remember
		}
		u.row.Version++
		u.row.Modified = later(now, old.Modified)
		p.out.row = &u.row
		rows.Resources = append(rows.Resources, &u.row)
		c := store.Change{Kind: store.Updated, Events: u.events, SameDoc: !u.changed, Edges: edges}
		if u.changed {
			c.Before = old.Body
		}
		rows.Changes = append(rows.Changes, s.change(ctx, &u.row, c))
		if u.renamed {
			s.join(ctx, v, rows, &u.row, now, s.awaited(u.row.Index.ExternalID, "", nil))
		}
		return rows, nil
	}
	return p, nil
}

// update is one run of the decision of an Update.
type update struct {
	*resources
	edit     *server.Edit
	old      *store.Resource
	row      store.Resource // as it will be
	rows     *store.Rows
	promised map[string]string
	changed  bool // the document did
	renamed  bool // externalId did
	events   store.Events
}

// document applies the edit to the document and decides what follows from it.
func (u *update) document(v *view) error {
	if u.edit.Apply == nil {
		return nil
	}
	before, err := u.kind.document(u.old)
	if err != nil {
		return fmt.Errorf("read resource %d: %w", u.old.Num, err)
	}
	cur := &server.Resource{
		ID: u.old.ID, Version: version(u.old), Created: u.old.Created, Modified: u.old.Modified, Attrs: before,
	}
	edited, err := u.edit.Apply(cur)
	if err != nil || edited == cur {
		return err
	}
	next, err := u.kind.draft(u.kind.stillInactive(before, edited.Attrs))
	if err != nil || u.kind.unchanged(u.old, before, next.body) {
		return err
	}
	after := next.doc
	if err := take(v, u.rows, u.old.Num, u.kind.claims(before), next.claims, u.edit.Dialect); err != nil {
		return err
	}
	if err := u.checkManager(v, before, after, u.edit.Dialect, u.promised); err != nil {
		return err
	}
	u.changed = true
	u.row.Body, u.row.Gen, u.row.Index = next.body, u.d.schemas.Gen, next.index
	u.row.Once = u.old.Once || u.kind.isActive(after)
	u.events = u.kind.updates(before, after, u.old.Once)
	if next.index.ExternalID != u.old.Index.ExternalID {
		u.renamed = true
		u.rows.Records = append(u.rows.Records, &store.Record{
			Source: u.Source, ID: u.old.ID, Num: u.old.Num, ExternalID: next.index.ExternalID, Created: u.old.Created,
		})
	}
	return nil
}
