package relational

import (
	"context"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// now_ms() is the database's time in milliseconds.
const (
	upsertNode = `INSERT INTO node (id, name, address, version, started, seen) VALUES (?, ?, ?, ?, now_ms(), now_ms())
	ON CONFLICT (id) DO UPDATE SET seen = now_ms()`
	deleteNode  = "DELETE FROM node WHERE id = ?"
	forgetNodes = "DELETE FROM node WHERE seen < now_ms() - ?"
	selectNodes = `SELECT n.id, n.name, n.address, n.version, n.started, n.seen, n.seen >= now_ms() - ?,
	(SELECT count(*) FROM lease l WHERE l.holder = n.id) FROM node n WHERE n.seen >= now_ms() - ? ORDER BY n.started, n.id`

	leaseColumns = "SELECT l.name, l.holder, l.fence"
	selectLease  = leaseColumns + " FROM lease l WHERE l.tenant = ? AND l.name = ?"
	// liveLease finds a lease whose holder is alive.
	liveLease = leaseColumns + ` FROM lease l CROSS JOIN node n ON n.id = l.holder
	WHERE l.tenant = ? AND l.name = ? AND n.seen >= now_ms() - ?`
	takeLease = `INSERT INTO lease (tenant, name, holder, fence) VALUES (?, ?, ?, 1)
	ON CONFLICT (tenant, name) DO UPDATE SET holder = excluded.holder, fence = lease.fence + 1`
)

const dayOfNodes = 24 * time.Hour

// Shared implements store.Nodes.
func (db *DB) Shared() bool { return db.traits.Shared }

// Beat implements store.Nodes.
func (db *DB) Beat(ctx context.Context, n store.Node) error {
	return db.writer.do(ctx, &job{tenant: store.System, task: func(b *batch) error {
		if err := b.conn.Do(forgetNodes, dayOfNodes.Milliseconds()); err != nil {
			return err
		}
		return b.conn.Do(upsertNode, n.ID, n.Name, n.Address, n.Version)
	}})
}

// Leave implements store.Nodes.
func (db *DB) Leave(ctx context.Context, id string) error {
	return db.writer.do(ctx, &job{tenant: store.System, task: func(b *batch) error { return b.conn.Do(deleteNode, id) }})
}

// Nodes implements store.Nodes.
func (db *DB) Nodes(ctx context.Context) (list []store.Node, err error) {
	err = db.each(ctx, func(r Row) {
		list = append(list, store.Node{
			ID: r.Text(0), Name: r.Text(1), Address: r.Text(2), Version: r.Text(3), Started: fromMillis(r.Int(4)), Seen: fromMillis(r.Int(5)),
			Alive: r.Bool(6), Leases: int(r.Int(7)),
		})
	}, selectNodes, store.NodeTTL.Milliseconds(), dayOfNodes.Milliseconds())
	return list, err
}

// Take implements store.Nodes. The head of the tenant is locked meanwhile, as by every write that such a lease is a
// condition of: whoever had the lease before writes nothing after this.
func (db *DB) Take(ctx context.Context, t store.Tenant, name, node string) (l store.Lease, err error) {
	err = db.writer.do(ctx, &job{tenant: t, task: func(b *batch) error {
		if !b.ledgers[t].known {
			return errTenant
		}
		held, err := b.conn.One(func(r Row) { l = readLease(t, r) }, liveLease, int64(t), name, store.NodeTTL.Milliseconds())
		if err != nil || held {
			return err
		}
		if err := b.conn.Do(takeLease, int64(t), name, node); err != nil {
			return err
		}
		_, err = b.conn.One(func(r Row) { l = readLease(t, r) }, selectLease, int64(t), name)
		return err
	}})
	return l, err
}

// Lease implements store.Nodes.
func (db *DB) Lease(ctx context.Context, t store.Tenant, name string) (l store.Lease, err error) {
	err = db.find(ctx, func(r Row) { l = readLease(t, r) }, selectLease, int64(t), name)
	return l, err
}

func readLease(t store.Tenant, r Row) store.Lease {
	return store.Lease{Tenant: t, Name: r.Text(0), Holder: r.Text(1), Fence: r.Int(2)}
}

// fenced refuses a write whose lease has changed hands.
func (l *ledger) fenced(c Conn, f *store.Fence) (answer, err error) {
	if f == nil {
		return nil, nil
	}
	var now int64
	if _, err := c.One(func(r Row) { now = r.Int(2) }, selectLease, int64(l.tenant), f.Name); err != nil {
		return nil, err
	}
	if now != f.Number {
		return store.ErrFenced, nil
	}
	return nil, nil
}
