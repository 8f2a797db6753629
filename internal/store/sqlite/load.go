package sqlite

import (
	"context"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/store"
)

// Lists of keys go into a statement as one JSON array, so that it stays one constant, prepared once, whatever their number.

// numbers returns numbers as a JSON array.
func numbers(nums []store.Num) string {
	b := append(make([]byte, 0, 8*len(nums)+2), '[')
	for i, n := range nums {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(append(b, ']'))
}

// texts returns strings as a JSON array.
func texts(list []string) string {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		// The error is that of invalid UTF-8, which is replaced: such a key is nobody's.
		b, _ = jsontext.AppendQuote(b, s)
	}
	return string(append(b, ']'))
}

// load reads the head and what the Ops of the ledger ask for.
func (l *ledger) load(c *conn) error {
	if err := l.loadHead(c); err != nil || !l.known {
		return err
	}
	if len(l.ops) == 0 {
		return nil
	}
	if err := l.loadIDs(c); err != nil {
		return err
	}
	more, err := l.loadNames(c)
	if err != nil {
		return err
	}
	for _, op := range l.ops {
		more = append(more, op.Load.Nums...)
	}
	if err := l.loadNums(c, more); err != nil {
		return err
	}
	return l.loadEdges(c)
}

const selectHead = "SELECT seq, next_num, at, users, groups, gen, audit_n, audit, audit_checked, active, holds, last_hold, protected FROM head WHERE tenant = ?"

func (l *ledger) loadHead(c *conn) (err error) {
	l.known, err = c.one(func(r row) {
		l.head = head{seq: store.Seq(r.int(0)), next: store.Num(r.int(1)), at: r.int(2), users: r.int(3), groups: r.int(4), gen: int(r.int(5)), audited: r.int(6), checked: r.int(8), active: r.int(9), holds: r.int(10), lastHold: r.int(11), protected: r.int(12)}
		copy(l.head.hash[:], r.blob(7))
		l.head.fresh = l.head.next
	}, selectHead, int64(l.tenant))
	return err
}

const (
	wholeByID = "SELECT " + writeColumns + ` FROM json_each(?) k CROSS JOIN resource r INDEXED BY resource_id
	WHERE r.tenant = ? AND r.id = k.value AND r.deleted = 0`
	lightByID = "SELECT " + lightColumns + ` FROM json_each(?) k CROSS JOIN resource r INDEXED BY resource_id
	WHERE r.tenant = ? AND r.id = k.value AND r.deleted = 0`
)

func (l *ledger) loadIDs(c *conn) error {
	var whole, light []string
	for _, op := range l.ops {
		whole = append(whole, op.Load.IDs...)
		light = append(light, op.Load.Refs...)
		for _, e := range op.Load.Edges {
			light = append(append(light, e.Parent), e.Members...)
		}
		for _, k := range op.Load.Children {
			light = append(light, k.Parent)
		}
	}
	if whole = unique(whole); len(whole) > 0 {
		if err := l.loadWhole(c, wholeByID, texts(whole)); err != nil {
			return err
		}
	}
	light = slices.DeleteFunc(unique(light), func(id string) bool { return l.ids[id] != 0 })
	if len(light) == 0 {
		return nil
	}
	for r, err := range c.rows(context.Background(), lightByID, texts(light), int64(l.tenant)) {
		if err != nil {
			return err
		}
		l.learnLight(r)
	}
	return nil
}

func (l *ledger) learnLight(r row) {
	l.learn(&store.Resource{
		Num: store.Num(r.int(0)), Type: r.text(1), ID: r.text(2), Deleted: r.bool(3), Index: store.Index{Display: r.text(4)},
	}, true)
}

func (l *ledger) loadWhole(c *conn, query, keys string) error {
	for r, err := range c.rows(context.Background(), query, keys, int64(l.tenant)) {
		if err != nil {
			return err
		}
		res, err := readWhole(r)
		if err != nil {
			return err
		}
		l.learn(res, false)
	}
	return nil
}

const wholeByNum = "SELECT " + writeColumns + ` FROM json_each(?) k CROSS JOIN resource r INDEXED BY resource_num
	WHERE r.tenant = ? AND r.num = k.value`

// loadNums reads resources by number, unless they are known with their bodies.
func (l *ledger) loadNums(c *conn, nums []store.Num) error {
	nums = slices.DeleteFunc(unique(nums), func(n store.Num) bool {
		k := l.nums[n]
		return k != nil && !k.light
	})
	if len(nums) == 0 {
		return nil
	}
	return l.loadWhole(c, wholeByNum, numbers(nums))
}

// loadNames reads claims, former records and pending references, and returns the resources that they lead to.
func (l *ledger) loadNames(c *conn) (more []store.Num, err error) {
	scopes := map[string][]string{}
	for _, op := range l.ops {
		for _, k := range op.Load.Claims {
			if l.claims[k] == nil {
				l.claims[k] = &claim{}
				scopes[k.Scope] = append(scopes[k.Scope], k.Key)
			}
		}
	}
	for scope, keys := range scopes {
		if err := l.loadClaims(c, scope, keys); err != nil {
			return nil, err
		}
	}
	for _, k := range l.claims {
		if k.num != 0 {
			more = append(more, k.num)
		}
	}
	for _, op := range l.ops {
		for _, k := range op.Load.Former {
			f := formerKey{op.Source, k}
			if _, asked := l.former[f]; asked {
				continue
			}
			if l.former[f], err = loadFormer(c, l.tenant, f); err != nil {
				return nil, err
			}
			if r := l.former[f]; r != nil {
				more = append(more, r.Num)
			}
		}
		for _, v := range op.Load.Pending {
			k := pendKey{op.Source, v}
			if l.pending[k] != nil {
				continue
			}
			list, err := loadPending(c, l.tenant, k)
			if err != nil {
				return nil, err
			}
			l.pending[k] = &pending{now: list}
			for _, p := range list {
				more = append(more, p.Parent)
			}
		}
	}
	return more, nil
}

const selectClaims = `SELECT c.key, c.num FROM json_each(?) k CROSS JOIN claim c
	WHERE c.tenant = ? AND c.scope = ? AND c.key = k.value`

func (l *ledger) loadClaims(c *conn, scope string, keys []string) error {
	for r, err := range c.rows(context.Background(), selectClaims, texts(keys), int64(l.tenant), scope) {
		if err != nil {
			return err
		}
		if k := l.claims[store.ClaimKey{Scope: scope, Key: r.text(0)}]; k != nil {
			k.num = store.Num(r.int(1))
			k.stored = k.num
		}
	}
	return nil
}

const (
	formerColumns    = "c.id, c.num, c.external_id, c.employee_number, c.created, c.ended, c.body"
	formerByExternal = "SELECT " + formerColumns + ` FROM record c INDEXED BY record_former_external
	CROSS JOIN resource r ON r.tenant = c.tenant AND r.num = c.num
	WHERE c.tenant = ? AND c.source = ? AND c.external_id = ? AND c.ended <> 0 AND r.type = ?
	ORDER BY c.ended DESC LIMIT 1`
	formerByEmployee = "SELECT " + formerColumns + ` FROM record c INDEXED BY record_former_employee
	CROSS JOIN resource r ON r.tenant = c.tenant AND r.num = c.num
	WHERE c.tenant = ? AND c.source = ? AND c.employee_number = ? AND c.ended <> 0 AND r.type = ?
	ORDER BY c.ended DESC LIMIT 1`
)

// loadFormer returns the record that ended last with one of the keys; the external id counts first.
func loadFormer(c *conn, t store.Tenant, k formerKey) (rec *store.Record, err error) {
	for _, by := range []struct{ query, key string }{{formerByExternal, k.ExternalID}, {formerByEmployee, k.EmployeeNumber}} {
		if by.key == "" || rec != nil {
			continue
		}
		_, err := c.one(func(r row) {
			rec = &store.Record{
				Source:         k.source,
				ID:             r.text(0),
				Num:            store.Num(r.int(1)),
				ExternalID:     r.text(2),
				EmployeeNumber: r.text(3),
				Created:        fromMillis(r.int(4)),
				Ended:          fromMillis(r.int(5)),
				Body:           r.blob(6),
			}
		}, by.query, int64(t), int64(k.source), by.key, k.Type)
		if err != nil {
			return nil, err
		}
	}
	return rec, nil
}

const selectPending = "SELECT rel, parent, expires FROM pending WHERE tenant = ? AND source = ? AND value = ? ORDER BY rel, parent"

func loadPending(c *conn, t store.Tenant, k pendKey) (list []store.Pending, err error) {
	for r, err := range c.rows(context.Background(), selectPending, int64(t), int64(k.source), k.value) {
		if err != nil {
			return nil, err
		}
		list = append(list, store.Pending{
			Source: k.source, Value: k.value,
			Rel: store.Rel(r.int(0)), Parent: store.Num(r.int(1)), Expires: fromMillis(r.int(2)),
		})
	}
	return list, nil
}

const (
	edgesAmong = `SELECT e.child FROM json_each(?) k CROSS JOIN edge e
	WHERE e.tenant = ? AND e.rel = ? AND e.parent = ? AND e.child = k.value`
	edgesOf = `SELECT ` + lightColumns + ` FROM edge e CROSS JOIN resource r ON r.tenant = e.tenant AND r.num = e.child
	WHERE e.tenant = ? AND e.rel = ? AND e.parent = ? AND r.deleted = 0 ORDER BY e.child LIMIT ?`
)

// loadEdges reads the edges that are asked for, now that the numbers of their ends are known.
func (l *ledger) loadEdges(c *conn) error {
	asked := map[parentKey][]store.Num{}
	for _, op := range l.ops {
		for _, e := range op.Load.Edges {
			k := parentKey{e.Rel, l.ids[e.Parent]}
			if k.parent == 0 {
				continue
			}
			for _, m := range e.Members {
				if n := l.ids[m]; n != 0 {
					asked[k] = append(asked[k], n)
				}
			}
		}
	}
	for k, nums := range asked {
		nums = unique(nums)
		for _, n := range nums {
			l.edges[edgeKey{k.rel, k.parent, n}] = &edge{}
		}
		for r, err := range c.rows(context.Background(), edgesAmong, numbers(nums), int64(l.tenant), int64(k.rel), int64(k.parent)) {
			if err != nil {
				return err
			}
			*l.edges[edgeKey{k.rel, k.parent, store.Num(r.int(0))}] = edge{there: true, stored: true}
		}
	}
	for _, op := range l.ops {
		for _, k := range op.Load.Children {
			if err := l.loadChildren(c, parentKey{k.Rel, l.ids[k.Parent]}, k.Limit); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadChildren reads up to limit+1 edges of a parent. Another Op of the batch may have asked for fewer; then they are read again.
func (l *ledger) loadChildren(c *conn, k parentKey, limit int) error {
	if k.parent == 0 || len(l.children[k]) > limit {
		return nil
	}
	var list []store.Num
	for r, err := range c.rows(context.Background(), edgesOf, int64(l.tenant), int64(k.rel), int64(k.parent), int64(limit)+1) {
		if err != nil {
			return err
		}
		l.learnLight(r)
		list = append(list, store.Num(r.int(0)))
	}
	l.children[k] = list
	return nil
}

// unique sorts a list and drops what stands there twice. It may reuse the list.
func unique[T string | store.Num](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}
