package scimtest

import (
	"net/http"
	"slices"
	"strings"
)

// script is an answer prepared for some of the requests to come.
type script struct {
	method, path string
	left         int
	h            http.Handler
}

// Script makes h answer the next n requests with the method ("" for any) on a path below the base URL of either
// tenant that begins with path ("/Users"), instead of the server and its faults. Of several scripts the oldest that
// fits answers.
//
//	srv.Script(2, "POST", "/Users", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
//		w.WriteHeader(http.StatusBadGateway)
//	}))
func (s *Server) Script(n int, method, path string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = append(s.scripts, &script{method: method, path: path, left: n, h: h})
}

// scripted returns what a script has prepared for a request, or nil. The lock is held.
func (s *Server) scripted(r *http.Request) http.Handler {
	_, path, _ := strings.Cut(r.URL.Path, prefix)
	i := slices.IndexFunc(s.scripts, func(c *script) bool {
		return c.left > 0 && (c.method == "" || c.method == r.Method) && strings.HasPrefix(path, c.path)
	})
	if i < 0 {
		return nil
	}
	c := s.scripts[i]
	if c.left--; c.left == 0 {
		s.scripts = slices.Delete(s.scripts, i, i+1)
	}
	return c.h
}
