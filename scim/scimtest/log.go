package scimtest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
)

const (
	maxLog  = 10_000  // requests that a Server remembers
	maxBody = 1 << 20 // bytes that it remembers of a body
)

// Request is one that a Server got.
type Request struct {
	Method string
	Path   string // below the base URL of its tenant, as the client wrote it: "/Users/1"
	Query  string // as the client wrote it
	Header http.Header
	Body   string // of a longer one the first 1 MiB
	Status int    // of the answer; 0 while there is none
}

// Requests returns the requests so far in the order in which they came; of more than 10,000 the last.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.log))
	for i, r := range s.log {
		all[i] = *r
	}
	return all
}

// Forget empties the list of requests.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// note adds a request to the list; its body can be read again afterwards.
func (s *Server) note(r *http.Request) *Request {
	var body bytes.Buffer
	_, err := io.CopyN(&body, r.Body, maxBody)
	rest := io.Reader(r.Body)
	if err != nil { // io.EOF, or that it is not whole, which the handler is to see too
		rest = failing{err}
	}
	_, path, _ := strings.Cut(r.URL.EscapedPath(), prefix)
	entry := &Request{Method: r.Method, Path: path, Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body.String()}
	r.Body = io.NopCloser(io.MultiReader(&body, rest))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log) == maxLog {
		s.log = slices.Delete(s.log, 0, maxLog/10)
	}
	s.log = append(s.log, entry)
	return entry
}

func (s *Server) noteStatus(entry *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Status = status
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap makes http.ResponseController find what is behind.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
