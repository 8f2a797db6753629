package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// BenchmarkReader measures the store's reads alone at 100,000 users, and what an idle store takes: time to open
// and resident memory.
func BenchmarkReader(b *testing.B) {
	const users = 100_000
	w := newWriterLoad(b)
	ctx := b.Context()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 128 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < users; i = next.Add(1) - 1 {
				if err := w.create(ctx, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	set := schema.Core(nil)
	user := set.Type(store.TypeUser)

	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			assert.NoError(b, w.st.Close())
			st, err := sqlite.Open(ctx, filepath.Join(w.dir, "muster.db"), sqlite.Options{})
			assert.NoError(b, err)
			w.st = st
			_, err = st.Stats(ctx, store.Default)
			assert.NoError(b, err)
		}
		runtime.GC()
		b.ReportMetric(residentMiB(b), "resident-MiB")
	})
	b.Run("get", func(b *testing.B) {
		for i := int64(0); b.Loop(); i++ {
			id, _ := w.ids.Load(i * 7919 % users)
			_, err := w.st.Get(ctx, store.Default, store.TypeUser, id.(string))
			assert.NoError(b, err)
		}
	})
	for _, search := range []struct{ name, filter string }{
		{"userName eq", `userName eq "%s"`},
		{"emails eq", `emails.value eq "%s@example.com"`},
		{"emails element", `emails[value eq "%s@example.com"]`},
	} {
		b.Run(search.name, func(b *testing.B) {
			for i := int64(0); b.Loop(); i++ {
				name := userName(i * 7919 % users)
				e, err := filter.Parse(fmt.Sprintf(search.filter, name), nil)
				assert.NoError(b, err)
				e, err = filter.Bind(e, user, filter.OneType, nil)
				assert.NoError(b, err)
				p := find(ctx, b, w.st, &store.Query{Type: user, Filter: e, Start: 1, Count: 100})
				assert.Equal(b, p.Total, 1)
			}
		})
	}
	for _, page := range []struct {
		name, filter, sort string
		start, count       int
		behind             bool // by cursor, behind what comes before start
	}{
		{name: "page of 100", start: 1, count: 100},
		{name: "page of 100 at 90,000", start: 90_000, count: 100},
		{name: "page of 100 by userName at 90,000", sort: "userName", start: 90_000, count: 100},
		{name: "page of 100 by cursor at 90,000", start: 90_000, count: 100, behind: true},
		{name: "page of 100 by cursor, by userName, at 90,000", sort: "userName", start: 90_000, count: 100, behind: true},
		{name: "count of active", filter: "active eq true", start: 1},
		{name: "userName co", filter: `userName co "abc"`, start: 1, count: 100},
	} {
		b.Run(page.name, func(b *testing.B) {
			q := &store.Query{Type: user, Start: page.start, Count: page.count}
			if page.filter != "" {
				e, err := filter.Parse(page.filter, nil)
				assert.NoError(b, err)
				q.Filter, err = filter.Bind(e, user, filter.OneType, nil)
				assert.NoError(b, err)
			}
			if page.sort != "" {
				p, err := user.Resolve(page.sort, nil)
				assert.NoError(b, err)
				q.Sort = []store.SortKey{{Path: p}}
			}
			if page.behind {
				before := *q
				before.Start, before.Count, before.Next = page.start-1, 1, true
				q.Start, q.Next, q.After = 1, true, *find(ctx, b, w.st, &before).Next
			}
			for b.Loop() {
				find(ctx, b, w.st, q)
			}
		})
	}
	b.Run("changes", func(b *testing.B) {
		after, read := store.Seq(0), 0
		began := time.Now()
		for b.Loop() {
			list, err := w.st.Changes(ctx, store.Default, after, 1000)
			assert.NoError(b, err)
			if read += len(list); len(list) < 1000 {
				after = 0
				continue
			}
			after = list[len(list)-1].Seq
		}
		b.ReportMetric(float64(read)/time.Since(began).Seconds(), "changes/s")
	})
}

func find(ctx context.Context, b *testing.B, st store.Store, q *store.Query) store.Page {
	n := 0
	p, err := st.Find(ctx, store.Default, q, func(*store.Resource) error {
		n++
		return nil
	})
	assert.NoError(b, err)
	return p
}

// residentMiB returns the resident memory of this process, which holds the benchmark too; 0 where the system does not say.
func residentMiB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Log("no resident memory on this system")
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			assert.NoError(b, err)
			return float64(kib) / 1024
		}
	}
	return 0
}
