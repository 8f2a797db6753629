package patch

import (
	"maps"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// A target is what a path or the key of a value means.
type target struct {
	path  schema.Path // Attr is nil for the container of an extension
	where filter.Expr // selects elements of Attr; nil: no filter
	base  bool        // the URN of the type's own schema: the document itself
	name  string      // as written
}

// A compiler makes steps and links of operations.
type compiler struct {
	Patch
	n int // number of the operation, from 1
}

func (c *compiler) operation(op operation) error {
	if op.path == nil && c.d.Allows(scim.NeedPath) {
		return scim.BadRequest(scim.InvalidSyntax, "an operation needs a path") // IOP-15
	}
	if op.path != nil {
		t, err := c.target(*op.path)
		if err != nil {
			return err
		}
		return c.at(t, op)
	}
	if op.verb == remove {
		return scim.BadRequest(scim.NoTarget, "remove needs a path") // P-3.5.2.2-01
	}
	o, ok := op.value.(schema.Object)
	if !ok {
		return scim.BadRequest(scim.InvalidValue, "without a path the value is an object of attributes")
	}
	return c.members(op.verb, nil, o)
}

// target resolves a path against the type.
func (c *compiler) target(name string) (target, error) {
	t := target{name: name}
	p, err := filter.ParsePath(name, c.d)
	if err != nil {
		return t, err
	}
	if is(p.Name, c.t.Schema.ID) && p.Filter == nil {
		t.base = true
		return t, nil
	}
	t.path, err = c.t.Resolve(p.Name, c.d)
	hidden := err == nil && t.path.Attr != nil && t.path.Attr.Returned == schema.ReturnedNever && c.d.Allows(scim.HideCredentials)
	if hidden || err != nil && c.d.Allows(scim.RefuseUnknown) {
		return t, undefined(p.Name)
	}
	if err != nil || p.Filter == nil {
		return t, err
	}
	if t.path.Attr == nil || t.path.Sub != nil || !t.path.Attr.MultiValued {
		return t, scim.BadRequest(scim.InvalidPath, "%s has one value, so no filter can select among its values", scim.Quote(p.Name))
	}
	if t.where, err = filter.BindElement(p.Filter, c.t, t.path, c.d); err != nil || p.Sub == "" {
		return t, err
	}
	if t.path.Sub = t.path.Attr.Sub(p.Sub); t.path.Sub == nil {
		err = scim.BadRequest(scim.InvalidPath, "%s has no sub-attribute %s", t.path.Attr.Name, scim.Quote(p.Sub))
	}
	return t, err
}

// at compiles an operation on a target that a path named.
func (c *compiler) at(t target, op operation) error {
	switch {
	case op.verb != remove && !op.given && (t.path.Attr == nil || !t.path.Attr.Relation):
		return scim.BadRequest(scim.InvalidValue, "%s needs a value", scim.Quote(t.name)) // P-3.5.2.1-01
	case t.base && op.verb == remove:
		return scim.BadRequest(scim.Mutability, "the base schema of a resource cannot be removed")
	case t.base || t.path.Attr == nil:
		return c.container(t, op)
	case isSchemas(t.path):
		return c.schemas(t, op)
	case readOnly(t.path):
		return scim.BadRequest(scim.Mutability, "%s is readOnly", scim.Quote(t.name))
	case t.path.Attr.Relation:
		return c.relation(t, op)
	case op.verb == remove:
		return c.remove(t, op)
	}
	return c.set(t, op)
}

// members compiles the attributes of a value without path, or of an extension's
// container, each as if it had been a path of its own (P-3.5.2.1-02, P-3.5.2.3-01).
// The order of the names decides nothing but which error is found first, and that a
// whole attribute goes before its parts.
func (c *compiler) members(v verb, ext *schema.Schema, o schema.Object) error {
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if err := c.member(v, ext, key, o[key]); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) member(v verb, ext *schema.Schema, key string, value any) error {
	name := key
	if ext != nil {
		name = ext.ID + ":" + key
	}
	t, err := c.target(name)
	if err != nil {
		if strings.Contains(key, "[") && c.d.Allows(scim.DottedKeys) {
			return err // meant as a path: nothing that selects values is dropped quietly
		}
		return c.unknown(key)
	}
	isPath := t.path.Sub != nil || t.where != nil || t.path.Attr != nil && strings.Contains(key, ":") && !strings.EqualFold(key, t.path.Attr.Name)
	if isPath && !c.d.Forgives(scim.DottedKeys) {
		return c.unknown(key) // AMB-16: the name of no attribute
	}
	op := operation{verb: v, value: value, given: true}
	if t.path.Attr == nil || isSchemas(t.path) || !readOnly(t.path) {
		return c.at(t, op)
	}
	switch {
	case c.d.Forgives(scim.IgnoreReadOnly): // F10
	case t.path.Attr.Relation || isPath:
		return scim.BadRequest(scim.Mutability, "%s is readOnly", scim.Quote(key))
	default:
		c.step(t, unchanged, value) // AMB-19
	}
	return nil
}

// unknown drops an attribute that the type does not have. A resource body may have
// such in nearly every dialect, and so may a value (AMB-03); it is counted where the
// dialect has the switch.
func (c *compiler) unknown(name string) error {
	if c.d.Allows(scim.RefuseUnknown) {
		return undefined(name)
	}
	c.d.Forgives(scim.UnknownAttributes)
	return nil
}

// undefined is the refusal of an attribute that the type does not define (IOP-05).
func undefined(name string) error {
	return scim.BadRequest(scim.InvalidSyntax, "unknown attribute %s", scim.Quote(name))
}

// container compiles an operation on the document itself or an extension's container.
func (c *compiler) container(t target, op operation) error {
	if op.value == nil && !t.base || op.verb == remove {
		if c.required(t.path.Extension) {
			return scim.BadRequest(scim.Mutability, "%s is required and cannot be removed", scim.Quote(t.name))
		}
		c.step(t, erase, nil)
		return nil
	}
	o, ok := op.value.(schema.Object)
	if !ok {
		return scim.BadRequest(scim.InvalidValue, "%s is a schema, its value is an object of attributes", scim.Quote(t.name))
	}
	return c.members(op.verb, t.path.Extension, o)
}

// remove compiles a remove of what is neither a relation nor readOnly.
func (c *compiler) remove(t target, op operation) error {
	leaf := t.path.Leaf()
	if leaf.Required && (t.where == nil || t.path.Sub != nil) {
		return scim.BadRequest(scim.Mutability, "%s is required and cannot be removed", scim.Quote(t.name)) // AMB-45
	}
	if op.value == nil || t.where != nil || !leaf.MultiValued {
		c.step(t, erase, nil)
		return nil
	}
	// AMB-15: with a list of values only those go. Without this rule the list would
	// be ignored and everything removed.
	v, err := c.t.ReadValue(t.path, op.value, c.d)
	if list, ok := v.([]any); ok && err == nil {
		c.step(t, subtract, list)
	}
	return err
}

// set compiles an add or replace of what is neither a relation nor readOnly.
func (c *compiler) set(t target, op operation) error {
	value := op.value
	element := t.where != nil && t.path.Sub == nil
	if list, ok := value.([]any); element && ok && len(list) == 1 && c.d.Forgives(scim.SingleForArray) {
		value = list[0]
	}
	v, err := c.read(t, value, element)
	if err != nil || t.path.Leaf().Returned == schema.ReturnedNever {
		return err // a password was checked and is dropped (F11)
	}
	var cleared []string
	if element {
		cleared = clearedSubs(t.path.Attr, value)
	}
	switch {
	case v == nil && op.verb == add && len(cleared) > 0:
		v = schema.Object{}
	case v == nil && op.verb == add && (element || t.path.Leaf().MultiValued):
		return nil // adding nothing is nothing, not a remove
	case v == nil:
		return c.remove(t, operation{verb: remove})
	}
	for _, name := range cleared {
		v.(schema.Object)[name] = nil
	}
	c.step(t, alteration(op.verb), v)
	return nil
}

// read brings a value into canonical form; nil is unassigned.
func (c *compiler) read(t target, value any, element bool) (any, error) {
	if !element {
		return c.t.ReadValue(t.path, value, c.d)
	}
	if _, ok := value.([]any); ok {
		return nil, scim.BadRequest(scim.InvalidValue, "%s takes one value, not an array", scim.Quote(t.name))
	}
	list, err := c.t.ReadValue(t.path, []any{value}, c.d)
	if l, ok := list.([]any); ok && err == nil {
		return l[0], nil
	}
	return nil, err
}

// clearedSubs returns the sub-attributes that the value of an element sets to null
// (F9). ReadValue tells so of single-valued attributes, not of elements.
func clearedSubs(a *schema.Attribute, value any) []string {
	o, _ := value.(schema.Object)
	var names []string
	for n, v := range o {
		if s := a.Sub(n); v == nil && s != nil && s.Mutability != schema.ReadOnly {
			names = append(names, s.Name)
		}
	}
	return names
}

// schemas compiles an operation on the schemas attribute (AMB-47), which follows from
// the data: an extension is removed with its attributes, added by adding some.
func (c *compiler) schemas(t target, op operation) error {
	if c.d.Forgives(scim.IgnoreSchemasPatch) {
		return nil
	}
	urns, ok := op.value.([]any)
	if !ok && op.value != nil {
		urns = []any{op.value}
	}
	for _, u := range urns {
		s, ok := u.(string)
		if !ok || !is(s, c.t.Schema.ID) && c.extension(s) == nil {
			return scim.BadRequest(scim.InvalidValue, "schemas: this is no schema of %s", c.t.Name)
		}
	}
	if op.verb == add {
		return nil
	}
	goes := func(urn string) bool {
		listed := slices.ContainsFunc(urns, func(u any) bool { return is(u.(string), urn) })
		switch {
		case op.verb == replace:
			return !listed
		case t.where != nil:
			return filter.MatchElement(t.where, c.t.Set(), urn)
		}
		return listed || !op.given
	}
	if goes(c.t.Schema.ID) {
		return scim.BadRequest(scim.Mutability, "the base schema of a resource cannot be removed")
	}
	for _, e := range c.t.Extensions {
		if !goes(e.Schema.ID) {
			continue
		}
		err := c.container(target{path: schema.Path{Extension: e.Schema}, name: e.Schema.ID}, operation{verb: remove})
		if err != nil {
			return err
		}
	}
	return nil
}

// required reports whether every resource of the type has the extension.
func (c *compiler) required(s *schema.Schema) bool {
	return slices.ContainsFunc(c.t.Extensions, func(e schema.Extension) bool { return e.Schema == s && e.Required })
}

func (c *compiler) extension(urn string) *schema.Schema {
	for _, e := range c.t.Extensions {
		if is(urn, e.Schema.ID) {
			return e.Schema
		}
	}
	return nil
}

func (c *compiler) step(t target, what alteration, value any) {
	c.steps = append(c.steps, step{n: c.n, target: t, what: what, value: value, cost: 1 + comparisons(t.where)})
}

func comparisons(e filter.Expr) int {
	n := 0
	filter.Walk(e, func(filter.Expr) bool { n++; return true })
	return n
}

// isSchemas reports whether a path is the schemas attribute that every resource has.
func isSchemas(p schema.Path) bool {
	return p.Extension == nil && p.Attr != nil && p.Attr.Name == "schemas"
}

func readOnly(p schema.Path) bool {
	return p.Attr != nil && (p.Attr.Mutability == schema.ReadOnly || p.Leaf().Mutability == schema.ReadOnly)
}
