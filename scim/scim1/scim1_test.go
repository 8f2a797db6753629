package scim1_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scim1"
	"github.com/muster-id/muster/scim/server"
)

// full is a user of 1.1 with every translated thing in it.
const full = `{"schemas":["urn:scim:schemas:core:1.0","urn:scim:schemas:extension:enterprise:1.0"],
	"userName":"bjensen","externalId":"bj-1","locale":"en_US","preferredLanguage":"de_CH","password":"t1meMa$heen",
	"name":{"givenName":"Barbara","familyName":"Jensen"},
	"emails":[{"value":"bj@example.com","type":"work","primary":true},{"value":"b@jensen.example","type":"home"}],
	"roles":["admin"],
	"meta":{"created":"1999-01-01T00:00:00Z"},"id":"mine","groups":[{"value":"x"}],
	"urn:scim:schemas:extension:enterprise:1.0":{"employeeNumber":"701984",
		"manager":{"managerId":"%s","displayName":"somebody else"}}}`

func TestEndpointsAndResources(t *testing.T) {
	t.Parallel()
	rows{
		"V1-01 a base URL has no query": func(p *provider) {
			if l := p.post("/v1/Users?x=1", `{"userName":"a"}`).is(201).header.Get("Location"); strings.Contains(l, "?") {
				t.Errorf("got Location %q", l)
			}
		},
		"V1-02 401 without access": func(p *provider) {
			for _, path := range []string{"/v1/Users", "/v1/Groups/x", "/v1/Schemas", "/v1/Bulk", "/v1/ServiceProviderConfigs", "/v1/Me", "/v1/nope"} {
				a := p.get(path, "Authorization: Bearer wrong").refused(401, "token")
				if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s: got WWW-Authenticate %q", path, a.header.Get("WWW-Authenticate"))
				}
			}
			p.patch("/v1/Users/x", `{"nickName":`, "Authorization: Bearer wrong").refused(401, "token")
		},
		"V1-03 endpoints": func(p *provider) {
			for _, path := range []string{"/v1/Users", "/v1/Groups", "/v1/ServiceProviderConfigs", "/v1/Schemas", "/v1/Users/", "/v1/Users.json"} {
				p.get(path).is(200)
			}
			for _, path := range []string{
				"/v1/ResourceTypes", "/v1/ResourceTypes/User", "/v1/Me", "/v1/%4De", "/v1/ServiceProviderConfig", "/v1/", "/v1/users",
				"/v1/Nope", "/v1/Users/x/y", "/v1/Schemas/x/y", "/v1/Bulk/1",
			} {
				p.get(path).refused(404, "")
			}
			for _, path := range []string{"/v1/.search", "/v1/Users/.search", "/v1/Users/%2esearch"} {
				p.post(path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}`).refused(404, "")
			}
		},
		"V1-04 schemas may be left out and are always sent": func(p *provider) {
			p.post("/v1/Users", `{"userName":"a"}`).is(201).has("schemas", "["+scim1.CoreSchema+"]")
			p.post("/v1/Users", `{"schemas":["urn:scim:schemas:core:1.0","urn:scim:schemas:core:1.0"],"userName":"b"}`).refused(400, "twice")
		},
		"V1-05 V1-16 extension and manager": func(p *provider) {
			boss := p.user("boss")
			id := p.post("/v1/Users", fmt.Sprintf(full, boss)).is(201).
				has("schemas", "["+scim1.CoreSchema+" "+enterprise+"]").
				has(enterprise+"/employeeNumber", "701984").
				has(enterprise+"/manager/managerId", boss).
				has(enterprise+"/manager/value", nil).
				has(enterprise+"/manager/$ref", nil).
				has(scim.EnterpriseUserSchema, nil).text("id")
			p.get("/v2/Users/"+id).is(200).
				has(scim.EnterpriseUserSchema+"/employeeNumber", "701984").
				has(scim.EnterpriseUserSchema+"/manager/value", boss).
				has(enterprise, nil)
		},
		"V1-06 one id in both versions": func(p *provider) {
			id := p.user("a")
			if strings.Contains(id, "bulkId:") {
				t.Errorf("got id %q", id)
			}
			p.get("/v2/Users/"+id).is(200).has("id", id)
		},
		"V1-07 externalId": func(p *provider) {
			id := p.user("a", `"externalId":"X1"`)
			p.get("/v1/Users/"+id).has("externalId", "X1")
			p.get("/v1/Users?filter="+url.QueryEscape(`externalId eq "X1"`)).has("totalResults", 1)
		},
		"V1-08 meta": func(p *provider) {
			a := p.post("/v1/Users", `{"userName":"a","meta":{"location":"http://evil.example/"}}`).is(201)
			at := site + "/v1/Users/" + a.text("id")
			a.has("meta/resourceType", nil).has("meta/location", at).has("meta/version", a.header.Get("Etag"))
			if a.text("meta/created") == "" || a.text("meta/lastModified") == "" || a.header.Get("Location") != at {
				t.Errorf("got meta %v and Location %q", a.at("meta"), a.header.Get("Location"))
			}
		},
		"V1-10 bare values": func(p *provider) {
			id := p.post("/v1/Users", `{"userName":"a","emails":["a@example.com","b@example.com"],"roles":["x"]}`).is(201).
				has("emails/0/value", "a@example.com").has("roles/0/value", "x").text("id")
			p.patch("/v1/Users/"+id, `{"emails":["c@example.com"]}`).is(200)
			wantStrings(t, p.get("/v2/Users/"+id).texts("emails", "value"), "a@example.com", "b@example.com", "c@example.com")
		},
		"V1-11 primary once": func(p *provider) {
			p.post("/v1/Users", `{"userName":"a","emails":[{"value":"a@x.example","primary":true},{"value":"b@x.example","primary":true}]}`).
				refused(400, "primary")
		},
		"V1-12 userName": func(p *provider) {
			p.post("/v1/Users", `{"displayName":"x"}`).refused(400, "userName")
			p.post("/v1/Users", `{"userName":""}`).refused(400, "userName")
		},
		"V1-13 language tags": func(p *provider) {
			id := p.user("a", `"locale":"en_US","preferredLanguage":"zh_Hans_CN"`)
			p.get("/v1/Users/"+id).has("locale", "en_US").has("preferredLanguage", "zh_Hans_CN")
			p.get("/v2/Users/"+id).has("locale", "en-US").has("preferredLanguage", "zh-Hans-CN")
			p.get("/v1/Users?filter="+url.QueryEscape(`locale eq "en_US"`)).has("totalResults", 1)
			p.patch("/v1/Users/"+id, `{"locale":"de_DE"}`).is(200).has("locale", "de_DE")
			p.get("/v2/Users/"+id).has("locale", "de-DE")
		},
		"V1-14 no password": func(p *provider) {
			a := p.post("/v1/Users", fmt.Sprintf(full, "nobody")).is(201)
			id := a.text("id")
			b := p.put("/v1/Users/"+id, `{"userName":"bjensen","password":"t1meMa$heen"}`).is(200)
			c := p.patch("/v1/Users/"+id, `{"password":"t1meMa$heen"}`).is(200)
			d := p.get("/v1/Users/" + id + "?attributes=password").is(200)
			for _, a := range []*answer{a, b, c, d} {
				if strings.Contains(a.raw, "t1meMa") || a.at("password") != nil {
					t.Errorf("%s shows the password: %s", a.what, a.raw)
				}
			}
			p.get("/v1/Users?filter="+url.QueryEscape(`password sw "t"`)).refused(400, "password")
			p.get("/v1/Users?sortBy=password").refused(400, "password")
		},
		"V1-15 V1-17 groups and members": func(p *provider) {
			u := p.user("a")
			g := p.post("/v1/Groups", fmt.Sprintf(`{"displayName":"Tour Guides","members":[{"value":%q,"type":"user","display":"x"}]}`, u)).is(201).
				has("members/0/value", u).has("members/0/type", "User").has("members/0/$ref", nil).has("members/0/display", "a").text("id")
			p.get("/v1/Users/"+u).has("groups/0/value", g).has("groups/0/type", "direct").has("groups/0/$ref", nil)
			p.post("/v1/Groups", `{"members":[]}`).refused(400, "displayName")
		},
		"V1-18 201 with body and Location": func(p *provider) {
			a := p.post("/v1/Users", `{"userName":"a"}`).is(201).has("userName", "a").has("active", true)
			if a.header.Get("Location") != site+"/v1/Users/"+a.text("id") || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %v", a.header)
			}
		},
		"V1-19 409 names the attribute": func(p *provider) {
			p.user("a")
			p.post("/v1/Users", `{"userName":"A"}`).refused(409, "userName")
		},
		"V1-20 V1-44 the least that is returned": func(p *provider) {
			boss := p.user("boss")
			id := p.post("/v1/Users", fmt.Sprintf(full, boss)).is(201).text("id")
			p.get("/v1/Users/"+id+"?attributes=userName").members("schemas", "id", "meta", "userName")
			p.get("/v1/Users/"+id+"?attributes=name.givenName,"+enterprise+":manager.managerId").
				members("schemas", "id", "meta", "name", enterprise).has("name/familyName", nil).
				has(enterprise+"/manager/managerId", boss).has(enterprise+"/employeeNumber", nil)
			p.get("/v1/Users?attributes=urn:scim:schemas:core:1.0:userName&count=1").is(200).has("Resources/0/name", nil).has("Resources/0/userName", "boss")
			p.get("/v1/Users/"+id+"?excludedAttributes=userName").has("userName", "bjensen")
		},
		"V1-21 GET": func(p *provider) {
			id := p.user("a")
			a := p.get("/v1/Users/" + id).is(200)
			if a.header.Get("Location") != site+"/v1/Users/"+id || a.header.Get("Etag") == "" {
				t.Errorf("got %v", a.header)
			}
			p.get("/v1/Users/"+id+".json").is(200).has("userName", "a")
			p.get("/v1/Users/nobody").refused(404, "nobody")
			if h := p.do("HEAD", "/v1/Users/"+id, "").is(200); h.raw != "" || h.header.Get("Etag") != a.header.Get("Etag") {
				t.Errorf("HEAD: got %v", h.header)
			}
		},
		"V1-31 V1-32 PUT": func(p *provider) {
			id := p.post("/v1/Users", fmt.Sprintf(full, "nobody")).is(201).text("id")
			p.put("/v1/Users/"+id, `{"schemas":["urn:scim:schemas:core:1.0"],"userName":"bjensen","title":"Dr","id":"other","meta":{"version":"x"}}`).is(200).
				members("schemas", "id", "meta", "userName", "title").has("id", id)
			p.put("/v1/Users/nobody", `{"userName":"x"}`).refused(404, "")
		},
		"V1-39 DELETE": func(p *provider) {
			id := p.user("a")
			if a := p.do("DELETE", "/v1/Users/"+id, "").is(200); a.raw != "" {
				t.Errorf("got body %s", a.raw)
			}
			p.get("/v1/Users/"+id).refused(404, "")
			p.do("DELETE", "/v1/Users/"+id, "").refused(404, "")
			p.get("/v1/Users").has("totalResults", 0)
			p.user("a")
		},
		"V1-43 JSON only": func(p *provider) {
			id := p.user("a")
			p.get("/v1/Users/"+id, "Accept: application/json").is(200)
			p.get("/v1/Users/"+id, "Accept: application/xml").refused(406, "application/json")
			p.get("/v1/Users/"+id, "Accept: application/xml, application/json;q=0.5").is(200)
			p.get("/v1/Users/"+id+".xml").refused(406, "XML")
			p.post("/v1/Users", `<User/>`, "Content-Type: application/xml").refused(415, "application/json")
			p.post("/v1/Users", `{"userName":"b"}`, "Content-Type: ").refused(415, "application/json")
			p.post("/v1/Users", `{"userName":"b"}`, "Content-Type: application/json; charset=utf-8").is(201)
			p.post("/v1/Users", `{"userName":"c"}`, "Content-Type: application/json; charset=latin1").refused(415, "utf-8")
			p.post("/v1/Users", `{"userName":"c"}`, "Content-Encoding: gzip").refused(415, "gzip")
			p.get("/v1/ServiceProviderConfigs").has("xmlDataFormat/supported", false)
		},
		"V1-46 V1-T3 every class of error": func(p *provider) {
			id := p.user("a")
			p.get("/v1/Users", "Authorization: Bearer wrong").refused(401, "token")
			p.get("/v1/Schemas?filter=id+pr").refused(403, "filter")
			p.get("/v1/Groups/"+id).refused(404, id)
			p.post("/v1/Users", `{"userName":"a"}`).refused(409, "userName")
			p.post("/v1/Users", `{"userName":"`+strings.Repeat("x", 2<<20)+`"}`).refused(413, "2097152 bytes")
			p.post("/v1/Users", `{"userName":`).refused(400, "JSON")
			p.post("/v1/Users", `[]`).refused(400, "object")
			p.post("/v1/Users", ``, "Content-Type: application/json").refused(400, "body")
			p.put("/v1/Users/"+id, `{"userName":"a"}`, `If-Match: W/"other"`).refused(412, "version")
			p.do("PUT", "/v1/Users", `{}`).refused(405, "POST")
			p.do("POST", "/v1/Users/"+id, `{}`).refused(405, "PATCH")
			p.patch("/v1/Users/"+id, `{"emails":[{"value":7}]}`).refused(400, "emails")
		},
		"V1-47 v1 is 1.1 and v2 is 2.0": func(p *provider) {
			id := p.user("a")
			p.get("/v1/Users/"+id).has("schemas", "["+scim1.CoreSchema+"]")
			p.get("/v2/Users/"+id).has("schemas", "["+scim.UserSchema+"]")
			p.patch("/v1/Users/"+id, `{"schemas":["`+scim.PatchOpMessage+`"],"Operations":[{"op":"replace","path":"title","value":"x"}]}`).
				is(200).has("title", nil)
		},
		"V1-48 V1-T7 ETags": func(p *provider) {
			a := p.post("/v1/Users", `{"userName":"a"}`).is(201)
			id, tag := a.text("id"), a.header.Get("Etag")
			if n := p.get("/v1/Users/"+id, "If-None-Match: "+tag).is(304); n.raw != "" {
				t.Errorf("got body %s", n.raw)
			}
			p.patch("/v1/Users/"+id, `{"title":"x"}`, "If-Match: "+tag).is(200)
			p.patch("/v1/Users/"+id, `{"title":"y"}`, "If-Match: "+tag).refused(412, "")
			p.do("DELETE", "/v1/Users/"+id, "", "If-Match: "+tag).refused(412, "")
			p.patch("/v1/Users/"+id, `{"title":"y"}`).is(200)
		},
		"V1-49 V1-T5 method override": func(p *provider) {
			id := p.user("a")
			at := "/v1/Users/" + id
			p.post(at, `{"userName":"a","title":"put"}`, "X-HTTP-Method-Override: PUT").is(200).has("title", "put")
			p.post(at, `{"title":"patch"}`, "X-HTTP-Method-Override: PATCH").is(200).has("title", "patch")
			p.get(at, "X-HTTP-Method-Override: DELETE").is(200)
			p.put(at, `{"userName":"a"}`, "X-HTTP-Method-Override: DELETE").is(200)
			p.post(at, ``, "X-HTTP-Method-Override: GET").refused(405, "")
			p.post("/v2/Users/"+id, ``, "X-HTTP-Method-Override: DELETE").is(405)
			p.post(at, ``, "X-HTTP-Method-Override: DELETE").is(200)
			p.get(at).refused(404, "")
		},
		"V1-T1 back without loss": func(p *provider) {
			boss := p.user("boss")
			id := p.post("/v2/Users", fmt.Sprintf(`{"schemas":[%q,%q],"userName":"x","locale":"en-US","emails":[{"value":"a@b.example","type":"work","primary":true}],
				"addresses":[{"type":"work","locality":"Zug"}],"photos":[{"value":"https://x.example/p.png"}],
				"x509Certificates":[{"value":"MIIDQzCC"}],%q:{"department":"R&D","manager":{"value":%q}}}`,
				scim.UserSchema, scim.EnterpriseUserSchema, scim.EnterpriseUserSchema, boss)).is(201).text("id")
			before := p.get("/v2/Users/" + id).is(200)
			a := p.get("/v1/Users/" + id).is(200)
			if strings.Contains(a.raw, "urn:ietf") || strings.Contains(a.raw, "$ref") || strings.Contains(a.raw, "resourceType") {
				t.Errorf("2.0 in %s", a.raw)
			}
			p.put("/v1/Users/"+id, a.raw).is(200)
			if after := p.get("/v2/Users/" + id); after.raw != before.raw {
				t.Errorf("got\n%s\nwant\n%s", after.raw, before.raw)
			}
		},
	}.run(t)
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	rows{
		"V1-50 ServiceProviderConfigs": func(p *provider) {
			a := p.get("/v1/ServiceProviderConfigs").is(200).
				has("schemas", "["+scim1.CoreSchema+"]").has("patch/supported", true).has("filter/supported", true).
				has("filter/maxResults", 1000).has("changePassword/supported", false).has("sort/supported", true).
				has("etag/supported", true).has("xmlDataFormat/supported", false).has("bulk/maxPayloadSize", 10<<20).
				has("authenticationSchemes/0/type", "oauthbearertoken").has("authenticationSchemes/0/specUri", nil).
				has("pagination", nil).has("meta/location", site+"/v1/ServiceProviderConfigs").has("meta/resourceType", nil)
			if a.text("authenticationSchemes/0/specUrl") == "" || a.header.Get("Location") != site+"/v1/ServiceProviderConfigs" {
				t.Errorf("got %s", a.raw)
			}
		},
		"V1-51 V1-09 Schemas": func(p *provider) {
			a := p.get("/v1/Schemas").is(200).has("totalResults", 2)
			wantStrings(t, a.texts("Resources", "id"), scim1.CoreSchema+":User", scim1.CoreSchema+":Group")
			u := p.get("/v1/Schemas/urn:scim:schemas:core:1.0:User").is(200).has("endpoint", "/Users").has("schema", scim1.CoreSchema).
				has("meta/location", site+"/v1/Schemas/urn:scim:schemas:core:1.0:User")
			attr := func(name string) map[string]any {
				for _, v := range u.at("attributes").([]any) {
					if a := v.(map[string]any); a["name"] == name {
						return a
					}
				}
				t.Fatalf("no attribute %s", name)
				return nil
			}
			for name, child := range map[string]string{"emails": "email", "addresses": "address", "phoneNumbers": "phoneNumber", "groups": "group"} {
				if a := attr(name); a["multiValuedAttributeChildName"] != child || a["type"] != "complex" || a["multiValued"] != true {
					t.Errorf("%s: got %v", name, a)
				}
			}
			if a := attr("userName"); a["readOnly"] != false || a["required"] != true || a["caseExact"] != false || a["schema"] != scim1.CoreSchema {
				t.Errorf("got %v", a)
			}
			if a := attr("id"); a["readOnly"] != true {
				t.Errorf("got %v", a)
			}
			if a := attr("profileUrl"); a["type"] != "string" {
				t.Errorf("got %v", a)
			}
			manager := attr("manager")
			sub := manager["subAttributes"].([]any)[0].(map[string]any)
			if manager["schema"] != enterprise || sub["name"] != "managerId" || sub["required"] != true {
				t.Errorf("got %v", manager)
			}
			if strings.Contains(u.raw, "$ref") || strings.Contains(u.raw, "urn:ietf") || strings.Contains(u.raw, "mutability") {
				t.Errorf("2.0 in %s", u.raw)
			}
			p.get("/v1/Schemas/Group").is(200).has("endpoint", "/Groups")
			p.get("/v1/Schemas/urn:nope").refused(404, "urn:nope")
			p.get("/v1/Schemas?filter=x").refused(403, "")
			p.do("DELETE", "/v1/Schemas", "").refused(405, "")
		},
	}.run(t)
}

func TestQueries(t *testing.T) {
	t.Parallel()
	fill := func(p *provider) {
		for i, name := range []string{"ann", "Bob", "cid", "dee"} {
			p.user(name, fmt.Sprintf(`"title":"T%d","emails":[{"value":"%s@example.com","type":"work"}],%q:{"department":"D%d","manager":{"managerId":"m%d"}}`, i%2, name, enterprise, i%2, i))
		}
	}
	find := func(p *provider, query ...string) []string {
		p.t.Helper()
		values := url.Values{}
		for i := 0; i < len(query); i += 2 {
			values.Set(query[i], query[i+1])
		}
		return p.get("/v1/Users?"+values.Encode()).is(200).texts("Resources", "userName")
	}
	rows{
		"V1-22 unknown parameters": func(p *provider) {
			fill(p)
			if got := find(p, "nope", "x", "cursor", "", "excludedAttributes", "userName"); len(got) != 4 {
				t.Errorf("got %q", got)
			}
		},
		"V1-23 V1-T4 list": func(p *provider) {
			fill(p)
			p.get("/v1/Users").is(200).members("schemas", "Resources", "totalResults", "startIndex", "itemsPerPage").
				has("schemas", "["+scim1.CoreSchema+"]").has("totalResults", 4).has("Resources/0/meta/resourceType", nil)
			p.get("/v1/Users?startIndex=4&count=3").has("schemas", "["+scim1.CoreSchema+"]").has("itemsPerPage", 1).has("Resources/0/userName", "dee")
			p.get("/v1/Groups").is(200).has("totalResults", 0).has("Resources", "[]")
		},
		"V1-24 V1-25 V1-45 filters": func(p *provider) {
			fill(p)
			for filter, want := range map[string][]string{
				`userName eq "BOB"`:            {"Bob"},
				`USERNAME SW "a"`:              {"ann"},
				`emails.value co "dee"`:        {"dee"},
				`emails co "dee"`:              {"dee"},
				`title pr and userName gt "c"`: {"cid", "dee"},
				`userName eq "ann" or userName eq "bob" and title eq "T0"`:                          {"ann"},
				`(userName eq "ann" or userName eq "bob") and title eq "T1"`:                        {"Bob"},
				`urn:scim:schemas:extension:enterprise:1.0:department eq "D0"`:                      {"ann", "cid"},
				`URN:scim:schemas:extension:enterprise:1.0:manager.managerId eq "m3"`:               {"dee"},
				`urn:scim:schemas:core:1.0:userName eq "ann"`:                                       {"ann"},
				`meta.created ge "2001-01-01T00:00:00Z" and meta.created le "2999-01-01T00:00:00Z"`: {"ann", "Bob", "cid", "dee"},
				`userName lt "b"`: {"ann"},
			} {
				if got := find(p, "filter", filter); !slices.Equal(got, want) {
					t.Errorf("%s: got %q, want %q", filter, got, want)
				}
			}
			for _, filter := range []string{`userName ne "a"`, `userName ew "a"`, `not (userName eq "a")`, `emails[value eq "a"]`, `(title pr or userName ne "a")`} {
				p.get("/v1/Users?filter="+url.QueryEscape(filter)).refused(400, "SCIM 1.1")
			}
		},
		"V1-26 any value of several": func(p *provider) {
			p.user("a", `"emails":["x@example.com","y@example.com"]`)
			for _, s := range []string{"x@", "y@"} {
				if got := find(p, "filter", `emails.value sw "`+s+`"`); len(got) != 1 {
					t.Errorf("%s: got %q", s, got)
				}
			}
			p.get("/v1/Users?filter="+url.QueryEscape(`name eq "x"`)).refused(400, "name")
		},
		"V1-27 unknown operators": func(p *provider) {
			p.get("/v1/Users?filter="+url.QueryEscape(`userName like "a"`)).refused(400, "operator")
			p.get("/v1/Users?filter=").refused(400, "empty")
			p.get("/v1/Users?filter=%zz").refused(400, "filter")
			p.get("/v1/Users?filter=title+pr&filter=title+pr").refused(400, "twice")
		},
		"V1-28 case": func(p *provider) {
			p.user("a", `"externalId":"Abc"`)
			if got := find(p, "filter", `userName co "A"`); len(got) != 1 {
				t.Errorf("got %q", got)
			}
			if got := find(p, "filter", `externalId eq "abc"`); len(got) != 0 {
				t.Errorf("got %q", got)
			}
		},
		"V1-29 sort": func(p *provider) {
			fill(p)
			p.user("zoe")
			wantStrings(t, find(p, "sortBy", "userName", "sortOrder", "descending"), "zoe", "dee", "cid", "Bob", "ann")
			wantStrings(t, find(p, "sortBy", enterprise+":manager.managerId"), "ann", "Bob", "cid", "dee", "zoe")
		},
		"V1-30 pages": func(p *provider) {
			fill(p)
			p.get("/v1/Users?startIndex=2&count=2").has("totalResults", 4).has("startIndex", 2).has("itemsPerPage", 2)
			wantStrings(t, find(p, "startIndex", "2", "count", "2"), "Bob", "cid")
			p.get("/v1/Users?startIndex=-3&count=-1").is(200).has("startIndex", 1).has("itemsPerPage", 0)
			p.get("/v1/Users?count=x").refused(400, "count")
		},
	}.run(t)
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	with := func(s ...scim.Switch) func(*server.Service, *server.Options) {
		return func(svc *server.Service, _ *server.Options) { svc.Profile.Switches = scim.Switches(0).With(s...) }
	}
	t.Run("V1-24 newer filters", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t, with(scim.NewerFilter))
		p.user("ann", `"emails":[{"value":"a@x.example","type":"work"}],"locale":"en_US"`)
		for filter, want := range map[string]int{
			`userName ne "ann"`: 0, `userName ew "n"`: 1, `not (locale eq "en_US")`: 0, `emails[type eq "work" and value sw "a"]`: 1,
		} {
			p.get("/v1/Users?filter="+url.QueryEscape(filter)).is(200).has("totalResults", want)
		}
	})
	t.Run("V1-48 If-Match wanted", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t, with(scim.NeedVersion))
		a := p.post("/v1/Users", `{"userName":"a"}`).is(201)
		at := "/v1/Users/" + a.text("id")
		p.put(at, `{"userName":"a"}`).refused(412, "If-Match")
		p.patch(at, `{"title":"a"}`).refused(412, "If-Match")
		p.do("DELETE", at, "").refused(412, "If-Match")
		p.do("DELETE", at, "", "If-Match: "+a.header.Get("Etag")).is(200)
	})
	t.Run("any profile will do", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t, with(scim.SwapComplex, scim.NeedPath, scim.RefuseUnknown))
		id := p.user("a", `"name":{"givenName":"A"},"unknown":7`)
		p.patch("/v1/Users/"+id, `{"name":{"familyName":"B"}}`).is(200).has("name/givenName", "A")
		p.patch("/v1/Users/"+id, `{"emails":[{"value":"a@x.example"}]}`).is(200).has("emails/0/value", "a@x.example")
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	p := newProvider(t, func(_ *server.Service, o *server.Options) {
		o.Limits = server.Limits{Body: 1000, LargeBody: 4000, Operations: 3}
	})
	id := p.user("a")
	p.post("/v1/Users", `{"userName":"`+strings.Repeat("x", 1000)+`"}`).refused(413, "1000 bytes")
	p.post("/v1/Bulk", `{"Operations":"`+strings.Repeat("x", 4000)+`"}`).refused(413, "4000 bytes")
	p.post("/v1/Groups", `{"displayName":"g","members":[`+strings.Repeat(`"nobody",`, 200)+`"nobody"]}`).is(201)
	p.patch("/v1/Users/"+id, `{"emails":["a@x.example","b@x.example","c@x.example","d@x.example"]}`).refused(413, "3 are allowed")
	p.get("/v1/ServiceProviderConfigs").has("bulk/maxPayloadSize", 4000)
}

// TestLargeAnswers: an answer of many chunks arrives whole and valid.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	ids := make([]string, 1500)
	for i := range ids {
		ids[i] = p.user(fmt.Sprintf("user-with-a-name-%d", i))
	}
	g := p.group("all", ids...)
	a := p.get("/v1/Groups/" + g).is(200)
	wantStrings(t, a.texts("members", "value"), ids...)
	if a.header.Get("Content-Length") != "" || strings.Contains(a.raw, "$ref") {
		t.Errorf("got %v", a.header)
	}
	wantStrings(t, p.get("/v1/Users?count=1000").is(200).texts("Resources", "id"), ids[:1000]...)
}

// broken is a store whose Find ends with an error behind so many resources.
type broken struct {
	server.Store
	after int
}

func (b broken) Find(_ context.Context, _ *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	for i := range b.after {
		if err := emit(&server.Resource{ID: strconv.Itoa(i), Version: "1", Raw: []byte(`{"userName":"u"}`)}); err != nil {
			return server.Page{}, err
		}
	}
	return server.Page{}, errors.New("the disk is gone")
}

// TestBrokenAnswers: a failure is an error while nothing is on its way, and later a cut.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	with := func(after int) *provider {
		return newProvider(t, func(svc *server.Service, o *server.Options) {
			o.Log = nil // what is wrong is in the answer
			svc.Stores["User"] = broken{svc.Stores["User"], after}
		})
	}
	with(3).get("/v1/Users").refused(500, "id")
	p := with(5000)
	resp, err := p.srv.Client().Get(p.srv.URL + "/v1/Users?count=1000")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d bytes of a broken answer came as if they were whole", len(b))
	}
}
