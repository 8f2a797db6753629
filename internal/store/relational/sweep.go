package relational

import (
	"context"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const (
	// What is held may come back, with its edges.
	firstSweep = `SELECT s.num FROM sweep s WHERE s.tenant = ? AND NOT EXISTS
	(SELECT 1 FROM held h WHERE h.tenant = s.tenant AND h.num = s.num) ORDER BY s.num LIMIT 1`
	firstExpired = "SELECT 1 FROM pending INDEXED BY pending_expires WHERE tenant = ? AND expires < ? LIMIT 1"
	sweepTouch   = `UPDATE resource INDEXED BY resource_num SET version = version + 1, modified = max(modified, ?)
	WHERE tenant = ? AND deleted = 0 AND num IN
	(SELECT e.parent FROM edge e INDEXED BY edge_child WHERE e.tenant = ? AND e.child = ? AND e.rel = ? ORDER BY e.parent LIMIT ?)`
	sweepAbove = `DELETE FROM edge WHERE tenant = ? AND rel = ? AND child = ? AND parent IN
	(SELECT e.parent FROM edge e INDEXED BY edge_child WHERE e.tenant = ? AND e.child = ? AND e.rel = ? ORDER BY e.parent LIMIT ?)`
	sweepBelow = `DELETE FROM edge WHERE tenant = ? AND rel = ? AND parent = ? AND child IN
	(SELECT e.child FROM edge e WHERE e.tenant = ? AND e.rel = ? AND e.parent = ? ORDER BY e.child LIMIT ?)`
	sweepPending = "DELETE FROM pending INDEXED BY pending_parent WHERE tenant = ? AND parent = ?"
	sweepExpired = `DELETE FROM pending WHERE (tenant, source, value, rel, parent) IN
	(SELECT tenant, source, value, rel, parent FROM pending INDEXED BY pending_expires WHERE tenant = ? AND expires < ? ORDER BY expires LIMIT ?)`
)

// Sweep implements store.Store. It runs on the writer, alone in its transaction.
func (db *DB) Sweep(ctx context.Context, t store.Tenant, now time.Time, limit int) (removed int, err error) {
	// A check on a reader spares the writer a transaction whenever there is nothing to do, which is nearly always.
	busy := false
	err = db.read(ctx, func(c Conn) (err error) {
		if busy, err = c.One(func(Row) {}, firstSweep, int64(t)); err == nil && !busy {
			busy, err = c.One(func(Row) {}, firstExpired, int64(t), toMillis(now))
		}
		return err
	})
	if err != nil || !busy {
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

func sweep(c Conn, tenant store.Tenant, now time.Time, limit int) (int, error) {
	t, rel, left := int64(tenant), int64(store.Members), int64(limit)
	for left > 0 {
		var n int64
		found, err := c.One(func(r Row) { n = r.Int(0) }, firstSweep, t)
		if err != nil {
			return 0, err
		}
		if !found {
			break
		}
		if err := c.Do(sweepTouch, toMillis(now), t, t, n, rel, left); err != nil {
			return 0, err
		}
		above, err := c.Exec(sweepAbove, t, rel, n, t, n, rel, left)
		if err != nil {
			return 0, err
		}
		left -= above
		below, err := c.Exec(sweepBelow, t, rel, n, t, rel, n, left)
		if err != nil {
			return 0, err
		}
		left -= below
		if left == 0 {
			break // perhaps not all of its edges
		}
		if err := c.Do(sweepPending, t, n); err != nil {
			return 0, err
		}
		if err := c.Do(sweepEnd, t, n); err != nil {
			return 0, err
		}
	}
	expired, err := c.Exec(sweepExpired, t, toMillis(now), left)
	return limit - int(left-expired), err
}
