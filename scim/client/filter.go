package client

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Eq returns the filter attribute eq "value", the value quoted as RFC 7644 §3.4.2.2 says.
func Eq(attribute, value string) string { return Compare(attribute, "eq", value) }

// Compare returns the filter attribute operator value (RFC 7644 §3.4.2.2). A value is a string, quoted so that nothing in
// it can end the filter, a bool, an integer, a [time.Time] or nil; anything else is compared as the text
// that it prints as. The attribute and the operator are the program's and stand as they are.
func Compare(attribute, operator string, value any) string {
	filter := []byte(attribute + " " + operator + " ")
	switch v := value.(type) {
	case nil:
		return string(append(filter, "null"...))
	case bool, int, int8, int16, int32, int64, uint8, uint16, uint32:
		return string(fmt.Append(filter, v))
	case string:
		return quoted(filter, v)
	case time.Time:
		return quoted(filter, v.UTC().Format(time.RFC3339Nano))
	default:
		return quoted(filter, fmt.Sprint(v))
	}
}

func quoted(b []byte, s string) string {
	b, _ = jsontext.AppendQuote(b, s) // fails only on invalid UTF-8, which it replaces
	return string(b)
}

// Present returns the filter that matches resources that have the attribute.
func Present(attribute string) string { return attribute + " pr" }

// And returns the filter that matches what all filters match. The empty ones are left out.
func And(filters ...string) string { return join(filters, " and ") }

// Or returns the filter that matches what one of the filters matches. The empty ones are left out.
func Or(filters ...string) string { return join(filters, " or ") }

// Not returns the filter that matches what the filter does not match.
func Not(filter string) string { return "not (" + filter + ")" }

// join puts filters together; with parentheses only where they can be needed, for some servers do not know them.
func join(filters []string, by string) string {
	var parts []string
	for _, f := range filters {
		if f != "" {
			parts = append(parts, f)
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	for i, f := range parts {
		if strings.Contains(f, " and ") || strings.Contains(f, " or ") {
			parts[i] = "(" + f + ")"
		}
	}
	return strings.Join(parts, by)
}

// Qualified returns the full name of an attribute of an extension, which is how it stands in paths and filters (RFC 7644
// §3.10).
func Qualified(urn, attribute string) string { return urn + ":" + attribute }

// Elements returns the path of the elements of a multi-valued attribute that match a filter, or of one sub-attribute
// of them if sub is not empty (RFC 7644 §3.5.2): emails[type eq "work"].value.
func Elements(attribute, filter, sub string) string {
	path := attribute + "[" + filter + "]"
	if sub != "" {
		path += "." + sub
	}
	return path
}
