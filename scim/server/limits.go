package server

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Limits bounds what one request may ask for. What ServiceProviderConfig advertises
// is read from here. A zero field means its default.
type Limits struct {
	// Body is the size of a request body in bytes. Defaults to 2 MiB.
	Body int64
	// LargeBody is the size of a body of a type with relations (Groups), in bytes; it is
	// advertised as bulk.maxPayloadSize. Defaults to 10 MiB.
	LargeBody int64
	// BodiesInFlight is the sum of all request bodies that are in memory at once, in bytes; above
	// it requests are asked to come back. Defaults to 256 MiB.
	BodiesInFlight int64
	// Operations is how many operations one bulk request or one PATCH may have; it is advertised as
	// bulk.maxOperations, which clients take for both (F27). Defaults to 1,000.
	Operations int
	// Edges is how many values of relations one request may name. Defaults to 50,000.
	Edges int
	// Results is the largest page, advertised as filter.maxResults. Defaults to 1,000.
	Results int
	// DefaultResults is the page of a query without count. Defaults to 100.
	DefaultResults int
}

func (l Limits) withDefaults() Limits {
	l.Body = cmp.Or(l.Body, 2<<20)
	l.LargeBody = cmp.Or(l.LargeBody, 10<<20)
	l.BodiesInFlight = cmp.Or(l.BodiesInFlight, 256<<20)
	l.Operations = cmp.Or(l.Operations, 1000)
	l.Edges = cmp.Or(l.Edges, 50_000)
	l.Results = cmp.Or(l.Results, 1000)
	l.DefaultResults = min(cmp.Or(l.DefaultResults, 100), l.Results)
	return l
}

// bodyOf returns the limit for bodies of the type; of messages, for nil.
func (l *Limits) bodyOf(t *schema.ResourceType) int64 {
	if t != nil {
		for range writableRelations(t) {
			return l.LargeBody
		}
	}
	return l.Body
}

// checkEdges refuses a request that names more values of relations than one transaction takes.
func (l *Limits) checkEdges(links []LinkEdit) error {
	n := 0
	for _, e := range links {
		n += len(e.Refs)
	}
	if n > l.Edges {
		return scim.Errorf(http.StatusRequestEntityTooLarge,
			"the request names %d references, more than the limit of %d; send several requests", n, l.Edges)
	}
	return nil
}

// budget counts the bytes of request bodies in memory over all requests.
type budget struct {
	max  int64
	used atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.max {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.used.Add(-n) }

// readStep is how far the buffer of a body grows before its bytes have arrived, so that
// a client holds no more of the budget than it has sent.
const readStep = 64 << 10

// readBody reads a whole request body of at most limit bytes. The bytes count in the
// budget until the request ends.
func (c *call) readBody(limit int64) ([]byte, error) {
	tooLarge := scim.Errorf(http.StatusRequestEntityTooLarge, "the request body is larger than the limit of %d bytes", limit)
	if c.r.ContentLength > limit {
		return nil, tooLarge
	}
	size := min(limit, readStep)
	if c.r.ContentLength >= 0 {
		size = min(size, c.r.ContentLength)
	}
	// One byte more than expected, so that the end shows without another allocation.
	b, err := c.grow(nil, size+1)
	if err != nil {
		return nil, err
	}
	for {
		n, err := c.r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, tooLarge
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, &scim.Error{
				Status: http.StatusBadRequest, Type: scim.InvalidSyntax,
				Detail: "the request body could not be read to its end", Err: err,
			}
		case len(b) == cap(b):
			if b, err = c.grow(b, min(2*int64(cap(b)), limit+1)); err != nil {
				return nil, err
			}
		}
	}
}

// grow returns a copy of b with capacity n, paid from the budget.
func (c *call) grow(b []byte, n int64) ([]byte, error) {
	more := n - int64(cap(b))
	if !c.budget.take(more) {
		return nil, &scim.Error{
			Status:     http.StatusServiceUnavailable,
			Detail:     "too many large requests at once; try again",
			RetryAfter: 2 * time.Second,
		}
	}
	c.taken += more
	return append(make([]byte, 0, n), b...), nil
}

// readObject reads the request body as one JSON object, after checking that it says to be JSON.
func (c *call) readObject(limit int64) (schema.Object, error) {
	if err := checkContent(c.r.Header); err != nil {
		return nil, err
	}
	b, err := c.readBody(limit)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 {
		return nil, scim.BadRequest(scim.InvalidSyntax, "the request has no body")
	}
	v, err := schema.Parse(b)
	if err != nil {
		return nil, err
	}
	o, ok := v.(schema.Object)
	if !ok {
		return nil, scim.BadRequest(scim.InvalidSyntax, "the request body is not a JSON object")
	}
	return o, nil
}

// member returns the member of a message by its name, compared without ASCII case (RFC 7643 §2.1).
func member(o schema.Object, name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	for k, v := range o {
		if foldASCII(k) == foldASCII(name) {
			return v
		}
	}
	return nil
}

// foldASCII lowers ASCII letters only: no other letter ever stands for one of them.
func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
