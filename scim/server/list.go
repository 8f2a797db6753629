package server

import (
	"strconv"

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
	return e.sendList(p, func() ([]selection, error) {
		s, err := e.selection(p, filter.OneType)
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

// findAll answers with the resources of all types, one type after the other.
func (c *call) findAll(p *params) error {
	if p.sortBy != "" {
		// Types sort by attributes of their own; an order over all of them would need every match.
		return scim.BadRequest(scim.InvalidValue, "sortBy needs one resource type; query its endpoint")
	}
	return c.sendList(p, func() ([]selection, error) {
		var all []selection
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
		}
		return all, nil
	})
}

// selection is the part of a query that concerns one type.
type selection struct {
	store Store
	query *Query
	view  *view
}

func (e *endpoint) selection(p *params, scope filter.Scope) (selection, error) {
	v, err := e.view(e.typ, e.features, p.attributes, p.excluded)
	if err != nil {
		return selection{}, err
	}
	q, err := e.query(p, e.typ, scope, e.features)
	if err != nil {
		return selection{}, err
	}
	q.Want = v.want()
	return selection{e.store, q, v}, nil
}

// sendList sends the ListResponse (RFC 7644 §3.4.2). The resources go out as the stores
// emit them; the totals stand behind them, because they are known last.
func (c *call) sendList(p *params, selections func() ([]selection, error)) error {
	c.buf = append(c.buf, `{"schemas":["`+scim.ListResponseMessage+`"],"Resources":[`...)
	total, sent, err := c.emit(p, selections)
	if err == nil && total == 0 && c.d.Allows(scim.LooseFilter) {
		// Entra ID's validator encodes the values of a filter twice. What they say is looked for
		// first: a name may have a percent sign.
		if again, ok := filter.Unescape(p.filter); ok {
			p.filter = again
			if total, sent, err = c.emit(p, selections); total > 0 {
				c.d.Forgives(scim.LooseFilter)
			}
		}
	}
	if err != nil {
		return err
	}
	c.buf = append(c.buf, ']')
	c.buf = appendTotals(c.buf, total, p.start, sent)
	return c.finish()
}

// emit writes the resources of the page. It returns how many match and how many were written.
func (c *call) emit(p *params, selections func() ([]selection, error)) (total, sent int, err error) {
	parts, err := selections()
	if err != nil {
		return 0, 0, err
	}
	for _, s := range parts {
		// startIndex and count run over the concatenation: what came before is skipped here.
		s.query.Start = max(p.start-total, 1)
		s.query.Count = p.count - sent
		page, err := s.store.Find(c.r.Context(), s.query, func(r *Resource) error {
			if sent > 0 {
				c.buf = append(c.buf, ',')
			}
			sent++
			return s.view.resource(&c.output, r)
		})
		if err != nil {
			return total, sent, err
		}
		total += page.Total
	}
	return total, sent, nil
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
