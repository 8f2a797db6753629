package schema

import (
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
// array are known before the first of them is made: that is what makes it fast.
//
// A tape takes what Parse takes and nothing else. Whatever is in doubt it leaves to
// the parser, which says what is wrong.
type tape struct {
	s     string
	i     int // next byte
	nodes []node
	texts []string // the strings that need a box of their own
	boxes []any    // of texts
	next  int      // of boxes
	count int      // elements of all arrays
	list  []any    // what is left of the memory for them
}

// maxSpelling is the length of strings that are looked up among the usual ones: those
// of canonical values. Of longer ones the look-up costs more than it saves.
const maxSpelling = 16

// A node is a value on the tape; those of an object or array follow it.
type node struct {
	kind  byte   // the first byte of its JSON; 's' for a string with a box of its own
	name  string // of a member
	value any    // what is known already
	size  int    // members or elements
}

var tapes = sync.Pool{New: func() any { return new(tape) }}

// fast is Parse for a body that a tape can take.
func fast(b []byte) (v any, ok bool) {
	if len(b) > maxTape || !utf8.Valid(b) {
		return nil, false
	}
	t := tapes.Get().(*tape)
	defer t.release()
	t.s, t.i = string(b), 0
	t.blanks()
	if !t.record("", 0) {
		return nil, false
	}
	if t.blanks(); t.i != len(t.s) {
		return nil, false
	}
	t.box()
	t.list = make([]any, t.count)
	v, _ = t.build(0)
	return v, true
}

// release gives the tape back without anything of the body, unless it has grown large.
func (t *tape) release() {
	if cap(t.nodes) > 2048 {
		return
	}
	clear(t.nodes)
	clear(t.texts)
	clear(t.boxes)
	*t = tape{nodes: t.nodes[:0], texts: t.texts[:0], boxes: t.boxes[:0]}
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

// record writes the value ahead; false: it is in doubt.
func (t *tape) record(name string, depth int) bool {
	if t.i == len(t.s) {
		return false
	}
	n := node{kind: t.s[t.i], name: name}
	switch n.kind {
	case '{':
		return depth < maxDepth && t.members(n, depth+1)
	case '[':
		return depth < maxDepth && t.elements(n, depth+1)
	case '"':
		s, ok := t.string()
		if !ok {
			return false
		}
		if len(s) <= maxSpelling {
			n.value = spellings[s]
		}
		if n.value == nil {
			n.kind = 's'
			t.texts = append(t.texts, s)
		}
	case 't':
		if !t.word("true") {
			return false
		}
		n.value = true
	case 'f':
		if !t.word("false") {
			return false
		}
		n.value = false
	case 'n':
		if !t.word("null") {
			return false
		}
	default:
		s, ok := t.number()
		if !ok {
			return false
		}
		n.value = Number(s)
	}
	t.nodes = append(t.nodes, n)
	return true
}

func (t *tape) members(n node, depth int) bool {
	at := len(t.nodes)
	t.nodes = append(t.nodes, n)
	t.take('{')
	if t.take('}') {
		return true
	}
	var seen [fewNames]string
	for size := 0; size < fewNames; size++ {
		name, ok := t.string()
		if !ok || twice(seen[:size], nil, name) {
			return false
		}
		seen[size] = name
		t.blanks()
		if !t.take(':') || !t.record(name, depth) {
			return false
		}
		t.blanks()
		if t.take('}') {
			t.nodes[at].size = size + 1
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
		if !t.record("", depth) {
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

// string reads a string, which is part of the body unless it has escapes.
func (t *tape) string() (string, bool) {
	if t.i == len(t.s) || t.s[t.i] != '"' {
		return "", false
	}
	for end := t.i + 1; end < len(t.s); end++ {
		switch c := t.s[end]; {
		case c == '"':
			s := t.s[t.i+1 : end]
			t.i = end + 1
			return s, true
		case c == '\\':
			return t.escaped()
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

// escaped reads a string with escapes. U+0000 is left to the parser.
func (t *tape) escaped() (string, bool) {
	n := closing(t.s[t.i+1:])
	if n < 0 {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, t.s[t.i:t.i+n+2])
	t.i += n + 2
	s := string(b)
	return s, err == nil && strings.IndexByte(s, 0) < 0
}

func (t *tape) number() (string, bool) {
	rest := t.s[t.i:]
	if n := strings.IndexAny(rest, " \t\r\n,]}"); n >= 0 {
		rest = rest[:n]
	}
	t.i += len(rest)
	return rest, isNumber(rest)
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

// textsPerBox is how many strings share an allocation: few enough that a string which
// is kept does not keep many others.
const textsPerBox = 16

// box makes interface values of the strings. Each would be an allocation; the elements of
// an array that an interface holds already are handed out without one by reflect.
func (t *tape) box() {
	for texts := t.texts; len(texts) > 0; {
		if len(texts) < textsPerBox/4 {
			for _, s := range texts {
				t.boxes = append(t.boxes, s)
			}
			return
		}
		var array [textsPerBox]string
		n := copy(array[:], texts)
		texts = texts[n:]
		box := reflect.ValueOf(array)
		for i := range n {
			t.boxes = append(t.boxes, box.Index(i).Interface())
		}
	}
}

// build makes the value at node i and returns the number of the node behind it.
func (t *tape) build(i int) (any, int) {
	switch n := &t.nodes[i]; n.kind {
	case '{':
		o := make(Object, n.size)
		next := i + 1
		for range n.size {
			name := t.nodes[next].name
			o[name], next = t.build(next)
		}
		return o, next
	case '[':
		list := t.list[:n.size:n.size]
		t.list = t.list[n.size:]
		next := i + 1
		for e := range list {
			list[e], next = t.build(next)
		}
		return list, next
	case 's':
		v := t.boxes[t.next]
		t.next++
		return v, i + 1
	default:
		return n.value, i + 1
	}
}
