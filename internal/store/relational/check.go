package relational

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// maxFound is how many contradictions of one rule are told.
const maxFound = 100

// checkTime bounds a check of one tenant.
const checkTime = 12 * time.Hour

const (
	checkHead = `SELECT seq, next_num, users, groups, active, holds, protected, audit_n,
	(SELECT count(*) FROM hold o WHERE o.tenant = h.tenant AND o.state = 1),
	(SELECT count(*) FROM protected p WHERE p.tenant = h.tenant) FROM head h WHERE h.tenant = ?`
	checkResources = "SELECT " + writeColumns + " FROM resource r INDEXED BY resource_num WHERE r.tenant = ? ORDER BY r.num"
	checkEntries   = "SELECT attr, key, num FROM entry WHERE tenant = ?"
	checkEntry     = "SELECT 1 FROM entry WHERE tenant = ? AND attr = ? AND key = ? AND num = ?"
	packedEntries  = "SELECT entries, deleted FROM resource r INDEXED BY resource_num WHERE r.tenant = ? AND r.num = ?"
	checkChanges   = "SELECT seq FROM change c INDEXED BY change_seq WHERE c.tenant = ? ORDER BY c.seq"
	checkMoved     = `SELECT c.seq, c.edges, (SELECT count(*) FROM change_edge x WHERE x.tenant = c.tenant AND x.seq = c.seq)
	FROM change c INDEXED BY change_seq WHERE c.tenant = ?`
	checkStray = `SELECT DISTINCT x.seq FROM change_edge x LEFT JOIN change c ON c.tenant = x.tenant AND c.seq = x.seq
	WHERE x.tenant = ? AND c.seq IS NULL LIMIT 100`
	checkEdges = "SELECT rel, parent, child, nested FROM edge WHERE tenant = ? ORDER BY rel, parent, child"
	checkSwept = "SELECT num FROM sweep WHERE tenant = ?"
	checkAudit = "SELECT n FROM audit INDEXED BY audit_n WHERE tenant = ? ORDER BY n"
)

// Rows that name a resource which has to be there: of anything, or alive.
var checkOwners = []struct{ what, query string }{
	{"claim of %s for resource", "SELECT c.scope, c.num FROM claim c LEFT JOIN resource r ON r.tenant = c.tenant AND r.num = c.num AND r.deleted = 0 WHERE c.tenant = ? AND r.num IS NULL LIMIT 100"},
	{"record %s of resource", "SELECT c.id, c.num FROM record c LEFT JOIN resource r ON r.tenant = c.tenant AND r.num = c.num WHERE c.tenant = ? AND r.num IS NULL LIMIT 100"},
	{"link of target %s to resource", "SELECT c.target, c.num FROM link c LEFT JOIN resource r ON r.tenant = c.tenant AND r.num = c.num WHERE c.tenant = ? AND r.num IS NULL LIMIT 100"},
	{"detour of target %s for resource", "SELECT c.target, c.num FROM detour c LEFT JOIN resource r ON r.tenant = c.tenant AND r.num = c.num WHERE c.tenant = ? AND r.num IS NULL LIMIT 100"},
}

const checkCursors = "SELECT c.target, c.seq, h.seq FROM cursor c CROSS JOIN head h ON h.tenant = c.tenant WHERE c.tenant = ? AND c.seq > h.seq"

// Intact implements store.Checker.
func (db *DB) Intact(ctx context.Context) ([]string, error) { return db.engine.Intact(ctx) }

// check is a check of one tenant under way.
type check struct {
	c      Conn
	t      int64
	index  func(*store.Resource) (store.Index, error)
	told   func(rule, what string)
	counts map[string]int
	store.Checked

	seed    maphash.Seed
	types   map[store.Num]kindOf // of the resources there are
	names   map[string]int32     // of their types
	users   int64
	groups  int64
	active  int64
	highest store.Num
	entries digest64 // of those that the resources say they have
}

// kindOf is what of a resource is held in memory: 4 bytes each, so that edges are checked in one pass.
type kindOf int32

const gone kindOf = 1 << 30 // a tombstone

// digest64 is a set of rows, in any order.
type digest64 struct {
	sum, n uint64
}

func (d *digest64) add(h uint64) { d.sum, d.n = d.sum+h, d.n+1 }

// Check implements store.Checker.
func (db *DB) Check(ctx context.Context, t store.Tenant, index func(*store.Resource) (store.Index, error), found func(rule, what string)) (store.Checked, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	k := &check{t: int64(t), index: index, told: found, counts: map[string]int{}, seed: maphash.MakeSeed(), types: map[store.Num]kindOf{}, names: map[string]int32{}}
	err := db.read(ctx, func(c Conn) error {
		k.c = c
		return c.Together(func() error {
			for _, step := range []func(context.Context) error{k.resources, k.head, k.indexRows, k.feed, k.moved, k.edges, k.owners, k.audit} {
				if err := step(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return k.Checked, err
}

func (k *check) found(rule, format string, args ...any) {
	if k.counts[rule]++; k.counts[rule] <= maxFound {
		k.told(rule, fmt.Sprintf(format, args...))
	}
}

func (k *check) hash(attr, key string, n store.Num) uint64 {
	var h maphash.Hash
	h.SetSeed(k.seed)
	_, _ = h.WriteString(attr)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(key)
	return h.Sum64() ^ uint64(n)*0x9E3779B97F4A7C15
}

// resources looks at every resource: its keys are those of its document.
func (k *check) resources(ctx context.Context) error {
	for r, err := range k.c.Rows(ctx, checkResources, k.t) {
		if err != nil {
			return err
		}
		k.Resources++
		res, err := readWhole(r)
		if err != nil {
			k.found("resource", "resource %d: %v", r.Int(0), err)
			continue
		}
		k.highest = res.Num
		name, known := k.names[res.Type]
		if !known {
			name = int32(len(k.names))
			k.names[res.Type] = name
		}
		kind := kindOf(name)
		if res.Deleted {
			kind |= gone
		}
		k.types[res.Num] = kind
		if res.Deleted {
			if res.Body != nil || len(res.Index.Entries) > 0 || res.Index.UserName != "" || res.Index.ExternalID != "" {
				k.found("tombstone", "resource %d (%s) is deleted, and has a document or keys", res.Num, res.ID)
			}
			continue
		}
		for _, e := range res.Index.Entries {
			k.entries.add(k.hash(e.Attr, e.Key, res.Num))
		}
		switch res.Type {
		case store.TypeUser:
			k.users++
			if res.Index.Active != store.False {
				k.active++
			}
		case store.TypeGroup:
			k.groups++
		}
		if k.index == nil {
			continue
		}
		want, err := k.index(res)
		if err != nil {
			k.found("document", "resource %d (%s %s): its document cannot be read: %v", res.Num, res.Type, res.ID, err)
			continue
		}
		if other := (&store.Resource{Type: res.Type, ID: res.ID, Person: res.Person, Created: res.Created, Source: res.Source, Key: res.Key, Index: want}); !sameKeys(res, other) || want.Active != res.Index.Active {
			k.found("index", "resource %d (%s %s) is found by other values than its document has", res.Num, res.Type, res.ID)
		}
	}
	return nil
}

// head compares the tenant's counts with what there is.
func (k *check) head(ctx context.Context) error {
	for r, err := range k.c.Rows(ctx, checkHead, k.t) {
		if err != nil {
			return err
		}
		for _, count := range []struct {
			what      string
			have, are int64
		}{
			{"users", r.Int(2), k.users},
			{"groups", r.Int(3), k.groups},
			{"active people", r.Int(4), k.active},
			{"open holds", r.Int(5), r.Int(8)},
			{"protected resources", r.Int(6), r.Int(9)},
		} {
			if count.have != count.are {
				k.found("count", "the count of %s is %d, there are %d", count.what, count.have, count.are)
			}
		}
		if next := store.Num(r.Int(1)); next <= k.highest {
			k.found("count", "the next resource gets number %d, and there is one with %d", next, k.highest)
		}
	}
	return nil
}

// indexRows compares the rows of the index with those that the resources have: as a set, and one by one only if that differs.
func (k *check) indexRows(ctx context.Context) error {
	var there digest64
	for r, err := range k.c.Rows(ctx, checkEntries, k.t) {
		if err != nil {
			return err
		}
		k.Entries++
		there.add(k.hash(r.Text(0), r.Text(1), store.Num(r.Int(2))))
	}
	if there == k.entries {
		return nil
	}
	if err := k.missing(ctx); err != nil {
		return err
	}
	return k.surplus(ctx)
}

// missing names entries that resources have and the index lacks.
func (k *check) missing(ctx context.Context) error {
	for n, kind := range k.types {
		if kind&gone != 0 || k.counts["index row"] > maxFound {
			continue
		}
		entries, err := k.entriesOf(ctx, n)
		if err != nil {
			return err
		}
		for _, e := range entries {
			found, err := k.c.One(func(Row) {}, checkEntry, k.t, e.Attr, e.Key, int64(n))
			if err != nil {
				return err
			}
			if !found {
				k.found("index row", "resource %d cannot be found by its %s: the index has no row for it", n, e.Attr)
			}
		}
	}
	return nil
}

func (k *check) entriesOf(ctx context.Context, n store.Num) (entries []store.Entry, err error) {
	for r, e := range k.c.Rows(ctx, packedEntries, k.t, int64(n)) {
		if e != nil {
			return nil, e
		}
		if r.Bool(1) {
			return nil, nil
		}
		entries, err = unpackEntries(r.Blob(0))
	}
	return entries, err
}

// surplus names rows of the index that no resource has.
func (k *check) surplus(ctx context.Context) error {
	// The rows are read a batch at a time: no other statement may run meanwhile.
	type row struct {
		store.Entry
		num store.Num
	}
	var rows []row
	for r, err := range k.c.Rows(ctx, checkEntries, k.t) {
		if err != nil {
			return err
		}
		rows = append(rows, row{store.Entry{Attr: r.Text(0), Key: r.Text(1)}, store.Num(r.Int(2))})
	}
	for _, r := range rows {
		if k.counts["index row"] > maxFound {
			return nil
		}
		entries, err := k.entriesOf(ctx, r.num)
		if err != nil {
			return err
		}
		has := false
		for _, e := range entries {
			has = has || e == r.Entry
		}
		if !has {
			k.found("index row", "a row of the index leads from a value of %s to resource %d, which does not have it", r.Attr, r.num)
		}
	}
	return nil
}

// feed looks for gaps.
func (k *check) feed(ctx context.Context) error {
	want := int64(0)
	for r, err := range k.c.Rows(ctx, checkChanges, k.t) {
		if err != nil {
			return err
		}
		if want++; r.Int(0) != want {
			if k.Changes == 0 {
				k.found("feed", "the feed begins with change %d", r.Int(0))
			} else {
				k.found("feed", "change %d is followed by %d", want-1, r.Int(0))
			}
			want = r.Int(0)
		}
		k.Changes++
	}
	for r, err := range k.c.Rows(ctx, checkHead, k.t) {
		if err != nil {
			return err
		}
		if seq := r.Int(0); seq != want {
			k.found("feed", "the feed ends with change %d, its head says %d", want, seq)
		}
	}
	return nil
}

// moved compares how many edges a change says it has with those it has.
func (k *check) moved(ctx context.Context) error {
	for r, err := range k.c.Rows(ctx, checkMoved, k.t) {
		if err != nil {
			return err
		}
		if r.Int(1) != r.Int(2) {
			k.found("change", "change %d has %d members that came or went, and says %d", r.Int(0), r.Int(2), r.Int(1))
		}
	}
	for r, err := range k.c.Rows(ctx, checkStray, k.t) {
		if err != nil {
			return err
		}
		k.found("change", "members came or went with change %d, which is not there", r.Int(0))
	}
	return nil
}

// edges looks at both ends of every edge.
func (k *check) edges(ctx context.Context) error {
	swept := map[store.Num]bool{}
	for r, err := range k.c.Rows(ctx, checkSwept, k.t) {
		if err != nil {
			return err
		}
		swept[store.Num(r.Int(0))] = true
	}
	for r, err := range k.c.Rows(ctx, checkEdges, k.t) {
		if err != nil {
			return err
		}
		k.Edges++
		parent, child := store.Num(r.Int(1)), store.Num(r.Int(2))
		for _, end := range []store.Num{parent, child} {
			kind, there := k.types[end]
			switch {
			case !there:
				k.found("edge", "the edge from %d to %d has no resource at %d", parent, child, end)
			case kind&gone != 0 && !swept[end]:
				k.found("edge", "the edge from %d to %d ends at %d, which is deleted and not waiting to be swept", parent, child, end)
			}
		}
		if p, c := k.types[parent], k.types[child]; (p&^gone == c&^gone) != r.Bool(3) {
			k.found("edge", "the edge from %d to %d is marked as nested, or not, against the types of its ends", parent, child)
		}
	}
	return nil
}

// owners looks for rows about resources that are not there.
func (k *check) owners(ctx context.Context) error {
	for _, o := range checkOwners {
		for r, err := range k.c.Rows(ctx, o.query, k.t) {
			if err != nil {
				return err
			}
			k.found("owner", "there is a "+o.what+" %d, which is not there", r.Text(0), r.Int(1))
		}
	}
	for r, err := range k.c.Rows(ctx, checkCursors, k.t) {
		if err != nil {
			return err
		}
		k.found("cursor", "target %s is at change %d, the feed ends at %d", r.Text(0), r.Int(1), r.Int(2))
	}
	return nil
}

// audit looks for gaps in the numbers of the records. Whether the chain holds is a matter of package audit.
func (k *check) audit(ctx context.Context) error {
	last := int64(0)
	for r, err := range k.c.Rows(ctx, checkAudit, k.t) {
		if err != nil {
			return err
		}
		if n := r.Int(0); last != 0 && n != last+1 {
			k.found("audit", "record %d is followed by %d", last, n)
		}
		last = r.Int(0)
	}
	for r, err := range k.c.Rows(ctx, checkHead, k.t) {
		if err != nil {
			return err
		}
		if n := r.Int(7); n != last {
			k.found("audit", "the audit ends with record %d, its head says %d", last, n)
		}
	}
	return nil
}
