package scimtest_test

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
)

// peer is a client of one tenant that takes answers as they come.
type peer struct {
	*testing.T
	client     *http.Client
	url, token string
	other      *peer
}

func newPeer(t *testing.T, s *scimtest.Server) *peer {
	t.Helper()
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p := &peer{T: t, client: &client, url: s.URL, token: s.Token}
	p.other = &peer{T: t, client: &client, url: s.Other.URL, token: s.Other.Token}
	return p
}

// reply is an answer, or that there was none.
type reply struct {
	status int
	header http.Header
	raw    string
	body   map[string]any // nil if it is no JSON object
	err    error
}

// do sends a request with headers in pairs; one without value is left out.
func (p *peer) do(method, path, body string, headers ...string) reply {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	if body != "" {
		req.Header.Set("Content-Type", scim.MediaType)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		}
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	r := reply{status: resp.StatusCode, header: resp.Header, raw: string(b), err: err}
	if json.Unmarshal(b, &r.body) != nil {
		r.body = nil
	}
	return r
}

func (p *peer) get(path string, headers ...string) reply { return p.do("GET", path, "", headers...) }

// post sends a create with the name and further members.
func (p *peer) post(name, more string) reply {
	schemas := strconv.Quote(scim.UserSchema)
	if strings.Contains(more, scim.EnterpriseUserSchema) {
		schemas += "," + strconv.Quote(scim.EnterpriseUserSchema)
	}
	return p.do("POST", "/Users", fmt.Sprintf(`{"schemas":[%s],"userName":%q%s}`, schemas, name, more))
}

// user creates a user and returns its id.
func (p *peer) user(name, more string) string { return text(p.post(name, more).body, "id") }

// group creates a group and returns its id.
func (p *peer) group(name string, members ...string) string {
	refs := make([]string, len(members))
	for i, id := range members {
		refs[i] = fmt.Sprintf(`{"value":%q}`, id)
	}
	r := p.do("POST", "/Groups", fmt.Sprintf(`{"schemas":[%q],"displayName":%q,"members":[%s]}`, scim.GroupSchema, name, strings.Join(refs, ",")))
	return text(r.body, "id")
}

func (p *peer) patch(path, operations string, headers ...string) reply {
	return p.do("PATCH", path, fmt.Sprintf(`{"schemas":[%q],"Operations":[%s]}`, scim.PatchOpMessage, operations), headers...)
}

// list returns the ListResponse of a query.
func (p *peer) list(kind string, params ...string) reply {
	q := url.Values{}
	for i := 0; i < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	return p.get(kind + "?" + q.Encode())
}

// names returns the userNames of a page.
func (r reply) names() (names []string) {
	for _, u := range r.page() {
		names = append(names, text(u, "userName"))
	}
	return names
}

func (r reply) page() (page []map[string]any) {
	list, _ := r.body["Resources"].([]any)
	for _, u := range list {
		if u, ok := u.(map[string]any); ok {
			page = append(page, u)
		}
	}
	return page
}

// value follows names into objects.
func value(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return v
}

func text(v any, path ...string) string {
	s, _ := value(v, path...).(string)
	return s
}

// members returns the ids of a group's members, sorted.
func members(group map[string]any) (ids []string) {
	list, _ := group["members"].([]any)
	for _, m := range list {
		ids = append(ids, text(m, "value"))
	}
	slices.Sort(ids)
	return ids
}

// emails returns the values of a user's addresses.
func emails(user map[string]any) (values []string) {
	list, _ := user["emails"].([]any)
	for _, e := range list {
		values = append(values, text(e, "value"))
	}
	return values
}

// want is a complaint if the two differ.
func want(what string, got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

// first returns the first complaint.
func first(errs ...error) error { return cmp.Or(errs...) }

const threeUsers = 3

// populate creates three users and returns their ids.
func (p *peer) populate() [threeUsers]string {
	return [...]string{
		p.user("ada", `,"title":"Engineer","externalId":"X1","active":true,"emails":[{"value":"ada@one.example","type":"work","primary":true},{"value":"ada@home.example","type":"home"}],"`+scim.EnterpriseUserSchema+`":{"department":"R"}`),
		p.user("bo", `,"title":"Engineer","externalId":"x1","active":false`),
		p.user("cy", `,"name":{"givenName":"Cy","familyName":"Young"}`),
	}
}

// TestFaults holds each fault to its word: its probe has nothing to complain of at a good server, in either profile, and
// complains of the faulty one. So each really misbehaves, and each can be found over HTTP.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range scimtest.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			probe := probes[f.Name]
			if probe == nil {
				t.Fatal("there is no probe")
			}
			for _, profile := range []scim.Profile{scim.Compat(), scim.Strict()} {
				if err := probe(newPeer(t, scimtest.New(t, scimtest.Options{Profile: profile}))); err != nil {
					t.Errorf("the good server of profile %s: %v", profile.Name, err)
				}
				faulty := scimtest.Options{Profile: profile, Faults: []string{f.Name}}
				if err := probe(newPeer(t, scimtest.New(t, faulty))); err == nil {
					t.Errorf("the faulty server of profile %s is not told from a good one", profile.Name)
				}
			}
		})
	}
}

func TestFaultsAreDescribed(t *testing.T) {
	t.Parallel()
	all := scimtest.Faults()
	if len(all) < 150 {
		t.Errorf("there are %d faults", len(all))
	}
	seen := map[string]bool{}
	row := regexp.MustCompile(`^(S|P|C|CUR)(-[0-9A-Z][0-9A-Z.]*)*-[0-9]{2}$`)
	for _, f := range all {
		if seen[f.Name] || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$|^truncated$|^echo$|^slow$|^unavailable$`).MatchString(f.Name) {
			t.Errorf("%q is no name, or that of two", f.Name)
		}
		seen[f.Name] = true
		if f.Does == "" || f.Seen == "" || len(f.Rows) == 0 {
			t.Errorf("%s does not say what it does, where it was seen or which rows it violates", f.Name)
		}
		for _, id := range f.Rows {
			if !row.MatchString(id) && id != "P-F-02" {
				t.Errorf("%s: %q is no row", f.Name, id)
			}
		}
	}
	for name := range probes {
		if !seen[name] {
			t.Errorf("the probe %s has no fault", name)
		}
	}
}

// TestRowsOfFaults: the rows that faults name are rows of the standards, where the checkout has them as data.
func TestRowsOfFaults(t *testing.T) {
	t.Parallel()
	all, err := os.ReadFile("../../internal/standards/rows.tsv")
	if err != nil {
		t.Skip("this is not the whole repository: ", err)
	}
	for _, f := range scimtest.Faults() {
		for _, id := range f.Rows {
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(id) + `\b`).Match(all) {
				t.Errorf("%s names the row %s, which there is not", f.Name, id)
			}
		}
	}
}
