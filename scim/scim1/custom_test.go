package scim1_test

import (
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scim1"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// TestCustomSchemas: an extension and a resource type of a service's own are there in 1.1 too, under their own URN.
func TestCustomSchemas(t *testing.T) {
	t.Parallel()
	const badgeURN, deviceURN = "urn:example:badge", "urn:example:Device"
	user := schema.User()
	user.Extensions = append(user.Extensions, schema.Extension{Schema: &schema.Schema{
		ID: badgeURN, Name: "Badge", Attributes: []*schema.Attribute{
			{Name: "number", Type: schema.Integer},
			{Name: "doors", MultiValued: true},
			{Name: "keys", Type: schema.Complex, MultiValued: true, SubAttributes: []*schema.Attribute{{Name: "value"}, {Name: "type"}}},
		},
	}})
	device := &schema.ResourceType{Name: "Device", Endpoint: "/Devices", Schema: &schema.Schema{
		ID: deviceURN, Name: "Device", Attributes: []*schema.Attribute{{Name: "serial", Required: true}},
	}}
	set, err := schema.NewSet(nil, user, schema.Group(), device)
	if err != nil {
		t.Fatal(err)
	}
	p := newProvider(t, func(svc *server.Service, _ *server.Options) {
		svc.Schemas, svc.Stores = set, scimtest.ServiceOf(set, "", scim.Compat()).Stores
	})

	id := p.user("a", `"`+badgeURN+`":{"number":7,"doors":["north","south"],"keys":["k1"]}`)
	p.get("/v1/Users/"+id).has("schemas", "["+scim1.CoreSchema+" "+badgeURN+"]").has(badgeURN+"/number", 7).has(badgeURN+"/keys/0/value", "k1")
	p.patch("/v1/Users/"+id, `{"`+badgeURN+`":{"number":8,"doors":["east",{"value":"north","operation":"delete"}],"keys":[{"value":"k1","type":"master"}]}}`).
		is(200).has(badgeURN+"/number", 8).has(badgeURN+"/doors", "[south east]").has(badgeURN+"/keys/0/type", "master").has(badgeURN+"/keys/1", nil)
	p.patch("/v1/Users/"+id, `{"`+badgeURN+`":{"doors":["west"]},"meta":{"attributes":["`+badgeURN+`:doors","`+badgeURN+`:number"]}}`).
		is(200).has(badgeURN+"/number", nil).has(badgeURN+"/doors", "[west]")

	d := p.post("/v1/Devices", `{"serial":"1"}`).is(201).has("schemas", "["+deviceURN+"]").text("id")
	p.get("/v2/Devices/"+d).is(200).has("serial", "1")
	p.get("/v1/Schemas/Device").is(200).has("id", deviceURN).has("schema", deviceURN).has("endpoint", "/Devices")
}
