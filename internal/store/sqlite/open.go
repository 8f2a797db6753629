package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// Options are the parts of a DB that have a default.
type Options struct {
	// Now tells the time, for durations and for rows that Open makes. Defaults to time.Now.
	Now func() time.Time
	// Logger is told what an operator should know. Defaults to nothing.
	Logger *slog.Logger
	// Observe is called by the writer after each batch, before its callers are answered, so it must be quick. Defaults to nothing.
	Observe func(Batch)
	// MaxQueue is how many writes may wait; above it Write returns store.ErrBusy. Defaults to 4,096.
	MaxQueue int
	// MaxBatch is how many writes one commit takes. Defaults to 128.
	MaxBatch int
	// Sealer seals the documents of changes. Defaults to none: they are kept as they are.
	Sealer store.Sealer
	// Guard returns from where on changes of a tenant are held. It is asked by the writer, so it must be quick, and must not write.
	// Defaults to nobody's: nothing is held but what is protected.
	Guard func(store.Tenant) store.GuardLimits
	// NoAudit leaves out the audit. It is for measuring what that costs.
	NoAudit bool
	// Readers is how many reads run at the same time. Defaults to 4.
	Readers int
}

// Batch is what Options.Observe is told: one commit, or one that failed.
type Batch struct {
	Ops     int           // how many writes were in it
	Changes int           // how many changes it added to the feed
	Took    time.Duration // from taking it to its commit
	Err     error         // why it was not committed
}

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

// DB is a store.Store in one SQLite file. It is safe for concurrent use.
type DB struct {
	path    string
	opts    Options
	writer  *writer
	copier  *checkpointer
	readers *readers
	commits atomic.Uint64 // see snapshot
	signal  *signal
	nesting *nesting

	searches searches

	closing chan struct{}
	once    sync.Once
	err     error // of Close
}

var _ store.Store = (*DB)(nil)

// Open opens the database file, makes it if it is not there, and brings it to the newest
// schema. It starts the goroutines of the writer and of the checkpointer; Close stops them.
func Open(ctx context.Context, path string, o Options) (_ *DB, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Batch) {}
	}
	if o.MaxQueue <= 0 {
		o.MaxQueue = 4096
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = 128
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := migrate(ctx, path); err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	db := &DB{
		path: path, opts: o,
		readers: newReaders(o.Readers),
		signal:  newSignal(),
		nesting: newNesting(),
		closing: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open the database %s: %w", path, err)
			err = errors.Join(err, db.readers.close())
		}
	}()
	for i := range o.Readers {
		cache := readerCache
		if i >= busyReaders {
			cache = spareCache
		}
		c, err := connect(ctx, path, pragma{"cache_size", cache}, pragma{"query_only", "1"})
		if err != nil {
			return nil, err
		}
		db.readers.add(c)
	}
	if db.copier, err = openCheckpointer(ctx, path, o.Logger, db.committed); err != nil {
		return nil, err
	}
	if db.writer, err = openWriter(ctx, db); err != nil {
		return nil, errors.Join(err, db.copier.close())
	}
	return db, nil
}

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
	if _, err := c.one(func(r row) { version = r.text(0) }, "SELECT sqlite_version()"); err != nil {
		return nil, err
	}
	if err := checkVersion(version); err != nil {
		return nil, err
	}
	if _, err := c.one(func(r row) { mode = r.text(0) }, "PRAGMA journal_mode"); err != nil {
		return nil, err
	}
	if mode != "wal" {
		return nil, fmt.Errorf("the file system of %s does not support a write-ahead log (journal mode is %s); a network file system?", path, mode)
	}
	return c, nil
}

// Close answers the writes that wait, stops the writer, waits for the reads that run and closes the file.
func (db *DB) Close() error {
	db.once.Do(func() {
		close(db.closing)
		// The last one copies what is left of the log and removes it, which a reader must not.
		db.err = errors.Join(db.writer.close(), db.readers.close(), db.copier.close())
	})
	return db.err
}

// read gives f a reading connection. f must not wait for anything but the database.
func (db *DB) read(ctx context.Context, f func(c *conn) error) error {
	c, err := db.readers.take(ctx, db.closing)
	if err != nil {
		return err
	}
	defer db.readers.give(c)
	if err = c.refresh(db.commits.Load()); err == nil {
		err = f(c)
	}
	if err != nil {
		// A statement that failed may have ended the transaction, or left it in doubt.
		_ = c.forget()
	}
	return err
}
