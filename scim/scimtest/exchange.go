package scimtest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
)

// exchange is one request and its answer on their way through faults, of which each alters what it wants.
type exchange struct {
	request *http.Request
	path    []string       // segments below the base URL: ["Users", "1"]
	sent    map[string]any // body of the request; nil: none, or no JSON object
	raw     []byte         // body of the request as it came

	status int
	header http.Header
	got    map[string]any // body of the answer; nil: none, or no JSON object
	body   []byte         // body of the answer if got is nil
}

// behave is what a fault does with an exchange: pass asks the server behind it, once, never or several times, with the
// request as it is then.
type behave func(x *exchange, pass func())

// handler returns next behind a fault.
func (b behave) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, err := newExchange(r)
		if err != nil {
			panic(http.ErrAbortHandler) // the client has gone
		}
		b(x, func() { x.pass(next) }) //nolint:contextcheck // it travels in the request
		x.answer(w)
	})
}

func newExchange(r *http.Request) (*exchange, error) {
	raw, err := io.ReadAll(r.Body)
	x := &exchange{request: r, raw: raw}
	if json.Unmarshal(raw, &x.sent) != nil {
		x.sent = nil
	}
	_, path, _ := strings.Cut(r.URL.Path, prefix)
	if path = strings.Trim(path, "/"); path != "" {
		x.path = strings.Split(path, "/")
	}
	return x, err
}

// pass lets the server answer.
func (x *exchange) pass(next http.Handler) {
	body := x.raw
	if x.sent != nil {
		body = encode(x.sent)
	}
	r := x.request.Clone(x.request.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	w := httptest.NewRecorder()
	next.ServeHTTP(w, r)
	x.status, x.header, x.body, x.got = w.Code, w.Header(), w.Body.Bytes(), nil
	if json.Unmarshal(x.body, &x.got) != nil {
		x.got = nil
	}
}

// ask sends a request of the fault's own, as the same client, and returns status and body.
func (x *exchange) ask(pass func(), method, path string, body map[string]any) (int, map[string]any) {
	other := *x
	other.request = x.request.Clone(x.request.Context())
	base, _, _ := strings.Cut(x.request.URL.Path, prefix)
	path, query, _ := strings.Cut(path, "?")
	other.request.Method = method
	other.request.URL = &url.URL{Path: base + prefix + path, RawQuery: query}
	other.request.Header.Del("If-Match")
	other.request.Header.Del("If-None-Match")
	other.sent, other.raw = body, nil
	kept := *x
	*x = other
	pass()
	status, got := x.status, x.got
	*x = kept
	return status, got
}

// answer sends the answer, whatever became of it.
func (x *exchange) answer(w http.ResponseWriter) {
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
	if x.request.Method != http.MethodHead && len(body) > 0 {
		w.Write(body) //nolint:errcheck,gosec // an error means that the client has gone; bad answers are the point
	}
}

// encode writes what was read as JSON; it cannot fail.
func encode(v any) []byte {
	b, _ := json.Marshal(v, json.Deterministic(true))
	return b
}

// is reports whether the request has the method and is on the resources of a type, or on one of them.
func (x *exchange) is(method string) bool { return x.request.Method == method && x.resources() }

// resources reports whether the request is about users or groups.
func (x *exchange) resources() bool {
	return len(x.path) > 0 && (x.path[0] == "Users" || x.path[0] == "Groups")
}

// one reports whether the request is on one resource.
func (x *exchange) one() bool { return x.resources() && len(x.path) == 2 && x.path[1] != ".search" }

// lists reports whether the request is a query.
func (x *exchange) lists() bool {
	return x.is(http.MethodGet) && len(x.path) == 1 || x.searches()
}

// searches reports whether the request is a query by POST.
func (x *exchange) searches() bool {
	return x.is(http.MethodPost) && len(x.path) == 2 && x.path[1] == ".search"
}

// creates reports whether the request is to create a resource.
func (x *exchange) creates() bool { return x.is(http.MethodPost) && len(x.path) == 1 }

// failed reports whether the answer is an error.
func (x *exchange) failed() bool { return x.status >= http.StatusBadRequest }

// on reports whether the path below the base URL is this one.
func (x *exchange) on(path ...string) bool {
	return strings.Join(x.path, "/") == strings.Join(path, "/")
}

// discovery reports whether the request is on a discovery endpoint.
func (x *exchange) discovery() bool {
	return len(x.path) > 0 && (x.path[0] == "ServiceProviderConfig" || x.path[0] == "Schemas" || x.path[0] == "ResourceTypes")
}

// param returns a parameter of a query, by GET or by POST.
func (x *exchange) param(name string) string {
	if x.searches() {
		switch v := x.sent[name].(type) {
		case string:
			return v
		case float64:
			return strconv.Itoa(int(v))
		case []any:
			names := make([]string, len(v))
			for i := range v {
				names[i], _ = v[i].(string)
			}
			return strings.Join(names, ",")
		}
		return ""
	}
	return x.request.URL.Query().Get(name)
}

// setParam sets a parameter of a query, or removes it.
func (x *exchange) setParam(name, value string) {
	if x.searches() {
		if x.sent == nil {
			return
		}
		delete(x.sent, name)
		if n, err := strconv.Atoi(value); err == nil {
			x.sent[name] = n
		} else if value != "" {
			x.sent[name] = value
		}
		return
	}
	u := *x.request.URL
	q := u.Query()
	if !q.Has(name) && value == "" {
		return
	}
	q.Del(name)
	if value != "" {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	x.request = x.request.Clone(x.request.Context())
	x.request.URL = &u
}

// page returns the resources of a ListResponse.
func (x *exchange) page() []any {
	page, _ := x.got["Resources"].([]any)
	return page
}

// each calls f for every user and group in the answer.
func (x *exchange) each(f func(resource map[string]any)) {
	if !x.resources() || x.failed() {
		return
	}
	if x.lists() {
		for _, r := range x.page() {
			if r, ok := r.(map[string]any); ok {
				f(r)
			}
		}
		return
	}
	if x.got != nil {
		f(x.got)
	}
}

// refuse answers with an error.
func (x *exchange) refuse(status int, kind scim.ErrorType, detail string) {
	x.status, x.body = status, nil
	x.header = http.Header{"Content-Type": {scim.MediaType}}
	x.got = map[string]any{"schemas": []any{scim.ErrorMessage}, "status": strconv.Itoa(status), "detail": detail}
	if kind != "" {
		x.got["scimType"] = string(kind)
	}
}

// empty answers 204.
func (x *exchange) empty() {
	x.status, x.got, x.body, x.header = http.StatusNoContent, nil, nil, http.Header{}
}

// operations returns those of a PATCH or bulk request.
func (x *exchange) operations() (ops []map[string]any) {
	list, _ := x.sent["Operations"].([]any)
	for _, op := range list {
		if op, ok := op.(map[string]any); ok {
			ops = append(ops, op)
		}
	}
	return ops
}

// patches reports whether the request is a PATCH of a resource.
func (x *exchange) patches() bool { return x.is(http.MethodPatch) && x.one() && x.sent != nil }

// current answers with the resource as it is, as if the request had done something.
func (x *exchange) current(pass func()) {
	status, got := x.ask(pass, http.MethodGet, "/"+strings.Join(x.path, "/"), nil)
	x.status, x.got, x.body = status, got, nil
	x.header = http.Header{"Content-Type": {scim.MediaType}}
	meta, _ := got["meta"].(map[string]any)
	if version, ok := meta["version"].(string); ok {
		x.header.Set("ETag", version)
	}
	if location, ok := meta["location"].(string); ok {
		x.header.Set("Location", location)
	}
}

// word returns an operation's member in lower case.
func word(op map[string]any, name string) string {
	s, _ := op[name].(string)
	return strings.ToLower(s)
}

// query writes one parameter of a URL.
func query(name, value string) string { return url.Values{name: {value}}.Encode() }

// alternate returns a function that is true the first time, false the second, and so on.
func alternate() func() bool {
	var n atomic.Int64
	return func() bool { return n.Add(1)%2 == 1 }
}
