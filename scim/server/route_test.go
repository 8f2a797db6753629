package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

func TestMethods(t *testing.T) {
	t.Parallel()
	p := compat(t)
	at := "/Users/" + p.user("ada")
	for path, allow := range map[string]string{
		"":                            "GET, HEAD",
		"/.search":                    "POST",
		"/Users":                      "GET, POST, HEAD",
		"/Users/.search":              "POST",
		at:                            "GET, HEAD, PUT, PATCH, DELETE",
		"/ServiceProviderConfig":      "GET, HEAD",
		"/Schemas":                    "GET, HEAD",
		"/ResourceTypes":              "GET, HEAD",
		"/ResourceTypes/User":         "GET, HEAD",
		"/Schemas/" + scim.UserSchema: "GET, HEAD",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			if strings.Contains(allow, method) {
				continue
			}
			t.Run("P-3.2-07 "+method+" "+path, func(t *testing.T) {
				a := p.in(t).do(method, path, "").refused(405, "")
				if got := a.header.Get("Allow"); got != allow {
					t.Fatalf("got Allow %q, want %q", got, allow)
				}
			})
		}
	}
	t.Run("HEAD is GET without body", func(t *testing.T) {
		for _, path := range []string{at, "/Users", "/Schemas"} {
			get := p.in(t).get(path).is(200)
			head, err := p.srv.Client().Head(p.srv.URL + "/t/t1/scim/v2" + path)
			if err != nil {
				t.Fatal(err)
			}
			head.Body.Close()
			if head.StatusCode != 200 || head.Header.Get("Content-Length") != get.header.Get("Content-Length") ||
				head.Header.Get("ETag") != get.header.Get("ETag") {
				t.Fatalf("%s: got %v", path, head.Header)
			}
		}
	})
	t.Run("P-3.11-01", func(t *testing.T) {
		p := p.in(t)
		p.get("/Me").refused(501, "")
		p.patch("/Me", `{}`).refused(501, "")
	})
	t.Run("unknown endpoints, and names are case-sensitive", func(t *testing.T) {
		for _, path := range []string{"/Nope", "/users", "/Users/x/y", "/Users/x/y/z", "/schemas", "/Bulk/1", "/Users.scim", "/.search/x"} {
			p.in(t).get(path).refused(404, "")
		}
	})
	t.Run("F18 a slash at the end", func(t *testing.T) {
		p := p.in(t)
		p.get("/Users/").is(200)
		p.get(at + "/").is(200)
		p.get("/Schemas/").is(200)
		p.get("/").is(200)
	})
	t.Run("F22 no User-Agent", func(t *testing.T) {
		p.in(t).get(at, "User-Agent: ").is(200)
	})
}

func TestSec_A20_MethodOverride(t *testing.T) {
	t.Parallel()
	p := compat(t)
	at := "/Users/" + p.user("ada")
	for _, h := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		p.get(at+"?_method=DELETE", h+": DELETE").is(200)
	}
	p.get(at).is(200)
}

func TestSec_D18_HostMeansNothing(t *testing.T) {
	t.Parallel()
	p := compat(t)
	id := p.user("ada")
	for _, target := range []string{"/t/t1/scim/v2/Users/" + id, "http://evil.example/t/t1/scim/v2/Users/" + id} {
		status, body := raw(t, p.srv, "GET", target, "Host: evil.example\r\nX-Forwarded-Host: evil.example\r\n")
		if status != 200 || strings.Contains(body, "evil") || !strings.Contains(body, base+"/Users/"+id) {
			t.Fatalf("%s: %d %s", target, status, body)
		}
	}
}

// raw sends a request byte by byte as given, which no client library would, and returns
// status and head and body of the answer.
func raw(t *testing.T, srv *httptest.Server, method, target, headers string) (status int, text string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !strings.Contains(headers, "Host:") {
		headers += "Host: localhost\r\n"
	}
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n", method, target, headers); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", target, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, fmt.Sprint(resp.Header, string(b))
}

func TestSec_A02_PathSpellings(t *testing.T) {
	t.Parallel()
	// No token is right, so whatever gets to a resource has got past Open.
	svc := scimtest.NewService(base, scim.Compat())
	srv := httptest.NewServer(server.Handler(func(r *http.Request) (*server.Service, error) {
		if r.Header.Get("Authorization") == "Bearer good" {
			return svc, nil
		}
		return nil, scim.Errorf(http.StatusUnauthorized, "no valid token")
	}, server.Options{Prefix: "/scim/v2"}))
	t.Cleanup(srv.Close)
	p := &provider{t: t, srv: srv, svc: svc}
	create := httptest.NewRequest("POST", "/scim/v2/Users", strings.NewReader(ada))
	create.Header.Set("Content-Type", scim.MediaType)
	create.Header.Set("Authorization", "Bearer good")
	w := httptest.NewRecorder()
	srv.Config.Handler.ServeHTTP(w, create)
	if w.Code != 201 {
		t.Fatal(w.Body)
	}

	// want is the status with a token; without one it is 401 or the same refusal.
	for spelling, want := range map[string]int{
		"/scim/v2/Users/user-1":            200,
		"/scim/v2/%55sers/user-1":          200,
		"/scim/v2/Users/user%2D1":          200,
		"/scim/v2/Users/user-1/":           200,
		"/scim/v2/Users/user-1?":           200,
		"/scim/v2/Users%2fuser-1":          400,
		"/scim/v2/Users%2Fuser-1":          400,
		"/scim/v2/Users/%2fuser-1":         400,
		"/scim/v2//Users/user-1":           400,
		"/scim/v2/Users//user-1":           400,
		"/scim/v2/Users/user-1//":          400,
		"/scim/v2//":                       400,
		"//scim/v2/Users/user-1":           404,
		"/scim//v2/Users/user-1":           404,
		"/scim/v2/./Users/user-1":          400,
		"/scim/v2/Users/./user-1":          400,
		"/scim/v2/Users/../Users/user-1":   400,
		"/scim/v2/x/../Users/user-1":       400,
		"/scim/v2/Users/..;/Users/user-1":  404,
		"/scim/v2/Users/user-1/..":         400,
		"/scim/v2/Users/user-1/.":          400,
		"/scim/v2/%2e/Users/user-1":        400,
		"/scim/v2/%2e%2e/v2/Users/user-1":  400,
		"/scim/v2/Users/%2E%2E/user-1":     400,
		"/scim/v2/Users/.%2e/user-1":       400,
		"/scim/v2/Users%5cuser-1":          400,
		"/scim/v2\\Users\\user-1":          404,
		"/scim/v2/Users\\user-1":           400,
		"/scim/v2/Users/user-1%00":         400,
		"/scim/v2/Users/%00user-1":         400,
		"/scim/v2/Users/user-1%0a":         400,
		"/scim/v2/Users/user-1%0d%0aX:y":   400,
		"/scim/v2/Users/user-1%7f":         400,
		"/scim/v2/Users/user-1%ff":         400,
		"/scim/v2/Users/user-1%c0%af":      400,
		"/scim/v2/Users/%252e%252e":        404,
		"/scim/v2/Users%252fuser-1":        404,
		"/scim/v2/Users/user-1;a=b":        404,
		"/scim/v2/Users;x/user-1":          404,
		"/scim/v2/Users/user-1%20":         404,
		"/scim/v2/Users/USER-1":            404,
		"/scim/v2/USERS/user-1":            404,
		"/SCIM/v2/Users/user-1":            404,
		"/scim/v2Users/user-1":             404,
		"/scim/%762/Users/user-1":          404,
		"/scim/v2/Users/%u0075ser-1":       400,
		"/scim/v2/Users/%":                 400,
		"/scim/v2/Users/user-1/groups":     404,
		"/scim/v2/ServiceProviderConfig/x": 404,
	} {
		t.Run(spelling, func(t *testing.T) {
			status, text := raw(t, p.srv, "GET", spelling, "Authorization: Bearer good\r\n")
			if status != want {
				t.Errorf("with a token: got %d, want %d\n%s", status, want, text)
			}
			if strings.Contains(text, "Location:[/") {
				t.Errorf("redirected: %s", text)
			}
			for _, header := range []string{"", "Authorization: Bearer bad\r\n"} {
				status, text = raw(t, p.srv, "GET", spelling, header)
				if status != 400 && status != 401 && status != 404 || strings.Contains(text, "userName") {
					t.Errorf("without a token: got %d\n%s", status, text)
				}
			}
		})
	}
}

// Rows: AUTH-06, AUTH-09.
func TestOpen(t *testing.T) {
	t.Parallel()
	refuse := scim.Errorf(http.StatusUnauthorized, "no valid token")
	svc := scimtest.NewService(base, scim.Compat())
	start := func(t *testing.T, opts server.Options) *provider {
		opts.Prefix = "/t/t1/scim/v2"
		srv := httptest.NewServer(server.Handler(func(r *http.Request) (*server.Service, error) {
			if r.Header.Get("Authorization") == "Bearer good" {
				return svc, nil
			}
			return nil, refuse
		}, opts))
		t.Cleanup(srv.Close)
		return &provider{t: t, srv: srv, svc: svc}
	}
	t.Run("P-2-01 a 401 names the scheme", func(t *testing.T) {
		p := start(t, server.Options{Realm: "people"})
		for _, path := range []string{"/Users", "/Users/x", "/Schemas", "/ResourceTypes", "/Nope", "", "/Bulk"} {
			if got := p.get(path).refused(401, "").header.Get("WWW-Authenticate"); got != `Bearer realm="people"` {
				t.Fatalf("got %q", got)
			}
		}
		a := p.get("/Users", "Authorization: Bearer bad").refused(401, "")
		if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="people", error="invalid_token"` {
			t.Fatalf("got %q", got)
		}
	})
	t.Run("S-5-03 how to authenticate can be read without", func(t *testing.T) {
		p := start(t, server.Options{})
		p.get("/ServiceProviderConfig").is(200).has("authenticationSchemes/0/type", "oauthbearertoken").has("meta/location", nil)
		p.get("/ServiceProviderConfig", "Authorization: Bearer bad").refused(401, "")
		p.post("/ServiceProviderConfig", "{}").refused(401, "")
		start(t, server.Options{PrivateDiscovery: true}).get("/ServiceProviderConfig").refused(401, "")
	})
	t.Run("A08 a token in the URL is none", func(t *testing.T) {
		start(t, server.Options{}).get("/Users?access_token=good&token=good").refused(401, "")
	})
	t.Run("P-1.3-02 behind StripPrefix", func(t *testing.T) {
		h := http.StripPrefix("/any", server.Handler(scimtest.Open(svc), server.Options{}))
		for path, want := range map[string]int{"/any/Users": 200, "/any": 200, "/any/": 200, "/any//Users": 400, "/any/Users%2fx": 400} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != want {
				t.Fatalf("%s: got %d, want %d", path, w.Code, want)
			}
		}
	})
	t.Run("Used hears what was forgiven", func(t *testing.T) {
		var used scim.Switches
		p := newProvider(t, scim.Compat(), func(s *server.Service, _ *server.Options) {
			s.Used = func(u scim.Switches) { used = u }
		})
		p.post("/Users", `{"userName":"ada"}`).is(201)
		if used != scim.Switches(0).With(scim.MissingSchemas) {
			t.Fatalf("got %v", used)
		}
	})
}
