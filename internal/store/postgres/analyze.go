package postgres

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// young has the planner look at the tables while they are filled for the first time. Autovacuum does so too, but a minute or
// more later, and until then an index is as good as another to the planner: it reads all records of a source to find one.
type young struct {
	pool *pgxpool.Pool
	log  *slog.Logger
	on   atomic.Bool  // the tables are young
	left atomic.Int64 // statements to be written until the next look
	next atomic.Int64 // how many after that
	busy atomic.Bool
}

const (
	// A table with fewer rows than this is young.
	youth = 10_000
	// The looks come after so many statements, then after four times as many, until there were manyStatements.
	firstLook      = 300
	manyStatements = 400_000
	lookTime       = time.Minute
)

const rowsOfResource = "SELECT coalesce(max(reltuples), 0)::bigint FROM pg_class WHERE relname = 'resource'"

// begin finds out whether the tables are young.
func (y *young) begin(ctx context.Context) error {
	var rows int64
	if err := y.pool.QueryRow(ctx, rowsOfResource).Scan(&rows); err != nil {
		return err
	}
	if rows < youth {
		y.next.Store(4 * firstLook)
		y.left.Store(firstLook)
		y.on.Store(true)
	}
	return nil
}

// wrote counts the statements of a transaction that was committed.
func (y *young) wrote(n int) {
	if !y.on.Load() || y.left.Add(-int64(n)) > 0 || !y.busy.CompareAndSwap(false, true) {
		return
	}
	next := y.next.Load()
	if next > manyStatements {
		y.on.Store(false)
		return
	}
	y.next.Store(4 * next)
	y.left.Store(next)
	go func() {
		defer y.busy.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), lookTime)
		defer cancel()
		if _, err := y.pool.Exec(ctx, "ANALYZE"); err != nil {
			y.log.LogAttrs(ctx, slog.LevelDebug, "the planner did not look at the tables", slog.Any("err", err))
		}
	}()
}
