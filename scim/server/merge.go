package server

import (
	"cmp"
	"context"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// A query over several types with one order is a merge: every store gives its own resources in that order, and the next
// one is the least of their heads; equal ones go by type. Stores are asked one after the other, so that none holds
// anything open while another one works.
//
// What is held is the sort keys and ids of one page of each type, and of at most nearEnough resources before it. The
// resources themselves are read when they are sent. What lies further before a page by index is skipped by halving, see
// leap; a page by cursor begins where the one before ended, in each type.

// nearEnough is how many resources before a page by index are read with it.
const nearEnough = 200

// stream is the resources of one type in the common order, from some place on.
type stream struct {
	selection
	place int  // of the type among the others
	begun bool // by cursor
	ended bool // by cursor: there is nothing behind after
	rows  []head
	total int
	next  string // by cursor: the place behind rows; empty: there is no more
}

// head is what is compared of a resource.
type head struct {
	id  string
	key any
}

// emitMerged writes a page of a query over several types with one order; w is nil if it is one by index.
func (c *call) emitMerged(p *params, w *cursor, parts []selection) (listing, error) {
	m := merge{call: c, descending: p.descending, streams: make([]*stream, len(parts))}
	for i, s := range parts {
		s.query.Start = 1
		m.streams[i] = &stream{selection: s, place: i}
	}
	if w == nil {
		return m.byIndex(p)
	}
	return m.byCursor(p, w)
}

// merge is one such query.
type merge struct {
	*call
	streams    []*stream
	descending bool
}

func (m *merge) byIndex(p *params) (listing, error) {
	skip := 0
	if p.count > 0 {
		var err error
		if skip, err = m.leap(p.start - 1); err != nil {
			return listing{}, err
		}
	}
	var l listing
	for _, s := range m.streams {
		count := 0
		if p.count > 0 {
			count = skip + p.count
		}
		if err := s.load(m.r.Context(), count); err != nil {
			return l, err
		}
		l.total += s.total
	}
	order := m.first(skip + p.count)
	return l, m.send(&l, order[min(skip, len(order)):])
}

// byCursor merges in two steps: how many resources of each type are on the page, then which. The second look alone
// decides, and knows the place behind what it saw; so what is written between the two moves no place past a resource.
func (m *merge) byCursor(p *params, w *cursor) (listing, error) {
	var l listing
	ctx := m.r.Context()
	for _, s := range m.streams {
		mark, begun := w.mark(s.query.Type.Name)
		s.begun, s.ended = begun, begun && mark.after == ""
		s.query.ByCursor, s.query.After = p.count > 0, mark.after
		count := p.count
		if s.ended {
			count = 0
		}
		if err := s.load(ctx, count); err != nil {
			return l, err
		}
		l.total += s.total
	}
	if p.count == 0 {
		return l, nil
	}
	share := make([]int, len(m.streams))
	for _, s := range m.first(p.count) {
		share[s.place]++
	}
	var marks []mark
	more := false
	for i, s := range m.streams {
		name, after := s.query.Type.Name, s.query.After
		switch {
		case s.ended:
			after = ""
		case share[i] == len(s.rows):
			after = s.next
		case share[i] > 0:
			if err := s.load(ctx, share[i]); err != nil {
				return l, err
			}
			after = s.next
		default:
			s.rows, more = nil, true
			if s.begun {
				marks = append(marks, mark{name, after})
			}
			continue
		}
		marks = append(marks, mark{name, after})
		more = more || after != ""
	}
	if more {
		l.next = marks
	}
	return l, m.send(&l, m.first(p.count))
}

// pick is a resource of the merge.
type pick struct {
	*stream
	id string
}

// first returns the first n of the merged rows.
func (m *merge) first(n int) []pick {
	var order []pick
	at := make([]int, len(m.streams))
	for len(order) < n {
		var least *stream
		for i, s := range m.streams {
			if at[i] < len(s.rows) && (least == nil || m.compare(s.rows[at[i]].key, least.rows[at[least.place]].key) < 0) {
				least = s
			}
		}
		if least == nil {
			break
		}
		order = append(order, pick{least, least.rows[at[least.place]].id})
		at[least.place]++
	}
	return order
}

// send reads the resources and writes them. Who is gone since is left out.
func (m *merge) send(l *listing, order []pick) error {
	for _, p := range order {
		r, err := p.store.Get(m.r.Context(), p.id, p.view.want())
		if e := scim.AsError(err); e != nil && e.Status == scim.NotFound(p.id).Status {
			continue
		}
		if err != nil {
			return err
		}
		if err := m.emitOne(l, p.view, r); err != nil {
			return err
		}
	}
	return nil
}

// leap moves the streams forward by as many resources as come before the page, but for a rest that it returns. In each
// round it looks at the resource that is the same number of steps ahead in every stream. Where that is the least, all up to
// it come before the page, as long as the steps of all streams together do; so one look at each stream takes a part
// of the way that does not depend on its length.
func (m *merge) leap(skip int) (rest int, err error) {
	for skip > nearEnough {
		step := skip / len(m.streams)
		var least *stream
		for _, s := range m.streams {
			probe := *s.query
			probe.Start, probe.Count = s.query.Start+step-1, 1
			if err := s.read(m.r.Context(), &probe); err != nil {
				return 0, err
			}
			if len(s.rows) > 0 && (least == nil || m.compare(s.rows[0].key, least.rows[0].key) < 0) {
				least = s
			}
		}
		if least == nil { // all streams end before: so does the list
			for _, s := range m.streams {
				s.query.Start = s.total + 1
			}
			return 0, nil
		}
		least.query.Start += step
		skip -= step
	}
	return skip, nil
}

// load reads the heads of the next resources.
func (s *stream) load(ctx context.Context, count int) error {
	q := *s.query
	q.Count = count
	if count == 0 {
		q.ByCursor, q.After = false, ""
	}
	return s.read(ctx, &q)
}

// read reads the heads of what a query finds. Relations are wanted by nobody.
func (s *stream) read(ctx context.Context, q *Query) error {
	q.Want = &Want{}
	s.rows = s.rows[:0]
	page, err := s.store.Find(ctx, q, func(r *Resource) error {
		h := head{id: r.ID}
		if len(q.Sort) > 0 {
			doc, err := q.document(r)
			if err != nil {
				return err
			}
			h.key = sortKey(q, doc)
		}
		s.rows = append(s.rows, h)
		return nil
	})
	s.total, s.next = page.Total, page.Next
	return err
}

// maxSortKey is how much of a key is compared between types, in bytes.
const maxSortKey = 4096

// sortKey returns what a document is compared by with those of other types. An empty string is no value.
func sortKey(q *Query, doc schema.Object) any {
	key := q.Type.Set().Key(q.Sort[0].Path.Leaf(), q.sortValues(doc)[0])
	text, ok := key.(string)
	switch {
	case !ok:
		return key
	case text == "":
		return nil
	}
	return strings.Clone(text[:min(len(text), maxSortKey)])
}

// compare orders keys of different types. What has no value comes last, in descending order first. Values of different
// kinds, which one attribute name can have in two types, go by kind.
func (m *merge) compare(a, b any) int {
	order := compareKeys(a, b)
	if m.descending {
		return -order
	}
	return order
}

func compareKeys(a, b any) int {
	kind := func(k any) int {
		switch k.(type) {
		case bool:
			return 0
		case int64, float64:
			return 1
		case string:
			return 2
		}
		return 3
	}
	if c := cmp.Compare(kind(a), kind(b)); c != 0 {
		return c
	}
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case bool:
		return cmp.Compare(truth(a), truth(b.(bool)))
	case nil:
		return 0
	}
	return cmp.Compare(number(a), number(b))
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func number(k any) float64 {
	if i, ok := k.(int64); ok {
		return float64(i)
	}
	f, _ := k.(float64)
	return f
}
