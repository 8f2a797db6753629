package server

import (
	"slices"
	"strconv"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
)

// list is GET on a type's endpoint (RFC 7644 §3.4.2).
func (e *endpoint) list() error {
	p, err := e.queryParams()
	if err != nil {
		return err
	}
	return e.find(p)
}

// search is POST on a type's /.search (RFC 7644 §3.4.3).
func (e *endpoint) search() error {
	p, err := e.searchParams()
	if err != nil {
		return err
	}
	return e.find(p)
}

func (e *endpoint) find(p *params) error {
	return e.sendList(p, e.typ.Endpoint, func() ([]selection, error) {
		s, err := e.selection(p, filter.OneType)
		if err == nil && p.sortBy != "" && e.features.Sort {
			err = s.sort(e.call, p)
		}
		return []selection{s}, err
	})
}

// listAll is GET on the base URL: a query over all types (RFC 7644 §3.4.2.1, AMB-50).
func (c *call) listAll() error {
	p, err := c.queryParams()
	if err != nil {
		return err
	}
	return c.findAll(p)
}

// searchAll is POST on /.search of the base URL.
func (c *call) searchAll() error {
	p, err := c.searchParams()
	if err != nil {
		return err
	}
	return c.findAll(p)
}

// findAll answers with the resources of all types: one type after the other, or in one order over all of them.
func (c *call) findAll(p *params) error {
	return c.sendList(p, "/", func() ([]selection, error) {
		var all []selection
		sorts := p.sortBy != ""
		for _, t := range c.svc.Schemas.Types {
			store := c.svc.Stores[t.Name]
			if store == nil {
				continue
			}
			e := endpoint{call: c, typ: t, store: store, features: features(store)}
			s, err := e.selection(p, filter.AllTypes)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
			sorts = sorts && e.features.Sort // else it is not advertised, and ignored (AMB-39)
		}
		if !sorts {
			return all, nil
		}
		return all, c.sortAll(p, all)
	})
}

// sortAll gives the parts of a query the order of their common attribute. A type that lacks it has no values: its
// resources come where those without a value come.
func (c *call) sortAll(p *params, all []selection) error {
	known := false
	for i := range all {
		if _, err := all[i].query.Type.Resolve(p.sortBy, c.d); err != nil {
			continue
		}
		known = true
		if err := all[i].sort(c, p); err != nil {
			return err
		}
	}
	if !known {
		return noSortAttribute("any resource type", p.sortBy)
	}
	return nil
}

// selection is the part of a query that concerns one type.
type selection struct {
	store   Store
	query   *Query
	view    *view
	cursors bool // the store has them
}

func (e *endpoint) selection(p *params, scope filter.Scope) (selection, error) {
	v, err := e.view(e.typ, e.features, p.attributes, p.excluded)
	if err != nil {
		return selection{}, err
	}
	q, err := e.query(p, e.typ, scope)
	if err != nil {
		return selection{}, err
	}
	q.Want = v.want()
	return selection{e.store, q, v, e.features.Cursors}, nil
}

// sort gives the query its order.
func (s *selection) sort(c *call, p *params) error {
	path, err := c.sortPath(p.sortBy, s.query.Type)
	s.query.Sort = []SortKey{{Path: path, Descending: p.descending}}
	return err
}

// listing is what was emitted of a list.
type listing struct {
	total, sent int
	next        []mark // where the next page by cursor begins; nil: there is no more
}

// sendList sends the ListResponse (RFC 7644 §3.4.2). The resources go out as the stores
// emit them; the totals stand behind them, because they are known last.
func (c *call) sendList(p *params, endpoint string, selections func() ([]selection, error)) error {
	parts, err := selections()
	if err != nil {
		return err
	}
	var w *cursor
	var binding []byte
	if p.byCursor && haveCursors(parts) {
		binding = c.binding(p, endpoint)
		if w, err = c.walk(p, binding); err != nil {
			return err
		}
	} else if p.cursor != "" {
		// An empty cursor is an unknown parameter to a service without them, and ignored. With this one the client
		// would begin again and again.
		return invalidCursor()
	}
	c.buf = append(c.buf, `{"schemas":["`+scim.ListResponseMessage+`"],"Resources":[`...)
	l, err := c.emit(p, w, parts)
	if err == nil && l.total == 0 && c.d.Allows(scim.LooseFilter) {
		// Entra ID's validator encodes the values of a filter twice. What they say is looked for
		// first: a name may have a percent sign.
		if again, ok := filter.Unescape(p.filter); ok {
			p.filter = again
			if parts, err = selections(); err == nil {
				l, err = c.emit(p, w, parts)
			}
			if l.total > 0 {
				c.d.Forgives(scim.LooseFilter)
			}
		}
	}
	if err != nil {
		return err
	}
	c.buf = append(c.buf, ']')
	if w == nil {
		c.buf = appendTotals(c.buf, l.total, p.start, l.sent)
		return c.finish()
	}
	return c.finishPage(l, w.count, binding)
}

// finishPage ends a page by cursor (RFC 9865 §2).
func (c *call) finishPage(l listing, count int, binding []byte) error {
	c.buf = strconv.AppendInt(append(c.buf, `,"totalResults":`...), int64(l.total), 10)
	c.buf = strconv.AppendInt(append(c.buf, `,"itemsPerPage":`...), int64(l.sent), 10)
	if l.next != nil {
		text, err := c.cursors.seal(&cursor{count: count, marks: l.next}, binding, time.Now())
		if err != nil {
			return err
		}
		c.buf = append(append(append(c.buf, `,"nextCursor":"`...), text...), '"')
	}
	c.buf = append(c.buf, '}')
	return c.finish()
}

// haveCursors reports whether all parts of a query can be paged by cursor.
func haveCursors(parts []selection) bool {
	for _, s := range parts {
		if !s.cursors {
			return false
		}
	}
	return len(parts) > 0
}

// emit writes the resources of the page; w is nil if it is one by index.
func (c *call) emit(p *params, w *cursor, parts []selection) (listing, error) {
	switch {
	case len(parts) > 1 && slices.ContainsFunc(parts, func(s selection) bool { return len(s.query.Sort) > 0 }):
		return c.emitMerged(p, w, parts)
	case w != nil:
		return c.emitWalk(p, w, parts)
	}
	var l listing
	for _, s := range parts {
		// startIndex and count run over the concatenation: what came before is skipped here.
		s.query.Start = max(p.start-l.total, 1)
		s.query.Count = p.count - l.sent
		page, err := c.emitPart(&l, s)
		if err != nil {
			return l, err
		}
		l.total += page.Total
	}
	return l, nil
}

// emitWalk writes the page of a walk by cursor over one type after the other.
func (c *call) emitWalk(p *params, w *cursor, parts []selection) (listing, error) {
	var l listing
	var marks []mark
	more := false
	for _, s := range parts {
		m, begun := w.mark(s.query.Type.Name)
		if !begun || m.after != "" {
			s.query.Count, s.query.After = p.count-l.sent, m.after
		} else {
			s.query.Count = 0 // it has come to its end, and counts still
		}
		full := s.query.Count == 0
		s.query.ByCursor = !full
		page, err := c.emitPart(&l, s)
		if err != nil {
			return l, err
		}
		l.total += page.Total
		switch name := s.query.Type.Name; {
		case !full:
			marks = append(marks, mark{name, page.Next})
			more = more || page.Next != ""
		case begun:
			marks = append(marks, m)
			more = more || m.after != ""
		default:
			more = more || page.Total > 0
		}
	}
	if more && p.count > 0 {
		l.next = marks
	}
	return l, nil
}

// emitPart writes what a store finds.
func (c *call) emitPart(l *listing, s selection) (Page, error) {
	return s.store.Find(c.r.Context(), s.query, func(r *Resource) error {
		return c.emitOne(l, s.view, r)
	})
}

// emitOne writes one resource of a list.
func (c *call) emitOne(l *listing, v *view, r *Resource) error {
	if l.sent > 0 {
		c.buf = append(c.buf, ',')
	}
	l.sent++
	return v.resource(&c.output, r)
}

func appendTotals(dst []byte, total, start, sent int) []byte {
	dst = strconv.AppendInt(append(dst, `,"totalResults":`...), int64(total), 10)
	dst = strconv.AppendInt(append(dst, `,"startIndex":`...), int64(start), 10)
	dst = strconv.AppendInt(append(dst, `,"itemsPerPage":`...), int64(sent), 10)
	return append(dst, '}')
}

// features returns what a store can do.
func features(s Store) Features {
	if d, ok := s.(Describer); ok {
		return d.Features()
	}
	return Features{Versions: true, Sort: true}
}
