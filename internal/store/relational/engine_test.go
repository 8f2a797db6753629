package relational_test

import (
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store/postgres"
	"github.com/muster-id/muster/internal/store/relational"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/internal/testenv"
)

// TestMain gives the tests of the package itself an engine: they cannot import one, since it imports the package.
func TestMain(m *testing.M) {
	relational.OpenWith(func(t testing.TB, dir string, o relational.Options) *relational.DB {
		t.Helper()
		db, err := sqlite.Open(t.Context(), filepath.Join(dir, "muster.db"), o)
		assert.NoError(t, err)
		return db
	})
	goleak.VerifyTestMain(m)
}

const (
	columnsOfSQLite = `SELECT m.name, i.name FROM sqlite_schema m, pragma_table_info(m.name) i
	WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%'`
	indexesOfSQLite = `SELECT m.tbl_name, m.name FROM sqlite_schema m WHERE m.type = 'index' AND m.name NOT LIKE 'sqlite%'`

	columnsOfPostgres = `SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c
	WHERE c.table_schema = current_schema() AND c.table_name NOT LIKE 'goose%'`
	indexesOfPostgres = `SELECT i.tablename::text, i.indexname::text FROM pg_indexes i
	WHERE i.schemaname = current_schema() AND i.tablename NOT LIKE 'goose%'`
)

// TestEnginesHaveTheSameTables: the migrations of the engines end in the same tables, with the same columns and indexes.
func TestEnginesHaveTheSameTables(t *testing.T) {
	t.Parallel()
	one, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "muster.db"), relational.Options{})
	assert.NoError(t, err)
	defer one.Close()
	other, err := postgres.Open(t.Context(), testenv.Postgres(t), relational.Options{})
	assert.NoError(t, err)
	defer other.Close()
	list := func(db *relational.DB, query string) (names []string) {
		t.Helper()
		assert.NoError(t, db.Each(t.Context(), func(r relational.Row) { names = append(names, r.Text(0)+"."+r.Text(1)) }, query))
		slices.Sort(names)
		return names
	}
	assert.Equal(t, list(other, columnsOfPostgres), list(one, columnsOfSQLite))
	// Some of the one are primary keys of the other.
	for _, index := range list(one, indexesOfSQLite) {
		assert.True(t, slices.Contains(list(other, indexesOfPostgres), index), assert.Sprintf("PostgreSQL has no index %s", index))
	}
}
