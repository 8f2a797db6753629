package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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
				for _, j := range w.take() {
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

// codedError is an error as SQLite makes it.
type codedError int

func (e codedError) Error() string { return fmt.Sprint("sqlite error ", int(e)) }
func (e codedError) Code() int     { return int(e) }

// TestRel_R12_IOErrorIsNeverRetried: after an I/O error the outcome is unknown. All callers hear of it, nothing runs
// again, and the writer goes on with a new connection.
func TestRel_R12_IOErrorIsNeverRetried(t *testing.T) {
	const ioErrFsync = codedError(10 | 4<<8)
	db := open(t, t.TempDir(), Options{})
	defer db.Close()
	var before, after *conn
	runs := 0
	err := db.writer.do(t.Context(), &job{tenant: store.Default, task: func(b *batch) error {
		runs++
		before = b.conn
		if _, err := b.conn.exec("UPDATE head SET users = 77"); err != nil {
			return err
		}
		return ioErrFsync
	}})
	assert.ErrorIs(t, err, ioErrFsync)
	assert.Equal(t, runs, 1)
	assert.NoError(t, db.writer.do(t.Context(), &job{tenant: store.Default, task: func(b *batch) error {
		after = b.conn
		return nil
	}}))
	assert.True(t, before != after, assert.Sprintf("the connection that failed is still in use"))
	s, err := db.Stats(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, s.Users, 0)
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

// TestRel_R11_DiskFull: writes are refused as such, reads go on, what was acknowledged is there, and
// writing goes on by itself when there is room again.
func TestRel_R11_DiskFull(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	defer db.Close()
	pages := func(n int) {
		t.Helper()
		assert.NoError(t, db.writer.do(t.Context(), &job{tenant: store.Default, task: func(b *batch) error {
			_, err := b.conn.one(func(row) {}, fmt.Sprint("PRAGMA max_page_count = ", n))
			return err
		}}))
	}
	pages(150)
	var acknowledged []string
	var full atomic.Int32
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100 {
				id := fmt.Sprint(w, "-", i)
				err := db.Write(t.Context(), store.Default, &store.Op{Decide: func(v store.View) (*store.Rows, error) {
					n := v.NextNum()
					return &store.Rows{
						Resources: []*store.Resource{{Num: n, Type: "User", ID: id, Person: id, Body: make([]byte, 2000)}},
						Changes:   []*store.Change{{Num: n, Type: "User", ID: id, Kind: store.Created}},
					}, nil
				}})
				switch {
				case err == nil:
					mu.Lock()
					acknowledged = append(acknowledged, id)
					mu.Unlock()
				case errors.Is(err, store.ErrFull):
					full.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	assert.True(t, full.Load() > 0, assert.Sprintf("the disk did not fill"))
	assert.True(t, len(acknowledged) > 0)

	check := func() {
		t.Helper()
		for _, id := range acknowledged {
			_, err := db.Get(t.Context(), store.Default, "User", id)
			assert.NoError(t, err)
		}
		list, err := db.Changes(t.Context(), store.Default, 0, 10_000)
		assert.NoError(t, err)
		var ids []string
		for i, c := range list {
			assert.Equal(t, c.Seq, store.Seq(i+1))
			ids = append(ids, c.ID)
		}
		slices.Sort(ids)
		slices.Sort(acknowledged)
		assert.Equal(t, ids, acknowledged)
		s, err := db.Stats(t.Context(), store.Default)
		assert.NoError(t, err)
		assert.Equal(t, int(s.Users), len(acknowledged))
		integrity := ""
		assert.NoError(t, db.find(t.Context(), func(r row) { integrity = r.text(0) }, "PRAGMA integrity_check"))
		assert.Equal(t, integrity, "ok")
	}
	check()
	pages(1_000_000)
	assert.NoError(t, db.Write(t.Context(), store.Default, &store.Op{Decide: func(v store.View) (*store.Rows, error) {
		n := v.NextNum()
		return &store.Rows{
			Resources: []*store.Resource{{Num: n, Type: "User", ID: "after", Person: "after", Body: []byte("{}")}},
			Changes:   []*store.Change{{Num: n, Type: "User", ID: "after", Kind: store.Created}},
		}, nil
	}}))
	acknowledged = append(acknowledged, "after")
	check()
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
