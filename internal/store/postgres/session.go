package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

const (
	// transactTime bounds a transaction: what takes longer has lost the server.
	transactTime = 30 * time.Second
	// longTime bounds one that is to move a whole database.
	longTime = 24 * time.Hour
	// rollbackTime bounds the end of one that failed.
	rollbackTime = 2 * time.Second
	// askAgain is how long a server that did not answer is not asked again, so that those who wait are told at once.
	askAgain = 500 * time.Millisecond
)

// session is a connection that writes.
type session struct {
	e      *engine
	pg     *pgx.Conn     // nil after it was lost
	failed time.Time     // when the server was last asked in vain
	limit  time.Duration // of a transaction
}

// Session implements relational.Engine.
func (e *engine) Session(ctx context.Context) (relational.Session, error) {
	s := &session{e: e, limit: transactTime}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Transact implements relational.Session.
func (s *session) Transact(f func(relational.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	if err := s.connect(ctx); err != nil {
		return err
	}
	c := &conn{ctx: ctx, pg: s.pg, dialect: &s.e.dialect}
	_ = c.Do("BEGIN") // goes out with the first statement
	err := f(c)
	if err == nil {
		_ = c.Do("COMMIT")
		if err = c.flush(); err == nil {
			s.e.young.wrote(c.sent)
			return nil
		}
		if s.lost(err) {
			s.drop(err)
			return fmt.Errorf("%w: %w", store.ErrUnknown, err)
		}
	}
	if s.lost(err) {
		s.drop(err)
		// Nothing was committed. The server may have gone and come back, so that another connection does.
		return fmt.Errorf("%w: %w", relational.ErrConflict, err)
	}
	s.rollback()
	return err
}

// lost reports whether an error was the end of the connection.
func (s *session) lost(err error) bool {
	return errors.Is(err, errLost) || s.pg.IsClosed()
}

// drop gives the connection up.
func (s *session) drop(cause error) {
	s.e.log.LogAttrs(context.Background(), slog.LevelWarn, "database connection given up", slog.Any("err", cause))
	s.close()
}

func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_ = s.pg.Close(ctx) // it is of no more use, whatever it says
	s.pg = nil
}

// rollback ends a failed transaction.
func (s *session) rollback() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	if _, err := s.pg.Exec(ctx, "ROLLBACK"); err != nil {
		s.drop(err)
	}
}

func (s *session) connect(ctx context.Context) error {
	if s.pg != nil {
		return nil
	}
	if time.Since(s.failed) < askAgain {
		return fmt.Errorf("%w (it was not there a moment ago)", store.ErrUnavailable)
	}
	pg, err := s.e.connect(ctx)
	if err != nil {
		s.failed = time.Now()
		return err
	}
	s.pg = pg
	return nil
}

// Close implements relational.Session.
func (s *session) Close() error {
	if s.pg != nil {
		s.close()
	}
	return nil
}
