package server

import (
	"cmp"
	"container/heap"
	"iter"
	"maps"
	"slices"

	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// Scan answers a query by looking at every row: Find for a store, or a query, that has
// no index. The rows are all resources of the type in the store's own stable order; what
// they carry of relations is what Reads says.
//
// Without Sort it holds one row at a time; with it, it holds every match. A page by cursor (ByCursor) is in order of
// Sort and then of id, whatever the order of the rows, and of matches it holds one page: a store whose Find is Scan can
// say Features.Cursors.
func (q *Query) Scan(rows iter.Seq2[*Resource, error], emit func(*Resource) error) (Page, error) {
	switch {
	case q.ByCursor:
		return q.scanBehind(rows, emit)
	case len(q.Sort) > 0:
		return q.scanSorted(rows, emit)
	}
	total := 0
	for m, err := range q.matches(rows) {
		if err != nil {
			return Page{}, err
		}
		total++
		if total >= q.Start && total-q.Start < q.Count {
			if err := emit(m.r); err != nil {
				return Page{}, err
			}
		}
	}
	return Page{Total: total}, nil
}

// matched is a resource that satisfies the filter, with its document as the filter sees it.
type matched struct {
	r   *Resource
	doc schema.Object
}

// matches yields the resources that satisfy the filter.
func (q *Query) matches(rows iter.Seq2[*Resource, error]) iter.Seq2[matched, error] {
	return func(yield func(matched, error) bool) {
		for r, err := range rows {
			var match bool
			var doc schema.Object
			if err == nil {
				match, doc, err = q.match(r)
			}
			if err != nil {
				yield(matched{}, err)
				return
			}
			if match && !yield(matched{r, doc}, nil) {
				return
			}
		}
	}
}

// scanSorted is Scan for a query with an order. Equal keys keep the order of the rows,
// so that pages neither repeat nor lose a resource.
func (q *Query) scanSorted(rows iter.Seq2[*Resource, error], emit func(*Resource) error) (Page, error) {
	type found struct {
		r      *Resource
		values []any
	}
	var matches []found
	for m, err := range q.matches(rows) {
		if err != nil {
			return Page{}, err
		}
		matches = append(matches, found{m.r, q.sortValues(m.doc)})
	}
	slices.SortStableFunc(matches, func(a, b found) int {
		for i, k := range q.Sort {
			c := q.Type.Set().Compare(k.Path.Leaf(), a.values[i], b.values[i])
			if k.Descending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	from := min(q.Start-1, len(matches))
	to := from + min(q.Count, len(matches)-from)
	for _, m := range matches[from:to] {
		if err := emit(m.r); err != nil {
			return Page{}, err
		}
	}
	return Page{Total: len(matches)}, nil
}

// scanBehind is Scan for a page by cursor: the first matches behind the position.
func (q *Query) scanBehind(rows iter.Seq2[*Resource, error], emit func(*Resource) error) (Page, error) {
	after, err := ParsePosition(q.After, len(q.Sort))
	if err != nil {
		return Page{}, err
	}
	page := page{query: q}
	total := 0
	for m, err := range q.matches(rows) {
		if err != nil {
			return Page{}, err
		}
		total++
		at := Position{Keys: q.sortValues(m.doc), Last: m.r.ID}
		for i, k := range q.Sort {
			at.Keys[i] = q.Type.Set().Key(k.Path.Leaf(), at.Keys[i])
		}
		if after == nil || q.compare(at, *after) > 0 {
			page.add(placed{m.r, at})
		}
	}
	found, more := page.sorted()
	out := Page{Total: total}
	if more {
		if out.Next, err = found[len(found)-1].at.Encode(); err != nil {
			return Page{}, err
		}
	}
	for _, f := range found {
		if err := emit(f.r); err != nil {
			return Page{}, err
		}
	}
	return out, nil
}

// compare orders positions of the query.
func (q *Query) compare(a, b Position) int {
	for i, k := range q.Sort {
		c := q.Type.Set().Compare(k.Path.Leaf(), a.Keys[i], b.Keys[i])
		if k.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Last, b.Last)
}

// placed is a resource and its place.
type placed struct {
	r  *Resource
	at Position
}

// page keeps the first Count of what is added, and one more: a heap with the last of them on top.
type page struct {
	query *Query
	items []placed
}

func (p *page) add(f placed) {
	switch {
	case p.query.Count == 0:
	case len(p.items) <= p.query.Count:
		heap.Push(p, f)
	case p.query.compare(f.at, p.items[0].at) < 0:
		p.items[0] = f
		heap.Fix(p, 0)
	}
}

// sorted returns the page in order, and whether there is more behind it.
func (p *page) sorted() (found []placed, more bool) {
	slices.SortFunc(p.items, func(a, b placed) int { return p.query.compare(a.at, b.at) })
	n := min(p.query.Count, len(p.items))
	return p.items[:n], n < len(p.items)
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (p *page) Len() int           { return len(p.items) }
func (p *page) Less(i, j int) bool { return p.query.compare(p.items[i].at, p.items[j].at) > 0 }
func (p *page) Swap(i, j int)      { p.items[i], p.items[j] = p.items[j], p.items[i] }
func (p *page) Push(x any)         { p.items = append(p.items, x.(placed)) }

func (p *page) Pop() any {
	last := p.items[len(p.items)-1]
	p.items = p.items[:len(p.items)-1]
	return last
}

// Reads says which relations the rows of Scan must carry: those that are wanted and
// those that the filter looks at.
func (q *Query) Reads() *Want {
	if q.Want == nil {
		return nil
	}
	w := &Want{Relations: maps.Clone(q.Want.Relations)}
	if w.Relations == nil {
		w.Relations = make(map[string]bool)
	}
	if q.Filter == nil {
		return w
	}
	filter.Walk(q.Filter, func(e filter.Expr) bool {
		var p schema.Path
		switch e := e.(type) {
		case *filter.Compare:
			p = e.Path
		case *filter.Element:
			p = e.Path
		}
		if p.Attr != nil && p.Attr.Relation {
			w.Relations[p.Attr.Name] = true
		}
		return true
	})
	return w
}

// match evaluates the filter. doc is what it was evaluated on; nil if nobody needs it.
func (q *Query) match(r *Resource) (ok bool, doc schema.Object, err error) {
	if q.Filter == nil && len(q.Sort) == 0 {
		return true, nil, nil
	}
	if doc, err = q.document(r); err != nil {
		return false, nil, err
	}
	return filter.Match(q.Filter, q.Type.Set(), doc), doc, nil
}

// document returns a resource as a filter sees it: with id, meta and relations, as it is
// sent but for URLs, which filters on a Query never name.
func (q *Query) document(r *Resource) (schema.Object, error) {
	doc := maps.Clone(r.Attrs)
	if doc == nil {
		var err error
		if doc, err = q.Type.Decode(r.Raw); err != nil {
			return nil, err
		}
	}
	doc["id"] = r.ID
	doc["meta"] = schema.Object{
		"resourceType": q.Type.Name,
		"created":      string(appendTime(nil, r.Created)),
		"lastModified": string(appendTime(nil, r.Modified)),
		"version":      tag(r.Version),
	}
	for name, refs := range r.Relations {
		var values []any
		for ref, err := range refs {
			if err != nil {
				return nil, err
			}
			values = append(values, refObject(ref))
		}
		if len(values) > 0 {
			doc[name] = values
		}
	}
	return doc, nil
}

// refObject returns one value of a relation as a filter sees it.
func refObject(r Ref) schema.Object {
	o := schema.Object{"value": r.Value}
	if r.Display != "" {
		o["display"] = r.Display
	}
	if kind := cmp.Or(r.Kind, r.Type); kind != "" {
		o["type"] = kind
	}
	return o
}

// sortValues returns what a document is sorted by: for each SortKey a value, or nil for none.
func (q *Query) sortValues(doc schema.Object) []any {
	values := make([]any, len(q.Sort))
	for i, k := range q.Sort {
		values[i] = sortValue(k.Path, doc)
	}
	return values
}

// sortValue returns the value that an attribute is sorted by: of a multi-valued one that of the
// primary element, else the first (RFC 7644 §3.4.2.3).
func sortValue(p schema.Path, doc schema.Object) any {
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
