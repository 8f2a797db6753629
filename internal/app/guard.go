package app

import (
	"context"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/targets"
)

// guardLimits are the limits that a tenant has set. The writer asks while it decides, so it may not wait for a write.
func (a *App) guardLimits(t store.Tenant) store.GuardLimits {
	if a.tenants == nil {
		return store.DefaultGuard
	}
	found, err := a.tenants.ByNumber(context.Background(), t)
	if err != nil {
		return store.DefaultGuard
	}
	return found.Settings.Guard.Limits()
}

// wake makes the targets of a tenant look again at what was held.
func (a *App) wake(t store.Tenant) {
	a.everyTarget(context.Background(), func(_, _, _ string, number store.Tenant, w targets.Walker) {
		if number == t {
			w.Wake()
		}
	})
}
