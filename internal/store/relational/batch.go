package relational

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// batch is one transaction of the writer: the jobs that were taken together.
type batch struct {
	db      *DB
	conn    Conn
	jobs    []*job
	answers []error // of the decisions, by job; sent after the commit
	ledgers map[store.Tenant]*ledger
	order   []*ledger // in the order in which their tenants came
}

func newBatch(db *DB, jobs []*job) *batch {
	return &batch{db: db, jobs: jobs, answers: make([]error, len(jobs)), ledgers: map[store.Tenant]*ledger{}}
}

// run reads, decides and writes, in a transaction.
func (b *batch) run(c Conn) error {
	b.conn = c
	if err := b.load(); err != nil {
		return err
	}
	for i, j := range b.jobs {
		if j.task != nil {
			if err := j.task(b); err != nil {
				return err
			}
			continue
		}
		var err error
		if b.answers[i], err = b.decide(b.ledgers[j.tenant], j.op); err != nil {
			return err
		}
	}
	for _, l := range b.order {
		if err := l.write(b.conn); err != nil {
			return err
		}
	}
	return nil
}

// load reads the heads of the tenants and what the decisions want to see.
func (b *batch) load() error {
	for _, j := range b.jobs {
		l := b.ledgers[j.tenant]
		if l == nil {
			l = newLedger(j.tenant, &b.db.opts)
			b.ledgers[j.tenant] = l
			b.order = append(b.order, l)
		}
		if j.op != nil {
			l.ops = append(l.ops, j.op)
		}
	}
	for _, l := range b.order {
		if err := l.load(b.conn, b.db.traits.Lock); err != nil {
			return fmt.Errorf("load keys of tenant %d: %w", l.tenant, err)
		}
	}
	return nil
}

// errTenant answers writes of a tenant that has no head.
var errTenant = fmt.Errorf("tenant: %w", store.ErrNotFound)

// decide runs a decision and enters its rows in the ledger. answer is for the caller of
// this Op alone; err is of the database and ends the batch.
func (b *batch) decide(l *ledger, op *store.Op) (answer, err error) {
	if !l.known {
		return errTenant, nil
	}
	if op.Gen != 0 && op.Gen != l.head.gen {
		return store.ErrGeneration, nil
	}
	rows, answer := b.call(l, op)
	if answer != nil || rows == nil {
		return answer, nil
	}
	answer, err = l.enter(b.conn, rows)
	return answer, err
}

// errPanic marks a decision that panicked: a bug in it, which must not end the process with other people's writes.
var errPanic = errors.New("decision panicked")

func (b *batch) call(l *ledger, op *store.Op) (rows *store.Rows, err error) {
	defer func() {
		if p := recover(); p != nil {
			b.db.opts.Logger.LogAttrs(context.Background(), slog.LevelError, "decision panicked",
				slog.Int64("tenant", int64(l.tenant)), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			rows, err = nil, errPanic
		}
	}()
	return op.Decide(&view{ledger: l, source: op.Source})
}

// publish tells readers, and the callers, what was committed.
func (b *batch) publish() {
	for _, l := range b.order {
		for _, rows := range l.rest {
			for _, t := range rows.Tenants {
				t.Rev++
			}
		}
		if l.renested {
			b.db.nesting.forget(l.tenant)
		}
		if len(l.changes) > 0 {
			b.db.signal.committed(l.tenant, l.head.seq)
		}
	}
}

// changes returns how many changes the batch has added to the feed.
func (b *batch) changes() int {
	n := 0
	for _, l := range b.order {
		n += len(l.changes)
	}
	return n
}

// toMillis and fromMillis convert times to what columns hold; 0 is the zero time.
func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
