package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/nodes"
	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
	scimtarget "github.com/muster-id/muster/internal/target/scim"
	"github.com/muster-id/muster/internal/target/webhook"
	"github.com/muster-id/muster/internal/targets"
)

// openTargets makes the walkers of the configured targets, and what runs those of the database. What they send names the base URL,
// so the listener is there before.
func (a *App) openTargets(ctx context.Context) error {
	for _, t := range a.o.Targets {
		number, err := a.tenantOf(ctx, t.Tenant)
		if err != nil {
			return fmt.Errorf("target %s: %w", t.Name, err)
		}
		w, err := a.ownWalker(ctx, number, t)
		if err != nil {
			return fmt.Errorf("target %s: %w", t.Name, err)
		}
		a.walkers = append(a.walkers, walker{w, t.Name, cmp.Or(t.Tenant, defaultTenant), t.Kind, number})
		a.onStop("stop target "+t.Name, w.Stop)
	}
	a.stored = a.targetManager()
	return nil
}

// targetManager keeps the targets of the database. Without a hub around it, it only writes them.
func (a *App) targetManager() *targets.Manager {
	return targets.New(a.store, a.vault, targets.Options{
		Open: a.openStored, Now: time.Now, Log: a.log,
		Reserved: func(t store.Tenant, name string) bool {
			for _, w := range a.walkers {
				if w.number == t && w.name == name {
					return true
				}
			}
			return false
		},
	})
}

// ownWalker makes what runs the walker of a target: on this node, or on the one of several whose turn it is.
func (a *App) ownWalker(ctx context.Context, number store.Tenant, t Target) (nodes.Walker, error) {
	return a.nodes.Own(ctx, number, t.Name, func(ctx context.Context, fence *store.Fence) (nodes.Walker, error) {
		return a.walker(ctx, number, t, fence)
	})
}

// walker makes the walker of a target, to be run under a lease if there is a fence.
func (a *App) walker(ctx context.Context, number store.Tenant, t Target, fence *store.Fence) (*delivery.Walker, error) {
	defs, err := a.schemas.Of(ctx, number)
	if err != nil {
		return nil, err
	}
	base, name := a.base, defaultTenant
	if number != store.Default {
		found, err := a.tenants.ByNumber(ctx, number)
		if err != nil {
			return nil, err
		}
		name = found.Name
		base = a.root + tenantPrefix + name + Prefix
	}
	opened, err := t.Settings.Open(target.Env{
		Name: t.Name, Tenant: name, Base: base, Schemas: defs.Set, Outbound: a.o.Outbound, Log: a.log.With("target", t.Name),
	})
	if err != nil {
		return nil, err
	}
	return delivery.New(a.store, number, opened, delivery.Options{
		Name: t.Name, Start: t.Start, Concurrency: t.Concurrency,
		Schemas: defs, Metrics: a.metrics, Log: a.log, SourceName: a.tenants.SourceName(number), Allowed: a.active(number), Fence: fence, //nolint:contextcheck // names are asked for long after
	}), nil
}

// openStored makes the walker of a target of the database.
func (a *App) openStored(ctx context.Context, t store.Tenant, s targets.Spec, credential string) (targets.Walker, error) {
	var roots *x509.CertPool
	if s.CA != "" {
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM([]byte(s.CA)) {
			return nil, errors.New("the authorities are no certificates in PEM")
		}
	}
	var settings target.Settings
	switch s.Type {
	case "webhook":
		w := webhook.Defaults()
		w.URL, w.Events, w.Rate, w.InsecureHTTP, w.RootCAs = s.URL, s.Events, s.Rate, s.InsecureHTTP, roots
		for f := range strings.FieldsSeq(credential) {
			w.Secrets = append(w.Secrets, secret.New(f))
		}
		settings = w
	case "scim":
		if len(s.Events) > 0 {
			return nil, errors.New("events are for webhooks; a SCIM application is kept equal as a whole")
		}
		w := scimtarget.Defaults()
		w.URL, w.Token, w.InsecureHTTP, w.RootCAs, w.Rate = strings.TrimRight(s.URL, "/"), secret.New(strings.TrimSpace(credential)), s.InsecureHTTP, roots, s.Rate
		settings = w
	default:
		return nil, fmt.Errorf("there is no type %q of target; there are webhook and scim", s.Type)
	}
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	return a.ownWalker(ctx, t, Target{Name: s.Name, Kind: s.Type, Settings: settings, Start: delivery.Beginning(s.Start), Concurrency: s.Concurrency})
}

// everyTarget visits all targets that run.
func (a *App) everyTarget(ctx context.Context, visit func(tenant, name, kind string, number store.Tenant, w targets.Walker)) {
	for _, w := range a.walkers {
		visit(w.tenant, w.name, w.kind, w.number, w.Walker)
	}
	a.stored.Each(func(t store.Tenant, s targets.Spec, w targets.Walker) {
		name := defaultTenant
		if t != store.Default {
			name = fmt.Sprint(int64(t))
			if found, err := a.tenants.ByNumber(ctx, t); err == nil {
				name = found.Name
			}
		}
		visit(name, s.Name, s.Type, t, w)
	})
}

// targets reports how the targets are doing.
func (a *App) targets(ctx context.Context) ([]admin.Target, error) {
	all := []admin.Target{}
	a.everyTarget(ctx, func(tenant, name, kind string, _ store.Tenant, w targets.Walker) {
		s := w.Status()
		all = append(all, admin.Target{
			Name: name, Tenant: tenant, Kind: kind, State: string(s.State), Lag: s.Lag, Age: s.Age.Seconds(),
			Parked: int64(s.Behind), Problem: s.LastError,
		})
	})
	slices.SortFunc(all, func(a, b admin.Target) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// targetFigures are those of every target that runs.
func (a *App) targetFigures() {
	for _, f := range []struct {
		name, help string
		of         func(delivery.Status) float64
	}{
		{
			"muster_target_lag_changes", "Changes that the target has not settled. When it grows, the target is slow or refuses: see \"muster targets\".",
			func(s delivery.Status) float64 { return float64(s.Lag) },
		},
		{
			"muster_target_lag_seconds", "Age of the oldest change that the target has not settled.",
			func(s delivery.Status) float64 { return s.Age.Seconds() },
		},
		{
			"muster_target_parked", "Resources whose delivery failed and is tried again later.",
			func(s delivery.Status) float64 { return float64(s.Behind) },
		},
	} {
		a.metrics.Each(f.name, f.help, []string{"tenant", "target", "kind"}, func(emit func(float64, ...string)) {
			a.everyTarget(context.Background(), func(tenant, name, kind string, _ store.Tenant, w targets.Walker) {
				emit(f.of(w.Status()), tenant, name, kind)
			})
		})
	}
}
