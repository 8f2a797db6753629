package server_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

const enterpriseURN = scim.EnterpriseUserSchema

// TestInteropProfile is what a server can do of the interoperability profile
// (draft-zollner-scim-interop-profile): where it differs from strict, and what it has in common.
func TestInteropProfile(t *testing.T) {
	t.Parallel()
	rows{
		"IOP-01 the configuration says so, there alone": func(p *provider) {
			p.get("/ServiceProviderConfig").is(200).has("interopProfileConformant", true)
			for _, other := range []scim.Profile{scim.Compat(), scim.Strict(), scim.Entra(), scim.Okta(), scim.SCIM1()} {
				newProvider(p.t, other).get("/ServiceProviderConfig").is(200).has("interopProfileConformant", nil)
			}
		},
		"IOP-02 every schema that is referred to is listed": func(p *provider) {
			listed := p.get("/Schemas").names("id")
			for _, urn := range []string{scim.UserSchema, scim.GroupSchema, enterpriseURN} {
				if !strings.Contains(strings.Join(listed, " "), urn) {
					p.t.Errorf("%s is not among %q", urn, listed)
				}
			}
			if !strings.Contains(p.get("/Schemas/"+scim.ServiceProviderConfigSchema).raw, "interopProfileConformant") {
				p.t.Error("the schema of ServiceProviderConfig lacks what it says")
			}
		},
		"IOP-03 a resource type's id is its name": func(p *provider) {
			wantStrings(p.t, p.get("/ResourceTypes").names("id"), p.get("/ResourceTypes").names("name")...)
		},
		"IOP-04 one rule of case for filters and uniqueness": func(p *provider) {
			p.user("Ada", `"externalId":"X"`)
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"aDA"}`).refused(409, scim.Uniqueness)
			p.get("/Users?filter=userName+eq+%22aDA%22").has("totalResults", 1)
			p.get("/Users?filter=externalId+eq+%22x%22").has("totalResults", 0)
		},
		"IOP-05 what is not defined is refused": func(p *provider) {
			id := p.user("a")
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"b","foo":1}`).refused(400, scim.InvalidSyntax)
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"b","name":{"foo":"x"}}`).refused(400, scim.InvalidSyntax)
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"b","urn:x:y":{"a":1}}`).refused(400, scim.InvalidSyntax)
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`","urn:x:y"],"userName":"b"}`).refused(400, scim.InvalidSyntax)
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`","`+enterpriseURN+`"],"userName":"c","`+enterpriseURN+`":{"department":"D"}}`).is(201)
			p.patch("/Users/"+id, `{"op":"replace","path":"foo","value":"x"}`).refused(400, scim.InvalidSyntax)
			p.patch("/Users/"+id, `{"op":"replace","path":"name.foo","value":"x"}`).refused(400, scim.InvalidSyntax)
			p.patch("/Users/"+id, `{"op":"replace","path":"name","value":{"foo":"x"}}`).refused(400, scim.InvalidSyntax)
			p.patch("/Users/"+id, `{"op":"add","path":"`+enterpriseURN+`","value":{"foo":"x"}}`).refused(400, scim.InvalidSyntax)
			p.put("/Users/"+id, `{"schemas":["`+scim.UserSchema+`"],"userName":"a","foo":1}`).refused(400, scim.InvalidSyntax)
		},
		"IOP-07 a resource is found by its id alone": func(p *provider) {
			p.user("ada")
			p.get("/Users/ada").refused(404, "")
		},
		"IOP-12 a filter on what is not defined": func(p *provider) {
			p.get("/Users?filter=foo+eq+%22x%22").refused(400, scim.InvalidFilter)
		},
		"IOP-13 a page of 100": func(p *provider) {
			p.get("/ServiceProviderConfig").has("pagination/defaultPageSize", 100)
			for i := range 101 {
				p.user("u" + strings.Repeat("x", i))
			}
			p.get("/Users?count=100").has("itemsPerPage", 100).has("totalResults", 101)
			p.get("/Users").has("itemsPerPage", 100)
		},
		"IOP-15 every operation has a path": func(p *provider) {
			id := p.user("a")
			p.patch("/Users/"+id, `{"op":"replace","value":{"title":"x"}}`).refused(400, scim.InvalidSyntax)
			p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"x"}`).is(200).has("title", "x")
		},
		"IOP-17 add is replace where there is one value": func(p *provider) {
			id := p.user("a", `"title":"x"`)
			p.patch("/Users/"+id, `{"op":"add","path":"title","value":"y"}`).is(200).has("title", "y")
		},
		"IOP-18 a complex attribute is swapped by replace, merged by add": func(p *provider) {
			id := p.user("a", `"name":{"givenName":"G","familyName":"F"}`)
			p.patch("/Users/"+id, `{"op":"add","path":"name","value":{"middleName":"M"}}`).is(200).has("name/givenName", "G")
			p.patch("/Users/"+id, `{"op":"replace","path":"name","value":{"givenName":"H"}}`).is(200).
				has("name/givenName", "H").has("name/familyName", nil).has("name/middleName", nil)
			p.patch("/Users/"+id, `{"op":"replace","path":"name.familyName","value":"I"}`).is(200).has("name/givenName", "H")
		},
		"IOP-19 a collection is swapped by replace, added to by add": func(p *provider) {
			id := p.user("a", `"emails":[{"value":"a@x.example"}]`)
			p.patch("/Users/"+id, `{"op":"add","path":"emails","value":[{"value":"b@x.example"}]}`).is(200).has("emails/1/value", "b@x.example")
			p.patch("/Users/"+id, `{"op":"replace","path":"emails","value":[{"value":"c@x.example"}]}`).is(200).
				has("emails/0/value", "c@x.example").has("emails/1", nil)
		},
		"IOP-22 gone is gone, and free again": func(p *provider) {
			id := p.user("a")
			p.patch("/Users/"+id, `{"op":"replace","path":"active","value":false}`).is(200)
			p.get("/Users/" + id).is(200)
			p.delete("/Users/" + id).is(204)
			p.get("/Users/"+id).refused(404, "")
			p.user("a")
		},
		"IOP-25 uniqueness": func(p *provider) {
			p.user("a")
			id := p.user("b")
			p.patch("/Users/"+id, `{"op":"replace","path":"userName","value":"A"}`).refused(409, scim.Uniqueness)
			p.group("g")
			p.post("/Groups", `{"schemas":["`+scim.GroupSchema+`"],"displayName":"G"}`).refused(409, scim.Uniqueness)
		},
	}.run(t, scim.Interop())
}

// TestIPSIEProfile is what a server can do of the IPSIE account lifecycle profile by itself.
func TestIPSIEProfile(t *testing.T) {
	t.Parallel()
	rows{
		"IPS-04 IPS-10 it is the interoperability profile too": func(p *provider) {
			id := p.user("a")
			p.get("/ServiceProviderConfig").has("interopProfileConformant", true)
			p.patch("/Users/"+id, `{"op":"replace","value":{"title":"x"}}`).refused(400, scim.InvalidSyntax)
			p.delete("/Users/" + id).is(204)
			p.user("a")
		},
		"IPS-07 bulk": func(p *provider) {
			p.get("/ServiceProviderConfig").has("bulk/supported", true)
			p.post("/Bulk", `{"schemas":["`+scim.BulkRequestMessage+`"],"Operations":[{"method":"POST","path":"/Users","bulkId":"1",
				"data":{"schemas":["`+scim.UserSchema+`"],"userName":"a"}}]}`).is(200).has("Operations/0/status", "201")
		},
		"IPS-08 several attributes in one PATCH": func(p *provider) {
			p.patch("/Users/"+p.user("a"), `{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"active","value":false}`).
				is(200).has("title", "x").has("active", false)
		},
		"IPS-09 deactivated and back": func(p *provider) {
			id := p.user("a")
			p.patch("/Users/"+id, `{"op":"replace","path":"active","value":false}`).is(200).has("active", false)
			p.patch("/Users/"+id, `{"op":"replace","path":"active","value":true}`).is(200).has("active", true)
		},
		"IPS-11 filters on users": func(p *provider) {
			p.user("a", `"externalId":"x1"`, `"emails":[{"value":"a@x.example","type":"work"}]`)
			for _, filter := range []string{
				`userName+eq+%22a%22`, `externalId+eq+%22x1%22`, `emails%5Bvalue+eq+%22a@x.example%22%5D`,
				`emails%5Btype+eq+%22work%22+and+value+eq+%22a@x.example%22%5D`,
			} {
				p.get("/Users?filter="+filter).is(200).has("totalResults", 1)
			}
		},
		"IPS-13 no password": func(p *provider) {
			raw := p.get("/Schemas/" + scim.UserSchema).is(200).raw
			for _, name := range []string{"userName", "displayName", "active"} {
				if !strings.Contains(raw, `"name":"`+name+`"`) {
					p.t.Errorf("the schema lacks %s", name)
				}
			}
			if strings.Contains(raw, `"password"`) || strings.Contains(p.get("/Schemas").raw, `"password"`) {
				p.t.Error("the schema has a password")
			}
			p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"a","password":"x"}`).refused(400, scim.InvalidSyntax)
			p.patch("/Users/"+p.user("a"), `{"op":"replace","path":"password","value":"x"}`).refused(400, scim.InvalidSyntax)
		},
		"IPS-15 IPS-16 groups": func(p *provider) {
			u := p.user("a")
			p.group("empty")
			p.post("/Groups", `{"schemas":["`+scim.GroupSchema+`"],"displayName":"g","externalId":"e","members":[{"value":"`+u+`"}]}`).is(201)
			for _, filter := range []string{`displayName+eq+%22g%22`, `externalId+eq+%22e%22`, `members%5Bvalue+eq+%22` + u + `%22%5D`} {
				p.get("/Groups?excludedAttributes=members&filter="+filter).is(200).has("totalResults", 1).has("Resources/0/members", nil)
			}
		},
		"IPS-17 50 operations on members": func(p *provider) {
			ops := make([]string, 50)
			for i := range ops {
				ops[i] = `{"op":"add","path":"members","value":[{"value":"` + p.user("u"+strings.Repeat("x", i)) + `"}]}`
			}
			g := p.group("g")
			p.patch("/Groups/"+g, strings.Join(ops, ",")).is(200)
			if n := len(p.get("/Groups/" + g).list("members")); n != 50 {
				p.t.Errorf("%d members", n)
			}
		},
	}.run(t, scim.IPSIE())
}

// TestSuiteSwitches: where published test suites contradict each other, a switch decides.
func TestSuiteSwitches(t *testing.T) {
	t.Parallel()
	named := func(t *testing.T, name string) *provider {
		t.Helper()
		profile, ok := scim.ProfileByName(name)
		if !ok {
			t.Fatalf("there is no profile %s", name)
		}
		return newProvider(t, profile)
	}
	title := `{"op":"replace","path":"title","value":"x"}`
	for name, check := range map[string]func(p *provider){
		"strict": func(p *provider) { p.patch("/Users/"+p.user("a"), title).is(200) },
		"strict,quiet-patch": func(p *provider) { // AMB-51
			id := p.user("a")
			p.patch("/Users/"+id, title).is(204)
			p.patch("/Users/"+id+"?attributes=title", title).is(200).has("title", "x")
			p.patch("/Groups/"+p.group("g"), `{"op":"replace","path":"displayName","value":"h"}`).is(204)
		},
		"compat": func(p *provider) { // AMB-34
			p.get("/Schemas?filter=id+pr").refused(403, "")
			p.get("/ServiceProviderConfig?filter=id+pr").is(200)
			p.patch("/Groups/"+p.group("g"), `{"op":"replace","path":"displayName","value":"h"}`).is(204)
		},
		"compat,discovery-filter": func(p *provider) {
			p.get("/Schemas?filter=id+pr").is(200)
			p.get("/ResourceTypes?filter=id+pr").is(200)
		},
		"compat,no-quiet-group-patch": func(p *provider) {
			p.patch("/Groups/"+p.group("g"), `{"op":"replace","path":"displayName","value":"h"}`).is(200)
		},
		"compat,no-missing-schemas": func(p *provider) { // AMB-01
			p.post("/Users", `{"userName":"a"}`).refused(400, scim.InvalidSyntax)
		},
		"strict,missing-schemas": func(p *provider) { p.post("/Users", `{"userName":"a"}`).is(201) },
		"compat,no-create-by-filter": func(p *provider) { // AMB-09
			p.patch("/Users/"+p.user("a"), `{"op":"replace","path":"emails[type eq \"work\"].value","value":"a@x.example"}`).refused(400, scim.NoTarget)
		},
		"strict,create-by-filter": func(p *provider) {
			p.patch("/Users/"+p.user("a"), `{"op":"replace","path":"emails[type eq \"work\"].value","value":"a@x.example"}`).is(200).has("emails/0/type", "work")
		},
		"compat,refuse-unknown": func(p *provider) { // AMB-03
			p.post("/Users", `{"userName":"a","foo":1}`).refused(400, scim.InvalidSyntax)
		},
		"compat,swap-complex": func(p *provider) { // AMB-12
			id := p.user("a", `"name":{"givenName":"G","familyName":"F"}`)
			p.patch("/Users/"+id, `{"op":"replace","value":{"name":{"givenName":"H"}}}`).is(200).has("name/familyName", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(named(t, name))
		})
	}
}

// TestProvidersOwnProfiles: what one provider sends is not forgiven another.
func TestProvidersOwnProfiles(t *testing.T) {
	t.Parallel()
	entra, okta := newProvider(t, scim.Entra()), newProvider(t, scim.Okta())
	disable := `{"op":"Replace","path":"active","value":"False"}`
	entra.patch("/Users/"+entra.user("a"), disable).is(200).has("active", false)
	okta.patch("/Users/"+okta.user("a"), disable).refused(400, scim.InvalidValue)

	var used scim.Switches
	counted := newProvider(t, scim.Okta(), func(svc *server.Service, _ *server.Options) {
		svc.Used = func(s scim.Switches) { used |= s }
	})
	id := counted.user("b", `"externalId":"x"`)
	counted.put("/Users/"+id, `{"schemas":["`+scim.UserSchema+`"],"userName":"b"}`).is(200).has("externalId", "x").has("active", true)
	if want := scim.Switches(0).With(scim.KeepOnPut); used != want {
		t.Errorf("used %b, want %b", used, want)
	}
	id = entra.user("b", `"externalId":"x"`)
	entra.put("/Users/"+id, `{"schemas":["`+scim.UserSchema+`"],"userName":"b"}`).is(200).has("externalId", nil)
}
