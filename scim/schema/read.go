package schema

import (
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
)

// maxElements is the limit of a multi-valued attribute; relations have none here.
const maxElements = 1000

// Mode says which write a document is read for.
type Mode uint8

// The modes of Read.
const (
	Create Mode = iota
	Replace
)

// lookup returns what a parsed object has under a name, in whatever case.
func (o Object) lookup(name string) (any, bool) {
	if v, ok := o[name]; ok {
		return v, true
	}
	for n, v := range o {
		if equalFold(n, name) {
			return v, true
		}
	}
	return nil, false
}

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
// Values of a wrong type or shape are 400 invalidValue, wrong schemas 400
// invalidSyntax. Whether required attributes are there is the business of Check,
// after whatever a Replace keeps has been put back.
func (t *ResourceType) Read(in Object, _ Mode, d *scim.Dialect) (Object, error) {
	out, f := t.read(in, d)
	return out, f.err()
}

func (t *ResourceType) read(in Object, d *scim.Dialect) (Object, *fault) {
	r := reader{t: t, d: d}
	body, f := r.canonical(in, t.names)
	if f != nil {
		return nil, f
	}
	declared, f := r.schemas(body[attrSchemas])
	if f != nil {
		return nil, f.in(attrSchemas)
	}
	out, f := r.members(body, t.attrs[1:]) // all but schemas
	if f != nil {
		return nil, f
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
		if declared != nil && !declared[fold(e.Schema.ID)] && !d.Forgives(scim.UnknownSchemas) {
			return nil, undeclared("schemas lacks %s, of which the body has attributes", e.Schema.ID)
		}
	}
	out[attrSchemas] = t.Schemas(out)
	return out, nil
}

func undeclared(format string, args ...any) *fault {
	f := invalid(format, args...)
	f.typ = scim.InvalidSyntax
	return f
}

// schemas checks the schemas of a body and returns them folded; nil: the body has
// none and need not.
func (r *reader) schemas(v any) (map[string]bool, *fault) {
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
	declared := make(map[string]bool, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, mistyped("a URI", v).at(i)
		}
		if declared[fold(s)] {
			return nil, invalid("stands twice").at(i)
		}
		declared[fold(s)] = true
		if !equalFold(s, r.t.Schema.ID) && r.t.extension(s) == nil && !r.d.Forgives(scim.UnknownSchemas) {
			return nil, undeclared("%s is no schema of %s", scim.Quote(s), r.t.Name).at(i)
		}
	}
	if !declared[fold(r.t.Schema.ID)] && !r.d.Forgives(scim.UnknownSchemas) {
		return nil, undeclared("lacks %s", r.t.Schema.ID)
	}
	return declared, nil
}

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
	if f != nil {
		if p.Attr == nil {
			return nil, f.in(p.Extension.ID).err()
		}
		return nil, f.in(p.String()).err()
	}
	return x, nil
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
	if a, ok := v.([]any); ok && p.Leaf().Type == Boolean && !p.Leaf().MultiValued && len(a) == 1 && r.d.Forgives(scim.StringBooleans) {
		v = a[0]
	}
	if p.Sub != nil && p.Sub == p.Attr.link {
		return nil, nil
	}
	return r.attribute(p.Leaf(), v)
}

// A reader brings values into canonical form.
type reader struct {
	t     *ResourceType
	d     *scim.Dialect
	patch bool // the rules of ReadValue apply, not those of Read
	nils  bool // cleared attributes are kept as nil
}

// container reads the attributes of an extension.
func (r *reader) container(s *Schema, v any) (Object, *fault) {
	if v == nil {
		return nil, nil
	}
	o, ok := v.(Object)
	if !ok {
		return nil, mistyped("an object", v)
	}
	return r.object(o, s.Attributes, s.attrs)
}

// object reads an object whose attributes are attrs.
func (r *reader) object(in Object, attrs []*Attribute, names names) (Object, *fault) {
	in, f := r.canonical(in, names)
	if f != nil {
		return nil, f
	}
	return r.members(in, attrs)
}

// members reads the attributes of an object whose names are canonical, in the order
// of attrs so that the same body always has the same fault.
func (r *reader) members(in Object, attrs []*Attribute) (Object, *fault) {
	out := make(Object, len(in))
	for _, a := range attrs {
		v, ok := in[a.Name]
		if !ok {
			continue
		}
		switch {
		case a.Mutability == ReadOnly:
			if r.patch && !r.d.Forgives(scim.IgnoreReadOnly) {
				return nil, readOnlyFault().in(a.Name)
			}
			continue
		case a.Relation:
			out[a.Name] = v
			continue
		}
		x, f := r.attribute(a, v)
		if f != nil {
			return nil, f.in(a.Name)
		}
		if x != nil || r.nils && a.Returned != ReturnedNever {
			out[a.Name] = x
		}
	}
	return out, nil
}

// canonical returns in with names spelled as they are defined and unknown ones left out.
func (r *reader) canonical(in Object, names names) (Object, *fault) {
	exact := true
	for n := range in {
		if a := names[n]; a == nil || a.Name != n {
			exact = false
			break
		}
	}
	if exact {
		return in, nil
	}
	out := make(Object, len(in))
	for n, v := range in {
		a := names.find(n)
		switch {
		case a != nil:
			out[a.Name] = v
		case r.patch && !r.d.Forgives(scim.UnknownAttributes):
			return nil, invalid("has no attribute %s", scim.Quote(n))
		}
	}
	return out, nil
}

// attribute reads the value of an attribute; nil is unassigned.
func (r *reader) attribute(a *Attribute, v any) (any, *fault) {
	if v == nil {
		return nil, nil
	}
	if !a.MultiValued {
		x, f := r.single(a, v)
		if a.Returned == ReturnedNever {
			x = nil // checked, then dropped: it must not reach a document (F11)
		}
		return x, f
	}
	list, ok := v.([]any)
	if !ok {
		if !r.takesOne(a, v) {
			return nil, mistyped("an array", v)
		}
		list = []any{v}
	}
	x, f := r.elements(a, list)
	if a.Returned == ReturnedNever || len(x) == 0 {
		return nil, f
	}
	return x, f
}

// takesOne reports whether a value may stand where an array belongs: any in PATCH
// (RFC 7644 §3.5.2.1); in a body what could be an element (F13), but not a string for
// a complex one, which are two mistakes at once.
func (r *reader) takesOne(a *Attribute, v any) bool {
	if r.patch {
		return true
	}
	if _, object := v.(Object); object != (a.Type == Complex) {
		return false
	}
	return r.d.Forgives(scim.SingleForArray)
}

// elements reads the elements of a multi-valued attribute. Those that are empty and
// those that repeat another are left out.
func (r *reader) elements(a *Attribute, list []any) ([]any, *fault) {
	if len(list) > maxElements {
		return nil, tooMany(len(list))
	}
	inner := *r
	inner.nils = false
	out := make([]any, 0, len(list))
	for i, v := range list {
		if v == nil {
			continue
		}
		x, f := inner.element(a, v)
		if f != nil {
			return nil, f.at(i)
		}
		if x != nil {
			out = append(out, x)
		}
	}
	return distinct(a, out), onePrimary(out)
}

// element reads one element of a multi-valued attribute.
func (r *reader) element(a *Attribute, v any) (any, *fault) {
	if s, ok := v.(string); ok && a.Type == Complex && a.Sub(subValue) != nil && r.d.Forgives(scim.StringForComplex) {
		v = Object{subValue: s}
	}
	x, f := r.single(a, v)
	if in, ok := v.(Object); ok && f == nil && x != nil && a.Sub(subValue) != nil && x.(Object)[subValue] == nil {
		if sent, _ := in.lookup(subValue); sent == "" {
			return nil, nil // the unset macro of a template: a type alone says nothing
		}
	}
	return x, f
}

// single reads one value of the type of a; nil is unassigned.
func (r *reader) single(a *Attribute, v any) (any, *fault) {
	if a.Type != Complex {
		return r.simple(a, v)
	}
	if a.lone {
		v = r.loose(a, v)
	}
	if v == nil {
		return nil, nil
	}
	in, ok := v.(Object)
	if !ok {
		return nil, mistyped("an object", v)
	}
	out, f := r.object(in, a.SubAttributes, a.subs)
	if f != nil {
		return nil, f
	}
	r.linked(a, out)
	if len(out) == 0 && !r.nils {
		return nil, nil
	}
	return out, nil
}

// linked drops the $ref of a complex value that refers to a resource: it is made from
// value when it is sent. If only $ref was given, value is taken from it.
func (r *reader) linked(a *Attribute, o Object) {
	if a.link == nil {
		return
	}
	ref, _ := o[subRef].(string)
	delete(o, subRef)
	if ref == "" || o[subValue] != nil {
		return
	}
	if t, id, ok := r.t.set.ParseRef(ref); ok && slices.Contains(a.link.ReferenceTypes, t.Name) {
		o[subValue] = id
	}
}

// loose makes an object of what clients send for a single reference to a resource:
// its id, an array of one, 1.x managerId; blank clears (F7). What is in order, and
// what nothing can be made of, comes back as it is.
func (r *reader) loose(a *Attribute, v any) any {
	if list, ok := v.([]any); ok && len(list) < 2 && r.d.Forgives(scim.LooseReference) {
		if len(list) == 0 {
			return nil
		}
		v = list[0]
	}
	switch x := v.(type) {
	case string:
		if !r.d.Forgives(scim.LooseReference) {
			return v
		}
		if blank(x) {
			return nil
		}
		return Object{subValue: x}
	case Object:
		return r.looseObject(a, x)
	}
	return v
}

// looseObject is loose for an object. The id stands under value or, as in SCIM 1.x,
// under the attribute's own name with Id behind it.
func (r *reader) looseObject(a *Attribute, o Object) any {
	var id, ref any
	old := false
	for n, v := range o {
		switch {
		case equalFold(n, subValue):
			id, old = v, false
		case equalFold(n, subRef):
			ref = v
		case id == nil && equalFold(n, a.Name+"Id"):
			id, old = v, true
		}
	}
	s, ok := id.(string)
	if !ok || !old && !blank(s) || !r.d.Forgives(scim.LooseReference) {
		return o
	}
	if !blank(s) {
		return Object{subValue: s}
	}
	if ref, ok := ref.(string); ok && !blank(ref) {
		return Object{subRef: ref}
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// distinct returns the elements without those that repeat the type and value of an
// earlier one (RFC 7643 §2.4); an element without a value repeats only its like. The
// one that stays is primary if any of them was.
func distinct(a *Attribute, list []any) []any {
	if len(list) < 2 {
		return list
	}
	seen := make(map[identity]int, len(list))
	out := list[:0]
	for _, v := range list {
		id := identityOf(a, v)
		first, repeated := seen[id]
		if !repeated {
			seen[id] = len(out)
			out = append(out, v)
		} else if o, ok := v.(Object); ok && o[subPrimary] == true {
			out[first].(Object)[subPrimary] = true
		}
	}
	return out
}

// identity is what makes an element different from others.
type identity struct {
	value, typ any    // simple values
	rest       string // of an element without a value: all that it has, as JSON
}

func identityOf(a *Attribute, v any) identity {
	o, ok := v.(Object)
	if !ok {
		return identity{value: v}
	}
	value, typ := o[subValue], o[subType]
	if !simple(value) || !simple(typ) || value == nil {
		return identity{rest: string(appendMembers([]byte{'{'}, a.SubAttributes, o))}
	}
	return identity{value: value, typ: typ}
}

// simple reports whether a canonical value is one of a simple attribute.
func simple(v any) bool {
	switch v.(type) {
	case Object, []any:
		return false
	}
	return true
}

// onePrimary refuses a second primary element (RFC 7643 §2.4, AMB-13).
func onePrimary(list []any) *fault {
	found := false
	for i, v := range list {
		if o, ok := v.(Object); ok && o[subPrimary] == true {
			if found {
				return invalid("is true a second time; one value is primary at most").in(subPrimary).at(i)
			}
			found = true
		}
	}
	return nil
}

func tooMany(n int) *fault { return invalid("has %d values; %d are allowed", n, maxElements) }

func readOnlyFault() *fault {
	return &fault{typ: scim.Mutability, text: "is readOnly"}
}

// mistyped returns the fault of a value that is not what it should be.
func mistyped(want string, got any) *fault {
	return invalid("must be %s, not %s", want, kind(got))
}

// kind names the JSON type of a parsed value.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case Number:
		return "a number"
	case []any:
		return "an array"
	default:
		return "an object"
	}
}
