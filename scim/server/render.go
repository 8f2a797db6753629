package server

import (
	"bytes"
	"time"

	"github.com/muster-id/muster/scim/schema"
)

// view is how resources of one type are sent in one answer: what is wanted of them, and
// what the server adds to a document (RFC 7643 §3.1): id, relations, $ref and meta.
type view struct {
	typ       *schema.ResourceType
	set       *schema.Set
	base      string
	proj      *schema.Projection
	versions  bool
	whole     bool        // documents go out as they are kept
	meta      metaView    // which parts of meta
	relations []relation  // those that are sent
	wanted    *Want       // the same for the store
	refs      []reference // attributes whose $ref is made from their value
	prefixes  []prefix    // of the types met so far
}

type metaView struct{ resourceType, created, lastModified, location, version bool }

// relation is a relation attribute and which parts of its values are sent.
type relation struct {
	name                          string
	value, ref, typeName, display bool
}

// prefix is what the URL of every resource of a type begins with; open is the same as a
// JSON string that has not been closed.
type prefix struct {
	typeName, url string
	open          []byte
}

// view returns how the answer to the request shows resources of the type. The view without wishes, which most
// requests want, is kept: making one costs as much as writing a resource.
func (c *call) view(t *schema.ResourceType, f Features, attributes, excluded []string) (*view, error) {
	if len(attributes)+len(excluded) > 0 {
		return c.newView(t, f, attributes, excluded)
	}
	for _, v := range c.plain {
		if v.typ == t && v.versions == f.Versions {
			v.rebase(c.svc.Base)
			return v, nil
		}
	}
	v, err := c.newView(t, f, nil, nil)
	if err == nil {
		if len(c.plain) >= maxPlain {
			c.plain = nil
		}
		c.plain = append(c.plain, v)
	}
	return v, err
}

// rebase makes the URLs of the next answer begin with base. A service with many tenants has one for each, and they share
// the rest of a view.
func (v *view) rebase(base string) {
	if v.base != base {
		v.base, v.prefixes = base, v.prefixes[:0]
	}
}

// maxPlain bounds the views that a pooled call keeps: those of a few types of one schema generation.
const maxPlain = 8

func (c *call) newView(t *schema.ResourceType, f Features, attributes, excluded []string) (*view, error) {
	proj, err := t.Project(attributes, excluded, c.d)
	if err != nil {
		return nil, err
	}
	v := &view{
		typ: t, set: c.svc.Schemas, base: c.svc.Base, versions: f.Versions, refs: references(t),
		meta: metaView{resourceType: true, created: true, lastModified: true, location: true, version: f.Versions},
	}
	if len(attributes)+len(excluded) > 0 {
		if v.meta, err = projectMeta(t, proj, f); err != nil {
			return nil, err
		}
	}
	for _, a := range t.Schema.Attributes {
		if a.Relation && proj.Wants(schema.Path{Attr: a}) {
			sub := func(name string) bool {
				s := a.Sub(name)
				return s != nil && proj.Wants(schema.Path{Attr: a, Sub: s})
			}
			v.relations = append(v.relations, relation{
				name: a.Name, value: sub("value"), ref: sub("$ref"), typeName: sub("type"), display: sub("display"),
			})
		}
	}
	v.project(proj)
	v.wanted = &Want{}
	if len(v.relations) > 0 {
		v.wanted.Relations = make(map[string]bool, len(v.relations))
		for _, r := range v.relations {
			v.wanted.Relations[r.name] = true
		}
	}
	return v, nil
}

func (v *view) project(p *schema.Projection) {
	v.proj, v.whole = p, p.Whole()
	for _, r := range v.refs {
		v.whole = v.whole && r.key != ""
	}
}

// sent returns the view with what a write shows only because the client sent it (RFC 7643 §7, returned: request).
func (v *view) sent(doc schema.Object) *view {
	p := v.proj.Sent(doc)
	if p == v.proj {
		return v
	}
	w := *v
	w.project(p)
	return &w
}

func projectMeta(t *schema.ResourceType, proj *schema.Projection, f Features) (metaView, error) {
	meta, err := t.Resolve("meta", nil)
	if err != nil {
		return metaView{}, err
	}
	sub := func(name string) bool {
		return proj.Wants(schema.Path{Attr: meta.Attr, Sub: meta.Attr.Sub(name)})
	}
	return metaView{
		resourceType: sub("resourceType"), created: sub("created"), lastModified: sub("lastModified"),
		location: sub("location"), version: f.Versions && sub("version"),
	}, nil
}

// want says which relations are read: what is sent, and nothing else.
func (v *view) want() *Want { return v.wanted }

// location returns the URL of a resource. It is made from the configured base, never
// from what the request says.
func (v *view) location(id string) string {
	return v.prefixOf(v.typ.Name).url + escapeID(id)
}

// resource writes one resource. The document is copied; the rest is put around it.
func (v *view) resource(o *output, r *Resource) error {
	doc, err := v.document(o, r)
	if err != nil {
		return err
	}
	schemas, rest := cutSchemas(doc)
	o.buf = append(o.buf, '{')
	if len(schemas) > 0 {
		o.buf = append(append(o.buf, schemas...), ',')
	}
	o.buf = appendString(append(o.buf, `"id":`...), r.ID)
	if len(rest) > 0 {
		o.buf = append(append(o.buf, ','), rest...)
	}
	for i := range v.relations {
		if seq := r.Relations[v.relations[i].name]; seq != nil {
			if err := v.relation(o, &v.relations[i], seq); err != nil {
				return err
			}
		}
	}
	o.buf = v.appendMeta(o.buf, r)
	o.buf = append(o.buf, '}')
	return o.spill()
}

// document returns the canonical JSON of what is sent of a document: the kept bytes where
// that is all of them.
func (v *view) document(o *output, r *Resource) ([]byte, error) {
	if v.whole && r.Raw != nil {
		if doc, copied, ok := v.splice(o.scratch[:0], r.Raw); ok {
			if copied {
				o.scratch = doc
			}
			return doc, nil
		}
	}
	doc := r.Attrs
	if doc == nil {
		var err error
		if doc, err = v.typ.Decode(r.Raw); err != nil {
			return nil, err
		}
	}
	doc = v.proj.Apply(v.withRefs(doc))
	o.scratch = v.typ.Append(o.scratch[:0], doc)
	return o.scratch, nil
}

// cutSchemas returns the schemas member of a canonical document, which comes first, and
// what follows it without the closing brace.
func cutSchemas(doc []byte) (schemas, rest []byte) {
	inside := bytes.TrimSuffix(bytes.TrimPrefix(doc, []byte("{")), []byte("}"))
	if !bytes.HasPrefix(inside, []byte(`"schemas":[`)) {
		return nil, inside
	}
	quoted := false
	for i, c := range inside {
		switch {
		case c == '"' && (i == 0 || inside[i-1] != '\\'):
			quoted = !quoted
		case c == ']' && !quoted:
			return inside[:i+1], bytes.TrimPrefix(inside[i+1:], []byte(","))
		}
	}
	return nil, inside
}

// relation writes the values of a relation as the store reads them. An attribute without
// values is left out (RFC 7643 §2.5).
func (v *view) relation(o *output, rel *relation, values func(func(Ref, error) bool)) error {
	first := true
	for ref, err := range values {
		if err != nil {
			return err
		}
		if first {
			o.buf = append(append(append(o.buf, `,"`...), rel.name...), `":[`...)
			first = false
		} else {
			o.buf = append(o.buf, ',')
		}
		o.buf = v.appendRef(o.buf, rel, ref)
		if err := o.spill(); err != nil {
			return err
		}
	}
	if !first {
		o.buf = append(o.buf, ']')
	}
	return nil
}

func (v *view) appendRef(dst []byte, rel *relation, ref Ref) []byte {
	dst = append(dst, '{')
	start := len(dst)
	name := func(dst []byte, name string) []byte {
		if len(dst) > start {
			dst = append(dst, ',')
		}
		return append(append(append(dst, '"'), name...), `":`...)
	}
	if rel.value {
		dst = appendString(name(dst, "value"), ref.Value)
	}
	if p := v.prefixOf(ref.Type); rel.ref && p != nil {
		dst = p.appendURL(name(dst, "$ref"), ref.Value)
	}
	if rel.display && ref.Display != "" {
		dst = appendString(name(dst, "display"), ref.Display)
	}
	kind := ref.Kind
	if kind == "" {
		kind = ref.Type
	}
	if rel.typeName && kind != "" {
		dst = appendString(name(dst, "type"), kind)
	}
	return append(dst, '}')
}

// prefixOf returns the prefix of a type, nil for an unknown one.
func (v *view) prefixOf(typeName string) *prefix {
	for i := range v.prefixes {
		if v.prefixes[i].typeName == typeName {
			return &v.prefixes[i]
		}
	}
	t := v.set.Type(typeName)
	if t == nil {
		return nil
	}
	p := prefix{typeName: typeName, url: v.base + t.Endpoint + "/"}
	p.open = appendString(nil, p.url)
	p.open = p.open[:len(p.open)-1]
	v.prefixes = append(v.prefixes, p)
	return &v.prefixes[len(v.prefixes)-1]
}

// appendURL appends the URL of a resource as a JSON string. An escaped id has nothing
// that JSON would escape.
func (p *prefix) appendURL(dst []byte, id string) []byte {
	return append(append(append(dst, p.open...), escapeID(id)...), '"')
}

// appendMeta appends the meta attribute (RFC 7643 §3.1).
func (v *view) appendMeta(dst []byte, r *Resource) []byte {
	if v.meta == (metaView{}) {
		return dst
	}
	dst = append(dst, `,"meta":{`...)
	if v.meta.resourceType {
		dst = append(appendString(append(dst, `"resourceType":`...), v.typ.Name), ',')
	}
	if v.meta.created {
		dst = append(appendTime(append(dst, `"created":"`...), r.Created), `",`...)
	}
	if v.meta.lastModified {
		dst = append(appendTime(append(dst, `"lastModified":"`...), r.Modified), `",`...)
	}
	if v.meta.location {
		dst = append(v.prefixOf(v.typ.Name).appendURL(append(dst, `"location":`...), r.ID), ',')
	}
	if v.meta.version {
		dst = append(append(append(dst, `"version":"W/\"`...), r.Version...), `\"",`...)
	}
	return append(bytes.TrimSuffix(dst, []byte(",")), '}')
}

// appendTime appends a time as it is sent: UTC to the millisecond. Formatting by a layout would take ten times as long.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(appendDigits(dst, year, 4), '-')
	dst = append(appendDigits(dst, int(month), 2), '-')
	dst = append(appendDigits(dst, day, 2), 'T')
	dst = append(appendDigits(dst, hour, 2), ':')
	dst = append(appendDigits(dst, minute, 2), ':')
	dst = append(appendDigits(dst, second, 2), '.')
	return append(appendDigits(dst, t.Nanosecond()/1e6, 3), 'Z')
}

// appendDigits appends the last digits of a number, with leading zeros.
func appendDigits(dst []byte, n, digits int) []byte {
	dst = append(dst, "0000"[:digits]...)
	for i := len(dst) - 1; digits > 0; digits, i = digits-1, i-1 {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// answer sends one resource with its headers (RFC 7644 §3.3, §3.14).
func (c *call) answer(status int, v *view, r *Resource) error {
	c.headers(v, r)
	c.status = status
	if err := v.resource(&c.output, r); err != nil {
		return err
	}
	return c.finish()
}

// headers sets what goes with a resource, whether its body is sent or not.
func (c *call) headers(v *view, r *Resource) {
	h := c.w.Header()
	h["Location"] = []string{v.location(r.ID)}
	if v.versions {
		h["Etag"] = []string{tag(r.Version)}
	}
}
