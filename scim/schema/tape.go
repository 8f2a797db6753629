package schema

import (
	"bytes"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxTape is the size of bodies, in bytes, that go through a tape. It bounds the memory
// that a tape takes and what the strings of a document keep alive: the copy of its body.
const maxTape = 32 << 10

// A tape is a body in the order of its tokens. It is written in one pass without any
// memory but its own, so that the number of strings and the size of every object and
// array are known before the first of them is made: that is what makes it fast. Its
// nodes have no pointers, which the garbage collector would have to be told of.
//
// A tape takes what Parse takes and nothing else. Whatever is in doubt it leaves to
// the parser, which says what is wrong.
type tape struct {
	s       string
	i       int // next byte
	nodes   []node
	escaped []string // strings with escapes, undone
	count   int      // elements of all arrays

	list []any         // what is left of the memory for elements
	box  reflect.Value // [textsPerBox]string, the strings of the nodes from here on
	used int           // of box
}

// A node is a value on the tape; those of an object or array follow it.
type node struct {
	kind             kindOfNode
	nameFrom, nameTo int32 // where in the body the name of a member stands
	from, to         int32 // where in the body a string or number stands, or an index, see kindOfNode
	size             int32 // members or elements
}

// kindOfNode says what a node is.
type kindOfNode uint8

const (
	nodeNull kindOfNode = iota
	nodeTrue
	nodeFalse
	nodeNumber
	nodeText    // from the body
	nodeEscaped // from is an index of escaped
	nodeUsual   // from is an index of spelled
	nodeObject
	nodeArray
)

// maxSpelling is the length of strings that are looked up among the usual ones: those
// of canonical values. Of longer ones the look-up costs more than it saves.
const maxSpelling = 16

var tapes = sync.Pool{New: func() any { return new(tape) }}

// fast is Parse for a body that a tape can take.
func fast(b []byte) (v any, ok bool) {
	if len(b) > maxTape || !utf8.Valid(b) {
		return nil, false
	}
	t := tapes.Get().(*tape)
	defer t.release()
	t.s = string(b)
	t.blanks()
	if !t.record(node{}, 0) {
		return nil, false
	}
	if t.blanks(); t.i != len(t.s) {
		return nil, false
	}
	t.list = make([]any, t.count)
	v, _ = t.build(0)
	return v, true
}

// release gives the tape back without anything of the body, unless it has grown large.
func (t *tape) release() {
	if cap(t.nodes) > 2048 {
		return
	}
	clear(t.escaped)
	*t = tape{nodes: t.nodes[:0], escaped: t.escaped[:0]}
	tapes.Put(t)
}

func (t *tape) blanks() {
	for t.i < len(t.s) {
		switch t.s[t.i] {
		case ' ', '\n', '\r', '\t':
			t.i++
		default:
			return
		}
	}
}

// take passes the byte c and the blanks behind it, and reports whether it was there.
func (t *tape) take(c byte) bool {
	if t.i == len(t.s) || t.s[t.i] != c {
		return false
	}
	t.i++
	t.blanks()
	return true
}

// record writes the value ahead to n; false: it is in doubt.
func (t *tape) record(n node, depth int) bool {
	if t.i == len(t.s) {
		return false
	}
	var ok bool
	switch t.s[t.i] {
	case '{':
		n.kind = nodeObject
		return depth < maxDepth && t.members(n, depth+1)
	case '[':
		n.kind = nodeArray
		return depth < maxDepth && t.elements(n, depth+1)
	case '"':
		ok = t.text(&n)
	case 't':
		n.kind, ok = nodeTrue, t.word("true")
	case 'f':
		n.kind, ok = nodeFalse, t.word("false")
	case 'n':
		ok = t.word("null")
	default:
		n.kind = nodeNumber
		n.from, n.to, ok = t.number()
	}
	t.nodes = append(t.nodes, n)
	return ok
}

func (t *tape) members(n node, depth int) bool {
	at := len(t.nodes)
	t.nodes = append(t.nodes, n)
	t.take('{')
	if t.take('}') {
		return true
	}
	var seen [fewNames]string
	for size := range fewNames {
		from, to, ok := t.string()
		if !ok {
			return false
		}
		seen[size] = t.s[from:to]
		t.blanks()
		if twice(seen[:size], nil, seen[size]) || !t.take(':') || !t.record(node{nameFrom: from, nameTo: to}, depth) {
			return false
		}
		t.blanks()
		if t.take('}') {
			t.nodes[at].size = int32(size + 1)
			return true
		}
		if !t.take(',') {
			return false
		}
	}
	return false // so many names are compared by a map
}

func (t *tape) elements(n node, depth int) bool {
	at := len(t.nodes)
	t.nodes = append(t.nodes, n)
	t.take('[')
	if t.take(']') {
		return true
	}
	for {
		if !t.record(node{}, depth) {
			return false
		}
		t.nodes[at].size++
		t.count++
		t.blanks()
		if t.take(']') {
			return true
		}
		if !t.take(',') {
			return false
		}
	}
}

func (t *tape) word(w string) bool {
	ok := strings.HasPrefix(t.s[t.i:], w)
	t.i += len(w)
	return ok
}

// string passes a string without escapes and says where it stands.
func (t *tape) string() (from, to int32, ok bool) {
	if t.i == len(t.s) || t.s[t.i] != '"' {
		return 0, 0, false
	}
	for end := t.i + 1; end < len(t.s); end++ {
		switch c := t.s[end]; {
		case c == '"':
			from, to = int32(t.i+1), int32(end)
			t.i = end + 1
			return from, to, true
		case c < ' ', c == '\\':
			return 0, 0, false
		}
	}
	return 0, 0, false
}

// text reads a string, in which U+0000 is left to the parser.
func (t *tape) text(n *node) bool {
	from, to, ok := t.string()
	if !ok {
		return t.unescape(n)
	}
	n.kind, n.from, n.to = nodeText, from, to
	if to-from <= maxSpelling {
		if i, ok := spellings[t.s[from:to]]; ok {
			n.kind, n.from = nodeUsual, int32(i)
		}
	}
	return true
}

func (t *tape) unescape(n *node) bool {
	end := closing(t.s[t.i+1:])
	if end < 0 {
		return false
	}
	b, err := jsontext.AppendUnquote(nil, t.s[t.i:t.i+end+2])
	t.i += end + 2
	n.kind, n.from = nodeEscaped, int32(len(t.escaped))
	t.escaped = append(t.escaped, string(b))
	return err == nil && bytes.IndexByte(b, 0) < 0
}

func (t *tape) number() (from, to int32, ok bool) {
	rest := t.s[t.i:]
	if n := strings.IndexAny(rest, " \t\r\n,]}"); n >= 0 {
		rest = rest[:n]
	}
	from = int32(t.i)
	t.i += len(rest)
	return from, int32(t.i), isNumber(rest)
}

// isNumber reports whether s is a number of JSON (RFC 8259 §6).
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := s
	s = strings.TrimLeft(s, "0123456789")
	if whole = whole[:len(whole)-len(s)]; whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	if s != "" && s[0] == '.' {
		fraction := s[1:]
		if s = strings.TrimLeft(fraction, "0123456789"); len(s) == len(fraction) {
			return false
		}
	}
	if s != "" && lower(s[0]) == 'e' {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		exponent := s
		if s = strings.TrimLeft(exponent, "0123456789"); len(s) == len(exponent) {
			return false
		}
	}
	return s == ""
}

// build makes the value at node i and returns the number of the node behind it.
func (t *tape) build(i int) (any, int) {
	switch n := t.nodes[i]; n.kind {
	case nodeObject:
		o := make(Object, n.size)
		next := i + 1
		for range n.size {
			m := &t.nodes[next]
			name := t.s[m.nameFrom:m.nameTo]
			o[name], next = t.build(next)
		}
		return o, next
	case nodeArray:
		list := t.list[:n.size:n.size]
		t.list = t.list[n.size:]
		next := i + 1
		for e := range list {
			list[e], next = t.build(next)
		}
		return list, next
	case nodeText, nodeEscaped:
		return t.boxed(i), i + 1
	case nodeUsual:
		return spelled[n.from], i + 1
	case nodeNumber:
		return Number(t.s[n.from:n.to]), i + 1
	case nodeNull:
		return nil, i + 1
	default:
		return n.kind == nodeTrue, i + 1
	}
}

// textsPerBox is how many strings share an allocation: few enough that a string which
// is kept does not keep many others.
const textsPerBox = 16

// boxed returns the string of node i as a value of an interface. Each would be an
// allocation; the elements of an array that an interface holds already are handed out
// without one by reflect.
func (t *tape) boxed(i int) any {
	if !t.box.IsValid() || t.used == textsPerBox {
		var array [textsPerBox]string
		n := 0
		for _, x := range t.nodes[i:] {
			if x.kind == nodeText || x.kind == nodeEscaped {
				array[n] = t.textOf(x)
				n++
			}
			if n == textsPerBox {
				break
			}
		}
		if n == 1 {
			return array[0]
		}
		t.box, t.used = reflect.ValueOf(array), 0
	}
	t.used++
	return t.box.Index(t.used - 1).Interface()
}

// textOf returns the string of a node that is one.
func (t *tape) textOf(n node) string {
	if n.kind == nodeEscaped {
		return t.escaped[n.from]
	}
	return t.s[n.from:n.to]
}
