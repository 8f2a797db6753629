package schema

import "github.com/muster-id/muster/scim"

// ReadValue brings one value for the path into canonical form; nil means unassigned.
// It is what PATCH reads its values with, and differs from Read accordingly:
//
//   - A container takes an object. A multi-valued attribute takes an array or one
//     element and gives []any.
//   - In the Object of a container or of a single-valued complex attribute, what was
//     cleared (null, []) stands as a nil entry, so that a merge can tell it from what
//     was not mentioned (F9, AMB-46). The entries are gone before a document is stored.
//     An empty Object merges nothing. Elements of a multi-valued attribute are new as
//     a whole and have no such entries.
//   - A readOnly path is 400 mutability; inside a value readOnly attributes are dropped
//     if the dialect forgives it (scim.IgnoreReadOnly), else 400 mutability too.
//   - Unknown attributes inside a value are dropped if the dialect forgives it
//     (scim.UnknownAttributes), else 400 invalidValue.
//   - What is never stored (password, $ref made from value) reads as nil.
//   - Relations come back as they are, for patch.ReadLinks.
func (t *ResourceType) ReadValue(p Path, v any, d *scim.Dialect) (any, error) {
	x, f := (&reader{t: t, d: d, patch: true, nils: true}).path(p, v)
	if f == nil {
		return x, nil
	}
	if p.Attr != nil {
		f = f.in(Path{Attr: p.Attr, Sub: p.Sub}.String())
	}
	if p.Extension != nil {
		f = f.in(p.Extension.ID)
	}
	return nil, f.err()
}

func (r *reader) path(p Path, v any) (any, *fault) {
	if p.Attr == nil {
		c, f := r.container(p.Extension, v)
		if c == nil {
			return nil, f
		}
		return c, f
	}
	if p.Attr.Mutability == ReadOnly || p.Leaf().Mutability == ReadOnly {
		return nil, readOnlyFault()
	}
	if p.Attr.Relation {
		return v, nil
	}
	leaf := p.Leaf()
	if p.Sub != nil && p.Sub == p.Attr.link {
		return nil, nil
	}
	if list, ok := v.([]any); ok && leaf.Type == Boolean && !leaf.MultiValued && len(list) == 1 && r.d.Forgives(scim.StringBooleans) {
		v = list[0] // F2
	}
	x, _, f := r.attribute(leaf, v)
	return x, f
}
