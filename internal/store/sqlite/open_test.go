package sqlite

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

func TestSec_L02_OldSQLiteIsRefused(t *testing.T) {
	for _, test := range []struct {
		version string
		refused bool
	}{
		{"3.51.2", true},
		{"3.50.9", true},
		{"2.99.99", true},
		{"3.7.17", true},
		{"nonsense", true},
		{"3.51.3", false},
		{"3.54.0", false},
		{"3.51.10", false},
		{"4.0.0", false},
	} {
		err := checkVersion(test.version)
		assert.Equal(t, err != nil, test.refused, assert.Sprintf("version %s: %v", test.version, err))
	}
}

func TestRel_R16_WhatCannotBeOpenedIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), filepath.Join(dir, "missing", "muster.db"), Options{})
	assert.ErrorIs(t, err, os.ErrNotExist)

	garbage := filepath.Join(dir, "garbage.db")
	assert.NoError(t, os.WriteFile(garbage, make([]byte, 8192), 0o600))
	f, err := os.OpenFile(garbage, os.O_WRONLY, 0)
	assert.NoError(t, err)
	_, err = f.WriteString("this is not a database, whatever its name says")
	assert.NoError(t, err)
	assert.NoError(t, f.Close())
	_, err = Open(t.Context(), garbage, Options{})
	assert.ErrorContains(t, err, "not a database")

	_, err = Open(t.Context(), dir, Options{})
	assert.True(t, err != nil, assert.Sprintf("a directory is no database"))
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, Options{})
	assert.NoError(t, db.Close())
	c, err := connect(t.Context(), filepath.Join(dir, "muster.db"))
	assert.NoError(t, err)
	assert.NoError(t, c.Do("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"))
	assert.NoError(t, c.close())
	_, err = Open(t.Context(), filepath.Join(dir, "muster.db"), Options{})
	assert.ErrorContains(t, err, "newer version")
}

func TestFilesAreNobodyElsesBusiness(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	// Characters that mean something in a URI are part of the name.
	dir := filepath.Join(t.TempDir(), "a b%20?_pragma=x#y")
	assert.NoError(t, os.Mkdir(dir, 0o700))
	db := open(t, dir, Options{})
	defer db.Close()
	assert.NoError(t, db.Write(t.Context(), store.Default, cursorOp("t", 1)))
	for _, name := range []string{"muster.db", "muster.db-wal", "muster.db-shm"} {
		f, err := os.Stat(filepath.Join(dir, name))
		assert.NoError(t, err)
		assert.Equal(t, f.Mode().Perm(), 0o600, assert.Sprintf("%s", name))
	}
}

// TestConnections says what durability and isolation rest on.
func TestConnections(t *testing.T) {
	e := openTestEngine(t)
	defer e.Close()
	writer, err := e.Session(t.Context())
	assert.NoError(t, err)
	defer writer.Close()
	ask := func(c relational.Conn, pragma string) (value any) {
		_, err := c.One(func(r relational.Row) { value = r[0] }, "PRAGMA "+pragma)
		assert.NoError(t, err)
		return value
	}
	want := map[string]any{"journal_mode": "wal", "synchronous": int64(2), "foreign_keys": int64(1), "busy_timeout": int64(5000), "mmap_size": int64(0)}
	for pragma, value := range want {
		assert.NoError(t, writer.Transact(func(c relational.Conn) error {
			assert.Equal(t, ask(c, pragma), value, assert.Sprintf("writer: %s", pragma))
			return nil
		}))
		assert.NoError(t, e.Read(t.Context(), func(c relational.Conn) error {
			assert.Equal(t, ask(c, pragma), value, assert.Sprintf("reader: %s", pragma))
			return nil
		}))
	}
	assert.NoError(t, e.Read(t.Context(), func(c relational.Conn) error {
		_, err := c.Exec("DELETE FROM tenant")
		assert.True(t, err != nil, assert.Sprintf("a reader wrote"))
		return nil
	}))
}
