package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
)

// fill reads changes into the window until it is full or the feed is at its end.
func (w *Walker) fill(ctx context.Context) error {
	for w.walked < w.head.Seq && w.held < w.o.Window && len(w.window) < span*w.o.Window {
		page, err := w.db.Changes(ctx, w.tenant, w.walked, min(w.o.Window-w.held, pageSize))
		if err != nil {
			return fmt.Errorf("read changes after %d: %w", w.walked, err)
		}
		if len(page) == 0 {
			return nil
		}
		rows, err := w.detoursOf(ctx, page)
		if err != nil {
			return err
		}
		for _, c := range page {
			w.take(c, rows[c.Num])
		}
	}
	return nil
}

// take puts the next change of the feed where it belongs.
func (w *Walker) take(c *store.Change, row *store.Detour) {
	w.walked = c.Seq
	e := &entry{seq: c.Seq, at: c.At}
	w.window = append(w.window, e)
	if c.Events == 0 && len(c.Edges) == 0 {
		return // only a record was altered
	}
	l := w.lanes[c.Num]
	if l == nil {
		switch {
		case row != nil && row.Ahead && c.Seq <= row.Upto:
			if c.Seq == row.Upto {
				w.passing[c.Num] = row.Upto
			}
			return
		case row != nil && row.Ahead:
			w.passing[c.Num] = row.Upto
		case row != nil && !row.Ahead:
			// The desired state is another one now, or access has to end: worth an attempt before its time.
			if w.isState() || c.Lane == store.Urgent {
				w.begin(row, c.Lane == store.Urgent)
			}
			return
		}
		l = w.lane(c.Num, c.Seq-1)
	}
	if c.Seq > l.upto {
		l.upto = c.Seq
		l.partial = l.partial || len(c.Edges) > keepEdges
		if !l.partial {
			l.changes = append(l.changes, c)
		} else {
			l.changes = nil
		}
	}
	if l.beyond && c.Seq >= l.upto {
		l.beyond = false
		w.ahead--
	}
	if l.row == nil {
		e.lane = l
		l.entries = append(l.entries, e)
		w.held++
	}
	l.urgent = l.urgent || c.Lane == store.Urgent
	if w.isState() || l.urgent {
		l.parked = false
	}
	w.enqueue(l)
}

// scan looks through the backlog beyond the window for what must not wait in it.
func (w *Walker) scan(ctx context.Context) error {
	w.scanned = max(w.scanned, w.walked)
	for w.scanned < w.head.Seq && w.ahead < w.o.Window {
		page, err := w.db.UrgentAfter(ctx, w.tenant, w.scanned, min(w.o.Window-w.ahead, pageSize))
		if err != nil {
			return fmt.Errorf("read urgent changes after %d: %w", w.scanned, err)
		}
		if len(page) == 0 {
			w.scanned = w.head.Seq
			return nil
		}
		rows, err := w.detoursOf(ctx, page)
		if err != nil {
			return err
		}
		for _, c := range page {
			w.scanned = c.Seq
			w.overtake(c, rows[c.Num])
		}
	}
	return nil
}

// overtake takes an urgent change out of the backlog, with all that comes before it of its resource.
func (w *Walker) overtake(c *store.Change, row *store.Detour) {
	l := w.lanes[c.Num]
	switch {
	case l != nil:
	case row != nil && row.Ahead && row.Upto >= c.Seq:
		return
	case row != nil && row.Ahead:
		w.passing[c.Num] = row.Upto // take will find the lane, and does not look at the row
		l = w.lane(c.Num, max(row.Upto, w.walked))
	case row != nil:
		l = w.begin(row, true)
	default:
		l = w.lane(c.Num, w.walked) // nothing of it is in the window, so what was read is settled
	}
	w.reach(l, c.Seq)
	l.urgent, l.parked = true, false
	w.enqueue(l)
}

// reach makes a lane go on to seq, which may be further than the walker has read.
func (w *Walker) reach(l *lane, seq store.Seq) {
	if seq > w.walked && !l.beyond {
		l.beyond = true
		w.ahead++
	}
	l.upto, l.partial, l.changes = max(l.upto, seq), true, nil
}

// lane makes the lane of a resource that is settled up to from.
func (w *Walker) lane(n store.Num, from store.Seq) *lane {
	l := &lane{num: n, from: from, upto: from, struck: -1}
	w.lanes[n] = l
	return l
}

// enqueue makes a lane ready.
func (w *Walker) enqueue(l *lane) {
	switch {
	case l.urgent:
		w.ready.push(l, urgent)
	case l.row != nil:
		w.ready.push(l, retry)
	default:
		w.ready.push(l, normal)
	}
}

func (w *Walker) isState() bool {
	_, ok := w.target.(target.State)
	return ok
}

// low is up to where everything is settled, or left to a row.
func (w *Walker) low() store.Seq {
	for len(w.window) > 0 && w.window[0].lane == nil {
		w.window = w.window[1:]
	}
	if len(w.window) > 0 {
		return w.window[0].seq - 1
	}
	return w.walked
}

// front is the lane that holds the cursor back, or nil.
func (w *Walker) front() *lane {
	w.low()
	if len(w.window) == 0 {
		return nil
	}
	return w.window[0].lane
}

// detourSlow lets the cursor go on past calls that take long.
func (w *Walker) detourSlow(now time.Time) {
	for {
		l := w.front()
		if l == nil || !l.running || l.row != nil || len(w.window) < 2 || now.Sub(l.started) < slow {
			return
		}
		w.setRow(l, store.Detour{Next: now, Reason: reasonSlow, Detail: "the call takes long"})
	}
}

// next picks the lane that gets the next slot, or nil.
func (w *Walker) next(now time.Time) (*lane, class) {
	if w.running >= w.o.Concurrency || !w.circuit.allows(now) {
		return nil, 0
	}
	for c := range classes {
		if c == retry && w.retries >= max(w.o.Concurrency/2, 1) {
			continue
		}
		if l := w.ready.peek(c); l != nil {
			return l, c
		}
	}
	return nil, 0
}

func (w *Walker) hasReady() bool {
	l, _ := w.next(w.circuit.until)
	return l != nil
}

// dispatch gives lanes to free slots.
func (w *Walker) dispatch(now time.Time) {
	for {
		l, c := w.next(now)
		if l == nil {
			return
		}
		w.ready.pop(c)
		w.run(l, now)
		w.circuit.sent()
		w.running++
		if c == retry {
			w.retries++
		}
		j := job{
			lane: l, num: l.num, class: c, from: l.from, upto: l.upto,
			attempt: l.attempts + 1, epoch: w.head.Epoch, holds: w.head.Holds > 0, note: w.notes[l.num],
		}
		if !l.partial {
			j.changes, j.whole = l.changes, true
		}
		w.jobs <- j // never blocks: there is a worker for each slot
	}
}

// run marks a lane as in use.
func (w *Walker) run(l *lane, now time.Time) {
	l.running, l.started, l.dirty, l.queued = true, now, false, false
}
