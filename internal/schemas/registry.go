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
	store   Store
	opts    Options
	tenants map[store.Tenant]*tenant // fixed at Open

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

// Open reads the definitions of tenants. base is a Directory over the same store, of any schemas. What cannot be
// read or does not fit together is an error that says where; nothing is served without it.
func Open(ctx context.Context, st Store, base *directory.Directory, o Options, tenants ...store.Tenant) (*Registry, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{store: st, opts: o, tenants: map[store.Tenant]*tenant{}, wake: make(chan struct{}, 1)}
	for _, t := range tenants {
		g, err := read(ctx, st, base, t)
		if err != nil {
			return nil, fmt.Errorf("schemas of tenant %d: %w", t, err)
		}
		r.tenants[t] = &tenant{number: t}
		r.tenants[t].now.Store(g)
	}
	return r, nil
}

// Directory returns the directory of the generation in force. Whoever answers a request asks once and stays with it.
func (r *Registry) Directory(t store.Tenant) *directory.Directory { return r.tenants[t].now.Load().dir }

// Of returns the schemas of one tenant for those who follow them.
func (r *Registry) Of(t store.Tenant) Current { return Current{r.tenants[t]} }

// Current is the schemas of one tenant as they are whenever it is asked.
type Current struct{ t *tenant }

// Set returns the set in force.
func (c Current) Set() *schema.Set { return c.t.now.Load().dir.Set() }

// Document decodes the body of a resource by the schemas in force.
func (c Current) Document(row *store.Resource) (schema.Object, error) {
	return c.t.now.Load().dir.Document(row)
}

// tenant returns a tenant that Open has read.
func (r *Registry) tenant(t store.Tenant) (*tenant, error) {
	if found := r.tenants[t]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("tenant %d: %w", t, store.ErrNotFound)
}
