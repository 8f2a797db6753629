package postgres

import (
	"bytes"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
	"github.com/muster-id/muster/internal/store/storetest"
	"github.com/muster-id/muster/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	documents := &audit.Documents{}
	documents.Use(bytes.Repeat([]byte{7}, 32))
	var mu sync.Mutex
	urls := map[string]string{} // a store is opened again in the same folder
	storetest.Run(t, func(t testing.TB, dir string) store.Store {
		mu.Lock()
		url := urls[dir]
		mu.Unlock()
		if url == "" {
			url = testenv.Postgres(t)
			mu.Lock()
			urls[dir] = url
			mu.Unlock()
		}
		return open(t, url, Options{Sealer: documents})
	})
}

// open opens a database.
func open(t testing.TB, url string, o Options) *relational.DB {
	t.Helper()
	db, err := Open(t.Context(), url, o)
	assert.NoError(t, err)
	return db
}
