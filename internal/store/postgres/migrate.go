package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// oldest is the first version of the server that is supported.
const oldest = 140000

// migrate brings the database to the newest version. It only goes forward, and on one node at a time.
func migrate(ctx context.Context, config *pgx.ConnConfig) (err error) {
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(2) // the lock's, and that of the migration
	var version int
	if err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return translateError(err)
	}
	if version < oldest {
		return fmt.Errorf("the server is PostgreSQL %d.%d; 14 or later is needed", version/10000, version%10000)
	}
	var encoding string
	if err := db.QueryRowContext(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return translateError(err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the encoding of the database is %s; it has to be UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresTableLocker()
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true), goose.WithLocker(locker))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	known := p.ListSources()
	newest := known[len(known)-1].Version
	current, err := schemaVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", translateError(err))
	}
	switch {
	case current > newest:
		return fmt.Errorf("the database was written by a newer version: its schema is %d, this program knows %d", current, newest)
	case current == newest:
		return nil // as at nearly every start: no lock, no waiting for other nodes
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", translateError(err))
	}
	return nil
}

// schemaVersion returns the version of the schema; 0 where there is none yet.
func schemaVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('goose_db_version') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	return version, err
}
