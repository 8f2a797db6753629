package relational

import (
	"context"
	"iter"

	"github.com/muster-id/muster/internal/store"
)

// A tombstone whose edges are still there stands in sweep, which is nearly always empty: asking it for the end of an
// edge that is given costs less than reading the resource.

const (
	refColumns = "r.num, r.id, r.type, r.display"
	childrenOf = "SELECT " + refColumns + ` FROM edge e CROSS JOIN resource r ON r.tenant = e.tenant AND r.num = e.child
	WHERE e.tenant = ? AND e.rel = ? AND e.parent = ? AND e.child > ? AND r.deleted = 0
	AND NOT EXISTS (SELECT 1 FROM sweep s WHERE s.tenant = ? AND s.num = ?)
	ORDER BY e.child LIMIT ?`
)

// The first page of children is short, since most groups are small or only begun; then pages grow.
const (
	firstChildren = 64
	moreChildren  = 1024
)

// Children implements store.Reader. Between pages no connection is held.
func (db *DB) Children(ctx context.Context, t store.Tenant, rel store.Rel, parent, after store.Num) iter.Seq2[store.Ref, error] {
	return func(yield func(store.Ref, error) bool) {
		page := make([]store.Ref, 0, firstChildren)
		for limit := firstChildren; ; limit = moreChildren {
			page = page[:0]
			err := db.each(ctx, func(r Row) { page = append(page, readRef(r)) },
				childrenOf, int64(t), int64(rel), int64(parent), int64(after), int64(t), int64(parent), int64(limit))
			if err != nil {
				yield(store.Ref{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
				after = r.Num
			}
			if len(page) < limit {
				return
			}
		}
	}
}

func readRef(r Row) store.Ref {
	return store.Ref{Num: store.Num(r.Int(0)), ID: r.Text(1), Type: r.Text(2), Display: r.Text(3)}
}

const (
	parentsOf = "SELECT " + refColumns + ` FROM edge e INDEXED BY edge_child CROSS JOIN resource r ON r.tenant = e.tenant AND r.num = e.parent
	WHERE e.tenant = ? AND e.child = ? AND e.rel = ? AND r.deleted = 0
	AND NOT EXISTS (SELECT 1 FROM sweep s WHERE s.tenant = ? AND s.num = ?)
	ORDER BY e.parent`
	refsByNum = "SELECT " + refColumns + ` FROM numbers(?) k CROSS JOIN resource r
	WHERE r.tenant = ? AND r.num = k.value AND r.deleted = 0 ORDER BY r.num`
)

// Ancestors implements store.Reader: direct parents by the edges, the others by a walk over the nesting in memory.
func (db *DB) Ancestors(ctx context.Context, t store.Tenant, rel store.Rel, child store.Num) ([]store.Ref, error) {
	var refs []store.Ref
	err := db.read(ctx, func(c Conn) error {
		for r, err := range c.Rows(context.Background(), parentsOf, int64(t), int64(child), int64(rel), int64(t), int64(child)) {
			if err != nil {
				return err
			}
			if ref := readRef(r); ref.Num != child {
				ref.Direct = true
				refs = append(refs, ref)
			}
		}
		if len(refs) == 0 {
			return nil
		}
		n, err := db.nesting.of(c, t, rel)
		if err != nil {
			return err
		}
		start := make([]store.Num, len(refs))
		for i, r := range refs {
			start[i] = r.Num
		}
		above := walk(n.parents, start, child)
		if len(above) == 0 {
			return nil
		}
		for r, err := range c.Rows(context.Background(), refsByNum, above, int64(t)) {
			if err != nil {
				return err
			}
			refs = append(refs, readRef(r))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return refs, nil
}

const childrenAmong = `SELECT e.child FROM numbers(?) k
	CROSS JOIN edge e CROSS JOIN resource r ON r.tenant = e.tenant AND r.num = e.child
	WHERE e.tenant = ? AND e.rel = ? AND e.parent = ? AND e.child = k.value AND r.deleted = 0
	AND NOT EXISTS (SELECT 1 FROM sweep s WHERE s.tenant = ? AND s.num = ?)`

// IsChild implements store.Reader.
func (db *DB) IsChild(ctx context.Context, t store.Tenant, rel store.Rel, parent store.Num, children []store.Num) (map[store.Num]bool, error) {
	is := map[store.Num]bool{}
	err := db.each(ctx, func(r Row) { is[store.Num(r.Int(0))] = true },
		childrenAmong, children, int64(t), int64(rel), int64(parent), int64(t), int64(parent))
	if err != nil {
		return nil, err
	}
	return is, nil
}
