package relational

import (
	"context"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const (
	itemColumns = "i.tenant, i.kind, i.name, i.item_key, i.expires, i.body"
	itemsOf     = "SELECT " + itemColumns + " FROM item i WHERE i.tenant = ? AND i.kind = ? ORDER BY i.name"
	itemByKey   = "SELECT " + itemColumns + " FROM item i INDEXED BY item_key WHERE i.kind = ? AND i.item_key = ? AND i.item_key <> ''"
	allItems    = "SELECT " + itemColumns + " FROM item i WHERE i.kind = ? ORDER BY i.tenant, i.name"
	upsertItem  = `INSERT INTO item (tenant, kind, name, item_key, expires, body) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant, kind, name) DO UPDATE SET item_key = excluded.item_key, expires = excluded.expires, body = excluded.body`
	deleteItem  = "DELETE FROM item WHERE tenant = ? AND kind = ? AND name = ?"
	expireItems = `DELETE FROM item WHERE (tenant, kind, name) IN
	(SELECT tenant, kind, name FROM item INDEXED BY item_expires WHERE expires <> 0 AND expires <= ? ORDER BY expires LIMIT ?)`
)

func readItem(r Row) store.Item {
	return store.Item{
		Tenant: store.Tenant(r.Int(0)), Kind: r.Text(1), Name: r.Text(2), Key: r.Text(3), Expires: fromMillis(r.Int(4)), Body: r.Blob(5),
	}
}

// Items implements store.Items.
func (db *DB) Items(ctx context.Context, t store.Tenant, kind string) (list []store.Item, err error) {
	err = db.each(ctx, func(r Row) { list = append(list, readItem(r)) }, itemsOf, int64(t), kind)
	return list, err
}

// ItemByKey implements store.Items.
func (db *DB) ItemByKey(ctx context.Context, kind, key string) (i store.Item, err error) {
	err = db.find(ctx, func(r Row) { i = readItem(r) }, itemByKey, kind, key)
	return i, err
}

// AllItems implements store.Items.
func (db *DB) AllItems(ctx context.Context, kind string) (list []store.Item, err error) {
	err = db.each(ctx, func(r Row) { list = append(list, readItem(r)) }, allItems, kind)
	return list, err
}

// Expire implements store.Items.
func (db *DB) Expire(ctx context.Context, then time.Time, limit int) (removed int, err error) {
	err = db.writer.do(ctx, &job{tenant: store.System, task: func(b *batch) error {
		n, err := b.conn.Exec(expireItems, toMillis(then), int64(limit))
		removed = int(n)
		return err
	}})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// checkItems refuses the key of another item, before it takes the whole batch down.
func (l *ledger) checkItems(c Conn, rows *store.Rows) (answer, err error) {
	for _, i := range rows.Items {
		if i.Key == "" || i.Body == nil {
			continue
		}
		other := false
		if _, err := c.One(func(r Row) { other = r.Int(0) != int64(l.tenant) || r.Text(2) != i.Name }, itemByKey, i.Kind, i.Key); err != nil {
			return nil, err
		}
		for _, before := range l.rest { // of this batch
			for _, o := range before.Items {
				other = other || o.Kind == i.Kind && o.Key == i.Key && o.Name != i.Name
			}
		}
		if other {
			return store.ErrTaken, nil
		}
	}
	return nil, nil
}

func writeItems(c Conn, t store.Tenant, rows *store.Rows) error {
	for _, i := range rows.Items {
		query, args := upsertItem, []any{int64(t), i.Kind, i.Name, i.Key, toMillis(i.Expires), i.Body}
		if i.Body == nil {
			query, args = deleteItem, args[:3]
		}
		if err := c.Do(query, args...); err != nil {
			return err
		}
	}
	return nil
}
