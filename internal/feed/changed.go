package feed

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Changed returns the names of the attributes that the change altered, sorted, in standard notation
// (RFC 7644 §3.10): sub-attributes of single-valued attributes ("name.familyName") and attributes of
// extensions by their own, multi-valued attributes as a whole. A creation or deletion has none:
// everything came or went.
func (c *Change) Changed() ([]string, error) {
	if c.Before == nil || c.After == nil {
		return nil, nil
	}
	var names []string
	if len(c.edges) > 0 {
		names = append(names, "members")
	}
	if !bytes.Equal(c.Before, c.After) {
		var err error
		if names, err = differences(names, "", c.Before, c.After); err != nil {
			return nil, fmt.Errorf("compare the documents of change %s: %w", c.Position, err)
		}
	}
	slices.Sort(names)
	return names, nil
}

// differences appends the names of the members in which two objects differ; a nil one has no members.
func differences(names []string, prefix string, before, after jsontext.Value) ([]string, error) {
	var b, a map[string]jsontext.Value
	for value, members := range map[*jsontext.Value]*map[string]jsontext.Value{&before: &b, &after: &a} {
		if *value == nil {
			continue
		}
		if err := json.Unmarshal(*value, members); err != nil {
			return nil, err
		}
	}
	compare := func(name string, was, is jsontext.Value) error {
		if equal(was, is) || prefix == "" && name == "schemas" { // schemas follows the extensions that are there
			return nil
		}
		full := prefix + name
		if !isObject(was) && !isObject(is) || was != nil && is != nil && isObject(was) != isObject(is) {
			names = append(names, full)
			return nil
		}
		separator := "."
		if strings.HasPrefix(name, "urn:") {
			separator = ":"
		}
		var err error
		names, err = differences(names, full+separator, was, is)
		return err
	}
	for name, was := range b {
		if err := compare(name, was, a[name]); err != nil {
			return nil, err
		}
	}
	for name, is := range a {
		if _, both := b[name]; both {
			continue
		}
		if err := compare(name, nil, is); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func isObject(v jsontext.Value) bool { return v != nil && v.Kind() == '{' }

// equal compares by meaning where the bytes differ: an older generation of the schema may have written
// the same in another order.
func equal(a, b jsontext.Value) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	a, b = a.Clone(), b.Clone()
	return a.Canonicalize(jsontext.CanonicalizeRawInts(false)) == nil &&
		b.Canonicalize(jsontext.CanonicalizeRawInts(false)) == nil && bytes.Equal(a, b)
}
