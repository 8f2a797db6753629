package directory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// Get implements server.Store.
func (s *resources) Get(ctx context.Context, id string, w *server.Want) (*server.Resource, error) {
	row, err := s.d.store.Get(ctx, s.Tenant, s.kind.Name, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, scim.NotFound(id)
	}
	if err != nil {
		return nil, translate(err)
	}
	return s.shown(ctx, row, w, nil)
}

// names remembers how managers are shown while one list is read: many people share one. ""
// is nobody. nil remembers nothing.
type names map[string]string

// shown returns a row as it is sent: the stored bytes, with the manager's name put in, and the
// relations that are wanted.
func (s *resources) shown(ctx context.Context, row *store.Resource, w *server.Want, known names) (*server.Resource, error) {
	body, err := s.kind.body(row)
	if err != nil {
		return nil, err
	}
	r := &server.Resource{
		ID: row.ID, Version: version(row), Created: row.Created, Modified: row.Modified,
		Raw: body, Relations: s.relations(ctx, row, w),
	}
	id, end := s.kind.findManager(body)
	if id == "" {
		return r, nil
	}
	name, err := s.managerName(ctx, id, known)
	if err != nil || name == "" {
		return r, err
	}
	r.Raw, err = withManagerName(body, end, name)
	return r, err
}

// managerName returns the name of a live User, or "" if the id is nobody's (F7).
func (s *resources) managerName(ctx context.Context, id string, known names) (string, error) {
	if name, ok := known[id]; ok {
		return name, nil
	}
	name := ""
	row, err := s.d.store.Get(ctx, s.Tenant, store.TypeUser, id)
	switch {
	case err == nil:
		doc, err := s.d.kind(store.TypeUser).document(row)
		if err != nil {
			return "", fmt.Errorf("read resource %d: %w", row.Num, err)
		}
		name = shownName(doc)
	case !errors.Is(err, store.ErrNotFound):
		return "", translate(err)
	}
	if known != nil {
		known[id] = name
	}
	return name, nil
}

func (s *resources) relations(ctx context.Context, row *store.Resource, w *server.Want) map[string]iter.Seq2[server.Ref, error] {
	members, groups := s.kind.members, s.kind.groups
	if members != nil && !w.Has(members.name) {
		members = nil
	}
	if groups != nil && (row.Parentless || !w.Has(groups.name)) {
		groups = nil
	}
	if members == nil && groups == nil {
		return nil
	}
	out := make(map[string]iter.Seq2[server.Ref, error], 1)
	if members != nil {
		out[members.name] = s.members(ctx, row.Num)
	}
	if groups != nil {
		out[groups.name] = s.groups(ctx, row.Num)
	}
	return out
}

// members streams the members of a group.
func (s *resources) members(ctx context.Context, n store.Num) iter.Seq2[server.Ref, error] {
	return func(yield func(server.Ref, error) bool) {
		for ref, err := range s.d.store.Children(ctx, s.Tenant, s.kind.members.rel, n, 0) {
			if err != nil {
				yield(server.Ref{}, translate(err))
				return
			}
			if !yield(server.Ref{Value: ref.ID, Type: ref.Type, Display: ref.Display}, nil) {
				return
			}
		}
	}
}

// groups yields the groups that a resource is in, itself and through other groups.
func (s *resources) groups(ctx context.Context, n store.Num) iter.Seq2[server.Ref, error] {
	return func(yield func(server.Ref, error) bool) {
		refs, err := s.d.store.Ancestors(ctx, s.Tenant, s.kind.groups.rel, n)
		if err != nil {
			yield(server.Ref{}, translate(err))
			return
		}
		for _, ref := range refs {
			kind := "indirect"
			if ref.Direct {
				kind = "direct"
			}
			if !yield(server.Ref{Value: ref.ID, Type: ref.Type, Display: ref.Display, Kind: kind}, nil) {
				return
			}
		}
	}
}

// version returns the version of a row as server knows it.
func version(row *store.Resource) string { return strconv.FormatInt(row.Version, 10) }
