package schema_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

func TestResolve(t *testing.T) {
	users := schema.Core(nil).Type("User")
	cases := []struct{ name, in, want string }{
		{"attribute", "userName", "userName"},
		{"S-2.1-01 any case", "USERNAME", "userName"},
		{"sub-attribute", "name.familyname", "name.familyName"},
		{"of a list", "Emails.Value", "emails.value"},
		{"$ref", "groups.$REF", "groups.$ref"},
		{"S-3-04 id", "id", "id"},
		{"S-3-04 externalId", "externalid", "externalId"},
		{"S-3-04 schemas", "schemas", "schemas"},
		{"meta", "meta", "meta"},
		{"meta.created", "META.CREATED", "meta.created"},
		{"P-3.10-02 core URN", userURN + ":userName", "userName"},
		{"P-3.10-04 core URN in capitals", strings.ToUpper(userURN + ":name.givenname"), "name.givenName"},
		{"core URN before a common attribute", userURN + ":meta.version", "meta.version"},
		{"P-3.10-01 extension", enterpriseURN + ":department", enterpriseURN + ":department"},
		{"P-3.10-05 dots in the URN", enterpriseURN + ":manager.displayName", enterpriseURN + ":manager.displayName"},
		{"P-3.10-04 extension in capitals", strings.ToUpper(enterpriseURN + ":manager.$ref"), enterpriseURN + ":manager.$ref"},
		{"container", enterpriseURN, enterpriseURN},
		{"container in capitals", strings.ToUpper(enterpriseURN), enterpriseURN},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := users.Resolve(c.in, nil)
			if err != nil || p.String() != c.want {
				t.Errorf("got %q, %v, want %q", p, err, c.want)
			}
		})
	}
	for _, in := range []string{
		"", ".", "user", "userName.x", "name.", ".name", "name.x", "name.givenName.x", "emails.value.x",
		"favouriteColor", "us\u017fername", "user name", "emails[0].value", "emails[type eq \"work\"]",
		userURN, userURN + ":", userURN + ":department", enterpriseURN + ":userName", enterpriseURN + ":", enterpriseURN + ".manager",
		enterpriseURN + "x:department", groupURN + ":displayName", "urn:example:none:x", "urn:", ":userName", "__proto__",
		strings.Repeat("a.", 10_000),
	} {
		_, err := users.Resolve(in, compat())
		isRefusal(t, err, scim.InvalidPath)
		if d := scim.AsError(err).Detail; len(d) > 300 {
			t.Errorf("detail of %d bytes", len(d))
		}
	}
}

func TestResolveWithoutURN(t *testing.T) {
	users := schema.Core(nil).Type("User")
	_, err := users.Resolve("manager.value", nil)
	isRefusal(t, err, scim.InvalidPath, enterpriseURN+":manager.value")

	d := compat()
	p, err := users.Resolve("Manager.VALUE", d)
	if err != nil || p.String() != enterpriseURN+":manager.value" || !d.Used().Has(scim.BareExtension) {
		t.Errorf("F6: got %q, %v, used %b", p, err, d.Used())
	}
	d = compat()
	if _, err := users.Resolve("userName", d); err != nil || d.Used() != 0 {
		t.Errorf("an attribute of the base needs no switch: %v, used %b", err, d.Used())
	}

	ext := func(id string) schema.Extension {
		return schema.Extension{Schema: &schema.Schema{ID: id, Attributes: []*schema.Attribute{{Name: "room"}, {Name: "title"}}}}
	}
	typ := schema.User()
	typ.Extensions = append(typ.Extensions, ext("urn:example:a"), ext("urn:example:a:b"))
	if _, err := schema.NewSet(nil, typ); err != nil {
		t.Fatal(err)
	}
	_, err = typ.Resolve("room", compat())
	isRefusal(t, err, scim.InvalidPath, "several")
	for in, want := range map[string]string{
		"title":                 "title", // AMB-48: the base has it
		"urn:example:a:room":    "urn:example:a:room",
		"urn:example:a:b:room":  "urn:example:a:b:room", // P-3.10-05: the longest URN
		"urn:example:a:b":       "urn:example:a:b",
		"urn:example:a:b:title": "urn:example:a:b:title",
	} {
		if p, err := typ.Resolve(in, compat()); err != nil || p.String() != want {
			t.Errorf("%s: got %q, %v", in, p, err)
		}
	}
}

func TestParseRef(t *testing.T) {
	set := schema.Core(nil)
	for ref, want := range map[string]string{
		"Users/26": "User 26", "../Users/26": "User 26", "/Groups/g-1": "Group g-1",
		"https://x.test/scim/v2/Users/26": "User 26", "https://x.test/scim/Users/26": "User 26", // S-2.4-08
		"26": "", "": "", "/Users/": "", "Users": "", "/users/26": "", "/Things/26": "", "/Users/26/": "", "/Users/26?x=1": "",
	} {
		got := ""
		if typ, id, ok := set.ParseRef(ref); ok {
			got = typ.Name + " " + id
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", ref, got, want)
		}
	}
}
