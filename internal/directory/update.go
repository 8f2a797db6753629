package directory

import (
	"bytes"
	"context"
	"fmt"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// Update implements server.Store: PUT and PATCH (RFC 7644 §3.5) as one decision.
func (s *resources) Update(ctx context.Context, id string, e *server.Edit) (*server.Resource, error) {
	now := s.d.now()
	links, err := s.newLinking(e.Links, e.Dialect, now)
	if err != nil {
		return nil, err
	}
	keys := store.Keys{IDs: []string{id}}
	links.ask(&keys, id)

	var out outcome
	err = s.write(ctx, keys, links.big(), func(v *view) (*store.Rows, error) {
		old := v.ByID(id)
		if old == nil || old.Type != s.kind.Name {
			return nil, scim.NotFound(id)
		}
		if err := e.If.Check(version(old)); err != nil {
			return nil, err
		}
		rows := &store.Rows{}
		u := &update{resources: s, edit: e, old: old, row: *old, rows: rows}
		if err := u.document(v); err != nil {
			return nil, err
		}
		edges, err := links.decide(v, rows, old.Num, false)
		if err != nil {
			return nil, err
		}
		out = outcome{row: old, unknown: len(rows.Pend)}
		if !u.changed && len(edges) == 0 {
			return rows, nil // F25: nothing but, maybe, references to remember
		}
		u.row.Version++
		u.row.Modified = later(now, old.Modified)
		out.row = &u.row
		rows.Resources = append(rows.Resources, &u.row)
		c := store.Change{Kind: store.Updated, Events: u.events, SameDoc: !u.changed, Edges: edges}
		if u.changed {
			c.Before = old.Body
		}
		rows.Changes = append(rows.Changes, s.change(ctx, &u.row, c))
		if u.renamed {
			s.join(ctx, v, rows, &u.row, now)
		}
		return rows, nil
	})
	if err != nil {
		return nil, err
	}
	return s.done(ctx, out, e.Want)
}

// update is one run of the decision of an Update.
type update struct {
	*resources
	edit    *server.Edit
	old     *store.Resource
	row     store.Resource // as it will be
	rows    *store.Rows
	changed bool // the document did
	renamed bool // externalId did
	events  store.Events
}

// document applies the edit to the document and decides what follows from it.
func (u *update) document(v *view) error {
	if u.edit.Apply == nil {
		return nil
	}
	before, err := u.kind.Decode(u.old.Body)
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
	if err != nil || bytes.Equal(next.body, u.old.Body) {
		return err
	}
	after := next.doc
	if err := take(v, u.rows, u.old.Num, u.kind.claims(before), next.claims, u.edit.Dialect); err != nil {
		return err
	}
	if err := u.checkManager(v, before, after, u.edit.Dialect); err != nil {
		return err
	}
	u.changed = true
	u.row.Body, u.row.Gen, u.row.Index = next.body, generation, next.index
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
