package scim1_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPatch is the PATCH of 1.1 (A3.3.2): the examples of the document and what follows from its text.
func TestPatch(t *testing.T) {
	t.Parallel()
	member := func(id string) string { return fmt.Sprintf(`{"value":%q}`, id) }
	rows{
		"V1-33 V1-34 a partial resource, answered with all of it": func(p *provider) {
			id := p.user("a", `"title":"x","nickName":"n"`)
			p.patch("/v1/Users/"+id, `{"schemas":["urn:scim:schemas:core:1.0"],"title":"y"}`).is(200).has("title", "y").has("nickName", "n")
			a := p.patch("/v1/Users/"+id+"?attributes=title", `{"title":"z"}`).is(200)
			a.members("schemas", "id", "meta", "title")
			g := p.group("g")
			if a := p.patch("/v1/Groups/"+g, `{"members":[`+member(id)+`]}`).is(204); a.header.Get("Etag") == "" {
				t.Error("204 without ETag")
			}
			p.patch("/v1/Groups/"+g+"?attributes=displayName", `{"displayName":"h"}`).is(200).has("displayName", "h").has("members", nil)
			p.patch("/v1/Users/nobody", `{"title":"y"}`).refused(404, "")
		},
		"asking for nothing": func(p *provider) {
			id := p.user("a")
			tag := p.get("/v1/Users/" + id).header.Get("Etag")
			for _, body := range []string{`{}`, `{"schemas":["urn:scim:schemas:core:1.0"]}`, `{"id":"other","meta":{"created":"1999-01-01T00:00:00Z","location":"x"},"groups":[{"value":"x"}]}`, `{"emails":[]}`, `{"unknown":1}`} {
				if a := p.patch("/v1/Users/"+id, body).is(200); a.header.Get("Etag") != tag {
					t.Errorf("%s made version %s", body, a.header.Get("Etag"))
				}
			}
		},
		"V1-35 members emptied": func(p *provider) {
			a, b := p.user("a"), p.user("b")
			g := p.group("g", a, b)
			p.patch("/v1/Groups/"+g, `{"meta":{"attributes":["members"]}}`).is(204)
			p.get("/v1/Groups/"+g).has("members", nil)
		},
		"V1-35 members replaced": func(p *provider) {
			a, b, c := p.user("a"), p.user("b"), p.user("c")
			g := p.group("g", a, b)
			p.patch("/v1/Groups/"+g, `{"meta":{"attributes":["members"]},"members":[`+member(b)+`,`+member(c)+`]}`).is(204)
			got := p.get("/v1/Groups/"+g).texts("members", "value")
			slices.Sort(got)
			wantStrings(t, got, b, c)
		},
		"V1-35 names, sub-attributes, URNs": func(p *provider) {
			id := p.post("/v1/Users", fmt.Sprintf(full, "boss")).is(201).text("id")
			p.patch("/v1/Users/"+id, `{"meta":{"attributes":["externalId","NAME.givenName","urn:scim:schemas:extension:enterprise:1.0:employeeNumber",
				"urn:scim:schemas:core:1.0:locale"]}}`).is(200).
				has("externalId", nil).has("locale", nil).has("name/givenName", nil).has("name/familyName", "Jensen").
				has(enterprise+"/employeeNumber", nil).has(enterprise+"/manager/managerId", "boss")
			p.patch("/v1/Users/"+id, `{"meta":{"attributes":["urn:scim:schemas:extension:enterprise:1.0:manager.managerId"]}}`).is(200).
				has(enterprise, nil)
		},
		"V1-35 refusals": func(p *provider) {
			id := p.user("a", `"title":"x"`)
			p.patch("/v1/Users/"+id, `{"title":"y","meta":{"attributes":["nope"]}}`).refused(400, "nope")
			p.patch("/v1/Users/"+id, `{"title":"y","meta":{"attributes":["userName"]}}`).refused(400, "userName")
			p.patch("/v1/Users/"+id, `{"title":"y","meta":{"attributes":["groups"]}}`).refused(400, "groups")
			p.patch("/v1/Users/"+id, `{"title":"y","meta":{"attributes":[7]}}`).refused(400, "")
			p.get("/v1/Users/"+id).has("title", "x")
		},
		"V1-35 a required attribute removed and given": func(p *provider) {
			id := p.user("a")
			p.patch("/v1/Users/"+id, `{"userName":"b","meta":{"attributes":["userName"]}}`).is(200).has("userName", "b")
		},
		"V1-35 a complex attribute removed and given is another": func(p *provider) {
			id := p.user("a", `"name":{"givenName":"G","familyName":"F"}`)
			p.patch("/v1/Users/"+id, `{"name":{"givenName":"H"},"meta":{"attributes":["name"]}}`).is(200).
				has("name/givenName", "H").has("name/familyName", nil)
		},
		"V1-36 singular and complex": func(p *provider) {
			id := p.user("a", `"name":{"givenName":"G","familyName":"F"},"title":"x"`)
			p.patch("/v1/Users/"+id, `{"name":{"familyName":"H"},"title":null,"nickName":"n"}`).is(200).
				has("name/givenName", "G").has("name/familyName", "H").has("title", nil).has("nickName", "n")
			p.patch("/v1/Users/"+id, `{"urn:scim:schemas:extension:enterprise:1.0":{"department":"D"}}`).is(200)
			p.patch("/v1/Users/"+id, `{"urn:scim:schemas:extension:enterprise:1.0":{"manager":{"managerId":"m","displayName":"x"}}}`).is(200).
				has(enterprise+"/department", "D").has(enterprise+"/manager/managerId", "m")
			p.patch("/v1/Users/"+id, `{"urn:scim:schemas:extension:enterprise:1.0":null}`).is(200).has(enterprise, nil)
			p.patch("/v1/Users/"+id, `{"title":{"x":1}}`).refused(400, "title")
		},
		"V1-37 the only primary": func(p *provider) {
			id := p.user("a", `"emails":[{"value":"w@x.example","type":"work","primary":true},{"value":"h@x.example","type":"home"}]`)
			p.patch("/v1/Users/"+id, `{"emails":[{"value":"H@x.example","primary":true}]}`).is(200).
				has("emails/0/primary", false).has("emails/1/primary", true).has("emails/1/type", "home").has("emails/2", nil)
		},
		"V1-37 new and changed values": func(p *provider) {
			id := p.user("a", `"emails":[{"value":"w@x.example","type":"work"}]`)
			p.patch("/v1/Users/"+id, `{"emails":[{"value":"w@x.example","display":"W"},{"value":"o@x.example","type":"other"}]}`).is(200).
				has("emails/0/type", "work").has("emails/0/display", "W").has("emails/1/value", "o@x.example").has("emails/1/type", "other")
		},
		"V1-37 V1-38 an address swapped": func(p *provider) {
			id := p.user("a", `"addresses":[{"type":"work","locality":"Zug","primary":true},{"type":"home","locality":"Bern"}]`)
			p.patch("/v1/Users/"+id, `{"addresses":[{"type":"work","locality":"Zug","primary":true,"operation":"delete"},{"type":"work","locality":"Chur"}]}`).is(200)
			wantStrings(t, p.get("/v1/Users/"+id).texts("addresses", "locality"), "Bern", "Chur")
			p.patch("/v1/Users/"+id, `{"addresses":[{"type":"home","locality":"Nope","operation":"delete"},{"operation":"delete"}]}`).is(200)
			wantStrings(t, p.get("/v1/Users/"+id).texts("addresses", "locality"), "Bern", "Chur")
			p.patch("/v1/Users/"+id, `{"addresses":[{"locality":"Wil"}],"meta":{"attributes":["addresses"]}}`).is(200)
			wantStrings(t, p.get("/v1/Users/"+id).texts("addresses", "locality"), "Wil")
		},
		"V1-38 members leave and come": func(p *provider) {
			a, b, c := p.user("a"), p.user("b"), p.user("c")
			g := p.group("g", a, b)
			body := `{"members":[{"display":"A","value":"` + a + `","operation":"Delete"},{"value":"` + c + `","type":"user"}]}`
			for range 2 { // who is no member any more is no mistake
				p.patch("/v1/Groups/"+g, body).is(204)
				wantStrings(t, p.get("/v1/Groups/"+g).texts("members", "value"), b, c)
			}
		},
		"V1-38 mail by value": func(p *provider) {
			id := p.user("a", `"emails":[{"value":"w@x.example","type":"work"},{"value":"h@x.example","type":"home"}]`)
			p.patch("/v1/Users/"+id, `{"emails":[{"value":"W@x.example","type":"other","operation":"delete"},{"value":"none@x.example","operation":"delete"}]}`).is(200)
			wantStrings(t, p.get("/v1/Users/"+id).texts("emails", "value"), "h@x.example")
		},
		"V1-38 deletes before merges, and none where the attribute is removed": func(p *provider) {
			id := p.user("a", `"emails":[{"value":"w@x.example","type":"work"}]`)
			p.patch("/v1/Users/"+id, `{"emails":[{"value":"w@x.example","display":"new"},{"value":"w@x.example","operation":"delete"}]}`).is(200).
				has("emails/0/display", "new").has("emails/0/type", nil).has("emails/1", nil)
			p.patch("/v1/Users/"+id, `{"emails":[{"value":"z@x.example"},{"value":"w@x.example","operation":"delete"}],"meta":{"attributes":["emails"]}}`).is(200).
				has("emails/0/value", "z@x.example").has("emails/1", nil)
		},
		"V1-38 values that are hard to write in a filter": func(p *provider) {
			odd := `a\"b\\c]d@x.example`
			id := p.user("a", `"emails":[{"value":"`+odd+`","type":"work"},{"value":"k@x.example"}]`,
				`"photos":[{"value":"data:image/png;base64,`+strings.Repeat("A", 9<<10)+`","type":"photo"}]`)
			p.patch("/v1/Users/"+id, `{"emails":[{"value":"`+odd+`","display":"odd"}]}`).is(200).has("emails/0/display", "odd").has("emails/2", nil)
			p.patch("/v1/Users/"+id, `{"emails":[{"value":"`+odd+`","operation":"delete"}]}`).is(200).has("emails/0/value", "k@x.example")
			p.patch("/v1/Users/"+id, `{"photos":[{"value":"data:image/png;base64,`+strings.Repeat("A", 9<<10)+`","type":"photo"}]}`).is(200).has("photos/1", nil)
		},
		"P-3.5.2-04 all or nothing": func(p *provider) {
			id := p.user("a", `"title":"x"`)
			p.patch("/v1/Users/"+id, `{"title":"y","active":"perhaps"}`).refused(400, "active")
			p.get("/v1/Users/"+id).has("title", "x")
		},
		"V1-T2 nickname set and removed": func(p *provider) {
			id := p.user("a")
			p.patch("/v1/Users/"+id, `{"schemas":["urn:scim:schemas:core:1.0"],"nickName":"Barbie"}`).is(200).has("nickName", "Barbie")
			p.patch("/v1/Users/"+id, `{"schemas":["urn:scim:schemas:core:1.0"],"meta":{"attributes":["nickName"]}}`).is(200).has("nickName", nil)
		},
	}.run(t)
}
