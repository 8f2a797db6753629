package scim1_test

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
	"github.com/muster-id/muster/scim/scim1"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

const (
	site       = "https://id.example.com"
	enterprise = scim1.EnterpriseUserSchema
)

// provider is a service provider with both faces on one in-memory store, called over real HTTP.
type provider struct {
	t   *testing.T
	srv *httptest.Server
}

// newProvider starts a provider whose service and options a test may alter.
func newProvider(t *testing.T, alter ...func(*server.Service, *server.Options)) *provider {
	t.Helper()
	svc := scimtest.NewService(site+"/v2", scim.Compat())
	opts := server.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, f := range alter {
		f(svc, &opts)
	}
	open := func(version string) server.Open {
		own := *svc
		own.Base = site + "/" + version
		return func(r *http.Request) (*server.Service, error) {
			if r.Header.Get("Authorization") == "Bearer wrong" {
				return &server.Service{Base: own.Base}, scim.Errorf(http.StatusUnauthorized, "the token is unknown")
			}
			return &own, nil
		}
	}
	mux := http.NewServeMux()
	old, current := opts, opts
	old.Prefix, current.Prefix = "/v1", "/v2"
	mux.Handle("/v1/", scim1.Handler(open("v1"), old))
	mux.Handle("/v2/", server.Handler(open("v2"), current))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return &provider{t: t, srv: srv}
}

// answer is an HTTP answer with its body read.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// do sends a request to a path with its version. Headers are given as "Name: value", "Name: " for none.
func (p *provider) do(method, path, body string, headers ...string) *answer {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.srv.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Del(name)
		if value != "" {
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

func (p *provider) patch(path, body string, headers ...string) *answer {
	p.t.Helper()
	return p.do("PATCH", path, body, headers...)
}

// user creates a user by 1.1 and returns its id. more is members to add to the body.
func (p *provider) user(userName string, more ...string) string {
	p.t.Helper()
	members := append([]string{fmt.Sprintf(`"schemas":[%q],"userName":%q`, scim1.CoreSchema, userName)}, more...)
	return p.post("/v1/Users", "{"+strings.Join(members, ",")+"}").is(201).text("id")
}

// group creates a group by 1.1 and returns its id.
func (p *provider) group(displayName string, members ...string) string {
	p.t.Helper()
	refs := make([]string, len(members))
	for i, id := range members {
		refs[i] = fmt.Sprintf(`{"value":%q}`, id)
	}
	return p.post("/v1/Groups", fmt.Sprintf(`{"schemas":[%q],"displayName":%q,"members":[%s]}`,
		scim1.CoreSchema, displayName, strings.Join(refs, ","))).is(201).text("id")
}

// is checks the status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: got status %d, want %d\n%s", a.what, a.status, status, a.raw)
	}
	return a
}

// refused checks that the answer is an error in the form of 1.1 (V1-46) that says something.
func (a *answer) refused(status int, says string) *answer {
	a.t.Helper()
	a.is(status)
	d, _ := a.at("Errors/0/description").(string)
	if a.at("Errors/0/code") != strconv.Itoa(status) || d == "" || len(a.body) != 1 || !strings.Contains(d, says) {
		a.t.Fatalf("%s: not an error of 1.1 with code %d that says %q\n%s", a.what, status, says, a.raw)
	}
	if strings.Contains(a.raw, "urn:ietf") || strings.Contains(d, "scim+json") {
		a.t.Fatalf("%s: the error speaks of SCIM 2.0\n%s", a.what, a.raw)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
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

// texts returns one member of each element of a list, in order.
func (a *answer) texts(list, member string) []string {
	a.t.Helper()
	all, _ := a.at(list).([]any)
	names := make([]string, len(all))
	for i := range all {
		names[i] = a.text(fmt.Sprintf("%s/%d/%s", list, i, member))
	}
	return names
}

// has checks the value at a path; nil: there is none.
func (a *answer) has(path string, want any) *answer {
	a.t.Helper()
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	got := a.at(path)
	if list, ok := got.([]any); ok {
		got = fmt.Sprint(list)
	}
	if got != want {
		a.t.Fatalf("%s: got %s = %v, want %v\n%s", a.what, path, got, want, a.raw)
	}
	return a
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
	wantStrings(a.t, got, want...)
	return a
}

// rows runs one subtest a row of the standard's checklist, each on a provider of its own.
type rows map[string]func(p *provider)

func (r rows) run(t *testing.T) {
	t.Helper()
	for id, f := range r {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f(newProvider(t))
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
