package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"modernc.org/sqlite"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

// maxPrepared bounds the statements a connection keeps: the constants of this
// package and the shapes of filters, which are few as long as nobody plays with them.
const maxPrepared = 256

// conn is one connection with its prepared statements, used by one goroutine at a time.
//
// It speaks to the driver directly: database/sql costs 3 to 5 µs and a dozen allocations a
// statement, as much as SQLite needs to find a row, and its transactions belong to a context.
type conn struct {
	c        driver.Conn
	prepared map[string]driver.Stmt
	args     []driver.NamedValue
	values   []driver.Value
	snap     snapshot // of a reading connection
}

// pragma is a setting of a connection. Their order matters: busy_timeout comes first, so that the
// switch to the write-ahead log waits for others.
type pragma struct{ name, value string }

func basePragmas() []pragma {
	return []pragma{
		{"busy_timeout", "5000"},
		{"journal_mode", "WAL"},
		{"synchronous", "FULL"},
		{"foreign_keys", "ON"},
		{"temp_store", "MEMORY"},
		{"mmap_size", "0"}, // mapped pages would count as resident memory
	}
}

// dsn names the database for the driver. Nothing in it but the path comes from outside, and that is escaped.
func dsn(path string, pragmas ...pragma) string {
	q := url.Values{}
	for _, p := range append(basePragmas(), pragmas...) {
		q.Add("_pragma", p.name+"("+p.value+")")
	}
	q.Set("_txlock", "immediate")
	slash := filepath.ToSlash(path)
	if !strings.HasPrefix(slash, "/") {
		slash = "/" + slash
	}
	return (&url.URL{Scheme: "file", Path: slash, RawQuery: q.Encode()}).String()
}

// connect opens a connection.
func connect(ctx context.Context, path string, pragmas ...pragma) (*conn, error) {
	connector, err := sqlite.NewConnector(dsn(path, pragmas...))
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(ctx)
	if err != nil {
		return nil, translate(err)
	}
	return &conn{c: c, prepared: map[string]driver.Stmt{}}, nil
}

func (c *conn) close() error {
	for _, s := range c.prepared {
		// The connection is closed next, which reports what matters.
		_ = s.Close()
	}
	return c.c.Close()
}

// functions are what statements call and SQLite has under another name. The table that a list of arguments is is an array of JSON, so that the statement stays one constant,
// prepared once, however long the list is.
var functions = strings.NewReplacer("numbers(?)", "json_each(?)", "texts(?)", "json_each(?)",
	"now_ms()", "CAST(unixepoch('subsec') * 1000 AS INTEGER)")

func (c *conn) prepare(query string) (driver.Stmt, error) {
	if s := c.prepared[query]; s != nil {
		return s, nil
	}
	if len(c.prepared) >= maxPrepared {
		for q, s := range c.prepared {
			delete(c.prepared, q)
			if err := s.Close(); err != nil {
				return nil, translate(err)
			}
		}
	}
	s, err := c.c.(driver.ConnPrepareContext).PrepareContext(context.Background(), functions.Replace(query))
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, translate(err))
	}
	c.prepared[query] = s
	return s, nil
}

// bind fills the arguments of a statement. They are used up before the next call.
func (c *conn) bind(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		switch list := a.(type) {
		case []store.Num:
			a = numbers(list)
		case []string:
			a = texts(list)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// numbers returns numbers as a JSON array.
func numbers(nums []store.Num) string {
	b := append(make([]byte, 0, 8*len(nums)+2), '[')
	for i, n := range nums {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(append(b, ']'))
}

// texts returns strings as a JSON array.
func texts(list []string) string {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		// The error is that of invalid UTF-8, which is replaced: such a key is nobody's.
		b, _ = jsontext.AppendQuote(b, s)
	}
	return string(append(b, ']'))
}

// Exec implements relational.Conn.
func (c *conn) Exec(query string, args ...any) (affected int64, err error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := s.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, translate(err)
	}
	return r.RowsAffected()
}

// Do implements relational.Conn: here there is nothing to gain by waiting.
func (c *conn) Do(query string, args ...any) error {
	_, err := c.Exec(query, args...)
	return err
}

// Rows implements relational.Conn.
func (c *conn) Rows(ctx context.Context, query string, args ...any) iter.Seq2[relational.Row, error] {
	return func(yield func(relational.Row, error) bool) {
		s, err := c.prepare(query)
		if err != nil {
			yield(nil, err)
			return
		}
		rs, err := s.(driver.StmtQueryContext).QueryContext(ctx, c.bind(args))
		if err != nil {
			yield(nil, translate(err))
			return
		}
		n := len(rs.Columns())
		if cap(c.values) < n {
			c.values = make([]driver.Value, n)
		}
		vs := c.values[:n]
		for {
			switch err = rs.Next(vs); {
			case err == nil:
				if err = ctx.Err(); err == nil {
					if yield(relational.Row(vs), nil) {
						continue
					}
				} else {
					yield(nil, err)
				}
			case !errors.Is(err, io.EOF):
				yield(nil, translate(err))
			}
			break
		}
		// Resets the statement; an error here is the one that Next already reported.
		_ = rs.Close()
	}
}

// One implements relational.Conn.
func (c *conn) One(scan func(relational.Row), query string, args ...any) (found bool, err error) {
	for r, err := range c.Rows(context.Background(), query, args...) {
		if err != nil {
			return false, err
		}
		scan(r)
		return true, nil
	}
	return false, nil
}

// The primary result codes that are told apart (https://www.sqlite.org/rescode.html).
const (
	codeFull    = 13
	codeIO      = 10
	codeCorrupt = 11
	codeNotADB  = 26
)

// codeIOWrite is the extended code of a write that the system refused for another reason than ENOSPC.
const codeIOWrite = 778

// coded is what the driver's errors are.
type coded interface {
	error
	Code() int
}

// primary returns the primary result code of an error of SQLite, else 0.
func primary(err error) int {
	if e, ok := errors.AsType[coded](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// translate turns the driver's errors into the store's.
func translate(err error) error {
	// A quota and a limit of file size fill the disk as well, but SQLite knows ENOSPC only. A disk that
	// fails is told the same: there, too, nothing can be stored, and the log has the cause.
	if e, ok := errors.AsType[coded](err); ok && (primary(err) == codeFull || e.Code() == codeIOWrite) {
		return fmt.Errorf("%w (%w)", store.ErrFull, err)
	}
	return err
}

// broken reports whether an error makes the outcome of a commit unknown or the connection unusable: the
// disk did not do as told. Such a transaction is never tried again.
func broken(err error) bool {
	switch primary(err) {
	case codeIO, codeCorrupt, codeNotADB:
		return true
	}
	return false
}

// checkVersion refuses SQLite below 3.51.3, whose write-ahead log can corrupt a database when it is
// reset while another connection checkpoints.
func checkVersion(version string) error {
	var v [3]int
	for i, part := range strings.SplitN(version, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return fmt.Errorf("unreadable version of SQLite %q", version)
		}
		v[i] = n
	}
	if v[0] < 3 || v[0] == 3 && (v[1] < 51 || v[1] == 51 && v[2] < 3) {
		return fmt.Errorf("SQLite %s can corrupt a database: 3.51.3 is needed", version)
	}
	return nil
}
