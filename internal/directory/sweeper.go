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
	// sweepEvery is how often it looks for something to sweep: a look into a table that is empty nearly always.
	sweepEvery = 200 * time.Millisecond
	// expireEvery is how often it looks for references that waited too long, which takes a look at all that wait.
	expireEvery = time.Minute
)

// Sweeper removes the edges of deleted resources in slices after their deletion, for all tenants.
// They count as gone from the moment of the deletion; sweeping gives the space back and moves the
// versions of the groups that lost a member.
type Sweeper struct {
	store  store.Store
	log    *slog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NewSweeper returns a sweeper.
func NewSweeper(st store.Store, log *slog.Logger) *Sweeper { return &Sweeper{store: st, log: log} }

// Start sweeps what is left from before, and then what deletions leave.
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
	var expired time.Time // when it was last looked for references that waited too long
	for ctx.Err() == nil {
		var before time.Time
		now := time.Now().UTC().Truncate(precision)
		if now.Sub(expired) >= expireEvery {
			before, expired = now, now
		}
		tenants, _, err := s.store.Busy(ctx, before)
		for _, t := range tenants {
			if err == nil {
				err = s.sweep(ctx, t)
			}
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "sweeping the memberships of deleted resources failed, it is tried again", "err", err)
			wait(ctx, time.Second)
		}
		wait(ctx, sweepEvery)
	}
}

// sweep removes everything of a tenant that there is to remove now.
func (s *Sweeper) sweep(ctx context.Context, t store.Tenant) error {
	for {
		n, err := s.store.Sweep(ctx, t, time.Now().UTC().Truncate(precision), sweepSlice)
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
