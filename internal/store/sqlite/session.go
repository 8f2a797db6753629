package sqlite

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

// session is the connection that writes.
type session struct {
	e    *engine
	conn *conn // nil after a failure, until it is opened again
}

// Session implements relational.Engine.
func (e *engine) Session(ctx context.Context) (relational.Session, error) {
	c, err := connectWriter(ctx, e.path)
	if err != nil {
		return nil, err
	}
	return &session{e, c}, nil
}

// Transact implements relational.Session.
func (s *session) Transact(f func(relational.Conn) error) error {
	if err := s.reconnect(); err != nil {
		return err
	}
	err := s.run(f)
	s.e.committed() // after an error too: a COMMIT that failed may have come about
	if err != nil {
		return s.rollback(err)
	}
	s.e.copier.committed()
	return nil
}

func (s *session) run(f func(relational.Conn) error) error {
	if _, err := s.conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := f(s.conn); err != nil {
		return err
	}
	if _, err := s.conn.Exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// rollback ends a failed transaction. A connection that cannot be trusted any more is closed.
func (s *session) rollback(cause error) error {
	_, err := s.conn.Exec("ROLLBACK")
	unknown := broken(cause)
	// Some errors have rolled the transaction back already; then there is none, and that is what ROLLBACK says.
	if !unknown && (err == nil || !broken(err)) {
		return cause
	}
	s.e.log.LogAttrs(context.Background(), slog.LevelError, "database connection given up", slog.Any("err", cause))
	if err := s.conn.close(); err != nil {
		s.e.log.LogAttrs(context.Background(), slog.LevelWarn, "broken connection did not close", slog.Any("err", err))
	}
	s.conn = nil
	if unknown {
		return fmt.Errorf("%w: %w", store.ErrUnknown, cause)
	}
	return cause
}

func (s *session) reconnect() error {
	if s.conn != nil {
		return nil
	}
	c, err := connectWriter(context.Background(), s.e.path)
	if err != nil {
		return fmt.Errorf("open the database again: %w", err)
	}
	s.conn = c
	return nil
}

// Close implements relational.Session.
func (s *session) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.close()
}
