package relational

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// scan answers a search that SQL does not answer alone: it reads the candidates in order of number and
// evaluates the filter on each. It holds a chunk of them, the numbers of the page, and with an
// order the sort keys of everything up to the end of the page.
func (s *search) scan(ctx context.Context) error {
	if s.query.Doc == nil {
		return errors.New("search needs documents and was given no way to make them")
	}
	if after := s.query.After; after.Num > 0 && len(after.Keys) != len(s.query.Sort) {
		return store.ErrPosition
	}
	if s.query.Next && s.count > 0 {
		s.count++ // who is beyond the page tells that there is more
	}
	following := 0 // matches behind After
	top := &top{set: s.query.Type.Set(), keys: s.query.Sort, size: s.start - 1 + s.count}
	for rows, err := range s.candidates(ctx) {
		if err != nil {
			return err
		}
		for _, r := range rows {
			doc, err := s.query.Doc(ctx, r)
			if err != nil {
				return fmt.Errorf("read resource %d: %w", r.Num, err)
			}
			if !s.term.exact && !filter.Match(s.query.Filter, s.query.Type.Set(), doc) {
				continue
			}
			s.total++
			switch {
			case s.count == 0:
			case len(s.query.Sort) > 0:
				top.add(r.Num, doc, s.query.After)
			case r.Num > s.query.After.Num:
				if following++; following >= s.start && len(s.nums) < s.count {
					s.nums = append(s.nums, r.Num)
				}
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	places := top.from(s.start - 1)
	for _, p := range places {
		s.nums = append(s.nums, p.Num)
	}
	if s.query.Next && s.count > 0 {
		return s.cut(func(i int) []any {
			if len(places) == 0 {
				return nil // without an order
			}
			return places[i].Keys
		})
	}
	return nil
}

// candidateNums is how many numbers of candidates are held at a time.
const candidateNums = 4096

// candidates yields the resources that the compiled condition allows, in chunks. No connection is held while a chunk is out.
func (s *search) candidates(ctx context.Context) func(yield func([]*store.Resource, error) bool) {
	if !s.term.via.selective() {
		return s.walkAll(ctx)
	}
	return func(yield func([]*store.Resource, error) bool) {
		from := s.from(s.term.via).and(clause{text: "r.num > ?"})
		for after := store.Num(0); ; {
			var nums []store.Num
			err := s.db.read(ctx, func(c Conn) error {
				for r, err := range c.Rows(ctx, "SELECT r.num"+from.text+" ORDER BY r.num LIMIT ?", append(slices.Clone(from.args), int64(after), int64(candidateNums))...) {
					if err != nil {
						return err
					}
					nums = append(nums, store.Num(r.Int(0)))
				}
				return nil
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for chunk := range slices.Chunk(nums, findChunk) {
				if !yield(s.db.inOrder(ctx, s.tenant, chunk)) {
					return
				}
			}
			if len(nums) < candidateNums {
				return
			}
			after = nums[len(nums)-1]
		}
	}
}

// walkAll yields the live resources of the type that satisfy the condition.
func (s *search) walkAll(ctx context.Context) func(yield func([]*store.Resource, error) bool) {
	return func(yield func([]*store.Resource, error) bool) {
		from := s.from(access{}).and(clause{text: "r.num > ?"})
		for after := store.Num(0); ; {
			var rows []*store.Resource
			err := s.db.read(ctx, func(c Conn) error {
				for r, err := range c.Rows(ctx, "SELECT "+shownColumns+from.text+" ORDER BY r.num LIMIT ?", append(slices.Clone(from.args), int64(after), int64(findChunk))...) {
					if err != nil {
						return err
					}
					rows = append(rows, readShown(r))
				}
				return nil
			})
			if !yield(rows, err) || err != nil || len(rows) < findChunk {
				return
			}
			after = rows[len(rows)-1].Num
		}
	}
}

// top keeps the first so many of what is added, by sort keys: a heap with the last of them on top.
type top struct {
	set   *schema.Set
	keys  []store.SortKey
	size  int
	items []store.Position
}

// add adds a resource, if it comes behind after.
func (t *top) add(n store.Num, doc schema.Object, after store.Position) {
	r := store.Position{Num: n}
	for _, k := range t.keys {
		r.Keys = append(r.Keys, t.set.Key(k.Path.Leaf(), sortValue(k.Path, doc)))
	}
	switch {
	case after.Num > 0 && t.compare(r, after) <= 0:
	case len(t.items) < t.size:
		heap.Push(t, r)
	case t.compare(r, t.items[0]) < 0:
		t.items[0] = r
		heap.Fix(t, 0)
	}
}

// from returns the places in order, the first skip left out.
func (t *top) from(skip int) []store.Position {
	slices.SortFunc(t.items, t.compare)
	return t.items[min(skip, len(t.items)):]
}

func (t *top) compare(a, b store.Position) int {
	for i, k := range t.keys {
		c := t.set.Compare(k.Path.Leaf(), a.Keys[i], b.Keys[i])
		if k.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return int(a.Num - b.Num)
}

func (t *top) Len() int           { return len(t.items) }
func (t *top) Less(i, j int) bool { return t.compare(t.items[i], t.items[j]) > 0 }
func (t *top) Swap(i, j int)      { t.items[i], t.items[j] = t.items[j], t.items[i] }
func (t *top) Push(x any)         { t.items = append(t.items, x.(store.Position)) }

func (t *top) Pop() any {
	last := t.items[len(t.items)-1]
	t.items = t.items[:len(t.items)-1]
	return last
}

// sortValue returns what a document is sorted by: of a multi-valued attribute the value of the primary element, else
// the first (RFC 7644 §3.4.2.3). An empty string is no value.
func sortValue(p schema.Path, doc schema.Object) any {
	value := func() any {
		if p.Attr.MultiValued && p.Sub != nil {
			whole := schema.Path{Extension: p.Extension, Attr: p.Attr}
			for e := range whole.Values(doc) {
				if o, ok := e.(schema.Object); ok && o["primary"] == true {
					return o[p.Sub.Name]
				}
			}
		}
		for v := range p.Values(doc) {
			return v
		}
		return nil
	}
	if v := value(); v != "" {
		return v
	}
	return nil
}
