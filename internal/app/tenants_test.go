package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/datadir"
)

// house is a hub with tenants, and how tests talk to it.
type house struct {
	t    testing.TB
	root string
	*admin.Client
	http *http.Client
}

func newHouse(t *testing.T, o app.Options) *house {
	t.Helper()
	o.Data = filepath.Join(t.TempDir(), "data")
	o.MaxAuthFailures = 1_000_000
	a := start(t, o)
	dir, err := datadir.Existing(o.Data)
	assert.NoError(t, err)
	c, err := admin.Dial(t.Context(), dir, nil)
	assert.NoError(t, err)
	tr := &http.Transport{}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		assert.NoError(t, c.Close())
	})
	return &house{t, strings.TrimSuffix(a.Base(), app.Prefix), c, &http.Client{Transport: tr}}
}

// tenant makes a tenant and a token of it.
func (h *house) tenant(name string) (token string) {
	h.t.Helper()
	_, err := h.CreateTenant(h.t.Context(), admin.TenantRequest{Name: name})
	assert.NoError(h.t, err)
	return h.token(name, "")
}

func (h *house) token(tenant, source string) string {
	h.t.Helper()
	h.Tenant = tenant
	defer func() { h.Tenant = "" }()
	tok, err := h.CreateToken(h.t.Context(), admin.TokenRequest{Name: "test", Source: source})
	assert.NoError(h.t, err)
	return tok.Secret
}

// call is a request and what came back.
type call struct {
	method, url, token, host, body string
}

func (h *house) do(c call) (status int, header http.Header, body string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(h.t.Context()), c.method, c.url, bytes.NewReader([]byte(c.body)))
	assert.NoError(h.t, err)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.body != "" {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	req.Host = c.host
	resp, err := h.http.Do(req)
	assert.NoError(h.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	assert.NoError(h.t, err)
	return resp.StatusCode, resp.Header, string(b)
}

// exchange gets an access token of a client.
func (h *house) exchange(tenant string, c admin.OAuthClient) string {
	h.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}
	resp, err := h.http.PostForm(h.root+"/t/"+tenant+"/oauth/token", form)
	assert.NoError(h.t, err)
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
	}
	assert.NoError(h.t, json.UnmarshalRead(resp.Body, &answer))
	if answer.Token == "" {
		h.t.Fatalf("no token: %d", resp.StatusCode)
	}
	return answer.Token
}

func (h *house) at(tenant string) string { return h.root + "/t/" + tenant + app.Prefix }

// Rows: P-6-01, P-6-02.
func TestTenantsHaveURLsOfTheirOwn(t *testing.T) {
	h := newHouse(t, app.Options{})
	token := h.tenant("acme")
	_, err := h.SetTenant(t.Context(), "acme", []string{"hosts=scim.acme.example"})
	assert.NoError(t, err)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(h.root, "http://"))
	assert.NoError(t, err)

	status, header, body := h.do(call{method: "POST", url: h.at("acme") + "/Users", token: token, body: `{"userName":"ada"}`})
	assert.Equal(t, status, 201)
	if !strings.HasPrefix(header.Get("Location"), h.at("acme")+"/Users/") || !strings.Contains(body, `"location":"`+h.at("acme")+"/Users/") {
		t.Errorf("Location %s, body %s", header.Get("Location"), body)
	}
	for name, c := range map[string]struct {
		call
		base string
	}{
		"2.0 by path":   {call{url: h.at("acme")}, h.at("acme")},
		"1.1 by path":   {call{url: h.root + "/t/acme" + app.Prefix1}, h.root + "/t/acme" + app.Prefix1},
		"2.0 by host":   {call{url: h.root + app.Prefix, host: "SCIM.acme.example:443"}, "http://scim.acme.example:" + port + app.Prefix},
		"no version":    {call{url: h.root + "/t/acme/scim"}, h.at("acme")},
		"both the same": {call{url: h.at("acme"), host: "scim.acme.example"}, h.at("acme")},
	} {
		t.Run(name, func(t *testing.T) {
			c.method, c.token = "GET", token
			c.url += "/Users"
			status, _, body := h.do(c.call)
			assert.Equal(t, status, 200)
			if !strings.Contains(body, c.base+"/Users/") || !strings.Contains(body, `"totalResults":1`) {
				t.Errorf("no resource below %s: %s", c.base, body)
			}
		})
	}
	t.Run("another spelling of the name is no tenant's", func(t *testing.T) {
		for _, path := range []string{"/t/ACME", "/t/%61cme", "/t/acme%2f", "/t//acme", "/t/acme/..", "/t/", "/t/acme/healthz"} {
			status, _, body := h.do(call{method: "GET", url: h.root + path + "/scim/v2/Users", token: token})
			if status == 200 || strings.Contains(body, "ada") {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	})
}

// TestSec_B02_NobodyLearnsWhatThereIs: whatever is not the caller's looks like what never was, byte for byte.
//
// Rows: AUTH-74.
func TestSec_B02_NobodyLearnsWhatThereIs(t *testing.T) {
	h := newHouse(t, app.Options{})
	acme, beta := h.tenant("acme"), h.tenant("beta")
	h.tenant("asleep")
	h.tenant("leaving")
	_, err := h.ActOnTenant(t.Context(), "asleep", "suspend", admin.TenantRequest{})
	assert.NoError(t, err)
	_, err = h.ActOnTenant(t.Context(), "leaving", "delete", admin.TenantRequest{Grace: 3600})
	assert.NoError(t, err)
	_, _, body := h.do(call{method: "POST", url: h.at("acme") + "/Users", token: acme, body: `{"userName":"ada"}`})
	var ada struct{ ID string }
	assert.NoError(t, json.Unmarshal([]byte(body), &ada, json.MatchCaseInsensitiveNames(true)))

	plain := func(c call) string {
		status, header, body := h.do(c)
		header.Del("Date")
		header.Del("X-Request-Id")
		var lines []string
		for _, k := range slices.Sorted(maps.Keys(header)) {
			lines = append(lines, k+": "+strings.Join(header[k], ","))
		}
		return fmt.Sprintf("%d\n%s\n%s", status, strings.Join(lines, "\n"), body)
	}
	t.Run("tenants", func(t *testing.T) {
		for _, path := range []string{"/Users", "/Users/" + ada.ID, "/Schemas", "/Bulk"} {
			want := plain(call{method: "GET", url: h.at("acme") + path, token: strings.Replace(acme, "mst_", "mst_x", 1)})
			if !strings.HasPrefix(want, "401\n") {
				t.Fatalf("an unknown token: %s", want)
			}
			for _, tenant := range []string{"acme", "beta", "asleep", "leaving", "nobody"} {
				token := acme
				if tenant == "acme" {
					token = beta
				}
				// The answer says where to get a token: at the URL that was asked.
				got := strings.ReplaceAll(plain(call{method: "GET", url: h.at(tenant) + path, token: token}), "/t/"+tenant+"/", "/t/acme/")
				if got != want {
					t.Errorf("%s of tenant %s differs from what an unknown token gets:\n%s\nwant\n%s", path, tenant, got, want)
				}
			}
		}
	})
	t.Run("without credentials", func(t *testing.T) {
		for _, path := range []string{"/Users", "/ServiceProviderConfig"} {
			want := strings.ReplaceAll(plain(call{method: "GET", url: h.at("emca") + path}), "emca", "acme")
			if got := plain(call{method: "GET", url: h.at("acme") + path}); got != want {
				t.Errorf("%s:\n%s\nwant\n%s", path, got, want)
			}
		}
	})
	t.Run("ids", func(t *testing.T) {
		stranger := "5b4f2a1c-0f8e-4a55-9c40-9b3e7a1f6d20"
		for _, method := range []string{"GET", "DELETE", "PUT", "PATCH"} {
			ask := func(id string) string {
				body := map[string]string{
					"PUT":   `{"userName":"x"}`,
					"PATCH": `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`,
				}[method]
				return strings.ReplaceAll(plain(call{method: method, url: h.at("beta") + "/Users/" + id, token: beta, body: body}), id, "ID")
			}
			if got, want := ask(ada.ID), ask(stranger); got != want || !strings.HasPrefix(got, "404\n") {
				t.Errorf("%s of a foreign id:\n%s\nwant\n%s", method, got, want)
			}
		}
	})
}

// TestSec_B11_ADeletedTenantStopsAndGoes: tokens end at once, a resumed tenant is as it was, a purged one is nowhere.
func TestSec_B11_ADeletedTenantStopsAndGoes(t *testing.T) {
	h := newHouse(t, app.Options{})
	acme, beta := h.tenant("acme"), h.tenant("beta")
	for name, token := range map[string]string{"acme": acme, "beta": beta} {
		status, _, _ := h.do(call{method: "POST", url: h.at(name) + "/Users", token: token, body: `{"userName":"ada"}`})
		assert.Equal(t, status, 201)
	}
	get := func(name, token string) int {
		status, _, _ := h.do(call{method: "GET", url: h.at(name) + "/Users", token: token})
		return status
	}
	act := func(action string, grace time.Duration) {
		t.Helper()
		_, err := h.ActOnTenant(t.Context(), "acme", action, admin.TenantRequest{Grace: int64(grace.Seconds())})
		assert.NoError(t, err)
	}
	act("delete", time.Hour)
	assert.Equal(t, get("acme", acme), 401)
	act("resume", 0)
	assert.Equal(t, get("acme", acme), 200)
	act("delete", 0)
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(20 * time.Millisecond) {
		gone, err := h.Purged(t.Context())
		assert.NoError(t, err)
		if len(gone) == 1 {
			assert.Equal(t, gone[0].Name, "acme")
			assert.Equal(t, gone[0].Left, int64(0))
			assert.True(t, gone[0].Rows > 5)
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("acme is not purged")
		}
	}
	assert.Equal(t, get("acme", acme), 401)
	assert.Equal(t, get("beta", beta), 200)

	// The name may be used again, and brings nothing back.
	again := h.tenant("acme")
	assert.Equal(t, get("acme", acme), 401)
	_, _, body := h.do(call{method: "GET", url: h.at("acme") + "/Users", token: again})
	assert.True(t, strings.Contains(body, `"totalResults":0`))

	_, err := h.ActOnTenant(t.Context(), "default", "delete", admin.TenantRequest{})
	assert.True(t, err != nil && strings.Contains(err.Error(), "default"))
}

func TestSec_B08_NamesOfOursAreNobodys(t *testing.T) {
	h := newHouse(t, app.Options{})
	for _, name := range []string{"", "system", "muster", "admin", "scim", "t", "oauth", "Acme", "a b", "-a", "a-", "1a", "a.b", "a/b", "ünlü", strings.Repeat("a", 64), "default"} {
		if _, err := h.CreateTenant(t.Context(), admin.TenantRequest{Name: name}); err == nil {
			t.Errorf("tenant %q was made", name)
		}
		if _, err := h.CreateSource(t.Context(), admin.SourceRequest{Name: name}); err == nil {
			t.Errorf("source %q was made", name)
		}
	}
	for _, host := range []string{"127.0.0.1", "acme", "https://a.example", "a.example:80", "a_b.example", "*.a.example"} {
		if _, err := h.CreateTenant(t.Context(), admin.TenantRequest{Name: "hosted", Hosts: []string{host}}); err == nil {
			t.Errorf("host %q was taken", host)
		}
	}
}

// TestSec_A12_TokensAreOfTheTenantsSources: a token is made for a source of the tenant, or not at all.
func TestSec_A12_TokensAreOfTheTenantsSources(t *testing.T) {
	h := newHouse(t, app.Options{})
	h.tenant("acme")
	h.tenant("beta")
	h.Tenant = "acme"
	_, err := h.CreateSource(t.Context(), admin.SourceRequest{Name: "hr"})
	assert.NoError(t, err)
	h.Tenant = "beta"
	if _, err := h.CreateToken(t.Context(), admin.TokenRequest{Name: "x", Source: "hr"}); err == nil || !strings.Contains(err.Error(), "hr") {
		t.Errorf("a token of another tenant's source: %v", err)
	}
	h.Tenant = "nobody"
	if _, err := h.CreateToken(t.Context(), admin.TokenRequest{Name: "x"}); err == nil {
		t.Error("a token of no tenant")
	}
	h.Tenant = "beta"
	all, err := h.Tokens(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, len(all), 1) // nothing was stored
}

// callers are the kinds of credential with which the tenants are visited, each made for a tenant.
var callers = []struct {
	name string
	make func(h *house, tenant string) string
}{
	{"token of the first source", func(h *house, tenant string) string { return h.token(tenant, "") }},
	{"another token of it", func(h *house, tenant string) string { return h.token(tenant, "default") }},
	{"client of our token endpoint", func(h *house, tenant string) string {
		h.Tenant = tenant
		defer func() { h.Tenant = "" }()
		c, err := h.CreateOAuthClient(h.t.Context(), admin.OAuthClientRequest{Name: "test"})
		assert.NoError(h.t, err)
		return h.exchange(tenant, c)
	}},
	{"token with scopes", func(h *house, tenant string) string {
		h.Tenant = tenant
		defer func() { h.Tenant = "" }()
		return h.scopedToken("scim.read,scim.write,scim.bulk")
	}},
}

// TestSec_B01_B03_B09_TwoTenants does random things in two tenants with every kind of credential. Neither ever sees a byte of the
// other, whichever way it asks, and each sees all that is its own.
//
// Rows: P-6-03.
func TestSec_B01_B03_B09_TwoTenants(t *testing.T) {
	h := newHouse(t, app.Options{})
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		m := &twoTenants{T: rt, h: h}
		for i := range m.tenants {
			name := fmt.Sprintf("r%d-%c", round, 'a'+i)
			_, err := h.CreateTenant(t.Context(), admin.TenantRequest{Name: name})
			assert.NoError(t, err)
			m.tenants[i] = &modelTenant{name: name, marker: fmt.Sprintf("mark%d%c", i, 'a'+i), users: map[string]string{}, groups: map[string]string{}}
			for _, c := range callers {
				m.tenants[i].tokens = append(m.tenants[i].tokens, c.make(h, name))
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create user":      m.createUser,
			"create group":     m.createGroup,
			"patch":            m.patch,
			"delete":           m.delete,
			"get":              m.get,
			"list":             m.list,
			"foreign filter":   m.foreignFilter,
			"foreign id":       m.foreignID,
			"foreign member":   m.foreignMember,
			"foreign token":    m.foreignToken,
			"foreign cursor":   m.foreignCursor,
			"foreign in bulk":  m.foreignBulk,
			"search all types": m.searchAll,
			"":                 m.check,
		})
	})
}

type modelTenant struct {
	name, marker string
	tokens       []string
	users        map[string]string // userName by id
	groups       map[string]string // displayName by id
	made         int
}

type twoTenants struct {
	*rapid.T
	h       *house
	tenants [2]*modelTenant
}

// pick returns one of the tenants and the other one.
func (m *twoTenants) pick(rt *rapid.T) (own, other *modelTenant) {
	i := rapid.IntRange(0, 1).Draw(rt, "tenant")
	return m.tenants[i], m.tenants[1-i]
}

// ask sends a request of a tenant and looks for the other one in the answer, but for what the request itself named.
func (m *twoTenants) ask(rt *rapid.T, own *modelTenant, method, path, body string) (int, string) {
	token := own.tokens[rapid.IntRange(0, len(own.tokens)-1).Draw(rt, "caller")]
	status, header, answer := m.h.do(call{method: method, url: m.h.at(own.name) + path, token: token, body: body})
	if status >= 500 {
		rt.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	seen := answer + fmt.Sprint(header)
	for _, t := range m.tenants {
		if t == own {
			continue
		}
		secrets := append(slices.Collect(maps.Keys(t.users)), slices.Collect(maps.Keys(t.groups))...)
		for _, s := range append(secrets, t.marker, t.name) {
			if strings.Contains(seen, s) && !strings.Contains(path+body, s) {
				rt.Fatalf("%s %s %s of %s shows %q of %s: %s", method, path, body, own.name, s, t.name, seen)
			}
		}
	}
	return status, answer
}

func idOf(rt *rapid.T, body string) string {
	var r struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil || r.ID == "" {
		rt.Fatalf("no resource: %v %s", err, body)
	}
	return r.ID
}

func any1(rt *rapid.T, m map[string]string) string {
	if len(m) == 0 {
		rt.Skip()
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m))).Draw(rt, "id")
}

func (m *twoTenants) createUser(rt *rapid.T) {
	own, _ := m.pick(rt)
	own.made++
	// The same number in both, with a marker of the tenant: equal names must not clash either.
	name, label := fmt.Sprintf("user%d", own.made), own.marker+fmt.Sprint(own.made)
	status, body := m.ask(rt, own, "POST", "/Users", `{"userName":"`+name+`","externalId":"`+label+`","emails":[{"value":"`+label+`@example.com"}]}`)
	if status != 201 {
		rt.Fatalf("create %s: %d %s", name, status, body)
	}
	own.users[idOf(rt, body)] = name
}

func (m *twoTenants) createGroup(rt *rapid.T) {
	own, _ := m.pick(rt)
	own.made++
	name := fmt.Sprintf("%s group %d", own.marker, own.made)
	member := any1(rt, own.users)
	status, body := m.ask(rt, own, "POST", "/Groups", `{"displayName":"`+name+`","members":[{"value":"`+member+`"}]}`)
	if status != 201 {
		rt.Fatalf("create group: %d %s", status, body)
	}
	own.groups[idOf(rt, body)] = name
}

const patchTitle = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"title","value":"x"}]}`

func (m *twoTenants) patch(rt *rapid.T) {
	own, _ := m.pick(rt)
	if status, body := m.ask(rt, own, "PATCH", "/Users/"+any1(rt, own.users), patchTitle); status != 200 {
		rt.Fatalf("patch: %d %s", status, body)
	}
}

func (m *twoTenants) delete(rt *rapid.T) {
	own, _ := m.pick(rt)
	id := any1(rt, own.users)
	if status, body := m.ask(rt, own, "DELETE", "/Users/"+id, ""); status != 204 {
		rt.Fatalf("delete: %d %s", status, body)
	}
	delete(own.users, id)
}

func (m *twoTenants) get(rt *rapid.T) {
	own, _ := m.pick(rt)
	if status, body := m.ask(rt, own, "GET", "/Users/"+any1(rt, own.users), ""); status != 200 {
		rt.Fatalf("get: %d %s", status, body)
	}
}

func (m *twoTenants) total(rt *rapid.T, body string) int {
	var l struct {
		Total int `json:"totalResults"`
	}
	if err := json.Unmarshal([]byte(body), &l); err != nil {
		rt.Fatalf("no list: %v %s", err, body)
	}
	return l.Total
}

func (m *twoTenants) list(rt *rapid.T) {
	own, _ := m.pick(rt)
	query := rapid.SampledFrom([]string{"", "?sortBy=userName", "?count=2", "?filter=active%20pr%20or%20userName%20pr", "?attributes=userName"}).Draw(rt, "query")
	_, body := m.ask(rt, own, "GET", "/Users"+query, "")
	if got := m.total(rt, body); got != len(own.users) {
		rt.Fatalf("%d users of %s, want %d: %s", got, own.name, len(own.users), body)
	}
}

func (m *twoTenants) foreignFilter(rt *rapid.T) {
	own, other := m.pick(rt)
	attr := rapid.SampledFrom([]string{"externalId", "emails.value", "id", "groups.value"}).Draw(rt, "attribute")
	_, body := m.ask(rt, own, "GET", "/Users?filter="+strings.ReplaceAll(attr+` co "`+other.marker+`"`, " ", "%20"), "")
	if m.total(rt, body) != 0 {
		rt.Fatalf("found in %s: %s", own.name, body)
	}
}

func (m *twoTenants) foreignID(rt *rapid.T) {
	own, other := m.pick(rt)
	id := any1(rt, other.users)
	method := rapid.SampledFrom([]string{"GET", "PATCH", "PUT", "DELETE"}).Draw(rt, "method")
	body := map[string]string{"PATCH": patchTitle, "PUT": `{"userName":"x"}`}[method]
	if status, answer := m.ask(rt, own, method, "/Users/"+id, body); status != 404 {
		rt.Fatalf("%s of a foreign id: %d %s", method, status, answer)
	}
}

func (m *twoTenants) foreignMember(rt *rapid.T) {
	own, other := m.pick(rt)
	group, member := any1(rt, own.groups), any1(rt, other.users)
	m.ask(rt, own, "PATCH", "/Groups/"+group,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"`+member+`"}]}]}`)
	_, answer := m.ask(rt, own, "GET", "/Groups/"+group, "")
	if strings.Contains(answer, member) {
		rt.Fatalf("joined: %s", answer)
	}
}

func (m *twoTenants) foreignToken(rt *rapid.T) {
	own, other := m.pick(rt)
	for _, token := range other.tokens {
		if status, _, body := m.h.do(call{method: "GET", url: m.h.at(own.name) + "/Users", token: token}); status != 401 || strings.Contains(body, own.marker) {
			rt.Fatalf("%d %s", status, body)
		}
	}
}

func (m *twoTenants) foreignCursor(rt *rapid.T) {
	own, other := m.pick(rt)
	_, body := m.ask(rt, own, "GET", "/Users?cursor=&count=1", "")
	var l struct {
		Next string `json:"nextCursor"`
	}
	if err := json.Unmarshal([]byte(body), &l); err != nil || l.Next == "" {
		rt.Skip()
	}
	if status, answer := m.ask(rt, other, "GET", "/Users?count=1&cursor="+l.Next, ""); status != 400 {
		rt.Fatalf("a cursor of %s at %s: %d %s", own.name, other.name, status, answer)
	}
}

func (m *twoTenants) foreignBulk(rt *rapid.T) {
	own, other := m.pick(rt)
	id := any1(rt, other.users)
	status, answer := m.ask(rt, own, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+
		`{"method":"DELETE","path":"/Users/`+id+`"},{"method":"PATCH","path":"/Users/`+id+`","data":`+patchTitle+`}]}`)
	if status != 200 || strings.Count(answer, `"status":"404","response"`) != 2 {
		rt.Fatalf("%d %s", status, answer)
	}
}

func (m *twoTenants) searchAll(rt *rapid.T) {
	own, _ := m.pick(rt)
	_, body := m.ask(rt, own, "POST", "/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"id pr"}`)
	if got, want := m.total(rt, body), len(own.users)+len(own.groups); got != want {
		rt.Fatalf("%d resources of %s, want %d", got, own.name, want)
	}
}

// check compares a whole tenant with the model.
func (m *twoTenants) check(rt *rapid.T) {
	for _, own := range m.tenants {
		_, body := m.ask(rt, own, "GET", "/Users?count=1000&attributes=userName", "")
		var l struct {
			Resources []struct{ ID, UserName string }
		}
		if err := json.Unmarshal([]byte(body), &l, json.MatchCaseInsensitiveNames(true)); err != nil {
			rt.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range l.Resources {
			got[r.ID] = r.UserName
		}
		if !maps.Equal(got, own.users) {
			rt.Fatalf("users of %s: %v, want %v", own.name, got, own.users)
		}
	}
}
