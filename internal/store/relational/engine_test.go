package relational_test

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store/relational"
	"github.com/muster-id/muster/internal/store/sqlite"
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
