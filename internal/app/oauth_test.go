package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/outbound"
)

// TestOAuthOverHTTP: a client finds out where to get a token, gets one, and uses it; at its own tenant only.
//
// Rows: AUTH-54, AUTH-55, AUTH-56.
func TestOAuthOverHTTP(t *testing.T) {
	h := newHouse(t, app.Options{})
	h.tenant("acme")
	h.tenant("beta")
	_, header, _ := h.do(call{method: "GET", url: h.at("acme") + "/Users"})
	challenge := header.Get("WWW-Authenticate")
	at := h.root + "/.well-known/oauth-protected-resource/t/acme/scim/v2"
	if !strings.Contains(challenge, `resource_metadata="`+at+`"`) || strings.Contains(challenge, "error=") {
		t.Fatalf("challenge %s", challenge)
	}
	_, _, body := h.do(call{method: "GET", url: at})
	if !strings.Contains(body, `"resource":"`+h.at("acme")+`"`) || !strings.Contains(body, `"authorization_servers":["`+h.root+`/t/acme"]`) {
		t.Errorf("%s", body)
	}
	_, _, body = h.do(call{method: "GET", url: h.root + "/.well-known/oauth-authorization-server/t/acme"})
	if !strings.Contains(body, `"token_endpoint":"`+h.root+`/t/acme/oauth/token"`) {
		t.Errorf("%s", body)
	}
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/scim/v2", "/oauth/jwks", "/t/acme/oauth/jwks"} {
		if status, _, body := h.do(call{method: "GET", url: h.root + path}); status != 200 || !strings.HasPrefix(body, "{") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/.well-known/oauth-authorization-serverx", "/.well-known/oauth-protected-resource/x", "/.well-known/oauth-authorization-server/t/ACME", "/oauth", "/oauth/token/x"} {
		if status, _, _ := h.do(call{method: "GET", url: h.root + path}); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}

	h.Tenant = "acme"
	c, err := h.CreateOAuthClient(t.Context(), admin.OAuthClientRequest{Name: "okta", Scopes: "scim.users.read"})
	h.Tenant = ""
	assert.NoError(t, err)
	token := h.exchange("acme", c)
	for url, want := range map[string]int{h.at("acme") + "/Users": 200, h.at("acme") + "/Groups": 403, h.at("beta") + "/Users": 401, h.root + app.Prefix + "/Users": 401} {
		if status, _, body := h.do(call{method: "GET", url: url, token: token}); status != want {
			t.Errorf("%s: %d %s", url, status, body)
		}
	}
	if status, _, _ := h.do(call{method: "POST", url: h.at("acme") + "/Users", token: token, body: `{"userName":"x"}`}); status != 403 {
		t.Errorf("a write with the scope of reading: %d", status)
	}
}

// TestSec_A09_TokensMadeForSomethingElse: a token of a trusted issuer that names only scopes of others is known, so it is no 401, and may do
// nothing, whatever tokens without scopes may.
//
// Rows: AUTH-05.
func TestSec_A09_TokensMadeForSomethingElse(t *testing.T) {
	scopes := map[string]string{"none": "", "ours": "scim.users.read", "others": "openid profile", "ours-for-groups": "scim.groups.read"}
	as := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.MarshalWrite(w, map[string]any{"active": true, "aud": "muster", "scope": scopes[r.PostFormValue("token")]})
	}))
	t.Cleanup(as.Close)
	h := newHouse(t, app.Options{Outbound: outbound.Options{Allow: []string{"127.0.0.1"}}})
	issuer := admin.OAuthIssuer{Secret: "of introspection"}
	issuer.Name, issuer.URL, issuer.Audience, issuer.Scopes = "as", as.URL, "muster", "scim.read"
	issuer.Introspection, issuer.ClientID = as.URL, "muster"
	_, err := h.AddOAuthIssuer(t.Context(), issuer)
	assert.NoError(t, err)
	for token, want := range map[string]int{"none": 200, "ours": 200, "others": 403, "ours-for-groups": 403} {
		status, header, body := h.do(call{method: "GET", url: h.root + app.Prefix + "/Users", token: token})
		challenge := header.Get("WWW-Authenticate")
		if status != want || want == 403 && !strings.Contains(challenge, `error="insufficient_scope", scope="scim.users.read"`) {
			t.Errorf("%s: %d %s %s, want %d", token, status, challenge, body, want)
		}
	}
}

// TestSec_A13_SecretsAreShownOnce walks what the command interface answers for every secret that was made.
func TestSec_A13_SecretsAreShownOnce(t *testing.T) {
	h := newHouse(t, app.Options{})
	secrets := []string{h.token("default", "")}
	c, err := h.CreateOAuthClient(t.Context(), admin.OAuthClientRequest{Name: "okta"})
	assert.NoError(t, err)
	_, err = h.AddOAuthIssuer(t.Context(), admin.OAuthIssuer{Secret: "the-secret-of-introspection"})
	assert.True(t, err != nil)
	issuer := admin.OAuthIssuer{Secret: "the-secret-of-introspection"}
	issuer.Name, issuer.URL, issuer.Audience = "idp", "https://idp.example", "x"
	issuer.Introspection, issuer.ClientID = "https://idp.example/introspect", "muster"
	shown, err := h.AddOAuthIssuer(t.Context(), issuer)
	assert.NoError(t, err)
	assert.Equal(t, shown.Secret, "")
	secrets = append(secrets, c.Secret, "the-secret-of-introspection")
	url := "https://wiki.example/scim/v2"
	added, err := h.AddTarget(t.Context(), admin.TargetRequest{Name: "wiki", Type: "scim", URL: &url, Credential: "the-token-of-the-wiki"})
	assert.NoError(t, err)
	rotated, err := h.ActOnTarget(t.Context(), "wiki", "rotate-secret", admin.TargetRequest{Credential: "the-token-of-the-wiki-2"})
	assert.NoError(t, err)
	secrets = append(secrets, "the-token-of-the-wiki", "the-token-of-the-wiki-2")
	targets, err := h.StoredTargets(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, len(targets), 1)
	sealing, err := h.Keys(t.Context(), true)
	assert.NoError(t, err)
	tokens, err := h.Tokens(t.Context())
	assert.NoError(t, err)
	clients, err := h.OAuthClients(t.Context())
	assert.NoError(t, err)
	issuers, err := h.OAuthIssuers(t.Context())
	assert.NoError(t, err)
	tenant, err := h.ShowTenant(t.Context(), "default")
	assert.NoError(t, err)
	keys, err := h.OAuthKeys(t.Context(), true)
	assert.NoError(t, err)
	for _, answer := range []any{tokens, clients, issuers, tenant, keys, added, rotated, targets, sealing} {
		for _, secret := range secrets {
			if text := sprint(answer); strings.Contains(text, secret) {
				t.Errorf("%s in %s", secret, text)
			}
		}
	}
}

// sprint spells out an answer as it is sent.
func sprint(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
