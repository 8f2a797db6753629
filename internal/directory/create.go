package directory

import (
	"context"
	"fmt"

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
		index:  k.index(doc),
		claims: k.claims(doc),
	}, nil
}

// Create implements server.Store (RFC 7644 §3.3). A User that was here before comes back as
// the same person with a new id: see rehire.go.
func (s *resources) Create(ctx context.Context, r *server.Resource, d *scim.Dialect) (*server.Resource, error) {
	p, err := s.planCreate(ctx, r, d, nil)
	if err != nil {
		return nil, err
	}
	if err := s.write(ctx, p.keys, p.big, p.decide); err != nil {
		return nil, err
	}
	var want *server.Want
	if p.out.alone {
		want = &server.Want{} // nobody to ask the store for
	}
	return s.done(ctx, p.out, want)
}

// planCreate checks what is to be created as far as that needs nothing loaded. An id that
// it has already is kept; promised are the ids of what will be created, see server.Op.
func (s *resources) planCreate(ctx context.Context, r *server.Resource, d *scim.Dialect, promised map[string]string) (*plan, error) {
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
	now, id := s.d.now(), r.ID
	if id == "" {
		id = s.d.NewID()
	}
	links, err := s.newLinking(ops, d, now)
	if err != nil {
		return nil, err
	}
	links.self, links.promised = id, promised

	p := &plan{keys: store.Keys{Claims: claimKeys(next.claims)}, big: links.big()}
	links.ask(&p.keys, "")
	if manager := s.kind.managerOf(doc); manager != "" {
		p.keys.IDs = append(p.keys.IDs, manager)
	}
	awaited := s.awaited(next.index.ExternalID, id, promised)
	p.keys.Pending = awaited
	former, ask := s.kind.former(next.index)
	if ask {
		p.keys.Former = []store.FormerKey{former}
	}

	p.decide = func(v *view) (*store.Rows, error) {
		out := outcome{row: &store.Resource{
			Type: s.kind.Name, ID: id, Person: id, Version: 1, Created: now, Modified: now,
			Body: next.body, Gen: s.d.schemas.Gen, Index: next.index, Once: s.kind.isActive(doc), Source: s.Source,
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
		if err := s.checkManager(v, nil, doc, d, promised); err != nil {
			return nil, err
		}
		edges, err := links.decide(v, rows, out.row.Num, true)
		if err != nil {
			return nil, err
		}
		out.unknown = links.strangers(rows)
		rows.Records = []*store.Record{{
			Source: s.Source, ID: id, Num: out.row.Num, ExternalID: next.index.ExternalID, Created: now,
		}}
		rows.Changes = []*store.Change{s.change(ctx, out.row, store.Change{Kind: store.Created, Events: events, Edges: edges})}
		s.join(ctx, v, rows, out.row, now, awaited)
		out.alone = len(rows.Link) == 0
		p.out = out
		return rows, nil
	}
	return p, nil
}

// awaited returns the values by which references may wait for a new resource: its externalId (F20) and, if it
// was promised to others, its id.
func (s *resources) awaited(externalID, id string, promised map[string]string) []string {
	var values []string
	if externalID != "" {
		values = append(values, externalID)
	}
	if _, ok := promised[id]; ok {
		values = append(values, id)
	}
	return values
}

// outcome is what the last run of a decision came to.
type outcome struct {
	row     *store.Resource
	unknown int  // members that are not there yet
	alone   bool // a new resource without any relation
}

// done tells the log what was coped with, and returns the resource as it is now.
func (s *resources) done(ctx context.Context, out outcome, w *server.Want) (*server.Resource, error) {
	out.warn(ctx, s.d.opts.Log, s.Caller)
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
	r := s.d.opts.Request(ctx)
	c.RequestID, c.Address, c.Repair = r.ID, r.Client, s.repair
	return &c
}

// checkManager refuses a new manager that is no User of the tenant, in dialects that do not
// keep unknown ones as they were sent (F7, B03).
func (s *resources) checkManager(v *view, before, after schema.Object, d *scim.Dialect, promised map[string]string) error {
	id := s.kind.managerOf(after)
	if id == "" || id == s.kind.managerOf(before) || promised[id] == store.TypeUser {
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
