package directory

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// draft is a document on its way into the store, with all that is computed from it.
type draft struct {
	doc    schema.Object
	body   []byte
	index  store.Index
	claims []claim
}

// draft checks the names in a document and computes what is stored of it.
func (k *kind) draft(doc schema.Object) (*draft, error) {
	doc = k.own(doc)
	if name, ok := doc[userName].(string); ok && k.person {
		if err := CheckUserName(name); err != nil {
			return nil, err
		}
	}
	return &draft{
		doc:    doc,
		body:   k.Append(nil, doc),
		index:  store.MakeIndex(k.set, k.ResourceType, doc),
		claims: k.claims(doc),
	}, nil
}

// Create implements server.Store (RFC 7644 §3.3). A User that was here before comes back as
// the same person with a new id: see rehire.go.
func (s *resources) Create(ctx context.Context, r *server.Resource, d *scim.Dialect) (*server.Resource, error) {
	doc := r.Attrs
	if doc == nil {
		var err error
		if doc, err = s.kind.Decode(r.Raw); err != nil {
			return nil, fmt.Errorf("read the document to create: %w", err)
		}
	}
	next, err := s.kind.draft(doc)
	if err != nil {
		return nil, err
	}
	ops, err := s.given(r)
	if err != nil {
		return nil, err
	}
	now, id := s.d.now(), s.d.opts.NewID()
	links, err := s.newLinking(ops, d, now)
	if err != nil {
		return nil, err
	}

	keys := store.Keys{Claims: claimKeys(next.claims)}
	links.ask(&keys, "")
	if manager := s.kind.managerOf(doc); manager != "" {
		keys.IDs = append(keys.IDs, manager)
	}
	if next.index.ExternalID != "" {
		keys.Pending = []string{next.index.ExternalID}
	}
	former, ask := s.kind.former(next.index)
	if ask {
		keys.Former = []store.FormerKey{former}
	}

	var out outcome
	err = s.write(ctx, keys, links.big(), func(v *view) (*store.Rows, error) {
		out = outcome{row: &store.Resource{
			Type: s.kind.Name, ID: id, Person: id, Version: 1, Created: now, Modified: now,
			Body: next.body, Gen: generation, Index: next.index, Once: s.kind.isActive(doc),
		}}
		rows := &store.Rows{Resources: []*store.Resource{out.row}}
		events := store.EventCreated
		if old := s.kind.rehired(v, former); old != nil {
			revive(rows, out.row, old)
			events = store.EventRehired
		} else {
			out.row.Num = v.NextNum()
		}
		if err := take(v, rows, out.row.Num, nil, next.claims, d); err != nil {
			return nil, err
		}
		if err := s.checkManager(v, nil, doc, d); err != nil {
			return nil, err
		}
		edges, err := links.decide(v, rows, out.row.Num, true)
		if err != nil {
			return nil, err
		}
		out.unknown = len(rows.Pend)
		rows.Records = []*store.Record{{
			Source: s.Source, ID: id, Num: out.row.Num, ExternalID: next.index.ExternalID, Created: now,
		}}
		rows.Changes = []*store.Change{s.change(ctx, out.row, store.Change{Kind: store.Created, Events: events, Edges: edges})}
		s.join(ctx, v, rows, out.row, now)
		out.alone = len(rows.Link) == 0
		return rows, nil
	})
	if err != nil {
		return nil, err
	}
	var want *server.Want
	if out.alone {
		want = &server.Want{} // nobody to ask the store for
	}
	return s.done(ctx, out, want)
}

// outcome is what the last run of a decision came to.
type outcome struct {
	row     *store.Resource
	unknown int  // members that are not there yet
	alone   bool // a new resource without any relation
}

// done tells the log what was coped with, and returns the resource as it is now.
func (s *resources) done(ctx context.Context, out outcome, w *server.Want) (*server.Resource, error) {
	if out.unknown > 0 {
		s.d.opts.Log.LogAttrs(ctx, slog.LevelWarn, "unknown members remembered",
			slog.Int64("tenant", int64(s.Tenant)), slog.String("resource", out.row.ID), slog.Int("members", out.unknown))
	}
	return s.shown(ctx, out.row, w, nil)
}

// given returns the members that a new resource comes with, as operations.
func (s *resources) given(r *server.Resource) ([]server.LinkEdit, error) {
	var ops []server.LinkEdit
	for relation, values := range r.Relations {
		op := server.LinkEdit{Relation: relation, Op: patch.LinkAdd}
		for ref, err := range values {
			if err != nil {
				return nil, err
			}
			op.Refs = append(op.Refs, patch.Ref{Value: ref.Value, Type: ref.Type})
			if len(op.Refs) > s.d.opts.MaxEdges {
				break // newLinking refuses it
			}
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// change completes a change of a resource as it is after it.
func (s *resources) change(ctx context.Context, row *store.Resource, c store.Change) *store.Change {
	c.Num, c.Type, c.ID, c.Person, c.Version = row.Num, row.Type, row.ID, row.Person, row.Version
	c.At, c.Source, c.Actor, c.Lane = row.Modified, s.Source, s.Actor, lane(c.Events)
	c.RequestID = s.d.opts.RequestID(ctx)
	return &c
}

// checkManager refuses a new manager that is no User of the tenant, in dialects that do not
// keep unknown ones as they were sent (F7, B03).
func (s *resources) checkManager(v *view, before, after schema.Object, d *scim.Dialect) error {
	id := s.kind.managerOf(after)
	if id == "" || id == s.kind.managerOf(before) {
		return nil
	}
	r := v.resource(id)
	if r == nil && !v.missed.empty() {
		return nil // not known yet, and not to be counted as forgiven
	}
	if r != nil && r.Type == store.TypeUser || d.Forgives(scim.LooseReference) {
		return nil
	}
	return scim.BadRequest(scim.InvalidValue, "manager: no User has the id %s", scim.Quote(id))
}
