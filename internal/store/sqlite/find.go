package sqlite

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// findChunk is how many resources are read at once before they are emitted or evaluated.
const findChunk = 100

// searchTime is how long a search may work, the emitting of results aside (E02).
const searchTime = 5 * time.Second

// Find implements store.Reader. It first finds the numbers of the page and the total, then reads and emits
// the page in chunks; while it emits, it holds neither a connection nor a transaction.
func (db *DB) Find(ctx context.Context, t store.Tenant, q *store.Query, emit func(*store.Resource) error) (store.Page, error) {
	s := &search{db: db, tenant: t, query: q, start: max(q.Start, 1), count: max(q.Count, 0)}
	if err := s.find(ctx); err != nil {
		return store.Page{}, err
	}
	for _, r := range s.rows {
		if err := emit(r); err != nil {
			return store.Page{}, err
		}
	}
	for chunk := range slices.Chunk(s.nums[len(s.rows):], findChunk) {
		rows, err := db.inOrder(ctx, t, chunk)
		if err != nil {
			return store.Page{}, err
		}
		for _, r := range rows {
			if err := emit(r); err != nil {
				return store.Page{}, err
			}
		}
	}
	return store.Page{Total: s.total}, nil
}

// inOrder reads resources and returns those that are still live in the order of nums.
func (db *DB) inOrder(ctx context.Context, t store.Tenant, nums []store.Num) ([]*store.Resource, error) {
	found, err := db.ByNum(ctx, t, nums)
	if err != nil {
		return nil, err
	}
	byNum := make(map[store.Num]*store.Resource, len(found))
	for _, r := range found {
		byNum[r.Num] = r
	}
	rows := found[:0]
	for _, n := range nums {
		if r := byNum[n]; r != nil && !r.Deleted {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// search is one query while it is answered.
type search struct {
	db           *DB
	tenant       store.Tenant
	query        *store.Query
	start, count int

	term term

	nums  []store.Num       // of the page
	rows  []*store.Resource // the first of them, if they were read already
	total int
}

// find fills in the page and the total.
func (s *search) find(ctx context.Context) error {
	if done, err := s.quick(ctx); done || err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, searchTime, store.ErrCostly)
	defer cancel()
	err := s.thorough(ctx)
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), store.ErrCostly) {
		return store.ErrCostly
	}
	return err
}

// quick compiles the filter, and answers the search at once if it can.
func (s *search) quick(ctx context.Context) (done bool, err error) {
	err = s.db.read(ctx, func(c *conn) (err error) {
		if err := s.compile(c); err != nil || s.term.never {
			done = true
			return err
		}
		done, err = s.direct(c)
		return err
	})
	return done, err
}

func (s *search) thorough(ctx context.Context) error {
	if s.expensive() {
		leave, err := s.db.searches.enter(ctx, s.tenant)
		if err != nil {
			return err
		}
		defer leave()
	}
	if s.exact() {
		return s.db.read(ctx, func(c *conn) error {
			return c.together(func() error { return s.page(ctx, c) })
		})
	}
	return s.scan(ctx)
}

func (s *search) compile(c *conn) (err error) {
	if s.query.Filter == nil {
		s.term = term{exact: true}
		return nil
	}
	compiler := compiler{db: s.db, conn: c, tenant: s.tenant, typ: s.query.Type}
	s.term, err = compiler.compile(s.query.Filter)
	return err
}

// exact reports whether SQL alone finds, orders and counts what is asked for.
func (s *search) exact() bool {
	if !s.term.exact || len(s.query.Sort) > 1 {
		return false
	}
	if len(s.query.Sort) == 0 {
		return true
	}
	_, ok := orderOf(s.query.Sort[0])
	return ok
}

// expensive reports whether a search looks at everything there is of the type, and more than its place in an index.
func (s *search) expensive() bool {
	return !s.term.via.selective() && (s.term.cond.text != "" || !s.exact())
}

// direct answers the search that every provisioning client makes all day, for one key, by one statement: its rows come
// in order, and if they do not fill the page they are all there are.
func (s *search) direct(c *conn) (done bool, err error) {
	if !s.exact() || !s.term.via.byNum || len(s.query.Sort) > 0 || s.query.After > 0 || s.start > 1 || s.count == 0 {
		return false, nil
	}
	limit := min(s.count, findChunk)
	from := s.from(s.term.via)
	var rows []*store.Resource
	for r, err := range c.rows(context.Background(), "SELECT "+shownColumns+from.text+" ORDER BY r.num LIMIT ?", append(from.args, int64(limit))...) {
		if err != nil {
			return false, err
		}
		rows = append(rows, readShown(r))
	}
	if len(rows) == limit {
		return false, nil
	}
	s.rows, s.total = rows, len(rows)
	for _, r := range rows {
		s.nums = append(s.nums, r.Num)
	}
	return true, nil
}

// from returns FROM and WHERE of the search by an access.
func (s *search) from(via access) clause {
	from := clause{text: " FROM resource r INDEXED BY "}
	where := clause{"r.tenant = ? AND r.type = ?", []any{int64(s.tenant), s.query.Type.Name}}
	switch {
	case via.rank == rankNone:
		from.text += "resource_live"
	case via.index != "":
		from.text += via.index
	default:
		from.text += "resource_num"
	}
	switch via.index {
	case "", "resource_id", "resource_live", "resource_modified":
		where.text += " AND r.deleted = 0"
	default: // the columns of a tombstone are empty, so the index has none
	}
	if via.rank == rankUnion {
		nums := via.nums()
		where = where.and(clause{"r.num IN (" + nums.text + ")", nums.args})
	}
	from.text += " WHERE "
	where = where.and(s.term.cond)
	return clause{from.text + where.text, where.args}
}

// page answers an exact search. It runs on one state of the database, so that page and total fit together.
func (s *search) page(ctx context.Context, c *conn) (err error) {
	if s.count > 0 {
		if len(s.query.Sort) > 0 {
			err = s.sorted(ctx, c)
		} else {
			err = s.unsorted(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	if n := len(s.nums); s.query.After == 0 && n < s.count && (n > 0 || s.start == 1) {
		s.total = s.start - 1 + n // the page is the end of it
		return nil
	}
	s.total, err = s.countAll(ctx, c)
	return err
}

// countAll counts the matches. Of users and groups there is a count.
func (s *search) countAll(ctx context.Context, c *conn) (int, error) {
	if s.query.Filter == nil && (s.query.Type.Name == store.TypeUser || s.query.Type.Name == store.TypeGroup) {
		i := 0
		if s.query.Type.Name == store.TypeGroup {
			i = 1
		}
		n := 0
		_, err := c.one(func(r row) { n = int(r.int(i)) }, selectCounts, int64(s.tenant))
		return n, err
	}
	return s.countFrom(ctx, c, s.from(s.term.via))
}

func (s *search) countFrom(ctx context.Context, c *conn, from clause) (n int, err error) {
	for r, err := range c.rows(ctx, "SELECT count(*)"+from.text, from.args...) {
		if err != nil {
			return 0, err
		}
		n = int(r.int(0))
	}
	return n, nil
}

func (s *search) unsorted(ctx context.Context, c *conn) error {
	from := s.from(s.term.via)
	if s.query.After > 0 {
		from = from.and(clause{"r.num > ?", []any{int64(s.query.After)}})
	}
	return s.take(ctx, c, from, "r.num", s.start-1)
}

// take adds the numbers of a result to the page until it is full.
func (s *search) take(ctx context.Context, c *conn, from clause, order string, skip int) error {
	query := "SELECT r.num" + from.text + " ORDER BY " + order + " LIMIT ? OFFSET ?"
	for r, err := range c.rows(ctx, query, slices.Concat(from.args, []any{int64(s.count - len(s.nums)), int64(skip)})...) {
		if err != nil {
			return err
		}
		s.nums = append(s.nums, store.Num(r.int(0)))
	}
	return nil
}

// order is an attribute that SQL can order by as store.Query wants it.
type order struct {
	column string
	index  string // in whose order it stands
	absent bool   // it may be unassigned
}

func orderOf(k store.SortKey) (order, bool) {
	p := k.Path
	if p.Attr == nil {
		return order{}, false
	}
	if p.Extension == nil {
		switch {
		case p.Attr.Name == "id" && p.Sub == nil:
			return order{"r.id", "resource_id", false}, true
		case p.Attr.Name == "meta" && p.Sub != nil && p.Sub.Name == "created":
			return order{"r.created", "resource_live", false}, true
		case p.Attr.Name == "meta" && p.Sub != nil && p.Sub.Name == "lastModified":
			return order{"r.modified", "resource_modified", false}, true
		}
	}
	col, ok := columns[store.Indexed(p)]
	return order{col.name, col.index, true}, ok
}

// sorted finds the numbers of a page in the order of a column. Few candidates are sorted. Many are read in the order
// of its index, which lacks those without a value: they are a part of their own, before or after.
func (s *search) sorted(ctx context.Context, c *conn) error {
	key := s.query.Sort[0]
	o, _ := orderOf(key)
	direction := ""
	if key.Descending {
		direction = " DESC"
	}
	by := o.column + direction + ", r.num"
	if !o.absent {
		via := s.term.via
		if !via.selective() {
			via = access{rank: rankScan, index: o.index}
		}
		return s.take(ctx, c, s.from(via), by, s.start-1)
	}
	if s.term.via.selective() {
		return s.take(ctx, c, s.from(s.term.via), "("+o.column+" = '')"+direction+", "+by, s.start-1)
	}
	present := s.from(access{rank: rankScan, index: o.index}).and(clause{text: o.column + " <> ''"})
	absent := s.from(access{}).and(clause{text: o.column + " = ''"})
	if key.Descending {
		return s.takeBoth(ctx, c, absent, "r.num", present, by)
	}
	return s.takeBoth(ctx, c, present, by, absent, "r.num")
}

// takeBoth takes the page out of two results, one after the other.
func (s *search) takeBoth(ctx context.Context, c *conn, first clause, firstBy string, then clause, thenBy string) error {
	if err := s.take(ctx, c, first, firstBy, s.start-1); err != nil || len(s.nums) == s.count {
		return err
	}
	skip := 0
	if len(s.nums) == 0 && s.start > 1 {
		n, err := s.countFrom(ctx, c, first)
		if err != nil {
			return err
		}
		skip = s.start - 1 - n
	}
	return s.take(ctx, c, then, thenBy, skip)
}
