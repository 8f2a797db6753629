package schema

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/muster-id/muster/scim"
)

// maxProblems is the number of problems that an error about definitions names.
const maxProblems = 20

// Load reads definitions from JSON: a Schema or ResourceType resource, an array of
// them, or a ListResponse, as servers publish them at /Schemas and /ResourceTypes.
//
// Beside the characteristics of RFC 7643 §7 an attribute may have the members that
// are never published: indexed, relation, maxLength, identifier, noBlanks and pattern, with
// the meaning of the fields of Attribute. A ResourceType without endpoint and schema
// adds its schemaExtensions to a type that is defined elsewhere.
//
// Load is strict: a member that it does not know, a value of a wrong type or outside
// the lists of RFC 7643 is a problem, and the error names each with its place. What
// published definitions are known to get wrong without doubt about what is meant is
// read as meant and comes back as a warning, one a case: the type "bool", the uniqueness
// keywords of the RFC 9944 schemas, missing schemas, absolute endpoints, and the
// schemas of the discovery resources, which are left out.
//
// Whether definitions fit together is for Build to say.
func Load(data []byte) (defs *Definitions, warnings []string, err error) {
	v, err := Parse(data)
	if err != nil {
		return nil, nil, fmt.Errorf("read definitions: %w", err)
	}
	l := loader{defs: new(Definitions)}
	l.document(v)
	if err := problems(l.problems); err != nil {
		return nil, nil, fmt.Errorf("read definitions: %w", err)
	}
	return l.defs, l.warnings, nil
}

// problems makes one error of many, of which it names the first.
func problems(list []error) error {
	if more := len(list) - maxProblems; more > 0 {
		list = append(slices.Clip(list[:maxProblems]), fmt.Errorf("and %d problems more", more))
	}
	return errors.Join(list...)
}

// A loader reads definitions and remembers what is wrong with them. at is the place
// of a value, in the notation attributes[2].type.
type loader struct {
	defs     *Definitions
	problems []error
	warnings []string
}

func (l *loader) problem(at, format string, args ...any) {
	l.problems = append(l.problems, errors.New(placed(at, format, args...)))
}

func (l *loader) warn(at, format string, args ...any) {
	l.warnings = append(l.warnings, placed(at, format, args...))
}

func placed(at, format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	if at == "" {
		return text
	}
	return at + ": " + text
}

func (l *loader) document(v any) {
	switch v := v.(type) {
	case []any:
		l.resources("", v)
	case Object:
		if list, ok := v.lookup("Resources"); ok {
			resources := l.array("Resources", list)
			l.resources("Resources", resources)
			return
		}
		if isListResponse(v) {
			return // without members Resources when it is empty
		}
		l.resource("", v)
	default:
		l.problem("", "must be a Schema or ResourceType, an array of them, or a ListResponse, not %s", kind(v))
	}
}

func isListResponse(o Object) bool {
	v, _ := o.lookup(attrSchemas)
	list, _ := v.([]any)
	return declares(list, scim.ListResponseMessage)
}

func (l *loader) resources(at string, list []any) {
	for i, v := range list {
		at := index(at, i)
		if o, ok := v.(Object); ok {
			l.resource(at, o)
		} else {
			l.problem(at, "must be a Schema or ResourceType, not %s", kind(v))
		}
	}
}

// resource reads one resource. One that does not say what it is, as RFC 7643 §8.7
// prints them (erratum 8417), is told by its members.
func (l *loader) resource(at string, o Object) {
	v, stated := o.lookup(attrSchemas)
	schemas, _ := v.([]any)
	_, attributes := o.lookup("attributes")
	_, endpoint := o.lookup("endpoint")
	switch {
	case declares(schemas, scim.SchemaSchema):
		l.schema(at, o)
	case declares(schemas, scim.ResourceTypeSchema):
		l.resourceType(at, o)
	case !stated && attributes:
		l.warn(at, "schemas is missing; taken for a Schema")
		l.schema(at, o)
	case !stated && endpoint:
		l.warn(at, "schemas is missing; taken for a ResourceType")
		l.resourceType(at, o)
	default:
		l.problem(at, "schemas must be [%q] or [%q]", scim.SchemaSchema, scim.ResourceTypeSchema)
	}
}

func (l *loader) schema(at string, o Object) {
	s := new(Schema)
	for name, v := range members(o) {
		at := member(at, name)
		switch name {
		case attrID:
			s.ID = l.text(at, v)
		case "name":
			s.Name = l.text(at, v)
		case "description":
			s.Description = l.text(at, v)
		case "attributes":
			s.Attributes = l.attributes(at, v)
		case attrSchemas, attrMeta:
		default:
			l.unknown(at)
		}
	}
	switch {
	case s.ID == "":
		l.problem(member(at, attrID), "is missing; it is the URI of the schema")
	case isDiscovery(s.ID):
		l.warn(at, "%s is a schema of the protocol itself; left out", s.ID)
	default:
		l.defs.Schemas = append(l.defs.Schemas, s)
	}
}

// isDiscovery reports whether a schema is one that every set has.
func isDiscovery(id string) bool {
	return equalFold(id, scim.ServiceProviderConfigSchema) || equalFold(id, scim.ResourceTypeSchema) || equalFold(id, scim.SchemaSchema)
}

func (l *loader) resourceType(at string, o Object) {
	var t TypeDefinition
	for name, v := range members(o) {
		at := member(at, name)
		switch name {
		case "name":
			t.Name = l.text(at, v)
		case "description":
			t.Description = l.text(at, v)
		case "endpoint":
			t.Endpoint = l.endpoint(at, v)
		case "schema":
			t.Schema = l.text(at, v)
		case "schemaExtensions":
			t.Extensions = l.extensions(at, v)
		case attrSchemas, attrMeta, attrID:
		default:
			l.unknown(at)
		}
	}
	switch {
	case t.Name == "":
		l.problem(member(at, "name"), "is missing")
	case t.extends() && t.Extensions == nil:
		l.problem(at, "resource type %q has neither endpoint and schema nor schemaExtensions", t.Name)
	case !t.extends() && t.Endpoint == "":
		l.problem(member(at, "endpoint"), "is missing; only a resource type that adds extensions to another has none")
	case !t.extends() && t.Schema == "":
		l.problem(member(at, "schema"), "is missing; only a resource type that adds extensions to another has none")
	}
	l.defs.Types = append(l.defs.Types, t)
}

// endpoint reads "/Users", which is also published as "Users" and as a URL.
func (l *loader) endpoint(at string, v any) string {
	s := l.text(at, v)
	if _, last, ok := cutLast(s, "/"); ok && strings.Contains(s, "://") {
		l.warn(at, "%s is absolute; read as /%s", scim.Quote(s), last)
		s = last
	}
	if s == "" || strings.HasPrefix(s, "/") {
		return s
	}
	return "/" + s
}

func (l *loader) extensions(at string, v any) []ExtensionDefinition {
	var extensions []ExtensionDefinition
	for i, o := range l.objects(at, v) {
		var e ExtensionDefinition
		at := index(at, i)
		for name, v := range members(o) {
			at := member(at, name)
			switch name {
			case "schema":
				e.Schema = l.text(at, v)
			case "required":
				e.Required = l.boolean(at, v)
			default:
				l.unknown(at)
			}
		}
		if e.Schema == "" {
			l.problem(member(at, "schema"), "is missing; it is the URI of the extension")
		}
		extensions = append(extensions, e)
	}
	return extensions
}

// members yields the members of an object in the order of their names, spelled as they
// are defined; null is as good as absent (RFC 7643 §2.5).
func members(o Object) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(o)) {
			v := o[name]
			if defined, ok := definitionMembers[fold(name)]; ok {
				name = defined
			}
			if v != nil && !yield(name, v) {
				return
			}
		}
	}
}

// definitionMembers are the members of definitions by their folded names.
var definitionMembers = func() map[string]string {
	m := make(map[string]string)
	for _, n := range []string{
		attrSchemas, attrID, attrMeta, "name", "description", "attributes", "endpoint", "schema", "schemaExtensions",
		"type", "multiValued", "required", "canonicalValues", "caseExact", "mutability", "returned", "uniqueness",
		"referenceTypes", "subAttributes", "relation", "indexed", "maxLength", "identifier", "noBlanks", "pattern",
	} {
		m[fold(n)] = n
	}
	return m
}()

func (l *loader) unknown(at string) {
	l.problem(at, "is no member of a definition; correct its name or leave it out")
}

func (l *loader) text(at string, v any) string {
	s, ok := v.(string)
	if !ok {
		l.problem(at, "must be a string, not %s", kind(v))
	}
	return s
}

func (l *loader) boolean(at string, v any) bool {
	b, ok := v.(bool)
	if !ok {
		l.problem(at, "must be true or false, not %s", kind(v))
	}
	return b
}

// length reads a number of characters.
func (l *loader) length(at string, v any) int {
	n, ok := v.(Number)
	if !ok {
		l.problem(at, "must be a number, not %s", kind(v))
		return 0
	}
	i, err := strconv.Atoi(string(n))
	if err != nil || i < 0 {
		l.problem(at, "must be a number of characters")
	}
	return i
}

func (l *loader) array(at string, v any) []any {
	list, ok := v.([]any)
	if !ok && v != nil {
		l.problem(at, "must be an array, not %s", kind(v))
	}
	return list
}

func (l *loader) objects(at string, v any) []Object {
	list := l.array(at, v)
	if len(list) > maxElements {
		l.problem(at, "has %d elements; %d are allowed", len(list), maxElements)
		return nil
	}
	var objects []Object
	for i, v := range list {
		o, ok := v.(Object)
		if !ok {
			l.problem(index(at, i), "must be an object, not %s", kind(v))
		}
		objects = append(objects, o)
	}
	return objects
}

func (l *loader) texts(at string, v any) []string {
	var list []string
	for i, v := range l.array(at, v) {
		list = append(list, l.text(index(at, i), v))
	}
	return list
}

// member and index extend a place.
func member(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func index(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }
