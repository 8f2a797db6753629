package schema

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Append appends the canonical JSON of a document to dst: schemas as Schemas says,
// externalId, the attributes of the type, its extensions, all in the order of their
// definition, so that equal documents have equal bytes. It leaves out what a document
// never has: id, meta, relations and what is never returned.
func (t *ResourceType) Append(dst []byte, o Object) []byte {
	dst = t.appendSchemas(append(dst, `{"schemas":[`...), o)
	dst = appendMembers(dst, t.attrs[1:], o)
	dst = t.appendExtensions(dst, o)
	return append(dst, '}')
}

// appendSchemas appends what Schemas returns, and closes the array.
func (t *ResourceType) appendSchemas(dst []byte, o Object) []byte {
	dst = appendString(dst, t.Schema.ID)
	for _, e := range t.Extensions {
		if c, _ := o[e.Schema.ID].(Object); len(c) > 0 {
			dst = appendString(append(dst, ','), e.Schema.ID)
		}
	}
	return append(dst, ']')
}

func (t *ResourceType) appendExtensions(dst []byte, o Object) []byte {
	for _, e := range t.Extensions {
		if c, _ := o[e.Schema.ID].(Object); len(c) > 0 {
			dst = appendName(dst, e.Schema.ID)
			dst = append(appendMembers(append(dst, '{'), e.Schema.Attributes, c), '}')
		}
	}
	return dst
}

// appendMembers appends the members of an object that has been opened. Inside an
// object dst ends with '{' only in front of its first member.
func appendMembers(dst []byte, attrs []*Attribute, o Object) []byte {
	for _, a := range attrs {
		if v := o[a.Name]; v != nil && !a.derived {
			dst = appendValue(appendName(dst, a.Name), a, v)
		}
	}
	return dst
}

func appendName(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(appendString(dst, name), ':')
}

func appendValue(dst []byte, a *Attribute, v any) []byte {
	switch v := v.(type) {
	case Object:
		return append(appendMembers(append(dst, '{'), a.SubAttributes, v), '}')
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, a, e)
		}
		return append(dst, ']')
	default:
		return appendScalar(dst, v)
	}
}

func appendScalar(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	default:
		return append(dst, "null"...)
	}
}

// appendString appends a JSON string without the escapes that only HTML needs.
func appendString(dst []byte, s string) []byte {
	if plain(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	dst, _ = jsontext.AppendQuote(dst, s) // fails only on invalid UTF-8, which it replaces
	return dst
}

// plain reports whether a string has nothing that JSON escapes or that can be invalid.
func plain(s string) bool {
	for i := range len(s) {
		if escapes[s[i]] {
			return false
		}
	}
	return true
}

// escapes are the bytes of strings that are not plain.
var escapes = func() (e [256]bool) {
	for c := range e {
		e[c] = c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf
	}
	return e
}()
