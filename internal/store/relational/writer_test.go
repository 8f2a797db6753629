package relational

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
)

// cursorOp is the least that a write can be.
func cursorOp(target string, seq store.Seq) *store.Op {
	return &store.Op{Source: store.DefaultSource, Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Cursors: []store.Cursor{{Target: target, Seq: seq}}}, nil
	}}
}

// hold keeps the writer in a decision until release is called.
func hold(t *testing.T, db *DB) (release func()) {
	t.Helper()
	held, end, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- db.Write(context.Background(), store.Default, &store.Op{Decide: func(store.View) (*store.Rows, error) {
			close(held)
			<-end
			return nil, nil
		}})
	}()
	<-held
	return func() {
		close(end)
		assert.NoError(t, <-done)
	}
}

// await waits until so many writes are in the queue.
func await(db *DB, waiting int) {
	for db.writer.depth() != waiting {
		runtime.Gosched()
	}
}

func TestGroupCommit(t *testing.T) {
	var mu sync.Mutex
	var batches []int
	db := open(t, t.TempDir(), Options{MaxBatch: 10, Observe: func(b Batch) {
		mu.Lock()
		defer mu.Unlock()
		batches = append(batches, b.Ops)
	}})
	defer db.Close()
	release := hold(t, db)
	var wg sync.WaitGroup
	for i := range 25 {
		wg.Go(func() {
			if err := db.Write(t.Context(), store.Default, cursorOp("t", store.Seq(i))); err != nil {
				t.Error(err)
			}
		})
	}
	await(db, 25)
	release()
	wg.Wait()
	assert.Equal(t, batches, []int{1, 10, 10, 5})
}

func TestQueueIsBounded(t *testing.T) {
	db := open(t, t.TempDir(), Options{MaxQueue: 2})
	defer db.Close()
	release := hold(t, db)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := db.Write(t.Context(), store.Default, cursorOp("t", 1)); err != nil {
				t.Error(err)
			}
		})
	}
	await(db, 2)
	assert.ErrorIs(t, db.Write(t.Context(), store.Default, cursorOp("t", 1)), store.ErrBusy)
	release()
	wg.Wait()
	assert.NoError(t, db.Write(t.Context(), store.Default, cursorOp("t", 1)))
}

// TestTake looks at the batches that are made of queues: tenants in turn, heavy Ops alone, nobody waiting for ever.
func TestTake(t *testing.T) {
	light, heavy := &store.Op{}, &store.Op{Heavy: true}
	for _, test := range []struct {
		name  string
		queue []string // tenant, and ! for a heavy Op
		left  []int    // jobs whose callers leave
		want  []string // batches
	}{
		{name: "in order", queue: []string{"1", "1", "1"}, want: []string{"1 1 1"}},
		{name: "at most so many", queue: []string{"1", "1", "1", "1", "1"}, want: []string{"1 1 1 1", "1"}},
		{name: "tenants in turn", queue: []string{"1", "1", "1", "1", "1", "2", "3"}, want: []string{"1 2 3 1", "1 1 1"}},
		{name: "heavy alone", queue: []string{"1!", "1", "2!"}, want: []string{"1!", "2!", "1"}},
		{name: "heavy keeps its place in its queue", queue: []string{"1", "1!", "1"}, want: []string{"1", "1!", "1"}},
		{name: "heavy comes next after one batch", queue: []string{"1", "1", "1", "1", "1", "1", "2!"}, want: []string{"1 1 1 1", "2!", "1 1"}},
		{name: "who has left is not taken", queue: []string{"1", "1", "1"}, left: []int{1}, want: []string{"1 1"}},
		{name: "all have left", queue: []string{"1"}, left: []int{0}, want: []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &writer{db: &DB{opts: Options{MaxBatch: 4, MaxQueue: 100}}, queues: map[store.Tenant][]*job{}}
			w.more = sync.NewCond(&w.mu)
			var jobs []*job
			for _, q := range test.queue {
				j := &job{tenant: store.Tenant(q[0] - '0'), op: light}
				if len(q) > 1 {
					j.op = heavy
				}
				assert.NoError(t, w.enqueue(j))
				jobs = append(jobs, j)
			}
			for _, i := range test.left {
				jobs[i].state.Store(jobLeft)
			}
			var got []string
			for w.waiting > 0 {
				text := ""
				for _, j := range w.batch() {
					text += fmt.Sprint(" ", j.tenant)
					if j.op.Heavy {
						text += "!"
					}
				}
				got = append(got, text[min(1, len(text)):])
			}
			assert.Equal(t, got, test.want)
			assert.Equal(t, len(w.turns), 0)
			assert.Equal(t, len(w.queues), 0)
		})
	}
}

// TestRefusedBatchRunsOneByOne: a database error is nobody's in particular, so each write stands for itself.
func TestRefusedBatchRunsOneByOne(t *testing.T) {
	var mu sync.Mutex
	var batches []int
	db := open(t, t.TempDir(), Options{Observe: func(b Batch) {
		mu.Lock()
		defer mu.Unlock()
		batches = append(batches, b.Ops)
	}})
	defer db.Close()
	link := func(n store.Num) *store.Op {
		return &store.Op{Decide: func(store.View) (*store.Rows, error) {
			return &store.Rows{Links: []store.Link{{LinkKey: store.LinkKey{Target: "t", Num: n}, Type: "User", RemoteID: "same"}}}, nil
		}}
	}
	release := hold(t, db)
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i, op := range []*store.Op{cursorOp("t", 1), link(1), link(2), cursorOp("t", 2)} {
		wg.Go(func() { errs[i] = db.Write(t.Context(), store.Default, op) })
		await(db, i+1)
	}
	release()
	wg.Wait()
	assert.NoError(t, errors.Join(errs[0], errs[1], errs[3]))
	assert.True(t, errs[2] != nil)
	assert.Equal(t, batches, []int{1, 4, 1, 1, 1, 1})
	c, err := db.Cursor(t.Context(), store.Default, "t")
	assert.NoError(t, err)
	assert.Equal(t, c.Seq, 2)
}

func TestCloseAnswersWhatWaits(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, Options{})
	release := hold(t, db)
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			if err := db.Write(t.Context(), store.Default, cursorOp("t", store.Seq(i+1))); err != nil {
				t.Error(err)
			}
		})
		await(db, i+1)
	}
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	<-db.closing
	release()
	assert.NoError(t, <-closed)
	wg.Wait()
	db = open(t, dir, Options{})
	defer db.Close()
	c, err := db.Cursor(t.Context(), store.Default, "t")
	assert.NoError(t, err)
	assert.Equal(t, c.Seq, 5)
}
