package directory

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// Find implements server.Store.
func (s *resources) Find(ctx context.Context, q *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	known := names{}
	sq := &store.Query{
		Type: s.kind.ResourceType, Filter: q.Filter, Start: q.Start, Count: q.Count, Next: q.ByCursor,
		Doc: s.completer(q, known),
	}
	for _, k := range q.Sort {
		sq.Sort = append(sq.Sort, store.SortKey(k))
	}
	after, err := server.ParsePosition(q.After, len(q.Sort))
	if err != nil {
		return server.Page{}, err
	}
	if after != nil {
		if sq.After, err = fromPosition(*after); err != nil {
			return server.Page{}, err
		}
	}

	var refused error // what emit said: it is not ours to translate
	page, err := s.d.store.Find(ctx, s.Tenant, sq, func(row *store.Resource) error {
		r, err := s.shown(ctx, row, q.Want, known)
		if err != nil {
			return err
		}
		refused = emit(r)
		return refused
	})
	if refused != nil {
		return server.Page{}, refused
	}
	if err != nil {
		return server.Page{}, translate(err)
	}
	out := server.Page{Total: page.Total}
	if page.Next != nil {
		out.Next, err = toPosition(*page.Next).Encode()
	}
	return out, err
}

// toPosition writes a position of the store as one of server, where the number stands for the resource.
func toPosition(p store.Position) server.Position {
	return server.Position{Keys: p.Keys, Last: strconv.FormatInt(int64(p.Num), 36)}
}

func fromPosition(p server.Position) (store.Position, error) {
	n, err := strconv.ParseInt(p.Last, 36, 64)
	if err != nil || n <= 0 {
		return store.Position{}, translate(store.ErrPosition)
	}
	return store.Position{Keys: p.Keys, Num: store.Num(n)}, nil
}

// completer returns what makes a whole resource of a row, as far as the query looks at it:
// reading the members of every group would cost more than the search.
func (s *resources) completer(q *server.Query, known names) func(context.Context, *store.Resource) (schema.Object, error) {
	var members, groups, manager bool
	look := func(p schema.Path) {
		switch {
		case p.Attr == nil: // an extension as a whole
			manager = manager || p.Extension != nil
		case s.kind.members != nil && p.Attr.Name == s.kind.members.name:
			members = true
		case s.kind.groups != nil && p.Attr.Name == s.kind.groups.name:
			groups = true
		case p.Attr == s.kind.manager.Attr:
			manager = true
		}
	}
	filter.Walk(q.Filter, func(e filter.Expr) bool {
		switch e := e.(type) {
		case *filter.Compare:
			if !e.Nothing {
				look(e.Path)
			}
		case *filter.Element:
			look(e.Path)
		}
		return true
	})
	for _, k := range q.Sort {
		look(k.Path)
	}

	return func(ctx context.Context, row *store.Resource) (schema.Object, error) {
		doc, err := s.kind.document(row)
		if err != nil {
			return nil, err
		}
		doc["id"] = row.ID
		doc["meta"] = schema.Object{
			"resourceType": s.kind.Name,
			"created":      instant(row.Created),
			"lastModified": instant(row.Modified),
			"version":      `W/"` + version(row) + `"`,
		}
		if members {
			if err := addRefs(doc, s.kind.members.name, s.members(ctx, row.Num)); err != nil {
				return nil, err
			}
		}
		if groups {
			if err := addRefs(doc, s.kind.groups.name, s.groups(ctx, row.Num)); err != nil {
				return nil, err
			}
		}
		if manager {
			if err := s.addManagerName(ctx, doc, known); err != nil {
				return nil, err
			}
		}
		return doc, nil
	}
}

// addRefs gives a decoded document the values of a relation.
func addRefs(doc schema.Object, relation string, refs iter.Seq2[server.Ref, error]) error {
	var values []any
	for ref, err := range refs {
		if err != nil {
			return err
		}
		v := schema.Object{"value": ref.Value, "type": ref.Type}
		if ref.Kind != "" {
			v["type"] = ref.Kind
		}
		if ref.Display != "" {
			v["display"] = ref.Display
		}
		values = append(values, v)
	}
	if len(values) > 0 {
		doc[relation] = values
	}
	return nil
}

// addManagerName gives the manager of a decoded document the name of whom it names.
func (s *resources) addManagerName(ctx context.Context, doc schema.Object, known names) error {
	id := s.kind.managerOf(doc)
	if id == "" {
		return nil
	}
	name, err := s.managerName(ctx, id, known)
	if err == nil && name != "" {
		s.kind.managerIn(doc)["displayName"] = name
	}
	return err
}

// instant writes a time as it is sent.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
