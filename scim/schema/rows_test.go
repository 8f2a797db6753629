package schema_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// TestRows holds the rows of RFC 7643 that concern values and that no other test of
// this package names: what a strict create of a user makes of a body.
func TestRows(t *testing.T) {
	set := schema.Core(nil)
	long := `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"userName":"u",`
	cases := []struct{ name, body, want string }{ // want "": 400 invalidValue
		{"S-2-01 what was sent comes back unchanged", user(`"id":"7","meta":{"version":"1"},"groups":[{"value":"g"}],"title":"t"`), user(`"title":"t"`)},
		{"S-2.1-01 names in any case", `{"SCHEMAS":["` + userURN + `"],"USERNAME":"u","Name":{"GIVENNAME":"g"}}`, user(`"name":{"givenName":"g"}`)},
		{"S-2.3.1-02 values that are not canonical", user(`"emails":[{"value":"a","type":"school"}]`), user(`"emails":[{"value":"a","type":"school"}]`)},
		{"S-7-18 S-4.1.2-10 as before", user(`"phoneNumbers":[{"value":"1","type":"Satellite"}]`), user(`"phoneNumbers":[{"value":"1","type":"Satellite"}]`)},
		{"S-2.3.2-01 boolean as a string", user(`"active":"true"`), ""},
		{"S-2.3.2-01 boolean as a number", user(`"active":1`), ""},
		{"S-2.3.8-01 any order of members", `{"title":"t","userName":"u","schemas":["` + userURN + `"]}`, user(`"title":"t"`)},
		{"S-2.4-01 an array of one stays one", user(`"emails":[{"value":"a"}]`), user(`"emails":[{"value":"a"}]`)},
		{"S-2.4-01 an object where an array belongs", user(`"emails":{"value":"a"}`), ""},
		{"S-2.4-03 two primaries", user(`"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]`), ""},
		{"S-2.4-03 a repeated one that is primary", user(`"emails":[{"value":"a"},{"value":"b"},{"value":"a","primary":true}]`), user(`"emails":[{"value":"a","primary":true},{"value":"b"}]`)},
		{"S-2.4-05 labels and mail keep their case", user(`"emails":[{"value":"Ada@EXAMPLE.com","type":"Work"}]`), user(`"emails":[{"value":"Ada@EXAMPLE.com","type":"Work"}]`)},
		{"S-4.1.2-01 mail is not canonicalised", user(`"emails":[{"value":"bjensen@EXAMPLE.COM"}]`), user(`"emails":[{"value":"bjensen@EXAMPLE.COM"}]`)},
		{"S-4.1.2-02 tel and free text", user(`"phoneNumbers":[{"value":"tel:+1-201-555-0123"},{"value":"ext. 7"}]`), user(`"phoneNumbers":[{"value":"tel:+1-201-555-0123"},{"value":"ext. 7"}]`)},
		{"S-4.1.2-03 ims as sent", user(`"ims":[{"value":"Some One","type":"xmpp"}]`), user(`"ims":[{"value":"Some One","type":"xmpp"}]`)},
		{"S-2.4-07 display may be written", user(`"emails":[{"value":"a","display":"A"}]`), user(`"emails":[{"value":"a","display":"A"}]`)},
		{"S-2.5-02 null and [] unassign", user(`"title":null,"emails":[],"name":{"givenName":null}`), user("")},
		{"S-2.5-03 nothing unassigned is written", user(`"nickName":null,"roles":[null]`), user("")},
		{"S-3-05 extensions under their URN", long + `"` + enterpriseURN + `":{"department":"d"}}`, long + `"` + enterpriseURN + `":{"department":"d"}}`},
		{"S-3.3-02 not at the top", user(`"employeeNumber":"1"`), user("")},
		{"S-3.1-01 externalId", user(`"externalId":"AbC"`), `{"schemas":["` + userURN + `"],"externalId":"AbC","userName":"u"}`},
		{"S-7-06 caseExact keeps its case", user(`"profileUrl":"https://x.test/AbC"`), user(`"profileUrl":"https://x.test/AbC"`)},
		{"S-7-07 and so does what compares without it", user(`"title":"Dr. No"`), user(`"title":"Dr. No"`)},
		{"S-3.1-07 S-7-08 no id from clients", user(`"id":"mine"`), user("")},
		{"S-3.1-13 no meta from clients", user(`"meta":{"created":"1999-01-01T00:00:00Z"}`), user("")},
		{"S-4.1.1-06 URL as sent", user(`"profileUrl":"HTTP://Example.com/a"`), user(`"profileUrl":"HTTP://Example.com/a"`)},
		{"S-4.1.1-09 timezone", user(`"timezone":"America/Los_Angeles"`), user(`"timezone":"America/Los_Angeles"`)},
		{"S-4.1.1-11 no password comes back", user(`"password":"secret"`), user("")},
		{"S-4.1.2-05 country", user(`"addresses":[{"country":"US"},{"country":"de"}]`), user(`"addresses":[{"country":"US"},{"country":"de"}]`)},
		{"S-4.1.2-05 code of three letters", user(`"addresses":[{"country":"USA"}]`), ""},
		{"S-4.1.2-05 name", user(`"addresses":[{"country":"Germany"}]`), ""},
		{"S-4.1.2-05 digits", user(`"addresses":[{"country":"49"}]`), ""},
		{"S-4.3-03 manager is one object", long + `"` + enterpriseURN + `":{"manager":"26"}}`, ""},
		{"S-6-04 without an extension that is not required", user(""), user("")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(t, set.Type("User"), c.body, nil)
			if c.want == "" {
				if e := scim.AsError(err); e == nil || e.Status != 400 || e.Type != scim.InvalidValue {
					t.Errorf("got %s, %v", got, err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestCountryIsForgivenByName(t *testing.T) {
	d := compat()
	got, err := read(t, schema.Core(nil).Type("User"), user(`"addresses":[{"country":"USA"}]`), d)
	if err != nil || got != user(`"addresses":[{"country":"USA"}]`) || d.Used() != scim.Switches(0).With(scim.LooseCountry) {
		t.Errorf("got %s, %v, used %b", got, err, d.Used())
	}
	d = compat()
	if _, err := read(t, schema.Core(nil).Type("User"), user(`"addresses":[{"country":"US"}]`), d); err != nil || d.Used() != 0 {
		t.Errorf("%v, used %b", err, d.Used())
	}
}

// TestFilterRows holds the rows about comparison.
func TestFilterRows(t *testing.T) {
	set := schema.Core(nil)
	doc := schema.Object{
		"id": "AbC", "externalId": "AbC", "userName": "Ada", "profileUrl": "https://x.test/AbC",
		"emails":           []any{schema.Object{"value": "Ada@x.test"}},
		"x509Certificates": []any{schema.Object{"value": "QUJD"}},
		"meta":             schema.Object{"created": "2024-02-29T08:30:00Z", "resourceType": "User"},
	}
	for _, c := range []struct {
		name, filter string
		want         bool
	}{
		{"S-7-05 not caseExact", `userName eq "ADA"`, true},
		{"S-7-05 caseExact", `externalId eq "abc"`, false},
		{"S-3.1-09", `id eq "abc"`, false},
		{"S-3.1-12", `externalId eq "AbC"`, true},
		{"S-3.1-15", `meta.resourceType eq "user"`, false},
		{"S-2.3.5-02 the same instant", `meta.created eq "2024-02-29T09:30:00.000+01:00"`, true},
		{"S-2.3.6-02 binary", `x509Certificates.value eq "qujd"`, false},
		{"S-2.3.7-03 reference", `profileUrl eq "https://x.test/abc"`, false},
		{"S-2.4-04 absent primary is false", `emails[primary eq false]`, true},
		{"S-2.5-01 unassigned", `nickName pr`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := filter.Parse(c.filter, nil)
			if err == nil {
				e, err = filter.Bind(e, set.Type("User"), filter.OneType, nil)
			}
			if err != nil || filter.Match(e, set, doc) != c.want {
				t.Errorf("not %v, %v", c.want, err)
			}
		})
	}
}

// TestLiteral2015 publishes what the RFC printed and goes on to behave as corrected.
func TestLiteral2015(t *testing.T) {
	set, corrected := schema.Core(nil, schema.Literal2015()), schema.Core(nil)
	find := func(set *schema.Set, id, path string) schema.Object {
		list := set.Schema(id).Describe("")["attributes"].([]any)
		var name string
		var found schema.Object
		for path != "" {
			name, path, _ = strings.Cut(path, ".")
			found = nil
			for _, v := range list {
				if o := v.(schema.Object); o["name"] == name {
					found = o
				}
			}
			list, _ = found["subAttributes"].([]any)
		}
		return found
	}
	for _, c := range []struct {
		name, id, path, characteristic string
		want                           any
	}{
		{"5368", groupURN, "displayName", "required", false},
		{"6000", userURN, "x509Certificates.value", "caseExact", false},
		{"6001", userURN, "profileUrl", "caseExact", false},
		{"6004", userURN, "emails", "uniqueness", "none"},
		{"8471", userURN, "groups.$ref", "referenceTypes", []any{"User", "Group"}},
		{"8472", enterpriseURN, "manager.value", "caseExact", false},
		{"ims", userURN, "ims.type", "canonicalValues", []any{"aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"}},
	} {
		got, was := find(set, c.id, c.path)[c.characteristic], find(corrected, c.id, c.path)[c.characteristic]
		if !schema.Equal(got, c.want) || schema.Equal(was, c.want) {
			t.Errorf("%s: %v, else %v, want %v", c.name, got, was, c.want)
		}
	}
	for id, path := range map[string]string{groupURN: "members.display", userURN: "addresses.primary"} { // 6011
		if find(set, id, path) != nil || find(corrected, id, path) == nil {
			t.Errorf("%s is published", path)
		}
	}
	if !set.Type("Group").Schema.Attribute("displayName").Required {
		t.Error("S-4.2-01 displayName is not required any more")
	}
}
