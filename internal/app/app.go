// Package app wires a hub together: New opens it, Start serves it, Stop drains it. It
// holds no logic of its own; what a part does is in its package.
//
//	listener ── request id, log, metrics ── scim/server ── schemas ── directory ── store
//	socket ──── admin ───────────────────────────────────── access, feed, schemas
//	            walkers, one a target ────────────────────── feed, store
//	            sweeper ──────────────────────────────────── store
//
// Several hubs may live in one process: nothing here is global.
package app

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/config"
	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/guard"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/nodes"
	"github.com/muster-id/muster/internal/oauth"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/internal/target"
	"github.com/muster-id/muster/internal/targets"
	"github.com/muster-id/muster/internal/telemetry"
	"github.com/muster-id/muster/internal/tenants"
	"github.com/muster-id/muster/internal/transport"
	"github.com/muster-id/muster/internal/vault"
	"github.com/muster-id/muster/internal/version"
	"github.com/muster-id/muster/scim/server"
)

// Where a hub is unless it is told otherwise.
const (
	DefaultData   = "./muster-data"
	DefaultListen = "127.0.0.1:8080"
)

// The paths below which SCIM is served: 2.0, and 1.1 for old clients.
const (
	Prefix  = "/scim/v2"
	Prefix1 = "/scim/v1"

	// Without a version the newest is meant (RFC 7644 §3.13).
	unversioned = "/scim"
)

// defaultTenant is the tenant that exists from the start.
const defaultTenant = "default"

// Options are the properties of a hub.
type Options struct {
	// Data is the data directory. Defaults to DefaultData.
	Data string
	// Database is the URL of a PostgreSQL database. Defaults to the embedded database in Data.
	Database string
	// Listen is the address of the SCIM listener. Defaults to DefaultListen.
	Listen string
	// MetricsListen is the address of the metrics listener. Defaults to none.
	MetricsListen string
	// BaseURL is how clients reach the listener, without path. Defaults to http:// and the address.
	BaseURL string
	// DrainDelay is how long Drain goes on to serve after it has said that the hub is not ready. Defaults to not at all.
	DrainDelay time.Duration
	// TLS is how the SCIM listener is encrypted. Defaults to not at all.
	TLS TLS
	// TrustedProxies are the addresses of proxies that say who their clients are. Defaults to nobody.
	TrustedProxies []string
	// Connections are how many there may be on the SCIM listener. Defaults to those of transport.Limits.
	Connections transport.Limits
	// Limits bounds requests. Defaults to those of server.Limits.
	Limits server.Limits
	// MaxAuthFailures is how many failed authentications one address has in a minute. Defaults to 30.
	MaxAuthFailures int
	// Keyring is where the keys that seal secrets are. Defaults to a file in the data directory.
	Keyring Keyring
	// NoAudit leaves out the audit, and the sealing of documents with it. It is for measuring what they cost.
	NoAudit bool
	// NoAccess takes every request, whoever it is from, as one of the first source of the default tenant. It is for measuring
	// what authentication and tenants cost, and nothing that a user can say sets it.
	NoAccess bool
	// Outbound are the rules for dialling out.
	Outbound outbound.Options
	// Targets are the systems downstream.
	Targets []Target
	// Log takes what an operator should know. Defaults to nothing.
	Log *slog.Logger
}

// Target is a configured target.
type Target struct {
	Name        string
	Tenant      string // whose changes it gets. Defaults to the default tenant
	Kind        string
	Settings    target.Settings
	Start       delivery.Beginning
	Concurrency int
}

// App is a hub.
type App struct {
	o       Options
	log     *slog.Logger
	metrics *telemetry.Metrics
	store   store.Store
	schemas *schemas.Registry
	tenants *tenants.Registry
	nodes   *nodes.Keeper
	auth    *access.Authenticator
	tokens  *access.Registry
	usage   *access.Usage
	oauth   *oauth.Service
	pacer   *access.Pacer[paced]
	jobs    *server.Jobs
	socket  string
	walkers []walker         // of configured targets
	stored  *targets.Manager // of the database

	self          selfSchemas // of people with a token of their own
	vault         *vault.Vault
	cursorKey     []byte
	checkpointKey ed25519.PrivateKey
	documents     *audit.Documents
	audit         *audit.Log
	guard         *guard.Guard

	listeners []listener
	root      string // URL of the listener, without path
	base      string // SCIM base URL of the default tenant
	proxies   transport.Proxies
	encrypted bool // clients speak TLS, with us or with what is in front
	door      *transport.Listener
	certs     *transport.Certificates // nil: none from files
	host      string                  // of root
	first     secret.String
	ready     atomic.Bool
	draining  atomic.Bool
	uses      uses
	failed    chan error // of a listener that ended by itself

	stopOnce sync.Once
	stopErr  error
	undo     []cleanup // what Stop does, last first
}

// listener is an address and who answers there.
type listener struct {
	name string
	net.Listener
	handler func() http.Handler
	tls     *tls.Config // nil: plain HTTP
}

type walker struct {
	nodes.Walker
	name, tenant, kind string
	number             store.Tenant
}

// cleanup is one step of Stop.
type cleanup struct {
	name string
	do   func(context.Context) error
}

func (a *App) onStop(name string, do func(context.Context) error) {
	a.undo = append(a.undo, cleanup{name, do})
}

// New opens a hub: it takes the data directory, opens the database and the listeners and makes
// the targets. Nothing runs before Start, but for the database's writer. A hub that New returned has to be stopped.
func New(ctx context.Context, o Options) (_ *App, err error) {
	if o.Data == "" {
		o.Data = DefaultData
	}
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Outbound.Version = version.Get().Version
	a := &App{o: o, log: o.Log, metrics: telemetry.NewMetrics(), failed: make(chan error, 3)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
		}
	}()
	for _, open := range []func(context.Context) error{a.openStore, a.openVault, a.openServices, a.openListeners, a.openTargets} {
		if err := open(ctx); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *App) openStore(ctx context.Context) error {
	dir, err := datadir.Open(a.o.Data)
	if err != nil {
		return err
	}
	release, err := dir.Lock()
	if err != nil {
		return err
	}
	a.onStop("release data directory", func(context.Context) error { return release() })
	if a.socket, err = dir.PrepareSocket(); err != nil {
		return err
	}
	a.documents = &audit.Documents{}
	var sealer store.Sealer = a.documents
	if a.o.NoAudit {
		sealer = nil
	}
	db, err := openDatabase(ctx, dir, a.o.Database, sqlite.Options{
		Sealer: sealer, NoAudit: a.o.NoAudit, Guard: a.guardLimits,
		Logger:  a.log,
		Observe: func(b sqlite.Batch) { a.metrics.Commit(b.Ops, b.Took) },
	})
	if err != nil {
		return err
	}
	a.store = db
	a.onStop("close database", func(context.Context) error { return db.Close() })
	return nil
}

func (a *App) openServices(ctx context.Context) error {
	dir := directory.New(a.store, directory.NewSet(), directory.Options{
		Request:  telemetry.RequestOf,
		Log:      a.log,
		MaxEdges: a.o.Limits.Edges,
	})
	var err error
	if a.schemas, err = schemas.Open(ctx, a.store, dir, schemas.Options{Log: a.log}, store.Default); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	a.nodes = nodes.New(a.store, store.Node{ID: id.New(), Name: host, Address: a.o.Listen, Version: version.Get().Version}, a.log)
	a.onStop("take leave of the other nodes", a.nodes.Stop)
	a.audit = audit.New(a.store, audit.Options{Key: a.checkpointKey, Keep: a.keepAudit, Log: a.log})
	a.guard = guard.New(a.store, guard.Options{Directory: a.schemas.Directory, Wake: a.wake, Log: a.log})
	a.tokens = access.NewRegistry(a.store, time.Now, id.New)
	a.usage = access.NewUsage(a.store, time.Now, a.log)
	a.pacer = access.NewPacer[paced](time.Now, queued)
	a.auth = access.New(a.tokens.Lookup, time.Now, access.Options{MaxFailures: a.o.MaxAuthFailures, Others: a.foreign})
	if err := a.openOAuth(); err != nil {
		return err
	}
	a.tenants = tenants.New(a.store, tenants.Options{Log: a.log, Gone: a.schemas.Forget})
	a.jobs = server.NewJobs(server.JobOptions{})
	a.onStop("finish asynchronous requests", a.jobs.Stop)
	return nil
}

// makeFirstToken makes a token for a hub that has none. It comes after everything that can fail at a start, for nobody
// would see the token of a hub that did not start.
func (a *App) makeFirstToken(ctx context.Context) error {
	all, err := a.tokens.List(ctx, store.Default)
	if err != nil || len(all) > 0 {
		return err
	}
	a.first, _, err = a.tokens.Create(ctx, store.Default, access.Spec{Name: "first"})
	return err
}

// openListeners takes the addresses; they are served from Start on.
func (a *App) openListeners(ctx context.Context) error {
	scim, err := a.listen(ctx, "tcp", a.o.Listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	if a.proxies, err = transport.ParseProxies(a.o.TrustedProxies); err != nil {
		return fmt.Errorf("trusted proxies: %w", err)
	}
	encryption, err := a.openTLS() //nolint:contextcheck // what a handshake is told comes long after
	if err != nil {
		return err
	}
	base := a.o.BaseURL
	if base == "" {
		base = config.BaseURL(scim.Addr().String())
		if encryption != nil {
			base = "https" + strings.TrimPrefix(base, "http")
		}
	}
	a.encrypted = encryption != nil || strings.HasPrefix(base, "https:")
	a.door = transport.Limit(scim, a.o.Connections, a.proxies)
	a.root = strings.TrimSuffix(base, "/")
	a.base = a.root + Prefix
	if u, err := url.Parse(a.root); err == nil {
		a.host = tenants.Host(u.Host)
	}

	command, err := a.listen(ctx, "unix", a.socket)
	if err != nil {
		return fmt.Errorf("command socket: %w", err)
	}
	a.listeners = []listener{
		{name: "command", Listener: command, handler: func() http.Handler { return admin.Handler(a.adminOptions()) }},
	}
	if a.o.MetricsListen != "" {
		metrics, err := a.listen(ctx, "tcp", a.o.MetricsListen)
		if err != nil {
			return fmt.Errorf("metrics: %w; choose another address with --metrics, or \"\" for none", err)
		}
		a.listeners = append(a.listeners, listener{name: "metrics", Listener: metrics, handler: a.metricsHandler})
	}
	// The last one is the first that Stop stops.
	a.listeners = append(a.listeners, listener{"SCIM", a.door, a.handler, encryption})
	return nil
}

func (a *App) listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	a.onStop("close listener", func(context.Context) error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) { // closed already by whoever served it
			return err
		}
		return nil
	})
	return l, nil
}

// Start serves. It returns once requests are answered and changes are on their way.
func (a *App) Start(ctx context.Context) error {
	if err := a.nodes.Start(ctx); err != nil {
		return fmt.Errorf("join the other nodes: %w", err)
	}
	for _, w := range a.walkers {
		if err := w.Start(ctx); err != nil {
			return fmt.Errorf("start target %s: %w", w.name, err)
		}
	}
	a.stored.Start() //nolint:contextcheck // ends with Stop, not with the start
	a.onStop("stop the targets of the database", a.stored.Stop)
	sweep := directory.NewSweeper(a.store, a.log)
	sweep.Start() //nolint:contextcheck // ends with Stop, not with the start
	a.onStop("stop sweeper", func(context.Context) error { sweep.Stop(); return nil })
	a.schemas.Start() //nolint:contextcheck // as above
	a.onStop("stop indexing", func(context.Context) error { a.schemas.Stop(); return nil })
	a.audit.Start() //nolint:contextcheck // as above
	a.onStop("write the audit", a.audit.Stop)
	a.watchCertificates() //nolint:contextcheck // as above
	a.usage.Start()       //nolint:contextcheck // as above
	a.onStop("note the use of tokens", a.usage.Stop)
	a.tenants.Start() //nolint:contextcheck // as above
	a.onStop("stop purging tenants", func(context.Context) error { a.tenants.Stop(); return nil })
	if err := a.guard.Resume(ctx); err != nil {
		return fmt.Errorf("end what was rejected: %w", err)
	}
	if err := a.makeFirstToken(ctx); err != nil {
		return err
	}
	for _, l := range a.listeners {
		a.serve(l) //nolint:contextcheck // as above
	}
	a.ready.Store(true)
	a.log.InfoContext(ctx, "hub started", "version", version.Get().Version, "data", a.o.Data, "listen", a.door.Addr().String(), "base", a.base, "targets", len(a.walkers))
	return nil
}

// Failed is told when a listener ends by itself, which nothing but Stop can mend.
func (a *App) Failed() <-chan error { return a.failed }

// Drain says that the hub is not ready and goes on to answer for the drain delay, or until ctx ends: a load balancer needs a
// few probes to see it. Clients that keep connections are asked with each answer to take others. Stop comes next.
func (a *App) Drain(ctx context.Context) {
	a.draining.Store(true)
	a.ready.Store(false)
	if a.o.DrainDelay <= 0 {
		return
	}
	a.log.LogAttrs(ctx, slog.LevelInfo, "draining: not ready any more, requests are still answered", slog.Duration("delay", a.o.DrainDelay))
	t := time.NewTimer(a.o.DrainDelay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case err := <-a.failed: // there is nobody left to answer
		a.failed <- err
	}
}

// Stop ends the hub: it says that it is not ready, lets requests and deliveries that have begun come to their end until ctx
// does, writes the cursors and closes everything in the reverse order of its opening. It may be called again.
func (a *App) Stop(ctx context.Context) error {
	a.stopOnce.Do(func() {
		a.ready.Store(false)
		var errs []error
		for _, c := range slices.Backward(a.undo) {
			if err := c.do(ctx); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
			}
		}
		a.stopErr = errors.Join(errs...)
	})
	return a.stopErr
}

// MetricsURL returns where the figures are; empty if they are not served.
func (a *App) MetricsURL() string {
	for _, l := range a.listeners {
		if l.name == "metrics" {
			return config.BaseURL(l.Addr().String()) + "/metrics"
		}
	}
	return ""
}

// Base returns the SCIM base URL.
func (a *App) Base() string { return a.base }

// FirstToken returns the token that Start made because the hub had none. It is shown once.
func (a *App) FirstToken() (secret.String, bool) { return a.first, a.first != secret.String{} }

// Feed returns a reader of the changes of the default tenant.
func (a *App) Feed(ctx context.Context) *feed.Reader {
	current, err := a.schemas.Of(ctx, store.Default)
	if err != nil {
		return feed.NewReader(a.store, store.Default, feed.Options{})
	}
	return feed.NewReader(a.store, store.Default, feed.Options{Schemas: current.Set})
}
