// Package body reads request bodies within limits, for the handlers of package scim.
//
// A body is bounded by itself, and all bodies in memory together by a budget. Memory grows with what has arrived, not
// with what a client announces.
package body

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/scim"
)

// Budget counts the bytes of request bodies in memory over all requests. Max is set before its first use.
type Budget struct {
	Max  int64
	used atomic.Int64
}

func (b *Budget) take(n int64) bool {
	if b.used.Add(n) > b.Max {
		b.used.Add(-n)
		return false
	}
	return true
}

// Give returns what a body has taken.
func (b *Budget) Give(n int64) { b.used.Add(-n) }

// step is how far the buffer of a body grows before its bytes have arrived, so that a client holds no more of the
// budget than it has sent.
const step = 64 << 10

// Read reads a whole request body of at most limit bytes. What it takes of the budget is added to taken, also where it
// fails; the caller gives it back when the request ends. The error is a *scim.Error: 413, 503 or 400.
func (b *Budget) Read(r *http.Request, limit int64, taken *int64) ([]byte, error) {
	tooLarge := scim.Errorf(http.StatusRequestEntityTooLarge, "the request body is larger than the limit of %d bytes", limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	size := min(limit, step)
	if r.ContentLength >= 0 {
		size = min(size, r.ContentLength)
	}
	// One byte more than expected, so that the end shows without another allocation.
	buf, err := b.grow(nil, size+1, taken)
	if err != nil {
		return nil, err
	}
	for {
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, tooLarge
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, &scim.Error{
				Status: http.StatusBadRequest, Type: scim.InvalidSyntax,
				Detail: "the request body could not be read to its end", Err: err,
			}
		case len(buf) == cap(buf):
			if buf, err = b.grow(buf, min(2*int64(cap(buf)), limit+1), taken); err != nil {
				return nil, err
			}
		}
	}
}

// grow returns a copy of buf with capacity n, paid from the budget.
func (b *Budget) grow(buf []byte, n int64, taken *int64) ([]byte, error) {
	more := n - int64(cap(buf))
	if !b.take(more) {
		return nil, &scim.Error{
			Status:     http.StatusServiceUnavailable,
			Detail:     "too many large requests at once; try again",
			RetryAfter: 2 * time.Second,
		}
	}
	*taken += more
	return append(make([]byte, 0, n), buf...), nil
}
