package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
)

// errCircle says that two resources wait for each other's links.
var errCircle = errors.New("the resources wait for each other's accounts")

// ask is a question of a worker to the walker, answered on the walker's goroutine.
type ask interface {
	on(ctx context.Context, w *Walker)
}

// ensure returns the link of another resource, see [target.Work].
func (c call) ensure(ctx context.Context, n target.Num) (*target.Link, error) {
	if l, err := c.Get(ctx, n); l != nil || err != nil {
		return l, err
	}
	num := store.Num(n)
	a := &acquire{num: num, by: c.num, answer: make(chan acquired, 1)}
	if err := c.w.ask(ctx, a); err != nil {
		return nil, err
	}
	var got acquired
	select {
	case got = <-a.answer:
	case <-ctx.Done():
		// The walker may hand over the lane at this very moment; whoever asked has to give it back.
		if err := c.w.ask(context.WithoutCancel(ctx), &withdraw{a}); err != nil {
			return nil, err
		}
		return nil, ctx.Err()
	}
	if got.err != nil {
		return nil, got.err
	}
	r := result{lane: got.lane, settled: got.from}
	l, err := c.bring(ctx, num, got.attempt)
	if !errors.Is(err, target.ErrGone) {
		r.err = err
	}
	if askErr := c.w.ask(context.WithoutCancel(ctx), &release{r, c.num}); askErr != nil {
		return nil, askErr
	}
	return l, err
}

// bring makes the account of a resource whose lane is held.
func (c call) bring(ctx context.Context, num store.Num, attempt int) (*target.Link, error) {
	other := call{w: c.w, num: num, bare: true}
	if l, err := other.Get(ctx, target.Num(num)); l != nil || err != nil {
		return l, err // made while we waited
	}
	r, err := other.Resource(ctx, target.Num(num))
	if err != nil {
		return nil, err
	}
	if r == nil || !r.Live {
		return nil, target.ErrGone
	}
	err = c.w.attempt(time.Time{}, func() error {
		return c.w.target.(target.State).Sync(ctx, &target.Work{
			Resource: r, Bare: true, Attempt: attempt, Directory: other, Links: other, Ensure: other.ensure,
			Touched: func(func(target.Num, error) bool) {},
		})
	})
	if err != nil {
		return nil, err
	}
	l, err := other.Get(ctx, target.Num(num))
	if l == nil && err == nil {
		return nil, target.ErrGone // the target has no place for it
	}
	return l, err
}

// ask puts a question to the walker. Its goroutine lives as long as any worker's call.
func (w *Walker) ask(ctx context.Context, a ask) error {
	select {
	case w.asks <- a:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acquire asks for the lane of num, for the work on by.
type acquire struct {
	num, by store.Num
	answer  chan acquired
	granted *lane
}

// acquired hands over a lane.
type acquired struct {
	lane    *lane
	from    store.Seq
	attempt int
	err     error
}

func (a *acquire) on(ctx context.Context, w *Walker) {
	l := w.lanes[a.num]
	if l == nil {
		rows, err := w.rowsOf(ctx, []store.Num{a.num})
		if err != nil {
			a.answer <- acquired{err: storeFault(ctx, "read a detour", err)}
			return
		}
		if row := rows[a.num]; row != nil && !row.Ahead {
			l = w.begin(row, false)
			l.parked, l.queued = true, false
		} else {
			l = w.lane(a.num, w.walked)
		}
	}
	mine := w.lanes[a.by]
	if w.circle(a.num, a.by) {
		mine.owed = true
		a.answer <- acquired{err: errCircle}
		return
	}
	mine.waitsFor = a.num
	if l.running {
		l.waiters = append(l.waiters, a)
		return
	}
	w.grant(l, a)
}

// circle reports whether the work on n waits, at some remove, for by.
func (w *Walker) circle(n, by store.Num) bool {
	for range len(w.lanes) + 1 {
		if n == by {
			return true
		}
		l := w.lanes[n]
		if l == nil || !l.running || l.waitsFor == 0 {
			return false
		}
		n = l.waitsFor
	}
	return true
}

// grant hands a free lane to a call that waits for it.
func (w *Walker) grant(l *lane, a *acquire) {
	l.running, l.started, l.queued = true, time.Now(), false
	a.granted = l
	a.answer <- acquired{lane: l, from: l.from, attempt: l.attempts + 1}
}

// withdraw takes back an acquire that nobody waits for any more.
type withdraw struct{ a *acquire }

func (q *withdraw) on(ctx context.Context, w *Walker) {
	if mine := w.lanes[q.a.by]; mine != nil {
		mine.waitsFor = 0
	}
	if l := q.a.granted; l != nil {
		w.conclude(ctx, result{lane: l, settled: l.from, err: context.Canceled})
		return
	}
	if l := w.lanes[q.a.num]; l != nil {
		for i, a := range l.waiters {
			if a == q.a {
				l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
				return
			}
		}
	}
}

// release gives a lane back.
type release struct {
	r  result
	by store.Num
}

func (q *release) on(ctx context.Context, w *Walker) {
	if mine := w.lanes[q.by]; mine != nil {
		mine.waitsFor = 0
	}
	w.conclude(ctx, q.r)
}

// relink asks to write the first link of a resource, or to remove its link, together with what becomes
// dirty by it.
type relink struct {
	num     store.Num
	put     *store.Link // nil: removed
	reports []store.Num // linked users that name it as their manager
	parents []store.Num // linked groups that contain it; dirty if it has failed before, or loses its account
	self    bool        // it was made for somebody else's sake and needs a work of its own
	reply   chan error
}

// relink writes or removes a link on which others depend.
func (c call) relink(ctx context.Context, n store.Num, put *store.Link) error {
	q := &relink{num: n, put: put, self: put != nil && c.bare, reply: make(chan error, 1)}
	var err error
	if q.reports, err = c.w.reports(ctx, n); err != nil {
		return err
	}
	if q.parents, err = c.w.parents(ctx, n); err != nil {
		return err
	}
	if err := c.w.ask(ctx, q); err != nil {
		return err
	}
	// Not ended by ctx: what is written is true whether or not somebody waits, and the walker is quick.
	return <-q.reply
}

func (q *relink) on(ctx context.Context, w *Walker) {
	if q.put != nil {
		if err := w.free(ctx, q.put); err != nil {
			q.reply <- err
			return
		}
	}
	dirty := q.reports
	// A group leaves out a member whose creation failed, and whatever failed has a row behind; or whose account is
	// about to be made anew (a rehire that came together with the deletion before it).
	if l := w.lanes[q.num]; q.put == nil || l != nil && l.row != nil {
		dirty = append(dirty, q.parents...)
	}
	if q.self {
		dirty = append(dirty, q.num)
	}
	rows, err := w.rowsOf(ctx, dirty)
	if err != nil {
		q.reply <- err
		return
	}
	for _, n := range dirty {
		w.soil(n, rows[n])
	}
	w.links = append(w.links, q)
}

// free reports a link whose account is bound to another resource already (G14). Links are written one
// after another by the walker, so that two of them cannot both find an account free.
func (w *Walker) free(ctx context.Context, l *store.Link) error {
	held, err := w.db.LinkByRemote(ctx, w.tenant, w.o.Name, l.Type, l.RemoteID)
	taken := err == nil && held.Num != l.Num
	for _, q := range w.links {
		taken = taken || q.put != nil && q.num != l.Num && q.put.Type == l.Type && q.put.RemoteID == l.RemoteID
	}
	if taken {
		return &outbound.Error{
			Fault: outbound.FaultTheirs, Reason: outbound.ReasonConflict,
			Err: errors.New("the account is bound to another resource already"),
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// soil makes a resource dirty: a row behind, and its lane ready.
func (w *Walker) soil(n store.Num, row *store.Detour) {
	l := w.lanes[n]
	switch {
	case l != nil && l.row != nil:
	case l != nil:
		w.setRow(l, store.Detour{Next: time.Now(), Reason: reasonDirty})
	case row != nil && !row.Ahead:
		if w.active < w.o.Window {
			l = w.begin(row, false)
			break
		}
		now := *row
		now.Next, now.Reason, now.Detail = time.Now(), reasonDirty, ""
		w.rows[n], w.leftDue = &now, true
		return
	default:
		from := w.walked
		if row != nil {
			from = max(from, row.Upto)
		}
		w.rows[n] = &store.Detour{
			DetourKey: store.DetourKey{Target: w.o.Name, Num: n}, From: from + 1, Next: time.Now(), Reason: reasonDirty,
		}
		delete(w.passing, n)
		w.behind++
		w.moreDue = true
		return
	}
	l.dirty, l.parked = true, false
	w.enqueue(l)
}
