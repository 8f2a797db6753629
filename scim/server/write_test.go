package server_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/muster-id/muster/scim"
)

// ada is a body for POST /Users that nothing is wrong with.
const ada = `{"schemas":["` + scim.UserSchema + `"],"userName":"ada","name":{"givenName":"Ada","familyName":"Osei"},
	"emails":[{"value":"ada@example.com","type":"work","primary":true}],"externalId":"A1","title":"Dr"}`

func TestCreate(t *testing.T) {
	rows{
		"P-3.3-01 readOnly attributes are ignored": func(p *provider) {
			a := p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"ada","id":"mine",
				"meta":{"created":"1999-01-01T00:00:00Z"},"groups":[{"value":"g"}]}`).is(201)
			if a.text("id") == "mine" || strings.HasPrefix(a.text("meta/created"), "1999") {
				p.t.Fatalf("the client set id or meta: %s", a.raw)
			}
			a.has("groups", nil)
		},
		"P-3.3-02 active defaults to true (AMB-22)": func(p *provider) {
			p.post("/Users", ada).is(201).has("active", true)
			p.post("/Groups", `{"schemas":["`+scim.GroupSchema+`"],"displayName":"g"}`).is(201).has("active", nil)
		},
		"P-3.3-03 null is as good as absent": func(p *provider) {
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"ada","active":null}`).is(201).has("active", true)
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"bo","active":false}`).is(201).has("active", false)
		},
		"P-3.3-05 the answer is the whole resource": func(p *provider) {
			p.post("/Users", ada).is(201).members("schemas", "id", "externalId", "userName", "name", "title", "active", "emails", "meta")
		},
		"P-3.3-06 Location and meta.location": func(p *provider) {
			a := p.post("/Users", ada).is(201)
			a.has("meta/location", base+"/Users/"+a.text("id")).has("meta/version", a.header.Get("ETag"))
			if a.header.Get("Location") != a.text("meta/location") {
				p.t.Fatalf("got Location %q", a.header.Get("Location"))
			}
			if got := p.get("/Users/" + a.text("id")).is(200).raw; got != a.raw {
				p.t.Fatalf("GET differs from the answer to POST:\n%s\n%s", got, a.raw)
			}
		},
		"P-3.3-07 a taken name": func(p *provider) {
			p.post("/Users", ada).is(201)
			p.post("/Users", strings.Replace(ada, `"ada"`, `"ADA"`, 1)).refused(409, scim.Uniqueness)
		},
		"P-3.3-08 a missing required attribute": func(p *provider) {
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`"]}`).refused(400, scim.InvalidValue)
		},
		"P-3.3-09 a wrong JSON type": func(p *provider) {
			for _, member := range []string{`"name":"x"`, `"active":"yes"`, `"title":{}`} {
				p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"a",`+member+`}`).refused(400, scim.InvalidValue)
			}
		},
		"P-3.3-10 no JSON object": func(p *provider) {
			for _, body := range []string{`{`, `[]`, `"x"`, `{}{}`, `null`, ` `, "\xef\xbb\xbf{}", `{"a":1,"A":2}`} {
				p.post("/Users", body).refused(400, scim.InvalidSyntax)
			}
			p.post("/Users", "", "Content-Type: application/scim+json").refused(400, scim.InvalidSyntax)
		},
		"P-3.3-12 two at once": func(p *provider) {
			var wg sync.WaitGroup
			status := make([]int, 8)
			for i := range status {
				wg.Go(func() { status[i] = p.post("/Users", ada).status })
			}
			wg.Wait()
			count := map[int]int{}
			for _, s := range status {
				count[s]++
			}
			if count[201] != 1 || count[409] != 7 {
				p.t.Fatalf("got %v, want one 201 and seven 409", count)
			}
		},
		"P-3.3.1-01 meta.resourceType": func(p *provider) {
			p.post("/Users", ada).has("meta/resourceType", "User")
			p.get("/Groups/"+p.group("g")).has("meta/resourceType", "Group")
		},
		"P-A-07 attributes on POST": func(p *provider) {
			p.post("/Users?attributes=userName", ada).is(201).members("schemas", "id", "userName")
			p.post("/Users?attributes=userName&excludedAttributes=id", strings.Replace(ada, "ada", "bo", 1)).is(201)
		},
		"F11 password is taken and dropped": func(p *provider) {
			a := p.post("/Users?attributes=password", strings.Replace(ada, `"title"`, `"password":"s3cret","title"`, 1)).is(201)
			if strings.Contains(a.raw+p.get("/Users").raw, "s3cret") {
				p.t.Fatal("the password came back")
			}
		},
		"F20 unknown member, compat": func(p *provider) {
			id := p.user("ada")
			g := p.group("g", id, "nobody")
			if got := p.get("/Groups/" + g).list("members"); len(got) != 1 {
				p.t.Fatalf("got members %v", got)
			}
		},
	}.run(t, scim.Compat())
}

func TestStrictCreate(t *testing.T) {
	rows{
		"S-2.1-02 schemas are missing": func(p *provider) {
			p.post("/Users", `{"userName":"a"}`).refused(400, scim.InvalidSyntax)
		},
		"AMB-21 unknown member": func(p *provider) {
			p.post("/Groups", `{"schemas":["`+scim.GroupSchema+`"],"displayName":"g","members":[{"value":"nobody"}]}`).
				refused(400, scim.InvalidValue)
			p.get("/Groups").has("totalResults", 0)
		},
		"AMB-29 both projections": func(p *provider) {
			p.post("/Users?attributes=userName&excludedAttributes=name", ada).refused(400, scim.InvalidValue)
			p.get("/Users").has("totalResults", 0)
		},
	}.run(t, scim.Strict())
}

func TestReplace(t *testing.T) {
	const put = `{"schemas":["` + scim.UserSchema + `"],"userName":"ada"`
	rows{
		"P-3.5.1-01 PUT does not create": func(p *provider) {
			p.put("/Users/nobody", ada).refused(404, "")
		},
		"P-3.5.1-02 lists are replaced as a whole": func(p *provider) {
			id := p.post("/Users", ada).text("id")
			a := p.put("/Users/"+id, put+`,"emails":[{"value":"new@example.com"}]}`).is(200)
			if a.has("emails/0/value", "new@example.com"); len(a.list("emails")) != 1 {
				p.t.Fatal(a.raw)
			}
		},
		"P-3.5.1-03 what is left out is cleared, but for F12": func(p *provider) {
			id := p.post("/Users", strings.Replace(ada, `"title"`, `"active":false,"title"`, 1)).text("id")
			p.put("/Users/"+id, put+`}`).is(200).has("title", nil).has("name", nil).
				has("active", false).has("externalId", "A1")
		},
		"P-3.5.1-04 null clears, also what F12 keeps": func(p *provider) {
			id := p.post("/Users", ada).text("id")
			p.put("/Users/"+id, put+`,"externalId":null,"ACTIVE":null,"title":null,"emails":[]}`).is(200).
				has("externalId", nil).has("active", nil).has("title", nil).has("emails", nil)
		},
		"P-3.5.1-08 a resource as it was read": func(p *provider) {
			id := p.post("/Users", ada).text("id")
			p.group("g", id)
			before := p.get("/Users/" + id)
			if got := p.put("/Users/"+id, before.raw).is(200).raw; got != before.raw {
				p.t.Fatalf("got  %s\nwant %s", got, before.raw)
			}
		},
		"P-3.5.1-09 required attributes": func(p *provider) {
			id := p.post("/Users", ada).text("id")
			p.put("/Users/"+id, `{"schemas":["`+scim.UserSchema+`"]}`).refused(400, scim.InvalidValue)
		},
		"P-3.5.1-11 members are made what is listed": func(p *provider) {
			a, b, c := p.user("a"), p.user("b"), p.user("c")
			g := p.group("g", a, b)
			const group = `{"schemas":["` + scim.GroupSchema + `"],"displayName":"g"`
			r := p.put("/Groups/"+g, group+`,"members":[{"value":"`+b+`"},{"value":"`+c+`"}]}`).is(200)
			r.has("members/0/value", b).has("members/1/value", c).has("members/2", nil)
			p.put("/Groups/"+g, group+`}`).is(200).has("members/1/value", c)        // F12
			p.put("/Groups/"+g, group+`,"members":[]}`).is(200).has("members", nil) // F12
		},
		"P-3.5.1-12 an extension that is left out is cleared": func(p *provider) {
			id := p.user("ada", `"`+scim.EnterpriseUserSchema+`":{"department":"R&D"}`)
			a := p.put("/Users/"+id, put+`}`).is(200).has(scim.EnterpriseUserSchema, nil)
			if len(a.list("schemas")) != 1 {
				p.t.Fatal(a.raw)
			}
		},
		"P-3.5.1-13 a taken name": func(p *provider) {
			p.user("bo")
			p.put("/Users/"+p.user("ada"), strings.Replace(put, "ada", "BO", 1)+`}`).refused(409, scim.Uniqueness)
		},
		"P-3.5.1-14 no change, no version": func(p *provider) {
			a := p.post("/Users", ada)
			b := p.put("/Users/"+a.text("id"), ada)
			b.is(200).has("meta/version", a.at("meta/version")).has("meta/lastModified", a.at("meta/lastModified"))
		},
		"P-3.5.1-15 the id of the body means nothing (C10)": func(p *provider) {
			a, b := p.user("ada"), p.user("bo")
			p.put("/Users/"+a, put+`,"title":"x","id":"`+b+`"}`).is(200).has("id", a)
			p.get("/Users/"+b).has("title", nil)
		},
	}.run(t, scim.Compat())
	rows{
		"AMB-11 strict clears what is left out": func(p *provider) {
			id := p.post("/Users", ada).text("id")
			p.put("/Users/"+id, put+`}`).is(200).has("active", nil).has("externalId", nil)
			g := p.group("g", id)
			p.put("/Groups/"+g, `{"schemas":["`+scim.GroupSchema+`"],"displayName":"g"}`).is(200).has("members", nil)
		},
	}.run(t, scim.Strict())
}

func TestPatch(t *testing.T) {
	rows{
		"P-3.5.2-17 users 200 with body": func(p *provider) {
			id := p.user("ada")
			p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"Dr"}`).is(200).has("title", "Dr").has("active", true)
		},
		"AMB-51 groups 204, 200 if attributes is given": func(p *provider) {
			id := p.user("ada")
			g := p.group("g")
			add := `{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`
			a := p.patch("/Groups/"+g, add).is(204)
			if a.raw != "" || a.header.Get("ETag") != `W/"2"` || a.header.Get("Location") != base+"/Groups/"+g {
				p.t.Fatalf("got %v %q", a.header, a.raw)
			}
			p.patch("/Groups/"+g+"?attributes=displayName", add).is(200).members("schemas", "id", "displayName")
			p.patch("/Groups/"+g+"?excludedAttributes=members", add).is(200).members("schemas", "id", "displayName", "meta")
			p.get("/Groups/"+g).has("members/0/value", id).has("meta/version", `W/"2"`)
		},
		"P-3.5.2-18 attributes": func(p *provider) {
			p.patch("/Users/"+p.user("ada")+"?attributes=title", `{"op":"add","path":"title","value":"Dr"}`).
				is(200).members("schemas", "id", "title")
		},
		"P-3.5.2-08 readOnly": func(p *provider) {
			p.patch("/Users/"+p.user("ada"), `{"op":"replace","path":"meta.created","value":"x"}`).refused(400, scim.Mutability)
		},
		"P-3.5.2-15 all or nothing": func(p *provider) {
			id := p.user("ada")
			before := p.get("/Users/" + id)
			p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"x"},{"op":"remove"}`).refused(400, scim.NoTarget)
			if got := p.get("/Users/" + id); got.raw != before.raw {
				p.t.Fatalf("something was applied: %s", got.raw)
			}
			g := p.group("g", id)
			p.patch("/Groups/"+g, `{"op":"remove","path":"members"},{"op":"remove","path":"displayName"}`).refused(400, scim.Mutability)
			p.get("/Groups/"+g).has("members/0/value", id).has("meta/version", `W/"1"`)
		},
		"P-3.5.2-20 unknown id": func(p *provider) {
			p.patch("/Users/nobody", `{"op":"add","path":"title","value":"x"}`).refused(404, "")
		},
		"P-3.5.2-22 nobody is lost": func(p *provider) {
			g := p.group("g")
			var wg sync.WaitGroup
			ids := make([]string, 20)
			for i := range ids {
				ids[i] = p.user("u" + string(rune('a'+i)))
			}
			for _, id := range ids {
				wg.Go(func() { p.patch("/Groups/"+g, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`) })
			}
			wg.Wait()
			if got := len(p.get("/Groups/" + g).list("members")); got != len(ids) {
				p.t.Fatalf("got %d members, want %d", got, len(ids))
			}
		},
		"P-3.5.2.2-12 remove with a list never empties the group (D10)": func(p *provider) {
			a, b := p.user("a"), p.user("b")
			g := p.group("g", a, b)
			p.patch("/Groups/"+g, `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"`+a+`"}]}`).is(204)
			p.get("/Groups/"+g).has("members/0/value", b).has("members/1", nil)
		},
		"S-2.4-08 members by $ref, whatever the base": func(p *provider) {
			a, b := p.user("a"), p.user("b")
			g := p.group("g", a, b)
			p.patch("/Groups/"+g, `{"op":"remove","path":"members[$ref eq \"https://old.example.com/v1/Users/`+a+`\"]"}`).is(204)
			p.get("/Groups/"+g).has("members/0/value", b).has("members/1", nil)
		},
		"P-3.5.2.2-17 a remove that removes nothing": func(p *provider) {
			g := p.group("g")
			p.patch("/Groups/"+g, `{"op":"remove","path":"members"}`).is(204)
			p.get("/Groups/"+g).has("meta/version", `W/"1"`)
		},
	}.run(t, scim.Compat())
	rows{
		"AMB-51 strict: 200": func(p *provider) {
			p.patch("/Groups/"+p.group("g"), `{"op":"replace","path":"displayName","value":"h"}`).is(200).has("displayName", "h")
		},
	}.run(t, scim.Strict())
}

func TestDelete(t *testing.T) {
	rows{
		"P-3.6-01 204": func(p *provider) {
			a := p.delete("/Users/" + p.user("ada")).is(204)
			if a.raw != "" || a.header.Get("Content-Type") != "" {
				p.t.Fatalf("got %v %q", a.header, a.raw)
			}
		},
		"P-3.6-02 gone for every operation": func(p *provider) {
			at := "/Users/" + p.user("ada")
			p.delete(at).is(204)
			p.get(at).refused(404, "")
			p.put(at, ada).refused(404, "")
			p.patch(at, `{"op":"remove","path":"title"}`).refused(404, "")
			p.delete(at).refused(404, "")
		},
		"P-3.6-03 in no answer": func(p *provider) {
			id := p.user("ada")
			g := p.group("g", id)
			p.delete("/Users/" + id).is(204)
			p.get("/Users").has("totalResults", 0)
			p.get("/Groups/"+g).has("members", nil)
		},
		"P-3.6-04 the name is free": func(p *provider) {
			id := p.user("ada")
			p.delete("/Users/" + id).is(204)
			if p.user("ada") == id {
				p.t.Fatal("the id came again")
			}
		},
		"P-3.4.1-03 an id of another type": func(p *provider) {
			p.get("/Users/"+p.group("g")).refused(http.StatusNotFound, "")
		},
	}.run(t, scim.Compat())
}
