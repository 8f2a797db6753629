package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the database to the newest version. It only goes forward.
func migrate(ctx context.Context, path string) (err error) {
	connector, err := sqlite.NewConnector(dsn(path))
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() {
		if e := db.Close(); err == nil {
			err = e
		}
	}()
	db.SetMaxOpenConns(1)
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	var foreign bool
	const others = "SELECT EXISTS (SELECT 1 FROM sqlite_schema) AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'goose_db_version')"
	if err := db.QueryRowContext(ctx, others).Scan(&foreign); err != nil {
		return translate(err)
	}
	if foreign { // the next call would write into it
		return errors.New("it is not a database of Muster: it has tables, and not the one that names their version")
	}
	known := p.ListSources()
	current, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", translate(err))
	}
	if newest := known[len(known)-1].Version; current > newest {
		return fmt.Errorf("the database was written by a newer version: its schema is %d, this program knows %d", current, newest)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", translate(err))
	}
	return nil
}
