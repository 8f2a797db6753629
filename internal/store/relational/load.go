package relational

import (
	"context"
	"slices"

	"github.com/muster-id/muster/internal/store"
)

// load reads the head and what the Ops of the ledger ask for.
func (l *ledger) load(c Conn, lock string) error {
	if err := l.loadHead(c, lock); err != nil || !l.known {
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

const selectHead = "SELECT seq, next_num, at, users, groups, gen, audit_n, audit, audit_checked, active, holds, last_hold, protected, nest FROM head WHERE tenant = ?"

// loadHead reads the head and locks it, so that no other node writes to the tenant before the transaction ends.
func (l *ledger) loadHead(c Conn, lock string) (err error) {
	l.known, err = c.One(func(r Row) {
		l.head = head{seq: store.Seq(r.Int(0)), next: store.Num(r.Int(1)), at: r.Int(2), users: r.Int(3), groups: r.Int(4), gen: int(r.Int(5)), audited: r.Int(6), checked: r.Int(8), active: r.Int(9), holds: r.Int(10), lastHold: r.Int(11), protected: r.Int(12), nest: r.Int(13)}
		copy(l.head.hash[:], r.Blob(7))
		l.head.fresh = l.head.next
	}, selectHead+lock, int64(l.tenant))
	return err
}

const (
	wholeByID = "SELECT " + writeColumns + ` FROM texts(?) k CROSS JOIN resource r INDEXED BY resource_id
	WHERE r.tenant = ? AND r.id = k.value AND r.deleted = 0`
	lightByID = "SELECT " + lightColumns + ` FROM texts(?) k CROSS JOIN resource r INDEXED BY resource_id
	WHERE r.tenant = ? AND r.id = k.value AND r.deleted = 0`
)

func (l *ledger) loadIDs(c Conn) error {
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
		if err := l.loadWhole(c, wholeByID, whole); err != nil {
			return err
		}
	}
	light = slices.DeleteFunc(unique(light), func(id string) bool { return l.ids[id] != 0 })
	if len(light) == 0 {
		return nil
	}
	for r, err := range c.Rows(context.Background(), lightByID, light, int64(l.tenant)) {
		if err != nil {
			return err
		}
		l.learnLight(r)
	}
	return nil
}

func (l *ledger) learnLight(r Row) {
	l.learn(&store.Resource{
		Num: store.Num(r.Int(0)), Type: r.Text(1), ID: r.Text(2), Deleted: r.Bool(3), Index: store.Index{Display: r.Text(4)},
	}, true)
}

func (l *ledger) loadWhole(c Conn, query string, keys any) error {
	for r, err := range c.Rows(context.Background(), query, keys, int64(l.tenant)) {
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

const wholeByNum = "SELECT " + writeColumns + ` FROM numbers(?) k CROSS JOIN resource r INDEXED BY resource_num
	WHERE r.tenant = ? AND r.num = k.value`

// loadNums reads resources by number, unless they are known with their bodies.
func (l *ledger) loadNums(c Conn, nums []store.Num) error {
	nums = slices.DeleteFunc(unique(nums), func(n store.Num) bool {
		k := l.nums[n]
		return k != nil && !k.light
	})
	if len(nums) == 0 {
		return nil
	}
	return l.loadWhole(c, wholeByNum, nums)
}

// loadNames reads claims, former records and pending references, and returns the resources that they lead to.
func (l *ledger) loadNames(c Conn) (more []store.Num, err error) {
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

const selectClaims = `SELECT c.key, c.num FROM texts(?) k CROSS JOIN claim c
	WHERE c.tenant = ? AND c.scope = ? AND c.key = k.value`

func (l *ledger) loadClaims(c Conn, scope string, keys []string) error {
	for r, err := range c.Rows(context.Background(), selectClaims, keys, int64(l.tenant), scope) {
		if err != nil {
			return err
		}
		if k := l.claims[store.ClaimKey{Scope: scope, Key: r.Text(0)}]; k != nil {
			k.num = store.Num(r.Int(1))
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
func loadFormer(c Conn, t store.Tenant, k formerKey) (rec *store.Record, err error) {
	for _, by := range []struct{ query, key string }{{formerByExternal, k.ExternalID}, {formerByEmployee, k.EmployeeNumber}} {
		if by.key == "" || rec != nil {
			continue
		}
		_, err := c.One(func(r Row) {
			rec = &store.Record{
				Source:         k.source,
				ID:             r.Text(0),
				Num:            store.Num(r.Int(1)),
				ExternalID:     r.Text(2),
				EmployeeNumber: r.Text(3),
				Created:        fromMillis(r.Int(4)),
				Ended:          fromMillis(r.Int(5)),
				Body:           r.Blob(6),
			}
		}, by.query, int64(t), int64(k.source), by.key, k.Type)
		if err != nil {
			return nil, err
		}
	}
	return rec, nil
}

const selectPending = "SELECT rel, parent, expires FROM pending WHERE tenant = ? AND source = ? AND value = ? ORDER BY rel, parent"

func loadPending(c Conn, t store.Tenant, k pendKey) (list []store.Pending, err error) {
	for r, err := range c.Rows(context.Background(), selectPending, int64(t), int64(k.source), k.value) {
		if err != nil {
			return nil, err
		}
		list = append(list, store.Pending{
			Source: k.source, Value: k.value,
			Rel: store.Rel(r.Int(0)), Parent: store.Num(r.Int(1)), Expires: fromMillis(r.Int(2)),
		})
	}
	return list, nil
}

const (
	edgesAmong = `SELECT e.child FROM numbers(?) k CROSS JOIN edge e
	WHERE e.tenant = ? AND e.rel = ? AND e.parent = ? AND e.child = k.value`
	edgesOf = `SELECT ` + lightColumns + ` FROM edge e CROSS JOIN resource r ON r.tenant = e.tenant AND r.num = e.child
	WHERE e.tenant = ? AND e.rel = ? AND e.parent = ? AND r.deleted = 0 ORDER BY e.child LIMIT ?`
)

// loadEdges reads the edges that are asked for, now that the numbers of their ends are known.
func (l *ledger) loadEdges(c Conn) error {
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
		for r, err := range c.Rows(context.Background(), edgesAmong, nums, int64(l.tenant), int64(k.rel), int64(k.parent)) {
			if err != nil {
				return err
			}
			*l.edges[edgeKey{k.rel, k.parent, store.Num(r.Int(0))}] = edge{there: true, stored: true}
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
func (l *ledger) loadChildren(c Conn, k parentKey, limit int) error {
	if k.parent == 0 || len(l.children[k]) > limit {
		return nil
	}
	var list []store.Num
	for r, err := range c.Rows(context.Background(), edgesOf, int64(l.tenant), int64(k.rel), int64(k.parent), int64(limit)+1) {
		if err != nil {
			return err
		}
		l.learnLight(r)
		list = append(list, store.Num(r.Int(0)))
	}
	l.children[k] = list
	return nil
}

// unique sorts a list and drops what stands there twice. It may reuse the list.
func unique[T string | store.Num](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}
