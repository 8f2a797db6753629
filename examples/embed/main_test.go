package main

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/conformance"
)

// product is the program on a database of its own, called over real HTTP.
type product struct {
	t   *testing.T
	db  *sql.DB
	srv *httptest.Server
}

func start(t *testing.T) *product {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "users.db")+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.ExecContext(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	var h http.Handler
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	if h, err = Handler(db, srv.URL+"/scim/v2", "secret"); err != nil {
		t.Fatal(err)
	}
	return &product{t, db, srv}
}

// answer is what came back.
type answer struct {
	status int
	etag   string
	body   map[string]any
	raw    string
}

// list returns the userNames of a ListResponse.
func (a answer) list() (names []string) {
	resources, _ := a.body["Resources"].([]any)
	for _, r := range resources {
		names = append(names, r.(map[string]any)["userName"].(string))
	}
	return names
}

// do sends a request as an identity provider does and checks the status.
func (p *product) do(status int, method, path, body string, headers ...string) answer {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.srv.URL+"/scim/v2"+path, strings.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return answer{}
	}
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := p.srv.Client().Do(req)
	if err != nil {
		p.t.Error(err)
		return answer{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Error(err)
		return answer{}
	}
	a := answer{status: resp.StatusCode, etag: resp.Header.Get("ETag"), raw: string(b)}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &a.body); err != nil {
			p.t.Error(err)
		}
	}
	if a.status != status {
		p.t.Errorf("%s %s: got %d, want %d\n%s", method, path, a.status, status, b)
	}
	return a
}

// find is the query by which an identity provider looks for a user.
func (p *product) find(filter string) []string {
	p.t.Helper()
	return p.do(200, "GET", "/Users?"+url.Values{"filter": {filter}}.Encode(), "").list()
}

// column reads what the product sees.
func (p *product) column(name, id string) (value string) {
	p.t.Helper()
	if err := p.db.QueryRowContext(p.t.Context(), "SELECT "+name+" FROM users WHERE id = ?", id).Scan(&value); err != nil {
		p.t.Fatal(err)
	}
	return value
}

const entraUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
	"externalId":"0a21f0f2","userName":"ada.osei@contoso.test","active":true,"displayName":"Ada Osei",
	"emails":[{"primary":true,"type":"work","value":"ada.osei@contoso.test"}],"meta":{"resourceType":"User"},
	"name":{"formatted":"Ada Osei","familyName":"Osei","givenName":"Ada"},"title":"Engineer",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D","employeeNumber":"10042"},"roles":[]}`

// TestEntra is what Entra ID does with a user: probe, match, create, one operation per attribute with strings for
// booleans, disable, delete.
func TestEntra(t *testing.T) {
	t.Parallel()
	p := start(t)
	if got := p.find(`userName eq "7a3c1f52-6a0e-4d55-9f0e-2b1d6c0e9a11"`); len(got) > 0 {
		t.Errorf("the probe found %q", got)
	}
	made := p.do(201, "POST", "/Users", entraUser)
	id, _ := made.body["id"].(string)
	if made.etag == "" || !strings.Contains(made.raw, `"location":"`+p.srv.URL+"/scim/v2/Users/"+id+`"`) {
		t.Errorf("the answer lacks ETag or location: %s", made.raw)
	}
	if got := p.find(`userName eq "ADA.OSEI@contoso.test"`); !slices.Equal(got, []string{"ada.osei@contoso.test"}) {
		t.Errorf("found %q", got)
	}
	changed := p.do(200, "PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
		{"op":"Replace","path":"displayName","value":"Ada Mensah"},
		{"op":"Replace","path":"emails[type eq \"work\"].value","value":"ada.mensah@contoso.test"},
		{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Design"}]}`)
	if p.column("full_name", id) != "Ada Mensah" || !strings.Contains(changed.raw, `"department":"Design"`) ||
		!strings.Contains(changed.raw, `"value":"ada.mensah@contoso.test"`) {
		t.Errorf("the changes did not arrive: %s", changed.raw)
	}
	p.do(200, "PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	if p.column("disabled", id) != "1" {
		t.Error("the product's user is not disabled")
	}
	p.do(204, "DELETE", "/Users/"+id, "")
	p.do(404, "GET", "/Users/"+id, "")
	p.do(404, "DELETE", "/Users/"+id, "")
}

// TestOkta is what Okta does: a page of two when it is set up, PUT of the whole profile, PATCH without a path to
// deactivate.
func TestOkta(t *testing.T) {
	t.Parallel()
	p := start(t)
	page := p.do(200, "GET", "/Users?startIndex=1&count=2", "")
	if page.body["totalResults"] != 0.0 || page.body["Resources"] == nil {
		t.Errorf("got %s", page.raw)
	}
	user := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"emi.tanaka@initech.test",
		"name":{"givenName":"Emi","familyName":"%s"},"emails":[{"primary":true,"value":"emi.tanaka@initech.test","type":"work"}],
		"displayName":"Emi %[1]s","locale":"en-US","externalId":"00ujl29u0le5T6Aj10h7","groups":[],"password":"1mz050nq","active":true}`
	made := p.do(201, "POST", "/Users", fmt.Sprintf(user, "Tanaka"))
	id, _ := made.body["id"].(string)
	if strings.Contains(made.raw, "1mz050nq") || strings.Contains(p.column("scim", id), "1mz050nq") {
		t.Error("the password was kept")
	}
	p.do(409, "POST", "/Users", strings.ReplaceAll(user, "emi.tanaka@initech", "EMI.Tanaka@initech"))
	renamed := p.do(200, "PUT", "/Users/"+id, fmt.Sprintf(user, "Ade"))
	if p.column("full_name", id) != "Emi Ade" || renamed.etag == made.etag {
		t.Errorf("PUT: %s", renamed.raw)
	}
	if again := p.do(200, "PUT", "/Users/"+id, fmt.Sprintf(user, "Ade")); again.etag != renamed.etag {
		t.Error("a PUT of the same made a new version")
	}
	p.do(200, "PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":false}}]}`)
	if got := p.find(`active eq false`); !slices.Equal(got, []string{"emi.tanaka@initech.test"}) {
		t.Errorf("the deactivated are %q", got)
	}
	p.do(401, "GET", "/Users", "", "Authorization", "non-token")
}

// TestTheProductWritesToo: what the product changes by itself is what SCIM shows, with a new version.
func TestTheProductWritesToo(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, err := p.db.ExecContext(t.Context(), `INSERT INTO users (id, email, full_name, created_at, updated_at, login)
		VALUES ('old', 'Bo@example.com', 'Bo', 1, 1, 'bo@example.com')`) // from before there was SCIM
	if err != nil {
		t.Fatal(err)
	}
	before := p.do(200, "GET", "/Users/old", "")
	if _, err := p.db.ExecContext(t.Context(), "UPDATE users SET full_name = 'Bo Lindqvist', updated_at = 2 WHERE id = 'old'"); err != nil {
		t.Fatal(err)
	}
	after := p.do(200, "GET", "/Users/old", "")
	if before.body["displayName"] != "Bo" || after.body["displayName"] != "Bo Lindqvist" || before.etag == after.etag {
		t.Errorf("before %s\nafter  %s", before.raw, after.raw)
	}
	p.do(412, "PUT", "/Users/old", entraUser, "If-Match", before.etag)
	p.do(412, "DELETE", "/Users/old", "", "If-Match", before.etag)
	p.do(304, "GET", "/Users/old", "", "If-None-Match", after.etag)
	p.do(200, "PUT", "/Users/old", entraUser, "If-Match", after.etag)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, u := range []string{
		`"userName":"ada","externalId":"X1","title":"Engineer"`,
		`"userName":"Ärla","externalId":"x1","active":false`,
		`"userName":"bo","title":"Engineer","emails":[{"value":"bo@example.com"}]`,
	} {
		p.do(201, "POST", "/Users", `{"schemas":["`+scim.UserSchema+`"],`+u+`}`)
	}
	for filter, want := range map[string]string{
		`userName eq "ÄRLA"`:                                    "[Ärla]",
		`userName ne "ada"`:                                     "[Ärla bo]",
		`externalId eq "x1"`:                                    "[Ärla]", // caseExact
		`not (active eq true)`:                                  "[Ärla]",
		`active eq true and title eq "engineer"`:                "[ada bo]",
		`userName eq "ada" or emails co "@example.com"`:         "[ada bo]",
		`(userName eq "ada" or userName eq "bo") and active pr`: "[ada bo]",
		`userName eq "x' OR '1'='1"`:                            "[]",
	} {
		if got := fmt.Sprint(p.find(filter)); got != want {
			t.Errorf("%s: got %s, want %s", filter, got, want)
		}
	}
	first := p.do(200, "GET", "/Users?cursor=&count=2", "")
	next, _ := first.body["nextCursor"].(string)
	second := p.do(200, "GET", "/Users?count=2&cursor="+url.QueryEscape(next), "")
	if len(first.list()) != 2 || len(second.list()) != 1 || second.body["nextCursor"] != nil {
		t.Errorf("by cursor: %s\n%s", first.raw, second.raw)
	}
	sorted := p.do(200, "GET", "/Users?sortBy=userName&sortOrder=descending&count=2", "")
	if got := fmt.Sprint(sorted.list(), sorted.body["totalResults"]); got != "[Ärla bo] 3" {
		t.Errorf("sorted: %s", got)
	}
}

// TestNothingIsLost: writers at the same time decide one after the other.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	p := start(t)
	id := p.do(201, "POST", "/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"ada"}`).body["id"].(string)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			p.do(200, "PATCH", "/Users/"+id, fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
				"Operations":[{"op":"add","path":"emails","value":{"value":"%d@example.com"}}]}`, i))
		})
	}
	wg.Wait()
	if emails, _ := p.do(200, "GET", "/Users/"+id, "").body["emails"].([]any); len(emails) != 8 {
		t.Errorf("%d of 8 e-mail addresses are left", len(emails))
	}
}

// TestConforms asks what the RFCs ask of a service provider.
func TestConforms(t *testing.T) {
	t.Parallel()
	p := start(t)
	conformance.Test(t, conformance.Options{URL: p.srv.URL + "/scim/v2", Token: "secret", Client: p.srv.Client()})
}

// TestLength holds the promise of the manual: a users table becomes SCIM in under 150 lines.
func TestLength(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("users.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "\n"); n >= 150 {
		t.Errorf("users.go has %d lines", n)
	}
}
