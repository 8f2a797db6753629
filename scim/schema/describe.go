package schema

import "github.com/muster-id/muster/scim"

// Describe returns the Schema resource (RFC 7643 §7), found at location. Every
// characteristic that an attribute can have is stated, also where it is the default,
// because clients read it without knowing the defaults (F26).
func (s *Schema) Describe(location string) Object {
	o := Object{
		attrSchemas:  []any{scim.SchemaSchema},
		attrID:       s.ID,
		"attributes": s.printed.describe("", s.Attributes),
		attrMeta:     discoveryMeta("Schema", location),
	}
	o.state("name", s.Name)
	o.state("description", s.Description)
	return o
}

// Describe returns the ResourceType resource (RFC 7643 §6), found at location.
func (t *ResourceType) Describe(location string) Object {
	o := Object{
		attrSchemas: []any{scim.ResourceTypeSchema},
		attrID:      t.Name,
		"name":      t.Name,
		"endpoint":  t.Endpoint,
		"schema":    t.Schema.ID,
		attrMeta:    discoveryMeta("ResourceType", location),
	}
	o.state("description", t.Description)
	var extensions []any
	for _, e := range t.Extensions {
		extensions = append(extensions, Object{"schema": e.Schema.ID, "required": e.Required})
	}
	if extensions != nil {
		o["schemaExtensions"] = extensions
	}
	return o
}

// describe describes the attributes below a path.
func (p printing) describe(path string, attrs []*Attribute) []any {
	list := make([]any, 0, len(attrs))
	for _, a := range attrs {
		if a.container() { // an extension inside this one: Set.Schemas has it
			continue
		}
		o := a.describe()
		if a.Type == Complex {
			o["subAttributes"] = p.describe(path+a.Name+".", a.SubAttributes)
		}
		if o = p.apply(path+a.Name, o); o != nil {
			list = append(list, o)
		}
	}
	return list
}

// describe describes an attribute without its sub-attributes.
func (a *Attribute) describe() Object {
	o := Object{
		"name":        a.Name,
		"type":        string(a.Type),
		"multiValued": a.MultiValued,
		"required":    a.Required,
		"mutability":  string(a.Mutability),
		"returned":    string(a.Returned),
	}
	o.state("description", a.Description)
	o.list("canonicalValues", a.CanonicalValues)
	o.list("referenceTypes", a.ReferenceTypes)
	if a.Type != Complex { // which has neither (erratum 6004)
		o["caseExact"] = a.CaseExact
		o["uniqueness"] = string(a.Uniqueness)
	}
	return o
}

func (o Object) state(name, value string) {
	if value != "" {
		o[name] = value
	}
}

func (o Object) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	o[name] = list
}

func discoveryMeta(resourceType, location string) Object {
	return Object{"resourceType": resourceType, "location": location}
}
