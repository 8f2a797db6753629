package server

import (
	"maps"
	"net/http"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// replace is PUT on a resource (RFC 7644 §3.5.1). It never creates.
func (e *endpoint) replace() error {
	v, err := e.projected()
	if err != nil {
		return err
	}
	cond, err := condition(e.r.Header, e.features)
	if err != nil {
		return err
	}
	in, err := e.readObject(e.Limits.bodyOf(e.typ))
	if err != nil {
		return err
	}
	edit, err := e.replacement(in, cond)
	if err != nil {
		return err
	}
	v = v.sent(edit.body)
	edit.Want = v.want()
	r, err := e.store.Update(e.r.Context(), e.id, &edit.Edit)
	if err != nil {
		return err
	}
	return e.answer(http.StatusOK, v, r)
}

// replacement is the Edit of a PUT and the document in its body.
type replacement struct {
	Edit
	body schema.Object
}

// replacement checks the body of a PUT.
func (e *endpoint) replacement(in schema.Object, cond Cond) (*replacement, error) {
	doc, links, err := e.readDocument(in, schema.Replace)
	if err != nil {
		return nil, err
	}
	named := namesOf(in)
	decide := rules{e.typ, e.d}
	return &replacement{body: doc, Edit: Edit{
		If: cond, Links: e.replaceLinks(links), Dialect: e.d,
		Apply: func(cur *Resource) (*Resource, error) {
			return decide.changed(cur, decide.keep(cur.Attrs, doc, named))
		},
	}}, nil
}

// rules is what an Edit needs of a request to decide. A store may decide later than the
// request waits for it, so nothing in here goes back to the pool with the request.
type rules struct {
	typ *schema.ResourceType
	d   *scim.Dialect
}

// changed returns the resource with another document, or cur itself if the document is
// the same. Every change of a document passes here.
func (r rules) changed(cur *Resource, doc schema.Object) (*Resource, error) {
	if schema.Equal(cur.Attrs, doc) {
		return cur, nil
	}
	if err := r.typ.CheckChange(cur.Attrs, doc); err != nil {
		return nil, err
	}
	if err := r.typ.Check(doc); err != nil {
		return nil, err
	}
	next := *cur
	next.Attrs, next.Raw = doc, nil
	return &next, nil
}

// replaceLinks adds to the relations of a body those that it leaves out: they are
// cleared, unless the dialect keeps them (KeepOnPut).
func (e *endpoint) replaceLinks(links []LinkEdit) []LinkEdit {
	named := make(map[string]bool, len(links))
	for _, l := range links {
		named[l.Relation] = true
	}
	for a := range writableRelations(e.typ) {
		if !named[a.Name] && !e.d.Forgives(scim.KeepOnPut) {
			links = append(links, LinkEdit{Relation: a.Name, Op: patch.LinkClear})
		}
	}
	return links
}

// keptOnPut are the attributes that KeepOnPut keeps beside relations (F12).
var keptOnPut = []string{"active", "externalId"}

// keep returns the document of a PUT with what a PUT cannot take away (AMB-11): values
// that are readOnly, immutable or writeOnly and that the body leaves out, and what the
// dialect keeps. doc is not altered.
func (r rules) keep(cur, doc schema.Object, named map[string]bool) schema.Object {
	next := maps.Clone(doc)
	keepFixed(next, cur, r.typ.Schema.Attributes)
	for _, x := range r.typ.Extensions {
		old, _ := cur[x.Schema.ID].(schema.Object)
		if old == nil {
			continue
		}
		box, _ := next[x.Schema.ID].(schema.Object)
		if box = keptIn(box, old, x.Schema.Attributes); len(box) > 0 {
			next[x.Schema.ID] = box
		}
	}
	for _, name := range keptOnPut {
		value, had := cur[name]
		if had && !named[foldASCII(name)] && r.d.Forgives(scim.KeepOnPut) {
			next[name] = value
		}
	}
	next["schemas"] = r.typ.Schemas(next)
	return next
}

// keptIn returns a copy of box with what keepFixed keeps.
func keptIn(box, old schema.Object, attrs []*schema.Attribute) schema.Object {
	box = maps.Clone(box)
	if box == nil {
		box = schema.Object{}
	}
	keepFixed(box, old, attrs)
	return box
}

// keepFixed copies from old to next what clients cannot remove. Of single complex values
// it looks at every part; elements of lists have no identity by which to keep their parts.
func keepFixed(next, old schema.Object, attrs []*schema.Attribute) {
	for _, a := range attrs {
		value, had := old[a.Name]
		if !had {
			continue
		}
		switch given, replaced := next[a.Name]; {
		case a.Mutability != schema.ReadWrite:
			if !replaced || a.Mutability == schema.ReadOnly {
				next[a.Name] = value
			}
		case a.Type == schema.Complex && !a.MultiValued:
			old, _ := value.(schema.Object)
			box, _ := given.(schema.Object)
			if box = keptIn(box, old, a.SubAttributes); len(box) > 0 {
				next[a.Name] = box
			}
		}
	}
}

// namesOf returns the folded names of the members of a body.
func namesOf(in schema.Object) map[string]bool {
	names := make(map[string]bool, len(in))
	for name := range in {
		names[foldASCII(name)] = true
	}
	return names
}
