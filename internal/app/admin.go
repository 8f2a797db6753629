package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
)

// adminOptions are the services behind the command socket.
func (a *App) adminOptions() admin.Options {
	return admin.Options{
		Tenant:  store.Default,
		Tokens:  a.tokens,
		Feed:    a.feed,
		Targets: a.targets,
		Forget:  a.auth.Forget,
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
	return admin.Handler(admin.Options{
		Tenant: store.Default,
		Tokens: access.NewRegistry(db, time.Now, id.New),
		Feed:   feed.NewReader(db, store.Default, feed.Options{Schemas: directory.NewSet()}),
		Log:    slog.New(slog.DiscardHandler),
	}), db.Close, nil
}
