package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// The limits of a filter or path. They are checked while parsing, before anything
// recurses or is kept, so that the work an input causes is bounded by them.
const (
	MaxLength      = 16 << 10 // bytes
	MaxNesting     = 32       // parentheses, not (…) and attribute[…] inside each other
	MaxComparisons = 256
)

// Parse reads a filter (RFC 7644 §3.4.2.2, figure 1). Errors are 400 invalidFilter
// with the position of the fault.
//
// Operators, and, or, not compare without case; any number of blanks may stand
// where one may. With scim.LooseFilter also what RFC 7644 has no grammar for, but
// clients send: values without quotes, blanks left out, and
// emails[type eq "work"].value eq "x", which is read as one condition on one element.
func Parse(s string, d *scim.Dialect) (Expr, error) {
	p := parser{s: s, d: d, kind: scim.InvalidFilter, what: "filter"}
	if err := p.check(); err != nil {
		return nil, err
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.i < len(p.s) {
		return nil, p.unexpected("and, or, or the end of the filter")
	}
	return e, nil
}

// ParsePath reads a PATCH path (RFC 7644 §3.5.2, figure 7). Errors are 400 invalidPath.
func ParsePath(s string, d *scim.Dialect) (*Path, error) {
	p := parser{s: s, d: d, kind: scim.InvalidPath, what: "path"}
	if err := p.check(); err != nil {
		return nil, err
	}
	p.blanks()
	name, err := p.name("an attribute")
	if err != nil {
		return nil, err
	}
	path := &Path{Name: name}
	if p.blanks(); p.peek() == '[' {
		if path.Filter, err = p.brackets(); err != nil {
			return nil, err
		}
		if p.peek() == '.' {
			if path.Sub, err = p.sub(); err != nil {
				return nil, err
			}
		}
		p.blanks()
	}
	if p.i < len(p.s) {
		return nil, p.unexpected("the end of the path")
	}
	return path, nil
}

// A parser reads one filter or path by recursive descent, directly from the text.
type parser struct {
	s string
	i int // next byte

	depth       int
	comparisons int
	inElement   bool // inside attribute[…]

	d    *scim.Dialect
	kind scim.ErrorType
	what string // "filter" or "path", for messages
}

// check refuses what no position needs to be told for.
func (p *parser) check() error {
	switch {
	case len(p.s) > MaxLength:
		return scim.BadRequest(p.kind, "%s is longer than %d bytes", p.what, MaxLength)
	case !utf8.ValidString(p.s):
		return scim.BadRequest(p.kind, "%s is not valid UTF-8", p.what)
	case strings.TrimLeft(p.s, " ") == "":
		return scim.BadRequest(p.kind, "%s is empty", p.what)
	}
	return nil
}

// or reads FILTER *( "or" FILTER ); and binds more tightly (RFC 7644 table 5).
func (p *parser) or() (Expr, error) {
	terms, err := p.terms("or", p.and)
	if len(terms) == 1 {
		return terms[0], err
	}
	return &Or{Terms: terms}, err
}

func (p *parser) and() (Expr, error) {
	terms, err := p.terms("and", p.term)
	if len(terms) == 1 {
		return terms[0], err
	}
	return &And{Terms: terms}, err
}

// terms reads what next reads, separated by the keyword.
func (p *parser) terms(keyword string, next func() (Expr, error)) ([]Expr, error) {
	var terms []Expr
	for {
		e, err := next()
		if err != nil {
			return nil, err
		}
		terms = append(terms, e)
		if more, err := p.keyword(keyword); err != nil || !more {
			return terms, err
		}
	}
}

// keyword consumes the blanks ahead and, if it follows, the keyword.
func (p *parser) keyword(k string) (bool, error) {
	p.blanks() // none are left if another keyword was looked for before
	if !strings.EqualFold(p.word(), k) {
		return false, nil
	}
	if p.s[p.i-1] != ' ' {
		if err := p.missingBlank("before " + k); err != nil {
			return false, err
		}
	}
	p.i += len(k)
	if p.peek() != ' ' {
		return true, p.missingBlank("behind " + k)
	}
	return true, nil
}

// term reads a comparison, attribute[…], or a group that may be negated.
func (p *parser) term() (Expr, error) {
	p.blanks()
	if p.peek() == '(' {
		return p.group()
	}
	if strings.EqualFold(p.word(), "not") {
		p.i += len("not")
		if p.blanks(); p.peek() != '(' { // blank or none: erratum 7319
			return nil, p.unexpected("( behind not")
		}
		e, err := p.group()
		return &Not{Term: e}, err
	}
	name, err := p.name("an attribute, not or (")
	if err != nil {
		return nil, err
	}
	blanks := p.blanks()
	if p.peek() == '[' {
		return p.element(name)
	}
	return p.comparison(name, blanks)
}

// group reads ( FILTER ).
func (p *parser) group() (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	return e, p.leave(')')
}

// brackets reads [ FILTER ], whose names are sub-attributes.
func (p *parser) brackets() (Expr, error) {
	if p.inElement {
		return nil, p.fault("a value path cannot stand inside another one")
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	p.inElement = true
	e, err := p.or()
	p.inElement = false
	if err != nil {
		return nil, err
	}
	return e, p.leave(']')
}

// enter consumes an opening character, leave the closing one.
func (p *parser) enter() error {
	if p.depth == MaxNesting {
		return p.fault("nested deeper than %d levels", MaxNesting)
	}
	p.depth++
	p.i++
	return nil
}

func (p *parser) leave(closing byte) error {
	if p.blanks(); p.peek() != closing {
		return p.unexpected("and, or, or " + string(closing))
	}
	p.depth--
	p.i++
	return nil
}

// element reads the rest of attribute[…].
func (p *parser) element(name string) (Expr, error) {
	inner, err := p.brackets()
	if err != nil {
		return nil, err
	}
	e := &Element{Name: name, Inner: inner}
	if p.peek() != '.' {
		return e, nil
	}
	// emails[type eq "work"].value eq "x" is a path with an operator behind it.
	if !p.d.Forgives(scim.LooseFilter) {
		return nil, p.fault(`a filter has nothing between ] and the next term; write attribute[… and sub-attribute eq "…"]`)
	}
	sub, err := p.sub()
	if err != nil {
		return nil, err
	}
	c, err := p.comparison(sub, p.blanks())
	if err != nil {
		return nil, err
	}
	if and, ok := inner.(*And); ok {
		and.Terms = append(and.Terms, c)
	} else {
		e.Inner = &And{Terms: []Expr{inner, c}}
	}
	return e, nil
}

// sub reads .name behind a value path.
func (p *parser) sub() (string, error) {
	p.i++
	p.inElement = true
	name, err := p.name("a sub-attribute")
	p.inElement = false
	return name, err
}

// comparison reads operator and value behind a name and so many blanks.
func (p *parser) comparison(name string, blanks int) (Expr, error) {
	if p.comparisons++; p.comparisons > MaxComparisons {
		return nil, p.fault("more than %d comparisons", MaxComparisons)
	}
	word := p.word()
	if word == "" || blanks == 0 {
		return nil, p.unexpected("an operator behind " + scim.Quote(name))
	}
	op := Op(strings.ToLower(word))
	switch op {
	case Pr:
		p.i += len(word)
		return &Compare{Name: name, Op: op}, nil
	case Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le:
		p.i += len(word)
	default:
		return nil, p.fault("unknown operator %s; use eq, ne, co, sw, ew, gt, ge, lt, le or pr", scim.Quote(word))
	}
	if p.blanks() == 0 && p.i < len(p.s) {
		if err := p.missingBlank("behind " + word); err != nil {
			return nil, err
		}
	}
	v, err := p.value()
	return &Compare{Name: name, Op: op, Value: v}, err
}

// value reads a JSON string, number, true, false or null (RFC 7644 figure 1), or a
// bare word where that is forgiven.
func (p *parser) value() (any, error) {
	if p.peek() == '"' {
		return p.string()
	}
	n := strings.IndexAny(p.s[p.i:], ` "()[]`)
	if n < 0 {
		n = len(p.s) - p.i
	}
	word := p.s[p.i : p.i+n]
	switch {
	case word == "null":
		p.i += n
		return nil, nil
	case word == "true", word == "false":
		p.i += n
		return word == "true", nil
	case isNumber(word):
		p.i += n
		return schema.Number(word), nil
	case !isBare(word), !p.d.Forgives(scim.LooseFilter):
		return nil, p.unexpected(`a value: "text" in double quotes, a number, true, false or null`)
	}
	p.i += n
	return word, nil
}

// string reads a JSON string literal.
func (p *parser) string() (any, error) {
	end := p.i + 1
	for ; end < len(p.s) && p.s[end] != '"'; end++ {
		if p.s[end] == '\\' {
			end++
		}
	}
	if end >= len(p.s) {
		return nil, p.fault("text is not closed by a double quote")
	}
	v, err := jsontext.AppendUnquote(nil, p.s[p.i:end+1])
	if err != nil {
		return nil, p.fault("text is not a valid JSON string")
	}
	if strings.IndexByte(string(v), 0) >= 0 {
		return nil, p.fault("text contains U+0000")
	}
	p.i = end + 1
	return string(v), nil
}

// isNumber reports whether the word is a JSON number.
func isNumber(word string) bool {
	v := jsontext.Value(word)
	return len(word) > 0 && (word[0] == '-' || '0' <= word[0] && word[0] <= '9') && v.IsValid()
}

// isBare reports whether the word can be a value that somebody forgot to quote: no
// attempt at another quoting or operator, no keyword, nothing invisible.
func isBare(word string) bool {
	if word == "" || strings.IndexByte("'=<>!&|,{}\\`", word[0]) >= 0 {
		return false
	}
	for i := range len(word) {
		if word[i] < ' ' || word[i] == 0x7f {
			return false
		}
	}
	switch strings.ToLower(word) {
	case "and", "or", "not":
		return false
	}
	return true
}

// name reads an attribute name: inside brackets a sub-attribute, outside also
// attribute.sub-attribute, either behind a URN (RFC 7644 §3.10).
func (p *parser) name(expected string) (string, error) {
	n, urn := 0, false
	for rest := p.s[p.i:]; n < len(rest) && (isNameByte(rest[n]) || rest[n] == '.' || urn && isURNByte(rest[n])); n++ {
		urn = urn || rest[n] == ':'
	}
	name := p.s[p.i : p.i+n]
	switch {
	case name == "" || !isLetter(name[0]) && name[0] != '$':
		return "", p.unexpected(expected)
	case p.inElement && (urn || strings.Contains(name, ".")):
		return "", p.fault("%s: only a plain sub-attribute can be named here", scim.Quote(name))
	case urn:
		// Where the URN ends is for the schemas to say.
	case strings.Count(name, ".") > 1:
		return "", p.fault("%s has more than one sub-attribute", scim.Quote(name))
	default:
		if _, sub, dot := strings.Cut(name, "."); dot && (sub == "" || !isLetter(sub[0]) && sub[0] != '$') {
			return "", p.fault("%s is not an attribute name", scim.Quote(name))
		}
	}
	p.i += n
	return name, nil
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// isNameByte accepts what RFC 7643 §2.1 allows in a name, $ of $ref (erratum 8924), and
// the colon that makes it a URN.
func isNameByte(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '$' || c == ':'
}

// isURNByte accepts what stands in URNs and URLs besides, as far as the grammar
// around names has no other use for it.
func isURNByte(c byte) bool { return strings.IndexByte("/%+~@!*,;=&", c) >= 0 }

// word returns the letters and digits ahead without consuming them.
func (p *parser) word() string {
	n := p.i
	for n < len(p.s) && isNameByte(p.s[n]) {
		n++
	}
	return p.s[p.i:n]
}

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

// blanks consumes blanks and returns their number.
func (p *parser) blanks() int {
	start := p.i
	for p.peek() == ' ' {
		p.i++
	}
	return p.i - start
}

// missingBlank forgives or refuses a blank that the grammar demands here.
func (p *parser) missingBlank(where string) error {
	if p.d.Forgives(scim.LooseFilter) {
		return nil
	}
	return p.fault("expected a blank %s", where)
}

// fault returns the refusal of what stands at the current position, counted in
// characters from 1.
func (p *parser) fault(format string, args ...any) error {
	at := utf8.RuneCountInString(p.s[:p.i]) + 1
	return scim.BadRequest(p.kind, "%s at position %d: %s", p.what, at, fmt.Sprintf(format, args...))
}

func (p *parser) unexpected(expected string) error {
	found := "the end"
	if rest := p.s[p.i:]; rest != "" {
		if n := strings.IndexByte(rest[1:], ' '); n >= 0 {
			rest = rest[:n+1]
		}
		found = scim.Quote(rest)
	}
	return p.fault("expected %s, found %s", expected, found)
}
