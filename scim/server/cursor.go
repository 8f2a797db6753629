package server

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
)

// Paging by cursor (RFC 9865). The server keeps nothing between pages: all that it needs to go on is in the cursor.
//
//	cursor  = base64url( salt ‖ AES-256-GCM( key(salt), content, binding ) )
//	content = version, time of issue, count, marks
//	binding = SHA-256( base, subject, profile, endpoint, filter, sort, projection )
//
// The binding is not in the cursor: it is made anew of each request and authenticated with the content. So a cursor that
// was forged, that belongs to somebody else or to another query, or whose owner's rights have changed, is all
// the same: it does not open, and the answer says no more than that (RFC 9865 §5.2). The credential is no part of the
// binding, so that a rotated token goes on.
//
// Each cursor has a key of its own, made of the salt: random nonces under one key would be safe for 2^32 cursors only.

const (
	cursorVersion = 1
	// maxCursor bounds a cursor before anything looks at it.
	maxCursor = 48 << 10
	saltSize  = 32
	nonceSize = 12 // of the salt, its end
)

// cursor is the content of a cursor: how far a walk has come.
type cursor struct {
	count int    // of the first page
	marks []mark // of the types that the walk has begun
}

// mark is how far a walk has come in one resource type.
type mark struct {
	typ   string
	after string // Page.Next of the page before; empty: there is no more
}

// mark returns how far the walk has come in a type. Of a type that it has not begun it is the zero mark.
func (c *cursor) mark(typ string) (m mark, begun bool) {
	for _, m := range c.marks {
		if m.typ == typ {
			return m, true
		}
	}
	return mark{}, false
}

// sealer makes cursors and opens them.
type sealer struct {
	key [sha256.Size]byte
	age time.Duration
}

// newSealer returns a sealer with a key of 32 bytes. Without one it makes one.
func newSealer(key []byte, age time.Duration) *sealer {
	s := &sealer{age: age}
	switch len(key) {
	case 0:
		rand.Read(s.key[:]) // never fails
	case len(s.key):
		copy(s.key[:], key)
	default:
		panic(fmt.Sprintf("server: Options.CursorKey has %d bytes, not %d", len(key), len(s.key)))
	}
	return s
}

// aead returns the cipher of the cursor with that salt. No part of it fails with keys of this size.
func (s *sealer) aead(salt []byte) cipher.AEAD {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte("muster cursor"))
	mac.Write(salt)
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

// seal returns the text of a cursor, in characters that a URL needs not escape.
func (s *sealer) seal(c *cursor, binding []byte, now time.Time) (string, error) {
	content := []byte{cursorVersion}
	content = binary.AppendVarint(content, now.UnixMilli())
	content = binary.AppendUvarint(content, uint64(c.count))
	for _, m := range c.marks {
		for _, text := range []string{m.typ, m.after} {
			content = append(binary.AppendUvarint(content, uint64(len(text))), text...)
		}
	}
	sealed := make([]byte, saltSize, saltSize+len(content)+16)
	rand.Read(sealed)
	sealed = s.aead(sealed).Seal(sealed, sealed[saltSize-nonceSize:], content, binding)
	text := base64.RawURLEncoding.EncodeToString(sealed)
	if len(text) > maxCursor {
		return "", LongPosition()
	}
	return text, nil
}

// strictBase64 refuses bits behind the last byte, so that no two texts are one cursor.
var strictBase64 = base64.RawURLEncoding.Strict()

// open reads a cursor.
func (s *sealer) open(text string, binding []byte, now time.Time) (*cursor, error) {
	if len(text) > maxCursor {
		return nil, invalidCursor()
	}
	sealed, err := strictBase64.DecodeString(text)
	if err != nil || len(sealed) < saltSize {
		return nil, invalidCursor()
	}
	salt := sealed[:saltSize]
	content, err := s.aead(salt).Open(nil, salt[saltSize-nonceSize:], sealed[saltSize:], binding)
	if err != nil {
		return nil, invalidCursor()
	}
	r := reading{b: content}
	version, issued := r.byte(), time.UnixMilli(r.varint())
	c := &cursor{count: int(r.uvarint())}
	for len(r.b) > 0 {
		c.marks = append(c.marks, mark{typ: string(r.text()), after: string(r.text())})
	}
	switch {
	case r.bad || version != cursorVersion:
		return nil, invalidCursor()
	case now.Sub(issued) > s.age:
		return nil, scim.BadRequest(scim.ExpiredCursor, "the cursor is too old; begin again without one")
	}
	return c, nil
}

// invalidCursor is the one answer to all cursors that do not open.
func invalidCursor() *scim.Error {
	return scim.BadRequest(scim.InvalidCursor, "the cursor is not valid for this request; send the request that it was the answer to, "+
		"with nothing but the cursor changed, or begin again without one")
}

// walk opens the cursor of a request by cursor: nothing but cursor may differ from the request before (RFC 9865 §2).
// For the first page it is empty.
func (c *call) walk(p *params, binding []byte) (*cursor, error) {
	if p.cursor == "" {
		return &cursor{count: p.count}, nil
	}
	w, err := c.cursors.open(p.cursor, binding, time.Now())
	if err != nil {
		return nil, err
	}
	if w.count != p.count {
		return nil, scim.BadRequest(scim.InvalidCount, "count is not that of the first page; send the same one with every cursor")
	}
	return w, nil
}

// binding is the digest of what a cursor belongs to: who may use it, with which rights, for which query.
func (c *call) binding(p *params, endpoint string) []byte {
	h := sha256.New()
	write := func(parts ...string) {
		var n [8]byte
		for _, s := range parts {
			binary.BigEndian.PutUint64(n[:], uint64(len(s)))
			h.Write(n[:])
			h.Write([]byte(s))
		}
	}
	write(c.svc.Base, c.svc.Subject, c.svc.Profile.Name, strconv.FormatUint(uint64(c.svc.Profile.Switches), 16))
	write(endpoint, filter.String(p.filter), p.sortBy, strconv.FormatBool(p.descending))
	write(strconv.Itoa(len(p.attributes)))
	write(p.attributes...)
	write(p.excluded...)
	return h.Sum(nil)
}
