package relational

import (
	"context"
	"testing"
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

// Each runs a query and shows its rows.
func (db *DB) Each(ctx context.Context, scan func(Row), query string) error {
	return db.each(ctx, scan, query)
}
