package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/postgres"
	"github.com/muster-id/muster/internal/store/relational"
	"github.com/muster-id/muster/internal/store/sqlite"
)

// How long it is waited between two tries to open a database whose server is not there.
const (
	firstWait = 500 * time.Millisecond
	lastWait  = 10 * time.Second
)

// openDatabase opens the database of a hub: the server's that the URL names, or the embedded one. It waits for a server that
// is not there until ctx ends, as long as nothing else is wrong: after a power cut everything starts at the same time.
func openDatabase(ctx context.Context, dir datadir.Dir, url string, o relational.Options) (*relational.DB, error) {
	if url == "" {
		return sqlite.Open(ctx, dir.Database(), o)
	}
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		db, err := postgres.Open(ctx, url, o)
		if !errors.Is(err, store.ErrUnavailable) {
			return db, err
		}
		o.Logger.LogAttrs(ctx, slog.LevelWarn, "the database server cannot be reached; the hub is not ready and tries again", slog.Duration("wait", wait), slog.Any("err", err))
		next := time.NewTimer(wait)
		select {
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
			return nil, fmt.Errorf("%w; it was tried until the end", err)
		}
	}
}

// openOffline opens the database of a hub that does not run, once.
func openOffline(ctx context.Context, dir datadir.Dir, url string, o relational.Options) (*relational.DB, error) {
	if url != "" {
		return postgres.Open(ctx, url, o)
	}
	if _, err := os.Stat(dir.Database()); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no embedded database: if the hub's is on a server, name it in MUSTER_DATABASE_URL", dir.Path())
	}
	return sqlite.Open(ctx, dir.Database(), o)
}
