package directory

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const (
	// sweepSlice is how many edges of deleted resources go in one transaction: few enough not to hold up others.
	sweepSlice = 500
	// sweepPause spreads the slices, so that a leaver of 10,000 groups delays nobody.
	sweepPause = 5 * time.Millisecond
	// sweepEvery is how often it looks for something to sweep while changes go on.
	sweepEvery = 200 * time.Millisecond
)

// Sweeper removes the edges of deleted resources in slices after their deletion.
// They count as gone from the moment of the deletion; sweeping gives the space back and moves the
// versions of the groups that lost a member.
type Sweeper struct {
	store  store.Store
	tenant store.Tenant
	log    *slog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NewSweeper returns a sweeper of the tenant.
func NewSweeper(st store.Store, t store.Tenant, log *slog.Logger) *Sweeper {
	return &Sweeper{store: st, tenant: t, log: log}
}

// Start sweeps what is left from before, and then after each change.
func (s *Sweeper) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done.Go(func() { s.run(ctx) })
}

// Stop ends the sweeper and waits for it.
func (s *Sweeper) Stop() {
	s.cancel()
	s.done.Wait()
}

func (s *Sweeper) run(ctx context.Context) {
	var seen store.Seq
	for ctx.Err() == nil {
		head, err := s.store.Head(ctx, s.tenant)
		if err == nil {
			seen = head.Seq
			err = s.sweep(ctx)
		}
		if err == nil {
			wait(ctx, sweepEvery)
			err = s.store.Wait(ctx, s.tenant, seen)
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "sweeping the memberships of deleted resources failed, it is tried again", "err", err)
			wait(ctx, time.Second)
		}
	}
}

// sweep removes everything there is to remove now.
func (s *Sweeper) sweep(ctx context.Context) error {
	for {
		n, err := s.store.Sweep(ctx, s.tenant, time.Now().UTC().Truncate(precision), sweepSlice)
		if err != nil || n == 0 {
			return err
		}
		wait(ctx, sweepPause)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
