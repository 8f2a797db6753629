package relational

import (
	"context"
	"fmt"

	"github.com/muster-id/muster/internal/store"
)

const (
	deleteDetour = "DELETE FROM detour WHERE tenant = ? AND target = ? AND num = ?"
	upsertDetour = `INSERT INTO detour (tenant, target, num, ahead, from_seq, upto_seq, attempts, next, reason, detail)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant, target, num) DO UPDATE SET ahead = excluded.ahead, from_seq = excluded.from_seq, upto_seq = excluded.upto_seq,
	attempts = excluded.attempts, next = excluded.next, reason = excluded.reason, detail = excluded.detail`
	deleteLink = "DELETE FROM link WHERE tenant = ? AND target = ? AND num = ?"
	upsertLink = `INSERT INTO link (tenant, target, num, type, remote_id, digest) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant, target, num) DO UPDATE SET type = excluded.type, remote_id = excluded.remote_id, digest = excluded.digest`
	upsertCursor = `INSERT INTO cursor (tenant, target, seq) VALUES (?, ?, ?)
	ON CONFLICT (tenant, target) DO UPDATE SET seq = excluded.seq`
)

// writeDeliveries writes the rows that delivery keeps; what is removed goes first.
func writeDeliveries(c Conn, tenant store.Tenant, rows *store.Rows) error {
	t := int64(tenant)
	for _, k := range rows.Undetours {
		if err := c.Do(deleteDetour, t, k.Target, int64(k.Num)); err != nil {
			return err
		}
	}
	for _, d := range rows.Detours {
		if err := c.Do(upsertDetour, t, d.Target, int64(d.Num), flag(d.Ahead), int64(d.From), int64(d.Upto),
			int64(d.Attempts), toMillis(d.Next), d.Reason, d.Detail); err != nil {
			return err
		}
	}
	for _, k := range rows.Unlinks {
		if err := c.Do(deleteLink, t, k.Target, int64(k.Num)); err != nil {
			return err
		}
	}
	for _, k := range rows.Links {
		if err := c.Do(upsertLink, t, k.Target, int64(k.Num), k.Type, k.RemoteID, document(k.Digest)); err != nil {
			return fmt.Errorf("link of resource %d at target %s: %w", k.Num, k.Target, err)
		}
	}
	for _, k := range rows.Cursors {
		if err := c.Do(upsertCursor, t, k.Target, int64(k.Seq)); err != nil {
			return err
		}
	}
	return nil
}

const (
	selectCursor  = "SELECT seq FROM cursor WHERE tenant = ? AND target = ?"
	selectCursors = "SELECT target, seq FROM cursor WHERE tenant = ? ORDER BY target"
)

// Cursors implements store.Deliveries.
func (db *DB) Cursors(ctx context.Context, t store.Tenant) (list []store.Cursor, err error) {
	err = db.each(ctx, func(r Row) { list = append(list, store.Cursor{Target: r.Text(0), Seq: store.Seq(r.Int(1))}) }, selectCursors, int64(t))
	return list, err
}

// Cursor implements store.Deliveries.
func (db *DB) Cursor(ctx context.Context, t store.Tenant, target string) (store.Cursor, error) {
	cur := store.Cursor{Target: target}
	err := db.find(ctx, func(r Row) { cur.Seq = store.Seq(r.Int(0)) }, selectCursor, int64(t), target)
	return cur, err
}

const (
	detourColumns = "d.target, d.num, d.ahead, d.from_seq, d.upto_seq, d.attempts, d.next, d.reason, d.detail"
	selectDetours = "SELECT " + detourColumns + " FROM detour d WHERE d.tenant = ? AND d.target = ? ORDER BY d.num"
	detoursOf     = "SELECT " + detourColumns + ` FROM numbers(?) k CROSS JOIN detour d
	WHERE d.tenant = ? AND d.target = ? AND d.num = k.value`
	dueDetours = "SELECT " + detourColumns + ` FROM detour d INDEXED BY detour_due
	WHERE d.tenant = ? AND d.target = ? AND d.ahead = 0 ORDER BY d.next, d.num LIMIT ?`
	countDetours = "SELECT count(*) FROM detour d INDEXED BY detour_due WHERE d.tenant = ? AND d.target = ? AND d.ahead = 0"
)

// Detours implements store.Deliveries.
func (db *DB) Detours(ctx context.Context, t store.Tenant, target string) ([]store.Detour, error) {
	return db.detours(ctx, selectDetours, int64(t), target)
}

// DetoursOf implements store.Deliveries.
func (db *DB) DetoursOf(ctx context.Context, t store.Tenant, target string, nums []store.Num) ([]store.Detour, error) {
	return db.detours(ctx, detoursOf, nums, int64(t), target)
}

// DueDetours implements store.Deliveries.
func (db *DB) DueDetours(ctx context.Context, t store.Tenant, target string, limit int) ([]store.Detour, error) {
	return db.detours(ctx, dueDetours, int64(t), target, int64(limit))
}

// CountDetours implements store.Deliveries.
func (db *DB) CountDetours(ctx context.Context, t store.Tenant, target string) (n int, err error) {
	err = db.find(ctx, func(r Row) { n = int(r.Int(0)) }, countDetours, int64(t), target)
	return n, err
}

func (db *DB) detours(ctx context.Context, query string, args ...any) (list []store.Detour, err error) {
	err = db.each(ctx, func(r Row) {
		list = append(list, store.Detour{
			DetourKey: store.DetourKey{Target: r.Text(0), Num: store.Num(r.Int(1))},
			Ahead:     r.Bool(2),
			From:      store.Seq(r.Int(3)),
			Upto:      store.Seq(r.Int(4)),
			Attempts:  int(r.Int(5)),
			Next:      fromMillis(r.Int(6)),
			Reason:    r.Text(7),
			Detail:    r.Text(8),
		})
	}, query, args...)
	return list, err
}

const (
	linkColumns  = "k.target, k.num, k.type, k.remote_id, k.digest"
	selectLink   = "SELECT " + linkColumns + " FROM link k WHERE k.tenant = ? AND k.target = ? AND k.num = ?"
	linkByRemote = "SELECT " + linkColumns + " FROM link k INDEXED BY link_remote WHERE k.tenant = ? AND k.target = ? AND k.type = ? AND k.remote_id = ?"
)

// Link implements store.Deliveries.
func (db *DB) Link(ctx context.Context, t store.Tenant, target string, n store.Num) (store.Link, error) {
	return db.link(ctx, selectLink, int64(t), target, int64(n))
}

// LinkByRemote implements store.Deliveries.
func (db *DB) LinkByRemote(ctx context.Context, t store.Tenant, target, typ, remoteID string) (store.Link, error) {
	return db.link(ctx, linkByRemote, int64(t), target, typ, remoteID)
}

func (db *DB) link(ctx context.Context, query string, args ...any) (l store.Link, err error) {
	err = db.find(ctx, func(r Row) {
		l = store.Link{
			LinkKey:  store.LinkKey{Target: r.Text(0), Num: store.Num(r.Int(1))},
			Type:     r.Text(2),
			RemoteID: r.Text(3),
			Digest:   r.Blob(4),
		}
	}, query, args...)
	return l, err
}
