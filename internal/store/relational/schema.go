package relational

import (
	"context"
	"fmt"

	"github.com/muster-id/muster/internal/store"
)

const (
	selectSchema = `SELECT h.gen, d.at, d.body FROM head h
	LEFT JOIN definition d ON d.tenant = h.tenant AND d.gen = h.gen WHERE h.tenant = ?`
	generations = "SELECT h.tenant, h.gen FROM numbers(?) k CROSS JOIN head h WHERE h.tenant = k.value"
	selectWork  = "SELECT type, attr, claim FROM schema_work WHERE tenant = ? ORDER BY type, attr, claim"
)

// Generations implements store.Schemas.
func (db *DB) Generations(ctx context.Context, tenants []store.Tenant) (map[store.Tenant]int, error) {
	numbers := make([]store.Num, len(tenants))
	for i, t := range tenants {
		numbers[i] = store.Num(t)
	}
	found := map[store.Tenant]int{}
	err := db.each(ctx, func(r Row) { found[store.Tenant(r.Int(0))] = int(r.Int(1)) }, generations, numbers)
	return found, err
}

// Schema implements store.Schemas.
func (db *DB) Schema(ctx context.Context, t store.Tenant) (s store.Schema, err error) {
	err = db.read(ctx, func(c Conn) error {
		return c.Together(func() error {
			found, err := c.One(func(r Row) {
				s = store.Schema{Gen: int(r.Int(0)), At: fromMillis(r.Int(1)), Body: r.Blob(2)}
			}, selectSchema, int64(t))
			if err == nil && !found {
				err = errTenant
			}
			if err != nil {
				return err
			}
			for r, err := range c.Rows(ctx, selectWork, int64(t)) {
				if err != nil {
					return err
				}
				s.Work = append(s.Work, store.Work{Type: r.Text(0), Attr: r.Text(1), Unique: r.Bool(2)})
			}
			return nil
		})
	})
	return s, err
}

const resourceSlice = "SELECT " + shownColumns + ` FROM resource r INDEXED BY resource_live
	WHERE r.tenant = ? AND r.type = ? AND r.num > ? AND r.deleted = 0 ORDER BY r.num LIMIT ?`

// Slice implements store.Schemas.
func (db *DB) Slice(ctx context.Context, t store.Tenant, typ string, after store.Num, limit int) (list []*store.Resource, err error) {
	err = db.each(ctx, func(r Row) { list = append(list, readShown(r)) }, resourceSlice, int64(t), typ, int64(after), int64(limit))
	return list, err
}

// checkSchema refuses another generation of schemas that was not decided on what there is now.
func (l *ledger) checkSchema(s *store.NewSchema) error {
	switch {
	case s == nil:
		return nil
	case s.Gen != l.head.gen+1:
		return store.ErrGeneration
	case s.If != nil && *s.If != l.head.seq:
		return store.ErrMoved
	}
	return nil
}

const (
	insertDefinition = "INSERT INTO definition (tenant, gen, at, body) VALUES (?, ?, ?, ?)"
	forgetWork       = "DELETE FROM schema_work WHERE tenant = ?"
	insertWork       = "INSERT INTO schema_work (tenant, type, attr, claim) VALUES (?, ?, ?, ?)"
	deleteWork       = "DELETE FROM schema_work WHERE tenant = ? AND type = ? AND attr = ? AND claim = ?"
	freeClaims       = "DELETE FROM claim WHERE tenant = ? AND scope = ?"
)

// writeSchema writes a generation of schemas, and what is done of the work that it makes.
func writeSchema(c Conn, tenant store.Tenant, rows *store.Rows) error {
	t := int64(tenant)
	for _, w := range rows.Worked {
		if err := c.Do(deleteWork, t, w.Type, w.Attr, flag(w.Unique)); err != nil {
			return err
		}
	}
	s := rows.Schema
	if s == nil {
		return nil
	}
	if err := c.Do(insertDefinition, t, int64(s.Gen), toMillis(s.At), document(s.Body)); err != nil {
		return fmt.Errorf("generation %d: %w", s.Gen, err)
	}
	if err := c.Do(forgetWork, t); err != nil {
		return err
	}
	for _, w := range s.Work {
		if err := c.Do(insertWork, t, w.Type, w.Attr, flag(w.Unique)); err != nil {
			return err
		}
	}
	for _, scope := range s.Free {
		if err := c.Do(freeClaims, t, scope); err != nil {
			return err
		}
	}
	return nil
}
