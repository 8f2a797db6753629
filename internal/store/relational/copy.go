package relational

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/muster-id/muster/internal/store"
)

// Copied tells how far a copy is.
type Copied struct {
	Table string
	Rows  int64 // of that table
	Total int64
}

// copyEvery is how many rows are copied between two reports.
const copyEvery = 10_000

// ErrNotEmpty says that a database has a hub already.
var ErrNotEmpty = errors.New("the database to copy to is not empty")

// ErrInUse says that a hub runs on a database.
var ErrInUse = errors.New("a hub runs on the database")

// notCopied are the tables that are about processes, not about the hub.
var notCopied = map[string]bool{"node": true, "lease": true}

// Copy makes another database, which must be empty, what this one is: every row of every table, in one transaction. The hub
// of this one must not run. What is sealed stays sealed, so the hub needs the same keyring there.
func (db *DB) Copy(ctx context.Context, to *DB, tell func(Copied)) (total int64, err error) {
	for _, end := range []*DB{db, to} {
		if err := end.unused(ctx); err != nil {
			return 0, err
		}
	}
	err = to.engine.Long(ctx, func(w Conn) error {
		if err := empty(w); err != nil {
			return err
		}
		there, err := to.engine.Tables(w)
		if err != nil {
			return err
		}
		return db.read(ctx, func(r Conn) error {
			return r.Together(func() error {
				here, err := db.engine.Tables(r)
				if err != nil {
					return err
				}
				if err := sameTables(here, there); err != nil {
					return err
				}
				for _, t := range there {
					if notCopied[t.Name] {
						continue
					}
					n, err := copyTable(ctx, r, w, t, func(n int64) { tell(Copied{t.Name, n, total + n}) })
					if err != nil {
						return fmt.Errorf("copy table %s: %w", t.Name, err)
					}
					total += n
				}
				return nil
			})
		})
	})
	if err != nil {
		return 0, err
	}
	return total, nil
}

// unused refuses a database on which a hub runs.
func (db *DB) unused(ctx context.Context) error {
	if !db.traits.Shared {
		return nil // the lock of the data directory tells
	}
	list, err := db.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range list {
		if n.Alive {
			return fmt.Errorf("%w: the node on %s was seen at %s; stop it first", ErrInUse, n.Name, n.Seen.Format("15:04:05"))
		}
	}
	return nil
}

const (
	anyResource = "SELECT 1 FROM resource LIMIT 1"
	anyTenant   = "SELECT 1 FROM tenant WHERE tenant <> ? LIMIT 1"
	anyToken    = "SELECT 1 FROM token LIMIT 1"
	anyRecord   = "SELECT 1 FROM audit LIMIT 1"
)

// empty refuses a database that has more than what opening it makes.
func empty(c Conn) error {
	for query, args := range map[string][]any{anyResource: nil, anyTenant: {int64(store.Default)}, anyToken: nil, anyRecord: nil} {
		found, err := c.One(func(Row) {}, query, args...)
		if err != nil {
			return err
		}
		if found {
			return ErrNotEmpty
		}
	}
	return nil
}

// sameTables refuses databases of different programs.
func sameTables(here, there []Table) error {
	columns := func(list []Table) map[string]bool {
		all := map[string]bool{}
		for _, t := range list {
			for _, c := range t.Columns {
				all[t.Name+"."+c.Name] = true
			}
		}
		return all
	}
	a, b := columns(here), columns(there)
	for name := range a {
		if !b[name] {
			return fmt.Errorf("the other database has no column %s", name)
		}
	}
	if len(a) != len(b) {
		return errors.New("the other database has columns that this one lacks")
	}
	return nil
}

func copyTable(ctx context.Context, r, w Conn, t Table, tell func(n int64)) (n int64, err error) {
	names, marks := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i], marks[i] = quote(c.Name), "?"
	}
	list := strings.Join(names, ", ")
	if err := w.Do("DELETE FROM " + quote(t.Name)); err != nil {
		return 0, err
	}
	insert := "INSERT INTO " + quote(t.Name) + " (" + list + ") VALUES (" + strings.Join(marks, ", ") + ")"
	for row, err := range r.Rows(ctx, "SELECT "+list+" FROM "+quote(t.Name)) {
		if err != nil {
			return n, err
		}
		args := make([]any, len(row))
		for i, v := range row {
			args[i] = v
			if b, _ := v.([]byte); b == nil && t.Columns[i].Needed && t.Columns[i].Binary {
				args[i] = []byte{} // which one driver reads as nothing
			}
		}
		if err := w.Do(insert, args...); err != nil {
			return n, err
		}
		if n++; n%copyEvery == 0 {
			tell(n)
		}
	}
	tell(n)
	return n, nil
}
