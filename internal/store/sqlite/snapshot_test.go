package sqlite

import (
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
)

// TestReadersSeeWhatWasAnswered reads again and again between writes, so that connections keep their
// transactions, and must see every write that was answered.
func TestReadersSeeWhatWasAnswered(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), Options{})
	defer func() { assert.NoError(t, db.Close()) }()
	for want := range 50 {
		err := db.Write(t.Context(), store.Default, &store.Op{
			Source: store.DefaultSource,
			Decide: func(store.View) (*store.Rows, error) {
				return &store.Rows{Cursors: []store.Cursor{{Target: "t", Seq: store.Seq(want)}}}, nil
			},
		})
		assert.NoError(t, err)
		for range 10 {
			got, err := db.Cursor(t.Context(), store.Default, "t")
			assert.NoError(t, err)
			if got.Seq != store.Seq(want) {
				t.Fatalf("cursor %d is read after %d was answered", got.Seq, want)
			}
		}
	}
}
