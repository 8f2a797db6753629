package schema

import "github.com/muster-id/muster/scim"

// Mode says which write a document is read for.
type Mode uint8

// The modes of Read.
const (
	Create Mode = iota
	Replace
)

// Read brings a parsed body into canonical form for a create or replace (RFC 7644
// §3.3, §3.5.1). The result
//
//   - has schemas as the type says: its own URN, then the extensions with values;
//   - has none of what clients may not set (id, meta and all else that is readOnly),
//     none of what is never returned (password) and no $ref that is made from its
//     value: all of it is dropped without complaint;
//   - has nothing unassigned: null and [] are as good as absent (RFC 7643 §2.5), and
//     so is "" of a string that is not required where the dialect forgives it
//     (scim.EmptyStrings);
//   - has no attribute that the type does not know: unknown ones are dropped in every
//     dialect (AMB-03);
//   - has the relations that a client may set (members) as the parser left them, under
//     their canonical name, also if they are null or []. Whoever stores the document
//     takes them out with patch.ReadLinks.
//
// The result shares with in what needed no change; in itself is not altered.
//
// Values of a wrong type or shape are 400 invalidValue, wrong schemas 400
// invalidSyntax. Whether required attributes are there is the business of Check,
// after whatever a Replace keeps has been put back; only of what is never returned
// does Read itself demand it on Create.
func (t *ResourceType) Read(in Object, m Mode, d *scim.Dialect) (Object, error) {
	out, f := t.read(in, m, d)
	return out, f.err()
}

func (t *ResourceType) read(in Object, m Mode, d *scim.Dialect) (Object, *fault) {
	r := reader{t: t, d: d}
	body, out, f := r.body(in)
	if f != nil {
		return nil, f
	}
	declared, f := r.schemas(body[attrSchemas])
	if f != nil {
		return nil, f.in(attrSchemas)
	}
	var lacking *fault
	if m == Create {
		lacking = given(body, t.attrs) // before what is never returned is dropped
	}
	out, _, f = r.members(body, out, t.attrs[1:]) // all but schemas
	if f != nil {
		return nil, f
	}
	if lacking != nil {
		return nil, lacking
	}
	for _, e := range t.Extensions {
		raw, _ := in.lookup(e.Schema.ID)
		v, f := r.container(e.Schema, raw)
		if f != nil {
			return nil, f.in(e.Schema.ID)
		}
		if len(v) == 0 {
			continue
		}
		out[e.Schema.ID] = v
		if declared != nil && !declares(declared, e.Schema.ID) && !d.Forgives(scim.UnknownSchemas) {
			return nil, undeclared("schemas lacks %s, of which the body has attributes", e.Schema.ID)
		}
	}
	out[attrSchemas] = t.Schemas(out)
	return out, nil
}

// body returns a body with canonical names and the object into which its members are
// read, which is never in itself.
func (r *reader) body(in Object) (body, out Object, f *fault) {
	n := count(in, r.t.attrs)
	for _, e := range r.t.Extensions {
		if _, ok := in[e.Schema.ID]; ok {
			n++
		}
	}
	if n == len(in) {
		return in, make(Object, len(in)), nil
	}
	body, f = r.canonical(in, r.t.names)
	return body, body, f
}

// given reports what is required and never returned but was not sent. A document does
// not have it, so Check cannot tell; a replace leaves it as it is.
func given(body Object, attrs []*Attribute) *fault {
	for _, a := range attrs {
		if a.Required && a.Returned == ReturnedNever && missing(body[a.Name]) {
			return invalid("is required").in(a.Name)
		}
	}
	return nil
}

// maxSchemas is the limit of the schemas of a body, which are compared one by one.
const maxSchemas = 100

// schemas checks the schemas of a body and returns them; nil: the body has none and
// need not.
func (r *reader) schemas(v any) ([]any, *fault) {
	if s, ok := v.(string); ok && r.d.Forgives(scim.SingleForArray) {
		v = []any{s}
	}
	list, ok := v.([]any)
	if !ok && v != nil {
		return nil, mistyped("an array of URIs", v)
	}
	if len(list) == 0 {
		if r.d.Forgives(scim.MissingSchemas) {
			return nil, nil
		}
		return nil, undeclared("is missing; send [%q]", r.t.Schema.ID)
	}
	if len(list) > maxSchemas {
		return nil, invalid("has %d values; %d are allowed", len(list), maxSchemas)
	}
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, mistyped("a URI", v).at(i)
		}
		if declares(list[:i], s) {
			return nil, invalid("stands twice").at(i)
		}
		if !r.t.knows(s) && !r.d.Forgives(scim.UnknownSchemas) {
			return nil, undeclared("%s is no schema of %s", scim.Quote(s), r.t.Name).at(i)
		}
	}
	if !declares(list, r.t.Schema.ID) && !r.d.Forgives(scim.UnknownSchemas) {
		return nil, undeclared("lacks %s", r.t.Schema.ID)
	}
	return list, nil
}

// declares reports whether a list of URIs has id.
func declares(uris []any, id string) bool {
	for _, v := range uris {
		if s, ok := v.(string); ok && equalFold(s, id) {
			return true
		}
	}
	return false
}
