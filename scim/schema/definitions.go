package schema

import "slices"

// Definitions are schemas and resource types as data, before they become part of a
// Set: what Load reads, JSON writes and Build takes. They may be filled in by hand too.
type Definitions struct {
	Schemas []*Schema        // as in /Schemas (RFC 7643 §7)
	Types   []TypeDefinition // as in /ResourceTypes (RFC 7643 §6)
}

// TypeDefinition is a resource type that names its schemas by their URIs. With only
// Name and Extensions it adds extensions to a type that is defined elsewhere.
type TypeDefinition struct {
	Name        string // "Device"
	Description string
	Endpoint    string // "/Devices"
	Schema      string // URI of the base schema
	Extensions  []ExtensionDefinition
}

// ExtensionDefinition names an extension of a resource type (RFC 7643 §6).
type ExtensionDefinition struct {
	Schema   string // URI
	Required bool   // every resource of the type has it
}

// extends reports whether d adds to a type that is defined elsewhere.
func (d *TypeDefinition) extends() bool { return d.Schema == "" && d.Endpoint == "" }

// Clone returns a deep copy of the schema as it was defined, which is in no set.
func (s *Schema) Clone() *Schema {
	return &Schema{ID: s.ID, Name: s.Name, Description: s.Description, Attributes: cloneAttributes(s.Attributes)}
}

func cloneAttributes(attrs []*Attribute) []*Attribute {
	if attrs == nil {
		return nil
	}
	list := make([]*Attribute, len(attrs))
	for i, a := range attrs {
		c := *a
		c.CanonicalValues = slices.Clone(a.CanonicalValues)
		c.ReferenceTypes = slices.Clone(a.ReferenceTypes)
		c.SubAttributes = cloneAttributes(a.SubAttributes)
		c.subs, c.link, c.lone, c.derived, c.pattern = nil, nil, false, false, nil
		list[i] = &c
	}
	return list
}
