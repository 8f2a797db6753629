package schema

import (
	"strings"

	"github.com/muster-id/muster/scim"
)

// Projection is what of a resource is sent: what attributes and excludedAttributes
// ask for (RFC 7644 §3.4.2.5, §3.9) within what returned allows (RFC 7643 §7). It is
// safe for concurrent use.
type Projection struct {
	t    *ResourceType
	wish wish
	// views of attributes and sub-attributes that are not sent whole. Definitions are
	// not shared within a type, so that a sub-attribute says which attribute it is of.
	views map[*Attribute]view
	plain bool // nothing that a resource has is left out
	whole bool // see Whole
}

// A view says how much of an attribute is sent.
type view uint8

const (
	all view = iota
	part
	none
)

// A wish is what a request asks for.
type wish struct {
	only   map[Path]bool // nil: attributes was not given
	except map[Path]bool
	sent   map[Path]bool // returned=request attributes that the request itself wrote
}

// Project builds the projection of a request. Names are in standard notation; a
// schema's URN alone stands for all of its attributes (AMB-30). Unknown names are
// ignored. If both lists name something the request is 400 invalidValue, unless the
// dialect forgives it (scim.BothProjections): then the first list is taken, without
// what the second names.
func (t *ResourceType) Project(attributes, excluded []string, d *scim.Dialect) (*Projection, error) {
	only, except := t.wished(attributes, d), t.wished(excluded, d)
	if only == nil && except == nil {
		return t.whole, nil
	}
	if only != nil && except != nil && !d.Forgives(scim.BothProjections) {
		return nil, scim.BadRequest(scim.InvalidValue, "attributes and excludedAttributes exclude each other; send one of them")
	}
	return t.project(wish{only: only, except: except}), nil
}

// wished resolves a list of names; nil: it names nothing at all.
func (t *ResourceType) wished(names []string, d *scim.Dialect) map[Path]bool {
	var w map[Path]bool
	for _, n := range names {
		n = strings.TrimSpace(n)
		if n == "" {
			continue
		}
		if w == nil {
			w = make(map[Path]bool, len(names))
		}
		if equalFold(n, t.Schema.ID) {
			w[Path{}] = true
		} else if p, err := t.Resolve(n, d); err == nil {
			w[p] = true
		}
	}
	return w
}

// Sent returns a projection that also sends the attributes with returned=request that
// o has: on the answer to a write they are sent if the client sent them (RFC 7643 §7).
func (p *Projection) Sent(o Object) *Projection {
	var sent map[Path]bool
	add := func(at Path, o Object) {
		if o[at.Leaf().Name] != nil && at.Leaf().Returned == ReturnedRequest {
			if sent == nil {
				sent = make(map[Path]bool)
			}
			sent[at] = true
		}
	}
	for at := range p.t.Paths() {
		o := o
		if at.Extension != nil {
			o, _ = o[at.Extension.ID].(Object)
		}
		add(at, o)
		for _, v := range elements(o[at.Attr.Name]) {
			c, _ := v.(Object)
			for _, s := range at.Attr.SubAttributes {
				add(Path{at.Extension, at.Attr, s}, c)
			}
		}
	}
	if sent == nil {
		return p
	}
	return p.t.project(wish{p.wish.only, p.wish.except, sent})
}

// elements returns the elements of a multi-valued attribute, or the only value of another.
func elements(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func (t *ResourceType) project(w wish) *Projection {
	p := &Projection{t: t, wish: w, views: make(map[*Attribute]view), plain: true, whole: true}
	for at := range t.Paths() {
		a, v := at.Attr, p.attribute(at)
		if v == all {
			continue
		}
		p.views[a] = v
		p.plain = p.plain && a.Returned == ReturnedNever
		p.whole = p.whole && v == none && a.derived
	}
	return p
}

// attribute decides how much of an attribute is sent, and of its sub-attributes.
func (p *Projection) attribute(at Path) view {
	asked := p.wants(at)
	if len(at.Attr.SubAttributes) == 0 || !asked && (at.Attr.Returned == ReturnedNever || p.excludes(at)) {
		if asked {
			return all
		}
		return none
	}
	whole, n := asked, 0
	for _, s := range at.Attr.SubAttributes {
		sub := Path{at.Extension, at.Attr, s}
		if !p.wantsSub(sub, whole) {
			p.views[s] = none
			continue
		}
		n++
		asked = asked || p.wish.only[sub] || p.wish.sent[sub]
	}
	switch {
	case !asked || n == 0:
		return none
	case n < len(at.Attr.SubAttributes):
		return part
	default:
		return all
	}
}

// wants reports whether an attribute is sent for its own sake.
func (p *Projection) wants(at Path) bool {
	switch at.Attr.Returned {
	case ReturnedNever:
		return false
	case ReturnedAlways:
		return true
	case ReturnedRequest:
		return p.wish.only[at] || p.wish.sent[at]
	default:
		only := p.wish.only
		return (only == nil || only[at] || p.inContainer(only, at)) && !p.excludes(at)
	}
}

// wantsSub reports whether a sub-attribute is sent with an attribute that is; whole
// says that the attribute is sent for its own sake.
func (p *Projection) wantsSub(sub Path, whole bool) bool {
	switch sub.Sub.Returned {
	case ReturnedNever:
		return false
	case ReturnedAlways:
		return true
	case ReturnedRequest:
		return p.wish.only[sub] || p.wish.sent[sub]
	default:
		return (whole || p.wish.only[sub]) && !p.wish.except[sub]
	}
}

func (p *Projection) excludes(at Path) bool {
	return p.wish.except[at] || p.inContainer(p.wish.except, at)
}

// inContainer reports whether a list of names has the schema that an attribute is of.
// The common attributes are of none.
func (p *Projection) inContainer(names map[Path]bool, at Path) bool {
	if len(names) == 0 || at.Extension == nil && p.t.Schema.attrs[at.Attr.Name] != at.Attr {
		return false
	}
	return names[Path{Extension: at.Extension}]
}

// Wants reports whether the attribute, sub-attribute or container is sent, in part at
// least, if it has a value. What it denies need not be read.
func (p *Projection) Wants(path Path) bool {
	switch {
	case path.Attr == nil:
		for _, a := range path.Extension.Attributes {
			if p.views[a] != none {
				return true
			}
		}
		return false
	case path.Sub == nil:
		return p.views[path.Attr] != none
	default:
		return p.views[path.Attr] != none && p.views[path.Sub] != none
	}
}

// Whole reports whether all that a stored document has is sent, so that its bytes can
// be copied. What is added to it (id, meta, relations, a $ref made from a value) is
// then either sent whole or not at all: Wants says which.
func (p *Projection) Whole() bool { return p.whole }

// Apply returns the part of a resource that is sent. Values are shared with o; o
// itself comes back if all of it is sent.
func (p *Projection) Apply(o Object) Object {
	if p.plain {
		return o
	}
	out := p.members(o, p.t.attrs)
	for _, e := range p.t.Extensions {
		if c, _ := o[e.Schema.ID].(Object); c != nil {
			if c = p.members(c, e.Schema.Attributes); len(c) > 0 {
				out[e.Schema.ID] = c
			}
		}
	}
	return out
}

func (p *Projection) members(o Object, attrs []*Attribute) Object {
	out := make(Object, len(o))
	for _, a := range attrs {
		v, view := o[a.Name], p.views[a]
		if view == part {
			v = p.partOf(a, v)
		}
		if v != nil && view != none {
			out[a.Name] = v
		}
	}
	return out
}

// partOf returns a value of a complex attribute with the sub-attributes that are
// sent; nil if none is left.
func (p *Projection) partOf(a *Attribute, v any) any {
	switch v := v.(type) {
	case Object:
		if o := p.members(v, a.SubAttributes); len(o) > 0 {
			return o
		}
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			if e = p.partOf(a, e); e != nil {
				out = append(out, e)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}
