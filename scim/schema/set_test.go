package schema_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

func TestSetFindsItsParts(t *testing.T) {
	set := schema.Core(nil)
	if set.Type("User") == nil || set.Type("user") != nil || set.Type("") != nil {
		t.Error("Type")
	}
	for endpoint, want := range map[string]string{"/Users": "User", "Groups": "Group", "/users": "", "": "", "/": "", "Users/": ""} {
		got := ""
		if typ := set.ByEndpoint(endpoint); typ != nil {
			got = typ.Name
			if typ.Set() != set {
				t.Error("a type does not know its set")
			}
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", endpoint, got, want)
		}
	}
	var ids []string
	for _, s := range set.Schemas() {
		ids = append(ids, s.ID)
	}
	want := []string{ // P-4-02, P-3.1-03
		userURN, enterpriseURN, groupURN,
		scim.ServiceProviderConfigSchema, scim.ResourceTypeSchema, scim.SchemaSchema,
	}
	if !slices.Equal(ids, want) {
		t.Errorf("schemas: got %q\nwant %q", ids, want)
	}
	if s := set.Schema(strings.ToUpper(groupURN)); s == nil || s.ID != groupURN || set.Schema("urn:x") != nil { // P-4-03
		t.Error("Schema")
	}
	if set.Schema(groupURN).Attribute("DISPLAYNAME") == nil {
		t.Error("Attribute")
	}
}

func TestUniqueGroups(t *testing.T) {
	for want, set := range map[schema.Uniqueness]*schema.Set{ // AMB-25
		schema.UniqueNone: schema.Core(nil), schema.UniqueServer: schema.Core(nil, schema.UniqueGroups()),
	} {
		if got := set.Type("Group").Schema.Attribute("displayName").Uniqueness; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNewSetNamesEveryProblem(t *testing.T) {
	type attrs = []*schema.Attribute
	of := func(a ...*schema.Attribute) *schema.ResourceType {
		return &schema.ResourceType{Name: "T", Endpoint: "/Ts", Schema: &schema.Schema{ID: "urn:t", Attributes: a}}
	}
	used := schema.User()
	if _, err := schema.NewSet(nil, used); err != nil {
		t.Fatal(err)
	}
	complex := func(subs ...*schema.Attribute) *schema.Attribute {
		return &schema.Attribute{Name: "c", Type: schema.Complex, SubAttributes: subs}
	}
	cases := []struct {
		name  string
		types []*schema.ResourceType
		says  string
	}{
		{"S-2.1-03 name", []*schema.ResourceType{of(&schema.Attribute{Name: "1st"})}, "not a letter"},
		{"empty name", []*schema.ResourceType{of(&schema.Attribute{})}, "not a letter"},
		{"type", []*schema.ResourceType{of(&schema.Attribute{Name: "a", Type: "date"})}, `"date" is not one of`},
		{"mutability", []*schema.ResourceType{of(&schema.Attribute{Name: "a", Mutability: "never"})}, `"never"`},
		{"returned", []*schema.ResourceType{of(&schema.Attribute{Name: "a", Returned: "none"})}, `"none"`},
		{"uniqueness", []*schema.ResourceType{of(&schema.Attribute{Name: "a", Uniqueness: "always"})}, `"always"`},
		{"S-7-10 writeOnly", []*schema.ResourceType{of(&schema.Attribute{Name: "a", Mutability: schema.WriteOnly})}, "returned never"},
		{"S-7-19 referenceTypes", []*schema.ResourceType{of(&schema.Attribute{Name: "a", ReferenceTypes: []string{"x"}})}, "referenceTypes"},
		{"S-1.2-01 sub-attributes", []*schema.ResourceType{of(&schema.Attribute{Name: "a", SubAttributes: attrs{{Name: "b"}}})}, "sub-attributes"},
		{"S-2.3.8-02 complex in complex", []*schema.ResourceType{of(complex(complex()))}, "inside a complex"},
		{"S-2.3.8-03 complex and unique", []*schema.ResourceType{of(&schema.Attribute{Name: "c", Type: schema.Complex, Uniqueness: schema.UniqueServer})}, "neither uniqueness"},
		{"relation of one", []*schema.ResourceType{of(&schema.Attribute{Name: "c", Type: schema.Complex, Relation: true})}, "relation"},
		{"name twice", []*schema.ResourceType{of(&schema.Attribute{Name: "a"}, &schema.Attribute{Name: "A"})}, "defined twice"},
		{"common name", []*schema.ResourceType{of(&schema.Attribute{Name: "Meta"})}, "every resource has"},
		{"type twice", []*schema.ResourceType{schema.User(), schema.User()}, "share a name"},
		{"type of another set", []*schema.ResourceType{used}, "in a set already"},
		{"schema of another set", []*schema.ResourceType{{Name: "T", Endpoint: "/Ts", Schema: used.Schema}}, "in a set already"},
		{"no schema", []*schema.ResourceType{{Name: "T", Endpoint: "/Ts"}}, "no schema"},
		{"endpoint", []*schema.ResourceType{{Name: "T", Endpoint: "Ts", Schema: &schema.Schema{ID: "urn:t"}}}, "endpoint"},
		{"URN", []*schema.ResourceType{{Name: "T", Endpoint: "/Ts", Schema: &schema.Schema{ID: "t"}}}, "not a URI"},
		{"URN of discovery", []*schema.ResourceType{{Name: "T", Endpoint: "/Ts", Schema: &schema.Schema{ID: scim.SchemaSchema}}}, "defined twice"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set, err := schema.NewSet(nil, c.types...)
			if err == nil || set != nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something about %q", err, c.says)
			}
		})
	}
	_, err := schema.NewSet(nil, of(&schema.Attribute{Name: "1"}, &schema.Attribute{Name: "b", Type: "x"}))
	if err == nil || !strings.Contains(err.Error(), "attribute 1") || !strings.Contains(err.Error(), "attribute b") {
		t.Errorf("two problems, got %v", err)
	}
}

// TestDescribe checks the rules of RFC 7643 §7 on everything that is published.
func TestDescribe(t *testing.T) {
	set := schema.Core(nil)
	name := regexp.MustCompile(`^[A-Za-z$][A-Za-z0-9_$-]*$`) // S-2.1-03
	var walk func(where string, list any, depth int)
	walk = func(where string, list any, depth int) {
		for _, v := range list.([]any) {
			a := v.(schema.Object)
			at := where + "." + a["name"].(string)
			for _, must := range []string{"name", "type", "multiValued", "description", "required", "mutability", "returned"} {
				if a[must] == nil {
					t.Errorf("F26 %s lacks %s", at, must)
				}
			}
			if !name.MatchString(a["name"].(string)) {
				t.Errorf("S-2.1-03 %s", at)
			}
			subs, complex := a["subAttributes"]
			if complex != (a["type"] == "complex") {
				t.Errorf("S-1.2-01, S-7-04 %s", at)
			}
			if complex && depth > 0 && where != scim.SchemaSchema+".attributes" {
				t.Errorf("S-2.3.8-02 %s", at)
			}
			if complex == (a["caseExact"] != nil) || complex == (a["uniqueness"] != nil) {
				t.Errorf("S-2.3.8-03 %s", at)
			}
			if (a["referenceTypes"] != nil) != (a["type"] == "reference") {
				t.Errorf("S-7-19 %s", at)
			}
			if complex {
				walk(at, subs, depth+1)
			}
		}
	}
	for _, s := range set.Schemas() {
		o := s.Describe("https://x.test/Schemas/" + s.ID)
		want := schema.Object{"resourceType": "Schema", "location": "https://x.test/Schemas/" + s.ID}
		if o["id"] != s.ID || o["name"] != s.Name || !schema.Equal(o["schemas"], []any{scim.SchemaSchema}) || !schema.Equal(o["meta"], want) {
			t.Errorf("S-7-02 %s: %v", s.ID, o)
		}
		walk(s.ID, o["attributes"], 0)
		b, err := json.Marshal(o)
		if err != nil || strings.Contains(string(b), "null") || strings.Contains(string(b), "[]") {
			t.Errorf("F26 %s: %v, nulls or empty arrays: %s", s.ID, err, b)
		}
	}

	type object = schema.Object
	want := object{
		"schemas": []any{scim.ResourceTypeSchema}, "id": "User", "name": "User", "description": "User Account",
		"endpoint": "/Users", "schema": userURN,
		"schemaExtensions": []any{object{"schema": enterpriseURN, "required": false}},
		"meta":             object{"resourceType": "ResourceType", "location": "L"},
	}
	if got := set.Type("User").Describe("L"); !schema.Equal(got, want) {
		t.Errorf("S-6-01: got %v\nwant %v", got, want)
	}
	if got := set.Type("Group").Describe("L"); got["schemaExtensions"] != nil {
		t.Errorf("Group has no extensions, got %v", got)
	}
}

// TestDefinitions holds the values that errata and the prose of RFC 7643 correct, and
// those on which security depends.
func TestDefinitions(t *testing.T) {
	set := schema.Core(nil)
	describe := func(typ, name string) schema.Object {
		p := path(t, set.Type(typ), name)
		list := set.Type(typ).Schema.Describe("")["attributes"].([]any)
		if p.Extension != nil {
			list = p.Extension.Describe("")["attributes"].([]any)
		}
		find := func(list []any, name string) schema.Object {
			i := slices.IndexFunc(list, func(a any) bool { return a.(schema.Object)["name"] == name })
			return list[i].(schema.Object)
		}
		o := find(list, p.Attr.Name)
		if p.Sub != nil {
			o = find(o["subAttributes"].([]any), p.Sub.Name)
		}
		return o
	}
	cases := []struct {
		name, typ, attr string
		want            schema.Object
	}{
		{"userName", "User", "userName", schema.Object{"required": true, "uniqueness": "server", "caseExact": false}},
		{"password", "User", "password", schema.Object{"mutability": "writeOnly", "returned": "never", "caseExact": true}},
		{"S-4.1.2-07", "User", "groups", schema.Object{"mutability": "readOnly", "multiValued": true}},
		{"8471", "User", "groups.$ref", schema.Object{"referenceTypes": []any{"Group"}, "mutability": "readOnly"}},
		{"6001", "User", "profileUrl", schema.Object{"caseExact": true, "referenceTypes": []any{"external"}}},
		{"6000", "User", "x509Certificates.value", schema.Object{"type": "binary", "caseExact": true}},
		{"8472", "User", enterpriseURN + ":manager.value", schema.Object{"caseExact": true, "required": false}},
		{"S-4.3-02", "User", enterpriseURN + ":manager.displayName", schema.Object{"mutability": "readOnly"}},
		{"5368", "Group", "displayName", schema.Object{"required": true, "uniqueness": "none"}},
		{"members", "Group", "members", schema.Object{"mutability": "readWrite", "type": "complex", "multiValued": true}},
		{"S-4.2-02", "Group", "members.value", schema.Object{"mutability": "immutable", "caseExact": true}},
		{"S-4.2-04", "Group", "members.$ref", schema.Object{"referenceTypes": []any{"User", "Group"}}},
		{"6011", "Group", "members.display", schema.Object{"type": "string", "mutability": "readOnly"}},
		{"phone types", "User", "phoneNumbers.type", schema.Object{"canonicalValues": []any{"work", "home", "mobile", "fax", "pager", "other"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := describe(c.typ, c.attr)
			for characteristic, want := range c.want {
				if !schema.Equal(got[characteristic], want) {
					t.Errorf("%s of %s: got %v, want %v", characteristic, c.attr, got[characteristic], want)
				}
			}
		})
	}
	for _, p := range []string{"userName", "externalId", "displayName"} {
		if a := path(t, set.Type("User"), p).Attr; a.MaxLength != 1024 || !a.Identifier {
			t.Errorf("%s has no limits", p)
		}
	}
	if !path(t, set.Type("User"), "groups").Attr.Relation || !path(t, set.Type("Group"), "members").Attr.Relation {
		t.Error("groups and members are relations")
	}
}
