package relational

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// Options are the parts of a DB that have a default.
type Options struct {
	// Now tells the time, for durations and for rows that opening makes. Defaults to time.Now.
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
	// Readers is how many reads run at the same time. Each engine has its default.
	Readers int
}

// Batch is what Options.Observe is told: one commit, or one that failed.
type Batch struct {
	Ops     int           // how many writes were in it
	Changes int           // how many changes it added to the feed
	Took    time.Duration // from taking it to its commit
	Err     error         // why it was not committed
}

// Defaults fills in what is not set.
func (o Options) Defaults() Options {
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
	return o
}

// DB is a store.Store in an SQL database. It is safe for concurrent use.
type DB struct {
	engine Engine
	traits Traits
	opts   Options
	writer *writer
	signal *signal

	nesting  *nesting
	searches searches
	shapes   shapes

	closing chan struct{}
	once    sync.Once
	err     error // of Close
}

var _ store.Store = (*DB)(nil)

// New returns the store in the tables of an engine, which it closes with itself or when it fails. It starts the goroutines
// of the writer; Close stops them.
func New(ctx context.Context, e Engine, o Options) (*DB, error) {
	db := &DB{
		engine: e, traits: e.Traits(), opts: o.Defaults(),
		signal: newSignal(), nesting: newNesting(e.Traits().Shared),
		closing: make(chan struct{}),
	}
	if err := db.start(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return db, nil
}

// Close answers the writes that wait, stops the writer, waits for the reads that run and closes the engine.
func (db *DB) Close() error {
	db.once.Do(func() {
		close(db.closing)
		db.err = errors.Join(db.writer.close(), db.engine.Close())
	})
	return db.err
}

// read gives f a reading connection. f must not wait for anything but the database.
func (db *DB) read(ctx context.Context, f func(c Conn) error) error {
	select {
	case <-db.closing:
		return store.ErrClosed
	default:
	}
	return db.engine.Read(ctx, f)
}
