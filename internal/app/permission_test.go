package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/assert"
)

// routes are all there are, with a method that each has, and what it needs; "" is being known, "public" nothing at all.
var routes = []struct{ method, path, needs string }{
	{"GET", "/ServiceProviderConfig", "public"},
	{"GET", "/ResourceTypes", ""},
	{"GET", "/ResourceTypes/User", ""},
	{"GET", "/Schemas", ""},
	{"GET", "/", "scim.read"},
	{"POST", "/.search", "scim.read"},
	{"GET", "/Users", "scim.users.read"},
	{"GET", "/Users/x", "scim.users.read"},
	{"HEAD", "/Users/x", "scim.users.read"},
	{"POST", "/Users/.search", "scim.users.read"},
	{"POST", "/Users", "scim.users.write"},
	{"PUT", "/Users/x", "scim.users.write"},
	{"PATCH", "/Users/x", "scim.users.write"},
	{"DELETE", "/Users/x", "scim.users.write"},
	{"GET", "/Groups", "scim.groups.read"},
	{"GET", "/Groups/x", "scim.groups.read"},
	{"POST", "/Groups", "scim.groups.write"},
	{"PUT", "/Groups/x", "scim.groups.write"},
	{"PATCH", "/Groups/x", "scim.groups.write"},
	{"DELETE", "/Groups/x", "scim.groups.write"},
	{"POST", "/Bulk", "scim.bulk"},
	{"GET", "/Bulk/x", "scim.bulk"},
}

var verbs = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}

// scopedToken makes a token with scopes.
func (h *house) scopedToken(scopes string) string {
	h.t.Helper()
	tok, err := h.CreateToken(h.t.Context(), admin.TokenRequest{Name: "test", Scopes: scopes})
	assert.NoError(h.t, err)
	return tok.Secret
}

// TestSec_A01_NothingIsOpen walks every method of every route, without a credential and with one that may do nothing there.
func TestSec_A01_NothingIsOpen(t *testing.T) {
	h := newHouse(t, app.Options{})
	bulk := h.scopedToken("scim.bulk")
	for _, prefix := range []string{app.Prefix, app.Prefix1, "/scim", "/t/default/scim/v2"} {
		for _, r := range routes {
			for _, method := range verbs {
				public := r.needs == "public" || prefix == app.Prefix1 && strings.HasPrefix(r.path, "/ServiceProviderConfig")
				c := call{method: method, url: h.root + prefix + r.path, body: map[string]string{"POST": "{}", "PUT": "{}", "PATCH": "{}"}[method]}
				status, _, body := h.do(c)
				if status != 401 && !(public && (method == "GET" || method == "HEAD") && status == 200) {
					t.Errorf("%s %s%s without a credential: %d %s", method, prefix, r.path, status, body)
				}
				if r.needs == "" || r.needs == "public" || r.needs == "scim.bulk" {
					continue
				}
				c.token = bulk
				if status, _, body = h.do(c); status != 403 && status != 404 && status != 405 && status != 501 {
					t.Errorf("%s %s%s with a token for other things: %d %s", method, prefix, r.path, status, body)
				}
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, _, _ := h.do(call{method: "GET", url: h.root + path}); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/metrics", "/v1/tokens", "/admin", "/debug/pprof/", "/"} {
		if status, _, _ := h.do(call{method: "GET", url: h.root + path}); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// TestSec_A09_EveryScopeOnEveryRoute: a scope opens what it names and nothing beside it.
//
// Rows: AUTH-70.
func TestSec_A09_EveryScopeOnEveryRoute(t *testing.T) {
	h := newHouse(t, app.Options{})
	grants := func(scope, need string) bool {
		switch {
		case scope == "scim" || need == "" || need == "public" || scope == need:
			return true
		case need == "scim.bulk":
			return false
		}
		return scope == "scim"+need[strings.LastIndexByte(need, '.'):]
	}
	for _, scope := range []string{"scim", "scim.read", "scim.write", "scim.users.read", "scim.users.write", "scim.groups.read", "scim.groups.write", "scim.bulk"} {
		token := h.scopedToken(scope)
		for _, r := range routes {
			status, header, body := h.do(call{
				method: r.method, url: h.root + app.Prefix + r.path, token: token,
				body: map[string]string{"POST": "{}", "PUT": "{}", "PATCH": "{}"}[r.method],
			})
			if grants(scope, r.needs) {
				if status == 403 || status == 401 {
					t.Errorf("%s on %s %s: %d %s", scope, r.method, r.path, status, body)
				}
				continue
			}
			challenge := header.Get("WWW-Authenticate")
			if status != 403 || !strings.Contains(challenge, `error="insufficient_scope", scope="`+r.needs+`"`) {
				t.Errorf("%s on %s %s: %d, %q", scope, r.method, r.path, status, challenge)
			}
		}
	}
}

// TestSec_A09_BulkOperationsNeedTheirOwnScope: the second lock is behind the first.
func TestSec_A09_BulkOperationsNeedTheirOwnScope(t *testing.T) {
	h := newHouse(t, app.Options{})
	token := h.scopedToken("scim.bulk,scim.users.write")
	status, _, body := h.do(call{method: "POST", url: h.root + app.Prefix + "/Bulk", token: token, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"POST","path":"/Users","bulkId":"u","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}},
		{"method":"POST","path":"/Groups","bulkId":"g","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g"}}]}`})
	assert.Equal(t, status, 200)
	if strings.Count(body, `"status":"201"`) != 1 || !strings.Contains(body, `"status":"404"`) && !strings.Contains(body, `"status":"403"`) {
		t.Errorf("%s", body)
	}
	all := h.token("default", "")
	if _, _, body := h.do(call{method: "GET", url: h.root + app.Prefix + "/Groups", token: all}); !strings.Contains(body, `"totalResults":0`) {
		t.Errorf("the group was made: %s", body)
	}
	// What a token cannot read it does not see in a search over everything either.
	reader := h.scopedToken("scim.users.read")
	if status, _, _ := h.do(call{method: "GET", url: h.root + app.Prefix + "/", token: reader}); status != 403 {
		t.Errorf("reading every type with the scope of one: %d", status)
	}
}

// TestSec_E04_ALoudTenantIsSlowedAlone: a token that comes too fast waits, then is told when to come again; another tenant does not notice.
func TestSec_E04_ALoudTenantIsSlowedAlone(t *testing.T) {
	h := newHouse(t, app.Options{})
	loud, quiet := h.tenant("loud"), h.tenant("quiet")
	_, err := h.SetTenant(t.Context(), "loud", []string{"limits.token_requests_per_second=5", "limits.token_burst=10"})
	assert.NoError(t, err)
	answers := make(chan string, 100)
	for range 60 {
		go func() {
			status, header, _ := h.do(call{method: "GET", url: h.at("loud") + "/Users", token: loud})
			answers <- fmt.Sprint(status, " ", header.Get("Retry-After"))
		}()
	}
	for range 20 {
		if status, _, _ := h.do(call{method: "GET", url: h.at("quiet") + "/Users", token: quiet}); status != 200 {
			t.Errorf("the quiet tenant: %d", status)
		}
	}
	count := map[string]int{}
	for range 60 {
		count[<-answers]++
	}
	if count["200 "] < 18 || count["200 "] > 25 || count["200 "]+count["429 1"]+count["429 2"]+count["429 3"] != 60 {
		t.Errorf("answers %v: 10 at once, 10 within 2 s, the others later", count)
	}
}

// TestSec_A20_OverridesAreNothing: a read token does not write by a header.
func TestSec_A20_ReadTokenDoesNotWriteByAHeader(t *testing.T) {
	h := newHouse(t, app.Options{})
	all, reader := h.token("default", ""), h.scopedToken("scim.read")
	_, header, _ := h.do(call{method: "POST", url: h.root + app.Prefix + "/Users", token: all, body: `{"userName":"ada"}`})
	at := header.Get("Location")
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		assert.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+reader)
		req.Header.Set(name, http.MethodDelete)
		resp, err := h.http.Do(req)
		assert.NoError(t, err)
		assert.NoError(t, resp.Body.Close())
		assert.Equal(t, resp.StatusCode, 200)
	}
	if status, _, _ := h.do(call{method: "GET", url: at, token: reader}); status != 200 {
		t.Errorf("after the overrides: %d", status)
	}
}
