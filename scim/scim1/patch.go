package scim1

import (
	"cmp"
	"maps"
	"slices"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// maxFiltered is the length of a value up to which an element is looked for by it; paths
// are bounded. A longer one is found by value and type.
const maxFiltered = 8 << 10

// patchOp returns the PatchOp message that does what a PATCH of 1.1 asks (A3.3.2):
//
//	removals  what meta.attributes lists
//	deletes   elements with "operation": "delete"
//	merges    singular: replace · complex: replace what it names · element with a value
//	          that is there: merge into it · other elements: add
//
// in this order, whatever the order of the body. Elements of an attribute that
// meta.attributes lists as a whole are all there is of it afterwards.
func patchOp(in schema.Object, t *schema.ResourceType, d *scim.Dialect) schema.Object {
	p := patch{t: t, d: d, removed: make(map[string]bool), replaced: make(map[string]bool)}
	_, meta, _ := member(in, "meta")
	p.collect(meta)
	for _, name := range slices.Sorted(maps.Keys(in)) {
		p.member(newName(name), in[name])
	}
	p.remove()
	operations := slices.Concat(p.removals, p.deletes, p.merges)
	if len(operations) == 0 { // asking for nothing is no mistake in 1.1
		operations = []any{operation("add", "", schema.Object{})}
	}
	return schema.Object{"schemas": []any{scim.PatchOpMessage}, "Operations": operations}
}

// patch is a PATCH being translated.
type patch struct {
	t *schema.ResourceType
	d *scim.Dialect

	listed   []string        // meta.attributes, by their 2.0 names
	removed  map[string]bool // the same by path, those that have one
	replaced map[string]bool // paths of removed whose new value takes the place of the old

	removals, deletes, merges []any
}

func operation(op, path string, value any) schema.Object {
	o := schema.Object{"op": op}
	if path != "" {
		o["path"] = path
	}
	if value != nil {
		o["value"] = value
	}
	return o
}

// collect reads meta.attributes. What it names and the type lacks stays in the list, for
// the server to refuse.
func (p *patch) collect(meta any) {
	o, _ := meta.(schema.Object)
	_, v, _ := member(o, "attributes")
	names, ok := v.([]any)
	if !ok && v != nil {
		names = []any{v}
	}
	for _, v := range names {
		name, _ := v.(string)
		name = newName(name)
		if path, err := p.t.Resolve(name, p.d); err == nil {
			name = path.String()
			p.removed[name] = true
		}
		p.listed = append(p.listed, name)
	}
}

// remove makes the removals, of what no new value replaces as a whole.
func (p *patch) remove() {
	for _, name := range p.listed {
		if !p.replaced[name] {
			p.removals = append(p.removals, operation("remove", name, nil))
		}
	}
}

// member translates one member of the body. What clients cannot write or the type does
// not have is left out, as in a POST.
func (p *patch) member(name string, v any) {
	path, err := p.t.Resolve(name, nil)
	switch {
	case err != nil || path.Attr != nil && (path.Attr.Mutability == schema.ReadOnly || path.Attr.Name == "schemas"):
	case path.Attr != nil:
		p.attribute(path, v)
	case v == nil:
		p.removals = append(p.removals, operation("remove", path.Extension.ID, nil))
	default:
		o, _ := v.(schema.Object)
		for _, name := range slices.Sorted(maps.Keys(o)) {
			if a := path.Extension.Attribute(name); a != nil && a.Mutability != schema.ReadOnly {
				p.attribute(schema.Path{Extension: path.Extension, Attr: a}, o[name])
			}
		}
	}
}

func (p *patch) attribute(path schema.Path, v any) {
	v = value(path, v, p.t.Set())
	name := path.String()
	if list, ok := v.([]any); ok && path.Leaf().MultiValued {
		p.elements(path, list)
		return
	}
	if path.Leaf().Type != schema.Complex && v != nil {
		p.replaced[name] = true // a required attribute can be replaced, never removed
	}
	op := operation("replace", name, v)
	op["value"] = v // null too
	p.merges = append(p.merges, op)
}

// elements translates the values of a multi-valued attribute.
func (p *patch) elements(path schema.Path, list []any) {
	name := path.String()
	var kept, gone []any
	for _, v := range list {
		if o, ok := v.(schema.Object); ok {
			if key, what, ok := member(o, "operation"); ok {
				delete(o, key)
				if s, _ := what.(string); equalFold(s, "delete") {
					gone = append(gone, o)
					continue
				}
			}
		}
		kept = append(kept, v)
	}
	if p.removed[name] {
		if len(kept) > 0 {
			p.replaced[name] = true
			p.merges = append(p.merges, operation("replace", name, kept))
		}
		return
	}
	p.delete(path, gone)
	p.add(path, kept)
}

// delete removes elements: by their value, or those that have all that is sent. None
// there is no mistake.
func (p *patch) delete(path schema.Path, gone []any) {
	var byValue []any
	for _, v := range gone {
		o := v.(schema.Object)
		_, id, _ := member(o, "value")
		switch {
		case id == nil:
			if where := conditions(path.Attr, o); where != "" {
				p.deletes = append(p.deletes, operation("remove", path.String()+"["+where+"]", nil))
			}
		case path.Attr.Type != schema.Complex:
			byValue = append(byValue, id)
		default:
			byValue = append(byValue, schema.Object{"value": id})
		}
	}
	if byValue != nil {
		p.deletes = append(p.deletes, operation("remove", path.String(), byValue))
	}
}

// add adds elements, or merges them into those with the same value.
func (p *patch) add(path schema.Path, kept []any) {
	var rest []any
	for _, v := range kept {
		o, _ := v.(schema.Object)
		_, id, _ := member(o, "value")
		text, ok := id.(string)
		if !ok || path.Attr.Relation || len(text) > maxFiltered {
			rest = append(rest, v)
			continue
		}
		where := string(appendString([]byte("value eq "), text))
		p.merges = append(p.merges, operation("add", path.String()+"["+where+"]", v))
	}
	if rest != nil {
		p.merges = append(p.merges, operation("add", path.String(), rest))
	}
}

// conditions returns the filter of the elements that have all simple sub-attributes of o.
// Whether one is primary tells elements apart only where nothing else does.
func conditions(a *schema.Attribute, o schema.Object) string {
	var where, primary []byte
	for _, name := range slices.Sorted(maps.Keys(o)) {
		sub := a.Sub(name)
		if sub == nil {
			continue
		}
		switch o[name].(type) {
		case string, bool, schema.Number:
		default:
			continue
		}
		term := appendJSON([]byte(sub.Name+" eq "), o[name])
		if sub.Name == "primary" {
			primary = term
			continue
		}
		if where != nil {
			where = append(where, " and "...)
		}
		where = append(where, term...)
	}
	return cmp.Or(string(where), string(primary))
}
