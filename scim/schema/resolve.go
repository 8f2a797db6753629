package schema

import (
	"strings"

	"github.com/muster-id/muster/scim"
)

// Resolve finds the attribute that a name in standard notation means (RFC 7644
// §3.10): attribute, attribute.sub, either behind the URN of the type's schema or of
// an extension, or an extension's URN alone for its container. Nothing in it depends
// on case. The longest URN that fits is taken, so that dots in URNs never separate.
//
// An extension's attribute without its URN is found only where the type's own schema
// has none of that name and the dialect forgives it (scim.BareExtension). A name that
// means nothing is 400 invalidPath.
func (t *ResourceType) Resolve(name string, d *scim.Dialect) (Path, error) {
	p, bare, f := t.resolve(name)
	if f == nil && bare && !d.Forgives(scim.BareExtension) {
		f = unknown(name, "; write "+p.String())
	}
	if f != nil {
		return Path{}, f.err()
	}
	return p, nil
}

// resolve is Resolve without a dialect. bare says that an extension's attribute was
// named without its URN.
func (t *ResourceType) resolve(name string) (p Path, bare bool, f *fault) {
	schema, rest := t.splitURN(name)
	switch {
	case schema == nil && strings.Contains(name, ":"):
		return Path{}, false, unknown(name, ": no schema of "+t.Name+" has that URN")
	case schema == nil:
		if p, ok := find(nil, t.names, rest); ok {
			return p, false, nil
		}
		p, n := t.bare(rest)
		if n == 1 {
			return p, true, nil
		} else if n > 1 {
			return Path{}, false, unknown(name, ": several extensions have it; put the URN in front")
		}
	case schema == t.Schema:
		if p, ok := find(nil, t.names, rest); ok {
			return p, false, nil
		}
	case rest == "":
		return Path{Extension: schema}, false, nil
	default:
		if p, ok := find(schema, schema.attrs, rest); ok {
			return p, false, nil
		}
	}
	return Path{}, false, unknown(name, "")
}

// splitURN cuts the longest URN of the type off the front of a name. Without one it
// returns nil and the name.
func (t *ResourceType) splitURN(name string) (*Schema, string) {
	var schema *Schema
	rest := name
	try := func(s *Schema) {
		n := len(s.ID)
		if len(name) < n || schema != nil && len(schema.ID) > n || !equalFold(name[:n], s.ID) {
			return
		}
		switch {
		case len(name) == n:
			schema, rest = s, ""
		case name[n] == ':' && len(name) > n+1:
			schema, rest = s, name[n+1:]
		}
	}
	try(t.Schema)
	for _, e := range t.Extensions {
		try(e.Schema)
	}
	return schema, rest
}

// bare looks for attribute or attribute.sub in all extensions; n is how many have it.
func (t *ResourceType) bare(name string) (p Path, n int) {
	for _, e := range t.Extensions {
		if q, ok := find(e.Schema, e.Schema.attrs, name); ok {
			p = q
			n++
		}
	}
	return p, n
}

// find finds attribute or attribute.sub.
func find(ext *Schema, attrs names, name string) (Path, bool) {
	attr, sub, dotted := strings.Cut(name, ".")
	if ext != nil && strings.Contains(name, ":") { // an extension inside ext: dots in its URN do not separate
		if attr, sub, dotted = name, "", false; attrs.find(name) == nil {
			i := strings.LastIndexAny(name, ".:")
			attr, sub, dotted = name[:i], name[i+1:], true
		}
	}
	p := Path{Extension: ext, Attr: attrs.find(attr)}
	if p.Attr == nil || !dotted {
		return p, p.Attr != nil
	}
	p.Sub = p.Attr.Sub(sub)
	return p, p.Sub != nil
}

func unknown(name, why string) *fault {
	return &fault{typ: scim.InvalidPath, text: "unknown attribute " + scim.Quote(name) + why}
}
