package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

// Options are the parts of a store that have a default. Readers, the connections that read, default to 8.
type Options = relational.Options

// sessions is how many batches of different tenants run at the same time.
const sessions = 4

// connectTime is how long a connection may take, unless the URL says otherwise (connect_timeout).
const connectTime = 2 * time.Second

// readTime bounds a read that has no end of its own.
const readTime = 30 * time.Second

// engine is a relational.Engine in a PostgreSQL database.
type engine struct {
	log     *slog.Logger
	config  *pgx.ConnConfig
	pool    *pgxpool.Pool
	dialect dialect
	young   young

	mu     sync.Mutex
	tables []relational.Table
}

// Open opens the store in the database that a URL names, such as postgres://muster@db.example.com/muster, and brings it to
// the newest schema. It needs PostgreSQL 14 or later. It starts the goroutines of the writer; Close stops them.
//
// The error is store.ErrUnavailable if the server cannot be reached; then it is worth trying again.
func Open(ctx context.Context, url string, o Options) (*relational.DB, error) {
	e, err := openEngine(ctx, url, o.Defaults())
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db, err := relational.New(ctx, e, o)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}

func openEngine(ctx context.Context, url string, o Options) (*engine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err // it hides the password
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "muster"
	}
	if o.Readers <= 0 {
		o.Readers = 8
	}
	config.MaxConns = int32(min(o.Readers, 1000))
	config.AfterConnect = settle
	e := &engine{log: o.Logger, config: config.ConnConfig.Copy()}
	if err := migrate(ctx, e.config.Copy()); err != nil {
		return nil, err
	}
	if e.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, translateError(err)
	}
	e.young.pool, e.young.log = e.pool, e.log
	if err := errors.Join(e.warn(ctx), e.young.begin(ctx)); err != nil {
		e.pool.Close()
		return nil, translateError(err)
	}
	return e, nil
}

// settings make the planner do what the statements were written for: joins in their order, by index, planned once. A server
// that does not know one of them does without. An acknowledged write is on the disk whatever the server's default is.
const settings = `SELECT count(set_config(s.name, v.value, false)) FROM (VALUES
	('jit', 'off'), ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'),
	('join_collapse_limit', '1'), ('from_collapse_limit', '1'), ('plan_cache_mode', 'force_generic_plan'),
	('lock_timeout', '10s'), ('idle_in_transaction_session_timeout', '10s'), ('synchronous_commit', 'on')
) v (name, value) JOIN pg_settings s ON s.name = v.name
WHERE v.name <> 'synchronous_commit' OR s.setting = 'off'`

func settle(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, settings)
	return err
}

// connect opens a connection that belongs to a session.
func (e *engine) connect(ctx context.Context) (*pgx.Conn, error) {
	c, err := pgx.ConnectConfig(ctx, e.config.Copy())
	if err != nil {
		return nil, translateError(err)
	}
	if err := settle(ctx, c); err != nil {
		return nil, errors.Join(translateError(err), c.Close(ctx))
	}
	return c, nil
}

// warn tells of a server that does not keep what it has acknowledged.
func (e *engine) warn(ctx context.Context) error {
	return e.Read(ctx, func(c relational.Conn) error {
		_, err := c.One(func(r relational.Row) {
			if r.Text(0) == "off" {
				e.log.LogAttrs(ctx, slog.LevelWarn, "the database server runs with fsync = off: a crash of its machine loses what was acknowledged")
			}
		}, "SELECT setting FROM pg_settings WHERE name = 'fsync'")
		return err
	})
}

// Traits implements relational.Engine.
func (e *engine) Traits() relational.Traits {
	return relational.Traits{Sessions: sessions, Shared: true, Lock: " FOR UPDATE"}
}

// Read implements relational.Engine. A connection that turns out to be lost before it gave any row is replaced once: the
// server may have been started anew.
func (e *engine) Read(ctx context.Context, f func(relational.Conn) error) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readTime)
		defer cancel()
	}
	again, err := e.read(ctx, f)
	if again {
		_, err = e.read(ctx, f)
	}
	if errors.Is(err, errLost) {
		err = fmt.Errorf("%w (%w)", store.ErrUnavailable, err)
	}
	return err
}

func (e *engine) read(ctx context.Context, f func(relational.Conn) error) (again bool, err error) {
	c, err := e.pool.Acquire(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		return false, translateError(err)
	}
	defer c.Release()
	one := &conn{ctx: ctx, pg: c.Conn(), dialect: &e.dialect}
	err = f(one)
	return !one.seen && errors.Is(err, errLost), err
}

const (
	selectColumns = `SELECT c.table_name::text, c.column_name::text, c.data_type = 'bytea', c.is_nullable = 'NO' FROM information_schema.columns c
	JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
	WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name NOT LIKE 'goose%' ORDER BY c.table_name, c.ordinal_position`
	selectKeys = `SELECT k.table_name::text, string_agg(quote_ident(k.column_name::text), ', ' ORDER BY k.ordinal_position)
	FROM information_schema.table_constraints t
	JOIN information_schema.key_column_usage k ON k.table_schema = t.table_schema AND k.table_name = t.table_name AND k.constraint_name = t.constraint_name
	WHERE t.constraint_type = 'PRIMARY KEY' AND t.table_schema = current_schema() GROUP BY k.table_name`
)

// Tables implements relational.Engine. The catalogue is slow, and the tables stay as they are while the hub runs.
func (e *engine) Tables(c relational.Conn) ([]relational.Table, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tables == nil {
		tables, err := readTables(c)
		if err != nil {
			return nil, err
		}
		e.tables = tables
	}
	return slices.Clone(e.tables), nil
}

func readTables(c relational.Conn) (tables []relational.Table, err error) {
	keys := map[string]string{}
	for r, err := range c.Rows(context.Background(), selectKeys) {
		if err != nil {
			return nil, err
		}
		keys[r.Text(0)] = r.Text(1)
	}
	for r, err := range c.Rows(context.Background(), selectColumns) {
		if err != nil {
			return nil, err
		}
		name := r.Text(0)
		if n := len(tables); n == 0 || tables[n-1].Name != name {
			tables = append(tables, relational.Table{Name: name, Key: keys[name]})
		}
		t := &tables[len(tables)-1]
		t.Columns = append(t.Columns, relational.Column{Name: r.Text(1), Binary: r.Bool(2), Needed: r.Bool(3)})
	}
	return tables, nil
}

// Long implements relational.Engine.
func (e *engine) Long(ctx context.Context, f func(relational.Conn) error) error {
	s := &session{e: e, limit: longTime}
	if err := s.connect(ctx); err != nil {
		return err
	}
	err := s.Transact(f)
	if err == nil {
		// What came all at once the planner knows nothing of, until autovacuum has been there.
		_, err = s.pg.Exec(ctx, "ANALYZE")
		err = translateError(err)
	}
	return errors.Join(err, s.Close())
}

// Forget implements relational.Engine. What was overwritten is the server's until its next VACUUM, and in its log and in
// backups as long as these are kept.
func (e *engine) Forget(context.Context) error { return nil }

// Intact implements relational.Engine. The server checks its pages when it reads them, if it has checksums; pg_amcheck is
// there for more.
func (e *engine) Intact(context.Context) ([]string, error) { return nil, nil }

// LogBytes implements relational.Engine.
func (e *engine) LogBytes() int64 { return 0 }

// Close implements relational.Engine.
func (e *engine) Close() error {
	e.pool.Close()
	return nil
}
