package server

import (
	"bytes"
	"maps"
	"net/url"
	"slices"

	"github.com/muster-id/muster/scim/schema"
)

// reference is a complex attribute of a document whose $ref is made from its value when
// it is sent: documents keep ids, and URLs follow the base that this caller uses.
type reference struct {
	path   schema.Path
	target string // resource type of what value names; empty: the type sub-attribute says
	// key is how the attribute begins in canonical JSON, but for the first quote, if no other
	// attribute has the name; such an attribute is completed without reading the document.
	key string
}

// references returns the references of a type that are not relations.
func references(t *schema.ResourceType) []reference {
	var refs []reference
	for p := range t.Paths() {
		if p.Attr.Relation || !isReference(p.Attr, t.Set()) {
			continue
		}
		r := reference{path: p}
		if types := p.Attr.Sub("$ref").ReferenceTypes; len(types) == 1 {
			r.target = types[0]
			if !p.Attr.MultiValued && isLone(t, p.Attr) {
				r.key = p.Attr.Name + `":{`
			}
		}
		refs = append(refs, r)
	}
	return refs
}

// isReference reports whether the attribute names resources of this service by value and $ref.
func isReference(a *schema.Attribute, set *schema.Set) bool {
	if a.Type != schema.Complex {
		return false
	}
	ref := a.Sub("$ref")
	return ref != nil && a.Sub("value") != nil && slices.ContainsFunc(ref.ReferenceTypes, func(name string) bool {
		return set.Type(name) != nil
	})
}

// isLone reports whether no other attribute of the type has the name.
func isLone(t *schema.ResourceType, a *schema.Attribute) bool {
	for p := range t.Paths() {
		if p.Attr != a && p.Attr.Name == a.Name {
			return false
		}
	}
	return true
}

// splice returns a canonical document with every $ref put in: raw itself if there is none
// to put in, else a copy in dst. It is not ok if the document has to be read for it.
//
// The key of a reference is found by its bytes: a quote inside a JSON string is escaped,
// so a key never occurs within one. The search leaves out the first quote, which would
// stop it at every other word of the document.
func (v *view) splice(dst, raw []byte) (doc []byte, copied, ok bool) {
	doc = raw
	for i := range v.refs {
		r := &v.refs[i]
		brace := bytes.Index(doc, []byte(r.key)) + len(r.key)
		if brace < len(r.key) {
			continue
		}
		value, found := bytes.CutPrefix(doc[brace:], []byte(`"value":"`))
		id, _, _ := bytes.Cut(value, []byte{'"'})
		if !found || !isPlainID(id) || doc[brace-len(r.key)-1] != '"' {
			return nil, false, false
		}
		p := v.prefixOf(r.target)
		if p == nil {
			continue
		}
		ref := append(p.appendURL([]byte(`"$ref":`), string(id)), ',')
		if !copied {
			doc, copied = append(dst, raw...), true
		}
		doc = slices.Insert(doc, brace, ref...)
	}
	return doc, copied, true
}

// withRefs returns the document with every $ref put in; the document itself if there is none.
func (v *view) withRefs(doc schema.Object) schema.Object {
	out := doc
	for i := range v.refs {
		r := &v.refs[i]
		box := doc
		if r.path.Extension != nil {
			box, _ = doc[r.path.Extension.ID].(schema.Object)
		}
		value := v.withRef(box[r.path.Attr.Name], r)
		if value == nil {
			continue
		}
		if r.path.Extension == nil {
			out = with(out, r.path.Attr.Name, value)
			continue
		}
		inner, _ := out[r.path.Extension.ID].(schema.Object)
		out = with(out, r.path.Extension.ID, with(inner, r.path.Attr.Name, value))
	}
	return out
}

func with(o schema.Object, name string, value any) schema.Object {
	o = maps.Clone(o)
	o[name] = value
	return o
}

// withRef returns the value of a reference with $ref put in; nil if it has none to get one from.
func (v *view) withRef(value any, r *reference) any {
	switch value := value.(type) {
	case schema.Object:
		id, _ := value["value"].(string)
		target := r.target
		if target == "" {
			target, _ = value["type"].(string)
		}
		if p := v.prefixOf(target); p != nil && id != "" {
			return with(value, "$ref", p.url+escapeID(id))
		}
		return value
	case []any:
		out := slices.Clone(value)
		for i, e := range out {
			out[i] = v.withRef(e, r)
		}
		return out
	}
	return nil
}

// escapeID writes an id as a path segment.
func escapeID(id string) string {
	if isPlainID(id) {
		return id
	}
	return url.PathEscape(id)
}

// isPlainID reports whether an id is the same as a path segment, in JSON and as it is.
func isPlainID[T string | []byte](id T) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_', c == '.', c == '~':
		default:
			return false
		}
	}
	return len(id) > 0
}
