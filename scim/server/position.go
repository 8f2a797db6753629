package server

import (
	"encoding/binary"
	"math"

	"github.com/muster-id/muster/scim"
)

// MaxPosition is the longest Page.Next that fits into a cursor, in bytes. Cursors travel in URLs.
const MaxPosition = 5000

// Position is a place in the order of a search, for stores that page by keys (Features.Cursors): behind the resource
// with these sort keys. It names values and no resource, so it stays what it is when the resource changes or goes, and
// what was not touched is neither skipped nor repeated.
//
// In SQL the page behind a position in ascending order of one key is
//
//	WHERE (key, id) > (?, ?) ORDER BY key, id LIMIT count + 1
//
// where the row beyond count says whether there is a next page.
type Position struct {
	// Keys has the value of each Query.Sort, in the form in which the store compares it: string, bool, int64, float64,
	// or nil for none.
	Keys []any
	// Last orders resources with equal keys: unique and never altered, such as the id.
	Last string
}

// The kinds of a key in the written form.
const (
	keyNone byte = iota
	keyText
	keyFalse
	keyTrue
	keyInteger
	keyNumber
)

// Encode returns the position as Page.Next and Query.After have it. The error is the 400 of a position that is longer
// than MaxPosition: find out before the first resource is emitted.
func (p Position) Encode() (string, error) {
	b := binary.AppendUvarint(nil, uint64(len(p.Keys)))
	for _, k := range p.Keys {
		switch k := k.(type) {
		case string:
			b = append(binary.AppendUvarint(append(b, keyText), uint64(len(k))), k...)
		case bool:
			if k {
				b = append(b, keyTrue)
			} else {
				b = append(b, keyFalse)
			}
		case int64:
			b = binary.AppendVarint(append(b, keyInteger), k)
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, keyNumber), math.Float64bits(k))
		default:
			b = append(b, keyNone)
		}
	}
	b = append(b, p.Last...)
	if len(b) > MaxPosition {
		return "", LongPosition()
	}
	return string(b), nil
}

// LongPosition is the 400 of a search that cannot be paged by cursor, because a value that it is ordered by is too long.
func LongPosition() *scim.Error {
	return scim.BadRequest(scim.InvalidValue,
		"a value that the resources are ordered by is too long for a cursor; page by startIndex, or sort by another attribute")
}

// ParsePosition reads Query.After, which must be empty or come from Encode: the position has keys for that many sort
// keys. An empty text is the beginning: nil.
func ParsePosition(s string, keys int) (*Position, error) {
	if s == "" {
		return nil, nil
	}
	r := reading{b: []byte(s)}
	if n := r.uvarint(); n != uint64(keys) {
		return nil, invalidCursor()
	}
	p := &Position{Keys: make([]any, 0, keys)}
	for range keys {
		var key any
		switch r.byte() {
		case keyNone:
		case keyText:
			key = string(r.text())
		case keyFalse:
			key = false
		case keyTrue:
			key = true
		case keyInteger:
			key = r.varint()
		case keyNumber:
			key = math.Float64frombits(binary.BigEndian.Uint64(r.bytes(8)))
		default:
			r.bad = true
		}
		p.Keys = append(p.Keys, key)
	}
	if r.bad {
		return nil, invalidCursor()
	}
	p.Last = string(r.b)
	return p, nil
}

// reading takes values off the front of bytes. Once something is missing it is bad, and all values are zero.
type reading struct {
	b   []byte
	bad bool
}

func (r *reading) bytes(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, min(n, 8))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reading) byte() byte { return r.bytes(1)[0] }

func (r *reading) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reading) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// text takes a text behind its length.
func (r *reading) text() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	return r.bytes(int(n))
}
