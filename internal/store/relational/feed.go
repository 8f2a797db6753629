package relational

import (
	"context"

	"github.com/muster-id/muster/internal/store"
)

const feedHead = "SELECT epoch, seq, at, holds FROM head WHERE tenant = ?"

// Head implements store.Feed.
func (db *DB) Head(ctx context.Context, t store.Tenant) (h store.Head, err error) {
	err = db.find(ctx, func(r Row) {
		h = store.Head{Epoch: r.Int(0), Seq: store.Seq(r.Int(1)), At: fromMillis(r.Int(2)), Holds: r.Int(3)}
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
	err = db.each(ctx, func(r Row) {
		list = append(list, store.EdgeMove{
			Seq: store.Seq(r.Int(0)), At: fromMillis(r.Int(1)), Actor: r.Text(2), Parent: store.Num(r.Int(3)),
			ParentID: r.Text(4), ParentType: r.Text(5), Removed: r.Bool(6),
		})
	}, edgeHistory, int64(t), int64(rel), int64(child))
	return list, err
}

func (db *DB) changes(ctx context.Context, t store.Tenant, query string, args ...any) (list []*store.Change, err error) {
	err = db.read(ctx, func(c Conn) error {
		var edges []int // how many each change has
		for r, err := range c.Rows(context.Background(), query, args...) {
			if err != nil {
				return err
			}
			list = append(list, readChange(r))
			edges = append(edges, int(r.Int(14)))
		}
		for i, ch := range list {
			if edges[i] == 0 {
				continue
			}
			ch.Edges = make([]store.EdgeChange, 0, edges[i])
			for r, err := range c.Rows(ctx, edgesOfChange, int64(t), int64(ch.Seq)) {
				if err != nil {
					return err
				}
				ch.Edges = append(ch.Edges, store.EdgeChange{
					Rel: store.Rel(r.Int(0)), Child: store.Num(r.Int(1)), Removed: r.Bool(2), ChildID: r.Text(3), ChildType: r.Text(4),
				})
			}
		}
		return nil
	})
	return list, err
}

func readChange(r Row) *store.Change {
	return &store.Change{
		Seq:       store.Seq(r.Int(0)),
		Num:       store.Num(r.Int(1)),
		Type:      r.Text(2),
		ID:        r.Text(3),
		Person:    r.Text(4),
		Kind:      store.Kind(r.Int(5)),
		Events:    store.Events(r.Int(6)),
		Version:   r.Int(7),
		SameDoc:   r.Bool(8),
		At:        fromMillis(r.Int(9)),
		Source:    store.Source(r.Int(10)),
		Actor:     r.Text(11),
		RequestID: r.Text(12),
		Lane:      store.Lane(r.Int(13)),
		Hold:      r.Int(15),
		Held:      store.HoldState(r.Int(16)),
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
	err = db.read(ctx, func(c Conn) error {
		var key, body []byte
		// The body first: if no later change is found after that, the body is what this change left.
		if _, err := c.One(func(r Row) { body, key = r.Blob(0), r.Blob(1) }, bodyNow, int64(t), int64(ch.Num)); err != nil {
			return err
		}
		var bad error
		open := func(r Row) []byte {
			var doc []byte
			if doc, err = db.open(t, key, r.Blob(0), r.Int(1)); err != nil {
				bad = err
			}
			return doc
		}
		if ch.Kind != store.Deleted {
			after = body
			if _, err := c.One(func(r Row) { after = open(r) }, nextBefore, int64(t), int64(ch.Num), int64(ch.Seq)); err != nil {
				return err
			}
		}
		if ch.SameDoc {
			before = after
			return bad
		}
		if _, err := c.One(func(r Row) { before = open(r) }, changeBefore, int64(t), int64(ch.Seq)); err != nil {
			return err
		}
		return bad
	})
	return before, after, err
}

// find runs a query for one row that must be there.
func (db *DB) find(ctx context.Context, scan func(Row), query string, args ...any) error {
	return db.read(ctx, func(c Conn) error {
		found, err := c.One(scan, query, args...)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		return err
	})
}

// each runs a query for rows that are few.
func (db *DB) each(ctx context.Context, scan func(Row), query string, args ...any) error {
	return db.read(ctx, func(c Conn) error {
		for r, err := range c.Rows(ctx, query, args...) {
			if err != nil {
				return err
			}
			scan(r)
		}
		return nil
	})
}
