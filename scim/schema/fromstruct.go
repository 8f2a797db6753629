package schema

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// FromStruct derives a schema from a struct type, of which v is a value or a pointer.
// Each exported field is an attribute, those of embedded structs included:
//
//	Go type                    SCIM type
//	string                     string
//	bool                       boolean
//	integers                   integer
//	floats                     decimal
//	time.Time                  dateTime
//	[]byte                     binary
//	struct                     complex
//	slice or array of these    multi-valued
//	pointer to any             the same; nil is unassigned
//
// The tag scim has the attribute's name and, behind commas, its characteristics:
//
//	UserName string `scim:"userName,required,uniqueness=server"`
//	Site     string `scim:"site,canonicalValues=berlin|lagos,indexed"`
//	Manager  string `scim:"manager,referenceTypes=User"`
//
// These are required, caseExact, indexed, relation, identifier, noBlanks, mutability=…,
// returned=…, uniqueness=…, canonicalValues=a|b, referenceTypes=A|B (which also makes
// the type reference), type=…, maxLength=…, and the shorthands readOnly, immutable and
// writeOnly (which is never returned). The tag description has the description, the tag
// pattern the pattern. Without a name in it the name is that of the tag json, else the
// field's own as SCIM would spell it, ProfileURL as profileUrl; "-" leaves a field out.
//
// Fields named id, externalId, meta and schemas stand for the common attributes, and
// fields named by a URN for extensions; both are for Encode and Decode and no part of
// the schema. Make a schema of an extension by FromStruct of the field's type.
//
// The error names every problem found.
func FromStruct(id string, v any) (*Schema, error) {
	t := reflect.TypeOf(v)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("schema %s: %T is no struct", id, v)
	}
	s := shapeOf(t)
	if s.err != nil {
		return nil, fmt.Errorf("schema %s: %w", id, s.err)
	}
	x := &Schema{ID: id, Name: t.Name()}
	for _, f := range s.fields {
		if !f.extension && !isCommon(f.attr.Name) {
			x.Attributes = append(x.Attributes, f.attr)
		}
	}
	x.Attributes = cloneAttributes(x.Attributes)
	return x, nil
}

func isCommon(name string) bool {
	return name == attrSchemas || name == attrID || name == attrExternalID || name == attrMeta
}

// attributeOf reads the tags of a field whose values have the shape s.
func attributeOf(f reflect.StructField, s *shape) (*Attribute, error) {
	name, options, _ := strings.Cut(f.Tag.Get("scim"), ",")
	if name == "" {
		name = defaultName(f)
	}
	a := &Attribute{
		Name: name, Type: s.typ, MultiValued: s.multi,
		Description: f.Tag.Get("description"), Pattern: f.Tag.Get("pattern"),
	}
	if s.typ == Complex {
		for _, sub := range s.elements().fields {
			a.SubAttributes = append(a.SubAttributes, sub.attr)
		}
	}
	var problems []error
	for option := range strings.SplitSeq(options, ",") {
		if err := a.option(strings.TrimSpace(option)); err != nil {
			problems = append(problems, fmt.Errorf("field %s: %w", f.Name, err))
		}
	}
	return a, errors.Join(problems...)
}

// defaultName returns the name that encoding/json would use, else the field's own as
// SCIM spells names: ProfileURL is profileUrl, and URLPath urlPath.
func defaultName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
		return name
	}
	name := []byte(f.Name)
	for i := range name {
		start := i == 0 || !isUpper(f.Name[i-1])         // of a run of capitals
		next := i+1 < len(name) && !isUpper(f.Name[i+1]) // its last one begins the next word
		if i == 0 || !start && !next {
			name[i] = lower(name[i])
		}
	}
	return string(name)
}

// option sets a characteristic from what stands between two commas of a tag.
func (a *Attribute) option(option string) error {
	key, value, _ := strings.Cut(option, "=")
	switch key {
	case "":
	case "required":
		a.Required = true
	case "caseExact":
		a.CaseExact = true
	case "indexed":
		a.Indexed = true
	case "relation":
		a.Relation = true
	case "identifier":
		a.Identifier = true
	case "noBlanks":
		a.NoBlanks = true
	case "readOnly", "immutable":
		a.Mutability = Mutability(key)
	case "writeOnly":
		a.Mutability, a.Returned = WriteOnly, ReturnedNever
	case "mutability":
		a.Mutability = Mutability(value)
	case "returned":
		a.Returned = Returned(value)
	case "uniqueness":
		a.Uniqueness = Uniqueness(value)
	case "canonicalValues":
		a.CanonicalValues = strings.Split(value, "|")
	case "referenceTypes":
		a.Type, a.ReferenceTypes = Reference, strings.Split(value, "|")
	case "type":
		a.Type = Type(value)
	case "maxLength":
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("maxLength %q is no number", value)
		}
		a.MaxLength = n
	default:
		return fmt.Errorf("%q is no characteristic", option)
	}
	return nil
}
