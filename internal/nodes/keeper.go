package nodes

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const (
	// beatEvery is how often a node says that it is there.
	beatEvery = store.NodeTTL / 5
	// sure is how long after a beat a node takes itself to be alive. The rest of the TTL is for what it has begun by then.
	sure = store.NodeTTL * 2 / 3
	// beatTime bounds a beat; leaveTime the last one.
	beatTime  = 5 * time.Second
	leaveTime = 2 * time.Second
)

// Store is what a Keeper needs of a store.
type Store interface {
	store.Nodes
	Head(ctx context.Context, t store.Tenant) (store.Head, error)
	Cursor(ctx context.Context, t store.Tenant, target string) (store.Cursor, error)
}

// Keeper keeps this process a node. It is safe for concurrent use.
type Keeper struct {
	store Store
	self  store.Node
	log   *slog.Logger

	began  time.Time    // what beat counts from
	beat   atomic.Int64 // nanoseconds after began of the last beat that was answered; 0: none
	others atomic.Int64 // nodes that are alive, this one among them

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// New returns a keeper for a node, whose ID no other process has.
func New(st Store, self store.Node, log *slog.Logger) *Keeper {
	return &Keeper{store: st, self: self, log: log, began: time.Now()}
}

// Start says that the node is there, until Stop.
func (k *Keeper) Start(ctx context.Context) error {
	if !k.store.Shared() {
		return nil
	}
	if err := k.say(ctx); err != nil {
		return err
	}
	ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	k.done.Go(func() { k.run(ctx) })
	return nil
}

func (k *Keeper) run(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := k.say(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			k.log.WarnContext(ctx, "this node cannot say that it is there; others take its work if that goes on", "err", err)
		}
		failed = err != nil
	}
}

// say sends one beat. It counts from when it was sent: the database has heard of it later.
func (k *Keeper) say(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	sent := time.Since(k.began)
	if err := k.store.Beat(ctx, k.self); err != nil {
		return err
	}
	k.beat.Store(int64(max(sent, 1)))
	all, err := k.store.Nodes(ctx)
	if err != nil {
		return err
	}
	alive := int64(0)
	for _, n := range all {
		if n.Alive {
			alive++
		}
	}
	k.others.Store(alive)
	return nil
}

// Stop takes leave: others may take the node's work at once, so that has to have ended.
func (k *Keeper) Stop(ctx context.Context) error {
	if k.cancel == nil {
		return nil
	}
	k.cancel()
	k.done.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	err := k.store.Leave(ctx, k.self.ID)
	if errors.Is(err, store.ErrUnavailable) {
		return nil // the others find out by themselves
	}
	return err
}

// Alive reports whether the others take this node to be alive for certain. A process that was paused finds out here.
func (k *Keeper) Alive() bool {
	if !k.store.Shared() {
		return true
	}
	beat := time.Duration(k.beat.Load())
	return beat > 0 && time.Since(k.began)-beat < sure
}

// Count returns how many nodes are alive, at least 1.
func (k *Keeper) Count() int { return int(max(k.others.Load(), 1)) }

// List returns the nodes; this one alone where there can be no others.
func (k *Keeper) List(ctx context.Context) ([]store.Node, error) {
	if k.store.Shared() {
		return k.store.Nodes(ctx)
	}
	n := k.self
	n.Started, n.Seen, n.Alive = k.began, time.Now(), true
	return []store.Node{n}, nil
}

// ID returns the id of this node.
func (k *Keeper) ID() string { return k.self.ID }
