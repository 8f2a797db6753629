package nodes

import (
	"context"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/store"
)

// askEvery is how often a node asks whether it may have a lease, or has it still.
const askEvery = 3 * time.Second

// stopTime bounds the end of work whose lease is gone.
const stopTime = 5 * time.Second

// Walker is work that a lease is for.
type Walker interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Status() delivery.Status
	Wake()
}

// Open makes the walker of a target, to be run under a lease; nil where no lease is needed.
type Open func(ctx context.Context, fence *store.Fence) (Walker, error)

// Owned runs the walker of a target on this node while it has the lease for it. It is a Walker.
type Owned struct {
	k      *Keeper
	tenant store.Tenant
	name   string
	open   Open
	every  time.Duration // askEvery, but in tests

	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex // guards what follows
	walker Walker     // nil: another node has the lease, or nobody yet
	lease  store.Lease
	err    error // why there is no walker although there is a lease
}

// Own returns a walker that runs on one node at a time. Where there is only one, it is what open makes.
func (k *Keeper) Own(ctx context.Context, t store.Tenant, target string, open Open) (Walker, error) {
	if !k.store.Shared() {
		return open(ctx, nil)
	}
	// What is wrong with the target is said now, not when its turn comes.
	w, err := open(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err := w.Stop(ctx); err != nil { // never started
		return nil, err
	}
	return &Owned{k: k, tenant: t, name: "target/" + target, open: open, every: askEvery}, nil
}

// Start begins to ask for the lease.
func (o *Owned) Start(ctx context.Context) error {
	ctx, o.cancel = context.WithCancel(context.WithoutCancel(ctx))
	o.done.Go(func() { o.run(ctx) })
	return nil
}

func (o *Owned) run(ctx context.Context) {
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for {
		o.turn(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turn sees to it that the walker runs if this node has the lease, and only then.
func (o *Owned) turn(ctx context.Context) {
	o.mu.Lock()
	running, mine := o.walker != nil, o.lease
	o.mu.Unlock()
	switch {
	case running && !o.k.Alive():
		o.end(ctx, "this node was not heard of by the others")
	case running:
		now, err := o.k.store.Lease(ctx, o.tenant, o.name)
		if err != nil {
			return // Alive decides how long that may go on
		}
		if now.Holder != o.k.ID() || now.Fence != mine.Fence {
			o.end(ctx, "another node has the lease")
			return
		}
		o.mu.Lock()
		w := o.walker
		o.mu.Unlock()
		w.Wake() // a decision of the guard may have been made on another node
	case o.k.Alive():
		o.take(ctx)
	}
}

func (o *Owned) take(ctx context.Context) {
	l, err := o.k.store.Take(ctx, o.tenant, o.name, o.k.ID())
	if err != nil || l.Holder != o.k.ID() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.lease, o.err = l, err; ctx.Err() != nil {
			o.err = nil
		}
		return
	}
	w, err := o.open(ctx, &store.Fence{Name: l.Name, Number: l.Fence})
	if err == nil {
		err = w.Start(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lease, o.err = l, err; err != nil {
		o.k.log.WarnContext(ctx, "a target does not start; it is tried again", "target", o.name, "err", err)
		return
	}
	o.walker = w
	o.k.log.InfoContext(ctx, "this node delivers", "target", o.name, "fence", l.Fence)
}

// end stops the walker.
func (o *Owned) end(ctx context.Context, why string) {
	o.mu.Lock()
	w := o.walker
	o.walker = nil
	o.mu.Unlock()
	if w == nil {
		return
	}
	o.k.log.WarnContext(ctx, "this node delivers no more", "target", o.name, "why", why)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		o.k.log.WarnContext(ctx, "a target did not end cleanly", "target", o.name, "err", err)
	}
}

// Stop ends the walker, if it runs here.
func (o *Owned) Stop(ctx context.Context) error {
	if o.cancel == nil {
		return nil
	}
	o.cancel()
	o.done.Wait()
	o.mu.Lock()
	w := o.walker
	o.walker = nil
	o.mu.Unlock()
	if w == nil {
		return nil
	}
	return w.Stop(ctx)
}

// Wake implements Walker.
func (o *Owned) Wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.walker != nil {
		o.walker.Wake()
	}
}

// Status returns what the walker does; of one on another node what can be seen in the database.
func (o *Owned) Status() delivery.Status {
	o.mu.Lock()
	w, err := o.walker, o.err
	o.mu.Unlock()
	if w != nil {
		return w.Status()
	}
	s := delivery.Status{Target: o.name, State: delivery.Elsewhere}
	if err != nil {
		s.LastError = err.Error()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	head, errHead := o.k.store.Head(ctx, o.tenant)
	cursor, errCursor := o.k.store.Cursor(ctx, o.tenant, o.target())
	if errHead == nil && errCursor == nil {
		s.Head, s.Cursor = feed.Position{Epoch: head.Epoch, Seq: head.Seq}, feed.Position{Epoch: head.Epoch, Seq: cursor.Seq}
		s.Lag = int64(max(head.Seq-cursor.Seq, 0))
	}
	return s
}

func (o *Owned) target() string { return o.name[len("target/"):] }
