package relational

import (
	"context"
	"fmt"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// guardWindow is how long harm is remembered, in hours.
const guardWindow = 24

// guard is what a ledger knows of holds. It is read when a change does harm, which is seldom.
type guard struct {
	conn   Conn
	err    error              // of reading; it ends the batch
	counts map[countKey]int64 // of the window, this batch included
	added  map[countKey]int64 // by this batch
	open   map[openKey]int64  // holds
	opened []*store.Hold      // by this batch
	frozen map[store.Num]*frozen
	hour   int64
	closed []*store.Decision
}

type countKey struct {
	kind store.Harm
	num  store.Num
}

type openKey struct {
	source store.Source
	reason string
}

// frozen is a resource that an open hold concerns; hold 0: none.
type frozen struct {
	hold  int64
	first store.Seq
	fresh bool // not in the database yet
}

const (
	heldRow    = "SELECT hold, first_seq FROM held WHERE tenant = ? AND num = ?"
	openHold   = "SELECT num FROM hold INDEXED BY hold_open WHERE tenant = ? AND source = ? AND reason = ? AND state = 1 ORDER BY num DESC LIMIT 1"
	countHarm  = "SELECT coalesce(sum(n), 0) FROM guard_count WHERE tenant = ? AND kind = ? AND num = ? AND hour > ?"
	countEdges = "SELECT count(*) FROM (SELECT 1 FROM edge WHERE tenant = ? AND rel = ? AND parent = ? LIMIT ?) x"
	isGuarded  = "SELECT source FROM protected WHERE tenant = ? AND type = ? AND key = ?"
)

// judge decides whether a change is held, and by which hold.
func (l *ledger) judge(c *change, rows *store.Rows) {
	if c.Repair || l.guard.err != nil {
		return
	}
	if f := l.frozenBy(c.Num); f.hold != 0 {
		c.Hold, c.Held = f.hold, store.HoldOpen // what comes after it waits with it
		return
	}
	var was, is *store.Resource
	if k := l.nums[c.Num]; k != nil {
		was, is = k.now, k.now
	}
	for _, r := range rows.Resources {
		if r.Num == c.Num {
			is = r
		}
	}
	if is == nil {
		return
	}
	removed := int64(0)
	for _, e := range c.Edges {
		if e.Removed {
			removed++
		}
	}
	harm := store.HarmOf(was, is)
	if reason := l.protected(c, was, is, harm); reason != "" {
		l.hold(c, reason)
		return
	}
	if harm == store.NoHarm && removed == 0 {
		return
	}
	if l.opts.Guard == nil {
		return
	}
	limits := l.opts.Guard(l.tenant)
	if limits.Off {
		return
	}
	if harm != store.NoHarm {
		k := countKey{kind: harm}
		if l.harmed(c, k)+1 > limits.Most(l.head.active) {
			l.hold(c, harm.Reason())
			return
		}
		l.remember(k, 1)
	}
	if removed > 0 && c.Type == store.TypeGroup {
		k := countKey{store.HarmMembers, c.Num}
		if l.empties(c, k, removed, limits) {
			l.hold(c, store.HarmMembers.Reason())
			return
		}
		l.remember(k, removed)
	}
}

// frozenBy returns what freezes a resource.
func (l *ledger) frozenBy(n store.Num) *frozen {
	if f := l.guard.frozen[n]; f != nil {
		return f
	}
	f := &frozen{}
	if l.head.holds == 0 {
		return f // nothing is, unless by this batch
	}
	l.read(func(r Row) { f.hold, f.first = r.Int(0), store.Seq(r.Int(1)) }, heldRow, int64(l.tenant), int64(n))
	if l.guard.frozen == nil {
		l.guard.frozen = map[store.Num]*frozen{}
	}
	l.guard.frozen[n] = f
	return f
}

func (l *ledger) read(scan func(Row), query string, args ...any) {
	if _, err := l.guard.conn.One(scan, query, args...); err != nil && l.guard.err == nil {
		l.guard.err = fmt.Errorf("read what is held: %w", err)
	}
}

// protected returns why a change of what is protected is held; "": it is not.
func (l *ledger) protected(c *change, was, is *store.Resource, harm store.Harm) string {
	if l.head.protected == 0 {
		return ""
	}
	var keys []string
	reason := store.ReasonProtectedGroup
	switch c.Type {
	case store.TypeGroup:
		if len(c.Edges) == 0 && harm == store.NoHarm && was != nil && was.Index.DisplayName == is.Index.DisplayName {
			return "" // neither who is in it nor what it is called
		}
		if keys = []string{is.Index.DisplayName}; was != nil {
			keys = append(keys, was.Index.DisplayName)
		}
	case store.TypeUser:
		if harm == store.NoHarm {
			return ""
		}
		keys, reason = []string{was.Index.UserName}, store.ReasonProtectedAccount
	}
	for _, key := range keys {
		if key == "" {
			continue
		}
		found, by := false, store.Source(0)
		l.read(func(r Row) { found, by = true, store.Source(r.Int(0)) }, isGuarded, int64(l.tenant), c.Type, key)
		if found && (by == 0 || by != c.Source) {
			return reason
		}
	}
	return ""
}

// harmed returns how much harm of a kind was not held in the window.
func (l *ledger) harmed(c *change, k countKey) int64 {
	g := &l.guard
	if n, known := g.counts[k]; known {
		return n
	}
	g.hour = max(g.hour, toMillis(c.At)/time.Hour.Milliseconds())
	var n int64
	l.read(func(r Row) { n = r.Int(0) }, countHarm, int64(l.tenant), int64(k.kind), int64(k.num), g.hour-guardWindow)
	if g.counts == nil {
		g.counts, g.added = map[countKey]int64{}, map[countKey]int64{}
	}
	g.counts[k] = n
	return n
}

func (l *ledger) remember(k countKey, n int64) {
	l.guard.counts[k] += n
	l.guard.added[k] += n
}

// empties reports whether a group loses too many of its members. It counts no more of them than it needs to be sure.
func (l *ledger) empties(c *change, k countKey, removed int64, limits store.GuardLimits) bool {
	gone := l.harmed(c, k) + removed
	if limits.GroupPercent <= 0 {
		return false
	}
	enough := gone*100/limits.GroupPercent + limits.GroupSize + 1
	var size int64
	l.read(func(r Row) { size = r.Int(0) }, countEdges, int64(l.tenant), int64(store.Members), int64(c.Num), enough)
	size += gone - removed - l.guard.added[k] // as it was when the window began: what this batch removed is still counted
	return size > limits.GroupSize && gone*100 > size*limits.GroupPercent
}

// hold freezes the resource of a change, by the hold that is open for the reason, or a new one.
func (l *ledger) hold(c *change, reason string) {
	g := &l.guard
	k := openKey{c.Source, reason}
	num := g.open[k]
	if num == 0 && l.head.holds > 0 {
		l.read(func(r Row) { num = r.Int(0) }, openHold, int64(l.tenant), int64(c.Source), reason)
	}
	if num == 0 {
		l.head.lastHold++
		l.head.holds++
		num = l.head.lastHold
		g.opened = append(g.opened, &store.Hold{Num: num, Source: c.Source, Opened: c.At, Reason: reason})
		if !l.opts.NoAudit {
			l.acts = append(l.acts, &store.Act{
				At: c.At, Action: "guard.hold", Result: "ok", Reason: reason, Actor: "guard", Source: c.Source, Request: c.RequestID, Change: c.Seq,
				Details: []store.Detail{{Name: "hold", Value: fmt.Sprint(num)}},
			})
		}
	}
	if g.open == nil {
		g.open = map[openKey]int64{}
	}
	g.open[k] = num
	if g.frozen == nil {
		g.frozen = map[store.Num]*frozen{}
	}
	g.frozen[c.Num] = &frozen{num, c.Seq, true}
	c.Hold, c.Held = num, store.HoldOpen
	l.head.dirty = true
}

// enterDecisions takes in what people decided.
func (l *ledger) enterDecisions(rows *store.Rows) {
	for _, d := range rows.Decisions {
		l.guard.closed = append(l.guard.closed, d)
		l.head.dirty = true
		if d.State != store.HoldRejected { // which follows on HoldRejecting
			l.head.holds = max(l.head.holds-1, 0)
		}
	}
	if len(rows.Protect)+len(rows.Unprotect) > 0 {
		l.head.dirty = true // what is protected is counted when it is written
	}
}

const (
	insertHold   = "INSERT INTO hold (tenant, num, source, opened, reason, state, decided, decider, note) VALUES (?, ?, ?, ?, ?, 1, 0, '', '')"
	insertHeld   = "INSERT INTO held (tenant, num, hold, first_seq) VALUES (?, ?, ?, ?)"
	addHarm      = "INSERT INTO guard_count (tenant, kind, num, hour, n) VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, kind, num, hour) DO UPDATE SET n = guard_count.n + excluded.n"
	forgetHarm   = "DELETE FROM guard_count WHERE tenant = ? AND hour <= ?"
	forgiveHarm  = "DELETE FROM guard_count WHERE tenant = ?"
	decideHold   = "UPDATE hold SET state = ?, decided = ?, decider = ?, note = ? WHERE tenant = ? AND num = ?"
	wakeDetours  = "UPDATE detour SET next = ? WHERE tenant = ? AND ahead = 0 AND num IN (SELECT h.num FROM held h INDEXED BY held_hold WHERE h.tenant = ? AND h.hold = ?)"
	releaseHeld  = "DELETE FROM held WHERE tenant = ? AND hold = ?"
	upsertShield = `INSERT INTO protected (tenant, type, key, source, since, by_who) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant, type, key) DO UPDATE SET source = excluded.source`
	deleteShield = "DELETE FROM protected WHERE tenant = ? AND type = ? AND key = ?"
	countShields = "SELECT count(*) FROM protected WHERE tenant = ?"
)

func (l *ledger) writeGuard(c Conn) error {
	g, t := &l.guard, int64(l.tenant)
	for _, h := range g.opened {
		if err := c.Do(insertHold, t, h.Num, int64(h.Source), toMillis(h.Opened), h.Reason); err != nil {
			return err
		}
	}
	for n, f := range g.frozen {
		if !f.fresh {
			continue
		}
		if err := c.Do(insertHeld, t, int64(n), f.hold, int64(f.first)); err != nil {
			return err
		}
	}
	for k, n := range g.added {
		if err := c.Do(addHarm, t, int64(k.kind), int64(k.num), g.hour, n); err != nil {
			return err
		}
	}
	if len(g.added) > 0 {
		if err := c.Do(forgetHarm, t, g.hour-guardWindow); err != nil {
			return err
		}
	}
	for _, d := range g.closed {
		if err := l.writeDecision(c, d); err != nil {
			return err
		}
	}
	return l.writeShields(c)
}

func (l *ledger) writeDecision(c Conn, d *store.Decision) error {
	t := int64(l.tenant)
	if err := c.Do(decideHold, int64(d.State), toMillis(d.At), d.By, d.Note, t, d.Hold); err != nil {
		return err
	}
	if d.State == store.HoldRejected {
		return nil
	}
	if err := c.Do(wakeDetours, toMillis(d.At), t, t, d.Hold); err != nil {
		return err
	}
	if err := c.Do(releaseHeld, t, d.Hold); err != nil {
		return err
	}
	// Somebody has looked: what comes now is counted anew.
	err := c.Do(forgiveHarm, t)
	return err
}

func (l *ledger) writeShields(c Conn) error {
	t, altered := int64(l.tenant), false
	for _, rows := range l.rest {
		for _, p := range rows.Protect {
			altered = true
			if err := c.Do(upsertShield, t, p.Type, p.Key, int64(p.Source), toMillis(p.Since), p.By); err != nil {
				return err
			}
		}
		for _, p := range rows.Unprotect {
			altered = true
			if err := c.Do(deleteShield, t, p.Type, p.Key); err != nil {
				return err
			}
		}
	}
	if !altered {
		return nil
	}
	_, err := c.One(func(r Row) { l.head.protected = r.Int(0) }, countShields, t)
	return err
}

const (
	holdColumns = `h.num, h.source, h.opened, h.reason, h.state, h.decided, h.decider, h.note,
	(SELECT count(DISTINCT c.num) FROM change c INDEXED BY change_hold WHERE c.tenant = h.tenant AND c.hold = h.num AND c.hold <> 0),
	(SELECT count(*) FROM change c INDEXED BY change_hold WHERE c.tenant = h.tenant AND c.hold = h.num AND c.hold <> 0)`
	holdByNum   = "SELECT " + holdColumns + " FROM hold h WHERE h.tenant = ? AND h.num = ?"
	allHolds    = "SELECT " + holdColumns + " FROM hold h WHERE h.tenant = ? ORDER BY h.num DESC LIMIT ?"
	openHolds   = "SELECT " + holdColumns + " FROM hold h WHERE h.tenant = ? AND h.state IN (1, 4) ORDER BY h.num DESC LIMIT ?"
	heldChanges = "SELECT " + changeColumns + ` FROM change c INDEXED BY change_hold
	WHERE c.tenant = ? AND c.hold = ? AND c.hold <> 0 AND c.seq > ? ORDER BY c.seq LIMIT ?`
	listShields = "SELECT type, key, source, since, by_who FROM protected WHERE tenant = ? ORDER BY type, key"
	sumHolds    = "SELECT coalesce(sum(holds), 0) FROM head"
)

func readHold(r Row) store.Hold {
	return store.Hold{
		Num: r.Int(0), Source: store.Source(r.Int(1)), Opened: fromMillis(r.Int(2)), Reason: r.Text(3), State: store.HoldState(r.Int(4)),
		Decided: fromMillis(r.Int(5)), By: r.Text(6), Note: r.Text(7), Resources: r.Int(8), Changes: r.Int(9),
	}
}

// Holds implements store.Guard.
func (db *DB) Holds(ctx context.Context, t store.Tenant, open bool, limit int) (list []store.Hold, err error) {
	query := allHolds
	if open {
		query = openHolds
	}
	err = db.each(ctx, func(r Row) { list = append(list, readHold(r)) }, query, int64(t), int64(limit))
	return list, err
}

// Hold implements store.Guard.
func (db *DB) Hold(ctx context.Context, t store.Tenant, num int64) (h store.Hold, err error) {
	err = db.find(ctx, func(r Row) { h = readHold(r) }, holdByNum, int64(t), num)
	return h, err
}

// HeldChanges implements store.Guard.
func (db *DB) HeldChanges(ctx context.Context, t store.Tenant, hold int64, after store.Seq, limit int) ([]*store.Change, error) {
	return db.changes(ctx, t, heldChanges, int64(t), hold, int64(after), int64(limit))
}

// HeldBy implements store.Guard.
func (db *DB) HeldBy(ctx context.Context, t store.Tenant, n store.Num) (hold int64, first store.Seq, err error) {
	err = db.each(ctx, func(r Row) { hold, first = r.Int(0), store.Seq(r.Int(1)) }, heldRow, int64(t), int64(n))
	return hold, first, err
}

// Protected implements store.Guard.
func (db *DB) Protected(ctx context.Context, t store.Tenant) (list []store.Protected, err error) {
	err = db.each(ctx, func(r Row) {
		list = append(list, store.Protected{
			Type: r.Text(0), Key: r.Text(1), Source: store.Source(r.Int(2)), Since: fromMillis(r.Int(3)), By: r.Text(4),
		})
	}, listShields, int64(t))
	return list, err
}

// OpenHolds implements store.Guard.
func (db *DB) OpenHolds(ctx context.Context) (n int64, err error) {
	err = db.find(ctx, func(r Row) { n = r.Int(0) }, sumHolds)
	return n, err
}
