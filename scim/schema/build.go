package schema

import (
	"bytes"
	"slices"
)

// Build makes a set of the core types, User with the Enterprise extension and Group,
// and of definitions, of which it takes copies. A nil fold stands for SimpleFold.
//
// The order of definitions does not matter beyond the order in which things are listed.
// A type may use any schema that is defined, also the built-in ones. A schema or type that
// is defined again is a problem unless it is defined alike: a type then gains the
// extensions of both, and an extension is required if either says so. Schemas that no
// type uses are checked and left out of the set.
//
// The error names every problem found, as that of NewSet does.
func Build(fold FoldFunc, defs ...*Definitions) (*Set, error) {
	b := builder{schemas: make(map[string]*Schema)}
	for _, t := range []*ResourceType{User(), Group()} {
		b.types = append(b.types, t)
		b.schema(t.Schema)
		for _, e := range t.Extensions {
			b.schema(e.Schema)
		}
	}
	for _, d := range discovery() {
		b.schema(d)
	}
	b.builtin = len(b.order)

	for _, d := range defs {
		for _, s := range d.Schemas {
			b.schema(s.Clone())
		}
	}
	for _, extending := range []bool{false, true} {
		for _, d := range defs {
			for _, t := range d.Types {
				if t.extends() == extending {
					b.define(t)
				}
			}
		}
	}
	if len(b.problems) > 0 {
		return nil, problems(b.problems)
	}
	return newSet(fold, b.types, b.order[b.builtin:])
}

// A builder resolves the names in definitions.
type builder struct {
	linker
	schemas map[string]*Schema // by folded id
	order   []*Schema          // the built-in ones first
	builtin int                // how many of order are built in; 0 until they all are
	types   []*ResourceType
}

// schema adds a schema unless it is there alike.
func (b *builder) schema(s *Schema) {
	old := b.schemas[fold(s.ID)]
	if old == nil {
		b.schemas[fold(s.ID)] = s
		b.order = append(b.order, s)
		return
	}
	builtin := slices.Index(b.order, old) < b.builtin
	if alike(old, s, builtin) {
		return
	}
	if builtin {
		b.problem("schema %s is built in; leave its definition out, or put what you add into an extension", s.ID)
	} else {
		b.problem("schema %s is defined twice and differently; leave one of its definitions out", s.ID)
	}
}

// alike reports whether two schemas say the same. published asks only what a server
// publishes of the first one, so that its own list says nothing new about built-in schemas.
func alike(a, b *Schema, published bool) bool {
	return bytes.Equal(stated(a, published), stated(b, false))
}

// stated returns the definition with all defaults, without case in its URI, as JSON.
func stated(s *Schema, published bool) []byte {
	s = s.Clone()
	s.ID = fold(s.ID)
	var state func([]*Attribute)
	state = func(attrs []*Attribute) {
		for _, a := range attrs {
			a.defaults()
			if published {
				a.Relation, a.Indexed, a.MaxLength, a.Identifier, a.NoBlanks, a.Pattern = false, false, 0, false, false, ""
			}
			state(a.SubAttributes)
		}
	}
	state(s.Attributes)
	return s.append(nil)
}

// define adds a type, or what a definition adds to one.
func (b *builder) define(d TypeDefinition) {
	t := b.find(d.Name)
	switch {
	case t == nil && d.extends():
		b.problem("resource type %q gets extensions, but is not defined; give its endpoint and schema, or correct the name", d.Name)
		return
	case t == nil:
		t = &ResourceType{Name: d.Name, Description: d.Description, Endpoint: d.Endpoint}
		t.Schema = b.lookup(d.Name, "schema", d.Schema)
		b.types = append(b.types, t)
	case !d.extends() && (d.Endpoint != t.Endpoint || t.Schema == nil || !equalFold(d.Schema, t.Schema.ID)):
		b.problem("resource type %q is defined already, with another endpoint or schema; choose another name", d.Name)
		return
	}
	for _, e := range d.Extensions {
		b.extend(t, e)
	}
}

func (b *builder) find(name string) *ResourceType {
	for _, t := range b.types {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (b *builder) extend(t *ResourceType, d ExtensionDefinition) {
	for i := range t.Extensions {
		if e := &t.Extensions[i]; equalFold(e.Schema.ID, d.Schema) {
			e.Required = e.Required || d.Required
			return
		}
	}
	if s := b.lookup(t.Name, "extension", d.Schema); s != nil {
		t.Extensions = append(t.Extensions, Extension{Schema: s, Required: d.Required})
	}
}

// lookup returns the schema that a type names as its schema or extension.
func (b *builder) lookup(typ, what, id string) *Schema {
	s := b.schemas[fold(id)]
	switch {
	case s == nil:
		b.problem("resource type %q: its %s %q is not defined; add the schema or correct the URI", typ, what, id)
	case isDiscovery(id):
		b.problem("resource type %q: its %s %s is one of the protocol itself", typ, what, id)
		s = nil
	}
	return s
}
