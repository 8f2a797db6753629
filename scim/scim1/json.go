package scim1

import (
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim/schema"
)

// appendJSON appends a value that schema.Parse returned, or that was made in its form.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case schema.Object:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, name), ':')
			b = appendJSON(b, v[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	case string:
		return appendString(b, v)
	case schema.Number:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	}
	return append(b, "null"...)
}

// appendString appends s as a JSON string; what is not UTF-8 in it becomes U+FFFD, of
// which the error tells.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// member returns the key and value of an object's member, compared without ASCII case.
func member(o schema.Object, name string) (key string, v any, ok bool) {
	if v, ok = o[name]; ok {
		return name, v, true
	}
	for key, v = range o {
		if equalFold(key, name) {
			return key, v, true
		}
	}
	return "", nil, false
}

// equalFold compares names without ASCII case: no other letter ever stands for one of them.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
