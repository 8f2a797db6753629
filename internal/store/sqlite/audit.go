package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// How the document before a change is stored.
const (
	formatPlain  int64 = 0
	formatSealed int64 = 1 // under the key of the resource
	formatErased int64 = 2
)

// giveKey gives a resource the key that it has, or a fresh one. A person who was erased and comes back begins anew (K07).
func (l *ledger) giveKey(r *store.Resource) {
	if len(r.Key) > 0 || l.opts.Sealer == nil {
		return
	}
	if k := l.nums[r.Num]; k != nil && len(k.now.Key) > 0 {
		r.Key = k.now.Key
		return
	}
	r.Key = make([]byte, store.PersonKey)
	rand.Read(r.Key) // never fails
}

// sealChange makes of a change what is stored of it, and its record.
func (l *ledger) sealChange(c *change, rows *store.Rows) {
	var before, after, key []byte
	if k := l.nums[c.Num]; k != nil {
		before, key = k.now.Body, k.now.Key
		after = before
	}
	for _, r := range rows.Resources {
		if r.Num == c.Num {
			after, key = r.Body, r.Key
		}
	}
	if s := l.opts.Sealer; s != nil && len(key) > 0 && c.before != nil {
		c.before, c.format = s.Seal(l.tenant, key, c.before), formatSealed
	}
	if l.opts.NoAudit {
		return
	}
	act := &store.Act{
		At: c.At, Action: actionOf(c.Kind), Result: "ok", Actor: c.Actor, Source: c.Source, Address: c.Address, Request: c.RequestID,
		Type: c.Type, ID: c.ID, Person: c.Person, Version: c.Version, Change: c.Seq, Events: c.Events, Lane: c.Lane,
	}
	if !c.SameDoc {
		act.Attrs = changedNames(c.Before, after)
	}
	for _, e := range c.Edges {
		if e.Removed {
			act.Removed++
		} else {
			act.Added++
		}
	}
	act.Digest = digest(l.opts.Sealer, l.tenant, key, c.Change, c.Before, after)
	l.acts = append(l.acts, act)
}

// digest returns the digest of what a change did: the documents before and after, unless they are the same, and the edges.
func digest(s store.Sealer, t store.Tenant, key []byte, c *store.Change, before, after []byte) []byte {
	if s == nil || len(key) == 0 {
		return nil
	}
	if c.SameDoc {
		before, after = nil, nil
	}
	edges := slices.Clone(c.Edges)
	slices.SortFunc(edges, func(a, b store.EdgeChange) int {
		return cmp.Or(cmp.Compare(a.Rel, b.Rel), cmp.Compare(a.Child, b.Child))
	})
	packed := make([]byte, 0, 10*len(edges))
	for _, e := range edges {
		packed = append(packed, byte(e.Rel), byte(flag(e.Removed)))
		packed = binary.BigEndian.AppendUint64(packed, uint64(e.Child))
	}
	return s.Digest(t, key, before, after, packed)
}

const keyOfResource = "SELECT key FROM resource INDEXED BY resource_num WHERE tenant = ? AND num = ?"

// ChangeDigest implements store.Audit.
func (db *DB) ChangeDigest(ctx context.Context, t store.Tenant, c *store.Change) ([]byte, error) {
	before, after, err := db.Documents(ctx, t, c)
	if err != nil {
		return nil, err
	}
	var key []byte
	err = db.read(ctx, func(conn *conn) error {
		_, err := conn.one(func(r row) { key = bytes.Clone(r.blob(0)) }, keyOfResource, int64(t), int64(c.Num))
		return err
	})
	if err != nil {
		return nil, err
	}
	return digest(db.opts.Sealer, t, key, c, before, after), nil
}

func actionOf(k store.Kind) string {
	switch k {
	case store.Created:
		return "create"
	case store.Deleted:
		return "delete"
	case store.Updated:
	}
	return "update"
}

// enterActs takes in what was done beside changes.
func (l *ledger) enterActs(rows *store.Rows) {
	if l.opts.NoAudit {
		return
	}
	l.acts = append(l.acts, rows.Audit...)
	if c := rows.Checkpoint; c != nil {
		l.head.checked, l.head.dirty = max(l.head.checked, c.N), true
	}
}

const (
	insertAudit      = "INSERT INTO audit (tenant, n, at, hash, body) VALUES (?, ?, ?, ?, ?)"
	insertCheckpoint = "INSERT INTO audit_checkpoint (tenant, n, at, hash, key_id, signature) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)

// writeAudit writes the records of what happened, each behind the one before it. If that fails, nothing has happened (K01).
func (l *ledger) writeAudit(c *conn) error {
	h := &l.head
	for _, act := range l.acts {
		h.audited++
		h.dirty = true
		body := act.Append(nil, h.audited)
		h.hash = store.Chain(h.hash, body)
		if _, err := c.exec(insertAudit, int64(l.tenant), h.audited, toMillis(act.At), h.hash[:], body); err != nil {
			return fmt.Errorf("%w: %w", store.ErrAudit, err)
		}
	}
	for _, rows := range l.rest {
		if p := rows.Checkpoint; p != nil {
			if _, err := c.exec(insertCheckpoint, int64(l.tenant), p.N, toMillis(p.At), p.Hash[:], p.Key, p.Signature); err != nil {
				return err
			}
		}
	}
	return nil
}

// open returns a document as it was before it was stored; nil if it was erased.
func (db *DB) open(t store.Tenant, key, stored []byte, format int64) ([]byte, error) {
	switch {
	case stored == nil || format == formatErased:
		return nil, nil
	case format == formatPlain:
		return stored, nil
	case db.opts.Sealer == nil:
		return nil, errors.New("the documents of changes are sealed, and there is no key")
	case len(key) == 0:
		return nil, nil // erased meanwhile
	}
	doc, err := db.opts.Sealer.Open(t, key, stored)
	if err != nil {
		return nil, fmt.Errorf("open a document: %w", err)
	}
	return doc, nil
}

const (
	auditHead  = "SELECT tenant, audit_n, audit, audit_checked FROM head WHERE tenant = ?"
	auditHeads = "SELECT tenant, audit_n, audit, audit_checked FROM head WHERE audit_n > 0 AND audit_n - audit_checked >= ? ORDER BY tenant"
	auditAfter = "SELECT n, hash, body FROM audit INDEXED BY audit_n WHERE tenant = ? AND n > ? ORDER BY n LIMIT ?"
	auditMatch = `SELECT n, hash, body FROM audit INDEXED BY audit_n
	WHERE tenant = ? AND n > ? AND at >= ? AND at < ? AND (? = x'' OR instr(body, ?) > 0) ORDER BY n LIMIT ?`
	checkpoints = "SELECT n, at, hash, key_id, signature FROM audit_checkpoint WHERE tenant = ? AND n > ? ORDER BY n LIMIT ?"
)

func readAuditHead(r row) store.AuditHead {
	h := store.AuditHead{Tenant: store.Tenant(r.int(0)), N: r.int(1), Checked: r.int(3)}
	copy(h.Hash[:], r.blob(2))
	return h
}

// AuditHead implements store.Audit.
func (db *DB) AuditHead(ctx context.Context, t store.Tenant) (h store.AuditHead, err error) {
	err = db.find(ctx, func(r row) { h = readAuditHead(r) }, auditHead, int64(t))
	return h, err
}

// AuditHeads implements store.Audit.
func (db *DB) AuditHeads(ctx context.Context, behind int64) (list []store.AuditHead, err error) {
	err = db.each(ctx, func(r row) { list = append(list, readAuditHead(r)) }, auditHeads, behind)
	return list, err
}

// AuditRecords implements store.Audit.
func (db *DB) AuditRecords(ctx context.Context, t store.Tenant, q store.AuditQuery, limit int) (list []store.AuditRecord, err error) {
	query, args := auditAfter, []any{int64(t), q.After, int64(limit)}
	if q != (store.AuditQuery{After: q.After}) {
		until := int64(math.MaxInt64)
		if !q.Until.IsZero() {
			until = q.Until.UnixMilli()
		}
		match := []byte(q.Match)
		query, args = auditMatch, []any{int64(t), q.After, toMillis(q.Since), until, match, match, int64(limit)}
	}
	err = db.each(ctx, func(r row) {
		rec := store.AuditRecord{N: r.int(0), Body: r.blob(2)}
		copy(rec.Hash[:], r.blob(1))
		list = append(list, rec)
	}, query, args...)
	return list, err
}

// Checkpoints implements store.Audit.
func (db *DB) Checkpoints(ctx context.Context, t store.Tenant, after int64, limit int) (list []store.Checkpoint, err error) {
	err = db.each(ctx, func(r row) {
		c := store.Checkpoint{N: r.int(0), At: fromMillis(r.int(1)), Key: r.text(3), Signature: r.blob(4)}
		copy(c.Hash[:], r.blob(2))
		list = append(list, c)
	}, checkpoints, int64(t), after, int64(limit))
	return list, err
}

const (
	pruneFrom = "SELECT n, at FROM audit INDEXED BY audit_n WHERE tenant = ? ORDER BY n LIMIT 1"
	// The chain is verified from the last checkpoint before it, so it may begin nowhere else: also not between two slices.
	pruneTo = `SELECT k.n FROM audit_checkpoint k CROSS JOIN audit a INDEXED BY audit_n ON a.tenant = k.tenant AND a.n = k.n
	WHERE k.tenant = ? AND k.n >= ? AND a.at <= ? ORDER BY k.n`
	pruneAudit       = "DELETE FROM audit INDEXED BY audit_n WHERE tenant = ? AND n <= ?"
	pruneCheckpoints = `DELETE FROM audit_checkpoint WHERE tenant = ? AND n <
	(SELECT max(k.n) FROM audit_checkpoint k WHERE k.tenant = ? AND k.n < (SELECT min(a.n) FROM audit a INDEXED BY audit_n WHERE a.tenant = ?))`
)

// PruneAudit implements store.Audit.
func (db *DB) PruneAudit(ctx context.Context, t store.Tenant, before time.Time, limit int, act func(upto int64) *store.Act) (removed int, err error) {
	// Asking a reader spares the writer a transaction for each tenant that has nothing so old, which are nearly all.
	var from, at int64
	found := false
	err = db.read(ctx, func(c *conn) (err error) {
		found, err = c.one(func(r row) { from, at = r.int(0), r.int(1) }, pruneFrom, int64(t))
		return err
	})
	if err != nil || !found || at > toMillis(before) {
		return 0, err
	}
	err = db.writer.do(ctx, &job{tenant: t, task: func(b *batch) error {
		var to int64
		if _, err := b.conn.one(func(r row) { from = r.int(0) }, pruneFrom, int64(t)); err != nil {
			return err
		}
		for r, err := range b.conn.rows(context.Background(), pruneTo, int64(t), from, toMillis(before)) {
			if err != nil {
				return err
			}
			if n := r.int(0); to == 0 || n < from+int64(limit) {
				to = n
			} else {
				break
			}
		}
		if to == 0 {
			return nil
		}
		n, err := b.conn.exec(pruneAudit, int64(t), to)
		if err != nil {
			return err
		}
		removed = int(n)
		b.ledgers[t].acts = append(b.ledgers[t].acts, act(to))
		_, err = b.conn.exec(pruneCheckpoints, int64(t), int64(t), int64(t))
		return err
	}})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

const (
	eraseState   = "SELECT deleted FROM resource INDEXED BY resource_num WHERE tenant = ? AND num = ?"
	eraseKey     = "UPDATE resource SET key = x'', employee_number = '' WHERE tenant = ? AND num = ?"
	eraseChanges = "UPDATE change INDEXED BY change_num SET before = NULL, format = 2 WHERE tenant = ? AND num = ? AND before IS NOT NULL"
	// What a rehire is found by, and what a target said of somebody.
	eraseRecords = "UPDATE record SET external_id = '', employee_number = '', body = NULL WHERE tenant = ? AND num = ?"
	eraseDetours = "UPDATE detour SET detail = '' WHERE tenant = ? AND num = ?"
	truncateLog  = "PRAGMA wal_checkpoint(TRUNCATE)"
)

const (
	formerByID = "SELECT " + readColumns + " FROM resource r INDEXED BY resource_id WHERE r.tenant = ? AND r.id = ?"
	// An id of before a rehire is that of a record, whose key begins with the source.
	formerByRecord = "SELECT " + readColumns + ` FROM source s CROSS JOIN record c ON c.tenant = s.tenant AND c.source = s.source
	CROSS JOIN resource r INDEXED BY resource_num ON r.tenant = c.tenant AND r.num = c.num WHERE s.tenant = ? AND c.id = ? LIMIT 1`
)

// Former implements store.Audit.
func (db *DB) Former(ctx context.Context, t store.Tenant, id string) (res *store.Resource, err error) {
	err = db.read(ctx, func(c *conn) error {
		for _, query := range []string{formerByID, formerByRecord} {
			if found, err := c.one(func(r row) { res = readResource(r) }, query, int64(t), id); err != nil || found {
				return err
			}
		}
		return store.ErrNotFound
	})
	return res, err
}

// Erase implements store.Audit.
func (db *DB) Erase(ctx context.Context, t store.Tenant, n store.Num, act *store.Act) error {
	err := db.writer.do(ctx, &job{tenant: t, task: func(b *batch) error {
		alive := false
		found, err := b.conn.one(func(r row) { alive = !r.bool(0) }, eraseState, int64(t), int64(n))
		switch {
		case err != nil:
			return err
		case !found:
			return store.ErrNotFound
		case alive:
			return store.ErrAlive
		}
		for _, query := range []string{eraseKey, eraseChanges, eraseRecords, eraseDetours} {
			if _, err := b.conn.exec(query, int64(t), int64(n)); err != nil {
				return err
			}
		}
		b.ledgers[t].acts = append(b.ledgers[t].acts, act)
		return nil
	}})
	if err != nil {
		return err
	}
	// The log holds what the pages were before. A reader that is under way may need it.
	db.readers.forget()
	for try := range 50 {
		busy := int64(1)
		if err := db.copier.truncate(func(r row) { busy = r.int(0) }); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
		wait := time.NewTimer(time.Duration(try) * 10 * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
	return errors.New("erased, but a reader kept the write-ahead log from being emptied: try again")
}
