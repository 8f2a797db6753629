package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

// fill writes so many MiB of documents.
func fill(t *testing.T, db *DB, mebibytes int) {
	t.Helper()
	for range mebibytes {
		assert.NoError(t, db.Write(t.Context(), store.Default, &store.Op{Decide: func(v store.View) (*store.Rows, error) {
			n := v.NextNum()
			return &store.Rows{Links: []store.Link{{
				LinkKey: store.LinkKey{Target: "t", Num: n}, RemoteID: strconv.Itoa(int(n)), Digest: make([]byte, 1<<20),
			}}}, nil
		}}))
	}
}

// TestRel_R14_LogIsCopiedAndStartsOver: the log does not grow with what is written, and nothing of it is left after a stop.
func TestRel_R14_LogIsCopiedAndStartsOver(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "muster.db")
	db := open(t, dir, Options{})
	fill(t, db, 20)
	c, err := connect(t.Context(), path)
	assert.NoError(t, err)
	left := int64(copyPages)
	for left >= copyPages { // beside the writer, which has nothing more to do
		_, err := c.One(func(r relational.Row) { left = r.Int(1) - r.Int(2) }, logState)
		assert.NoError(t, err)
		runtime.Gosched()
	}
	for left > 0 { // all of it, once the writer rests
		_, err := c.One(func(r relational.Row) { left = r.Int(1) - r.Int(2) }, logState)
		assert.NoError(t, err)
		runtime.Gosched()
	}
	assert.NoError(t, c.close())
	for range 5 {
		fill(t, db, 50)
	}
	s, err := db.Stats(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.True(t, s.LogBytes < 200<<20, assert.Sprintf("the log has %d bytes", s.LogBytes))
	assert.NoError(t, db.Close())
	_, err = os.Stat(path + "-wal")
	assert.True(t, errors.Is(err, fs.ErrNotExist), assert.Sprintf("the log is still there: %v", err))
}
