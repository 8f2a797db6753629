package relational

import (
	"context"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
)

// openSQLite is sqlite.Open, which tests of this package may not import; see engine_test.go.
var openSQLite func(t testing.TB, dir string, o Options) *DB

// OpenWith says how tests open a database.
func OpenWith(open func(t testing.TB, dir string, o Options) *DB) { openSQLite = open }

// open opens the database of a directory.
func open(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	return openSQLite(t, dir, o)
}

// task runs f in a transaction of the writer.
func (db *DB) task(t testing.TB, f func(Conn) error) {
	t.Helper()
	assert.NoError(t, db.writer.do(t.Context(), &job{tenant: store.Default, task: func(b *batch) error { return f(b.conn) }}))
}

// Each runs a query and shows its rows.
func (db *DB) Each(ctx context.Context, scan func(Row), query string) error {
	return db.each(ctx, scan, query)
}
