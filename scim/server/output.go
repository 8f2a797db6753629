package server

import (
	"net/http"
	"strconv"
)

const (
	// chunk is how much of an answer is collected before it goes out. Shorter answers have a
	// Content-Length, and an error before this point is still answered as an error.
	chunk = 64 << 10
	// keepBuffer is the largest buffer that goes back to the pool.
	keepBuffer = 2 * chunk
)

// output is the answer being written. Bytes are appended to buf; spill sends them once
// there are many, finish sends the rest.
type output struct {
	w       http.ResponseWriter
	buf     []byte
	scratch []byte // for a document on its way into buf
	status  int
	json    []string // Content-Type, negotiated
	started bool
}

// Values of headers are shared: nobody alters them.
var (
	scimJSON  = []string{"application/scim+json"}
	plainJSON = []string{"application/json"}
	noStore   = []string{"no-store"}
	noSniff   = []string{"nosniff"}
)

func (o *output) begin(w http.ResponseWriter) {
	o.w, o.status, o.json = w, http.StatusOK, scimJSON
	h := w.Header()
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
}

// spill sends what is in the buffer if it is much.
func (o *output) spill() error {
	if len(o.buf) < chunk {
		return nil
	}
	if !o.started {
		o.started = true
		o.w.Header()["Content-Type"] = o.json
		o.w.WriteHeader(o.status)
	}
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}

// finish sends the rest of the answer.
func (o *output) finish() error {
	if !o.started {
		o.started = true
		h := o.w.Header()
		h["Content-Type"] = o.json
		h["Content-Length"] = []string{strconv.Itoa(len(o.buf))}
		o.w.WriteHeader(o.status)
	}
	_, err := o.w.Write(o.buf)
	return err
}

// empty sends an answer without a body.
func (o *output) empty(status int) {
	o.started = true
	o.w.WriteHeader(status)
}

// reset returns an output that has nothing but the buffers of o.
func (o *output) reset() output {
	next := output{buf: o.buf[:0], scratch: o.scratch[:0]}
	if cap(next.buf) > keepBuffer {
		next.buf = nil
	}
	if cap(next.scratch) > keepBuffer {
		next.scratch = nil
	}
	return next
}
