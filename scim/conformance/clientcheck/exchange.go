package clientcheck

import (
	"bytes"
	"crypto/sha256"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/schema"
)

const (
	maxBody  = 16 << 20 // bytes that are read of a request
	maxShown = 8 << 10  // bytes that are kept of a body for the report
)

// exchange is a request, and from the time that there is one its answer, which scenes alter.
type exchange struct {
	request *http.Request
	at      time.Time
	method  string
	inside  bool     // below the base URL
	path    []string // segments below the base URL
	query   url.Values
	queryOK bool
	raw     []byte
	sent    schema.Object        // body; nil: none, or no JSON object
	invalid error                // why the body is no JSON
	typ     *schema.ResourceType // of the first segment
	key     string               // equal for requests that are the same

	status int
	header http.Header
	got    map[string]any // body of the answer; nil: none, or no JSON object
	body   []byte         // body of the answer if got is nil
}

func (c *Checker) read(r *http.Request) (*exchange, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	x := &exchange{request: r, at: time.Now(), method: r.Method, raw: raw}
	var queryErr error
	x.query, queryErr = url.ParseQuery(r.URL.RawQuery)
	x.queryOK = queryErr == nil
	rest, inside := strings.CutPrefix(r.URL.Path, c.prefix)
	if x.inside = inside && (rest == "" || rest[0] == '/'); x.inside {
		if rest = strings.TrimPrefix(rest, "/"); rest != "" {
			x.path = strings.Split(rest, "/")
			x.typ = c.set.ByEndpoint("/" + x.path[0])
		}
	}
	if len(raw) > 0 {
		var v any
		v, x.invalid = schema.Parse(raw)
		x.sent, _ = v.(schema.Object)
	}
	sum := sha256.Sum256(raw)
	x.key = r.Method + " " + r.URL.RequestURI() + " " + string(sum[:])
	return x, err
}

// provide lets the provider answer.
func (c *Checker) provide(x *exchange) {
	r := x.request.Clone(x.request.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(x.raw)), int64(len(x.raw))
	w := httptest.NewRecorder()
	c.provider.ServeHTTP(w, r)
	x.status, x.header, x.body, x.got = w.Code, w.Header(), w.Body.Bytes(), nil
	if json.Unmarshal(x.body, &x.got) != nil {
		x.got = nil
	}
}

// ask is a request of the checker's own.
func (c *Checker) ask(x *exchange, method, path string, body []byte) *exchange {
	r := x.request.Clone(x.request.Context())
	r.Method, r.URL, r.Header = method, &url.URL{Path: c.prefix + path}, http.Header{
		"Authorization": {"Bearer " + c.token}, "Content-Type": {scim.MediaType},
	}
	own := &exchange{request: r, method: method, raw: body}
	c.provide(own)
	return own
}

// write sends the answer.
func (x *exchange) write(w http.ResponseWriter) {
	body := x.body
	if x.got != nil {
		body = encode(x.got)
	}
	h := w.Header()
	maps.Copy(h, x.header)
	h.Del("Content-Length")
	if x.status != http.StatusNoContent && x.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(x.status)
	if x.method != http.MethodHead && len(body) > 0 {
		_, _ = w.Write(body) // an error means that the client has gone
	}
}

// encode writes what was read as JSON; it cannot fail.
func encode(v any) []byte {
	b, _ := json.Marshal(v, json.Deterministic(true))
	return b
}

// refuse answers with an error.
func (x *exchange) refuse(status int, kind scim.ErrorType, detail string) {
	x.status, x.body, x.header = status, nil, http.Header{"Content-Type": {scim.MediaType}}
	x.got = map[string]any{"schemas": []any{scim.ErrorMessage}, "status": strconv.Itoa(status), "detail": detail}
	if kind != "" {
		x.got["scimType"] = string(kind)
	}
}

// empty answers 204.
func (x *exchange) empty() {
	x.status, x.got, x.body = http.StatusNoContent, nil, nil
	x.header.Del("Content-Type")
}

// name is the request in a finding.
func (x *exchange) name() string { return x.method + " " + short(x.request.URL.RequestURI(), 160) }

// shown is the exchange in a report.
func (x *exchange) shown(base string) conformance.Exchange {
	body := string(x.body)
	if x.got != nil {
		body = string(encode(x.got))
	}
	origin, _, _ := strings.Cut(strings.TrimPrefix(base, "http://"), "/")
	return conformance.Exchange{
		Method: x.method, URL: "http://" + origin + x.request.URL.RequestURI(), RequestBody: short(string(x.raw), maxShown),
		Status: x.status, ResponseHeader: x.header, ResponseBody: short(body, maxShown), Took: time.Since(x.at),
	}
}

// writes reports whether the request is to change something.
func (x *exchange) writes() bool {
	return !x.searches() && slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, x.method)
}

// one reports whether the request is on one resource.
func (x *exchange) one() bool { return x.typ != nil && len(x.path) == 2 && x.path[1] != ".search" }

// creates reports whether the request is to create a resource.
func (x *exchange) creates() bool {
	return x.method == http.MethodPost && x.typ != nil && len(x.path) == 1
}

// on reports whether the request is of the method and on one resource.
func (x *exchange) on(method string) bool { return x.method == method && x.one() }

// searches reports whether the request is a query by POST.
func (x *exchange) searches() bool {
	return x.method == http.MethodPost && len(x.path) > 0 && x.path[len(x.path)-1] == ".search"
}

// lists reports whether the request is a query on the resources of a type.
func (x *exchange) lists() bool {
	return x.typ != nil && (x.method == http.MethodGet && len(x.path) == 1 || x.searches())
}

// bulk reports whether the request is a bulk request.
func (x *exchange) bulk() bool {
	return x.method == http.MethodPost && len(x.path) == 1 && x.path[0] == "Bulk"
}

// discovery reports whether the request is on a discovery endpoint.
func (x *exchange) discovery() bool {
	return len(x.path) > 0 && slices.Contains([]string{"ServiceProviderConfig", "ResourceTypes", "Schemas"}, x.path[0])
}

// param returns a parameter of a query, by GET or by POST.
func (x *exchange) param(name string) string {
	if !x.searches() {
		return x.query.Get(name)
	}
	switch v := x.sent[name].(type) {
	case string:
		return v
	case schema.Number:
		return string(v)
	case []any:
		return strings.Join(texts(v), ",")
	}
	return ""
}

// has reports whether a query has a parameter, by GET or by POST.
func (x *exchange) has(name string) bool {
	if x.searches() {
		return x.sent[name] != nil
	}
	return x.query.Has(name)
}

// listing is the same for the pages of one listing.
func (x *exchange) listing() string {
	q := []string{strings.Join(x.path, "/")}
	for _, name := range []string{"filter", "sortBy", "sortOrder", "attributes", "excludedAttributes"} {
		q = append(q, name+"="+x.param(name))
	}
	return strings.Join(q, "&")
}

// start is the index of the first resource that is asked for.
func (x *exchange) start() int {
	n, err := strconv.Atoi(x.param("startIndex"))
	if err != nil {
		return 1
	}
	return max(n, 1)
}

// count is how many resources are asked for; 0: not said.
func (x *exchange) count() int {
	n, _ := strconv.Atoi(x.param("count"))
	return n
}

// received is how many resources the answer has, and how many it says that there are.
func (x *exchange) received() (n, total int) {
	page, _ := x.got["Resources"].([]any)
	t, _ := x.got["totalResults"].(float64)
	return len(page), int(t)
}

// operations returns those of a PATCH or bulk request.
func (x *exchange) operations() (ops []schema.Object) {
	list, _ := member(x.sent, "Operations").([]any)
	for _, op := range list {
		if op, ok := op.(schema.Object); ok {
			ops = append(ops, op)
		}
	}
	return ops
}

// member returns a member by its name in any case.
func member(o map[string]any, name string) any {
	for n, v := range o {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return nil
}

// text returns a member that is a string.
func text(o map[string]any, name string) string {
	s, _ := member(o, name).(string)
	return s
}

// texts returns the strings of a list.
func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
