package schema_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

func TestCheck(t *testing.T) {
	type object = schema.Object
	set := schema.Core(nil)
	users, groups := set.Type("User"), set.Type("Group")
	device := device(t)
	site := "urn:example:Device:site.v1"
	keyed := &schema.ResourceType{Name: "Keyed", Endpoint: "/Keyed", Schema: &schema.Schema{ID: "urn:example:Keyed", Attributes: []*schema.Attribute{{
		Name: "keys", Type: schema.Complex, MultiValued: true, SubAttributes: []*schema.Attribute{{Name: "kind"}, {Name: "id", Required: true}},
	}}}}
	if _, err := schema.NewSet(nil, keyed); err != nil {
		t.Fatal(err)
	}
	many := make([]any, 1001)
	for i := range many {
		many[i] = object{"value": "x"}
	}
	cases := []struct {
		name string
		typ  *schema.ResourceType
		doc  object
		says string // empty: it is in order
	}{
		{"user", users, object{"userName": "u"}, ""},
		{"S-4.1.1-01 no userName", users, object{}, "userName is required"},
		{"S-4.1.1-01 empty userName", users, object{"userName": ""}, "userName is required"},
		{"blank userName", users, object{"userName": " \t"}, "userName is required"},
		{"S-4.2-01 no displayName", groups, object{}, "displayName is required"},
		{"group", groups, object{"displayName": "g"}, ""},
		{"device", device, object{"serial": "s", site: object{"room": "r"}}, ""},
		{"S-6-03 extension", device, object{"serial": "s"}, site + " is required"},
		{"S-6-03 in an extension", device, object{"serial": "s", site: object{"floor": int64(1)}}, site + ":room is required"},
		{"part of an object", device, object{"serial": "s", site: object{"room": "r"}, "box": object{"seal": "x"}}, "box.label is required"},
		{
			"part of an element", keyed, object{"keys": []any{object{"kind": "a", "id": "1"}, object{"kind": "a"}}}, "keys[1].id is required",
		},
		{"too many", users, object{"userName": "u", "emails": many}, "emails has 1001 values"},
		{
			"P-3.5.2-21 two primaries", users,
			object{"userName": "u", "emails": []any{object{"primary": true}, object{"primary": true}}},
			"emails[1].primary",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.doc["schemas"] = c.typ.Schemas(c.doc)
			err := c.typ.Check(c.doc)
			if c.says == "" && err != nil {
				t.Fatal(err)
			}
			if c.says != "" {
				isRefusal(t, err, scim.InvalidValue, c.says)
			}
		})
	}
}

func TestCheckBoundsTheDocument(t *testing.T) {
	users := schema.Core(nil).Type("User")
	doc := schema.Object{"schemas": []any{userURN}, "userName": "u"}
	text := strings.Repeat("x", 64<<10)
	var list []any
	for err := error(nil); err == nil; err = users.Check(doc) {
		list = append(list, schema.Object{"value": text})
		doc["emails"] = list
		if len(list) > 100 {
			t.Fatal("a document of 6 MiB is in order")
		}
	}
	if err := users.Check(doc); scim.AsError(err).Status != 413 || len(list) != 32 {
		t.Errorf("%d elements: %v", len(list), err)
	}
}

func TestCheckChange(t *testing.T) {
	type object = schema.Object
	device := device(t)
	before := object{"serial": "s", "box": object{"label": "l", "seal": "1"}}
	cases := []struct {
		name  string
		after object
		says  string
	}{
		{"same", object{"serial": "s", "box": object{"label": "m", "seal": "1"}}, ""},
		{"S-7-09 changed", object{"serial": "t", "box": object{"label": "l", "seal": "1"}}, "serial is immutable"},
		{"AMB-20 removed", object{"box": object{"label": "l", "seal": "1"}}, "serial is immutable"},
		{"part changed", object{"serial": "s", "box": object{"label": "l", "seal": "2"}}, "box.seal is immutable"},
		{"part removed with its parent", object{"serial": "s"}, "box.seal is immutable"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := device.CheckChange(before, c.after)
			if c.says == "" && err != nil {
				t.Fatal(err)
			}
			if c.says != "" {
				isRefusal(t, err, scim.Mutability, c.says)
			}
		})
	}
	typ := schema.User()
	typ.Extensions[0].Schema.Attributes[0].Mutability = schema.Immutable // employeeNumber
	if _, err := schema.NewSet(nil, typ); err != nil {
		t.Fatal(err)
	}
	numbered := object{enterpriseURN: object{"employeeNumber": "1", "department": "d"}}
	isRefusal(t, typ.CheckChange(numbered, object{}), scim.Mutability, enterpriseURN+":employeeNumber is immutable")
	if err := typ.CheckChange(numbered, object{enterpriseURN: object{"employeeNumber": "1"}}); err != nil {
		t.Error(err)
	}
	if err := device.CheckChange(object{}, before); err != nil {
		t.Errorf("P-3.5.1-06: %v", err)
	}
}
