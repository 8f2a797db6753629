package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

// codes are the states that are told apart (https://www.postgresql.org/docs/current/errcodes-appendix.html).
var codes = map[string]error{
	"25006": store.ErrUnavailable, // read-only: a replica, or a server that is being moved
	"25P03": errLost,              // a node was paused in the middle, and others need the lock
	"40001": relational.ErrConflict,
	"40P01": relational.ErrConflict,
	"53000": store.ErrUnavailable,
	"53100": store.ErrFull,
	"53200": store.ErrUnavailable,
	"53300": store.ErrUnavailable, // too many connections
	"54000": store.ErrLong,        // an entry of an index
	"55P03": relational.ErrConflict,
	"57P01": errLost, // the server is shut down
	"57P02": errLost,
	"57P03": store.ErrUnavailable, // it starts, or recovers
	"57P05": errLost,
}

// errLost marks the end of a connection.
var errLost = errors.New("the connection to the database is lost")

// translateError makes of the driver's errors the store's.
func translateError(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{errLost, store.ErrUnavailable, store.ErrFull, store.ErrLong, relational.ErrConflict} {
		if errors.Is(err, known) {
			return err
		}
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		if known := codes[e.Code]; known != nil {
			return fmt.Errorf("%w (%w)", known, err)
		}
		return err
	}
	var refused *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, pgx.ErrNoRows):
		return err
	case errors.As(err, &refused):
		return fmt.Errorf("%w (%w)", store.ErrUnavailable, err)
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w (%w)", errLost, err)
	}
	if pgconn.SafeToRetry(err) || err.Error() == "conn closed" {
		return fmt.Errorf("%w (%w)", errLost, err)
	}
	return err
}
