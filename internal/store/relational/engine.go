package relational

import (
	"context"
	"database/sql/driver"
	"errors"
	"iter"
	"slices"
)

// Engine is a database that holds the tables of this package.
//
// # Dialect
//
// Statements have ? for arguments, which are int64, string, []byte, nil, []store.Num or []string. A list stands in a
// statement as a table of one column: numbers(?) k, texts(?) k, with k.value. INDEXED BY names the index that SQLite is to
// use, now_ms() is the database's time in milliseconds, and CROSS JOIN … ON is a join in the order in which it is written; engines that plan better by themselves leave both out.
type Engine interface {
	// Read gives f a connection that reads, for as long as f runs. f must not wait for anything but the database.
	Read(ctx context.Context, f func(Conn) error) error
	// Session opens a connection that writes, for one goroutine.
	Session(ctx context.Context) (Session, error)
	// Tables returns all tables. They are asked for, not listed, so that one of a later migration cannot be forgotten.
	Tables(c Conn) ([]Table, error)
	// Long runs f in one transaction that may take as long as it likes.
	Long(ctx context.Context, f func(Conn) error) error
	// Forget makes what was overwritten or deleted before unreadable on the disk, as far as that is the engine's doing.
	Forget(ctx context.Context) error
	// Intact asks the database whether its files are whole, and returns what it finds.
	Intact(ctx context.Context) ([]string, error)
	// LogBytes is how long the write-ahead log is; 0 where that is nobody's business here.
	LogBytes() int64
	// Traits are what the rest of the package has to know.
	Traits() Traits
	// Close is called once, when no Session is open any more. It waits for the reads that run.
	Close() error
}

// Traits are in what engines differ, as far as the statements and the writer are concerned.
type Traits struct {
	// Sessions is how many batches run at a time, each of another tenant. With one, a batch may have several tenants.
	Sessions int
	// Shared says that other processes write to the same database.
	Shared bool
	// Lock follows the SELECT of a row that is to be altered.
	Lock string
}

// Table is a table.
type Table struct {
	Name    string
	Key     string // the columns that tell its rows apart, quoted, separated by commas
	Columns []Column
}

// Column is a column of a table.
type Column struct {
	Name   string
	Binary bool // else a number or a text
	Needed bool // never NULL
}

// ofTenants reports whether the rows of a table are of tenants.
func (t *Table) ofTenants() bool {
	return slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == "tenant" })
}

// Session is a connection that writes. One goroutine uses it.
type Session interface {
	// Transact runs f in a transaction and commits it. After an error nothing is written, unless the error is store.ErrUnknown.
	// Whatever it is, the next Transact begins anew, on another connection if need be.
	Transact(f func(Conn) error) error
	Close() error
}

// ErrConflict says that the database has ended a transaction in favour of another one. It may be tried again.
var ErrConflict = errors.New("the transaction was in conflict with another one")

// Conn is a connection, used by one goroutine at a time.
type Conn interface {
	// Exec runs a statement that returns nothing, and tells how many rows it wrote.
	Exec(query string, args ...any) (affected int64, err error)
	// Do is Exec for those who do not ask. The statement may run later, but before any other that is not of Do, and before
	// the commit; so may its error come. What its arguments point to must not change until then.
	Do(query string, args ...any) error
	// Rows runs a query. A row is valid until the next one is asked for. No other statement may run on the connection
	// meanwhile. The context ends a query that runs long; give it only to those that may.
	Rows(ctx context.Context, query string, args ...any) iter.Seq2[Row, error]
	// One runs a query for at most one row. found reports whether there was one.
	One(scan func(Row), query string, args ...any) (found bool, err error)
	// Together runs several reads on one state of the database.
	Together(f func() error) error
}

// Row is a row of a result. A column that is NULL is the zero value of whatever it is read as.
type Row []driver.Value

// Int returns an integer.
func (r Row) Int(i int) int64 {
	n, _ := r[i].(int64)
	return n
}

// Text returns a string.
func (r Row) Text(i int) string {
	s, _ := r[i].(string)
	return s
}

// Blob returns bytes, which are the caller's; nil for NULL.
func (r Row) Blob(i int) []byte {
	b, _ := r[i].([]byte)
	return b
}

// Bool returns a flag.
func (r Row) Bool(i int) bool { return r.Int(i) != 0 }
