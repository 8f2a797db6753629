package scim1

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/muster-id/muster/scim"
)

// readStep is how far the buffer of a body grows before its bytes have arrived, so that a
// client holds no more of the budget than it has sent.
const readStep = 64 << 10

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

// isJSON reports whether a body says to be plain JSON. One that does not is left alone:
// the server refuses it before it reads it.
func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	enc := h.Get("Content-Encoding")
	return err == nil && (kind == "application/json" || kind == scim.MediaType) && (enc == "" || strings.EqualFold(enc, "identity"))
}

// read reads a whole body of at most limit bytes. They count in the budget until the
// request ends.
func (x *exchange) read(in *http.Request, limit int64) ([]byte, error) {
	tooLarge := scim.Errorf(http.StatusRequestEntityTooLarge, "the request body is larger than the limit of %d bytes", limit)
	if in.ContentLength > limit {
		return nil, tooLarge
	}
	var b []byte
	size := min(limit, readStep) + 1 // one more than expected, so that the end shows
	for {
		if !x.budget.take(size - int64(cap(b))) {
			return nil, &scim.Error{
				Status: http.StatusServiceUnavailable, RetryAfter: 2 * time.Second,
				Detail: "too many large requests at once; try again",
			}
		}
		x.taken += size - int64(cap(b))
		b = append(make([]byte, 0, size), b...)
		for len(b) < cap(b) {
			n, err := in.Body.Read(b[len(b):cap(b)])
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
			}
		}
		size = min(2*size, limit+1)
	}
}

func replaceBody(in *http.Request, b []byte) {
	in.Body = io.NopCloser(bytes.NewReader(b))
	in.ContentLength = int64(len(b))
}
