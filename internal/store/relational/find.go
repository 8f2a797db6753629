package relational

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
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
	return store.Page{Total: s.total, Next: s.next}, nil
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
	keys  []any             // the sort keys of nums, for next; nil: nobody needs them
	rows  []*store.Resource // the first of nums, if they were read already
	total int
	next  *store.Position
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
	err = s.db.read(ctx, func(c Conn) (err error) {
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
		return s.db.read(ctx, func(c Conn) error {
			return c.Together(func() error { return s.page(ctx, c) })
		})
	}
	return s.scan(ctx)
}

func (s *search) compile(c Conn) (err error) {
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
func (s *search) direct(c Conn) (done bool, err error) {
	if !s.exact() || !s.term.via.byNum || len(s.query.Sort) > 0 || s.query.After.Num > 0 || s.start > 1 || s.count == 0 {
		return false, nil
	}
	limit := min(s.count, findChunk)
	args := make([]any, 0, 3+len(s.term.cond.args))
	args = append(append(args, int64(s.tenant), s.query.Type.Name), s.term.cond.args...)
	var rows []*store.Resource
	for r, err := range c.Rows(context.Background(), s.directText(), append(args, int64(limit))...) {
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

// directText returns the statement of a direct search. Its text is made once for each shape.
func (s *search) directText() string {
	return s.db.shapes.text(shape{s.term.via.index, s.term.cond.text}, func() string {
		return "SELECT " + shownColumns + s.from(s.term.via).text + " ORDER BY r.num LIMIT ?"
	})
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
func (s *search) page(ctx context.Context, c Conn) error {
	if s.count > 0 {
		if s.query.Next {
			s.count++ // who is beyond the page tells that there is more
		}
		parts, err := s.parts()
		if err != nil {
			return err
		}
		if err := s.takeParts(ctx, c, parts); err != nil {
			return err
		}
	}
	n := len(s.nums)
	if s.query.Next && s.count > 0 {
		if err := s.cut(s.key); err != nil {
			return err
		}
	}
	if s.query.After.Num == 0 && n < s.count && (n > 0 || s.start == 1) {
		s.total = s.start - 1 + n // the page is the end of it
		return nil
	}
	var err error
	s.total, err = s.countAll(ctx, c)
	return err
}

// cut takes the last one off a page that has one more than was asked for, and keeps where the next page begins: behind the
// one before it, whose keys keysOf returns.
func (s *search) cut(keysOf func(i int) []any) error {
	if len(s.nums) < s.count {
		return nil
	}
	last := s.count - 2
	s.nums = s.nums[:last+1]
	s.next = &store.Position{Keys: keysOf(last), Num: s.nums[last]}
	for _, k := range s.next.Keys {
		if text, ok := k.(string); ok && len(text) > store.MaxKey {
			return store.ErrLongKey
		}
	}
	return nil
}

// key returns the keys of the i-th of the page in an order of the database.
func (s *search) key(i int) []any {
	if len(s.query.Sort) == 0 {
		return nil
	}
	o, _ := orderOf(s.query.Sort[0])
	return []any{o.key(s.query, s.keys[i])}
}

// countAll counts the matches. Of users and groups there is a count.
func (s *search) countAll(ctx context.Context, c Conn) (int, error) {
	if s.query.Filter == nil && (s.query.Type.Name == store.TypeUser || s.query.Type.Name == store.TypeGroup) {
		i := 0
		if s.query.Type.Name == store.TypeGroup {
			i = 1
		}
		n := 0
		_, err := c.One(func(r Row) { n = int(r.Int(i)) }, selectCounts, int64(s.tenant))
		return n, err
	}
	return s.countFrom(ctx, c, s.from(s.term.via))
}

func (s *search) countFrom(ctx context.Context, c Conn, from clause) (n int, err error) {
	for r, err := range c.Rows(ctx, "SELECT count(*)"+from.text, from.args...) {
		if err != nil {
			return 0, err
		}
		n = int(r.Int(0))
	}
	return n, nil
}

// part is a stretch of a result: the parts of a result follow one another.
type part struct {
	from  clause
	order string
}

// takeParts fills the page with what comes behind start.
func (s *search) takeParts(ctx context.Context, c Conn, parts []part) error {
	skip := s.start - 1
	for i, p := range parts {
		before := len(s.nums)
		if err := s.take(ctx, c, p, skip); err != nil || len(s.nums) == s.count {
			return err
		}
		switch {
		case len(s.nums) > before:
			skip = 0
		case skip > 0 && i < len(parts)-1:
			n, err := s.countFrom(ctx, c, p.from)
			if err != nil {
				return err
			}
			skip -= n
		}
	}
	return nil
}

// take adds the numbers of a part to the page until it is full.
func (s *search) take(ctx context.Context, c Conn, p part, skip int) error {
	column := ""
	if s.query.Next && len(s.query.Sort) > 0 {
		o, _ := orderOf(s.query.Sort[0])
		column = ", " + o.column
	}
	query := "SELECT r.num" + column + p.from.text + " ORDER BY " + p.order + " LIMIT ? OFFSET ?"
	for r, err := range c.Rows(ctx, query, slices.Concat(p.from.args, []any{int64(s.count - len(s.nums)), int64(skip)})...) {
		if err != nil {
			return err
		}
		s.nums = append(s.nums, store.Num(r.Int(0)))
		if column != "" {
			s.keys = append(s.keys, r[1])
		}
	}
	return nil
}

// order is an attribute that SQL can order by as store.Query wants it.
type order struct {
	column string
	index  string // in whose order it stands
	absent bool   // it may be unassigned
	time   bool   // the column has milliseconds
}

func orderOf(k store.SortKey) (order, bool) {
	p := k.Path
	if p.Attr == nil {
		return order{}, false
	}
	if p.Extension == nil {
		switch {
		case p.Attr.Name == "id" && p.Sub == nil:
			return order{column: "r.id", index: "resource_id"}, true
		case p.Attr.Name == "meta" && p.Sub != nil && p.Sub.Name == "created":
			return order{column: "r.created", index: "resource_live", time: true}, true
		case p.Attr.Name == "meta" && p.Sub != nil && p.Sub.Name == "lastModified":
			return order{column: "r.modified", index: "resource_modified", time: true}, true
		}
	}
	col, ok := columns[store.Indexed(p)]
	return order{column: col.name, index: col.index, absent: true}, ok
}

// key returns a value of the column as a Position has it.
func (o order) key(q *store.Query, v any) any {
	switch v := v.(type) {
	case int64:
		return q.Type.Set().Key(q.Sort[0].Path.Leaf(), fromMillis(v).UTC().Format(time.RFC3339Nano))
	case string:
		if v == "" {
			return nil
		}
		return v
	}
	return nil
}

// value returns the key of a Position as the column has it. There is none only where the attribute may be unassigned.
func (o order) value(key any) (v any, err error) {
	text, _ := key.(string)
	switch {
	case o.absent && key == nil:
		return nil, nil
	case text == "":
		return nil, store.ErrPosition
	case o.time:
		at, ok := schema.ParseDateTime(text)
		if !ok {
			return nil, store.ErrPosition
		}
		return at.UnixMilli(), nil
	}
	return text, nil
}

// parts returns the stretches of the result that the page is to be taken from. Few candidates are sorted. Many are read in
// the order of an index, which lacks those without a value: they are a part of their own, before or after. Behind a
// position the equals with a higher number come first, then what is beyond; each of them is a range of the index.
func (s *search) parts() ([]part, error) {
	after := s.query.After
	behind := clause{"r.num > ?", []any{int64(after.Num)}}
	if len(after.Keys) != len(s.query.Sort) && after.Num > 0 {
		return nil, store.ErrPosition
	}
	if len(s.query.Sort) == 0 {
		from := s.from(s.term.via)
		if after.Num > 0 {
			from = from.and(behind)
		}
		return []part{{from, "r.num"}}, nil
	}

	key := s.query.Sort[0]
	o, _ := orderOf(key)
	direction, beyond := "", " > ?"
	if key.Descending {
		direction, beyond = " DESC", " < ?"
	}
	by := o.column + direction + ", r.num"
	few := s.term.via.selective()
	if few && o.absent && after.Num == 0 {
		return []part{{s.from(s.term.via), "(" + o.column + " = '')" + direction + ", " + by}}, nil
	}
	there, missing := access{rank: rankScan, index: o.index}, access{}
	if few {
		there, missing = s.term.via, s.term.via
	}
	present, absent := s.from(there), s.from(missing)
	if o.absent {
		present, absent = present.and(clause{text: o.column + " <> ''"}), absent.and(clause{text: o.column + " = ''"})
	}
	with := []part{{present, by}}
	without := []part{{absent, "r.num"}}
	if after.Num > 0 {
		v, err := o.value(after.Keys[0])
		switch {
		case err != nil:
			return nil, err
		case v == nil && key.Descending:
			without = []part{{absent.and(behind), "r.num"}}
		case v == nil:
			return []part{{absent.and(behind), "r.num"}}, nil
		default:
			with = []part{
				{present.and(clause{o.column + " = ?", []any{v}}).and(behind), "r.num"},
				{present.and(clause{o.column + beyond, []any{v}}), by},
			}
			if key.Descending {
				return with, nil
			}
		}
	}
	switch {
	case !o.absent:
		return with, nil
	case key.Descending:
		return append(without, with...), nil
	}
	return append(with, without...), nil
}
