package relational

import (
	"bytes"
	"strings"
)

// changedNames returns the names of the attributes in which two canonical documents differ, each in the order of the document:
// sub-attributes of single-valued attributes ("name.familyName") and attributes of extensions by their own, multi-valued
// attributes as a whole. One that is nil has none. It reads bytes: equal values are equal bytes there.
func changedNames(before, after []byte) []string {
	var names []string
	differ(&names, "", before, after)
	return names
}

func differ(names *[]string, prefix string, before, after []byte) {
	b, a := members(before), members(after)
	for _, m := range b {
		if m.in(a) == nil && (prefix != "" || m.name != "schemas") {
			*names = append(*names, prefix+m.name)
		}
	}
	for _, m := range a {
		was := m.in(b)
		switch {
		case prefix == "" && m.name == "schemas": // follows the extensions that are there
		case was == nil:
			*names = append(*names, prefix+m.name)
		case bytes.Equal(was, m.value):
		case was[0] == '{' && m.value[0] == '{':
			separator := "."
			if strings.HasPrefix(m.name, "urn:") {
				separator = ":"
			}
			differ(names, prefix+m.name+separator, was, m.value)
		default:
			*names = append(*names, prefix+m.name)
		}
	}
}

type docMember struct {
	name  string
	value []byte
}

// in returns the value of the member of that name, or nil.
func (m docMember) in(list []docMember) []byte {
	for _, other := range list {
		if other.name == m.name {
			return other.value
		}
	}
	return nil
}

// members returns the members of an object as the canonical form has it: no blanks, names without escapes.
func members(doc []byte) (list []docMember) {
	for i := 1; i < len(doc) && doc[i] == '"'; {
		end := text(doc, i)
		name := string(doc[i+1 : end-1])
		start := end + 1 // behind the colon
		end = value(doc, start)
		list = append(list, docMember{name, doc[start:end]})
		i = end + 1 // behind the comma
	}
	return list
}

// text returns the index behind the string that begins at i.
func text(doc []byte, i int) int {
	for i++; i < len(doc); i++ {
		switch doc[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(doc)
}

// value returns the index behind the value that begins at i.
func value(doc []byte, i int) int {
	depth := 0
	for i < len(doc) {
		switch doc[i] {
		case '"':
			if i = text(doc, i); depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // a number or a word before it
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(doc)
}
