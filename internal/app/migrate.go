package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/store/postgres"
	"github.com/muster-id/muster/internal/store/relational"
	"github.com/muster-id/muster/internal/store/sqlite"
)

// Migrate copies a hub from one database to another one, which is empty, and returns how many rows it has. tell is told how
// far it is.
func Migrate(ctx context.Context, from, to string, tell func(table string, rows, total int64)) (total int64, err error) {
	a, closeA, err := openURL(ctx, from, true)
	if err != nil {
		return 0, fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, closeA()) }()
	b, closeB, err := openURL(ctx, to, false)
	if err != nil {
		return 0, fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, closeB()) }()
	return a.Copy(ctx, b, func(c relational.Copied) { tell(c.Table, c.Rows, c.Total) })
}

// openURL opens the database that a URL names, and what closes it. Nobody else has a data directory meanwhile.
func openURL(ctx context.Context, text string, existing bool) (*relational.DB, func() error, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "sqlite" && u.Scheme != "postgres" && u.Scheme != "postgresql":
		return nil, nil, errors.New("a database is sqlite://DIRECTORY or postgres://user@host/name") // without the URL, which may hold a password
	case u.Scheme != "sqlite":
		db, err := postgres.Open(ctx, text, relational.Options{})
		if err != nil {
			return nil, nil, err
		}
		return db, db.Close, nil
	}
	path := strings.TrimPrefix(text, "sqlite://")
	open := datadir.Open
	if existing {
		open = datadir.Existing
	}
	dir, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	release, err := dir.Lock()
	if err != nil {
		return nil, nil, err
	}
	db, err := sqlite.Open(ctx, dir.Database(), relational.Options{})
	if err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return db, func() error { return errors.Join(db.Close(), release()) }, nil
}
