package relational

import (
	"context"

	"github.com/muster-id/muster/internal/store"
)

const selectCounts = "SELECT users, groups FROM head WHERE tenant = ?"

// Totals implements store.Tenants.
func (db *DB) Totals(ctx context.Context) (store.Stats, error) { return db.stats(ctx, sumCounts) }

// Stats implements store.Store.
func (db *DB) Stats(ctx context.Context, t store.Tenant) (store.Stats, error) {
	return db.stats(ctx, selectCounts, int64(t))
}

func (db *DB) stats(ctx context.Context, query string, args ...any) (store.Stats, error) {
	s := store.Stats{Waiting: db.writer.depth()}
	err := db.find(ctx, func(r Row) { s.Users, s.Groups = r.Int(0), r.Int(1) }, query, args...)
	if err != nil {
		return store.Stats{}, err
	}
	s.LogBytes = db.engine.LogBytes()
	return s, nil
}
