package schema

import (
	"strconv"

	"github.com/muster-id/muster/scim"
)

// JSON returns the definitions as canonical JSON, to be stored: an array of Schema and
// ResourceType resources with the members that Load reads, of which what is not stated
// is left out. Load reads them back as they are.
func (d *Definitions) JSON() []byte {
	dst := []byte{'['}
	for _, s := range d.Schemas {
		dst = s.append(separate(dst))
	}
	for _, t := range d.Types {
		dst = t.append(separate(dst))
	}
	return append(dst, ']')
}

// separate appends a comma if something stands before the next element.
func separate(dst []byte) []byte {
	if dst[len(dst)-1] != '[' {
		dst = append(dst, ',')
	}
	return dst
}

func (s *Schema) append(dst []byte) []byte {
	dst = appendTexts(append(dst, '{'), attrSchemas, []string{scim.SchemaSchema})
	dst = appendText(dst, attrID, s.ID)
	dst = appendText(dst, "name", s.Name)
	dst = appendText(dst, "description", s.Description)
	dst = appendAttributes(dst, "attributes", s.Attributes)
	return append(dst, '}')
}

func (d *TypeDefinition) append(dst []byte) []byte {
	dst = appendTexts(append(dst, '{'), attrSchemas, []string{scim.ResourceTypeSchema})
	dst = appendText(dst, "name", d.Name)
	dst = appendText(dst, "description", d.Description)
	dst = appendText(dst, "endpoint", d.Endpoint)
	dst = appendText(dst, "schema", d.Schema)
	if len(d.Extensions) > 0 {
		dst = append(appendName(dst, "schemaExtensions"), '[')
		for _, e := range d.Extensions {
			dst = appendText(append(separate(dst), '{'), "schema", e.Schema)
			dst = append(appendTrue(dst, "required", e.Required), '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendAttributes(dst []byte, name string, attrs []*Attribute) []byte {
	if len(attrs) == 0 {
		return dst
	}
	dst = append(appendName(dst, name), '[')
	for _, a := range attrs {
		dst = a.append(separate(dst))
	}
	return append(dst, ']')
}

func (a *Attribute) append(dst []byte) []byte {
	dst = appendText(append(dst, '{'), "name", a.Name)
	dst = appendText(dst, "type", string(a.Type))
	dst = appendTrue(dst, "multiValued", a.MultiValued)
	dst = appendText(dst, "description", a.Description)
	dst = appendTrue(dst, "required", a.Required)
	dst = appendTexts(dst, "canonicalValues", a.CanonicalValues)
	dst = appendTrue(dst, "caseExact", a.CaseExact)
	dst = appendText(dst, "mutability", string(a.Mutability))
	dst = appendText(dst, "returned", string(a.Returned))
	dst = appendText(dst, "uniqueness", string(a.Uniqueness))
	dst = appendTexts(dst, "referenceTypes", a.ReferenceTypes)
	dst = appendTrue(dst, "relation", a.Relation)
	dst = appendTrue(dst, "indexed", a.Indexed)
	if a.MaxLength != 0 {
		dst = strconv.AppendInt(appendName(dst, "maxLength"), int64(a.MaxLength), 10)
	}
	dst = appendTrue(dst, "identifier", a.Identifier)
	dst = appendTrue(dst, "noBlanks", a.NoBlanks)
	dst = appendText(dst, "pattern", a.Pattern)
	dst = appendAttributes(dst, "subAttributes", a.SubAttributes)
	return append(dst, '}')
}

func appendText(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(appendName(dst, name), s)
}

func appendTrue(dst []byte, name string, b bool) []byte {
	if !b {
		return dst
	}
	return append(appendName(dst, name), "true"...)
}

func appendTexts(dst []byte, name string, list []string) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(appendName(dst, name), '[')
	for _, s := range list {
		dst = appendString(separate(dst), s)
	}
	return append(dst, ']')
}
