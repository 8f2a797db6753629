package server

import (
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// localize rewrites what a bound filter says of URLs into what it says of ids, since
// stores know no URLs: $ref and meta.location compare by the resource they name, whatever
// base or version stands in front (RFC 7643 §2.4). meta.resourceType is decided here.
func (c *call) localize(e filter.Expr, t *schema.ResourceType) (filter.Expr, error) {
	switch e := e.(type) {
	case *filter.And:
		terms, err := c.localizeAll(e.Terms, t)
		return &filter.And{Terms: terms}, err
	case *filter.Or:
		terms, err := c.localizeAll(e.Terms, t)
		return &filter.Or{Terms: terms}, err
	case *filter.Element:
		inner, err := c.localize(e.Inner, t)
		return &filter.Element{Name: e.Name, Inner: inner, Path: e.Path, Negated: e.Negated}, err
	case *filter.Compare:
		return c.localizeLeaf(e, t)
	}
	return e, nil
}

func (c *call) localizeAll(terms []filter.Expr, t *schema.ResourceType) ([]filter.Expr, error) {
	out := make([]filter.Expr, len(terms))
	for i, e := range terms {
		var err error
		if out[i], err = c.localize(e, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *call) localizeLeaf(e *filter.Compare, t *schema.ResourceType) (filter.Expr, error) {
	if e.Nothing || e.Path.Attr == nil || e.Path.Sub == nil {
		return e, nil
	}
	out := *e
	sub := e.Path.Sub.Name
	switch {
	case e.Path.Attr.Name == "meta" && e.Path.Extension == nil:
		switch sub {
		case "resourceType":
			return c.constant(e, schema.Object{"meta": schema.Object{"resourceType": t.Name}}), nil
		case "location":
			id, err := t.Resolve("id", nil)
			if err != nil {
				return nil, err
			}
			out.Path = id
		default:
			return e, nil
		}
	case sub == "$ref" && isReference(e.Path.Attr, t.Set()):
		out.Path.Sub = e.Path.Attr.Sub("value")
	default:
		return e, nil
	}
	switch e.Op {
	case filter.Pr:
	case filter.Eq:
		url, _ := e.Value.(string)
		target, id, ok := t.Set().ParseRef(url)
		if out.Value = id; !ok || sub == "location" && target != t {
			// Nothing is there; of a list, any value is another one.
			out.Value, out.Nothing, out.AnyOther = nil, !e.AnyOther, false
			out.Op = filter.Pr
		}
	default:
		return nil, scim.BadRequest(scim.InvalidFilter, "%s can be compared by eq, ne and pr only", scim.Quote(e.Name))
	}
	return &out, nil
}

// constant decides a comparison that has one answer for all resources of a type.
func (c *call) constant(e *filter.Compare, o schema.Object) filter.Expr {
	return &filter.Compare{
		Name: e.Name, Op: filter.Pr, Nothing: true,
		Negated: filter.Match(e, c.svc.Schemas, o),
	}
}
