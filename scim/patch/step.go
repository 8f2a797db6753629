package patch

import (
	"net/http"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// maxWork bounds the elements that one Apply compares, filters counted by their
// comparisons: it runs inside the store's transaction, where nobody else may wait.
const maxWork = 1_000_000

// alteration is what a step does to its target.
type alteration uint8

const (
	merge     = alteration(add)     // append elements, merge complex values, set simple ones
	swap      = alteration(replace) // as merge, but elements are replaced
	erase     = alteration(remove)  // remove the target
	subtract  = erase + 1           // remove the elements listed in value
	unchanged = erase + 2           // refuse if value is not what is there already
)

// A step alters one attribute of a document. Its value is canonical; in the Object
// of a complex attribute nil stands for what is to be removed.
type step struct {
	target
	n     int // number of the operation
	what  alteration
	value any
	cost  int // comparisons per element
}

// Apply returns cur with the document operations applied; cur itself if nothing
// changes. It never alters cur. If cur has no id or meta, a dialect that does not
// ignore readOnly attributes in values refuses every value of them.
func (p *Patch) Apply(cur schema.Object) (schema.Object, error) {
	if len(p.steps) == 0 {
		return cur, nil
	}
	doc := schema.Clone(cur)
	a := applier{set: p.t.Set(), d: p.d, doc: doc}
	for i := range p.steps {
		if err := a.run(&p.steps[i]); err != nil {
			return nil, numbered(p.steps[i].n, err)
		}
	}
	if schema.Equal(cur, doc) {
		return cur, nil
	}
	doc["schemas"] = p.t.Schemas(doc) // P-3.5.2-12, P-3.5.2.2-13
	if err := p.t.CheckChange(cur, doc); err != nil {
		return nil, err
	}
	if err := p.t.Check(doc); err != nil {
		return nil, err
	}
	return doc, nil
}

// An applier runs steps on a document that is its own.
type applier struct {
	set  *schema.Set
	d    *scim.Dialect
	doc  schema.Object
	work int
}

func (a *applier) run(s *step) error {
	ext, attr := s.path.Extension, s.path.Attr
	if attr == nil {
		delete(a.doc, ext.ID)
		return nil
	}
	holder := a.doc
	if ext != nil {
		holder, _ = a.doc[ext.ID].(schema.Object)
		if holder == nil {
			holder = schema.Object{}
		}
	}
	if err := a.attribute(s, holder, attr); err != nil {
		return err
	}
	if ext != nil {
		put(a.doc, ext.ID, holder)
	}
	return nil
}

// attribute runs a step on the attribute of holder.
func (a *applier) attribute(s *step, holder schema.Object, attr *schema.Attribute) error {
	switch {
	case s.what == unchanged:
		if !schema.Equal(holder[attr.Name], s.value) {
			return scim.BadRequest(scim.Mutability, "%s is readOnly", scim.Quote(s.name))
		}
	case attr.MultiValued && (s.path.Sub != nil || s.where != nil):
		return a.selected(s, holder, attr)
	case s.path.Sub != nil:
		o, _ := holder[attr.Name].(schema.Object)
		if o == nil {
			o = schema.Object{}
		}
		if err := a.whole(s, o, s.path.Sub); err != nil {
			return err
		}
		put(holder, attr.Name, o) // P-3.5.2.2-04: the last one takes its parent along
	default:
		return a.whole(s, holder, attr)
	}
	return nil
}

// whole runs a step on an attribute or sub-attribute as a whole.
func (a *applier) whole(s *step, holder schema.Object, attr *schema.Attribute) error {
	switch {
	case s.what == erase:
		return write(holder, attr, nil)
	case attr.MultiValued:
		return a.list(s, holder, attr)
	case attr.Type != schema.Complex:
		return write(holder, attr, s.value)
	}
	o, _ := holder[attr.Name].(schema.Object)
	if o == nil {
		o = schema.Object{}
	}
	value := s.value.(schema.Object)
	for _, sub := range attr.SubAttributes {
		v, said := value[sub.Name]
		swapped := s.what == swap && sub.Mutability != schema.ReadOnly && a.d.Allows(scim.SwapComplex) // IOP-18
		if said || swapped {
			if err := write(o, sub, schema.Clone(v)); err != nil {
				return err
			}
		}
	}
	put(holder, attr.Name, o)
	return nil
}

// write sets an attribute of holder, or removes it if v is nil. An immutable one is
// written once; CheckChange would not see what operations of one request do to each
// other (P-3.5.2-13).
func write(holder schema.Object, attr *schema.Attribute, v any) error {
	before := holder[attr.Name]
	switch {
	case attr.Mutability == schema.Immutable && before != nil && !schema.Equal(before, v):
		return scim.BadRequest(scim.Mutability, "%s is immutable and has a value already", attr.Name)
	case v == nil:
		delete(holder, attr.Name)
	default:
		holder[attr.Name] = v
	}
	return nil
}

// put sets a complex value, or removes it if nothing is left of it.
func put(holder schema.Object, name string, o schema.Object) {
	if len(o) == 0 {
		delete(holder, name)
		return
	}
	holder[name] = o
}

// spend counts work and refuses too much of it.
func (a *applier) spend(n int) error {
	if a.work += n; a.work > maxWork {
		return scim.Errorf(http.StatusRequestEntityTooLarge, "the operations compare too many values; send them in several requests")
	}
	return nil
}
