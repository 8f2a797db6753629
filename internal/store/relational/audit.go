package relational

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
	err = db.read(ctx, func(conn Conn) error {
		_, err := conn.One(func(r Row) { key = bytes.Clone(r.Blob(0)) }, keyOfResource, int64(t), int64(c.Num))
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
func (l *ledger) writeAudit(c Conn) error {
	h := &l.head
	for _, act := range l.acts {
		h.audited++
		h.dirty = true
		body := act.Append(nil, h.audited)
		h.hash = store.Chain(h.hash, body)
		if err := c.Do(insertAudit, int64(l.tenant), h.audited, toMillis(act.At), bytes.Clone(h.hash[:]), body); err != nil {
			return fmt.Errorf("%w: %w", store.ErrAudit, err)
		}
	}
	for _, rows := range l.rest {
		if p := rows.Checkpoint; p != nil {
			if err := c.Do(insertCheckpoint, int64(l.tenant), p.N, toMillis(p.At), p.Hash[:], p.Key, p.Signature); err != nil {
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
	auditHash  = "SELECT hash FROM audit INDEXED BY audit_n WHERE tenant = ? AND n = ?"
	auditHead  = "SELECT tenant, audit_n, audit, audit_checked FROM head WHERE tenant = ?"
	auditHeads = "SELECT tenant, audit_n, audit, audit_checked FROM head WHERE audit_n > 0 AND audit_n - audit_checked >= ? ORDER BY tenant"
	auditAfter = "SELECT n, hash, body FROM audit INDEXED BY audit_n WHERE tenant = ? AND n > ? ORDER BY n LIMIT ?"
	auditMatch = `SELECT n, hash, body FROM audit INDEXED BY audit_n
	WHERE tenant = ? AND n > ? AND at >= ? AND at < ? AND (? = x'' OR instr(body, ?) > 0) ORDER BY n LIMIT ?`
	checkpoints = "SELECT n, at, hash, key_id, signature FROM audit_checkpoint WHERE tenant = ? AND n > ? ORDER BY n LIMIT ?"
)

func readAuditHead(r Row) store.AuditHead {
	h := store.AuditHead{Tenant: store.Tenant(r.Int(0)), N: r.Int(1), Checked: r.Int(3)}
	copy(h.Hash[:], r.Blob(2))
	return h
}

// AuditHead implements store.Audit.
func (db *DB) AuditHead(ctx context.Context, t store.Tenant) (h store.AuditHead, err error) {
	err = db.find(ctx, func(r Row) { h = readAuditHead(r) }, auditHead, int64(t))
	return h, err
}

// AuditHeads implements store.Audit.
func (db *DB) AuditHeads(ctx context.Context, behind int64) (list []store.AuditHead, err error) {
	err = db.each(ctx, func(r Row) { list = append(list, readAuditHead(r)) }, auditHeads, behind)
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
	err = db.each(ctx, func(r Row) {
		rec := store.AuditRecord{N: r.Int(0), Body: r.Blob(2)}
		copy(rec.Hash[:], r.Blob(1))
		list = append(list, rec)
	}, query, args...)
	return list, err
}

// Checkpoints implements store.Audit.
func (db *DB) Checkpoints(ctx context.Context, t store.Tenant, after int64, limit int) (list []store.Checkpoint, err error) {
	err = db.each(ctx, func(r Row) {
		c := store.Checkpoint{N: r.Int(0), At: fromMillis(r.Int(1)), Key: r.Text(3), Signature: r.Blob(4)}
		copy(c.Hash[:], r.Blob(2))
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
	err = db.read(ctx, func(c Conn) (err error) {
		found, err = c.One(func(r Row) { from, at = r.Int(0), r.Int(1) }, pruneFrom, int64(t))
		return err
	})
	if err != nil || !found || at > toMillis(before) {
		return 0, err
	}
	err = db.writer.do(ctx, &job{tenant: t, task: func(b *batch) error {
		var to int64
		if _, err := b.conn.One(func(r Row) { from = r.Int(0) }, pruneFrom, int64(t)); err != nil {
			return err
		}
		for r, err := range b.conn.Rows(context.Background(), pruneTo, int64(t), from, toMillis(before)) {
			if err != nil {
				return err
			}
			if n := r.Int(0); to == 0 || n < from+int64(limit) {
				to = n
			} else {
				break
			}
		}
		if to == 0 {
			return nil
		}
		n, err := b.conn.Exec(pruneAudit, int64(t), to)
		if err != nil {
			return err
		}
		removed = int(n)
		b.ledgers[t].acts = append(b.ledgers[t].acts, act(to))
		err = b.conn.Do(pruneCheckpoints, int64(t), int64(t), int64(t))
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
)

const (
	formerByID = "SELECT " + readColumns + " FROM resource r INDEXED BY resource_id WHERE r.tenant = ? AND r.id = ?"
	// An id of before a rehire is that of a record, whose key begins with the source.
	formerByRecord = "SELECT " + readColumns + ` FROM source s CROSS JOIN record c ON c.tenant = s.tenant AND c.source = s.source
	CROSS JOIN resource r INDEXED BY resource_num ON r.tenant = c.tenant AND r.num = c.num WHERE s.tenant = ? AND c.id = ? LIMIT 1`
)

// Former implements store.Audit.
func (db *DB) Former(ctx context.Context, t store.Tenant, id string) (res *store.Resource, err error) {
	err = db.read(ctx, func(c Conn) error {
		for _, query := range []string{formerByID, formerByRecord} {
			if found, err := c.One(func(r Row) { res = readResource(r) }, query, int64(t), id); err != nil || found {
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
		found, err := b.conn.One(func(r Row) { alive = !r.Bool(0) }, eraseState, int64(t), int64(n))
		switch {
		case err != nil:
			return err
		case !found:
			return store.ErrNotFound
		case alive:
			return store.ErrAlive
		}
		for _, query := range []string{eraseKey, eraseChanges, eraseRecords, eraseDetours} {
			if err := b.conn.Do(query, int64(t), int64(n)); err != nil {
				return err
			}
		}
		b.ledgers[t].acts = append(b.ledgers[t].acts, act)
		return nil
	}})
	if err != nil {
		return err
	}
	return db.engine.Forget(ctx)
}
