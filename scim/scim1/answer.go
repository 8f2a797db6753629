package scim1

import (
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// chunk is how much of an answer is collected before it goes out. Shorter answers have a
// Content-Length, and what fails before this point is answered as an error.
const chunk = 64 << 10

// errAbandoned is what the server gets for writing more of an answer that goes nowhere.
var errAbandoned = errors.New("the answer is no longer wanted")

// source is the server answering as far as it is asked to: it runs until it writes, and
// goes on when what it wrote has been read. A panic of it comes out of Read.
type source struct {
	header http.Header
	status int
	next   func() ([]byte, bool)
	rest   []byte
	ended  bool

	yield func([]byte) bool
}

// Header, WriteHeader and Write are the http.ResponseWriter that the server sees.
func (s *source) Header() http.Header { return s.header }

func (s *source) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
}

func (s *source) Write(b []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	if !s.yield(b) {
		return 0, errAbandoned
	}
	return len(b), nil
}

// fill waits for bytes of the body and reports whether there are any.
func (s *source) fill() bool {
	for len(s.rest) == 0 && !s.ended {
		var ok bool
		s.rest, ok = s.next()
		s.ended = !ok
	}
	return len(s.rest) > 0
}

// Read implements io.Reader over the body.
func (s *source) Read(b []byte) (int, error) {
	if !s.fill() {
		return 0, io.EOF
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// output is the answer to the client.
type output struct {
	w       http.ResponseWriter
	status  int
	buf     []byte
	started bool
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.buf = append(o.buf, b...)
	if len(o.buf) < chunk {
		return len(b), nil
	}
	if !o.started {
		o.started = true
		o.w.Header().Set("Content-Type", "application/json")
		o.w.WriteHeader(o.status)
	}
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	return len(b), err
}

// finish sends the rest.
func (o *output) finish() {
	if !o.started {
		h := o.w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(o.buf)))
		o.w.WriteHeader(o.status)
	}
	if _, err := o.w.Write(o.buf); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// answer has the server answer and sends its answer translated.
func (x *exchange) answer(in *http.Request) {
	s := &source{header: make(http.Header)}
	next, stop := iter.Pull(func(yield func([]byte) bool) {
		s.yield = yield
		x.inner.ServeHTTP(s, in)
	})
	defer stop()
	s.next = next
	body := s.fill()
	if s.status == 0 {
		s.status = http.StatusOK
	}
	h := x.w.Header()
	for name, values := range s.header {
		if name != "Content-Type" && name != "Content-Length" {
			h[name] = values
		}
	}
	if x.at.kind == config && h.Get("Location") != "" {
		h.Set("Location", h.Get("Location")+"s")
	}
	if !body {
		x.empty(in.Method, s.status)
		return
	}
	out := &output{w: x.w, status: s.status}
	err := x.translate(s, out)
	if err == nil { // to the end, that an answer which is cut off there is cut off here
		_, err = io.Copy(io.Discard, s)
	}
	if err != nil {
		if in.Context().Err() == nil {
			x.log.LogAttrs(in.Context(), slog.LevelError, "answer not translated", slog.Any("err", err))
		}
		if out.started {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.Copy(io.Discard, s) // the server comes to its end, whatever it says
		out.status = http.StatusInternalServerError
		out.buf = appendErrors(out.buf[:0], out.status, "internal error")
	}
	out.finish()
}

// empty sends an answer without a body. A DELETE is answered 200 in 1.1 (A3.4).
func (x *exchange) empty(method string, status int) {
	if method == http.MethodDelete && status == http.StatusNoContent {
		status = http.StatusOK
		x.w.Header().Set("Content-Length", "0")
	}
	x.w.WriteHeader(status)
}

// translate writes the body of an answer in 1.1.
func (x *exchange) translate(s *source, out *output) error {
	if s.status >= http.StatusBadRequest {
		b, err := io.ReadAll(io.LimitReader(s, maxError))
		if err != nil {
			return err
		}
		out.buf = appendErrors(out.buf, s.status, descriptionOf(b, s.status))
		return nil
	}
	if x.at.kind == schemas {
		return x.sendSchemas(out)
	}
	// Both are trusted: the server never writes a name twice.
	trusted := jsontext.AllowDuplicateNames(true)
	c := copier{jsontext.NewDecoder(s, trusted), jsontext.NewEncoder(out, trusted)}
	switch x.at.kind {
	case collection:
		if s.status == http.StatusCreated {
			return c.resource()
		}
		return c.list()
	case config:
		return c.config(x.large)
	case bulk:
		return c.bulk()
	default:
		return c.resource()
	}
}
