package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/muster-id/muster/internal/store"
)

// tenantTables returns the tables that have a column tenant. They are asked for, not listed, so that a table of a later
// migration cannot be forgotten. The head comes first: without it no write of the tenant is accepted any more, so nothing
// comes behind the purge; the tenant's own row last: it is what makes a purge that was cut off go on.
func tenantTables(c *conn) (tables []string, err error) {
	const list = `SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) i
	WHERE m.type = 'table' AND i.name = 'tenant' ORDER BY m.name <> 'head', m.name = 'tenant', m.name`
	for r, err := range c.rows(context.Background(), list) {
		if err != nil {
			return nil, err
		}
		tables = append(tables, r.text(0))
	}
	return tables, nil
}

// keyOf returns the columns that tell the rows of a table apart.
func keyOf(c *conn, table string) (string, error) {
	var key []string
	for r, err := range c.rows(context.Background(), "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", table) {
		if err != nil {
			return "", err
		}
		key = append(key, quote(r.text(0)))
	}
	if len(key) == 0 {
		return "rowid", nil
	}
	return strings.Join(key, ", "), nil
}

// quote makes an identifier of a name that the database itself told.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

const tenantState = "SELECT state FROM tenant WHERE tenant = ?"

// Purge implements store.Purger. Each call is a transaction of its own, so that nobody's write waits for a large tenant.
func (db *DB) Purge(ctx context.Context, t store.Tenant, limit int) (removed int, err error) {
	err = db.writer.do(ctx, &job{tenant: store.System, task: func(b *batch) error {
		removed, err = purge(b.conn, t, limit)
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

func purge(c *conn, t store.Tenant, limit int) (removed int, err error) {
	state := store.TenantActive
	found, err := c.one(func(r row) { state = store.TenantState(r.int(0)) }, tenantState, int64(t))
	if err != nil {
		return 0, err
	}
	if !found || state != store.TenantPurging {
		return 0, errTenant
	}
	tables, err := tenantTables(c)
	if err != nil {
		return 0, err
	}
	for _, table := range tables {
		if table == "tenant" {
			if removed > 0 {
				break
			}
			_, err := c.exec("DELETE FROM tenant WHERE tenant = ?", int64(t))
			return 0, err
		}
		key, err := keyOf(c, table)
		if err != nil {
			return 0, err
		}
		query := "DELETE FROM " + quote(table) + " WHERE tenant = ? AND (" + key + ") IN (SELECT " + key + " FROM " + quote(table) + " WHERE tenant = ? LIMIT ?)"
		n, err := c.exec(query, int64(t), int64(t), int64(limit-removed))
		if err != nil {
			return 0, fmt.Errorf("purge %s: %w", table, err)
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
	err = db.each(ctx, func(r row) {
		list = append(list, store.PurgeReport{
			Number: store.Tenant(r.int(0)), Name: r.text(1), Began: fromMillis(r.int(2)), Ended: fromMillis(r.int(3)), Rows: r.int(4), Left: r.int(5),
		})
	}, selectPurged)
	return list, err
}

// Remains implements store.Purger.
func (db *DB) Remains(ctx context.Context, t store.Tenant) (map[string]int64, error) {
	remains := map[string]int64{}
	err := db.read(ctx, func(c *conn) error {
		tables, err := tenantTables(c)
		if err != nil {
			return err
		}
		for _, table := range tables {
			var n int64
			if _, err := c.one(func(r row) { n = r.int(0) }, "SELECT count(*) FROM "+quote(table)+" WHERE tenant = ?", int64(t)); err != nil {
				return err
			}
			if n > 0 {
				remains[table] = n
			}
		}
		return nil
	})
	return remains, err
}
