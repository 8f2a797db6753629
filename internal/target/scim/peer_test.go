package scim_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/muster-id/muster/internal/target"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// failer is a test, or one run of a property.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

type cleaner interface {
	failer
	Cleanup(func())
}

// A call is a request that the peer got.
type call struct {
	method, path, query, body string
	token                     string
}

// fault decides what happens to a request: instead of the application's answer, or after it.
type fault func(w http.ResponseWriter, r *http.Request, c call, next http.Handler)

// peer is the application: our own service provider in memory, whose answers can be tampered with.
type peer struct {
	base    string
	handler http.Handler

	// Held while a request is served: a connection that breaks does not say when its request is over.
	mu     sync.Mutex // guards what follows
	calls  []call
	tamper fault // nil: honest
}

func newPeer(tb cleaner, profile protocol.Profile) *peer {
	tb.Helper()
	p := &peer{}
	srv := httptest.NewServer(http.HandlerFunc(p.serve))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) // connections are broken on purpose
	tb.Cleanup(srv.Close)
	p.base = srv.URL + "/scim/v2"
	p.handler = server.Handler(scimtest.Open(scimtest.NewService(p.base, profile)), server.Options{Prefix: "/scim/v2"})
	return p
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	c := call{r.Method, strings.TrimPrefix(r.URL.EscapedPath(), "/scim/v2"), r.URL.RawQuery, string(body), r.Header.Get("Authorization")}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
	if p.tamper != nil {
		p.tamper(w, r, c, p.handler)
		return
	}
	p.handler.ServeHTTP(w, r)
}

// meddle sets what is done to requests from now on; nil: nothing.
func (p *peer) meddle(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tamper = f
}

// requests returns what came since it was last asked.
func (p *peer) requests() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

// sent returns requests as "POST /Users".
func (p *peer) sent() []string {
	var s []string
	for _, c := range p.requests() {
		s = append(s, c.method+" "+c.path)
	}
	return s
}

// do sends a request to the application behind our back.
func (p *peer) do(tb failer, method, path, body string) schema.Object {
	tb.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/scim/v2"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", protocol.MediaType)
	}
	p.handler.ServeHTTP(w, r)
	if w.Code >= 300 {
		tb.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if w.Body.Len() == 0 {
		return nil
	}
	v, err := schema.Parse(w.Body.Bytes())
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return v.(schema.Object)
}

// accounts returns what the application holds, by name, without what it decides itself.
func (p *peer) accounts(tb failer) map[string]schema.Object {
	tb.Helper()
	all, names := map[string]schema.Object{}, map[any]string{}
	var list []schema.Object
	for _, endpoint := range []string{"/Users", "/Groups"} {
		resources, _ := p.do(tb, http.MethodGet, endpoint+"?count=1000", "")["Resources"].([]any)
		for _, v := range resources {
			o := v.(schema.Object)
			name, _ := o["userName"].(string)
			if endpoint == "/Groups" {
				name, _ = o["displayName"].(string)
				name = "group " + name
			}
			if all[name] != nil {
				tb.Fatalf("the application has %s twice", name)
			}
			all[name], names[o["id"]] = o, name
			list = append(list, o)
		}
	}
	for _, o := range list {
		for _, name := range []string{"id", "meta", "groups", "schemas"} {
			delete(o, name)
		}
		if ext, ok := o[protocol.EnterpriseUserSchema].(schema.Object); ok {
			if m, ok := ext["manager"].(schema.Object); ok {
				ext["manager"] = names[m["value"]]
			}
		}
		if members, ok := o["members"].([]any); ok {
			o["members"] = sorted(members, func(v any) string { return names[v.(schema.Object)["value"]] })
		}
	}
	return all
}

func sorted(list []any, name func(any) string) []any {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = name(v)
	}
	slices.Sort(names)
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = n
	}
	return out
}

// want is what the application should hold.
func (h *hub) want() map[string]schema.Object {
	all, names := map[string]schema.Object{}, map[any]string{}
	name := func(n target.Num) string {
		doc := h.resources[n].Document
		if s, ok := doc["userName"].(string); ok {
			return s
		}
		s, _ := doc["displayName"].(string)
		return "group " + s
	}
	for n, r := range h.resources {
		if r.Live {
			names[r.ID] = name(n)
		}
	}
	for n, r := range h.resources {
		if !r.Live {
			continue
		}
		doc := schema.Clone(r.Document)
		doc["externalId"] = r.ID
		if ext, ok := doc[protocol.EnterpriseUserSchema].(schema.Object); ok {
			if m, ok := ext["manager"].(schema.Object); ok {
				if ext["manager"] = names[m["value"]]; names[m["value"]] == "" {
					delete(ext, "manager")
				}
				if len(ext) == 0 {
					delete(doc, protocol.EnterpriseUserSchema)
				}
			}
		}
		var members []any
		for m := range h.members[n] {
			members = append(members, m)
		}
		if members != nil {
			doc["members"] = sorted(members, func(v any) string { return name(v.(target.Num)) })
		}
		all[name(n)] = doc
	}
	return all
}

// equal checks that the application has all that the directory has, and nothing else.
func equal(tb failer, h *hub, p *peer) {
	tb.Helper()
	if diff := cmp.Diff(h.want(), p.accounts(tb)); diff != "" {
		tb.Fatalf("the application differs from the directory (-directory +application):\n%s", diff)
	}
}
