package sqlite

import (
	"bytes"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	documents := &audit.Documents{}
	documents.Use(bytes.Repeat([]byte{7}, 32))
	storetest.Run(t, func(t testing.TB, dir string) store.Store { return open(t, dir, Options{Sealer: documents}) })
}

// open opens the database of a directory.
func open(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(dir, "muster.db"), o)
	assert.NoError(t, err)
	return db
}
