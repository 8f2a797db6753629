package server

import (
	"net/http"
	"slices"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// patch is PATCH on a resource (RFC 7644 §3.5.2).
func (e *endpoint) patch() error {
	attributes, excluded, err := e.projectionParams()
	if err != nil {
		return err
	}
	v, err := e.view(e.typ, e.features, attributes, excluded)
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
	var written schema.Object
	edit, err := e.alteration(in, cond, &written)
	if err != nil {
		return err
	}
	quiet := e.isQuiet() && len(attributes)+len(excluded) == 0
	if edit.Want = v.want(); quiet {
		edit.Want = &Want{}
	}
	r, err := e.store.Update(e.r.Context(), e.id, edit)
	if err != nil {
		return err
	}
	if quiet {
		e.headers(v, r)
		e.empty(http.StatusNoContent)
		return nil
	}
	v = v.sent(written)
	return e.answer(http.StatusOK, v, r)
}

// isQuiet reports whether a PATCH is answered without a body, if nobody asks for one. AMB-51: what a
// provider does with a large group is mostly to change one member.
func (e *endpoint) isQuiet() bool {
	return e.d.Allows(scim.QuietPatch) || e.typ.Schema.ID == scim.GroupSchema && e.d.Allows(scim.QuietGroupPatch)
}

// alteration checks the body of a PATCH. written, if not nil, gets what the last run of Apply has changed.
func (e *endpoint) alteration(in schema.Object, cond Cond, written *schema.Object) (*Edit, error) {
	p, err := patch.New(in, e.typ, e.d, e.Limits.Operations)
	if err != nil {
		return nil, err
	}
	links, err := e.localizeLinks(p.Links())
	if err != nil {
		return nil, err
	}
	decide := rules{e.typ, e.d}
	return &Edit{
		If: cond, Links: links, Dialect: e.d,
		Apply: func(cur *Resource) (*Resource, error) {
			doc, err := p.Apply(cur.Attrs)
			if err != nil {
				return nil, err
			}
			if written != nil {
				*written = difference(cur.Attrs, doc)
			}
			return decide.changed(cur, doc)
		},
	}, nil
}

// difference returns the attributes of a document that another one does not have alike.
func difference(before, after schema.Object) schema.Object {
	o := make(schema.Object)
	for name, value := range after {
		if !schema.Equal(before[name], value) {
			o[name] = value
		}
	}
	return o
}

// localizeLinks checks how many references the links name and writes their filters for a
// store that knows no URLs.
func (e *endpoint) localizeLinks(links []LinkEdit) ([]LinkEdit, error) {
	if err := e.Limits.checkEdges(links); err != nil {
		return nil, err
	}
	links = slices.Clone(links)
	for i, l := range links {
		if l.Where == nil {
			continue
		}
		where, err := e.localize(l.Where, e.typ)
		if err != nil {
			return nil, err
		}
		links[i].Where = where
	}
	return links, nil
}
