package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/internal/store/relational"
)

// Options are the parts of a store that have a default. Readers defaults to 4.
type Options = relational.Options

// DB is a store in one SQLite file.
type DB = relational.DB

// Batch is what Options.Observe is told.
type Batch = relational.Batch

// Cache sizes in KiB. The page caches are the resident memory of an idle hub: 16 MiB for the writer, whose inserts touch
// a page for every index; 20 MiB for each of the readers that are busy most of the time, which has room for two indexes
// of 100,000 resources; little for the others. The rest is the system's cache.
const (
	writerCache = "-16384"
	readerCache = "-20480"
	spareCache  = "-2048"
	busyReaders = 2
)

// logLimit is to how many bytes the log's file is cut down when it starts over.
const logLimit = "67108864"

// engine is a relational.Engine in one SQLite file.
type engine struct {
	path    string
	log     *slog.Logger
	copier  *checkpointer
	readers *readers
	commits atomic.Uint64 // see snapshot
	closing chan struct{}
}

// Open opens the store in a database file, makes it if it is not there, and brings it to the newest schema. It starts the
// goroutines of the writer and of the checkpointer; Close stops them.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	o = o.Defaults()
	if o.Readers <= 0 {
		o.Readers = 4
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := checkFileSystem(path, kindOf); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := migrate(ctx, path); err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	e, err := openEngine(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	db, err := relational.New(ctx, e, o)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	return db, nil
}

func openEngine(ctx context.Context, path string, o Options) (*engine, error) {
	e := &engine{path: path, log: o.Logger, readers: newReaders(o.Readers), closing: make(chan struct{})}
	for i := range o.Readers {
		cache := readerCache
		if i >= busyReaders {
			cache = spareCache
		}
		c, err := connect(ctx, path, pragma{"cache_size", cache}, pragma{"query_only", "1"})
		if err != nil {
			return nil, errors.Join(err, e.readers.close())
		}
		e.readers.add(c)
	}
	var err error
	if e.copier, err = openCheckpointer(ctx, path, o.Logger, e.committed); err != nil {
		return nil, errors.Join(err, e.readers.close())
	}
	return e, nil
}

// Traits implements relational.Engine.
func (e *engine) Traits() relational.Traits { return relational.Traits{Sessions: 1} }

// prepareFile makes the file with a mode that is nobody else's business; SQLite gives the log the same. It
// also finds out early, with a clear error, that the directory is missing or the file may not be written.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// connectWriter opens the connection that writes, and checks that the file system and the engine
// do what durability needs.
func connectWriter(ctx context.Context, path string) (_ *conn, err error) {
	c, err := connect(ctx, path, pragma{"cache_size", writerCache}, pragma{"secure_delete", "ON"},
		pragma{"wal_autocheckpoint", logPages}, pragma{"journal_size_limit", logLimit})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	var version, mode string
	if _, err := c.One(func(r relational.Row) { version = r.Text(0) }, "SELECT sqlite_version()"); err != nil {
		return nil, err
	}
	if err := checkVersion(version); err != nil {
		return nil, err
	}
	if _, err := c.One(func(r relational.Row) { mode = r.Text(0) }, "PRAGMA journal_mode"); err != nil {
		return nil, err
	}
	if mode != "wal" {
		return nil, fmt.Errorf("the file system of %s does not support a write-ahead log (journal mode is %s); a network file system?", path, mode)
	}
	return c, nil
}

// Close implements relational.Engine.
func (e *engine) Close() error {
	close(e.closing)
	// The last one copies what is left of the log and removes it, which a reader must not.
	return errors.Join(e.readers.close(), e.copier.close())
}

// Read implements relational.Engine.
func (e *engine) Read(ctx context.Context, f func(relational.Conn) error) error {
	c, err := e.readers.take(ctx, e.closing)
	if err != nil {
		return err
	}
	defer e.readers.give(c)
	if err = c.refresh(e.commits.Load()); err == nil {
		err = f(c)
	}
	if err != nil {
		// A statement that failed may have ended the transaction, or left it in doubt.
		_ = c.forget()
	}
	return err
}

// Intact implements relational.Engine, on a connection of its own: it takes its time.
func (e *engine) Intact(ctx context.Context) (found []string, err error) {
	c, err := connect(ctx, e.path, pragma{"query_only", "1"})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for r, err := range c.Rows(ctx, "PRAGMA integrity_check") {
		if err != nil {
			if broken(err) {
				return append(found, err.Error()), nil
			}
			return nil, err
		}
		if r.Text(0) != "ok" {
			found = append(found, r.Text(0))
		}
	}
	return found, nil
}

// LogBytes implements relational.Engine.
func (e *engine) LogBytes() int64 {
	f, err := os.Stat(e.path + "-wal")
	if err != nil {
		return 0 // the log is not there before the first write after a clean stop
	}
	return f.Size()
}

// Tables implements relational.Engine.
func (e *engine) Tables(c relational.Conn) (tables []relational.Table, err error) {
	const list = `SELECT m.name, i.name, i.type = 'BLOB', i."notnull", i.pk FROM sqlite_schema m, pragma_table_info(m.name) i
	WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%' ORDER BY m.name, i.cid`
	keys := map[string][]string{}
	for r, err := range c.Rows(context.Background(), list) {
		if err != nil {
			return nil, err
		}
		name := r.Text(0)
		if n := len(tables); n == 0 || tables[n-1].Name != name {
			tables = append(tables, relational.Table{Name: name})
		}
		t := &tables[len(tables)-1]
		t.Columns = append(t.Columns, relational.Column{Name: r.Text(1), Binary: r.Bool(2), Needed: r.Bool(3) || r.Bool(4)})
		if r.Bool(4) {
			keys[name] = append(keys[name], `"`+strings.ReplaceAll(r.Text(1), `"`, `""`)+`"`) // the columns stand in the order of the key
		}
	}
	for i := range tables {
		if tables[i].Key = strings.Join(keys[tables[i].Name], ", "); tables[i].Key == "" {
			tables[i].Key = "rowid"
		}
	}
	return tables, nil
}

// Long implements relational.Engine.
func (e *engine) Long(ctx context.Context, f func(relational.Conn) error) error {
	s, err := e.Session(ctx)
	if err != nil {
		return err
	}
	return errors.Join(s.Transact(f), s.Close())
}

// Forget implements relational.Engine. Pages are overwritten when their rows go (secure_delete), but the log has what they
// were before. A reader that is under way may need it.
func (e *engine) Forget(ctx context.Context) error {
	e.readers.forget()
	for try := range 50 {
		busy := int64(1)
		if err := e.copier.truncate(func(r relational.Row) { busy = r.Int(0) }); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
		wait := time.NewTimer(time.Duration(try) * 10 * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
	return errors.New("erased, but a reader kept the write-ahead log from being emptied: try again")
}
