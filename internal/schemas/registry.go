package schemas

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// Store is what the registry needs of a store.
type Store interface {
	store.Writer
	store.Reader
	store.Feed
	store.Schemas
	store.Tenants
}

// Options are the parts of a Registry that have a default.
type Options struct {
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// Log is told what an operator should know. Defaults to nothing.
	Log *slog.Logger
}

// Registry is the schemas of tenants. It is safe for concurrent use.
type Registry struct {
	store Store
	opts  Options
	base  *directory.Directory
	plain *generation // of every tenant that has never defined anything

	mu      sync.RWMutex // guards tenants
	tenants map[store.Tenant]*tenant

	wake   chan struct{} // there may be work
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// tenant is the schemas of one tenant.
type tenant struct {
	number  store.Tenant
	changes sync.Mutex // held while a generation is made: one at a time
	now     atomic.Pointer[generation]
}

// Open returns a registry. A tenant's definitions are read when somebody asks for them first; those of the tenants named
// here at once. base is a Directory over the same store, of any schemas. What cannot be read or does not fit together is
// an error that says where; nothing is served without it.
func Open(ctx context.Context, st Store, base *directory.Directory, o Options, tenants ...store.Tenant) (*Registry, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{store: st, opts: o, base: base, tenants: map[store.Tenant]*tenant{}, wake: make(chan struct{}, 1)}
	r.plain = &generation{number: 1, defs: &schema.Definitions{}}
	if err := r.plain.build(base); err != nil {
		return nil, err
	}
	for _, t := range tenants {
		if _, err := r.tenant(ctx, t); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Directory returns the directory of the generation in force. Whoever answers a request asks once and stays with it.
func (r *Registry) Directory(ctx context.Context, t store.Tenant) (*directory.Directory, error) {
	found, err := r.tenant(ctx, t)
	if err != nil {
		return nil, err
	}
	return found.now.Load().dir, nil
}

// Of returns the schemas of one tenant for those who follow them.
func (r *Registry) Of(ctx context.Context, t store.Tenant) (Current, error) {
	found, err := r.tenant(ctx, t)
	return Current{found}, err
}

// Current is the schemas of one tenant as they are whenever it is asked.
type Current struct{ t *tenant }

// Set returns the set in force.
func (c Current) Set() *schema.Set { return c.t.now.Load().dir.Set() }

// Document decodes the body of a resource by the schemas in force.
func (c Current) Document(row *store.Resource) (schema.Object, error) {
	return c.t.now.Load().dir.Document(row)
}

// Forget drops what is known of a tenant that is gone.
func (r *Registry) Forget(t store.Tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tenants, t)
}

// tenant returns a tenant, which is read if nobody has asked for it yet.
func (r *Registry) tenant(ctx context.Context, t store.Tenant) (*tenant, error) {
	r.mu.RLock()
	found := r.tenants[t]
	r.mu.RUnlock()
	if found != nil {
		return found, nil
	}
	g, err := r.read(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("schemas of tenant %d: %w", t, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if found = r.tenants[t]; found == nil { // else somebody else was faster, and may have changed them since
		found = &tenant{number: t}
		found.now.Store(g)
		r.tenants[t] = found
	}
	return found, nil
}
