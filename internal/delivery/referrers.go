package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// reportsPage is how many reports of a manager are read at once.
const reportsPage = 1000

// reports returns the linked users whose manager is n: what is written for them depends on the link of n.
func (w *Walker) reports(ctx context.Context, n store.Num) ([]store.Num, error) {
	typ, path, ok := w.managerPath()
	if !ok {
		return nil, nil
	}
	rows, err := w.db.ByNum(ctx, w.tenant, []store.Num{n})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	is := &filter.Compare{Name: path.String(), Op: filter.Eq, Value: rows[0].ID, Path: path}
	var linked []store.Num
	for after := store.Num(0); ; {
		var page []store.Num
		q := &store.Query{Type: typ, Filter: is, Start: 1, Count: reportsPage, After: store.Position{Num: after}, Doc: w.document}
		_, err := w.db.Find(ctx, w.tenant, q, func(r *store.Resource) error {
			page = append(page, r.Num)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("find the reports of resource %d: %w", n, err)
		}
		if linked, err = w.linked(ctx, linked, page); err != nil {
			return nil, err
		}
		if len(page) < reportsPage {
			return linked, nil
		}
		after = page[len(page)-1]
	}
}

// managerPath returns the attribute that refers from a user to its manager, if the tenant's users have it.
func (w *Walker) managerPath() (*schema.ResourceType, schema.Path, bool) {
	t := w.o.Schemas.Set().Type("User")
	if t == nil {
		return nil, schema.Path{}, false
	}
	for _, x := range t.Extensions {
		if x.Schema.ID != scim.EnterpriseUserSchema {
			continue
		}
		manager := x.Schema.Attribute("manager")
		if manager == nil || manager.Sub("value") == nil {
			break
		}
		return t, schema.Path{Extension: x.Schema, Attr: manager, Sub: manager.Sub("value")}, true
	}
	return nil, schema.Path{}, false
}

// document completes a row for the part of a query that has no index.
func (w *Walker) document(_ context.Context, r *store.Resource) (schema.Object, error) {
	return w.o.Schemas.Document(r)
}

// parents returns the linked groups that n is a direct member of.
func (w *Walker) parents(ctx context.Context, n store.Num) ([]store.Num, error) {
	refs, err := w.db.Ancestors(ctx, w.tenant, store.Members, n)
	if err != nil {
		return nil, fmt.Errorf("read the groups of resource %d: %w", n, err)
	}
	var nums []store.Num
	for _, ref := range refs {
		if ref.Direct {
			nums = append(nums, ref.Num)
		}
	}
	return w.linked(ctx, nil, nums)
}

// linked appends those of nums that have a link.
func (w *Walker) linked(ctx context.Context, to, nums []store.Num) ([]store.Num, error) {
	for _, n := range nums {
		_, err := w.db.Link(ctx, w.tenant, w.o.Name, n)
		switch {
		case err == nil:
			to = append(to, n)
		case !errors.Is(err, store.ErrNotFound):
			return nil, fmt.Errorf("read the link of resource %d: %w", n, err)
		}
	}
	return to, nil
}
