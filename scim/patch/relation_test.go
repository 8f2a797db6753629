package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// describe tells links in one line each: operation and ids, or the filter.
func describe(links []patch.Link) string {
	ops := map[patch.LinkOp]string{
		patch.LinkAdd: "add", patch.LinkRemove: "remove", patch.LinkSet: "set", patch.LinkClear: "clear", patch.LinkWhere: "where",
	}
	var out []string
	for _, l := range links {
		s := l.Relation + " " + ops[l.Op]
		for _, r := range l.Refs {
			s += " " + r.Value
			if r.Type != "" {
				s += ":" + r.Type
			}
		}
		if l.Where != nil {
			s += " " + filter.String(l.Where)
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

// The corpus of D10 and J07: what real clients send about members, what is close to
// it, and what must not be taken for it.
func TestSec_D10_J07_Members(t *testing.T) {
	const schemaURN = "urn:ietf:params:scim:schemas:core:2.0:Group"
	tests := []struct {
		name, operations string
		want, strict     string // strict empty: as want
	}{
		// add
		{"Entra ID add", `{"op":"Add","path":"members","value":[{"$ref":null,"value":"a"},{"$ref":null,"value":"b"}]}`, "members add a b", ""},
		{"Okta add", `{"op":"add","path":"members","value":[{"value":"a","display":"x@acme.test"}]}`, "members add a", ""},
		{"authentik add", `{"op":"add","path":"members","value":[{"value":"a"}]},{"op":"add","path":"members","value":[{"value":"b"}]}`, "members add a; members add b", ""},
		{"P-3.5.2.1-08 one object", `{"op":"add","path":"members","value":{"value":"a"}}`, "members add a", ""},
		{"AMB-24 ids as strings", `{"op":"add","path":"members","value":["a","b"]}`, "members add a b", "error invalidValue"},
		{"AMB-24 one id", `{"op":"add","path":"members","value":"a"}`, "members add a", "error invalidValue"},
		{"F1 value in another case", `{"op":"add","path":"Members","value":[{"Value":"a","Type":"User"}]}`, "members add a:User", ""},
		{"only $ref", `{"op":"add","path":"members","value":[{"$ref":"https://h/scim/v2/Users/a"},{"$ref":"../Groups/b"}]}`, "members add a:User b:Group", ""},
		{"the same one twice", `{"op":"add","path":"members","value":[{"value":"a"},{"value":"b"},{"value":"a"}]}`, "members add a b", ""},
		{"nobody", `{"op":"add","path":"members","value":[]}`, "", ""},
		{"URN in front", `{"op":"add","path":"` + schemaURN + `:members","value":[{"value":"a"}]}`, "members add a", ""},
		{"no path", `{"op":"add","value":{"members":[{"value":"a"}]}}`, "members add a", ""},
		{"F3 wrapper", `{"op":"add","path":"members","value":{"members":[{"value":"a"}]}}`, "members add a", "error invalidValue"},
		{"F4 OneLogin", `{"op":"add","path":"members[value eq \"a\"]"}`, "members add a", "error invalidValue"},
		{"F4 several", `{"op":"add","path":"members[value eq \"a\" or value eq \"b\"]"}`, "members add a b", "error invalidValue"},
		{"F4 with the same value", `{"op":"add","path":"members[value eq \"a\"]","value":[{"value":"a"}]}`, "members add a", "error invalidValue"},
		{"F4 with another value", `{"op":"add","path":"members[value eq \"a\"]","value":[{"value":"b"}]}`, "error mutability", ""},
		{"F4 a filter that names nobody", `{"op":"add","path":"members[type eq \"User\"]"}`, "error noTarget", ""},
		{"path of the ids", `{"op":"add","path":"members.value","value":["a"]}`, "members add a", "error mutability"},
		{"P-3.5.2.1-01 no value", `{"op":"add","path":"members"}`, "error invalidValue", ""},

		// remove
		{"F3 AMB-15 Entra ID remove", `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"a"}]}`, "members remove a", ""},
		{"F3 one object", `{"op":"remove","path":"members","value":{"value":"a"}}`, "members remove a", ""},
		{"F3 ids as strings", `{"op":"remove","path":"members","value":["a"]}`, "members remove a", "error invalidValue"},
		{"F3 wrapper", `{"op":"remove","path":"members","value":{"Members":[{"value":"a"}]}}`, "members remove a", "error invalidValue"},
		{"F3 empty list removes nobody", `{"op":"remove","path":"members","value":[]}`, "", ""},
		{"F3 empty wrapper removes nobody", `{"op":"remove","path":"members","value":{"members":[]}}`, "", "error invalidValue"},
		{"P-3.5.2.2-05 bare", `{"op":"remove","path":"members"}`, "members clear", ""},
		{"null is neither all nor nobody", `{"op":"remove","path":"members","value":null}`, "error invalidValue", ""},
		{"null in the wrapper", `{"op":"remove","path":"members","value":{"members":null}}`, "error invalidValue", ""},
		{"filter by id", `{"op":"remove","path":"members[value eq \"a\"]"}`, "members remove a", ""},
		{"filter by ids", `{"op":"remove","path":"members[value eq \"a\" or value eq \"b\" or value eq \"a\"]"}`, "members remove a b", ""},
		{"filter by id with the same value", `{"op":"remove","path":"members[value eq \"a\"]","value":[{"value":"a"}]}`, "members remove a", ""},
		{"filter by id with another value", `{"op":"remove","path":"members[value eq \"a\"]","value":[{"value":"b"}]}`, "error mutability", ""},
		{"filter by type", `{"op":"remove","path":"members[type eq \"User\"]"}`, `members where type eq "User"`, ""},
		{"filter by id and type", `{"op":"remove","path":"members[value eq \"a\" and type eq \"User\"]"}`, `members where value eq "a" and type eq "User"`, ""},
		{"filter by another id", `{"op":"remove","path":"members[value ne \"a\"]"}`, `members where value ne "a"`, ""},
		{"path of the ids", `{"op":"remove","path":"members.value","value":["a"]}`, "members remove a", "error mutability"},
		{"path of the ids alone", `{"op":"remove","path":"members.value"}`, "error mutability", ""},
		{"id of a member", `{"op":"remove","path":"members[value eq \"a\"].value"}`, "error mutability", ""},
		{"no path", `{"op":"remove","value":{"members":[{"value":"a"}]}}`, "error noTarget", ""},

		// replace
		{"Okta push", `{"op":"replace","path":"members","value":[{"value":"a"},{"value":"b"}]}`, "members set a b", ""},
		{"Okta push of an empty group", `{"op":"replace","path":"members","value":[]}`, "members set", ""},
		{"null", `{"op":"replace","path":"members","value":null}`, "members set", ""},
		{"no path", `{"op":"replace","value":{"displayName":"G","members":[{"value":"a"}]}}`, "members set a", ""},
		{"no path, no members", `{"op":"replace","value":{"displayName":"G"}}`, "", ""},
		{"no value", `{"op":"replace","path":"members"}`, "error invalidValue", ""},

		// S-4.2-02: members are added and removed, never edited
		{"S-4.2-02 value", `{"op":"replace","path":"members[value eq \"a\"].value","value":"b"}`, "error mutability", ""},
		{"S-4.2-02 display", `{"op":"replace","path":"members[value eq \"a\"].display","value":"b"}`, "error mutability", ""},
		{"S-4.2-02 type", `{"op":"add","path":"members[value eq \"a\"].type","value":"Group"}`, "error mutability", ""},
		{"S-4.2-02 the member", `{"op":"replace","path":"members[value eq \"a\"]","value":{"value":"b"}}`, "error mutability", ""},
		{"S-4.2-02 all ids", `{"op":"replace","path":"members.value","value":["b"]}`, "error mutability", ""},
		{"S-4.2-02 all types", `{"op":"replace","path":"members.type","value":"User"}`, "error mutability", ""},

		// malformed
		{"no id", `{"op":"remove","path":"members","value":[{}]}`, "error invalidValue", ""},
		{"id under another name", `{"op":"remove","path":"members","value":[{"id":"a"}]}`, "error invalidValue", ""},
		{"empty object", `{"op":"remove","path":"members","value":{}}`, "error invalidValue", ""},
		{"empty id", `{"op":"remove","path":"members","value":[{"value":""}]}`, "error invalidValue", ""},
		{"empty id beside $ref", `{"op":"remove","path":"members","value":[{"value":"","$ref":"/Users/a"}]}`, "error invalidValue", ""},
		{"empty string", `{"op":"remove","path":"members","value":""}`, "error invalidValue", ""},
		{"id a number", `{"op":"add","path":"members","value":[{"value":5}]}`, "error invalidValue", ""},
		{"a number", `{"op":"remove","path":"members","value":[5]}`, "error invalidValue", ""},
		{"true", `{"op":"remove","path":"members","value":true}`, "error invalidValue", ""},
		{"null inside", `{"op":"remove","path":"members","value":[null]}`, "error invalidValue", ""},
		{"list in a list", `{"op":"remove","path":"members","value":[["a"]]}`, "error invalidValue", ""},
		{"$ref to nowhere", `{"op":"remove","path":"members","value":[{"$ref":"https://h/a"}]}`, "error invalidValue", ""},
		{"$ref a number", `{"op":"remove","path":"members","value":[{"value":"a","$ref":5}]}`, "error invalidValue", ""},
		{"one of two broken", `{"op":"remove","path":"members","value":[{"value":"a"},{}]}`, "error invalidValue", ""},
		{"unknown sub-attribute in the filter", `{"op":"remove","path":"members[id eq \"a\"]"}`, "error invalidFilter", ""},
		{"unclosed filter", `{"op":"remove","path":"members[value eq \"a\""}`, "error invalidPath", ""},
		{"array index", `{"op":"remove","path":"members[0]"}`, "error invalidPath", ""},
		{"unknown sub-attribute", `{"op":"remove","path":"members[value eq \"a\"].id"}`, "error invalidPath", ""},
		{"readOnly sub-attribute", `{"op":"remove","path":"members.display"}`, "error mutability", ""},
	}
	group := core.Type("Group")
	for _, tt := range tests {
		strict := tt.strict
		if strict == "" {
			strict = tt.want
		}
		for _, p := range []struct {
			profile scim.Profile
			want    string
		}{{scim.Compat(), tt.want}, {scim.Strict(), strict}} {
			got := ""
			patched, err := newPatch(t, group, scim.NewDialect(p.profile), tt.operations)
			if e := scim.AsError(err); e != nil && e.Status == 400 {
				got = "error " + string(e.Type)
			} else if err != nil {
				t.Fatal(err)
			} else {
				got = describe(patched.Links())
			}
			if got != p.want {
				t.Errorf("%s, %s: got %q, want %q (%v)", tt.name, p.profile.Name, got, p.want, err)
			}
		}
	}
}

// Okta renames with the whole group in the value and never touches members by it.
func TestGroupDocument(t *testing.T) {
	group := core.Type("Group")
	cur := document(t, group, `{"schemas":["`+scim.GroupSchema+`"],"displayName":"Finance","externalId":"e"}`)
	p, err := newPatch(t, group, compat(), `{"op":"replace","value":{"schemas":["x"],"id":"g","displayName":"Money"}},
		{"op":"remove","path":"members[value eq \"a\"]"},{"op":"add","path":"members","value":[{"value":"b"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.Apply(cur)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemas":["` + scim.GroupSchema + `"],"externalId":"e","displayName":"Money"}`
	if got := string(group.Append(nil, after)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := describe(p.Links()), "members remove a; members add b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, op := range []string{`{"op":"remove","path":"displayName"}`, `{"op":"replace","path":"displayName","value":null}`} {
		if _, got := apply(t, group, nil, cur, op); got != "error mutability" {
			t.Errorf("P-3.5.2.2-08 %s: got %s", op, got)
		}
	}
}

func TestReadLinks(t *testing.T) {
	group := core.Type("Group")
	members := group.Schema.Attribute("members")
	tests := []struct{ value, compat, strict string }{
		{`[{"value":"a","type":"User","display":"A"},{"value":"b"}]`, "a b", "a b"},
		{`null`, "", ""},
		{`[]`, "", ""},
		{`{"value":"a"}`, "a", "error invalidValue"},
		{`["a"]`, "a", "error invalidValue"},
		{`"a"`, "a", "error invalidValue"},
		{`[{"value":"a"},{"value":"a"}]`, "a", "a"},
		{`[{"display":"A"}]`, "error invalidValue", "error invalidValue"},
		{`[{"value":["a"]}]`, "error invalidValue", "error invalidValue"},
		{`5`, "error invalidValue", "error invalidValue"},
	}
	for _, tt := range tests {
		v, err := schema.Parse([]byte(tt.value))
		if err != nil {
			t.Fatal(err)
		}
		for profile, want := range map[string]string{"compat": tt.compat, "strict": tt.strict} {
			p, _ := scim.ProfileByName(profile)
			refs, err := patch.ReadLinks(v, group, members, scim.NewDialect(p))
			var got []string
			for _, r := range refs {
				got = append(got, r.Value)
			}
			s := strings.Join(got, " ")
			if err != nil {
				s = fmt.Sprint("error ", scim.AsError(err).Type)
			}
			if s != want {
				t.Errorf("%s %s: got %s, want %s", profile, tt.value, s, want)
			}
		}
	}
}
