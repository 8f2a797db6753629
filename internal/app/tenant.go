package app

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/tenants"
	"github.com/muster-id/muster/scim"
)

// tenantPrefix is what the paths of tenants begin with: /t/NAME/scim/v2. Without it, the host says which tenant is meant,
// and any host that is nobody's means the default tenant.
const tenantPrefix = "/t/"

// place is the tenant that a request is to, as its path or host names it. Whether there is one is not known yet.
type place struct {
	name string // of the path; empty: the host counts
	host string // of the request, if it may be a tenant's
}

// named cuts the tenant off the path of a request: nil if it is no tenant's path. The name has to be spelled as it is, without
// escapes, so that no two layers read two names (A02).
func named(r *http.Request) (*http.Request, place) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), tenantPrefix)
	if !ok {
		return nil, place{}
	}
	name, _, _ := strings.Cut(rest, "/")
	prefix := tenantPrefix + name
	if tenants.CheckForm(name) != nil || !strings.HasPrefix(r.URL.Path, prefix) {
		return nil, place{}
	}
	u := *r.URL
	u.Path, u.RawPath = strings.TrimPrefix(u.Path, prefix), strings.TrimPrefix(u.RawPath, prefix)
	next := r.WithContext(r.Context())
	next.URL = &u
	return next, place{name: name}
}

// hosted returns the place that the host of a request names.
func (a *App) hosted(r *http.Request) place {
	host := tenants.Host(r.Host)
	if host == a.host || host == "localhost" || net.ParseIP(host) != nil {
		return place{}
	}
	return place{host: host}
}

// tenant returns the tenant of a place: a number that no token has if there is none that answers. base is the URL of the
// place, without /scim/v2: what a client is told does not depend on whether there is a tenant.
func (a *App) tenant(ctx context.Context, p place) (t store.Tenant, base string, err error) {
	var found *tenants.Tenant
	base = a.root
	switch {
	case p.name == "" && p.host == "", a.o.NoAccess:
		return store.Default, base, nil
	case p.name != "":
		base += tenantPrefix + p.name
		found, err = a.tenants.ByName(ctx, p.name)
	default:
		found, err = a.tenants.ByHost(ctx, p.host)
		if errors.Is(err, store.ErrNotFound) {
			return store.Default, base, nil // Host means nothing (D18)
		}
		base = a.rebased(p.host)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !found.Active():
		return access.NoTenant, base, nil
	case err != nil:
		return access.NoTenant, base, &scim.Error{
			Status: http.StatusServiceUnavailable, RetryAfter: 1e9, Err: err,
			Detail: "the tenant cannot be looked up at the moment; try again",
		}
	}
	return found.Tenant, base, nil
}

// rebased returns the root with another host: scheme, port and path stay those that the operator has set.
func (a *App) rebased(host string) string {
	u, err := url.Parse(a.root)
	if err != nil {
		return a.root
	}
	if port := u.Port(); port != "" {
		host = net.JoinHostPort(host, port)
	}
	u.Host = host
	return u.String()
}

// active says whether changes of a tenant are sent on (G12).
func (a *App) active(t store.Tenant) func(context.Context) bool {
	return func(ctx context.Context) bool {
		if !a.nodes.Alive() {
			return false
		}
		found, err := a.tenants.ByNumber(ctx, t)
		return err == nil && found.Active()
	}
}

// keepAudit returns how long the audit of a tenant is kept; 0: for ever.
func (a *App) keepAudit(ctx context.Context, t store.Tenant) time.Duration {
	if t == store.System {
		return audit.DefaultKeep
	}
	found, err := a.tenants.ByNumber(ctx, t)
	switch {
	case err != nil || found.Settings.Audit.Hold:
		return 0 // what cannot be told is kept
	case found.Settings.Audit.Days > 0:
		return time.Duration(found.Settings.Audit.Days) * 24 * time.Hour
	}
	return audit.DefaultKeep
}

// tenantOf returns the number of a tenant that a configuration names.
func (a *App) tenantOf(ctx context.Context, name string) (store.Tenant, error) {
	name = cmp.Or(name, defaultTenant)
	t, err := a.tenants.ByName(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return 0, errors.New("there is no tenant " + name + `; make it with "muster tenant create ` + name + `"`)
	}
	if err != nil {
		return 0, err
	}
	return t.Tenant, nil
}
