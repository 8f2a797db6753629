package relational

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/muster-id/muster/internal/store"
)

// tenantTables returns the tables that have a column tenant, in the order of a purge. The head comes first: without it no write of the tenant is
// accepted any more, so nothing comes behind the purge; the tenant's own row last: it is what makes a purge that was cut off
// go on.
func tenantTables(c Conn, e Engine) ([]Table, error) {
	all, err := e.Tables(c)
	tables := slices.DeleteFunc(all, func(t Table) bool { return !t.ofTenants() })
	place := map[string]int{"head": -1, "tenant": 1}
	slices.SortFunc(tables, func(a, b Table) int {
		return cmp.Or(cmp.Compare(place[a.Name], place[b.Name]), cmp.Compare(a.Name, b.Name))
	})
	return tables, err
}

// quote makes an identifier of a name that the database itself told.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

const tenantState = "SELECT state FROM tenant WHERE tenant = ?"

// Purge implements store.Purger. Each call is a transaction of its own, so that nobody's write waits for a large tenant.
func (db *DB) Purge(ctx context.Context, t store.Tenant, limit int) (removed int, err error) {
	err = db.writer.do(ctx, &job{tenant: store.System, task: func(b *batch) error {
		removed, err = purge(b.conn, db.engine, t, limit)
		return err
	}})
	if err != nil {
		return 0, err
	}
	if removed == 0 {
		db.nesting.drop(t)
		db.signal.drop(t)
	}
	return removed, nil
}

func purge(c Conn, e Engine, t store.Tenant, limit int) (removed int, err error) {
	state := store.TenantActive
	found, err := c.One(func(r Row) { state = store.TenantState(r.Int(0)) }, tenantState, int64(t))
	if err != nil {
		return 0, err
	}
	if !found || state != store.TenantPurging {
		return 0, errTenant
	}
	tables, err := tenantTables(c, e)
	if err != nil {
		return 0, err
	}
	for _, table := range tables {
		if table.Name == "tenant" {
			if removed > 0 {
				break
			}
			err := c.Do("DELETE FROM tenant WHERE tenant = ?", int64(t))
			return 0, err
		}
		query := "DELETE FROM " + quote(table.Name) + " WHERE tenant = ? AND (" + table.Key + ") IN (SELECT " + table.Key + " FROM " + quote(table.Name) + " WHERE tenant = ? LIMIT ?)"
		n, err := c.Exec(query, int64(t), int64(t), int64(limit-removed))
		if err != nil {
			return 0, fmt.Errorf("purge %s: %w", table.Name, err)
		}
		if removed += int(n); removed >= limit {
			break
		}
	}
	return removed, nil
}

const (
	insertPurged = "INSERT INTO purged (number, name, began, ended, removed, remained) VALUES (?, ?, ?, ?, ?, ?)"
	selectPurged = "SELECT number, name, began, ended, removed, remained FROM purged ORDER BY ended DESC, number DESC"
)

// Purged implements store.Purger.
func (db *DB) Purged(ctx context.Context) (list []store.PurgeReport, err error) {
	err = db.each(ctx, func(r Row) {
		list = append(list, store.PurgeReport{
			Number: store.Tenant(r.Int(0)), Name: r.Text(1), Began: fromMillis(r.Int(2)), Ended: fromMillis(r.Int(3)), Rows: r.Int(4), Left: r.Int(5),
		})
	}, selectPurged)
	return list, err
}

// Remains implements store.Purger.
func (db *DB) Remains(ctx context.Context, t store.Tenant) (map[string]int64, error) {
	remains := map[string]int64{}
	err := db.read(ctx, func(c Conn) error {
		tables, err := tenantTables(c, db.engine)
		if err != nil {
			return err
		}
		for _, table := range tables {
			var n int64
			if _, err := c.One(func(r Row) { n = r.Int(0) }, "SELECT count(*) FROM "+quote(table.Name)+" WHERE tenant = ?", int64(t)); err != nil {
				return err
			}
			if n > 0 {
				remains[table.Name] = n
			}
		}
		return nil
	})
	return remains, err
}
