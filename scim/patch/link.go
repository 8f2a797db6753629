package patch

import (
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// LinkOp is what a Link does.
type LinkOp uint8

// The operations on a relation, in the order in which a request names them.
const (
	LinkAdd    LinkOp = iota // add Refs that are not there yet
	LinkRemove               // remove Refs that are there
	LinkSet                  // Refs are all there is afterwards; empty clears
	LinkClear                // none is left
	LinkWhere                // remove those that match Where
)

// Link is one operation on a relation of a resource.
type Link struct {
	Relation string // name of the attribute: "members"
	Op       LinkOp
	Refs     []Ref       // Add, Remove, Set; no Value twice
	Where    filter.Expr // LinkWhere; bound to the relation's elements
}

// Ref names one resource at the other end of a relation, as the client wrote it.
type Ref struct {
	Value   string // its id
	Type    string // resource type name if the client said so, else ""
	Display string // as sent; for logs only, never stored
}

// ReadLinks reads the values of a relation in a resource body (POST, PUT) and
// returns the Refs, each Value once. What names no resource is 400 invalidValue:
// nothing is dropped silently.
func ReadLinks(v any, t *schema.ResourceType, relation *schema.Attribute, d *scim.Dialect) ([]Ref, error) {
	r := linkReader{t: t, relation: relation, d: d}
	if _, list := v.([]any); !list && v != nil && !d.Forgives(scim.SingleForArray) {
		return nil, scim.BadRequest(scim.InvalidValue, "%s is an array", relation.Name)
	}
	return r.refs(v)
}

// A linkReader reads what clients send as values of a relation.
type linkReader struct {
	t        *schema.ResourceType
	relation *schema.Attribute
	d        *scim.Dialect
}

// refs reads an array or a single value; null is as good as [].
func (r linkReader) refs(v any) ([]Ref, error) {
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	refs := make([]Ref, 0, len(list))
	seen := make(map[string]bool, len(list))
	for i, v := range list {
		ref, ok := r.ref(v)
		if !ok {
			return nil, scim.BadRequest(scim.InvalidValue,
				`%s[%d] names no resource; send {"value": "<id>"}`, r.relation.Name, i)
		}
		if !seen[ref.Value] {
			seen[ref.Value] = true
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// ref reads one value: an object with the id under value or, if that has none, in
// $ref (RFC 7643 §2.4); where it is forgiven the id itself (AMB-24).
func (r linkReader) ref(v any) (Ref, bool) {
	if id, ok := v.(string); ok {
		return Ref{Value: id}, id != "" && r.d.Forgives(scim.StringForComplex)
	}
	o, ok := v.(schema.Object)
	if !ok {
		return Ref{}, false
	}
	id, ok1 := text(o, "value")
	uri, ok2 := text(o, "$ref")
	kind, ok3 := text(o, "type")
	display, _ := text(o, "display")
	ref := Ref{Value: id, Type: kind, Display: display}
	if member(o, "value") == nil {
		t, id, ok := r.t.Set().ParseRef(uri)
		if !ok {
			return Ref{}, false
		}
		ref.Value = id
		if kind == "" {
			ref.Type = t.Name
		}
	}
	return ref, ok1 && ok2 && ok3 && ref.Value != ""
}

// text returns a member that is a string, "" if it is absent or null; false if it is
// anything else.
func text(o schema.Object, name string) (string, bool) {
	v := member(o, name)
	s, ok := v.(string)
	return s, ok || v == nil
}
