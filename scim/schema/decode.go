package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads canonical JSON that Append wrote. Attributes that the type does not
// know are left out, so that it reads what was written under an older schema. Strings
// of the result share one copy of b.
//
// It knows the form that Append writes and no other: it is for stored documents, and
// reads them several times faster than Parse and Read, which are for those of clients.
// On anything else it fails or reads nonsense, but does not panic.
func (t *ResourceType) Decode(b []byte) (Object, error) {
	c := cursor{s: string(b)}
	o := make(Object, 16)
	err := c.object(func(name string) error {
		if a := t.names[name]; a != nil {
			return c.member(o, a)
		}
		e := t.extension(name)
		if e == nil {
			return c.skip()
		}
		v, err := c.complex(e.attrs)
		if len(v) > 0 {
			o[e.ID] = v
		}
		return err
	})
	if err == nil && c.i != len(c.s) {
		err = errForm
	}
	if err != nil {
		return nil, fmt.Errorf("decode stored %s at offset %d: %w", t.Name, c.i, err)
	}
	return o, nil
}

var (
	errForm = errors.New("not in canonical form")
	errType = errors.New("value does not fit its attribute")
)

// A cursor reads canonical JSON, which has no white space.
type cursor struct {
	s string
	i int
}

func (c *cursor) peek() byte {
	if c.i < len(c.s) {
		return c.s[c.i]
	}
	return 0
}

// take passes the byte b and reports whether it was there.
func (c *cursor) take(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.i++
	return true
}

// object passes an object and calls f in front of the value of each member.
func (c *cursor) object(f func(name string) error) error {
	if !c.take('{') {
		return errForm
	}
	if c.take('}') {
		return nil
	}
	for {
		name, err := c.string()
		if err != nil {
			return err
		}
		if !c.take(':') {
			return errForm
		}
		if err := f(name); err != nil {
			return err
		}
		if c.take('}') {
			return nil
		}
		if !c.take(',') {
			return errForm
		}
	}
}

func (c *cursor) complex(n names) (Object, error) {
	o := make(Object)
	err := c.object(func(name string) error {
		if a := n[name]; a != nil {
			return c.member(o, a)
		}
		return c.skip()
	})
	return o, err
}

// member reads the value of an attribute into o.
func (c *cursor) member(o Object, a *Attribute) error {
	v, err := c.value(a)
	if v != nil {
		o[a.Name] = v
	}
	return err
}

func (c *cursor) value(a *Attribute) (any, error) {
	if !a.MultiValued {
		return c.single(a)
	}
	if !c.take('[') {
		return nil, errType
	}
	var list []any
	for !c.take(']') {
		if len(list) > 0 && !c.take(',') {
			return nil, errForm
		}
		v, err := c.single(a)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if list == nil {
		return nil, nil
	}
	return list, nil
}

// single reads one value of the type of a.
func (c *cursor) single(a *Attribute) (any, error) {
	switch a.Type {
	case Complex:
		return c.complex(a.subs)
	case Boolean:
		switch c.word() {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, errType
	case Integer:
		n, err := strconv.ParseInt(c.word(), 10, 64)
		if err != nil {
			return nil, errType
		}
		return n, nil
	case Decimal:
		x, err := strconv.ParseFloat(c.word(), 64)
		if err != nil {
			return nil, errType
		}
		return x, nil
	default:
		if c.peek() != '"' {
			return nil, errType
		}
		return c.string()
	}
}

// word reads a number or literal.
func (c *cursor) word() string {
	rest := c.s[c.i:]
	if n := strings.IndexAny(rest, ",]}"); n >= 0 {
		rest = rest[:n]
	}
	c.i += len(rest)
	return rest
}

func (c *cursor) string() (string, error) {
	if !c.take('"') {
		return "", errForm
	}
	rest := c.s[c.i:]
	end := strings.IndexByte(rest, '"')
	if end < 0 {
		return "", errForm
	}
	if strings.IndexByte(rest[:end], '\\') < 0 {
		c.i += end + 1
		return rest[:end], nil
	}
	end = closing(rest)
	if end < 0 {
		return "", errForm
	}
	s, err := jsontext.AppendUnquote(nil, c.s[c.i-1:c.i+end+1])
	c.i += end + 1
	return string(s), err
}

// closing returns the index of the quote that ends a string with escapes, or -1.
func closing(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// skip passes a value of any form.
func (c *cursor) skip() error {
	for open := 0; ; {
		switch c.peek() {
		case 0:
			return errForm
		case '"':
			if _, err := c.string(); err != nil {
				return err
			}
		case '{', '[':
			open++
			c.i++
		case '}', ']':
			open--
			c.i++
		case ',', ':':
			c.i++
		default:
			c.word()
		}
		if open <= 0 {
			if open < 0 {
				return errForm
			}
			return nil
		}
	}
}
