package server

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim/schema"
)

// bulkRefs finds references to what other operations create (RFC 7644 §3.7.2) in the data of an operation:
//
//	"bulkId:u1"                    a string of its own, wherever it stands
//	"/Users/bulkId:u1"             the end of a URL, under $ref and names of references
//	members[value eq "bulkId:u1"]  a string in the path of a PATCH operation
//
// A bulkId that no operation has makes an operation fail where a reference belongs: under value, $ref and the names of
// attributes that refer to resources. Elsewhere it is text.
type bulkRefs struct {
	places map[string]bool // folded names under which references stand
}

// bulkName is a bulkId that an operation names. Where it need not be a reference, one that no operation has is text.
type bulkName struct {
	bulkID    string
	reference bool
}

func newBulkRefs(set *schema.Set) *bulkRefs {
	r := &bulkRefs{places: map[string]bool{"value": true, "$ref": true, "managerid": true}} // F7
	for _, t := range set.Types {
		for p := range t.Paths() {
			if p.Attr.Relation || isReference(p.Attr, set) {
				r.places[foldASCII(p.Attr.Name)] = true
			}
		}
	}
	return r
}

// place returns the part of a name that says what stands under it: of "urn:…:User:manager.value" it is "value" (F5).
func (r *bulkRefs) place(name string) string {
	return foldASCII(name[strings.LastIndexAny(name, ".:")+1:])
}

// names appends the bulkIds that data refers to.
func (r *bulkRefs) names(names []bulkName, data schema.Object) []bulkName {
	m := refMapper{bulkRefs: r, found: func(bulkID string, reference bool) (string, string, bool) {
		names = append(names, bulkName{bulkID, reference})
		return "", "", false
	}}
	m.data(data)
	return names
}

// resolve puts ids into data. found returns the id of what the operation with the bulkId creates, and its endpoint.
func (r *bulkRefs) resolve(data schema.Object, found func(bulkID string) (id, endpoint string, ok bool)) {
	m := refMapper{bulkRefs: r, found: func(bulkID string, _ bool) (string, string, bool) { return found(bulkID) }}
	m.data(data)
}

// refMapper goes over data and replaces references. reference says that nothing but a reference belongs there.
type refMapper struct {
	*bulkRefs
	found func(bulkID string, reference bool) (id, endpoint string, ok bool)
}

func (m *refMapper) data(o schema.Object) {
	m.value(o, "")
	// The operations of a PATCH may name values in their paths.
	ops, _ := member(o, "Operations").([]any)
	for _, op := range ops {
		if op, ok := op.(schema.Object); ok {
			for name, v := range op {
				if path, ok := v.(string); ok && foldASCII(name) == "path" {
					op[name] = m.path(path)
				}
			}
		}
	}
}

// value returns a value that stands under a name with its references replaced. Objects and arrays are altered in place.
func (m *refMapper) value(v any, place string) any {
	switch v := v.(type) {
	case schema.Object:
		for name, inner := range v {
			v[name] = m.value(inner, m.place(name))
		}
	case []any:
		for i, inner := range v {
			v[i] = m.value(inner, place)
		}
	case string:
		return m.text(v, place)
	}
	return v
}

func (m *refMapper) text(s, place string) string {
	if name, ok := strings.CutPrefix(s, bulkPrefix); ok {
		id, endpoint, ok := m.found(name, m.places[place])
		switch {
		case !ok:
			return s
		case place == "$ref":
			return endpoint + "/" + escapeID(id)
		}
		return id
	}
	if i := strings.LastIndex(s, "/"+bulkPrefix); i >= 0 && m.places[place] {
		if id, _, ok := m.found(s[i+1+len(bulkPrefix):], true); ok {
			return s[:i+1] + escapeID(id)
		}
	}
	return s
}

// path replaces references in the strings of a PATCH path.
func (m *refMapper) path(path string) string {
	if !strings.Contains(path, bulkPrefix) {
		return path
	}
	var out strings.Builder
	for rest := path; rest != ""; {
		i := strings.IndexByte(rest, '"')
		if i < 0 {
			out.WriteString(rest)
			break
		}
		quoted := literal(rest[i:])
		out.WriteString(rest[:i])
		rest = rest[i+len(quoted):]
		text, err := jsontext.AppendUnquote(nil, quoted)
		if err != nil || !strings.Contains(string(text), bulkPrefix) {
			out.WriteString(quoted)
			continue
		}
		out.Write(appendString(nil, m.text(string(text), "value")))
	}
	return out.String()
}

// literal returns the JSON string at the beginning of s; all of s if it does not end.
func literal(s string) string {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i+1]
		}
	}
	return s
}

// prune takes out of a value what refers to operations that have created nothing yet: the elements and attributes that
// are such references. drop says that the value itself is one.
func (r *bulkRefs) prune(v any, missing func(bulkID string) bool) (rest any, drop bool) {
	switch v := v.(type) {
	case string:
		name, ok := strings.CutPrefix(v, bulkPrefix)
		if !ok {
			i := strings.LastIndex(v, "/"+bulkPrefix)
			if ok = i >= 0; ok {
				name = v[i+1+len(bulkPrefix):]
			}
		}
		return v, ok && missing(name)
	case schema.Object:
		for name, inner := range v {
			kept, drop := r.prune(inner, missing)
			switch place := foldASCII(name); {
			case drop && (place == "value" || place == "$ref"):
				return nil, true // v is the reference
			case drop:
				delete(v, name)
			default:
				v[name] = kept
			}
		}
	case []any:
		kept := v[:0]
		for _, inner := range v {
			if inner, drop := r.prune(inner, missing); !drop {
				kept = append(kept, inner)
			}
		}
		return kept, false
	}
	return v, false
}
