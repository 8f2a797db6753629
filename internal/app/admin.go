package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
)

// adminOptions are the services behind the command socket.
func (a *App) adminOptions() admin.Options {
	return admin.Options{
		Tenant:  store.Default,
		Tokens:  a.tokens,
		Schemas: a.schemas,
		Person:  a.directory().Person, // userName is defined alike in all generations
		Feed:    a.feed,
		Targets: a.targets,
		Forget:  a.auth.Forget,
		Uses:    a.uses.of,
		Log:     a.log,
	}
}

// Offline returns the command interface of a hub that does not run, and what closes it. The caller holds the
// directory's lock.
func Offline(ctx context.Context, dir datadir.Dir) (http.Handler, func() error, error) {
	db, err := sqlite.Open(ctx, dir.Database(), sqlite.Options{})
	if err != nil {
		return nil, nil, err
	}
	base := directory.New(db, directory.NewSet(), directory.Options{})
	registry, err := schemas.Open(ctx, db, base, schemas.Options{}, store.Default)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return admin.Handler(admin.Options{
		Tenant:  store.Default,
		Tokens:  access.NewRegistry(db, time.Now, id.New),
		Schemas: registry,
		Person:  registry.Directory(store.Default).Person,
		Feed:    feed.NewReader(db, store.Default, feed.Options{Schemas: registry.Of(store.Default).Set}),
		Log:     slog.New(slog.DiscardHandler),
	}), db.Close, nil
}
