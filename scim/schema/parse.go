package schema

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
)

// Limits of Parse. Values that are read are bounded again by their definition.
const (
	maxDepth  = 32       // nesting of objects and arrays
	maxString = 64 << 10 // bytes of one string or name
	// maxValues bounds the memory that a small body of many empty values would take
	// once parsed. A group of 50,000 members with every sub-attribute stays below.
	maxValues = 500_000
)

// Number is a JSON number as it was written.
type Number string

// Parse reads one JSON value strictly: UTF-8 without byte order mark, no name twice
// in an object (compared without ASCII case, RFC 7643 §2.1), no lone surrogate, no
// U+0000, no more than 32 levels, nothing behind the value. A violation is 400
// invalidSyntax with the place in the detail; a string over 64 KiB is 400 invalidValue.
//
// Objects are Object and keep the spelling of their names, arrays are []any, numbers
// Number, null is nil.
func Parse(b []byte) (any, error) {
	if bytes.HasPrefix(b, []byte("\ufeff")) {
		return nil, scim.BadRequest(scim.InvalidSyntax, "body starts with a byte order mark; send plain UTF-8")
	}
	if v, ok := fast(b); ok {
		return v, nil
	}
	return parse(b)
}

// parse is Parse for any body, and the one that knows what to say about a wrong one.
func parse(b []byte) (any, error) {
	p := parsers.Get().(*parser)
	defer p.release()
	p.reset(b)
	v, err := p.value(0)
	if err != nil {
		return nil, p.refuse(err)
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, scim.BadRequest(scim.InvalidSyntax, "body goes on behind its JSON value, at offset %d", p.dec.InputOffset())
	}
	return v, nil
}

// A parser is a decoder with its input, kept for reuse.
type parser struct {
	dec    jsontext.Decoder
	in     bytes.Buffer
	values int
	names  []string // of the objects that are open, one behind the other
}

var parsers = sync.Pool{New: func() any { return new(parser) }}

// duplicates are looked for here, without case, so the decoder need not.
var parseOptions = jsontext.AllowDuplicateNames(true)

func (p *parser) reset(b []byte) {
	p.in = *bytes.NewBuffer(b)
	p.dec.Reset(&p.in, parseOptions)
	p.values = 0
}

// release gives the parser back without anything of the body.
func (p *parser) release() {
	p.reset(nil)
	clear(p.names[:cap(p.names)])
	p.names = p.names[:0]
	parsers.Put(p)
}

func (p *parser) value(depth int) (any, error) {
	if p.values++; p.values > maxValues {
		return nil, scim.Errorf(413, "body has more than %d values", maxValues)
	}
	switch p.dec.PeekKind() {
	case '{', '[':
		if depth == maxDepth {
			return nil, p.at("body nests deeper than %d levels", maxDepth)
		}
		if tok, err := p.dec.ReadToken(); err != nil {
			return nil, err
		} else if tok.Kind() == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case '"':
		return p.string()
	case '0':
		raw, err := p.dec.ReadValue()
		return Number(raw), err
	default:
		tok, err := p.dec.ReadToken()
		if err != nil || tok.Kind() == 'n' {
			return nil, err
		}
		return tok.Bool(), nil
	}
}

func (p *parser) object(depth int) (any, error) {
	o := make(Object)
	start := len(p.names)
	var folded map[string]bool
	for p.dec.PeekKind() != '}' {
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		names := p.names[start:]
		if len(names) == fewNames {
			folded = make(map[string]bool, 2*fewNames)
			for _, n := range names {
				folded[fold(n)] = true
			}
		}
		if twice(names, folded, name) {
			return nil, p.at("name %s stands twice in one object", scim.Quote(name))
		}
		if folded != nil {
			folded[fold(name)] = true
		}
		p.names = append(p.names, name)
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		o[name] = v
	}
	p.names = p.names[:start]
	_, err := p.dec.ReadToken()
	return o, err
}

// fewNames is the number of names up to which comparing one by one beats a map.
const fewNames = 32

// twice reports whether a name is among those before it. Of many folded is the set.
func twice(names []string, folded map[string]bool, name string) bool {
	if folded != nil {
		return folded[fold(name)]
	}
	for _, n := range names {
		if equalFold(n, name) {
			return true
		}
	}
	return false
}

func (p *parser) array(depth int) (any, error) {
	a := []any{}
	for p.dec.PeekKind() != ']' {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	_, err := p.dec.ReadToken()
	return a, err
}

func (p *parser) string() (string, error) {
	raw, err := p.dec.ReadValue()
	if err != nil {
		return "", err
	}
	s, err := unquote(raw)
	switch {
	case err != nil:
		return "", err
	case len(s) > maxString:
		return "", p.wrong(scim.InvalidValue, "string is longer than %d bytes", maxString)
	case strings.IndexByte(s, 0) >= 0:
		return "", p.at("string contains U+0000")
	}
	return s, nil
}

// spelled are the strings that most bodies have, so that they need not be copied: the
// names and URNs of the built-in definitions and the usual types. spellings are their
// indexes.
var spelled, spellings = func() (list []any, indexes map[string]int) {
	indexes = make(map[string]int)
	put := func(s string) {
		if _, ok := indexes[s]; !ok {
			indexes[s] = len(list)
			list = append(list, s)
		}
	}
	var add func([]*Attribute)
	add = func(attrs []*Attribute) {
		for _, a := range attrs {
			put(a.Name)
			for _, v := range a.CanonicalValues {
				put(v)
			}
			add(a.SubAttributes)
		}
	}
	add(common())
	for _, s := range []*Schema{userSchema(), enterpriseUserSchema(), groupSchema()} {
		put(s.ID)
		add(s.Attributes)
	}
	return list, indexes
}()

// unquote returns the string of a valid JSON string.
func unquote(raw jsontext.Value) (string, error) {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 {
		s := raw[1 : len(raw)-1]
		if i, ok := spellings[string(s)]; ok {
			return spelled[i].(string), nil
		}
		return string(s), nil
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	return string(b), err
}

// at returns the refusal of what was read last.
func (p *parser) at(format string, args ...any) error {
	return p.wrong(scim.InvalidSyntax, format, args...)
}

func (p *parser) wrong(t scim.ErrorType, format string, args ...any) error {
	err := scim.BadRequest(t, format, args...)
	err.Detail += place(p.dec.StackPointer(), p.dec.InputOffset())
	return err
}

// refuse makes of an error of the decoder the one that the client sees.
func (p *parser) refuse(err error) error {
	if e := scim.AsError(err); e != nil {
		return e
	}
	if errors.Is(err, io.EOF) {
		return scim.BadRequest(scim.InvalidSyntax, "body is empty; send a JSON object")
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		why, _, _ := strings.Cut(s.Err.Error(), "`") // what it quotes in full is input
		e := scim.BadRequest(scim.InvalidSyntax, "body is not valid JSON: %s", strings.TrimSpace(why))
		e.Detail += place(s.JSONPointer, s.ByteOffset)
		return e
	}
	return scim.BadRequest(scim.InvalidSyntax, "body is not valid JSON")
}
