package directory

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// The manager as it stands in canonical JSON. An unescaped quote ends a JSON string, so these
// bytes are never part of one: where they occur they are a name and the start of its value.
var (
	enterpriseMember = []byte(scim.EnterpriseUserSchema + `":{`) // without the first quote, which would stop the search at every word
	managerMember    = []byte(`"manager":{"value":"`)
)

// managerOf returns the id that a decoded document names as manager, or "".
func (k *kind) managerOf(o schema.Object) string {
	if m := k.managerIn(o); m != nil {
		id, _ := m["value"].(string)
		return id
	}
	return ""
}

func (k *kind) managerIn(o schema.Object) schema.Object {
	if k.manager.Attr == nil {
		return nil
	}
	ext, _ := o[k.manager.Extension.ID].(schema.Object)
	m, _ := ext[k.manager.Attr.Name].(schema.Object)
	return m
}

// own returns the document without what it says about another resource, the manager: that is
// stored there, and added when it is read. doc is not altered.
func (k *kind) own(doc schema.Object) schema.Object {
	m := k.managerIn(doc)
	if m["displayName"] == nil && m["$ref"] == nil {
		return doc
	}
	m = without(without(m, "displayName"), "$ref")
	ext, _ := doc[k.manager.Extension.ID].(schema.Object)
	if ext = without(ext, k.manager.Attr.Name); len(m) > 0 {
		ext[k.manager.Attr.Name] = m
	}
	if doc = without(doc, k.manager.Extension.ID); len(ext) > 0 {
		doc[k.manager.Extension.ID] = ext
	}
	return doc
}

// without returns a copy of an object without one attribute.
func without(o schema.Object, name string) schema.Object {
	o = maps.Clone(o)
	delete(o, name)
	return o
}

// findManager returns the id that a stored document names as manager, and the place behind it;
// "" if there is none or it is nobody's: ids of ours need no escapes. The document is searched,
// not decoded: a read should cost nothing where nobody is to be named.
func (k *kind) findManager(body []byte) (id string, end int) {
	if k.manager.Attr == nil {
		return "", 0
	}
	at := bytes.Index(body, enterpriseMember)
	if at < 1 || body[at-1] != '"' {
		return "", 0
	}
	i := bytes.Index(body[at:], managerMember)
	if i < 0 {
		return "", 0
	}
	start := at + i + len(managerMember)
	value, _, closed := bytes.Cut(body[start:], []byte{'"'})
	if !closed || bytes.IndexByte(value, '\\') >= 0 {
		return "", 0
	}
	return string(value), start + len(value) + 1
}

// withManagerName returns a copy of a stored document with the name of the manager, whose id ends at end.
func withManagerName(body []byte, end int, name string) ([]byte, error) {
	out := make([]byte, 0, len(body)+len(name)+len(`,"displayName":""`)+8)
	out = append(out, body[:end]...)
	out = append(out, `,"displayName":`...)
	out, err := jsontext.AppendQuote(out, name)
	if err != nil {
		return nil, fmt.Errorf("write the name of a manager: %w", err)
	}
	return append(out, body[end:]...), nil
}

// shownName returns the name that a person is shown by: displayName, else name.formatted. A userName is a
// login, not a name: RFC 7643 §4.3 has the manager's displayName there, or nothing.
func shownName(doc schema.Object) string {
	display, _ := doc["displayName"].(string)
	name, _ := doc["name"].(schema.Object)
	formatted, _ := name["formatted"].(string)
	return cmp.Or(display, formatted)
}
