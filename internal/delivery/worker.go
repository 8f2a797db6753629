package delivery

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
)

const (
	// loadSize is how many changes of one resource are read at once; each may have 50,000 edges.
	loadSize = 8
	// turn is how long a resource keeps its slot while others wait, once it has delivered something.
	turn = time.Second
)

// errPanic marks a panic in a kind of target.
var errPanic = errors.New("panic in the target's code")

// job is one turn of a lane. A worker reads only this: the lane belongs to the walker.
type job struct {
	lane       *lane
	num        store.Num
	class      class
	from, upto store.Seq
	changes    []*store.Change // all between from and upto, if whole
	whole      bool
	attempt    int
	epoch      int64
	holds      bool // something is held
	note       note
}

// note says how many events of a change have been delivered.
type note struct {
	seq  store.Seq
	done int
}

// result is what came of a job.
type result struct {
	lane    *lane
	class   class
	settled store.Seq // up to here everything of the resource is settled
	note    note
	err     error // why not the rest; nil: the job's turn is over
}

// work does jobs until there are no more.
func (w *Walker) work(ctx context.Context) {
	for j := range w.jobs {
		r := result{lane: j.lane, class: j.class, settled: j.from}
		if t, ok := w.target.(target.State); ok {
			r.settled, r.err = w.sync(ctx, t, j)
		} else {
			r.settled, r.note, r.err = w.deliver(ctx, w.target.(target.Stream), j)
		}
		w.results <- r
	}
}

// deliver brings the changes of one resource to a stream, in order, for one turn.
func (w *Walker) deliver(ctx context.Context, t target.Stream, j job) (settled store.Seq, n note, err error) {
	settled = j.from
	began := time.Now()
	for settled < j.upto {
		page := j.changes
		if !j.whole {
			if page, err = w.db.ChangesOf(ctx, w.tenant, j.num, settled+1, j.upto, loadSize); err != nil {
				return settled, note{}, storeFault(ctx, "read changes of a resource", err)
			}
		}
		for _, row := range page {
			switch row.Held {
			case store.HoldOpen:
				return settled, note{}, errHeld
			case store.HoldRejected, store.HoldRejecting: // left out for good
				settled = row.Seq
				continue
			case store.NotHeld, store.HoldApproved:
			}
			c, err := w.reader.Load(ctx, j.epoch, row)
			if err != nil {
				return settled, note{}, storeFault(ctx, "load a change", err)
			}
			d := &target.Delivery{Change: c, Attempt: j.attempt}
			if j.note.seq == row.Seq {
				d.Done = j.note.done
			}
			if c.Len() > 0 {
				if err := w.attempt(row.At, func() error { return t.Deliver(ctx, d) }); err != nil {
					return settled, note{seq: row.Seq, done: d.Done}, err
				}
			}
			settled, j.attempt = row.Seq, 1
			if time.Since(began) >= turn || ctx.Err() != nil {
				return settled, note{}, nil
			}
		}
		if j.whole || len(page) < loadSize {
			return j.upto, note{}, nil
		}
	}
	return settled, note{}, nil
}

// attempt calls a target for a change of that time (zero: for none), counts the call and turns a panic into an error.
func (w *Walker) attempt(at time.Time, call func() error) (err error) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
			w.log.Error("panic in a target", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		outcome, reason := "ok", ""
		if err != nil {
			v := judge(err, !w.isState())
			outcome, reason = "failed", v.reason
			if v.retry {
				outcome = "retry"
			}
		}
		w.o.Metrics.Attempt(w.o.Name, outcome, reason, time.Since(began))
		if err == nil && !at.IsZero() {
			w.o.Metrics.Settled(w.o.Name, time.Since(at))
		}
	}()
	return call()
}

// storeFault marks an error of the store; one that our own end has caused is nobody's.
func storeFault(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%s: %w: %w", doing, errStore, err)
}
