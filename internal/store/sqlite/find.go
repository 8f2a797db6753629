package sqlite

import (
	"context"

	"github.com/muster-id/muster/internal/store"
)

func (db *DB) Find(ctx context.Context, t store.Tenant, q *store.Query, emit func(*store.Resource) error) (store.Page, error) {
	panic("being written")
}
