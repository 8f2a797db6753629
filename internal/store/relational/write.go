package relational

import (
	"fmt"
	"slices"

	"github.com/muster-id/muster/internal/store"
)

// write writes what the decisions altered, the head last. Edges that are cut go before the resources,
// whose rows know better; claims are released before others take them.
func (l *ledger) write(c Conn) error {
	for _, step := range []struct {
		what string
		do   func(Conn) error
	}{
		{"cut edges", l.writeCuts},
		{"resources", l.writeResources},
		{"records", l.writeRecords},
		{"claims", l.writeClaims},
		{"edges", l.writeEdges},
		{"pending references", l.writePending},
		{"changes", l.writeChanges},
		{"holds", l.writeGuard},
		{"audit", l.writeAudit},
		{"deliveries, tokens and schemas", l.writeRest},
		{"head", l.writeHead},
	} {
		if err := step.do(c); err != nil {
			return fmt.Errorf("write %s of tenant %d: %w", step.what, l.tenant, err)
		}
	}
	return nil
}

const (
	// A group that loses members looks different, so it gets another version: RFC 7644 §3.14.
	touchParents = `UPDATE resource INDEXED BY resource_num SET version = version + 1, modified = max(modified, ?)
	WHERE tenant = ? AND deleted = 0 AND num IN (SELECT e.parent FROM edge e INDEXED BY edge_child WHERE e.tenant = ? AND e.child = ?)`
	cutAbove   = "DELETE FROM edge INDEXED BY edge_child WHERE tenant = ? AND child = ?"
	cutBelow   = "DELETE FROM edge WHERE tenant = ? AND rel = ? AND parent = ?"
	sweepStart = "INSERT INTO sweep (tenant, num) VALUES (?, ?) ON CONFLICT DO NOTHING"
	sweepEnd   = "DELETE FROM sweep WHERE tenant = ? AND num = ?"
)

func (l *ledger) writeCuts(c Conn) error {
	t := int64(l.tenant)
	for _, cut := range l.cuts {
		n := int64(cut.num)
		if err := c.Do(touchParents, cut.at, t, t, n); err != nil {
			return err
		}
		if err := c.Do(cutAbove, t, n); err != nil {
			return err
		}
		if err := c.Do(cutBelow, t, int64(store.Members), n); err != nil {
			return err
		}
	}
	for n, pending := range l.sweep {
		query := sweepEnd
		if pending {
			query = sweepStart
		}
		if err := c.Do(query, t, int64(n)); err != nil {
			return err
		}
	}
	return nil
}

const (
	insertResource = `INSERT INTO resource (tenant, num, type, id, person, version, created, modified, gen, deleted, once,
	user_name, external_id, display_name, employee_number, manager, active, display, entries, body, source, key)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	// updateResource rewrites the row and with it every index entry, whether its key changed or not: SQLite does not compare.
	updateResource = `UPDATE resource SET type = ?, id = ?, person = ?, version = ?, created = ?, modified = ?, gen = ?, deleted = ?, once = ?,
	user_name = ?, external_id = ?, display_name = ?, employee_number = ?, manager = ?, active = ?, display = ?, entries = ?, body = ?, source = ?, key = ?
	WHERE tenant = ? AND num = ?`
	// updateBody is for the common case that no key changed, and spares five indexes.
	updateBody = "UPDATE resource SET version = ?, modified = ?, gen = ?, once = ?, active = ?, body = ? WHERE tenant = ? AND num = ?"
	// touchResource is for a resource whose relations alone changed.
	touchResource = "UPDATE resource SET version = ?, modified = ? WHERE tenant = ? AND num = ?"

	insertEntry = "INSERT INTO entry (tenant, attr, key, num) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
	deleteEntry = "DELETE FROM entry WHERE tenant = ? AND attr = ? AND key = ? AND num = ?"
)

func (l *ledger) writeResources(c Conn) error {
	for _, k := range l.altered {
		if err := l.writeResource(c, k.now, k.stored); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) writeResource(c Conn, r, stored *store.Resource) (err error) {
	t, n, x := int64(l.tenant), int64(r.Num), indexOf(r)
	created, modified, gen := toMillis(r.Created), toMillis(r.Modified), int64(r.Gen)
	deleted, once, active := flag(r.Deleted), flag(r.Once), int64(x.Active)
	switch {
	case stored == nil:
		err = c.Do(insertResource, t, n, r.Type, r.ID, r.Person, r.Version, created, modified, gen, deleted, once,
			x.UserName, x.ExternalID, x.DisplayName, x.EmployeeNumber, x.Manager, active, x.Display, packEntries(x.Entries), document(r.Body), int64(r.Source), bytesOf(r.Key))
	case !sameKeys(r, stored):
		err = c.Do(updateResource, r.Type, r.ID, r.Person, r.Version, created, modified, gen, deleted, once,
			x.UserName, x.ExternalID, x.DisplayName, x.EmployeeNumber, x.Manager, active, x.Display, packEntries(x.Entries), document(r.Body), int64(r.Source), bytesOf(r.Key), t, n)
	case r.Once == stored.Once && r.Gen == stored.Gen && x.Active == indexOf(stored).Active && string(r.Body) == string(stored.Body):
		err = c.Do(touchResource, r.Version, modified, t, n)
	default:
		err = c.Do(updateBody, r.Version, modified, gen, once, active, document(r.Body), t, n)
	}
	if err != nil {
		return err
	}
	return l.writeEntries(c, r, stored)
}

// indexOf returns what a resource is found by: a tombstone by nothing, so that no index but that of its id leads to one.
func indexOf(r *store.Resource) *store.Index {
	if r.Deleted {
		return &store.Index{}
	}
	return &r.Index
}

// sameKeys reports whether nothing differs but version, times, state and body.
func sameKeys(a, b *store.Resource) bool {
	x, y := indexOf(a), indexOf(b)
	return a.Type == b.Type && a.ID == b.ID && a.Person == b.Person && a.Created.Equal(b.Created) && a.Deleted == b.Deleted && a.Source == b.Source && string(a.Key) == string(b.Key) &&
		x.UserName == y.UserName && x.ExternalID == y.ExternalID && x.DisplayName == y.DisplayName &&
		x.EmployeeNumber == y.EmployeeNumber && x.Manager == y.Manager && x.Display == y.Display && slices.Equal(x.Entries, y.Entries)
}

func (l *ledger) writeEntries(c Conn, r, stored *store.Resource) error {
	var was []store.Entry
	if stored != nil {
		was = indexOf(stored).Entries
	}
	now := indexOf(r).Entries
	if slices.Equal(was, now) {
		return nil
	}
	for _, diff := range []struct {
		query     string
		of, other []store.Entry
	}{{deleteEntry, was, now}, {insertEntry, now, was}} {
		for _, e := range diff.of {
			if slices.Contains(diff.other, e) {
				continue
			}
			if err := c.Do(diff.query, int64(l.tenant), e.Attr, e.Key, int64(r.Num)); err != nil {
				return err
			}
		}
	}
	return nil
}

const upsertRecord = `INSERT INTO record (tenant, source, id, num, external_id, employee_number, created, ended, body)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant, source, id) DO UPDATE SET num = excluded.num, external_id = excluded.external_id,
	employee_number = excluded.employee_number, ended = excluded.ended, body = excluded.body`

func (l *ledger) writeRecords(c Conn) error {
	for _, k := range l.records {
		r := l.record[k]
		if err := c.Do(upsertRecord, int64(l.tenant), int64(r.Source), r.ID, int64(r.Num), r.ExternalID, r.EmployeeNumber,
			toMillis(r.Created), toMillis(r.Ended), document(r.Body)); err != nil {
			return err
		}
	}
	return nil
}

const (
	insertClaim = "INSERT INTO claim (tenant, scope, key, num) VALUES (?, ?, ?, ?)"
	deleteClaim = "DELETE FROM claim WHERE tenant = ? AND scope = ? AND key = ?"
)

func (l *ledger) writeClaims(c Conn) error {
	for k, h := range l.claims {
		if h.dirty && h.num != h.stored && (h.stored != 0 || h.released) {
			if err := c.Do(deleteClaim, int64(l.tenant), k.Scope, k.Key); err != nil {
				return err
			}
		}
	}
	for k, h := range l.claims {
		if h.dirty && h.num != h.stored && h.num != 0 {
			if err := c.Do(insertClaim, int64(l.tenant), k.Scope, k.Key, int64(h.num)); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	insertEdges = `INSERT INTO edge (tenant, rel, parent, child, source, nested)
	SELECT ?, ?, ?, k.value, ?, ? FROM numbers(?) k WHERE true ON CONFLICT DO NOTHING`
	deleteEdges = "DELETE FROM edge WHERE tenant = ? AND rel = ? AND parent = ? AND child IN (SELECT k.value FROM numbers(?) k)"
)

// writeEdges writes the edges of a parent with one statement, however many they are.
func (l *ledger) writeEdges(c Conn) error {
	type group struct {
		parentKey
		source        store.Source
		nested, there bool
	}
	groups := map[group][]store.Num{}
	for k, e := range l.edges {
		if e.there == e.stored && !e.unknown {
			continue
		}
		g := group{parentKey: parentKey{k.rel, k.parent}, there: e.there}
		if e.there {
			g.source, g.nested = e.source, l.nested(k.parent, k.child)
		}
		groups[g] = append(groups[g], k.child)
	}
	for g, children := range groups {
		slices.Sort(children)
		t, rel, parent, list := int64(l.tenant), int64(g.rel), int64(g.parent), children
		var err error
		if g.there {
			err = c.Do(insertEdges, t, rel, parent, int64(g.source), flag(g.nested), list)
		} else {
			err = c.Do(deleteEdges, t, rel, parent, list)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	upsertPending = `INSERT INTO pending (tenant, source, value, rel, parent, expires) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant, source, value, rel, parent) DO UPDATE SET expires = excluded.expires`
	deletePending = "DELETE FROM pending WHERE tenant = ? AND source = ? AND value = ? AND rel = ? AND parent = ?"
	forgetPending = "DELETE FROM pending INDEXED BY pending_parent WHERE tenant = ? AND parent = ? AND rel = ? AND source = ?"
)

func (l *ledger) writePending(c Conn) error {
	t := int64(l.tenant)
	for f := range l.forgets {
		if err := c.Do(forgetPending, t, int64(f.parent), int64(f.rel), int64(f.source)); err != nil {
			return err
		}
	}
	for k, p := range l.pending {
		for d := range p.dirty {
			if err := c.Do(deletePending, t, int64(k.source), k.value, int64(d.rel), int64(d.parent)); err != nil {
				return err
			}
		}
		for _, q := range p.now {
			if !p.dirty[parentKey{q.Rel, q.Parent}] {
				continue
			}
			if err := c.Do(upsertPending, t, int64(k.source), k.value, int64(q.Rel), int64(q.Parent), toMillis(q.Expires)); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	insertChange = `INSERT INTO change (tenant, seq, num, type, id, person, kind, events, version, at, source, actor, request,
	lane, hold, same, edges, format, key_id, gen, before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)`
	insertChangeEdges = `INSERT INTO change_edge (tenant, seq, rel, child, removed)
	SELECT ?, ?, ?, k.value, ? FROM numbers(?) k`
)

func (l *ledger) writeChanges(c Conn) error {
	for _, ch := range l.changes {
		if err := c.Do(insertChange, int64(l.tenant), int64(ch.Seq), int64(ch.Num), ch.Type, ch.ID, ch.Person,
			int64(ch.Kind), int64(ch.Events), ch.Version, toMillis(ch.At), int64(ch.Source), ch.Actor, ch.RequestID,
			int64(ch.Lane), ch.Hold, flag(ch.SameDoc), int64(len(ch.Edges)), ch.format, int64(ch.gen), document(ch.before)); err != nil {
			return err
		}
		if err := l.writeChangeEdges(c, ch); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) writeChangeEdges(c Conn, ch *change) error {
	type group struct {
		rel     store.Rel
		removed bool
	}
	groups := map[group][]store.Num{}
	for _, e := range ch.Edges {
		g := group{e.Rel, e.Removed}
		groups[g] = append(groups[g], e.Child)
	}
	for g, children := range groups {
		if err := c.Do(insertChangeEdges, int64(l.tenant), int64(ch.Seq), int64(g.rel), flag(g.removed), children); err != nil {
			return err
		}
	}
	return nil
}

// writeRest writes what no View shows, in the order in which it was decided.
func (l *ledger) writeRest(c Conn) error {
	for _, rows := range l.rest {
		if err := writeDeliveries(c, l.tenant, rows); err != nil {
			return err
		}
		for _, u := range rows.Used {
			if err := writeUse(c, l.tenant, u); err != nil {
				return err
			}
		}
		for _, t := range rows.Tokens {
			if err := writeToken(c, l.tenant, t); err != nil {
				return err
			}
		}
		if err := writeSchema(c, l.tenant, rows); err != nil {
			return err
		}
		if err := writeItems(c, l.tenant, rows); err != nil {
			return err
		}
		if err := writeSecrets(c, l.tenant, rows); err != nil {
			return err
		}
		if err := writeTenants(c, l.tenant, rows); err != nil {
			return err
		}
	}
	return nil
}

const updateHead = "UPDATE head SET seq = ?, next_num = ?, at = ?, users = ?, groups = ?, gen = ?, audit_n = ?, audit = ?, audit_checked = ?, " +
	"active = ?, holds = ?, last_hold = ?, protected = ?, nest = ? WHERE tenant = ?"

func (l *ledger) writeHead(c Conn) error {
	if l.renested {
		l.head.nest, l.head.dirty = l.head.nest+1, true
	}
	if !l.head.dirty {
		return nil
	}
	h := &l.head
	err := c.Do(updateHead, int64(h.seq), int64(h.next), h.at, h.users, h.groups, int64(h.gen), h.audited, h.hash[:], h.checked,
		h.active, h.holds, h.lastHold, h.protected, h.nest, int64(l.tenant))
	return err
}

// document returns a document as a column: NULL where there is none.
func document(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// bytesOf returns a column that is never NULL.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
