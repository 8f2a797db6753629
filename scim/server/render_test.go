package server_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// fixed is a store that has one resource, as often as is wanted.
type fixed struct {
	server.Store
	r *server.Resource
}

func (f *fixed) Get(context.Context, string, *server.Want) (*server.Resource, error) { return f.r, nil }

func (f *fixed) Find(_ context.Context, q *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	for range q.Count {
		if err := emit(f.r); err != nil {
			return server.Page{}, err
		}
	}
	return server.Page{Total: q.Count}, nil
}

// employee is a user of about 1.5 KB, as a provider sends it, in two groups.
func employee(tb testing.TB, set *schema.Set) *server.Resource {
	tb.Helper()
	body := `{"schemas":["` + scim.UserSchema + `","` + scim.EnterpriseUserSchema + `"],"externalId":"00u1a2b3c4d5e6f7g8h9",
	"userName":"ada.osei@example.com","displayName":"Ada \"the first\" Osei","nickName":"Ada","title":"Principal Engineer","active":true,
	"name":{"formatted":"Ms. Ada J Osei","familyName":"Osei","givenName":"Ada","middleName":"Jane","honorificPrefix":"Ms."},
	"emails":[{"value":"ada.osei@example.com","type":"work","primary":true},{"value":"ada@home.example","type":"home"}],
	"phoneNumbers":[{"value":"+1 555 0100","type":"work"},{"value":"+1 555 0101","type":"mobile"}],
	"addresses":[{"type":"work","streetAddress":"100 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US"}],
	"preferredLanguage":"en-US","locale":"en-US","timezone":"America/Los_Angeles","userType":"Employee",
	"roles":[{"value":"admin"},{"value":"` + strings.Repeat("r", 300) + `"}],
	"` + scim.EnterpriseUserSchema + `":{"employeeNumber":"701984","costCenter":"4130","organization":"Universal","division":"Theme Park",
	"department":"Tour \"manager\":{ Operations","manager":{"value":"26118915-6090-4610-87e4-49d8ca9f808d"}}}`
	v, err := schema.Parse([]byte(body))
	if err != nil {
		tb.Fatal(err)
	}
	t := set.Type("User")
	doc, err := t.Read(v.(schema.Object), schema.Create, scim.NewDialect(scim.Strict()))
	if err != nil {
		tb.Fatal(err)
	}
	return &server.Resource{
		ID: "2819c223-7f76-453a-919d-413861904646", Version: "3", Attrs: doc, Raw: t.Append(nil, doc),
		Created: time.Unix(1e9, 0), Modified: time.Unix(1e9+1, 123456789),
		Relations: map[string]iter.Seq2[server.Ref, error]{"groups": references("Group", "g", 2)},
	}
}

// references streams n references to resources of a type.
func references(typeName, prefix string, n int) iter.Seq2[server.Ref, error] {
	return func(yield func(server.Ref, error) bool) {
		for i := range n {
			if !yield(server.Ref{Value: fmt.Sprint(prefix, i), Type: typeName, Display: "Tour Guides"}, nil) {
				return
			}
		}
	}
}

func withFixed(typeName string, r func(*schema.Set) *server.Resource) func(*server.Service, *server.Options) {
	return func(s *server.Service, _ *server.Options) { s.Stores[typeName] = &fixed{r: r(s.Schemas)} }
}

// TestBytesAndDocument sees that a resource is sent alike from kept bytes, from a document,
// and from bytes that have to be read first.
func TestBytesAndDocument(t *testing.T) {
	t.Parallel()
	var r *server.Resource
	p := newProvider(t, scim.Compat(), withFixed("User", func(s *schema.Set) *server.Resource {
		r = employee(t, s)
		return r
	}))
	for _, query := range []string{"", "?excludedAttributes=nickName,manager.$ref", "?attributes=emails.value,meta,groups," + scim.EnterpriseUserSchema} {
		kept := *r
		*r = server.Resource{ID: kept.ID, Version: kept.Version, Created: kept.Created, Modified: kept.Modified, Raw: kept.Raw, Relations: kept.Relations}
		fromBytes := p.get("/Users/x" + query).is(200).raw
		r.Raw, r.Attrs = nil, kept.Attrs
		fromDocument := p.get("/Users/x" + query).is(200).raw
		*r = kept
		// Bytes of another order than today's cannot be completed in place.
		r.Attrs, r.Raw = nil, []byte(strings.Replace(string(kept.Raw), `"manager":{`, `"manager":{"displayName":"Bo",`, 1))
		fromOther := p.get("/Users/x" + query).is(200).raw
		*r = kept
		if strings.Count(fromBytes, `"$ref":`) != strings.Count(fromDocument, `"$ref":`) || len(fromBytes) != len(fromDocument) {
			t.Fatalf("%s:\n%s\n%s", query, fromBytes, fromDocument)
		}
		if query == "" && !strings.Contains(fromOther, `"$ref":"`+base+`/Users/26118915-6090-4610-87e4-49d8ca9f808d"`) {
			t.Fatalf("no $ref: %s", fromOther)
		}
	}
	a := p.get("/Users/x")
	a.has(scim.EnterpriseUserSchema+"/manager/$ref", base+"/Users/26118915-6090-4610-87e4-49d8ca9f808d")
	a.has(scim.EnterpriseUserSchema+"/department", `Tour "manager":{ Operations`)
	a.has("groups/1/$ref", base+"/Groups/g1").has("meta/lastModified", "2001-09-09T01:46:41.123Z").has("displayName", `Ada "the first" Osei`)
}

func TestOddIDs(t *testing.T) {
	t.Parallel()
	p := newProvider(t, scim.Compat(), withFixed("User", func(s *schema.Set) *server.Resource {
		r := employee(t, s)
		r.ID = `a/b "ü"`
		r.Attrs = schema.Object{
			"schemas": []any{scim.UserSchema}, "userName": "x",
			scim.EnterpriseUserSchema: schema.Object{"manager": schema.Object{"value": `m/"1`}},
		}
		r.Raw = s.Type("User").Append(nil, r.Attrs)
		return r
	}))
	want := base + `/Users/a%2Fb%20%22%C3%BC%22`
	a := p.get("/Users/x").has("id", `a/b "ü"`).has("meta/location", want)
	a.has(scim.EnterpriseUserSchema+"/manager/$ref", base+"/Users/m%2F%221")
	if a.header.Get("Location") != want {
		t.Fatal(a.header)
	}
}

// TestStreaming sees that a large group goes out in pieces and is whole.
func TestStreaming(t *testing.T) {
	t.Parallel()
	const n = 50_000
	p := newProvider(t, scim.Compat(), withFixed("Group", func(*schema.Set) *server.Resource {
		return &server.Resource{
			ID: "g", Version: "1", Raw: []byte(`{"schemas":["` + scim.GroupSchema + `"],"displayName":"all"}`),
			Relations: map[string]iter.Seq2[server.Ref, error]{"members": references("User", "u", n)},
		}
	}))
	a := p.get("/Groups/g").is(200).has(fmt.Sprintf("members/%d/value", n-1), fmt.Sprint("u", n-1)).has("meta/resourceType", "Group")
	if a.header.Get("Content-Length") != "" {
		t.Fatal("it was collected before it was sent")
	}
	p.get("/Groups?count=2").is(200).has("Resources/1/members/0/value", "u0").has("itemsPerPage", 2)
}

// Rows: P-A-11.
func TestReturnedRequest(t *testing.T) {
	t.Parallel()
	badge := &schema.ResourceType{Name: "Badge", Endpoint: "/Badges", Schema: &schema.Schema{
		ID: "urn:example:Badge", Name: "Badge", Attributes: []*schema.Attribute{
			{Name: "number", Required: true, Uniqueness: schema.UniqueServer},
			{Name: "pin", Returned: schema.ReturnedRequest},
			{Name: "serial", Mutability: schema.Immutable},
			{Name: "holder", Type: schema.Complex, SubAttributes: []*schema.Attribute{
				{Name: "name"},
				{Name: "since", Mutability: schema.Immutable},
			}},
		},
	}}
	set, err := schema.NewSet(nil, badge)
	if err != nil {
		t.Fatal(err)
	}
	p := newProvider(t, scim.Compat(), func(s *server.Service, _ *server.Options) {
		*s = *scimtest.ServiceOf(set, base, scim.Compat())
	})
	const body = `{"schemas":["urn:example:Badge"],"number":"1","pin":"0000","serial":"s","holder":{"name":"Ada","since":"2020"}}`
	at := "/Badges/" + p.post("/Badges", body).is(201).has("pin", "0000").text("id")
	t.Run("S-7-14 returned request", func(t *testing.T) {
		p := p.in(t)
		p.get(at).has("pin", nil)
		p.get(at+"?attributes=pin").has("pin", "0000")
		p.put(at, body).is(200).has("pin", "0000")
		p.patch(at, `{"op":"replace","path":"number","value":"7"}`).is(200).has("pin", nil)
		p.patch(at, `{"op":"replace","path":"number","value":"1"},{"op":"replace","path":"pin","value":"1111"}`).is(200).has("pin", "1111")
	})
	t.Run("P-3.5.1-05…07 immutable", func(t *testing.T) {
		p := p.in(t)
		p.put(at, strings.Replace(body, `"s"`, `"t"`, 1)).refused(400, scim.Mutability)
		p.put(at, strings.Replace(body, `"2020"`, `"2021"`, 1)).refused(400, scim.Mutability)
		p.put(at, `{"schemas":["urn:example:Badge"],"number":"1"}`).is(200).has("serial", "s").
			has("holder/since", "2020").has("holder/name", nil)
		other := "/Badges/" + p.post("/Badges", `{"schemas":["urn:example:Badge"],"number":"2"}`).is(201).text("id")
		p.put(other, strings.Replace(body, `"1"`, `"2"`, 1)).is(200).has("serial", "s")
	})
	t.Run("S-7-16 uniqueness server", func(t *testing.T) {
		p.in(t).post("/Badges", body).refused(409, scim.Uniqueness)
	})
}

// sink is a ResponseWriter that costs nothing.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

// benchmark measures the handler alone, without connection and store.
func benchmark(b *testing.B, method, target, body string, alter func(*server.Service, *server.Options)) {
	svc := scimtest.NewService(base, scim.Compat())
	alter(svc, &server.Options{})
	h := server.Handler(scimtest.Open(svc), server.Options{})
	w := &sink{make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header["Content-Type"] = []string{scim.MediaType}
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

func BenchmarkGet(b *testing.B) {
	benchmark(b, "GET", "/Users/2819c223", "", withFixed("User", func(s *schema.Set) *server.Resource { return employee(b, s) }))
}

func BenchmarkGetProjected(b *testing.B) {
	benchmark(b, "GET", "/Users/2819c223?attributes=userName,emails", "",
		withFixed("User", func(s *schema.Set) *server.Resource { return employee(b, s) }))
}

func BenchmarkFind(b *testing.B) {
	benchmark(b, "GET", "/Users?count=1&filter=userName+eq+%22ada.osei@example.com%22", "",
		withFixed("User", func(s *schema.Set) *server.Resource { return employee(b, s) }))
}

func BenchmarkList100(b *testing.B) {
	benchmark(b, "GET", "/Users", "", withFixed("User", func(s *schema.Set) *server.Resource { return employee(b, s) }))
}

// BenchmarkRequest is what the other benchmarks spend on making a request.
func BenchmarkRequest(b *testing.B) {
	benchmark(b, "GET", "/nope/a/b/c", "", func(*server.Service, *server.Options) {})
}
