package schemas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// A difference between two generations. What resources there are decides whether it may be: count says how many of
// them stand against it.
type difference struct {
	text string // what is different, for people
	typ  string // resource type name

	// against reports whether a resource stands against it; nil: none does.
	against func(doc schema.Object) bool
	why     string // what those who stand against it have in common: "with a value of it"
	force   string // what --force does to them; "": it does not help

	drop   *directory.Dropped // if forced
	path   schema.Path        // unique, work: in the new set
	unique bool               // values are to be claimed
	work   *store.Work
	free   string // scope of claims to give up

	count      int
	duplicates []string // ids of some resources that share a value
}

// comparison is the differences between two sets, the types in order.
type comparison struct {
	list []*difference
	// dropped is what was dropped before: entries of it may still be there.
	dropped []directory.Dropped
}

func (c *comparison) add(d difference) { c.list = append(c.list, &d) }

func compare(old, next *schema.Set, dropped []directory.Dropped) []*difference {
	c := comparison{dropped: dropped}
	for _, t := range old.Types {
		c.resourceType(t, next.Type(t.Name))
	}
	for _, t := range next.Types {
		if old.Type(t.Name) == nil {
			c.add(difference{text: fmt.Sprintf("resource type %s at %s is new", t.Name, t.Endpoint), typ: t.Name})
		}
	}
	return c.list
}

func everything(schema.Object) bool { return true }

func (c *comparison) resourceType(t, next *schema.ResourceType) {
	switch {
	case next == nil:
		c.add(difference{text: "resource type " + t.Name + " goes", typ: t.Name, against: everything, why: "of it; delete them first"})
		c.freeAll(t)
		return
	case t.Endpoint != next.Endpoint || !strings.EqualFold(t.Schema.ID, next.Schema.ID):
		c.add(difference{
			text: "resource type " + t.Name + " gets another endpoint or schema", typ: t.Name,
			against: everything, why: "of it, at " + t.Endpoint + "; delete them first",
		})
		return
	}
	in := place{typ: t.Name, schema: t.Schema.ID, own: true}
	c.attributes(in, t.Schema.Attributes, next.Schema.Attributes)
	for _, e := range t.Extensions {
		in := place{typ: t.Name, schema: e.Schema.ID}
		n := extension(next, e.Schema.ID)
		if n == nil {
			c.extensionGoes(in, e.Schema)
			continue
		}
		if n.Required && !e.Required {
			c.extensionRequired(in)
		}
		in.extension = n.Schema
		c.attributes(in, e.Schema.Attributes, n.Schema.Attributes)
	}
	for _, e := range next.Extensions {
		if extension(t, e.Schema.ID) != nil {
			continue
		}
		in := place{typ: t.Name, schema: e.Schema.ID, extension: e.Schema}
		c.add(difference{text: fmt.Sprintf("%s gets the extension %s", t.Name, e.Schema.ID), typ: t.Name})
		if e.Required {
			c.extensionRequired(in)
		}
		c.attributes(in, nil, e.Schema.Attributes)
	}
}

func extension(t *schema.ResourceType, id string) *schema.Extension {
	i := slices.IndexFunc(t.Extensions, func(e schema.Extension) bool { return strings.EqualFold(e.Schema.ID, id) })
	if i < 0 {
		return nil
	}
	return &t.Extensions[i]
}

// place is where attributes stand: in the schema of a type or an extension, or in a complex attribute of these.
type place struct {
	typ       string
	schema    string
	own       bool // the type's own schema
	extension *schema.Schema
	parent    *schema.Attribute // of the new set
}

// name returns the attribute in standard notation.
func (p place) name(a *schema.Attribute) string {
	name := a.Name
	if p.parent != nil {
		name = p.parent.Name + "." + name
	}
	if !p.own {
		name = p.schema + ":" + name
	}
	return name
}

// path returns the attribute in the new set.
func (p place) path(a *schema.Attribute) schema.Path {
	if p.parent != nil {
		return schema.Path{Extension: p.extension, Attr: p.parent, Sub: a}
	}
	return schema.Path{Extension: p.extension, Attr: a}
}

// containers returns the object of a document that the attributes stand in, or those of the elements.
func (p place) containers(doc schema.Object) []schema.Object {
	if !p.own {
		doc, _ = doc[p.schema].(schema.Object)
	}
	if p.parent == nil {
		if len(doc) == 0 {
			return nil
		}
		return []schema.Object{doc}
	}
	var all []schema.Object
	switch v := doc[p.parent.Name].(type) {
	case schema.Object:
		all = append(all, v)
	case []any:
		for _, e := range v {
			if o, ok := e.(schema.Object); ok {
				all = append(all, o)
			}
		}
	}
	return all
}

// has reports whether a document has a value of the attribute.
func (p place) has(name string) func(schema.Object) bool {
	return func(doc schema.Object) bool {
		return slices.ContainsFunc(p.containers(doc), func(o schema.Object) bool { return o[name] != nil })
	}
}

// lacks reports whether a document should have a value of the attribute and has none.
func (p place) lacks(name string) func(schema.Object) bool {
	return func(doc schema.Object) bool {
		return slices.ContainsFunc(p.containers(doc), func(o schema.Object) bool { return o[name] == nil })
	}
}

// drops returns what is dropped if the attribute goes.
func (p place) drops(name string) *directory.Dropped {
	d := &directory.Dropped{Type: p.typ, Schema: p.schema, Attr: name}
	if p.parent != nil {
		d.Attr, d.Sub = p.parent.Name, name
	}
	return d
}

const ignored = "their values are ignored from then on"

func (c *comparison) extensionGoes(in place, s *schema.Schema) {
	c.add(difference{
		text: fmt.Sprintf("%s loses the extension %s", in.typ, in.schema), typ: in.typ,
		against: func(doc schema.Object) bool { o, _ := doc[in.schema].(schema.Object); return len(o) > 0 },
		why:     "with values of it", force: ignored,
		drop: &directory.Dropped{Type: in.typ, Schema: in.schema},
	})
	c.freeIn(in, s.Attributes)
}

func (c *comparison) extensionRequired(in place) {
	c.add(difference{
		text: fmt.Sprintf("the extension %s becomes required for %s", in.schema, in.typ), typ: in.typ,
		against: func(doc schema.Object) bool { o, _ := doc[in.schema].(schema.Object); return len(o) == 0 },
		why:     "without it", force: "they need it at their next change",
	})
}

// attributes compares two lists of attributes in one place.
func (c *comparison) attributes(in place, old, next []*schema.Attribute) {
	for _, a := range old {
		i := slices.IndexFunc(next, func(n *schema.Attribute) bool { return n.Name == a.Name })
		if i < 0 {
			c.gone(in, a, fmt.Sprintf("%s loses %s", in.typ, in.name(a)))
			continue
		}
		c.attribute(in, a, next[i])
	}
	for _, n := range next {
		if slices.ContainsFunc(old, func(a *schema.Attribute) bool { return a.Name == n.Name }) {
			continue
		}
		if old != nil { // else the extension as a whole is new
			c.add(difference{text: fmt.Sprintf("%s gets %s", in.typ, in.name(n)), typ: in.typ})
			if n.Required {
				c.required(in, n)
			}
		}
		c.reindexed(in, n)
	}
}

// gone is about an attribute that goes, or becomes another one.
func (c *comparison) gone(in place, a *schema.Attribute, text string) {
	c.add(difference{
		text: text, typ: in.typ, against: in.has(a.Name), why: "with a value of it", force: ignored, drop: in.drops(a.Name),
	})
	c.freeIn(in, []*schema.Attribute{a})
}

func (c *comparison) required(in place, n *schema.Attribute) {
	c.add(difference{
		text: in.name(n) + " becomes required", typ: in.typ, against: in.lacks(n.Name), why: "without a value of it",
		force: "they need one at their next change",
	})
}

// reindexed asks for the index of an attribute that is new but was there once: its entries may still be.
func (c *comparison) reindexed(in place, n *schema.Attribute) {
	was := slices.ContainsFunc(c.dropped, func(d directory.Dropped) bool {
		return d.Type == in.typ && strings.EqualFold(d.Schema, in.schema)
	})
	if was && n.Indexed {
		c.index(in, n, "the index of "+in.name(n)+" is made anew")
	}
	for _, s := range n.SubAttributes {
		sub := in
		sub.parent = n
		c.reindexed(sub, s)
	}
}

func (c *comparison) index(in place, n *schema.Attribute, text string) {
	c.add(difference{text: text, typ: in.typ, work: &store.Work{Type: in.typ, Attr: in.path(n).String()}})
}

// attribute compares two definitions of one attribute.
func (c *comparison) attribute(in place, a, n *schema.Attribute) {
	name := in.name(n)
	say := func(format string, args ...any) {
		c.add(difference{text: name + " " + fmt.Sprintf(format, args...), typ: in.typ})
	}
	switch {
	case a.Type != n.Type || a.MultiValued != n.MultiValued || a.Relation != n.Relation:
		c.gone(in, a, fmt.Sprintf("%s becomes %s instead of %s", name, form(n), form(a)))
		return
	case n.Returned == schema.ReturnedNever && a.Returned != schema.ReturnedNever:
		c.gone(in, a, name+" is never returned, and so not stored, from then on")
		return
	case a.Returned != n.Returned:
		say("has returned %s instead of %s", n.Returned, a.Returned)
	}
	if n.Required && !a.Required {
		c.required(in, n)
	} else if a.Required && !n.Required {
		say("is not required any more")
	}
	if a.Mutability != n.Mutability {
		say("has mutability %s instead of %s", n.Mutability, a.Mutability)
	}
	if a.CaseExact != n.CaseExact {
		say("has caseExact %v instead of %v", n.CaseExact, a.CaseExact)
	}
	if a.Description != n.Description || !slices.Equal(a.CanonicalValues, n.CanonicalValues) || !slices.Equal(a.ReferenceTypes, n.ReferenceTypes) ||
		a.MaxLength != n.MaxLength || a.Pattern != n.Pattern || a.Identifier != n.Identifier || a.NoBlanks != n.NoBlanks {
		say("is described otherwise")
	}
	refolded := a.CaseExact != n.CaseExact
	c.uniqueness(in, a, n, refolded)
	switch {
	case n.Indexed && (!a.Indexed || refolded):
		c.index(in, n, name+" is indexed")
	case a.Indexed && !n.Indexed:
		say("is not indexed any more")
	}
	in.parent = n
	c.attributes(in, a.SubAttributes, n.SubAttributes)
}

// uniqueness compares whether values are unique, and by the same keys.
func (c *comparison) uniqueness(in place, a, n *schema.Attribute, refolded bool) {
	path := in.path(n)
	if unique(a) && (!unique(n) || refolded) {
		c.add(difference{text: in.name(n) + " is not unique any more", typ: in.typ, free: directory.Scope(in.typ, path.String())})
	}
	if unique(n) && (!unique(a) || refolded) {
		c.add(difference{
			text: in.name(n) + " becomes unique", typ: in.typ, path: path, unique: true,
			work: &store.Work{Type: in.typ, Attr: path.String(), Unique: true},
		})
	}
}

// freeAll and freeIn give up the claims of attributes that go.
func (c *comparison) freeAll(t *schema.ResourceType) {
	c.freeIn(place{typ: t.Name, schema: t.Schema.ID, own: true}, t.Schema.Attributes)
	for _, e := range t.Extensions {
		c.freeIn(place{typ: t.Name, schema: e.Schema.ID}, e.Schema.Attributes)
	}
}

func (c *comparison) freeIn(in place, attrs []*schema.Attribute) {
	for _, a := range attrs {
		if unique(a) {
			c.add(difference{typ: in.typ, free: directory.Scope(in.typ, in.name(a))})
		}
		if in.parent == nil {
			sub := in
			sub.parent = a
			c.freeIn(sub, a.SubAttributes)
		}
	}
}

// form is what an attribute's values look like.
func form(a *schema.Attribute) string {
	if a.MultiValued {
		return "several of " + string(a.Type)
	}
	return string(a.Type)
}
