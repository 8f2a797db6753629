package scim1

import (
	"slices"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// document returns the body of a POST or PUT as SCIM 2.0 writes it. What it does not know
// is left as it is, for the server to judge.
func document(in schema.Object, t *schema.ResourceType) (schema.Object, error) {
	out := make(schema.Object, len(in)+1)
	for name, v := range in {
		if equalFold(name, "schemas") {
			out["schemas"] = declared(v, t)
			continue
		}
		name, v = attribute(name, v, t)
		if _, twice := out[name]; twice {
			return nil, scim.BadRequest(scim.InvalidSyntax, "%s stands twice in the body", scim.Quote(oldURN(name)))
		}
		out[name] = v
	}
	if out["schemas"] == nil { // a client may leave them out (C5.1)
		out["schemas"] = t.Schemas(out)
	}
	return out, nil
}

// declared returns the schemas of a 2.0 body.
func declared(v any, t *schema.ResourceType) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, 0, len(list))
	for _, v := range list {
		urn, _ := v.(string)
		switch {
		case equalFold(urn, CoreSchema):
			v = t.Schema.ID
		case equalFold(urn, EnterpriseUserSchema):
			v = scim.EnterpriseUserSchema
		}
		out = append(out, v)
	}
	return out
}

// attribute returns one member of a resource as 2.0 writes it.
func attribute(name string, v any, t *schema.ResourceType) (string, any) {
	name = newName(name)
	p, err := t.Resolve(name, nil)
	if err != nil {
		return name, v
	}
	if p.Attr == nil {
		if o, ok := v.(schema.Object); ok {
			v = container(o, p.Extension, t.Set())
		}
		return p.Extension.ID, v
	}
	if p.Sub != nil {
		return name, v
	}
	return name, value(p, v, t.Set())
}

// container returns the attributes of an extension as 2.0 writes them.
func container(in schema.Object, ext *schema.Schema, set *schema.Set) schema.Object {
	out := make(schema.Object, len(in))
	for name, v := range in {
		if a := ext.Attribute(name); a != nil {
			v = value(schema.Path{Extension: ext, Attr: a}, v, set)
		}
		out[name] = v
	}
	return out
}

// value returns the value of an attribute as 2.0 writes it. Of a value in the wrong shape
// nothing is made.
func value(p schema.Path, v any, set *schema.Set) any {
	a := p.Attr
	switch x := v.(type) {
	case string:
		if p.Extension == nil && isLanguage(a.Name) {
			return newLanguage(x)
		}
	case schema.Object:
		if isManager(p) {
			return manager(x)
		}
	case []any:
		if a.MultiValued && a.Type == schema.Complex {
			list := make([]any, len(x))
			for i, v := range x {
				list[i] = element(a, v, set)
			}
			return list
		}
	}
	return v
}

func isManager(p schema.Path) bool {
	return p.Extension != nil && p.Extension.ID == scim.EnterpriseUserSchema && p.Attr.Name == managerAttr
}

// manager returns the manager of an enterprise user with the id under its new name and
// without the name of the person, which is readOnly (C7).
func manager(in schema.Object) schema.Object {
	out := make(schema.Object, len(in))
	for name, v := range in {
		switch {
		case equalFold(name, managerID):
			out["value"] = v
		case !equalFold(name, "displayName"):
			out[name] = v
		}
	}
	return out
}

// element returns one value of a multi-valued complex attribute. It may be sent bare
// (C3.2), and the type of a member in any case (C7: "group").
func element(a *schema.Attribute, v any, set *schema.Set) any {
	switch x := v.(type) {
	case string, bool, schema.Number:
		if a.Sub("value") != nil {
			return schema.Object{"value": x}
		}
	case schema.Object:
		key, kind, ok := member(x, "type")
		name, isText := kind.(string)
		if !ok || !isText || !a.Relation {
			return v
		}
		i := slices.IndexFunc(set.Types, func(t *schema.ResourceType) bool { return equalFold(t.Name, name) })
		if i >= 0 {
			x[key] = set.Types[i].Name
		}
		return x
	}
	return v
}
