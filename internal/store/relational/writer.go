package relational

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// writer is the goroutines that write, one for each session of the engine, and the queues before them.
type writer struct {
	db      *DB
	apart   bool // a batch is of one tenant, and a tenant has one batch at a time
	running sync.WaitGroup

	mu      sync.Mutex
	more    *sync.Cond              // a job came, a tenant is not busy any more, or closed
	queues  map[store.Tenant][]*job // of tenants with waiting jobs
	turns   []store.Tenant          // their turns, the next one first; without those that are busy
	busy    map[store.Tenant]bool   // those with a batch under way; nil unless apart
	waiting int
	closed  bool
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

// start makes what every database has and starts the writer.
func (db *DB) start(ctx context.Context) error {
	w := &writer{db: db, apart: db.traits.Sessions > 1, queues: map[store.Tenant][]*job{}, busy: map[store.Tenant]bool{}}
	w.more = sync.NewCond(&w.mu)
	var sessions []Session
	for range db.traits.Sessions {
		s, err := db.engine.Session(ctx)
		if err == nil && len(sessions) == 0 {
			err = s.Transact(func(c Conn) error { return bootstrap(c, db.opts.Now()) })
		}
		if s != nil {
			sessions = append(sessions, s)
		}
		if err != nil {
			for _, s := range sessions {
				err = errors.Join(err, s.Close())
			}
			return err
		}
	}
	db.writer = w
	for _, s := range sessions {
		w.running.Go(func() { w.run(s) })
	}
	if db.traits.Shared {
		w.running.Go(db.look)
	}
	return nil
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
	if len(w.queues[t]) == 0 && !w.busy[t] {
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

// take waits for jobs and returns the next batch; nil after the last one. It takes from the tenants in turn, so that a
// tenant with a long queue shares the batch, or the sessions, with those that have a short one. A job that must be alone is
// first in the batch, and then the only one, or its tenant comes first next time. Apart, the tenant is busy until done.
func (w *writer) take() []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.turns) == 0 && (w.waiting > 0 || !w.closed) {
			w.more.Wait()
		}
		if len(w.turns) == 0 {
			w.more.Broadcast() // the others end as well
			return nil
		}
		if jobs := w.batch(); len(jobs) > 0 {
			return jobs
		}
		// All callers had left.
	}
}

// batch takes the next batch off the queues.
func (w *writer) batch() (jobs []*job) {
	var first []store.Tenant // in the next batch
	for len(w.turns) > 0 && len(jobs) < w.db.opts.MaxBatch {
		t := w.turns[0]
		if w.apart && len(jobs) > 0 && t != jobs[0].tenant {
			break
		}
		queue := w.queues[t]
		j := queue[0]
		if j.alone() && len(jobs) > 0 {
			first = append(first, t)
			w.turns = w.turns[1:]
			continue
		}
		queue[0] = nil
		w.waiting--
		w.turns = w.turns[1:]
		switch {
		case len(queue) == 1:
			delete(w.queues, t)
		case w.apart: // its turn goes on: the batch is its own
			w.queues[t] = queue[1:]
			w.turns = append([]store.Tenant{t}, w.turns...)
		default:
			w.queues[t] = queue[1:]
			w.turns = append(w.turns, t)
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
	if w.apart && len(jobs) > 0 {
		t := jobs[0].tenant
		w.busy[t] = true
		w.turns = slices.DeleteFunc(w.turns, func(o store.Tenant) bool { return o == t })
	}
	return jobs
}

// done lets the next batch of a tenant begin.
func (w *writer) done(t store.Tenant) {
	if !w.apart {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, t)
	if len(w.queues[t]) > 0 {
		w.turns = append(w.turns, t)
	}
	w.more.Signal()
}

func (w *writer) run(s Session) {
	for jobs := w.take(); jobs != nil; jobs = w.take() {
		w.process(s, jobs)
		w.done(jobs[0].tenant)
	}
	if err := s.Close(); err != nil {
		w.db.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "a connection of the writer did not close", slog.Any("err", err))
	}
}

// process commits a batch and answers its jobs.
func (w *writer) process(s Session, jobs []*job) {
	err := w.commit(s, jobs)
	switch {
	case err == nil:
	case len(jobs) == 1 || errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrUnavailable):
		for _, j := range jobs {
			j.done <- err
		}
	default:
		// One of them does not fit, and it is not known which. Alone, each stands for itself.
		w.db.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "batch refused, running its writes one by one",
			slog.Int("writes", len(jobs)), slog.Any("err", err))
		for _, j := range jobs {
			w.process(s, []*job{j})
		}
	}
}

// maxTries is how often a batch is tried that was in conflict with others.
const maxTries = 5

// commit runs a batch in one transaction and answers its jobs if that was committed. After an error
// nothing was written and nobody was answered, unless it is store.ErrUnknown.
func (w *writer) commit(s Session, jobs []*job) error {
	began := w.db.opts.Now()
	var b *batch
	var err error
	for try := range maxTries {
		b = newBatch(w.db, jobs)
		err = s.Transact(b.run)
		if errors.Is(err, store.ErrUnknown) && w.db.traits.Shared {
			err = w.confirm(s, b, err)
		}
		if !errors.Is(err, ErrConflict) || try == maxTries-1 {
			break
		}
		<-time.After(time.Duration(rand.Int64N(int64(10 * time.Millisecond << try))))
	}
	done := Batch{Ops: len(jobs), Took: w.db.opts.Now().Sub(began), Err: err}
	if err == nil {
		b.publish()
		done.Changes = b.changes()
	}
	w.db.opts.Observe(done)
	if errors.Is(err, ErrConflict) {
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err) // so much for trying again
	}
	if err != nil {
		return err
	}
	for i, j := range jobs {
		j.done <- b.answers[i]
	}
	return nil
}

// confirmTime is how long a lost commit is looked for. A client that is not told sooner has given up.
const confirmTime = 5 * time.Second

// confirm finds out what became of a batch whose COMMIT was not answered: the audit chain has the batch's last record at
// its place, or it does not (R22). Locking the head waits for the end of the transaction, if the server still works on it.
func (w *writer) confirm(s Session, b *batch, lost error) error {
	l := b.order[0] // a shared engine has one tenant a batch
	if !l.known || len(l.acts)+len(l.changes) == 0 || w.db.opts.NoAudit {
		return lost // it left no record
	}
	for until := time.Now().Add(confirmTime); time.Now().Before(until); <-time.After(100 * time.Millisecond) {
		there := false
		err := s.Transact(func(c Conn) error {
			h := newLedger(l.tenant, &w.db.opts)
			if err := h.loadHead(c, w.db.traits.Lock); err != nil {
				return err
			}
			_, err := c.One(func(r Row) { there = bytes.Equal(r.Blob(0), l.head.hash[:]) }, auditHash, int64(l.tenant), l.head.audited)
			return err
		})
		switch {
		case err != nil:
			continue
		case there:
			return nil
		}
		return fmt.Errorf("%w: it was lost before it was committed (%w)", ErrConflict, lost)
	}
	return lost
}

// close lets the writer finish what waits and stops it.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.more.Broadcast()
	w.mu.Unlock()
	w.running.Wait()
	return nil
}
