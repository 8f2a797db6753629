// Package bench measures Muster. Each benchmark prints what bounds its figure on the machine beside the figure.
package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
)

// BenchmarkWriter measures the store's writer alone: a whole create (record, resource, index entries, claim, change),
// synced to disk before it is answered, by so many callers at once, and the same with a change of active. One
// caller is the one-by-one rate that group commit is compared with; fsyncs/s is what the disk can do.
func BenchmarkWriter(b *testing.B) {
	b.Logf("%d CPUs, %s", runtime.GOMAXPROCS(0), runtime.Version())
	for _, callers := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprintf("create/callers=%d", callers), func(b *testing.B) {
			w := newWriterLoad(b)
			w.run(b, callers, func(ctx context.Context, i int64) error { return w.create(ctx, i) })
		})
	}
	b.Run("deactivate/callers=32", func(b *testing.B) {
		w := newWriterLoad(b)
		ctx := b.Context()
		const users = 2048
		var wg sync.WaitGroup
		for c := range 32 {
			wg.Go(func() {
				for i := int64(c); i < users; i += 32 {
					if err := w.create(ctx, i); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		w.run(b, 32, func(ctx context.Context, i int64) error { return w.deactivate(ctx, i%users) })
	})
}

type writerLoad struct {
	st       store.Store
	dir      string
	body     []byte
	ids      sync.Map
	batches  atomic.Int64
	occupied atomic.Int64
}

func newWriterLoad(b *testing.B) *writerLoad {
	w := &writerLoad{dir: b.TempDir()}
	// 1.5 KB with what the row holds beside the body.
	w.body = []byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + strings.Repeat("x", 1200) + `"}`)
	st, err := sqlite.Open(b.Context(), filepath.Join(w.dir, "muster.db"), sqlite.Options{Observe: func(s sqlite.Batch) {
		w.batches.Add(1)
		w.occupied.Add(int64(s.Ops))
	}})
	assert.NoError(b, err)
	w.st = st
	b.Cleanup(func() { assert.NoError(b, st.Close()) })
	return w
}

func (w *writerLoad) run(b *testing.B, callers int, write func(context.Context, int64) error) {
	syncs := fsyncRate(b, w.dir)
	w.batches.Store(0)
	w.occupied.Store(0)
	var next atomic.Int64
	var wg sync.WaitGroup
	ctx := b.Context()
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				began := time.Now()
				if err := write(ctx, i); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
	b.ReportMetric(syncs, "fsyncs/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
	b.ReportMetric(float64(w.occupied.Load())/float64(w.batches.Load()), "writes/commit")
}

// userName returns names in no order, as people's are, so that every index is hit at random.
func userName(i int64) string { return fmt.Sprintf("%016x", uint64(i+1)*0x9E3779B97F4A7C15) }

func (w *writerLoad) create(ctx context.Context, i int64) error {
	name := userName(i)
	uuid, now := id.New(), time.Now().UTC().Truncate(time.Millisecond)
	claim := store.ClaimKey{Scope: "userName", Key: name}
	return w.st.Write(ctx, store.Default, &store.Op{
		Source: store.DefaultSource,
		Load:   store.Keys{Claims: []store.ClaimKey{claim}, Pending: []string{"ext-" + name}},
		Decide: func(v store.View) (*store.Rows, error) {
			n := v.NextNum()
			w.ids.Store(i, uuid)
			return &store.Rows{
				Resources: []*store.Resource{{
					Num: n, Type: store.TypeUser, ID: uuid, Person: uuid, Version: 1, Created: now, Modified: now, Body: w.body, Gen: 1, Once: true,
					Index: store.Index{
						UserName: name, ExternalID: "ext-" + name, DisplayName: "name " + name, Display: "Name " + name, Active: store.True,
						Entries: []store.Entry{{Attr: "emails.value", Key: name + "@example.com"}},
					},
				}},
				Records: []*store.Record{{Source: store.DefaultSource, ID: uuid, Num: n, ExternalID: "ext-" + name, Created: now}},
				Claim:   []store.Claim{{ClaimKey: claim, Num: n}},
				Changes: []*store.Change{{
					Num: n, Type: store.TypeUser, ID: uuid, Person: uuid, Kind: store.Created, Events: store.EventCreated | store.EventActivated,
					Version: 1, At: now, Source: store.DefaultSource, Actor: "token", RequestID: "request",
				}},
			}, nil
		},
	})
}

func (w *writerLoad) deactivate(ctx context.Context, i int64) error {
	uuid, _ := w.ids.Load(i)
	now := time.Now().UTC().Truncate(time.Millisecond)
	return w.st.Write(ctx, store.Default, &store.Op{
		Source: store.DefaultSource,
		Load:   store.Keys{IDs: []string{uuid.(string)}},
		Decide: func(v store.View) (*store.Rows, error) {
			cur := v.ByID(uuid.(string))
			r := *cur
			r.Version++
			r.Modified = now
			r.Body = append([]byte{}, cur.Body...)
			r.Body[20]++
			r.Index.Active = store.True + store.False - cur.Index.Active
			return &store.Rows{
				Resources: []*store.Resource{&r},
				Changes: []*store.Change{{
					Num: r.Num, Type: r.Type, ID: r.ID, Person: r.Person, Kind: store.Updated, Events: store.EventDeactivated, Lane: store.Urgent,
					Version: r.Version, Before: cur.Body, At: now, Source: store.DefaultSource, Actor: "token", RequestID: "request",
				}},
			}, nil
		},
	})
}

// fsyncRate returns how often a second one writer can append a page and sync it: the most that one write a commit can reach.
func fsyncRate(b *testing.B, dir string) float64 {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	assert.NoError(b, err)
	defer func() { assert.NoError(b, f.Close()) }()
	page := make([]byte, 4096)
	const rounds = 200
	began := time.Now()
	for range rounds {
		_, err := f.Write(page)
		assert.NoError(b, err)
		assert.NoError(b, f.Sync())
	}
	return rounds / time.Since(began).Seconds()
}
