package server

import (
	"iter"
	"net/http"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// defaults are the values that a create gives to what the client left out, by schema
// (RFC 7644 §3.3; AMB-22). null counts as left out, being the same state (RFC 7643 §2.5).
var defaults = map[string]schema.Object{
	scim.UserSchema: {"active": true},
}

// create is POST on a type's endpoint (RFC 7644 §3.3).
func (e *endpoint) create() error {
	v, err := e.projected()
	if err != nil {
		return err
	}
	in, err := e.readObject(e.Limits.bodyOf(e.typ))
	if err != nil {
		return err
	}
	doc, links, err := e.draft(in)
	if err != nil {
		return err
	}
	v = v.sent(doc)
	r, err := e.store.Create(e.r.Context(), newResource(doc, links), e.d)
	if err != nil {
		return err
	}
	return e.answer(http.StatusCreated, v, r)
}

// draft makes a document and its relations of the body of a create.
func (e *endpoint) draft(in schema.Object) (schema.Object, []LinkEdit, error) {
	doc, links, err := e.readDocument(in, schema.Create)
	if err != nil {
		return nil, nil, err
	}
	for name, value := range defaults[e.typ.Schema.ID] {
		if _, given := doc[name]; !given {
			doc[name] = value
		}
	}
	return doc, links, e.typ.Check(doc)
}

// newResource returns the resource that a draft is of.
func newResource(doc schema.Object, links []LinkEdit) *Resource {
	r := &Resource{Attrs: doc, Relations: make(map[string]iter.Seq2[Ref, error], len(links))}
	for _, l := range links {
		r.Relations[l.Relation] = refs(l.Refs)
	}
	return r
}

// projected returns the view that attributes and excludedAttributes ask for (RFC 7644 §3.9).
// A write asks first, so that a request that cannot be answered changes nothing.
func (e *endpoint) projected() (*view, error) {
	attributes, excluded, err := e.projectionParams()
	if err != nil {
		return nil, err
	}
	return e.view(e.typ, e.features, attributes, excluded)
}

// readDocument brings a resource body into canonical form and takes the relations out of
// it: they are edges and not part of the document. What the client may not write is
// dropped (RFC 7644 §3.3). A relation that is null or empty is one without references.
func (e *endpoint) readDocument(in schema.Object, mode schema.Mode) (schema.Object, []LinkEdit, error) {
	doc, err := e.typ.Read(in, mode, e.d)
	if err != nil {
		return nil, nil, err
	}
	var links []LinkEdit
	for a := range writableRelations(e.typ) {
		value, given := doc[a.Name]
		if !given {
			continue
		}
		delete(doc, a.Name)
		refs, err := patch.ReadLinks(value, e.typ, a, e.d)
		if err != nil {
			return nil, nil, err
		}
		links = append(links, LinkEdit{Relation: a.Name, Op: patch.LinkSet, Refs: refs})
	}
	return doc, links, e.Limits.checkEdges(links)
}

// refs streams references that a client named.
func refs(named []patch.Ref) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		for _, r := range named {
			if !yield(Ref{Value: r.Value, Type: r.Type}, nil) {
				return
			}
		}
	}
}

// writableRelations yields the relations of a type that clients may write.
func writableRelations(t *schema.ResourceType) iter.Seq[*schema.Attribute] {
	return func(yield func(*schema.Attribute) bool) {
		for _, a := range t.Schema.Attributes {
			if a.Relation && a.Mutability != schema.ReadOnly && !yield(a) {
				return
			}
		}
	}
}
