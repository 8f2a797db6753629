package sqlite

import (
	"context"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const (
	firstSweep = "SELECT num FROM sweep WHERE tenant = ? ORDER BY num LIMIT 1"
	sweepTouch = `UPDATE resource SET version = version + 1, modified = max(modified, ?)
	WHERE tenant = ? AND deleted = 0 AND num IN
	(SELECT e.parent FROM edge e INDEXED BY edge_child WHERE e.tenant = ? AND e.child = ? AND e.rel = ? ORDER BY e.parent LIMIT ?)`
	sweepAbove = `DELETE FROM edge WHERE tenant = ? AND rel = ? AND child = ? AND parent IN
	(SELECT e.parent FROM edge e INDEXED BY edge_child WHERE e.tenant = ? AND e.child = ? AND e.rel = ? ORDER BY e.parent LIMIT ?)`
	sweepBelow = `DELETE FROM edge WHERE tenant = ? AND rel = ? AND parent = ? AND child IN
	(SELECT e.child FROM edge e WHERE e.tenant = ? AND e.rel = ? AND e.parent = ? ORDER BY e.child LIMIT ?)`
)

// Sweep implements store.Store. It runs on the writer, alone in its transaction.
func (db *DB) Sweep(ctx context.Context, t store.Tenant, now time.Time, limit int) (removed int, err error) {
	// A check on a reader spares the writer a transaction whenever there is nothing to do, which is nearly always.
	idle := true
	err = db.each(ctx, func(row) { idle = false }, firstSweep, int64(t))
	if err != nil || idle {
		return 0, err
	}
	err = db.writer.do(ctx, &job{tenant: t, task: func(b *batch) error {
		var err error
		removed, err = sweep(b.conn, t, now, limit)
		return err
	}})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

func sweep(c *conn, tenant store.Tenant, now time.Time, limit int) (int, error) {
	t, rel, left := int64(tenant), int64(store.Members), int64(limit)
	for left > 0 {
		var n int64
		found, err := c.one(func(r row) { n = r.int(0) }, firstSweep, t)
		if err != nil {
			return 0, err
		}
		if !found {
			break
		}
		if _, err := c.exec(sweepTouch, toMillis(now), t, t, n, rel, left); err != nil {
			return 0, err
		}
		above, err := c.exec(sweepAbove, t, rel, n, t, n, rel, left)
		if err != nil {
			return 0, err
		}
		left -= above
		below, err := c.exec(sweepBelow, t, rel, n, t, rel, n, left)
		if err != nil {
			return 0, err
		}
		left -= below
		if left > 0 { // so none of its edges is left
			if _, err := c.exec(sweepEnd, t, n); err != nil {
				return 0, err
			}
		}
	}
	return limit - int(left), nil
}
