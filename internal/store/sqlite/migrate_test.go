package sqlite

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
)

// migrateTo makes the database of an older program.
func migrateTo(t *testing.T, path string, version int64) {
	t.Helper()
	connector, err := sqlite.NewConnector(dsn(path))
	assert.NoError(t, err)
	db := sql.OpenDB(connector)
	defer func() { assert.NoError(t, db.Close()) }()
	files, err := fs.Sub(migrations, "migrations")
	assert.NoError(t, err)
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	assert.NoError(t, err)
	_, err = p.UpTo(t.Context(), version)
	assert.NoError(t, err)
}

// TestTokensOfTheFirstVersion: what was made before there were tokens of people speaks for a source still.
func TestTokensOfTheFirstVersion(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "muster.db")
	migrateTo(t, path, 1)
	c, err := connect(t.Context(), path)
	assert.NoError(t, err)
	err = c.Do(`INSERT INTO token (tenant, id, source, name, hash, hint, profile, created, expires, revoked)
		VALUES (1, 't1', 1, 'okta', ?, 'wxyz', 'compat', 1, 2, 0)`, make([]byte, 32))
	assert.NoError(t, err)
	assert.NoError(t, c.close())

	db := open(t, dir, Options{})
	defer db.Close()
	token, err := db.TokenByHash(t.Context(), [32]byte{})
	assert.NoError(t, err)
	assert.Equal(t, token.Name, "okta")
	assert.Equal(t, token.User, "")
	token.User = "u1"
	assert.NoError(t, db.Write(t.Context(), store.Default, &store.Op{Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Tokens: []*store.Token{&token}}, nil
	}}))
	list, err := db.Tokens(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, list, []store.Token{token})
}
