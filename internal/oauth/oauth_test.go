package oauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/keyring"
	"github.com/muster-id/muster/internal/oauth"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/internal/vault"
)

// idp is an issuer outside, which signs with whatever the test wants.
type idp struct {
	*httptest.Server
	mu      sync.Mutex // guards what follows
	keys    map[string]crypto.Signer
	fetches int
	down    bool
	active  map[string]map[string]any // opaque tokens
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{keys: map[string]crypto.Signer{}, active: map[string]map[string]any{}}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	assert.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	assert.NoError(t, err)
	p.keys["rsa"], p.keys["ec"], p.keys["ed"] = rsaKey, ecKey, edKey
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.MarshalWrite(w, map[string]string{"issuer": p.URL, "jwks_uri": p.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetches++
		if p.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var set jose.JSONWebKeySet
		for kid, k := range p.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: kid, Use: "sig"})
		}
		_ = json.MarshalWrite(w, set)
	})
	mux.HandleFunc("/introspect", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetches++
		user, pass, _ := r.BasicAuth()
		if p.down || user != "muster" || pass != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if c := p.active[r.PostFormValue("token")]; c != nil {
			_ = json.MarshalWrite(w, c)
			return
		}
		_ = json.MarshalWrite(w, map[string]bool{"active": false})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func b64(v any) string {
	b, ok := v.([]byte)
	if !ok {
		b, _ = json.Marshal(v)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// sign makes a token with a header and claims, whatever they say.
func sign(t testing.TB, k crypto.Signer, header, claims map[string]any) string {
	t.Helper()
	text := b64(header) + "." + b64(claims)
	sum := sha256.Sum256([]byte(text))
	var sig []byte
	var err error
	switch k := k.(type) {
	case *rsa.PrivateKey:
		sig, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, k, sum[:])
		err = signErr
		sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		sig = ed25519.Sign(k, []byte(text))
	}
	assert.NoError(t, err)
	return text + "." + b64(sig)
}

// desk is the service with an issuer outside.
type desk struct {
	t     *testing.T
	mu    sync.Mutex // guards now
	now   time.Time
	db    *sqlite.DB
	other store.Tenant
	log   bytes.Buffer // why tokens were refused
	*oauth.Service
	idp *idp
	at  oauth.Place
}

const (
	root     = "https://scim.example.com"
	audience = root + "/scim/v2"
)

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), idp: newIDP(t), at: oauth.Place{Tenant: store.Default, Issuer: root, Audience: audience}}
	dir := t.TempDir()
	var err error
	d.db, err = sqlite.Open(t.Context(), filepath.Join(dir, "muster.db"), sqlite.Options{})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.db.Close()) })
	ring, _, err := keyring.Open(t.Context(), filepath.Join(dir, "keyring"), nil)
	assert.NoError(t, err)
	v, err := vault.New(t.Context(), d.db, ring)
	assert.NoError(t, err)
	d.Service = oauth.New(d.db, v, oauth.Options{Do: d.idp.Client().Do, NewID: id.New, Log: slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: func() time.Time {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.now
	}})
	row := store.TenantRecord{Name: "other", State: store.TenantActive, Created: d.now, Since: d.now}
	assert.NoError(t, d.db.Write(t.Context(), store.System, &store.Op{Heavy: true, Decide: func(v store.View) (*store.Rows, error) {
		row.Tenant = store.Tenant(v.NextNum())
		return &store.Rows{Tenants: []*store.TenantRecord{&row}}, nil
	}}))
	d.other = row.Tenant
	return d
}

func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) trust(edit func(*oauth.Issuer)) {
	d.t.Helper()
	i := oauth.Issuer{Name: "idp", URL: d.idp.URL, Audience: audience, Profile: "compat"}
	if edit != nil {
		edit(&i)
	}
	_, err := d.AddIssuer(d.t.Context(), store.Default, i, "s3cret")
	assert.NoError(d.t, err)
}

// claims are those of a good token, with some altered; nil removes one.
func (d *desk) claims(alter map[string]any) map[string]any {
	c := map[string]any{
		"iss": d.idp.URL, "aud": audience, "sub": "client-7", "client_id": "client-7", "jti": "1",
		"iat": d.now.Unix(), "exp": d.now.Add(10 * time.Minute).Unix(), "scope": "openid scim.users.read",
	}
	maps.Copy(c, alter)
	for k, v := range c {
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

func head(alter map[string]any) map[string]any {
	h := map[string]any{"alg": "ES256", "kid": "ec", "typ": "at+jwt"}
	maps.Copy(h, alter)
	for k, v := range h {
		if v == nil {
			delete(h, k)
		}
	}
	return h
}

func (d *desk) taken(token string) (access.Principal, bool) {
	d.t.Helper()
	p, err := d.Authenticate(d.t.Context(), token, d.at)
	if err != nil && !errors.Is(err, access.ErrUnknownToken) {
		d.t.Fatalf("%v", err)
	}
	return p, err == nil
}

// Rows: AUTH-20, AUTH-23, AUTH-26, AUTH-27.
func TestSec_A14_ForgedTokens(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trust(nil)
	ec, rs, ed := d.idp.keys["ec"], d.idp.keys["rsa"], d.idp.keys["ed"]
	_, mine, _ := ed25519.GenerateKey(rand.Reader)
	good := map[string]string{
		"ES256":              sign(t, ec, head(nil), d.claims(nil)),
		"RS256":              sign(t, rs, head(map[string]any{"alg": "RS256", "kid": "rsa"}), d.claims(nil)),
		"EdDSA":              sign(t, ed, head(map[string]any{"alg": "EdDSA", "kid": "ed"}), d.claims(nil)),
		"the long type":      sign(t, ec, head(map[string]any{"typ": "application/AT+JWT"}), d.claims(nil)),
		"no key id":          sign(t, ec, head(map[string]any{"kid": nil}), d.claims(nil)),
		"audiences":          sign(t, ec, head(nil), d.claims(map[string]any{"aud": []string{"x", audience}})),
		"scopes in a list":   sign(t, ec, head(nil), d.claims(map[string]any{"scope": []string{"scim.users.read"}})),
		"times with a point": sign(t, ec, head(nil), d.claims(map[string]any{"exp": float64(d.now.Unix()) + 100.5})),
	}
	for name, token := range good {
		p, ok := d.taken(token)
		if !ok || p.Scopes.String() != "scim.users.read" || p.Tenant != store.Default || !strings.Contains(p.TokenID, "client-7") {
			t.Errorf("%s: %v, %+v", name, ok, p)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(rs.Public())
	assert.NoError(t, err)
	hs := func(secret []byte) string {
		text := b64(head(map[string]any{"alg": "HS256", "kid": "rsa"})) + "." + b64(d.claims(nil))
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(text))
		return text + "." + b64(m.Sum(nil))
	}
	parts := strings.Split(good["ES256"], ".")
	jwk := jose.JSONWebKey{Key: mine.Public(), KeyID: "mine"}
	for name, token := range map[string]string{
		"none":                      b64(head(map[string]any{"alg": "none"})) + "." + b64(d.claims(nil)) + ".",
		"None":                      b64(head(map[string]any{"alg": "None"})) + "." + b64(d.claims(nil)) + ".",
		"HS256 with the public key": hs(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"HS256 with its DER":        hs(public),
		"another key":               sign(t, mine, head(map[string]any{"alg": "EdDSA", "kid": "ed"}), d.claims(nil)),
		"its own key in jwk":        sign(t, mine, head(map[string]any{"alg": "EdDSA", "kid": nil, "jwk": jwk}), d.claims(nil)),
		"its own key at jku":        sign(t, mine, head(map[string]any{"alg": "EdDSA", "kid": "mine", "jku": "https://evil.example/keys"}), d.claims(nil)),
		"its own key at x5u":        sign(t, mine, head(map[string]any{"alg": "EdDSA", "kid": "mine", "x5u": "https://evil.example/cert"}), d.claims(nil)),
		"a key of another kind":     sign(t, ec, head(map[string]any{"alg": "ES256", "kid": "rsa"}), d.claims(nil)),
		"crit":                      sign(t, ec, head(map[string]any{"crit": []string{"b64"}, "b64": false}), d.claims(nil)),
		"crit that is unknown":      sign(t, ec, head(map[string]any{"crit": []string{"x"}, "x": 1}), d.claims(nil)),
		"no signature":              parts[0] + "." + parts[1] + ".",
		"another signature":         parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)),
		"altered claims":            parts[0] + "." + b64(d.claims(map[string]any{"scope": "scim"})) + "." + parts[2],
		"an ID token":               sign(t, ec, head(map[string]any{"typ": "JWT"}), d.claims(nil)),
		"no type":                   sign(t, ec, head(map[string]any{"typ": nil}), d.claims(nil)),
		"a security event":          sign(t, ec, head(map[string]any{"typ": "secevent+jwt"}), d.claims(nil)),
		"encrypted":                 "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d",
		"two parts":                 parts[0] + "." + parts[1],
		"padding":                   parts[0] + "." + parts[1] + "." + parts[2] + "=",
		"twice the same claim": func() string {
			text := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+d.idp.URL+`","iss":"x"}`))
			return text + "." + b64([]byte("x"))
		}(),
	} {
		if _, ok := d.taken(token); ok {
			t.Errorf("%s: taken", name)
		}
	}
}

// Rows: AUTH-21, AUTH-22, AUTH-24, AUTH-29, AUTH-44.
func TestSec_A15_EveryClaim(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trust(func(i *oauth.Issuer) { i.Clients = []string{"client-7"} })
	now := d.now.Unix()
	for name, c := range map[string]struct {
		alter map[string]any
		ok    bool
	}{
		"good":                  {nil, true},
		"no iss":                {map[string]any{"iss": nil}, false},
		"iss with a slash":      {map[string]any{"iss": d.idp.URL + "/"}, false},
		"iss an array":          {map[string]any{"iss": []string{d.idp.URL}}, false},
		"another iss":           {map[string]any{"iss": "https://evil.example"}, false},
		"no aud":                {map[string]any{"aud": nil}, false},
		"another aud":           {map[string]any{"aud": "https://other.example"}, false},
		"aud of another tenant": {map[string]any{"aud": root + "/t/acme/scim/v2"}, false},
		"aud a prefix":          {map[string]any{"aud": root}, false},
		"aud a number":          {map[string]any{"aud": 7}, false},
		"no exp":                {map[string]any{"exp": nil}, false},
		"exp a text":            {map[string]any{"exp": fmt.Sprint(now + 100)}, false},
		"expired by 59 s":       {map[string]any{"iat": now - 600, "exp": now - 59}, true},
		"expired by 61 s":       {map[string]any{"iat": now - 600, "exp": now - 61}, false},
		"exp far away":          {map[string]any{"exp": now + 86400 + 1}, false},
		"exp a day":             {map[string]any{"exp": now + 86400}, true},
		"exp beyond all":        {map[string]any{"exp": 1e30}, false},
		"exp negative":          {map[string]any{"exp": -1}, false},
		"nbf in 59 s":           {map[string]any{"nbf": now + 59}, true},
		"nbf in 61 s":           {map[string]any{"nbf": now + 61}, false},
		"iat in 61 s":           {map[string]any{"iat": now + 61}, false},
		"iat long ago":          {map[string]any{"iat": now - 90000}, false},
		"nbf in milliseconds":   {map[string]any{"nbf": 1000 * now}, false},
		"nbf beyond all":        {map[string]any{"nbf": 1e300}, false},
		"nbf negative":          {map[string]any{"nbf": -1}, false},
		"iat beyond all":        {map[string]any{"iat": 1e300}, false},
		"no iat":                {map[string]any{"iat": nil}, true},
		"no iat, exp far away":  {map[string]any{"iat": nil, "exp": now + 86400 + 1}, false},
		"another client":        {map[string]any{"client_id": "client-8", "sub": "client-8"}, false},
		"client by azp":         {map[string]any{"client_id": nil, "azp": "client-7"}, true},
		"bound to DPoP":         {map[string]any{"cnf": map[string]any{"jkt": "x"}}, false},
	} {
		if _, ok := d.taken(sign(t, d.idp.keys["ec"], head(nil), d.claims(c.alter))); ok != c.ok {
			t.Errorf("%s: %v, want %v", name, ok, c.ok)
		}
	}
	for claim, value := range map[string]float64{"exp": 1e30, "nbf": 1.796e12, "iat": 1e300} {
		d.log.Reset()
		d.taken(sign(t, d.idp.keys["ec"], head(nil), d.claims(map[string]any{claim: value})))
		if why := fmt.Sprintf("its %s, %g, is no time in seconds since 1970", claim, value); !strings.Contains(d.log.String(), why) {
			t.Errorf("%s: no reason in %s, want %q", claim, d.log.String(), why)
		}
	}
	token := sign(t, d.idp.keys["ec"], head(nil), d.claims(nil))
	d.at.Tenant = d.other
	if _, ok := d.taken(token); ok {
		t.Error("a token of another tenant's issuer was taken")
	}
	// An issuer with an audience belongs to one tenant.
	_, err := d.AddIssuer(t.Context(), d.other, oauth.Issuer{Name: "mine", URL: d.idp.URL, Audience: audience}, "")
	assert.True(t, err != nil && strings.Contains(err.Error(), "belongs to one"))
}

// TestSec_A09_ForeignScopesGrantNothing: what an issuer's tokens may do by default is for those that name no scopes. One that was
// made for something else may do nothing here.
//
// Rows: AUTH-26.
func TestSec_A09_ForeignScopesGrantNothing(t *testing.T) {
	t.Parallel()
	for _, otherwise := range []string{"", "scim.read"} {
		d := newDesk(t)
		d.trust(func(i *oauth.Issuer) { i.Scopes = otherwise })
		for name, c := range map[string]struct {
			alter map[string]any
			want  string
		}{
			"no scope":              {map[string]any{"scope": nil}, otherwise},
			"scope empty":           {map[string]any{"scope": " "}, otherwise},
			"roles empty":           {map[string]any{"scope": nil, "roles": []string{}}, otherwise},
			"ours":                  {map[string]any{"scope": "scim.users.write"}, "scim.users.write"},
			"ours among others":     {map[string]any{"scope": "openid scim.users.write"}, "scim.users.write"},
			"ours by role":          {map[string]any{"scope": "openid", "roles": []string{"scim.users.write"}}, "scim.users.write"},
			"others":                {map[string]any{"scope": "openid profile"}, ""},
			"others in a list":      {map[string]any{"scope": nil, "scp": []string{"mail.read"}}, ""},
			"another role":          {map[string]any{"scope": nil, "roles": []string{"reader"}}, ""},
			"nearly ours":           {map[string]any{"scope": "scim.users"}, ""},
			"ours in other letters": {map[string]any{"scope": "SCIM"}, ""},
		} {
			p, ok := d.taken(sign(t, d.idp.keys["ec"], head(nil), d.claims(c.alter)))
			if !ok || p.Scopes.String() != c.want {
				t.Errorf("%s, by default %q: %v, may do %q, want %q", name, otherwise, ok, p.Scopes, c.want)
			}
		}
	}
}

func TestSec_A16_DotsCostNothing(t *testing.T) {
	d := newDesk(t)
	d.trust(nil)
	token := strings.Repeat(".", 10<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, ok := d.taken(token); ok {
		t.Error("dots were taken")
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes for a token of dots", used)
	}
}

// Rows: AUTH-28.
func TestSec_A17_UnknownKeysDoNotHammerTheIssuer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trust(nil)
	for i := range 2000 {
		d.taken(sign(t, d.idp.keys["ed"], head(map[string]any{"alg": "EdDSA", "kid": fmt.Sprint("k", i)}), d.claims(nil)))
	}
	assert.Equal(t, d.idp.fetches, 1)
	// A new key is found, half a minute later at the latest.
	_, fresh, err := ed25519.GenerateKey(rand.Reader)
	assert.NoError(t, err)
	d.idp.mu.Lock()
	d.idp.keys["new"] = fresh
	d.idp.mu.Unlock()
	d.pass(31 * time.Second)
	token := func() string {
		return sign(t, fresh, head(map[string]any{"alg": "EdDSA", "kid": "new"}), d.claims(nil))
	}
	_, ok := d.taken(token())
	assert.True(t, ok)
	assert.Equal(t, d.idp.fetches, 2)
	// An issuer that is away for a day changes nothing; for longer, nobody is believed.
	d.idp.mu.Lock()
	d.idp.down = true
	d.idp.mu.Unlock()
	for range 23 {
		d.pass(time.Hour)
		if _, ok := d.taken(token()); !ok {
			t.Fatal("the last good keys were not kept")
		}
	}
	d.pass(2 * time.Hour)
	if _, err := d.Authenticate(t.Context(), token(), d.at); err == nil || errors.Is(err, access.ErrUnknownToken) {
		t.Errorf("after a day without the issuer: %v, want an error that is no verdict", err)
	}
}

// TestEntra: the provisioning service of an Entra tenant, when its administrator leaves the secret token empty.
func TestEntra(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const tid = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	i, err := oauth.Entra(strings.ToUpper(tid))
	assert.NoError(t, err)
	iss := i.URL
	i.JWKS = d.idp.URL + "/keys"
	_, err = d.AddIssuer(t.Context(), store.Default, i, "")
	assert.NoError(t, err)
	token := func(alter map[string]any) string {
		c := map[string]any{
			"iss": iss, "tid": tid, "aud": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621", "appid": "00000014-0000-0000-c000-000000000000",
			"iat": d.now.Unix(), "nbf": d.now.Unix(), "exp": d.now.Add(time.Hour).Unix(), "idp": iss, "ver": "1.0",
		}
		maps.Copy(c, alter)
		return sign(t, d.idp.keys["rsa"], map[string]any{"alg": "RS256", "typ": "JWT", "kid": "rsa", "x5t": "rsa"}, c)
	}
	p, ok := d.taken(token(nil))
	if !ok || !p.Scopes.All() || p.Profile != "entra" {
		t.Errorf("%v %+v", ok, p)
	}
	for name, alter := range map[string]map[string]any{
		"another directory":   {"tid": "11111111-86f1-41af-91ab-2d7cd011db47"},
		"another application": {"appid": "11111111-0000-0000-c000-000000000000"},
		"another audience":    {"aud": "00000002-0000-0000-c000-000000000000"},
		"another issuer":      {"iss": "https://sts.windows.net/11111111-86f1-41af-91ab-2d7cd011db47/"},
	} {
		if _, ok := d.taken(token(alter)); ok {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := oauth.Entra("contoso.onmicrosoft.com"); err == nil {
		t.Error("a name is the id of a tenant")
	}
}

// Rows: AUTH-30, AUTH-31, AUTH-32, AUTH-34.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trust(func(i *oauth.Issuer) {
		i.Introspection, i.ClientID, i.Scopes = d.idp.URL+"/introspect", "muster", "scim.read"
	})
	good := map[string]any{"active": true, "aud": audience, "client_id": "c", "exp": d.now.Add(time.Minute).Unix()}
	with := func(alter map[string]any) map[string]any {
		c := maps.Clone(good)
		maps.Copy(c, alter)
		return c
	}
	d.idp.active = map[string]map[string]any{
		"good": good, "expired": with(map[string]any{"exp": d.now.Add(-time.Hour).Unix()}), "elsewhere": with(map[string]any{"aud": "x"}),
		"scoped": with(map[string]any{"scope": "scim.users.write"}), "foreign": with(map[string]any{"scope": "openid"}), "text": {"active": "true"},
	}
	for token, want := range map[string]string{"good": "scim.read", "scoped": "scim.users.write", "expired": "", "elsewhere": "", "unknown": ""} {
		p, ok := d.taken(token)
		if ok != (want != "") || p.Scopes.String() != want {
			t.Errorf("%s: %v, %q", token, ok, p.Scopes)
		}
	}
	if p, ok := d.taken("foreign"); !ok || len(p.Scopes) > 0 {
		t.Errorf("foreign: %v, %q", ok, p.Scopes)
	}
	if p, _ := d.taken("good"); p.Expires.After(d.now.Add(3 * time.Minute)) {
		t.Errorf("believed until %v", p.Expires)
	}
	if _, err := d.Authenticate(t.Context(), "text", d.at); err == nil || errors.Is(err, access.ErrUnknownToken) {
		t.Errorf("an answer that is none: %v", err)
	}
	d.idp.down = true
	if _, err := d.Authenticate(t.Context(), "good", d.at); err == nil || errors.Is(err, access.ErrUnknownToken) {
		t.Errorf("an issuer that does not answer: %v, want an error that is no verdict", err)
	}
	if strings.Contains(fmt.Sprint(d.Issuers(t.Context(), store.Default)), "s3cret") {
		t.Error("the secret is shown")
	}
}

// noFailures counts nothing.
type noFailures struct{ failed *int }

func (noFailures) Blocked(*http.Request) error  { return nil }
func (f noFailures) Failed(*http.Request) error { *f.failed++; return nil }

// ask sends a request for a token.
func (d *desk) ask(form url.Values, edit func(*http.Request)) (int, map[string]any, http.Header) {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, root+oauth.TokenPath, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	n := 0
	d.Token(w, r, d.at, noFailures{&n})
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		d.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		d.t.Error("a token may be kept by somebody on the way")
	}
	if n > 0 != (body["error"] == "invalid_client") {
		d.t.Errorf("%v counted as %d failures", body, n)
	}
	return w.Code, body, w.Header()
}

func grant(more ...string) url.Values {
	f := url.Values{"grant_type": {"client_credentials"}}
	for i := 0; i < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

// Rows: AUTH-25, AUTH-50, AUTH-51, AUTH-54, AUTH-57, AUTH-58.
func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	secret, c, err := d.CreateClient(t.Context(), store.Default, oauth.ClientSpec{Name: "okta", Scopes: "scim.users.read,scim.users.write"})
	assert.NoError(t, err)
	post := grant("client_id", c.ID, "client_secret", secret.Reveal())
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
	}
	code, body, _ := d.ask(post, nil)
	assert.Equal(t, code, 200)
	assert.Equal(t, body["token_type"], any("Bearer"))
	assert.Equal(t, body["scope"], any("scim.users.read scim.users.write"))
	if body["refresh_token"] != nil {
		t.Error("a refresh token")
	}
	token := body["access_token"].(string)
	p, ok := d.taken(token)
	if !ok || p.Scopes.String() != "scim.users.read scim.users.write" || p.TokenID != "oauth:"+c.ID {
		t.Errorf("%v %+v", ok, p)
	}
	// RFC 9068 §2.2
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	assert.NoError(t, err)
	for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
		if !bytes.Contains(payload, []byte(`"`+name+`"`)) {
			t.Errorf("no %s in %s", name, payload)
		}
	}
	code, body, _ = d.ask(grant("scope", "scim.users.read", "resource", audience), basic(c.ID, secret.Reveal()))
	assert.Equal(t, code, 200)
	assert.Equal(t, body["scope"], any("scim.users.read"))

	for name, try := range map[string]struct {
		form  url.Values
		edit  func(*http.Request)
		code  int
		error string
	}{
		"wrong secret":     {grant("client_id", c.ID, "client_secret", "x"), nil, 401, "invalid_client"},
		"wrong by basic":   {grant(), basic(c.ID, "x"), 401, "invalid_client"},
		"nobody":           {grant("client_id", "nobody", "client_secret", secret.Reveal()), nil, 401, "invalid_client"},
		"no secret":        {grant("client_id", c.ID), nil, 401, "invalid_client"},
		"nothing":          {grant(), nil, 401, "invalid_client"},
		"two ways":         {post, basic(c.ID, secret.Reveal()), 400, "invalid_request"},
		"twice the secret": {url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {secret.Reveal(), "x"}}, nil, 400, "invalid_request"},
		"another grant":    {url.Values{"grant_type": {"password"}, "client_id": {c.ID}, "client_secret": {secret.Reveal()}}, nil, 400, "unsupported_grant_type"},
		"no grant":         {url.Values{"client_id": {c.ID}, "client_secret": {secret.Reveal()}}, nil, 400, "unsupported_grant_type"},
		"more than it has": {grant("client_id", c.ID, "client_secret", secret.Reveal(), "scope", "scim"), nil, 400, "invalid_scope"},
		"unknown scope":    {grant("client_id", c.ID, "client_secret", secret.Reveal(), "scope", "admin"), nil, 400, "invalid_scope"},
		"another resource": {grant("client_id", c.ID, "client_secret", secret.Reveal(), "resource", "https://x.example"), nil, 400, "invalid_target"},
		"in the URL":       {post, func(r *http.Request) { r.URL.RawQuery = "client_id=x" }, 400, "invalid_request"},
		"JSON":             {post, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400, "invalid_request"},
		"GET":              {post, func(r *http.Request) { r.Method = http.MethodGet }, 405, "invalid_request"},
		"two headers":      {grant(), func(r *http.Request) { basic(c.ID, secret.Reveal())(r); r.Header.Add("Authorization", "Basic x") }, 400, "invalid_request"},
	} {
		code, body, header := d.ask(try.form, try.edit)
		if code != try.code || body["error"] != try.error {
			t.Errorf("%s: %d %v, want %d %s", name, code, body, try.code, try.error)
		}
		if name == "wrong by basic" && !strings.HasPrefix(header.Get("WWW-Authenticate"), "Basic") {
			t.Errorf("%s: no challenge", name)
		}
	}

	// At another tenant the client is nobody, and its token is nothing.
	here := d.at
	d.at = oauth.Place{Tenant: d.other, Issuer: root + "/t/other", Audience: root + "/t/other/scim/v2"}
	if code, _, _ := d.ask(post, nil); code != 401 {
		t.Errorf("at another tenant: %d", code)
	}
	if _, ok := d.taken(token); ok {
		t.Error("its token is taken at another tenant")
	}
	d.at = here

	// Rotation: both secrets work until the overlap is over.
	fresh, _, err := d.RotateClient(t.Context(), store.Default, c.ID, time.Hour)
	assert.NoError(t, err)
	for _, s := range []string{secret.Reveal(), fresh.Reveal()} {
		if code, _, _ := d.ask(grant("client_id", c.ID, "client_secret", s), nil); code != 200 {
			t.Errorf("during the overlap: %d", code)
		}
	}
	d.pass(61 * time.Minute)
	if code, _, _ := d.ask(post, nil); code != 401 {
		t.Errorf("the old secret after the overlap: %d", code)
	}
	if _, ok := d.taken(token); ok {
		t.Error("a token works after its end")
	}
	_, body, _ = d.ask(grant("client_id", c.ID, "client_secret", fresh.Reveal()), nil)
	token = body["access_token"].(string)
	// Our keys are rotated: what was signed with the old one is taken still.
	assert.NoError(t, d.RotateKeys(t.Context()))
	if _, ok := d.taken(token); !ok {
		t.Error("a token of the key before is not taken")
	}
	// Revoked: within 5 s.
	assert.NoError(t, d.RevokeClient(t.Context(), store.Default, c.ID))
	d.pass(5 * time.Second)
	if _, ok := d.taken(token); ok {
		t.Error("a token of a client that was revoked is taken")
	}
	if code, _, _ := d.ask(grant("client_id", c.ID, "client_secret", fresh.Reveal()), nil); code != 401 {
		t.Errorf("a client that was revoked: %d", code)
	}
}

// Rows: AUTH-52.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	assert.NoError(t, err)
	secret, c, err := d.CreateClient(t.Context(), store.Default, oauth.ClientSpec{Name: "workday", Keys: keys})
	assert.NoError(t, err)
	assert.True(t, secret.Empty())
	n := 0
	assertion := func(alter map[string]any) url.Values {
		n++
		claims := map[string]any{"iss": c.ID, "sub": c.ID, "aud": root + oauth.TokenPath, "exp": d.now.Add(time.Minute).Unix(), "jti": fmt.Sprint(n)}
		maps.Copy(claims, alter)
		return grant("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
			"client_assertion", sign(t, key, map[string]any{"alg": "ES256", "kid": "1"}, claims))
	}
	once := assertion(nil)
	for want, form := range map[int]url.Values{200: once} {
		code, body, _ := d.ask(form, nil)
		assert.Equal(t, code, want, assert.Sprintf("%v", body))
	}
	if code, _, _ := d.ask(once, nil); code != 401 {
		t.Errorf("the same assertion again: %d", code)
	}
	if code, _, _ := d.ask(assertion(map[string]any{"aud": root}), nil); code != 200 {
		t.Errorf("for the issuer: %d", code)
	}
	for name, alter := range map[string]map[string]any{
		"another aud": {"aud": "https://other.example"}, "another iss": {"iss": "x"}, "another sub": {"sub": "x"}, "no jti": {"jti": ""},
		"expired": {"exp": d.now.Add(-2 * time.Minute).Unix()}, "too long": {"exp": d.now.Add(2 * time.Hour).Unix()},
	} {
		if code, body, _ := d.ask(assertion(alter), nil); code != 401 || body["error"] != "invalid_client" {
			t.Errorf("%s: %d %v", name, code, body)
		}
	}
	_, forger, _ := ed25519.GenerateKey(rand.Reader)
	if code, _, _ := d.ask(grant("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
		"client_assertion", sign(t, forger, map[string]any{"alg": "EdDSA"}, map[string]any{"iss": c.ID, "sub": c.ID, "aud": root, "exp": d.now.Add(time.Minute).Unix(), "jti": "x"})), nil); code != 401 {
		t.Errorf("signed by somebody else: %d", code)
	}
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key}}})
	assert.NoError(t, err)
	for _, bad := range [][]byte{private, []byte("{}"), []byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`)} {
		if _, _, err := d.CreateClient(t.Context(), store.Default, oauth.ClientSpec{Name: "x", Keys: bad}); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// Rows: AUTH-40, AUTH-41, AUTH-46.
func TestCertificateBoundTokens(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	sum, other := sha256.Sum256([]byte("cert")), sha256.Sum256([]byte("other"))
	mine := base64.RawURLEncoding.EncodeToString(sum[:])
	_, c, err := d.CreateClient(t.Context(), store.Default, oauth.ClientSpec{Name: "okta", Certificate: mine})
	assert.NoError(t, err)
	if code, _, _ := d.ask(grant("client_id", c.ID), nil); code != 401 {
		t.Errorf("without the certificate: %d", code)
	}
	d.at.Certificate = base64.RawURLEncoding.EncodeToString(other[:])
	if code, _, _ := d.ask(grant("client_id", c.ID), nil); code != 401 {
		t.Errorf("with another certificate: %d", code)
	}
	d.at.Certificate = mine
	code, body, _ := d.ask(grant("client_id", c.ID), nil)
	assert.Equal(t, code, 200)
	token := body["access_token"].(string)
	a := access.New(nil, func() time.Time { return d.now }, access.Options{Others: func(ctx context.Context, token string, tenant store.Tenant, certificate string) (access.Principal, error) {
		at := d.at
		at.Tenant, at.Certificate = tenant, certificate
		return d.Authenticate(ctx, token, at)
	}})
	for range 2 { // the second time from memory
		for certificate, want := range map[string]bool{mine: true, "": false, d.at.Certificate + "x": false} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			if _, err := a.Request(r, store.Default, netip.MustParseAddr("192.0.2.1"), certificate); (err == nil) != want {
				t.Errorf("certificate %q: %v", certificate, err)
			}
		}
	}
}

// Rows: AUTH-55, AUTH-56.
func TestMetadata(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	w := httptest.NewRecorder()
	d.Metadata(w, d.at)
	for _, want := range []string{`"issuer":"` + root + `"`, `"token_endpoint":"` + root + `/oauth/token"`, `"jwks_uri"`, "private_key_jwt", "client_secret_basic"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	w = httptest.NewRecorder()
	d.Resource(w, d.at)
	for _, want := range []string{`"resource":"` + audience + `"`, `"authorization_servers":["` + root + `"]`, "scim.users.read"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	w = httptest.NewRecorder()
	d.PublicKeys(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if !strings.Contains(w.Body.String(), `"alg":"EdDSA"`) || strings.Contains(w.Body.String(), `"d"`) {
		t.Errorf("keys: %s", w.Body)
	}
}
