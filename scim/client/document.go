package client

import (
	"strings"

	"github.com/muster-id/muster/scim/schema"
)

// Document is a resource, or a message, as a server sent it: nothing has been
// checked. Its methods find names in any case and take null, [], {} and an absent
// attribute for one state (RFC 7643 §2.1, §2.5).
type Document map[string]any

// Value returns what the document has there: the value of an attribute, or of a
// sub-attribute of a complex one. nil: it is unassigned. Complex values are
// [schema.Object], lists []any and never empty, numbers [schema.Number].
func (d Document) Value(path ...string) any {
	var v any = schema.Object(d)
	for _, name := range path {
		o, ok := v.(schema.Object)
		if !ok {
			return nil
		}
		v, _ = lookup(o, name)
	}
	switch x := v.(type) {
	case schema.Object:
		if len(x) == 0 {
			return nil
		}
	case []any:
		if len(x) == 0 {
			return nil
		}
	}
	return v
}

// has reports whether the document names an attribute, assigned or not.
func (d Document) has(name string) bool {
	_, ok := lookup(schema.Object(d), name)
	return ok
}

// lookup returns a member by name, in whatever case; the parser lets no name stand twice.
func lookup(o schema.Object, name string) (any, bool) {
	if v, ok := o[name]; ok {
		return v, true
	}
	for n, v := range o {
		if strings.EqualFold(n, name) {
			return v, true
		}
	}
	return nil, false
}

// String returns the string that the document has there; a number as it was written; else "".
func (d Document) String(path ...string) string {
	switch v := d.Value(path...).(type) {
	case string:
		return v
	case schema.Number:
		return string(v)
	default:
		return ""
	}
}

// Bool returns the boolean that the document has there; some servers send a string.
func (d Document) Bool(path ...string) (value, ok bool) {
	switch v := d.Value(path...).(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

// ID returns the resource's id; "" if it has none, or one that [CheckID] refuses. Some
// servers send a number.
func (d Document) ID() string {
	id := d.String("id")
	if CheckID(id) != nil {
		return ""
	}
	return id
}

// Version returns the resource's version, meta.version or the ETag it came with, for [IfMatch]; "" if it has none.
func (d Document) Version() string { return d.String("meta", "version") }

// setVersion keeps the ETag of an answer, unless the resource says its version itself.
func (d Document) setVersion(etag string) {
	if etag == "" || d.Version() != "" || !d.has("id") {
		return
	}
	meta, ok := d.Value("meta").(schema.Object)
	if !ok {
		meta = schema.Object{}
		for name := range d {
			if strings.EqualFold(name, "meta") {
				delete(d, name)
			}
		}
		d["meta"] = meta
	}
	meta["version"] = etag
}

// Location returns where the server says the resource is, meta.location; "" if it does not. The client never
// goes there.
func (d Document) Location() string { return d.String("meta", "location") }

// Type returns the name of the resource's type, meta.resourceType; "" if it has none.
func (d Document) Type() string { return d.String("meta", "resourceType") }
