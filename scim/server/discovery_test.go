package server_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

func TestDiscovery(t *testing.T) {
	rows{
		"S-5-01 ServiceProviderConfig": func(p *provider) {
			a := p.get("/ServiceProviderConfig").is(200).has("schemas/0", scim.ServiceProviderConfigSchema)
			for path, want := range map[string]any{
				"patch/supported": true, "bulk/supported": true, "bulk/maxOperations": 1000, "bulk/maxPayloadSize": 10485760,
				"filter/supported": true, "filter/maxResults": 1000, "changePassword/supported": false,
				"sort/supported": true, "etag/supported": true, "authenticationSchemes/0/type": "oauthbearertoken",
				"meta/resourceType": "ServiceProviderConfig", "meta/location": base + "/ServiceProviderConfig",
				"pagination/index": true, "pagination/cursor": false, "pagination/defaultPageSize": 100,
			} {
				a.has(path, want)
			}
		},
		"P-4-02 all schemas, no messages (P-3.1-03)": func(p *provider) {
			a := p.get("/Schemas").is(200)
			ids := strings.Join(a.names("id"), " ")
			for _, urn := range []string{
				scim.UserSchema, scim.EnterpriseUserSchema, scim.GroupSchema,
				scim.ServiceProviderConfigSchema, scim.ResourceTypeSchema, scim.SchemaSchema,
			} {
				if !strings.Contains(ids, urn) {
					p.t.Errorf("%s is missing", urn)
				}
			}
			if strings.Contains(ids, "api:messages") || strings.Contains(a.raw, "null") {
				p.t.Fatal(ids)
			}
			a.has("totalResults", 6).has("startIndex", 1).has("itemsPerPage", 6)
		},
		"P-4-03 one schema": func(p *provider) {
			want := p.get("/Schemas/"+scim.GroupSchema).is(200).has("id", scim.GroupSchema).raw
			for _, spelling := range []string{
				strings.ToUpper(scim.GroupSchema), strings.ReplaceAll(scim.GroupSchema, ":", "%3A"), scim.GroupSchema + "/",
			} {
				if got := p.get("/Schemas/" + spelling).is(200).raw; got != want {
					p.t.Fatalf("%s: %s", spelling, got)
				}
			}
			p.get("/Schemas/urn:nope").refused(404, "")
		},
		"S-7-02 schemas and meta of a Schema": func(p *provider) {
			p.get("/Schemas/"+scim.UserSchema).has("schemas/0", scim.SchemaSchema).has("meta/resourceType", "Schema").
				has("meta/location", base+"/Schemas/"+scim.UserSchema)
		},
		"P-4-04 resource types": func(p *provider) {
			wantStrings(p.t, p.get("/ResourceTypes").names("name"), "User", "Group")
			p.get("/ResourceTypes/User").is(200).has("schema", scim.UserSchema).has("endpoint", "/Users").
				has("schemaExtensions/0/schema", scim.EnterpriseUserSchema).has("schemaExtensions/0/required", false)
			p.get("/ResourceTypes/Nope").refused(404, "")
			p.get("/ResourceTypes/user").refused(404, "")
		},
		"P-4-05 paging is ignored": func(p *provider) {
			p.get("/Schemas?startIndex=2&count=1&sortBy=x&attributes=id").has("itemsPerPage", 6).has("startIndex", 1)
		},
		"P-4-06 a filter is refused on the lists, ignored elsewhere (D20)": func(p *provider) {
			for _, path := range []string{"/Schemas", "/ResourceTypes"} {
				p.get(path+"?filter=id+pr").refused(403, "")
				p.get(path+"?Filter=").refused(403, "")
			}
			p.get("/ServiceProviderConfig?filter=id+pr").is(200)
			p.get("/ResourceTypes/User?filter=id+pr").is(200)
		},
		"S-6-02 every URN that is named can be read": func(p *provider) {
			id := p.user("ada", `"`+scim.EnterpriseUserSchema+`":{"department":"x"}`)
			urns := append(p.get("/Users/"+id).list("schemas"), p.get("/Groups/"+p.group("g")).list("schemas")...)
			for _, urn := range urns {
				p.get("/Schemas/"+urn.(string)).is(200).has("id", urn)
			}
		},
	}.run(t, scim.Compat())
}

// TestAdvertisedIsEnforced reads the limits as a client would and meets each (F27).
func TestAdvertisedIsEnforced(t *testing.T) {
	t.Parallel()
	p := limited(t, server.Limits{Results: 5, DefaultResults: 4, Operations: 7, LargeBody: 4321})
	a := p.get("/ServiceProviderConfig").has("filter/maxResults", 5).has("bulk/maxOperations", 7).
		has("bulk/maxPayloadSize", 4321).has("pagination/defaultPageSize", 4).has("pagination/maxPageSize", 5)
	g := "/Groups/" + p.group("g")
	op := `{"op":"remove","path":"externalId"}`
	ops := int(a.at("bulk/maxOperations").(float64))
	p.patch(g, strings.Repeat(op+",", ops-1)+op).is(204)
	p.patch(g, strings.Repeat(op+",", ops)+op).refused(413, "")
	size := int(a.at("bulk/maxPayloadSize").(float64))
	p.put(g, `{"displayName":"h"}`+strings.Repeat(" ", size-19)).is(200)
	p.put(g, `{"displayName":"h"}`+strings.Repeat(" ", size-18)).refused(413, "")
	p.people("a", "b", "c", "d", "e", "f")
	p.get("/Users?count=6").has("itemsPerPage", a.at("filter/maxResults"))
	p.get("/Users").has("itemsPerPage", a.at("pagination/defaultPageSize"))
}
