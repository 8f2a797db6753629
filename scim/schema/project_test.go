package schema_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// resource returns a user as it is before projection: with all that the server adds.
func resource() schema.Object {
	type object = schema.Object
	return object{
		"schemas": []any{userURN, enterpriseURN}, "id": "7", "externalId": "x", "userName": "u",
		"name":     object{"givenName": "g", "familyName": "f"},
		"nickName": "n",
		"emails":   []any{object{"value": "a", "type": "work"}, object{"type": "home"}},
		"groups":   []any{object{"value": "g1", "display": "G"}},
		enterpriseURN: object{
			"department": "d", "manager": object{"value": "26", "displayName": "Boss", "$ref": "/Users/26"},
		},
		"meta": object{"resourceType": "User", "version": `W/"1"`},
	}
}

func TestProject(t *testing.T) {
	users := schema.Core(nil).Type("User")
	type object = schema.Object
	minimum := func(more object) object {
		o := object{"schemas": []any{userURN, enterpriseURN}, "id": "7"}
		maps.Copy(o, more)
		return o
	}
	without := func(names ...string) object {
		o := resource()
		for _, n := range names {
			delete(o, n)
		}
		return o
	}
	lessName := without()
	lessName["name"] = object{"givenName": "g"}
	cases := []struct {
		name             string
		attributes, less []string
		want             object
	}{
		{"S-7-13 nothing asked", nil, nil, resource()},
		{"blank lists", []string{"", " "}, []string{""}, resource()},
		{"P-A-04", []string{"userName"}, nil, minimum(object{"userName": "u"})},
		{"P-A-08 case, blanks, unknown names", []string{" USERNAME", "foo"}, nil, minimum(object{"userName": "u"})},
		{"P-A-08 only unknown names", []string{"foo"}, nil, minimum(nil)},
		{"P-A-12 S-7-12 password", []string{"password"}, nil, minimum(nil)},
		{"P-A-09 sub-attribute", []string{"emails.value"}, nil, minimum(object{"emails": []any{object{"value": "a"}}})},
		{
			"sub-attributes and their parent",
			[]string{"emails.value", "emails"},
			nil,
			minimum(object{"emails": resource()["emails"]}),
		},
		{"S-3.1-14 meta.version", []string{"meta.version"}, nil, minimum(object{"meta": object{"version": `W/"1"`}})},
		{
			"P-A-10 extension attribute",
			[]string{enterpriseURN + ":department"},
			nil,
			minimum(object{enterpriseURN: object{"department": "d"}}),
		},
		{
			"P-A-10 sub-attribute of an extension",
			[]string{enterpriseURN + ":manager.value"},
			nil,
			minimum(object{enterpriseURN: object{"manager": object{"value": "26"}}}),
		},
		{"AMB-30 container", []string{enterpriseURN}, nil, minimum(object{enterpriseURN: resource()[enterpriseURN]})},
		{"AMB-30 core URN", []string{userURN}, nil, without("externalId", "meta", enterpriseURN)},
		{"P-3.10-02 core URN in front", []string{userURN + ":nickName"}, nil, minimum(object{"nickName": "n"})},
		{"P-A-05", nil, []string{"emails", "name.familyName"}, func() object { o := lessName; delete(o, "emails"); return o }()},
		{"P-A-03 S-7-11", nil, []string{"id", "schemas", "userName"}, without("userName")},
		{"excluded container", nil, []string{enterpriseURN}, without(enterpriseURN)},
		{"excluded core URN", nil, []string{userURN}, minimum(object{
			"externalId": "x", "meta": resource()["meta"], enterpriseURN: resource()[enterpriseURN],
		})},
		{"all parts excluded", nil, []string{"groups.value", "groups.$ref", "groups.display", "groups.type"}, without("groups")},
		{"excluded unknown", nil, []string{"foo"}, resource()},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := users.Project(c.attributes, c.less, nil)
			if err != nil {
				t.Fatal(err)
			}
			in := resource()
			if got := p.Apply(in); !schema.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
			if !schema.Equal(in, resource()) {
				t.Error("Apply altered what it was given")
			}
		})
	}
}

func TestProjectByBothLists(t *testing.T) {
	users := schema.Core(nil).Type("User")
	attributes, excluded := []string{"name", "emails", "nickName"}, []string{"name.givenName", "emails"}
	_, err := users.Project(attributes, excluded, nil)
	isRefusal(t, err, scim.InvalidValue, "excludedAttributes")

	d := compat()
	p, err := users.Project(attributes, excluded, d)
	if err != nil || !d.Used().Has(scim.BothProjections) {
		t.Fatalf("AMB-29: %v, used %b", err, d.Used())
	}
	want := schema.Object{
		"schemas": []any{userURN, enterpriseURN}, "id": "7", "nickName": "n", "name": schema.Object{"familyName": "f"},
	}
	if got := p.Apply(resource()); !schema.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestProjectionWants(t *testing.T) {
	set := schema.Core(nil)
	users, groups := set.Type("User"), set.Type("Group")
	cases := []struct {
		typ              *schema.ResourceType
		attributes, less []string
		wants, not       []string
		whole            bool
	}{
		{users, nil, nil, []string{"groups", "meta.version", "id", enterpriseURN}, []string{"password"}, true},
		{groups, nil, []string{"members"}, []string{"displayName", "meta"}, []string{"members", "members.value"}, true}, // P-A-13
		{groups, nil, []string{"meta", "members", "foo"}, []string{"displayName"}, []string{"meta", "meta.created"}, true},
		{groups, nil, []string{"members.display"}, []string{"members", "members.value"}, []string{"members.display"}, false},
		{groups, nil, []string{"externalId"}, []string{"members"}, []string{"externalId"}, false},
		{groups, []string{"members.value"}, nil, []string{"id", "members.value"}, []string{"members.$ref", "displayName", "meta"}, false},
		{users, []string{enterpriseURN + ":department"}, nil, []string{enterpriseURN}, []string{"groups", enterpriseURN + ":manager"}, false},
		{users, []string{"userName"}, nil, []string{"userName"}, []string{enterpriseURN}, false},
	}
	for _, c := range cases {
		p, err := c.typ.Project(c.attributes, c.less, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Concat(c.wants, c.not) {
			if got, want := p.Wants(path(t, c.typ, name)), slices.Contains(c.wants, name); got != want {
				t.Errorf("attributes %v less %v: wants %s: %v", c.attributes, c.less, name, got)
			}
		}
		if p.Whole() != c.whole {
			t.Errorf("attributes %v less %v: whole: %v", c.attributes, c.less, p.Whole())
		}
	}
}

func TestProjectReturned(t *testing.T) {
	typ := device(t)
	type object = schema.Object
	o := object{
		"schemas": []any{"urn:example:Device"}, "id": "1", "serial": "s", "state": "on", "costs": []any{"7"},
		"box": object{"label": "l", "origin": "x", "unit": "kg"},
	}
	check := func(name string, p *schema.Projection, want object) {
		t.Helper()
		want["schemas"], want["id"] = o["schemas"], "1"
		if got := p.Apply(o); !schema.Equal(got, want) {
			t.Errorf("%s: got  %v\nwant %v", name, got, want)
		}
	}
	project := func(attributes, excluded []string) *schema.Projection {
		p, err := typ.Project(attributes, excluded, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	byDefault := project(nil, nil)
	check("S-7-14 not asked", byDefault, object{"serial": "s", "state": "on", "box": object{"label": "l", "unit": "kg"}})
	if byDefault.Whole() {
		t.Error("a type with request-returned attributes is never sent whole")
	}
	check("S-7-14 named", project([]string{"costs", "box.origin"}, nil),
		object{"state": "on", "costs": []any{"7"}, "box": object{"origin": "x", "unit": "kg"}})
	check("S-7-11 always inside what is sent", project(nil, []string{"box.unit", "box.label", "serial"}),
		object{"state": "on", "box": object{"unit": "kg"}})
	check("S-7-12 never", project([]string{"pin", "box.code"}, nil), object{"state": "on"})
	check("S-7-14 the parent named", project([]string{"box"}, nil), object{"state": "on", "box": object{"label": "l", "unit": "kg"}})
	check("S-7-11 always", project(nil, []string{"state", "serial", "box"}), object{"state": "on"})
	check("S-7-14 written", byDefault.Sent(object{"costs": []any{"7"}}),
		object{"serial": "s", "state": "on", "costs": []any{"7"}, "box": object{"label": "l", "unit": "kg"}})
	check("S-7-14 a part written", byDefault.Sent(object{"box": object{"origin": "x"}}),
		object{"serial": "s", "state": "on", "box": object{"label": "l", "origin": "x", "unit": "kg"}})
	if byDefault.Sent(object{"serial": "s"}) != byDefault {
		t.Error("nothing of the kind was written, but the projection changed")
	}
}
