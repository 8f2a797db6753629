package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

const base = "https://id.example.com/t/t1/scim/v2"

// provider is a service provider on an in-memory store, called over real HTTP.
type provider struct {
	t   *testing.T
	srv *httptest.Server
	svc *server.Service
}

// newProvider starts a provider whose service and options a test may alter.
func newProvider(t *testing.T, profile scim.Profile, alter ...func(*server.Service, *server.Options)) *provider {
	t.Helper()
	svc := scimtest.NewService(base, profile)
	opts := server.Options{Prefix: "/t/t1/scim/v2", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, f := range alter {
		f(svc, &opts)
	}
	srv := httptest.NewServer(server.Handler(scimtest.Open(svc), opts))
	t.Cleanup(srv.Close)
	return &provider{t: t, srv: srv, svc: svc}
}

func compat(t *testing.T) *provider {
	t.Helper()
	return newProvider(t, scim.Compat())
}

func strict(t *testing.T) *provider {
	t.Helper()
	return newProvider(t, scim.Strict())
}

// in returns the provider for use in a subtest.
func (p *provider) in(t *testing.T) *provider { return &provider{t: t, srv: p.srv, svc: p.svc} }

// answer is an HTTP answer with its body read.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// do sends a request. Headers are given as "Name: value"; a body is SCIM unless they say otherwise.
func (p *provider) do(method, path, body string, headers ...string) *answer {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.srv.URL+"/t/t1/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", scim.MediaType)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if value == "" {
			req.Header.Del(name)
			continue
		}
		req.Header.Add(name, value)
		if name == "Content-Type" {
			req.Header.Set(name, value)
		}
	}
	resp, err := p.srv.Client().Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	a := &answer{t: p.t, what: method + " " + path, status: resp.StatusCode, header: resp.Header, raw: string(b)}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &a.body); err != nil {
			p.t.Fatalf("%s: the body is not a JSON object: %v\n%s", a.what, err, b)
		}
	}
	return a
}

func (p *provider) get(path string, headers ...string) *answer {
	p.t.Helper()
	return p.do("GET", path, "", headers...)
}

func (p *provider) post(path, body string, headers ...string) *answer {
	p.t.Helper()
	return p.do("POST", path, body, headers...)
}

func (p *provider) put(path, body string, headers ...string) *answer {
	p.t.Helper()
	return p.do("PUT", path, body, headers...)
}

func (p *provider) patch(path, operations string, headers ...string) *answer {
	p.t.Helper()
	return p.do("PATCH", path, `{"schemas":["`+scim.PatchOpMessage+`"],"Operations":[`+operations+`]}`, headers...)
}

func (p *provider) delete(path string, headers ...string) *answer {
	p.t.Helper()
	return p.do("DELETE", path, "", headers...)
}

// user creates a user and returns its id. more is members to add to the body.
func (p *provider) user(userName string, more ...string) string {
	p.t.Helper()
	members := strings.Join(append([]string{fmt.Sprintf(`"schemas":[%q],"userName":%q`, scim.UserSchema, userName)}, more...), ",")
	return p.post("/Users", "{"+members+"}").is(201).text("id")
}

// group creates a group and returns its id.
func (p *provider) group(displayName string, members ...string) string {
	p.t.Helper()
	refs := make([]string, len(members))
	for i, id := range members {
		refs[i] = fmt.Sprintf(`{"value":%q}`, id)
	}
	return p.post("/Groups", fmt.Sprintf(`{"schemas":[%q],"displayName":%q,"members":[%s]}`,
		scim.GroupSchema, displayName, strings.Join(refs, ","))).is(201).text("id")
}

// is checks the status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: got status %d, want %d\n%s", a.what, a.status, status, a.raw)
	}
	return a
}

// refused checks that the answer is a SCIM error of this status and type (P-3.12-01, P-3.12-02).
func (a *answer) refused(status int, typ scim.ErrorType) *answer {
	a.t.Helper()
	a.is(status)
	if !slices.Equal(a.list("schemas"), []any{scim.ErrorMessage}) || a.at("status") != strconv.Itoa(status) {
		a.t.Fatalf("%s: not a SCIM error of status %d\n%s", a.what, status, a.raw)
	}
	if got, _ := a.at("scimType").(string); got != string(typ) {
		a.t.Fatalf("%s: got scimType %q, want %q\n%s", a.what, got, typ, a.raw)
	}
	if d, ok := a.at("detail").(string); !ok || d == "" {
		a.t.Fatalf("%s: the error has no detail\n%s", a.what, a.raw)
	}
	if got := a.header.Get("Content-Type"); got != scim.MediaType && got != "application/json" {
		a.t.Fatalf("%s: got Content-Type %q", a.what, got)
	}
	return a
}

// at returns the value at a path of names and indexes ("Resources/0/id"); nil if there is none.
func (a *answer) at(path string) any {
	var v any = a.body
	for name := range strings.SplitSeq(path, "/") {
		switch w := v.(type) {
		case map[string]any:
			v = w[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(w) {
				return nil
			}
			v = w[i]
		default:
			return nil
		}
	}
	return v
}

func (a *answer) text(path string) string {
	a.t.Helper()
	s, ok := a.at(path).(string)
	if !ok {
		a.t.Fatalf("%s: %s is not a string\n%s", a.what, path, a.raw)
	}
	return s
}

func (a *answer) list(path string) []any {
	a.t.Helper()
	l, ok := a.at(path).([]any)
	if !ok {
		a.t.Fatalf("%s: %s is not an array\n%s", a.what, path, a.raw)
	}
	return l
}

// has checks the value at a path; nil: there is none.
func (a *answer) has(path string, want any) *answer {
	a.t.Helper()
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if got := a.at(path); got != want {
		a.t.Fatalf("%s: got %s = %v, want %v\n%s", a.what, path, got, want, a.raw)
	}
	return a
}

// names returns one member of each resource of a list, in order.
func (a *answer) names(member string) []string {
	a.t.Helper()
	var names []string
	for i := range a.is(200).list("Resources") {
		names = append(names, a.text(fmt.Sprintf("Resources/%d/%s", i, member)))
	}
	return names
}

// members checks which members the answer has at the top.
func (a *answer) members(want ...string) *answer {
	a.t.Helper()
	var got []string
	for name := range a.body {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		a.t.Fatalf("%s: got members %q, want %q", a.what, got, want)
	}
	return a
}

// rows runs one subtest a row of the standard's checklist, each on a provider of its own.
type rows map[string]func(p *provider)

func (r rows) run(t *testing.T, profile scim.Profile) {
	t.Helper()
	for id, f := range r {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f(newProvider(t, profile))
		})
	}
}

// wantStrings fails if two lists differ.
func wantStrings(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}
