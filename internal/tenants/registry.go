package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// Store is what a registry needs of a store.
type Store interface {
	store.Writer
	store.Tenants
	store.Purger
}

// Options are the parts of a Registry that have a default.
type Options struct {
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// TTL is how long an answer is given from memory, at most 5 s. Defaults to 3 s.
	TTL time.Duration
	// MaxCached bounds the answers that are remembered. Defaults to 20,000.
	MaxCached int
	// Gone is told that nothing of a tenant is left. Defaults to nobody.
	Gone func(store.Tenant)
	// Log takes what an operator should know. Defaults to nothing.
	Log *slog.Logger
}

// Tenant is a tenant as it was not long ago. It does not change.
type Tenant struct {
	store.TenantRecord
	Settings Settings
}

// Active reports whether the tenant answers requests and sends changes on.
func (t *Tenant) Active() bool { return t.State == store.TenantActive }

// Registry is the tenants of a hub. It is safe for concurrent use.
type Registry struct {
	store Store
	o     Options

	mu     sync.RWMutex // guards cached
	cached map[cacheKey]answer

	wake   chan struct{} // there may be a tenant to purge
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// cacheKey is one of name, host and number.
type cacheKey struct {
	name, host string
	number     store.Tenant
}

type answer struct {
	t     *Tenant // nil: there is none
	fresh time.Time
}

// New returns a registry.
func New(st Store, o Options) *Registry {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TTL <= 0 || o.TTL > 5*time.Second {
		o.TTL = 3 * time.Second
	}
	if o.MaxCached <= 0 {
		o.MaxCached = 20_000
	}
	if o.Gone == nil {
		o.Gone = func(store.Tenant) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Registry{store: st, o: o, cached: map[cacheKey]answer{}, wake: make(chan struct{}, 1)}
}

// ByName returns the tenant of that name, in whatever state, or store.ErrNotFound.
func (r *Registry) ByName(ctx context.Context, name string) (*Tenant, error) {
	if CheckForm(name) != nil {
		return nil, store.ErrNotFound
	}
	return r.find(cacheKey{name: name}, func() (store.TenantRecord, error) { return r.store.TenantByName(ctx, name) })
}

// ByHost returns the tenant that a host stands for, given as Host returns it, or store.ErrNotFound.
func (r *Registry) ByHost(ctx context.Context, host string) (*Tenant, error) {
	if host == "" {
		return nil, store.ErrNotFound
	}
	return r.find(cacheKey{host: host}, func() (store.TenantRecord, error) { return r.store.TenantByHost(ctx, host) })
}

// ByNumber returns a tenant by its number, or store.ErrNotFound.
func (r *Registry) ByNumber(ctx context.Context, t store.Tenant) (*Tenant, error) {
	return r.find(cacheKey{number: t}, func() (store.TenantRecord, error) { return r.store.Tenant(ctx, t) })
}

func (r *Registry) find(k cacheKey, read func() (store.TenantRecord, error)) (*Tenant, error) {
	now := r.o.Now()
	r.mu.RLock()
	a, known := r.cached[k]
	r.mu.RUnlock()
	if !known || !now.Before(a.fresh) {
		rec, err := read()
		a = answer{fresh: now.Add(r.o.TTL)}
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			if a.t, err = decode(rec); err != nil {
				return nil, err
			}
		}
		r.remember(k, a)
	}
	if a.t == nil {
		return nil, store.ErrNotFound
	}
	return a.t, nil
}

func decode(rec store.TenantRecord) (*Tenant, error) {
	s, err := Decode(rec.Settings)
	return &Tenant{rec, s}, err
}

// remember keeps an answer. A full cache loses any one of its others, which costs a look-up.
func (r *Registry) remember(k cacheKey, a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.cached[k]; !known && len(r.cached) >= r.o.MaxCached {
		for other := range r.cached {
			delete(r.cached, other)
			break
		}
	}
	r.cached[k] = a
}

// SourceName returns how to tell the name of a source of a tenant. It reads the names once, and again for a source that is new.
func (r *Registry) SourceName(t store.Tenant) func(store.Source) string {
	var mu sync.Mutex
	names := map[store.Source]string{}
	return func(s store.Source) string {
		mu.Lock()
		defer mu.Unlock()
		if name, ok := names[s]; ok {
			return name
		}
		all, err := r.store.Sources(context.Background(), t)
		if err == nil {
			for _, known := range all {
				names[known.Source] = known.Name
			}
		}
		if name, ok := names[s]; ok {
			return name
		}
		return fmt.Sprintf("source-%d", s) // one that is gone, or a database that does not answer
	}
}

// forget makes the next questions go to the store.
func (r *Registry) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.cached)
}
