package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/muster-id/muster/internal/store"
)

// writer is the one goroutine that writes, and the queues before it.
type writer struct {
	db   *DB
	conn *conn // of the goroutine; nil after a failure, until it is opened again

	mu      sync.Mutex
	more    *sync.Cond              // a job came, or closed
	queues  map[store.Tenant][]*job // of tenants with waiting jobs
	turns   []store.Tenant          // their turns, the next one first
	waiting int
	closed  bool

	stopped chan struct{}
}

// job is one write in a queue. Either the writer takes it, or its caller stops waiting first.
type job struct {
	tenant store.Tenant
	op     *store.Op
	task   func(*batch) error // instead of op: work of the store's own, alone in its transaction
	state  atomic.Int32
	done   chan error
}

const (
	jobWaits int32 = iota
	jobTaken
	jobLeft
)

func (j *job) alone() bool { return j.task != nil || j.op.Heavy }

func openWriter(ctx context.Context, db *DB) (*writer, error) {
	c, err := connectWriter(ctx, db.path)
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, conn: c, queues: map[store.Tenant][]*job{}, stopped: make(chan struct{})}
	w.more = sync.NewCond(&w.mu)
	if err := bootstrap(c, db.opts.Now()); err != nil {
		return nil, errors.Join(err, c.close())
	}
	go w.run()
	return w, nil
}

// Write implements store.Writer.
func (db *DB) Write(ctx context.Context, t store.Tenant, op *store.Op) error {
	return db.writer.do(ctx, &job{tenant: t, op: op})
}

// WriteAll implements store.Slicer.
func (db *DB) WriteAll(ctx context.Context, t store.Tenant, ops []*store.Op) []error {
	errs := make([]error, len(ops))
	jobs := make([]*job, len(ops))
	for i, op := range ops {
		jobs[i] = &job{tenant: t, op: op, done: make(chan error, 1)}
	}
	if err := db.writer.enqueue(jobs...); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	for i, j := range jobs {
		select {
		case errs[i] = <-j.done:
			continue
		case <-ctx.Done():
		}
		// The last one first: the writer takes them in order, so none is decided that one before it has left.
		for k := len(jobs) - 1; k >= i; k-- {
			errs[k] = jobs[k].leave(ctx)
		}
		break
	}
	return errs
}

// do queues a job and waits for its end.
func (w *writer) do(ctx context.Context, j *job) error {
	j.done = make(chan error, 1)
	if err := w.enqueue(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return j.leave(ctx)
	}
}

// leave is what a caller does whose ctx has ended.
func (j *job) leave(ctx context.Context) error {
	if j.state.CompareAndSwap(jobWaits, jobLeft) {
		return ctx.Err()
	}
	select {
	case err := <-j.done: // both were ready: the outcome is known
		return err
	default:
		return fmt.Errorf("write is under way, its outcome unknown: %w", ctx.Err())
	}
}

// enqueue adds jobs of one tenant to its queue, all of them or none.
func (w *writer) enqueue(jobs ...*job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return store.ErrClosed
	case len(jobs) == 0:
		return nil
	case w.waiting+len(jobs) > w.db.opts.MaxQueue:
		return store.ErrBusy
	}
	t := jobs[0].tenant
	w.waiting += len(jobs)
	if len(w.queues[t]) == 0 {
		w.turns = append(w.turns, t)
	}
	w.queues[t] = append(w.queues[t], jobs...)
	w.more.Signal()
	return nil
}

// depth returns how many jobs wait.
func (w *writer) depth() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting
}

// take waits for jobs and returns the next batch, or nil if none is left. It takes from the tenants in
// turn, so that a tenant with a long queue shares the batch with those that have a short one. A job
// that must be alone is first in the batch, and then the only one, or its tenant comes first next time.
func (w *writer) take() []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.waiting == 0 && !w.closed {
		w.more.Wait()
	}
	var jobs []*job
	var first []store.Tenant // in the next batch
	for len(w.turns) > 0 && len(jobs) < w.db.opts.MaxBatch {
		t := w.turns[0]
		queue := w.queues[t]
		j := queue[0]
		if j.alone() && len(jobs) > 0 {
			first = append(first, t)
			w.turns = w.turns[1:]
			continue
		}
		queue[0] = nil
		w.waiting--
		if w.turns = w.turns[1:]; len(queue) > 1 {
			w.queues[t] = queue[1:]
			w.turns = append(w.turns, t)
		} else {
			delete(w.queues, t)
		}
		if !j.state.CompareAndSwap(jobWaits, jobTaken) {
			continue // its caller has left
		}
		jobs = append(jobs, j)
		if j.alone() {
			break
		}
	}
	w.turns = append(first, w.turns...)
	return jobs
}

func (w *writer) run() {
	defer close(w.stopped)
	for {
		jobs := w.take()
		if jobs == nil {
			if w.drained() {
				return
			}
			continue // all callers had left
		}
		w.process(jobs)
	}
}

func (w *writer) drained() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed && w.waiting == 0
}

// process commits a batch and answers its jobs.
func (w *writer) process(jobs []*job) {
	err := w.commit(jobs)
	switch {
	case err == nil:
	case len(jobs) == 1 || broken(err):
		for _, j := range jobs {
			j.done <- err
		}
	default:
		// One of them does not fit, and it is not known which. Alone, each stands for itself.
		w.db.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "batch refused, running its writes one by one",
			slog.Int("writes", len(jobs)), slog.Any("err", err))
		for _, j := range jobs {
			w.process([]*job{j})
		}
	}
}

// commit runs a batch in one transaction and answers its jobs if that was committed. After an error
// nothing was written and nobody was answered, unless the connection broke: then that is unknown.
func (w *writer) commit(jobs []*job) error {
	began := w.db.opts.Now()
	b := newBatch(w.db, jobs)
	err := w.transact(b)
	done := Batch{Ops: len(jobs), Took: w.db.opts.Now().Sub(began), Err: err}
	if err == nil {
		done.Changes = b.changes()
	}
	w.db.opts.Observe(done)
	if err != nil {
		return err
	}
	for i, j := range jobs {
		j.done <- b.answers[i]
	}
	return nil
}

func (w *writer) transact(b *batch) error {
	if err := w.reconnect(); err != nil {
		return err
	}
	b.conn = w.conn
	err := b.run()
	w.db.committed() // after an error too: a COMMIT that failed may have come about
	if err != nil {
		w.rollback(err)
		return err
	}
	b.publish()
	w.db.copier.committed()
	return nil
}

// rollback ends a failed transaction. A connection that cannot be trusted any more is closed.
func (w *writer) rollback(cause error) {
	_, err := w.conn.exec("ROLLBACK")
	// Some errors have rolled the transaction back already; then there is none, and that is what ROLLBACK says.
	if !broken(cause) && (err == nil || !broken(err)) {
		return
	}
	w.db.opts.Logger.LogAttrs(context.Background(), slog.LevelError, "database connection given up", slog.Any("err", cause))
	if err := w.conn.close(); err != nil {
		w.db.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "broken connection did not close", slog.Any("err", err))
	}
	w.conn = nil
}

func (w *writer) reconnect() error {
	if w.conn != nil {
		return nil
	}
	c, err := connectWriter(context.Background(), w.db.path)
	if err != nil {
		return fmt.Errorf("open the database again: %w", err)
	}
	w.conn = c
	return nil
}

// close lets the writer finish what waits and stops it.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.more.Broadcast()
	w.mu.Unlock()
	<-w.stopped
	if w.conn == nil {
		return nil
	}
	return w.conn.close()
}
