package conformance_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// start serves the in-memory provider below a path.
func start(t *testing.T, prefix string, alter ...func(*server.Service)) (host string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	host = "http://" + srv.Listener.Addr().String()
	svc := scimtest.NewService(host+prefix, scim.Compat())
	for _, f := range alter {
		f(svc)
	}
	srv.Config.Handler = server.Handler(scimtest.Open(svc), server.Options{Prefix: prefix})
	srv.Start()
	t.Cleanup(srv.Close)
	return host
}

// TestProbeFinds: a base URL that is not quite right is found.
func TestProbeFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ prefix, told, want string }{
		{"/scim/v2", "/scim/v2", "/scim/v2"},
		{"/scim/v2", "/scim/v2/", "/scim/v2"},
		{"/scim/v2", "", "/scim/v2"},
		{"/scim/v2", "/wrong", "/scim/v2"},
		{"/api/scim", "", "/api/scim"},
		{"/tenant/scim/v2", "/tenant", "/tenant/scim/v2"},
	} {
		host := start(t, c.prefix)
		got, err := conformance.Probe(t.Context(), conformance.Options{URL: host + c.told})
		if err != nil || got != host+c.want {
			t.Errorf("told %q of a provider at %q: got %q, %v", c.told, c.prefix, got, err)
		}
	}
}

// TestProbeSays: what is no provider is named in a sentence.
func TestProbeSays(t *testing.T) {
	t.Parallel()
	answer := func(status int, contentType, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, c := range []struct {
		name   string
		handle http.HandlerFunc
		is     error
		says   string
	}{
		{"a page", answer(200, "text/html", "<!DOCTYPE html><html></html>"), conformance.ErrNotSCIM, "a page for people"},
		{"a login", answer(302, "text/html", "", "Location", "https://idp.example.com/login?next=x"), conformance.ErrNotSCIM, "redirects to a login page"},
		{"another API", answer(404, "application/json", `{"error":"not found"}`), conformance.ErrNotSCIM, "nothing of SCIM"},
		{"text", answer(200, "text/plain", "hello"), conformance.ErrNotSCIM, "no JSON"},
		{"a wrong token", answer(401, "application/json", `{}`), conformance.ErrCredential, "status 401"},
		{"one that hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, conformance.ErrUnreachable, "EOF"},
	} {
		srv := httptest.NewServer(c.handle)
		t.Cleanup(srv.Close)
		_, err := conformance.Probe(t.Context(), conformance.Options{URL: srv.URL + "/scim"})
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
	}
	for _, url := range []string{"", "ftp://x", "not a url", "http://"} {
		if _, err := conformance.Probe(t.Context(), conformance.Options{URL: url}); !errors.Is(err, conformance.ErrNotSCIM) {
			t.Errorf("%q: got %v", url, err)
		}
	}
}
