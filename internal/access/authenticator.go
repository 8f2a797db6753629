package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// maxTTL is the promise of A10: a revoked token works at most this long.
const maxTTL = 5 * time.Second

// ErrUnknownToken is what a [LookupFunc] returns for a hash it does not have.
var ErrUnknownToken = errors.New("unknown token")

// A LookupFunc finds the token of a hash: its principal, [ErrUnknownToken] if there
// is none or it was revoked, any other error if that cannot be told.
type LookupFunc func(ctx context.Context, hash Hash) (Principal, error)

// Options are the limits of an [Authenticator].
type Options struct {
	// CacheTTL is how long an accepted token is taken without a look-up, at most
	// 5 s. Defaults to 3 s.
	CacheTTL time.Duration
	// Others authenticates what does not have the form of a token of ours, such as a JWT of an issuer: [ErrUnknownToken] if it
	// is not taken, any other error if that cannot be told. Defaults to nobody.
	Others func(ctx context.Context, token string, t store.Tenant, certificate string) (Principal, error)
	// MaxCached bounds the remembered tokens. Defaults to 10,000.
	MaxCached int
	// MaxFailures is how many failed authentications one address has in a minute.
	// Defaults to 30.
	MaxFailures int
	// MaxAddresses bounds the addresses that are counted by themselves in one
	// minute; those beyond share one count. Defaults to 10,000.
	MaxAddresses int
}

// An Authenticator tells who a request is from. It starts no goroutine and is safe
// for concurrent use.
type Authenticator struct {
	lookup   LookupFunc
	now      func() time.Time
	ttl      time.Duration
	max      int
	failures *limiter
	others   func(ctx context.Context, token string, t store.Tenant, certificate string) (Principal, error)

	mu     sync.RWMutex
	cached map[Hash]entry
}

// An entry is a token that was accepted. Once it is stale it is looked up again,
// but stays: it marks the token as one that worked, which no limit stops.
type entry struct {
	principal Principal
	fresh     time.Time // until then no look-up is needed
}

// New returns an authenticator that asks lookup, with the time that now tells.
func New(lookup LookupFunc, now func() time.Time, o Options) *Authenticator {
	if o.CacheTTL <= 0 {
		o.CacheTTL = 3 * time.Second
	}
	if o.MaxCached <= 0 {
		o.MaxCached = 10_000
	}
	if o.MaxFailures <= 0 {
		o.MaxFailures = 30
	}
	if o.MaxAddresses <= 0 {
		o.MaxAddresses = 10_000
	}
	return &Authenticator{
		lookup:   lookup,
		others:   o.Others,
		now:      now,
		ttl:      min(o.CacheTTL, maxTTL),
		max:      o.MaxCached,
		failures: newLimiter(o.MaxFailures, o.MaxAddresses),
		cached:   make(map[Hash]entry),
	}
}

// NoTenant is the number of no tenant: whoever asks for one that does not exist, or that does not answer at the moment, goes
// the way of all others and is refused like them (B02).
const NoTenant store.Tenant = -1

// Request authenticates a request from addr to a tenant by its Authorization header and nothing else.
// The error is an [*Error]. Who the client is behind a proxy is not told by headers that anybody can
// write (A19): the caller has looked. What has no address shares one count. certificate is the thumbprint of that which the client
// has shown; empty: none.
func (a *Authenticator) Request(r *http.Request, t store.Tenant, addr netip.Addr, certificate string) (Principal, error) {
	token, err := bearer(r)
	if err != nil {
		return Principal{}, err
	}
	return a.present(r.Context(), token, addr, t, certificate)
}

// Token authenticates a token that came from addr and is used at a tenant. The error is an [*Error].
func (a *Authenticator) Token(ctx context.Context, token string, addr netip.Addr, t store.Tenant) (Principal, error) {
	return a.present(ctx, token, addr, t, "")
}

// Failed counts a failed authentication of an address that happened elsewhere, and returns the answer to it.
func (a *Authenticator) Failed(addr netip.Addr, reason Reason) error {
	return a.failed(addr, a.now(), reason)
}

// Blocked returns the answer to an address that has failed too often, or nil.
func (a *Authenticator) Blocked(addr netip.Addr) error {
	if wait := a.failures.wait(addr, a.now()); wait > 0 {
		return limited(wait)
	}
	return nil
}

func (a *Authenticator) present(ctx context.Context, token string, addr netip.Addr, t store.Tenant, certificate string) (Principal, error) {
	now := a.now()
	ours := WellFormed(token)
	if !ours && a.others == nil {
		return Principal{}, a.failed(addr, now, ReasonMalformed)
	}
	hash := HashToken(token)
	a.mu.RLock()
	known, worked := a.cached[hash]
	a.mu.RUnlock()
	if worked && now.Before(known.fresh) && valid(known.principal, now) && known.principal.Tenant == t &&
		allowed(known.principal, addr) && holds(known.principal, certificate) {
		return known.principal, nil
	}
	if wait := a.failures.wait(addr, now); wait > 0 && !worked {
		return Principal{}, limited(wait)
	}

	p, err := a.find(ctx, ours, token, hash, t, certificate)
	switch {
	case errors.Is(err, ErrUnknownToken), err == nil && subtle.ConstantTimeCompare(p.Hash[:], hash[:]) != 1:
		a.Forget(hash)
		return Principal{}, a.failed(addr, now, ReasonUnknown)
	case err != nil:
		return Principal{}, &Error{Status: http.StatusServiceUnavailable, Reason: ReasonUnavailable, RetryAfter: time.Second, Err: err}
	case p.Tenant != t:
		// As if there were no such token: nobody learns at which tenant it works.
		return Principal{}, a.failed(addr, now, ReasonTenant)
	case !holds(p, certificate):
		return Principal{}, a.failed(addr, now, ReasonCertificate)
	case !allowed(p, addr):
		return Principal{}, a.failed(addr, now, ReasonAddress)
	case !valid(p, now):
		a.Forget(hash)
		return Principal{}, a.failed(addr, now, ReasonExpired)
	}
	a.remember(hash, entry{principal: p, fresh: now.Add(a.ttl)})
	return p, nil
}

// find returns whom a token speaks for.
func (a *Authenticator) find(ctx context.Context, ours bool, token string, hash Hash, t store.Tenant, certificate string) (Principal, error) {
	if ours {
		return a.lookup(ctx, hash)
	}
	p, err := a.others(ctx, token, t, certificate)
	p.Hash = hash // it was verified as a whole
	return p, err
}

// holds reports whether whoever shows a token has the certificate that it is bound to.
func holds(p Principal, certificate string) bool {
	return p.Certificate == "" || subtle.ConstantTimeCompare([]byte(p.Certificate), []byte(certificate)) == 1
}

// Forget makes the next use of a token ask the store, for whoever has just revoked
// it in this process.
func (a *Authenticator) Forget(hash Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.cached, hash)
}

// failed counts a failure and returns the answer to it: 401, or 429 if it was one
// too many. All failures look the same.
func (a *Authenticator) failed(addr netip.Addr, now time.Time, reason Reason) error {
	if wait := a.failures.fail(addr, now); wait > 0 {
		return limited(wait)
	}
	return &Error{Status: http.StatusUnauthorized, Reason: reason}
}

func limited(wait time.Duration) error {
	return &Error{Status: http.StatusTooManyRequests, Reason: ReasonLimited, RetryAfter: max(wait, time.Second)}
}

// remember keeps an accepted token. A full cache loses any one of its entries,
// which costs that token a look-up.
func (a *Authenticator) remember(hash Hash, e entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.cached[hash]; !known && len(a.cached) >= a.max {
		for other := range a.cached {
			delete(a.cached, other)
			break
		}
	}
	a.cached[hash] = e
}

// allowed reports whether a token may be used from an address.
func allowed(p Principal, addr netip.Addr) bool {
	return len(p.Allow) == 0 || slices.ContainsFunc(p.Allow, func(n netip.Prefix) bool { return n.Contains(addr.Unmap()) })
}

func valid(p Principal, now time.Time) bool { return p.Expires.IsZero() || now.Before(p.Expires) }
