package schema

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Append appends the canonical JSON of a document to dst: schemas as Schemas says,
// externalId, the attributes of the type, its extensions, all in the order of their
// definition, so that equal documents have equal bytes. It leaves out id, meta,
// relations, a $ref that is made from its value and what is never returned.
func (t *ResourceType) Append(dst []byte, o Object) []byte {
	dst = append(dst, `{"schemas":`...)
	dst = appendValue(dst, t.attrs[0], t.Schemas(o), stored)
	dst = appendMembers(dst, t.attrs[1:], o, stored)
	dst = t.appendExtensions(dst, o, stored)
	return append(dst, '}')
}

// AppendAll appends the JSON of a resource as it is sent: all that o holds and the
// type knows, with id, meta, relations and $ref, in the order of definition.
func (t *ResourceType) AppendAll(dst []byte, o Object) []byte {
	meta := len(t.attrs) - 1
	dst = append(dst, '{')
	dst = appendMembers(dst, t.attrs[:meta], o, sent)
	dst = t.appendExtensions(dst, o, sent)
	dst = appendMembers(dst, t.attrs[meta:], o, sent)
	return append(dst, '}')
}

// Append appends the JSON of a resource that the schema alone describes, as the
// discovery resources are: schemas, the attributes in the order of definition, meta.
func (s *Schema) Append(dst []byte, o Object) []byte {
	dst = append(dst, '{')
	dst = appendMembers(dst, frame[:1], o, sent)
	dst = appendMembers(dst, s.Attributes, o, sent)
	dst = appendMembers(dst, frame[len(frame)-1:], o, sent)
	return append(dst, '}')
}

// frame is what discovery resources have around the attributes of their schema.
var frame = common()

// stored and sent choose what is written.
func stored(a *Attribute) bool { return !a.derived }
func sent(a *Attribute) bool   { return a.Returned != ReturnedNever }

func (t *ResourceType) appendExtensions(dst []byte, o Object, keep func(*Attribute) bool) []byte {
	for _, e := range t.Extensions {
		if c, _ := o[e.Schema.ID].(Object); len(c) > 0 {
			dst = appendName(dst, e.Schema.ID)
			dst = append(appendMembers(append(dst, '{'), e.Schema.Attributes, c, keep), '}')
		}
	}
	return dst
}

// appendMembers appends the members of an object that has been opened. Inside an
// object dst ends with '{' only in front of its first member.
func appendMembers(dst []byte, attrs []*Attribute, o Object, keep func(*Attribute) bool) []byte {
	for _, a := range attrs {
		if v := o[a.Name]; v != nil && keep(a) {
			dst = appendValue(appendName(dst, a.Name), a, v, keep)
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

func appendValue(dst []byte, a *Attribute, v any, keep func(*Attribute) bool) []byte {
	switch v := v.(type) {
	case Object:
		return append(appendMembers(append(dst, '{'), a.SubAttributes, v, keep), '}')
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, a, e, keep)
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
	dst, _ = jsontext.AppendQuote(dst, s) // fails only on invalid UTF-8, which it replaces
	return dst
}
