package app

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// permission is what a request needs, by its method and path. What it does not know needs everything: a new endpoint is closed
// until somebody says here what opens it (A01).
func permission(set *schema.Set, method, path string) access.Permission {
	endpoint := endpointOf(path)
	name, rest, _ := strings.Cut(endpoint, "/")
	name = strings.TrimSuffix(name, ".json") // as SCIM 1.1 may have it
	verb := access.Write
	if method == http.MethodGet || method == http.MethodHead || method == http.MethodPost && rest == ".search" {
		verb = access.Read
	}
	switch name {
	case "ServiceProviderConfig", "ServiceProviderConfigs", "ResourceTypes", "Schemas", "Me":
		return access.Permission{}
	case "Bulk":
		return access.Permission{Verb: access.Bulk}
	case "", ".search":
		return access.Permission{Verb: access.Read}
	}
	if t := set.ByEndpoint("/" + name); t != nil {
		return access.Permission{Verb: verb, Type: t.Name}
	}
	return access.Permission{} // there is no such endpoint, which the server says
}

// endpointOf returns what stands behind the prefix of a SCIM path.
func endpointOf(path string) string {
	for _, prefix := range []string{Prefix, Prefix1, unversioned} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return strings.Trim(rest, "/")
		}
	}
	return ""
}

// insufficient is the answer to a request that the scopes do not grant (RFC 6750 §3.1).
func insufficient(p access.Permission) error {
	return &scim.Error{
		Status: http.StatusForbidden, Detail: "the token may not do this: it needs the scope " + p.Scope(),
		Challenge: `error="insufficient_scope", scope="` + p.Scope() + `"`,
	}
}

// scoped narrows a service to what the scopes grant. It is the second lock: open has looked at the request already (A09).
func scoped(svc *server.Service, scopes access.Scopes) {
	if scopes.All() {
		return
	}
	stores := make(map[string]server.Store, len(svc.Stores))
	for typ, st := range svc.Stores {
		read, write := access.Permission{Verb: access.Read, Type: typ}, access.Permission{Verb: access.Write, Type: typ}
		if scopes.Allow(read) || scopes.Allow(write) {
			stores[typ] = &scopedStore{st, scopes, read, write}
		}
	}
	svc.Stores = stores
	if do := svc.Do; do != nil {
		svc.Do = func(ctx context.Context, ops []server.Op) []server.Result { return doScoped(ctx, do, scopes, ops) }
	}
}

// doScoped carries out what the scopes grant, and refuses the rest.
func doScoped(ctx context.Context, do func(context.Context, []server.Op) []server.Result, scopes access.Scopes, ops []server.Op) []server.Result {
	results := make([]server.Result, len(ops))
	var granted []server.Op
	var places []int
	for i, op := range ops {
		if p := (access.Permission{Verb: access.Write, Type: op.Type}); !scopes.Allow(p) {
			results[i].Err = insufficient(p)
			if op.Decided != nil {
				op.Decided(results[i].Err)
			}
			continue
		}
		granted, places = append(granted, op), append(places, i)
	}
	for i, r := range do(ctx, granted) {
		results[places[i]] = r
	}
	return results
}

// scopedStore asks for the permission of each call.
type scopedStore struct {
	server.Store
	scopes      access.Scopes
	read, write access.Permission
}

var _ server.Describer = (*scopedStore)(nil)

// Features implements server.Describer.
func (s *scopedStore) Features() server.Features {
	if d, ok := s.Store.(server.Describer); ok {
		return d.Features()
	}
	return server.Features{}
}

func (s *scopedStore) may(p access.Permission) error {
	if !s.scopes.Allow(p) {
		return insufficient(p)
	}
	return nil
}

// Get implements server.Store.
func (s *scopedStore) Get(ctx context.Context, id string, w *server.Want) (*server.Resource, error) {
	if err := s.may(s.read); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, id, w)
}

// Find implements server.Store.
func (s *scopedStore) Find(ctx context.Context, q *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	if err := s.may(s.read); err != nil {
		return server.Page{}, err
	}
	return s.Store.Find(ctx, q, emit)
}

// Create implements server.Store.
func (s *scopedStore) Create(ctx context.Context, r *server.Resource, d *scim.Dialect) (*server.Resource, error) {
	if err := s.may(s.write); err != nil {
		return nil, err
	}
	return s.Store.Create(ctx, r, d)
}

// Update implements server.Store.
func (s *scopedStore) Update(ctx context.Context, id string, e *server.Edit) (*server.Resource, error) {
	if err := s.may(s.write); err != nil {
		return nil, err
	}
	return s.Store.Update(ctx, id, e)
}

// Delete implements server.Store.
func (s *scopedStore) Delete(ctx context.Context, id string, c server.Cond) error {
	if err := s.may(s.write); err != nil {
		return err
	}
	return s.Store.Delete(ctx, id, c)
}

// queued is how long a request waits for its turn before it is refused (section 0 of the limits).
const queued = 2 * time.Second

// Limits of a tenant that has set none. The default tenant has none at all: whoever has only that one knows their sources.
const (
	tokenRate  = 50
	tokenBurst = 100
)

// pace holds a caller to the pace of its token and of its tenant.
func (a *App) pace(ctx context.Context, p *access.Principal) error {
	limits := a.limitsOf(ctx, p.Tenant)
	// Each of several nodes gives its share.
	share := 1 / float64(a.nodes.Count())
	for _, l := range []struct {
		who   paced
		pace  access.Pace
		whose string
	}{
		{paced{p.Tenant, p.TokenID}, access.Pace{Rate: limits.TokenRate * share, Burst: limits.TokenBurst * share}, "this token"},
		{paced{p.Tenant, ""}, access.Pace{Rate: limits.Rate * share, Burst: 2 * limits.Rate * share}, "this tenant"},
	} {
		after, err := a.pacer.Wait(ctx, l.who, l.pace)
		switch {
		case err != nil:
			return err
		case after > 0:
			return &scim.Error{
				Status: http.StatusTooManyRequests, RetryAfter: after,
				Detail: "too many requests of " + l.whose + " in a short time; send them more slowly",
			}
		}
	}
	return nil
}

// paced is who has a pace: a token, or a whole tenant.
type paced struct {
	tenant store.Tenant
	token  string
}

// limits are the limits of a tenant with the defaults filled in; 0: none.
type limits struct{ Rate, TokenRate, TokenBurst float64 }

func (a *App) limitsOf(ctx context.Context, t store.Tenant) (l limits) {
	if t != store.Default {
		l = limits{TokenRate: tokenRate, TokenBurst: tokenBurst}
	}
	found, err := a.tenants.ByNumber(ctx, t)
	if err != nil {
		return l
	}
	s := found.Settings.Limits
	if s.Requests > 0 {
		l.Rate = s.Requests
	}
	if s.TokenRequests > 0 {
		l.TokenRate, l.TokenBurst = s.TokenRequests, 2*s.TokenRequests
	}
	if s.TokenBurst > 0 {
		l.TokenBurst = s.TokenBurst
	}
	return l
}

// addrOf returns the address of a request as its context has it.
func addrOf(q *request) netip.Addr {
	addr, err := netip.ParseAddr(q.Client)
	if err != nil {
		return netip.Addr{} // what cannot be read, as on a Unix socket, shares one count
	}
	return addr
}
