package server

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// path is the decoded segments of a request path behind the prefix, at most three.
type path struct {
	seg [3]string
	n   int
}

// split reads the path as the client spelled it. A spelling that another layer might
// read as another path is refused, never cleaned: encoded slashes, backslashes, control
// characters, dot segments and empty segments. One slash at the end is tolerated (F18).
func (c *call) split() (path, error) {
	rest, ok := strings.CutPrefix(c.r.URL.EscapedPath(), c.Prefix)
	if !ok || c.Prefix != "" && rest != "" && rest[0] != '/' {
		return path{}, noEndpoint()
	}
	rest = strings.TrimSuffix(strings.TrimPrefix(rest, "/"), "/")
	if rest == "" {
		return path{}, checkRoot(c.r.URL.EscapedPath()[len(c.Prefix):])
	}
	var p path
	for s := range strings.SplitSeq(rest, "/") {
		s, err := segment(s)
		if err != nil {
			return path{}, err
		}
		if p.n == len(p.seg) {
			return path{}, noEndpoint()
		}
		p.seg[p.n] = s
		p.n++
	}
	return p, nil
}

// checkRoot refuses a root that is written as more than one slash.
func checkRoot(rest string) error {
	if len(rest) > 1 {
		return scim.Errorf(http.StatusBadRequest, "the path has an empty segment")
	}
	return nil
}

// segment decodes one segment of a path.
func segment(s string) (string, error) {
	if s == "" {
		return "", scim.Errorf(http.StatusBadRequest, "the path has an empty segment")
	}
	if strings.IndexByte(s, '%') >= 0 {
		d, err := url.PathUnescape(s)
		if err != nil {
			return "", scim.Errorf(http.StatusBadRequest, "the path is not percent-encoded as a URL is")
		}
		s = d
	}
	if s == "." || s == ".." || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return r == '/' || r == '\\' || r < ' ' || r == 0x7f
	}) {
		return "", scim.Errorf(http.StatusBadRequest, "the path has a segment that no resource has")
	}
	return s, nil
}

func noEndpoint() *scim.Error { return scim.Errorf(http.StatusNotFound, "there is no such endpoint") }

// isPublic reports whether the request is answered although opening failed: the
// ServiceProviderConfig tells a client without credentials how to get in (RFC 7643 §5).
// Whoever shows credentials wants to know that they are wrong.
func (c *call) isPublic(p path, err error) bool {
	e := scim.AsError(err)
	return !c.PrivateDiscovery && e != nil && e.Status == http.StatusUnauthorized &&
		c.r.Header.Get("Authorization") == "" &&
		p.n == 1 && p.seg[0] == "ServiceProviderConfig" && c.method() == http.MethodGet
}

// method returns the method, GET for HEAD: net/http leaves out the body. Headers that
// would override it are ignored.
func (c *call) method() string {
	if c.r.Method == http.MethodHead {
		return http.MethodGet
	}
	return c.r.Method
}

// route finds the endpoint (RFC 7644 §3.2, §4) and answers. Names are case-sensitive.
func (c *call) route(p path) error {
	if p.n == 0 {
		return c.methods(on{http.MethodGet: c.listAll})
	}
	switch name, rest := p.seg[0], p.n-1; {
	case name == "Bulk" && rest == 0:
		return c.methods(on{http.MethodPost: c.bulk})
	case name == "Bulk" && rest == 1 && c.Jobs != nil:
		return c.methods(on{http.MethodGet: func() error { return c.outcome(p.seg[1]) }})
	case name == "Me" && rest == 0:
		return c.me()
	case name == ".search" && rest == 0:
		return c.methods(on{http.MethodPost: c.searchAll})
	case name == "ServiceProviderConfig" && rest == 0:
		return c.methods(on{http.MethodGet: func() error { return c.serviceProviderConfig(c.svc) }})
	case name == "ResourceTypes" && rest <= 1:
		return c.methods(on{http.MethodGet: func() error { return c.resourceTypes(p.seg[1]) }})
	case name == "Schemas" && rest <= 1:
		return c.methods(on{http.MethodGet: func() error { return c.schemas(p.seg[1]) }})
	}
	t := c.svc.Schemas.ByEndpoint("/" + p.seg[0])
	if t == nil || p.n > 2 {
		return noEndpoint()
	}
	store := c.svc.Stores[t.Name]
	if store == nil {
		return noEndpoint()
	}
	e := endpoint{call: c, typ: t, store: store, features: features(store), id: p.seg[1]}
	return e.route()
}

// endpoint is a request on the resources of one type, or on the one with the id.
type endpoint struct {
	*call
	typ      *schema.ResourceType
	store    Store
	features Features
	id       string
}

func (e *endpoint) route() error {
	switch e.id {
	case "":
		return e.methods(on{http.MethodGet: e.list, http.MethodPost: e.create})
	case ".search":
		return e.methods(on{http.MethodPost: e.search})
	}
	switch e.method() { // the hot path, without building a table
	case http.MethodGet:
		return e.get()
	case http.MethodPut:
		return e.replace()
	case http.MethodPatch:
		return e.patch()
	case http.MethodDelete:
		return e.remove()
	}
	return e.refuse("GET, HEAD, PUT, PATCH, DELETE")
}

// on says what an endpoint does by method.
type on map[string]func() error

// methods answers by method, or with 405 and Allow.
func (c *call) methods(m on) error {
	if f := m[c.method()]; f != nil {
		return f()
	}
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if m[method] != nil {
			allow = append(allow, method)
		}
	}
	if m[http.MethodGet] != nil {
		allow = append(allow, http.MethodHead)
	}
	return c.refuse(strings.Join(allow, ", "))
}

func (c *call) refuse(allow string) error {
	c.w.Header().Set("Allow", allow)
	return scim.Errorf(http.StatusMethodNotAllowed, "%s is not offered here; the methods are %s", scim.Quote(c.r.Method), allow)
}
