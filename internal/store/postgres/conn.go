package postgres

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

// conn is a connection as package relational uses it: by one goroutine, for one read or one transaction.
type conn struct {
	ctx     context.Context // ends what takes too long, and with it the connection
	pg      *pgx.Conn
	dialect *dialect
	waiting *pgx.Batch // statements of Do that have not been sent
	seen    bool       // somebody was given a row
	sent    int        // statements of Do
}

// maxWaiting bounds the statements that are kept in memory before they go out.
const maxWaiting = 2000

// args makes of arguments what the driver sends.
func args(list []any) []any {
	for i, a := range list {
		switch a := a.(type) {
		case []store.Num:
			nums := make([]int64, len(a))
			for i, n := range a {
				nums[i] = int64(n)
			}
			list[i] = nums
		case []string:
			texts := make([]string, len(a))
			for i, s := range a {
				texts[i] = text(s)
			}
			list[i] = texts
		case string:
			list[i] = text(a)
		}
	}
	return list
}

// text makes of a string what a column of text can hold. PostgreSQL refuses NUL and invalid UTF-8, of which the API lets
// nothing in; a filter that asks for such a value finds nobody.
func text(s string) string {
	if strings.ContainsRune(s, 0) {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Exec implements relational.Conn.
func (c *conn) Exec(query string, list ...any) (affected int64, err error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	tag, err := c.pg.Exec(c.ctx, c.dialect.translate(query), args(list)...)
	return tag.RowsAffected(), translateError(err)
}

// Do implements relational.Conn. The statements are sent with the next one that has an answer, or with the commit.
func (c *conn) Do(query string, list ...any) error {
	if c.waiting == nil {
		c.waiting = &pgx.Batch{}
	}
	c.waiting.Queue(c.dialect.translate(query), args(list)...)
	c.sent++
	if c.waiting.Len() >= maxWaiting {
		return c.flush()
	}
	return nil
}

// flush sends the statements that wait.
func (c *conn) flush() error {
	if c.waiting == nil {
		return nil
	}
	b := c.waiting
	c.waiting = nil
	return translateError(c.pg.SendBatch(c.ctx, b).Close())
}

// query sends a query behind the statements that wait, in one round trip. end closes what it took.
func (c *conn) query(ctx context.Context, query string, list []any) (rows pgx.Rows, end func() error, err error) {
	if c.waiting == nil {
		rows, err = c.pg.Query(ctx, query, list...)
		return rows, func() error { return nil }, err
	}
	b := c.waiting
	c.waiting = nil
	before := b.Len()
	b.Queue(query, list...)
	results := c.pg.SendBatch(ctx, b)
	for range before {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // it says the same
			return nil, nil, err
		}
	}
	rows, err = results.Query()
	return rows, results.Close, err
}

// Rows implements relational.Conn.
func (c *conn) Rows(ctx context.Context, query string, list ...any) iter.Seq2[relational.Row, error] {
	return func(yield func(relational.Row, error) bool) {
		if ctx.Done() == nil {
			ctx = c.ctx // the caller has no end of its own
		}
		fail := func(err error) {
			if cause := ctx.Err(); cause != nil {
				err = cause
			}
			yield(nil, translateError(err))
		}
		rows, end, err := c.query(ctx, c.dialect.translate(query), args(list))
		if err != nil {
			fail(err)
			return
		}
		for rows.Next() {
			row, err := rows.Values()
			if err != nil {
				rows.Close()
				_ = end()
				fail(err)
				return
			}
			c.seen = true
			if !yield(values(row), nil) {
				rows.Close()
				_ = end() // the caller has what it wanted; what is broken is met by the next statement
				return
			}
		}
		if err := errors.Join(rows.Err(), end()); err != nil {
			fail(err)
		}
	}
}

// values makes a row of what the driver has decoded.
func values(list []any) relational.Row {
	row := make(relational.Row, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case int32: // of a constant
			row[i] = int64(v)
		case bool:
			row[i] = int64(0)
			if v {
				row[i] = int64(1)
			}
		default:
			row[i] = v
		}
	}
	return row
}

// One implements relational.Conn.
func (c *conn) One(scan func(relational.Row), query string, list ...any) (found bool, err error) {
	for r, err := range c.Rows(context.Background(), query, list...) {
		if err != nil {
			return false, err
		}
		scan(r)
		return true, nil
	}
	return false, nil
}

// Together implements relational.Conn.
func (c *conn) Together(f func() error) (err error) {
	if _, err := c.pg.Exec(c.ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err != nil {
		return translateError(err)
	}
	defer func() {
		if _, e := c.pg.Exec(c.ctx, "COMMIT"); e != nil {
			err = errors.Join(err, translateError(e))
		}
	}()
	return f()
}
