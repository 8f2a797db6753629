package schemas

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// followEvery is how often it is looked for what other nodes have changed: as long as they may answer by the schemas of
// before. A write by these is refused, and tried again by its client.
const followEvery = 500 * time.Millisecond

// follow takes over what other nodes change, until ctx ends.
func (r *Registry) follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.catchUp(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			r.opts.Log.WarnContext(ctx, "what other nodes have changed of the schemas is not known, it is looked for again", "err", err)
		}
		failed = err != nil
	}
}

// catchUp reads the schemas again that are not those in force any more, or that had work to be done.
func (r *Registry) catchUp(ctx context.Context) error {
	r.mu.RLock()
	known := maps.Clone(r.tenants)
	r.mu.RUnlock()
	if len(known) == 0 {
		return nil
	}
	now, err := r.store.Generations(ctx, slices.Collect(maps.Keys(known)))
	if err != nil {
		return err
	}
	for number, t := range known {
		if err := r.adopt(ctx, number, t, now[number]); err != nil {
			return err
		}
	}
	return nil
}

// adopt takes over the generation of a tenant. Who is changing the schemas here knows better.
func (r *Registry) adopt(ctx context.Context, number store.Tenant, t *tenant, gen int) error {
	have := t.now.Load()
	if gen == 0 || gen == have.number && len(have.work) == 0 || !t.changes.TryLock() {
		return nil
	}
	defer t.changes.Unlock()
	g, err := r.read(ctx, number)
	if err != nil {
		return err
	}
	if g.number >= t.now.Load().number {
		t.now.Store(g)
	}
	return nil
}
