package directory

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/telemetry"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// Options are the parts of a Directory that have a default.
type Options struct {
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// NewID makes the outside id of a new resource: random and never made twice (B04). Defaults to id.New.
	NewID func() string
	// Request finds the request that a context belongs to. Defaults to none.
	Request func(context.Context) telemetry.Request
	// Log is told about what was coped with, such as unknown members: ids, no names. Defaults to nothing.
	Log *slog.Logger
	// MaxEdges is how many members one request may name, and how large a group may be that a
	// request replaces or clears as a whole; 413 above it. Defaults to 50,000.
	MaxEdges int
}

// Directory makes decisions over a store under one generation of schemas. It is safe for concurrent use.
type Directory struct {
	store   store.Store
	kinds   []*kind
	opts    Options
	schemas Schemas

	mu      sync.RWMutex // guards callers
	callers map[Caller]map[string]server.Store
}

// maxCallers bounds the callers whose stores are kept: a service has few tokens that are in use.
const maxCallers = 1024

// New returns a Directory of the resource types of set, which should fold strings by Fold.
func New(st store.Store, set *schema.Set, o Options) *Directory {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = id.New
	}
	if o.Request == nil {
		o.Request = telemetry.RequestOf
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxEdges <= 0 {
		o.MaxEdges = 50_000
	}
	d := &Directory{store: st, opts: o}
	return d.With(Schemas{Set: set})
}

// Caller is who talks to the directory.
type Caller struct {
	Tenant store.Tenant
	Source store.Source
	Actor  string // id of the token, or the component that writes

	repair bool // puts back what was rejected
}

// Stores returns what the caller sees, by resource type. It is kept for the caller's next request: nobody alters it.
func (d *Directory) Stores(c Caller) map[string]server.Store {
	d.mu.RLock()
	stores := d.callers[c]
	d.mu.RUnlock()
	if stores != nil {
		return stores
	}
	stores = make(map[string]server.Store, len(d.kinds))
	for _, k := range d.kinds {
		stores[k.Name] = &resources{Caller: c, d: d, kind: k}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.callers == nil || len(d.callers) >= maxCallers {
		d.callers = make(map[Caller]map[string]server.Store)
	}
	d.callers[c] = stores
	return stores
}

// NewID returns an id for a resource that is about to be created: server.Service.NewID.
func (d *Directory) NewID() string { return d.opts.NewID() }

// kind returns the resource type of that name, or nil.
func (d *Directory) kind(name string) *kind {
	for _, k := range d.kinds {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// resources is the server.Store of one resource type for one caller.
type resources struct {
	Caller
	d    *Directory
	kind *kind
}

var (
	_ server.Store     = (*resources)(nil)
	_ server.Describer = (*resources)(nil)
)

// Features implements server.Describer.
func (s *resources) Features() server.Features {
	return server.Features{Versions: true, Sort: true, Cursors: true}
}

// precision is that of the times that are kept: what one answer shows, the next one shows too.
const precision = time.Millisecond

func (d *Directory) now() time.Time { return d.opts.Now().UTC().Truncate(precision) }

// later returns the time of a change to a resource that was last changed at: now, or that
// time if the clock went back.
func later(now, at time.Time) time.Time {
	if now.Before(at) {
		return at
	}
	return now
}
