package scim

import (
	"context"
	"slices"

	"github.com/muster-id/muster/internal/target"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

const (
	attrSchemas    = "schemas"
	attrID         = "id"
	attrExternalID = "externalId"
	attrMeta       = "meta"
	attrActive     = "active"
	attrUserName   = "userName"
	attrName       = "displayName"
	attrMembers    = "members"
	subValue       = "value"
	subRef         = "$ref"
	subType        = "type"
)

// A field is what is written by one PATCH operation: an attribute or, because a PATCH of a single
// complex value leaves alone what it does not name (RFC 7644 §3.5.2.3), one of its sub-attributes.
type field struct {
	path  schema.Path
	value any // canonical; a reference to a resource is the peer's id of it
}

// key is the field's path as it stands in requests and in the link.
func (f field) key() string { return f.path.String() }

// account is what a resource should be at the peer, without its memberships.
type account struct {
	typ    *schema.ResourceType
	fields []field // in the order of the definitions
}

// accountOf makes the account of a live resource. remote returns the peer's id of what a
// reference names, "" while there is none; the reference is then left out.
func accountOf(ctx context.Context, t *schema.ResourceType, r *target.Resource, remote func(context.Context, string) (string, error)) (account, error) {
	a := account{typ: t}
	for p := range t.Paths() {
		switch {
		case p.Extension == nil && p.Attr.Name == attrExternalID:
			a.fields = append(a.fields, field{p, r.ID})
			continue
		case !written(p):
			continue
		}
		doc := r.Document
		if p.Extension != nil {
			doc, _ = doc[p.Extension.ID].(schema.Object)
		}
		v, err := outgoing(ctx, p.Attr, doc[p.Attr.Name], remote)
		if err != nil {
			return a, err
		}
		a.add(p, v)
	}
	return a, nil
}

// written reports whether an attribute is ours to write.
func written(p schema.Path) bool {
	if p.Extension == nil && slices.Contains([]string{attrSchemas, attrID, attrMeta}, p.Attr.Name) {
		return false
	}
	return !p.Attr.Relation && p.Attr.Mutability != schema.ReadOnly && p.Attr.Returned != schema.ReturnedNever
}

func (a *account) add(p schema.Path, v any) {
	o, complex := v.(schema.Object)
	switch {
	case v == nil:
	case complex && !refersToResource(p.Attr):
		for _, s := range p.Attr.SubAttributes {
			if o[s.Name] != nil {
				a.fields = append(a.fields, field{schema.Path{Extension: p.Extension, Attr: p.Attr, Sub: s}, o[s.Name]})
			}
		}
	default:
		a.fields = append(a.fields, field{p, v})
	}
}

// outgoing returns a value as the peer gets it: without what only a server may say (RFC 7644
// §3.5.2), references to resources by the peer's ids.
func outgoing(ctx context.Context, a *schema.Attribute, v any, remote func(context.Context, string) (string, error)) (any, error) {
	switch v := v.(type) {
	case schema.Object:
		out := make(schema.Object, len(v))
		refers := refersToResource(a)
		for _, s := range a.SubAttributes {
			if x := v[s.Name]; x != nil && s.Mutability != schema.ReadOnly && !(refers && s.Name == subRef) {
				out[s.Name] = x
			}
		}
		if refers {
			ours, _ := v[subValue].(string)
			id, err := remote(ctx, ours)
			if id == "" || err != nil {
				return nil, err
			}
			out[subValue] = id
		}
		if len(out) == 0 {
			return nil, nil
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			x, err := outgoing(ctx, a, e, remote)
			if err != nil {
				return nil, err
			}
			if x != nil {
				out = append(out, x)
			}
		}
		if len(out) == 0 {
			return nil, nil
		}
		return out, nil
	default:
		return v, nil
	}
}

// refersToResource reports whether the values of an attribute name resources of the directory by id (manager).
func refersToResource(a *schema.Attribute) bool {
	if a.Type != schema.Complex || a.Sub(subValue) == nil {
		return false
	}
	ref := a.Sub(subRef)
	return ref != nil && len(ref.ReferenceTypes) > 0 && !slices.Contains(ref.ReferenceTypes, "external") && !slices.Contains(ref.ReferenceTypes, "uri")
}

// body is the account as one document (RFC 7644 §3.3, §3.5.1).
func (a account) body() schema.Object {
	doc := schema.Object{}
	for _, f := range a.fields {
		at := doc
		if f.path.Extension != nil {
			at = below(doc, f.path.Extension.ID)
		}
		if f.path.Sub != nil {
			below(at, f.path.Attr.Name)[f.path.Sub.Name] = f.value
			continue
		}
		at[f.path.Attr.Name] = f.value
	}
	doc[attrSchemas] = a.typ.Schemas(doc)
	return doc
}

func below(o schema.Object, name string) schema.Object {
	c, ok := o[name].(schema.Object)
	if !ok {
		c = schema.Object{}
		o[name] = c
	}
	return c
}

// at returns the value of a top-level attribute of the core schema, nil if it has none.
func (a account) at(name string) any {
	for _, f := range a.fields {
		if f.path.Extension == nil && f.path.Sub == nil && f.path.Attr.Name == name {
			return f.value
		}
	}
	return nil
}

// shown reads the field of a path from a document of the peer; nil: it is unassigned there,
// or nothing that the attribute could be.
func shown(t *schema.ResourceType, p schema.Path, doc client.Document) any {
	var path []string
	if p.Extension != nil {
		path = append(path, p.Extension.ID)
	}
	path = append(path, p.Attr.Name)
	if p.Sub != nil {
		path = append(path, p.Sub.Name)
	}
	raw := doc.Value(path...)
	if raw == nil {
		return nil
	}
	v, err := t.ReadValue(p, raw, protocol.NewDialect(protocol.Compat()))
	if err != nil {
		return nil
	}
	return v
}

// same reports whether the peer shows what we want, as far as the attribute's definition tells values
// apart: case where it counts, elements in any order, false as good as absent. Some peers write mail addresses in small
// letters or sort; that is no difference.
func same(a *schema.Attribute, set *schema.Set, want, got any) bool {
	switch want := want.(type) {
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		list = slices.Clone(list)
		for _, w := range want {
			i := slices.IndexFunc(list, func(g any) bool { return same(a, set, w, g) })
			if i < 0 {
				return false
			}
			list = slices.Delete(list, i, i+1)
		}
		return true
	case schema.Object:
		o, ok := got.(schema.Object)
		if !ok {
			return false
		}
		for _, s := range a.SubAttributes {
			if s.Mutability == schema.ReadOnly || s.Name == subRef && refersToResource(a) {
				continue
			}
			if !same(s, set, assigned(want[s.Name]), assigned(o[s.Name])) {
				return false
			}
		}
		return true
	case nil:
		return got == nil
	default:
		return set.Key(a, want) == set.Key(a, got)
	}
}

// assigned is a value without the false that is as good as none in an element.
func assigned(v any) any {
	if v == false {
		return nil
	}
	return v
}
