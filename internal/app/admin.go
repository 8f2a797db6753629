package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/guard"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/nodes"
	"github.com/muster-id/muster/internal/oauth"
	"github.com/muster-id/muster/internal/report"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/internal/tenants"
	"github.com/muster-id/muster/internal/verify"
)

// adminOptions are the services behind the command socket.
func (a *App) adminOptions() admin.Options {
	o := commands(a.store, a.schemas, a.audit, a.oauth)
	o.Tenants, o.Tokens, o.Guard = a.tenants, a.tokens, a.guard
	o.Stored, o.Vault = a.stored, a.vault
	o.Nodes = a.nodes.List
	o.Targets, o.Forget, o.Uses, o.Log = a.targets, a.auth.Forget, a.uses.of, a.log
	return o
}

// commands are the services that need no hub that runs.
func commands(db store.Store, registry *schemas.Registry, log *audit.Log, keeper *oauth.Service) admin.Options {
	registered := tenants.New(db, tenants.Options{})
	open := func(ctx context.Context, t store.Tenant) (*feed.Reader, error) {
		current, err := registry.Of(ctx, t)
		if err != nil {
			return nil, err
		}
		return feed.NewReader(db, t, feed.Options{Schemas: current.Set, SourceName: registered.SourceName(t)}), nil //nolint:contextcheck // names are asked for long after
	}
	return admin.Options{
		Nodes: db.Nodes,
		Verify: func(ctx context.Context, tell func(verify.Event) error) (verify.Checked, error) {
			return verify.Run(ctx, db, verify.Options{Directory: registry.Directory, Audit: log, Tell: tell})
		},
		OAuth:   keeper,
		Guard:   guard.New(db, guard.Options{Directory: registry.Directory}),
		Rows:    db.ByNum,
		Tenants: registered,
		Tokens:  access.NewRegistry(db, time.Now, id.New),
		Audit:   log,
		Schemas: registry,
		Stats:   db.Stats,
		Person: func(ctx context.Context, t store.Tenant, name string) (string, error) {
			dir, err := registry.Directory(ctx, t) // userName is defined alike in all generations
			if err != nil {
				return "", err
			}
			return dir.Person(ctx, t, name)
		},
		Feed:   open,
		Report: report.New(db, log, open),
		Log:    slog.New(slog.DiscardHandler),
	}
}

// Offline returns the command interface of a hub that does not run, and what closes it. The caller holds the
// directory's lock. The database is as in Options.
func Offline(ctx context.Context, dir datadir.Dir, database string) (http.Handler, func() error, error) {
	a := &App{documents: &audit.Documents{}, log: slog.New(slog.DiscardHandler), o: Options{Data: dir.Path()}}
	db, err := openOffline(ctx, dir, database, sqlite.Options{Sealer: a.documents})
	if err != nil {
		return nil, nil, err
	}
	a.store = db
	if err := a.openVault(ctx); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	base := directory.New(db, directory.NewSet(), directory.Options{})
	registry, err := schemas.Open(ctx, db, base, schemas.Options{})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	a.schemas, a.tenants = registry, tenants.New(db, tenants.Options{})
	a.nodes = nodes.New(db, store.Node{}, a.log)
	o := commands(db, registry, audit.New(db, audit.Options{Key: a.checkpointKey}), oauth.New(db, a.vault, oauth.Options{NewID: id.New}))
	o.Stored, o.Vault = a.targetManager(), a.vault
	return admin.Handler(o), db.Close, nil
}
