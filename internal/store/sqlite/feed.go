package sqlite

import (
	"context"

	"github.com/muster-id/muster/internal/store"
)

const feedHead = "SELECT epoch, seq, at, holds FROM head WHERE tenant = ?"

// Head implements store.Feed.
func (db *DB) Head(ctx context.Context, t store.Tenant) (h store.Head, err error) {
	err = db.find(ctx, func(r row) {
		h = store.Head{Epoch: r.int(0), Seq: store.Seq(r.int(1)), At: fromMillis(r.int(2)), Holds: r.int(3)}
	}, feedHead, int64(t))
	return h, err
}

// Wait implements store.Feed. It asks the database only before the writer's first commit to the tenant.
func (db *DB) Wait(ctx context.Context, t store.Tenant, after store.Seq) error {
	for {
		seq, moved := db.signal.watch(t)
		if seq == 0 {
			h, err := db.Head(ctx, t)
			if err != nil {
				return err
			}
			seq = h.Seq
		}
		if seq > after {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		case <-db.closing:
			return store.ErrClosed
		}
	}
}

const (
	changeColumns = "c.seq, c.num, c.type, c.id, c.person, c.kind, c.events, c.version, c.same, c.at, c.source, c.actor, c.request, c.lane, c.edges, c.hold, " +
		"CASE c.hold WHEN 0 THEN 0 ELSE (SELECT h.state FROM hold h WHERE h.tenant = c.tenant AND h.num = c.hold) END"
	changesAfter = "SELECT " + changeColumns + " FROM change c WHERE c.tenant = ? AND c.seq > ? ORDER BY c.seq LIMIT ?"
	changesOf    = "SELECT " + changeColumns + ` FROM change c INDEXED BY change_num
	WHERE c.tenant = ? AND c.num = ? AND c.seq >= ? AND c.seq <= ? ORDER BY c.seq LIMIT ?`
	urgentAfter = "SELECT " + changeColumns + ` FROM change c INDEXED BY change_urgent
	WHERE c.tenant = ? AND c.lane = 1 AND c.seq > ? ORDER BY c.seq LIMIT ?`
)

// Changes implements store.Feed.
func (db *DB) Changes(ctx context.Context, t store.Tenant, after store.Seq, limit int) ([]*store.Change, error) {
	return db.changes(ctx, t, changesAfter, int64(t), int64(after), int64(limit))
}

// ChangesOf implements store.Feed.
func (db *DB) ChangesOf(ctx context.Context, t store.Tenant, n store.Num, from, to store.Seq, limit int) ([]*store.Change, error) {
	return db.changes(ctx, t, changesOf, int64(t), int64(n), int64(from), int64(to), int64(limit))
}

// UrgentAfter implements store.Feed.
func (db *DB) UrgentAfter(ctx context.Context, t store.Tenant, after store.Seq, limit int) ([]*store.Change, error) {
	return db.changes(ctx, t, urgentAfter, int64(t), int64(after), int64(limit))
}

const edgesOfChange = `SELECT x.rel, x.child, x.removed, r.id, r.type FROM change_edge x
	CROSS JOIN resource r ON r.tenant = x.tenant AND r.num = x.child
	WHERE x.tenant = ? AND x.seq = ? ORDER BY x.rel, x.child`

const edgeHistory = `SELECT x.seq, c.at, c.actor, c.num, r.id, r.type, x.removed FROM change_edge x
	CROSS JOIN change c INDEXED BY change_seq ON c.tenant = x.tenant AND c.seq = x.seq
	CROSS JOIN resource r INDEXED BY resource_num ON r.tenant = c.tenant AND r.num = c.num
	WHERE x.tenant = ? AND x.rel = ? AND x.child = ? ORDER BY x.seq`

// EdgeHistory implements store.Feed.
func (db *DB) EdgeHistory(ctx context.Context, t store.Tenant, rel store.Rel, child store.Num) (list []store.EdgeMove, err error) {
	err = db.each(ctx, func(r row) {
		list = append(list, store.EdgeMove{
			Seq: store.Seq(r.int(0)), At: fromMillis(r.int(1)), Actor: r.text(2), Parent: store.Num(r.int(3)),
			ParentID: r.text(4), ParentType: r.text(5), Removed: r.bool(6),
		})
	}, edgeHistory, int64(t), int64(rel), int64(child))
	return list, err
}

func (db *DB) changes(ctx context.Context, t store.Tenant, query string, args ...any) (list []*store.Change, err error) {
	err = db.read(ctx, func(c *conn) error {
		var edges []int // how many each change has
		for r, err := range c.rows(context.Background(), query, args...) {
			if err != nil {
				return err
			}
			list = append(list, readChange(r))
			edges = append(edges, int(r.int(14)))
		}
		for i, ch := range list {
			if edges[i] == 0 {
				continue
			}
			ch.Edges = make([]store.EdgeChange, 0, edges[i])
			for r, err := range c.rows(ctx, edgesOfChange, int64(t), int64(ch.Seq)) {
				if err != nil {
					return err
				}
				ch.Edges = append(ch.Edges, store.EdgeChange{
					Rel: store.Rel(r.int(0)), Child: store.Num(r.int(1)), Removed: r.bool(2), ChildID: r.text(3), ChildType: r.text(4),
				})
			}
		}
		return nil
	})
	return list, err
}

func readChange(r row) *store.Change {
	return &store.Change{
		Seq:       store.Seq(r.int(0)),
		Num:       store.Num(r.int(1)),
		Type:      r.text(2),
		ID:        r.text(3),
		Person:    r.text(4),
		Kind:      store.Kind(r.int(5)),
		Events:    store.Events(r.int(6)),
		Version:   r.int(7),
		SameDoc:   r.bool(8),
		At:        fromMillis(r.int(9)),
		Source:    store.Source(r.int(10)),
		Actor:     r.text(11),
		RequestID: r.text(12),
		Lane:      store.Lane(r.int(13)),
		Hold:      r.int(15),
		Held:      store.HoldState(r.int(16)),
	}
}

const (
	changeBefore = "SELECT before, format FROM change WHERE tenant = ? AND seq = ?"
	bodyNow      = "SELECT body, key FROM resource WHERE tenant = ? AND num = ?"
	// nextBefore finds the next change that kept the document before it, which is the one after all changes since.
	nextBefore = `SELECT before, format FROM change INDEXED BY change_document
	WHERE tenant = ? AND num = ? AND seq > ? AND same = 0 ORDER BY seq LIMIT 1`
)

// Documents implements store.Feed.
func (db *DB) Documents(ctx context.Context, t store.Tenant, ch *store.Change) (before, after []byte, err error) {
	err = db.read(ctx, func(c *conn) error {
		var key, body []byte
		// The body first: if no later change is found after that, the body is what this change left.
		if _, err := c.one(func(r row) { body, key = r.blob(0), r.blob(1) }, bodyNow, int64(t), int64(ch.Num)); err != nil {
			return err
		}
		var bad error
		open := func(r row) []byte {
			var doc []byte
			if doc, err = db.open(t, key, r.blob(0), r.int(1)); err != nil {
				bad = err
			}
			return doc
		}
		if ch.Kind != store.Deleted {
			after = body
			if _, err := c.one(func(r row) { after = open(r) }, nextBefore, int64(t), int64(ch.Num), int64(ch.Seq)); err != nil {
				return err
			}
		}
		if ch.SameDoc {
			before = after
			return bad
		}
		if _, err := c.one(func(r row) { before = open(r) }, changeBefore, int64(t), int64(ch.Seq)); err != nil {
			return err
		}
		return bad
	})
	return before, after, err
}

// find runs a query for one row that must be there.
func (db *DB) find(ctx context.Context, scan func(row), query string, args ...any) error {
	return db.read(ctx, func(c *conn) error {
		found, err := c.one(scan, query, args...)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		return err
	})
}

// each runs a query for rows that are few.
func (db *DB) each(ctx context.Context, scan func(row), query string, args ...any) error {
	return db.read(ctx, func(c *conn) error {
		for r, err := range c.rows(ctx, query, args...) {
			if err != nil {
				return err
			}
			scan(r)
		}
		return nil
	})
}
