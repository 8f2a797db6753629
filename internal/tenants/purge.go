package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const (
	// purgeSlice is how many rows go in one transaction: few enough not to hold up others.
	purgeSlice = 500
	// purgePause spreads the slices.
	purgePause = 5 * time.Millisecond
	// purgeEvery is how often it looks for a tenant whose grace is over.
	purgeEvery = time.Minute
)

// Start purges the tenants whose grace is over, one after another, until Stop.
func (r *Registry) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.done.Go(func() {
		tick := time.NewTicker(purgeEvery)
		defer tick.Stop()
		for {
			if err := r.PurgeDue(ctx); err != nil && ctx.Err() == nil {
				r.o.Log.WarnContext(ctx, "purging a tenant failed, it is tried again", "err", err)
			}
			select {
			case <-tick.C:
			case <-r.wake:
			case <-ctx.Done():
				return
			}
		}
	})
}

// Stop ends that and waits for it. A purge that was under way goes on after the next Start.
func (r *Registry) Stop() {
	r.cancel()
	r.done.Wait()
}

func (r *Registry) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// PurgeDue removes every deleted tenant whose grace is over.
func (r *Registry) PurgeDue(ctx context.Context) error {
	all, err := r.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range all {
		switch {
		case t.State == store.TenantPurging:
		case t.State == store.TenantDeleted && !r.o.Now().Before(t.Purge):
		default:
			continue
		}
		if err := r.purge(ctx, t); err != nil {
			errs = append(errs, fmt.Errorf("tenant %s: %w", t.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (r *Registry) purge(ctx context.Context, t *Tenant) error {
	if t.State != store.TenantPurging {
		act := r.act("tenant.purge", t.Name)
		act.Actor = store.Self
		_, err := r.change(ctx, t.Name, act, func(now *Tenant) error {
			if now.Tenant != t.Tenant || now.State != store.TenantDeleted || r.o.Now().Before(now.Purge) {
				return errors.New("it was changed meanwhile")
			}
			now.State, now.Since = store.TenantPurging, r.now()
			return nil
		})
		if err != nil {
			return err
		}
	}
	began, rows := r.o.Now(), 0
	for {
		n, err := r.store.Purge(ctx, t.Tenant, purgeSlice)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		rows += n
		pause(ctx, purgePause)
	}
	r.forget()
	left, err := r.store.Remains(ctx, t.Tenant)
	if err != nil {
		return err
	}
	report := store.PurgeReport{Number: t.Tenant, Name: t.Name, Began: began, Ended: r.o.Now(), Rows: int64(rows)}
	for _, n := range left {
		report.Left += n
	}
	act := r.act("tenant.purged", t.Name, store.Detail{Name: "rows", Value: strconv.Itoa(rows)}, store.Detail{Name: "left", Value: strconv.FormatInt(report.Left, 10)})
	act.Actor = store.Self
	err = r.store.Write(ctx, store.System, &store.Op{Heavy: true, Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Purged: []*store.PurgeReport{&report}, Audit: []*store.Act{act}}, nil
	}})
	if err != nil {
		return err
	}
	r.o.Gone(t.Tenant)
	level := slog.LevelInfo
	if report.Left > 0 {
		level = slog.LevelError
	}
	r.o.Log.LogAttrs(ctx, level, "tenant purged", slog.String("tenant", t.Name), slog.Int64("number", int64(t.Tenant)),
		slog.Int("rows", rows), slog.Int64("left", report.Left))
	return nil
}

// Purged returns the reports of the tenants that were purged, the latest first.
func (r *Registry) Purged(ctx context.Context) ([]store.PurgeReport, error) {
	return r.store.Purged(ctx)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
