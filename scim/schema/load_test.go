package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// laptop defines a type with all that definitions can say.
const laptop = `[
  {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:acme:Laptop","name":"Laptop","description":"A laptop.","attributes":[
    {"name":"serial","type":"string","required":true,"caseExact":true,"mutability":"immutable","returned":"always","uniqueness":"server","indexed":true,"maxLength":40,"identifier":true,"noBlanks":true,"pattern":"[A-Z0-9]+"},
    {"name":"plain"},
    {"name":"secret","mutability":"writeOnly","returned":"never"},
    {"name":"note","returned":"request"},
    {"name":"tags","multiValued":true,"canonicalValues":["loan","spare"]},
    {"name":"weight","type":"decimal"},
    {"name":"ports","type":"integer"},
    {"name":"bought","type":"dateTime"},
    {"name":"disks","type":"complex","multiValued":true,"subAttributes":[
      {"name":"size","type":"integer","required":true},{"name":"labels","multiValued":true}]},
    {"name":"owners","type":"complex","multiValued":true,"relation":true,"subAttributes":[
      {"name":"value","caseExact":true},{"name":"$ref","type":"reference","referenceTypes":["User"]}]}]},
  {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:acme:Badge","attributes":[{"name":"badge","type":"string","required":true,"indexed":true}]},
  {"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"Laptop","description":"A laptop.","endpoint":"/Laptops","schema":"urn:acme:Laptop","schemaExtensions":[{"schema":"urn:acme:Badge","required":true}]},
  {"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"User","schemaExtensions":[{"schema":"urn:acme:Badge"}]}
]`

func load(t testing.TB, data string) *schema.Definitions {
	t.Helper()
	defs, warnings, err := schema.Load([]byte(data))
	if err != nil || warnings != nil {
		t.Fatalf("%v, warnings %q", err, warnings)
	}
	return defs
}

func build(t testing.TB, data ...string) *schema.Set {
	t.Helper()
	var defs []*schema.Definitions
	for _, d := range data {
		defs = append(defs, load(t, d))
	}
	set, err := schema.Build(nil, defs...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestDefinitionsAreStoredAsTheyAre(t *testing.T) {
	defs := load(t, laptop)
	again := load(t, string(defs.JSON()))
	if string(again.JSON()) != string(defs.JSON()) || len(again.Schemas) != 2 || len(again.Types) != 2 {
		t.Errorf("got %s", again.JSON())
	}
	var compact []byte
	for line := range strings.SplitSeq(laptop, "\n") {
		compact = append(compact, strings.TrimSpace(line)...)
	}
	if got := string(defs.JSON()); got != string(compact) {
		t.Errorf("got %s\nwant %s", got, compact)
	}
	a := defs.Schemas[0].Attributes[0]
	if !a.Indexed || !a.Identifier || !a.NoBlanks || a.MaxLength != 40 || a.Pattern != "[A-Z0-9]+" || a.Type != schema.String {
		t.Errorf("got %+v", a)
	}
	if empty := load(t, "[]"); string(empty.JSON()) != "[]" {
		t.Errorf("got %s", empty.JSON())
	}
}

// S-3.2-01: a schema and a resource type make a type that works like the built-in ones.
func TestTypeFromJSON(t *testing.T) {
	set := build(t, laptop)
	typ := set.ByEndpoint("/Laptops")
	parsed, err := schema.Parse([]byte(`{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"externalId":"x","serial":"A1","secret":"s",` +
		`"disks":[{"size":1,"labels":["a","b"]}],"urn:acme:Badge":{"badge":"7"}}`)) // S-3-04, S-1.2-02
	if err != nil {
		t.Fatal(err)
	}
	doc, err := typ.Read(parsed.(schema.Object), schema.Create, nil)
	if err == nil {
		err = typ.Check(doc)
	}
	want := `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"externalId":"x","serial":"A1","disks":[{"size":1,"labels":["a","b"]}],"urn:acme:Badge":{"badge":"7"}}`
	if got := string(typ.Append(nil, doc)); err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
	for name, body := range map[string]string{
		"pattern":                     `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"serial":"a1","urn:acme:Badge":{"badge":"7"}}`,
		"required":                    `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"urn:acme:Badge":{"badge":"7"}}`,
		"S-4.2-05 sub-attribute":      `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"serial":"A1","disks":[{"labels":["a"]}],"urn:acme:Badge":{"badge":"7"}}`,
		"S-6-03 extension":            `{"schemas":["urn:acme:Laptop"],"serial":"A1"}`,
		"S-6-03 its attributes":       `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"serial":"A1","urn:acme:Badge":{"badge":""}}`,
		"S-2.3.3-01 decimal":          `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"serial":"A1","weight":".5","urn:acme:Badge":{"badge":"7"}}`,
		"S-2.3.4-01 integer 1.0":      `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"serial":"A1","ports":1.0,"urn:acme:Badge":{"badge":"7"}}`,
		"S-2.3.4-01 integer 1e3":      `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"serial":"A1","ports":1e3,"urn:acme:Badge":{"badge":"7"}}`,
		"S-2.3.5-01 date and no time": `{"schemas":["urn:acme:Laptop","urn:acme:Badge"],"serial":"A1","bought":"2024-01-01","urn:acme:Badge":{"badge":"7"}}`,
	} {
		parsed, err := schema.Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := typ.Read(parsed.(schema.Object), schema.Create, nil)
		if err == nil {
			err = typ.Check(doc)
		}
		if e := scim.AsError(err); e == nil || e.Type != scim.InvalidValue {
			t.Errorf("%s: %v", name, err)
		}
	}
	if user := set.Type("User"); len(user.Extensions) != 2 || user.Extensions[1].Required || !set.Type("Laptop").Extensions[0].Required {
		t.Error("extensions of User") // S-6-04
	}
	for _, id := range []string{"urn:acme:Laptop", "urn:acme:Badge"} { // S-7-01
		if set.Schema(id) == nil {
			t.Errorf("%s is not published", id)
		}
	}
	published, err := json.Marshal(set.Schema("urn:acme:Laptop").Describe(""))
	for _, private := range []string{"indexed", "relation", "maxLength", "identifier", "noBlanks", "pattern"} {
		if err != nil || strings.Contains(string(published), private) {
			t.Errorf("%s is published: %s, %v", private, published, err)
		}
	}
	plain := set.Schema("urn:acme:Laptop").Describe("")["attributes"].([]any)[1] // S-2.2-01
	if !schema.Equal(plain, schema.Object{
		"name": "plain", "type": "string", "multiValued": false, "required": false, "caseExact": false,
		"mutability": "readWrite", "returned": "default", "uniqueness": "none",
	}) {
		t.Errorf("defaults: %v", plain)
	}
}

// What real servers publish: their own lists, also with what is known to be wrong.
func TestLoadForgives(t *testing.T) {
	const s = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"]`
	cases := []struct{ name, data, warns, want string }{
		{
			"DEV-06 Manufacturer", `{` + s + `,"id":"urn:d","attributes":[{"name":"mac","uniqueness":"Manufacturer"}]}`,
			`attributes[0].uniqueness: "Manufacturer"`, `"uniqueness":"none"`,
		},
		{
			"DEV-06 Enterprise", `{` + s + `,"id":"urn:d","attributes":[{"name":"mac","uniqueness":"Enterprise"}]}`,
			`attributes[0].uniqueness: "Enterprise"`, `"uniqueness":"global"`,
		},
		{
			"DEV-07 bool", `{` + s + `,"id":"urn:d","attributes":[{"name":"c","type":"complex","subAttributes":[{"name":"on","type":"bool"}]}]}`,
			`attributes[0].subAttributes[0].type: "bool"`, `"type":"boolean"`,
		},
		{"schema without schemas", `{"id":"urn:d","attributes":[]}`, "schemas is missing", `"id":"urn:d"`},
		{"type without schemas", `{"name":"D","endpoint":"/Ds","schema":"urn:d"}`, "schemas is missing", `"name":"D"`},
		{"absolute endpoint", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"D","endpoint":"https://x.test/scim/v2/Ds","schema":"urn:d"}`, "absolute", `"endpoint":"/Ds"`},
		{"endpoint without slash", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"D","endpoint":"Ds","schema":"urn:d"}`, "", `"endpoint":"/Ds"`},
		{"list response", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{` + s + `,"id":"urn:d","meta":{"version":"1"}}]}`, "", `"id":"urn:d"`},
		{"empty list response", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}`, "", `[]`},
		{"null, names and words in other case", `{` + s + `,"ID":"urn:d","name":null,"Attributes":[{"Name":"a","TYPE":"DateTime","returned":"Always"}]}`, "", `{"name":"a","type":"dateTime","returned":"always"}`},
		{"schema of discovery", `{` + s + `,"id":"` + scim.SchemaSchema + `"}`, "protocol itself", "[]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			defs, warnings, err := schema.Load([]byte(c.data))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(defs.JSON()); !strings.Contains(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := strings.Join(warnings, "\n"); (c.warns == "") != (got == "") || !strings.Contains(got, c.warns) {
				t.Errorf("warnings %q, want %q", got, c.warns)
			}
		})
	}
}

func TestLoadNamesEveryProblemAndItsPlace(t *testing.T) {
	const s = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"]`
	const r = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"]`
	cases := []struct{ name, data, says string }{
		{"no JSON", `{`, "not valid JSON"},
		{"a string", `"x"`, "must be a Schema or ResourceType"},
		{"an array of strings", `["x"]`, "[0]: must be a Schema or ResourceType, not a string"},
		{"a user", `{"schemas":["` + scim.UserSchema + `"]}`, "schemas must be"},
		{"Resources is no array", `{"Resources":{}}`, "Resources: must be an array"},
		{"resource in a list", `{"Resources":[{}]}`, "Resources[0]: schemas must be"},
		{"no id", `{` + s + `}`, "id: is missing"},
		{"unknown member", `{` + s + `,"id":"urn:d","atributes":[]}`, "atributes: is no member"},
		{"unknown characteristic", `{` + s + `,"id":"urn:d","attributes":[{"name":"a","requierd":true}]}`, "attributes[0].requierd: is no member"},
		{"S-2.3-01 type", `{` + s + `,"id":"urn:d","attributes":[{"name":"a","type":"date"}]}`, `attributes[0].type: "date" is not one of`},
		{"uniqueness", `{` + s + `,"id":"urn:d","attributes":[{"name":"a","uniqueness":"often"}]}`, `attributes[0].uniqueness: "often"`},
		{"boolean", `{` + s + `,"id":"urn:d","attributes":[{"name":"a","required":"yes"}]}`, "attributes[0].required: must be true or false, not a string"},
		{"text", `{` + s + `,"id":7}`, "id: must be a string, not a number"},
		{"texts", `{` + s + `,"id":"urn:d","attributes":[{"name":"a","canonicalValues":["x",1]}]}`, "attributes[0].canonicalValues[1]: must be a string"},
		{"length", `{` + s + `,"id":"urn:d","attributes":[{"name":"a","maxLength":-1}]}`, "attributes[0].maxLength: must be a number of characters"},
		{"length in words", `{` + s + `,"id":"urn:d","attributes":[{"name":"a","maxLength":"1"}]}`, "attributes[0].maxLength: must be a number"},
		{"no name", `{` + s + `,"id":"urn:d","attributes":[{}]}`, "attributes[0].name: is missing"},
		{"attribute is no object", `{` + s + `,"id":"urn:d","attributes":["a"]}`, "attributes[0]: must be an object"},
		{"type without name", `{` + r + `,"endpoint":"/Ds","schema":"urn:d"}`, "name: is missing"},
		{"type without schema", `{` + r + `,"name":"D","endpoint":"/Ds"}`, "schema: is missing"},
		{"type without endpoint", `{` + r + `,"name":"D","schema":"urn:d"}`, "endpoint: is missing"},
		{"type that says nothing", `{` + r + `,"name":"D"}`, "neither endpoint and schema nor schemaExtensions"},
		{"type with a mistake", `{` + r + `,"name":"D","endpoint":"/Ds","schema":"urn:d","extensions":[]}`, "extensions: is no member"},
		{"extension without schema", `{` + r + `,"name":"D","schemaExtensions":[{"required":true}]}`, "schemaExtensions[0].schema: is missing"},
		{"extension with a mistake", `{` + r + `,"name":"D","schemaExtensions":[{"schema":"urn:d","require":true}]}`, "schemaExtensions[0].require: is no member"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			defs, _, err := schema.Load([]byte(c.data))
			if err == nil || defs != nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something about %q", err, c.says)
			}
		})
	}
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprintf(`{"name":"a%d","type":"x"}`, i))
	}
	_, _, err := schema.Load([]byte(`{` + s + `,"id":"urn:d","attributes":[` + strings.Join(many, ",") + `]}`))
	if text := fmt.Sprint(err); !strings.Contains(text, "attributes[0].type") || !strings.Contains(text, "attributes[19].type") || !strings.Contains(text, "and 30 problems more") {
		t.Errorf("got %v", err)
	}
	_, _, err = schema.Load([]byte(`{` + s + `,"id":"urn:d","attributes":[` + strings.Repeat(`{"name":"a"},`, 1000) + `{"name":"b"}]}`))
	if err == nil || !strings.Contains(err.Error(), "1000 are allowed") {
		t.Errorf("got %v", err)
	}
}

func TestBuild(t *testing.T) {
	const s, r = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":`, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":`
	const badge = s + `"urn:acme:Badge","attributes":[{"name":"badge"}]}`
	t.Run("each set has its own copies", func(t *testing.T) {
		defs := load(t, laptop)
		one, err := schema.Build(nil, defs)
		if err != nil {
			t.Fatal(err)
		}
		two, err := schema.Build(nil, defs)
		if err != nil || one.Schema("urn:acme:Laptop") == two.Schema("urn:acme:Laptop") || defs.Schemas[0].Attributes[1].Type != "" {
			t.Errorf("%v, or definitions were altered", err)
		}
	})
	t.Run("the order of definitions does not matter", func(t *testing.T) {
		set := build(t, `[`+r+`"User","schemaExtensions":[{"schema":"urn:acme:Badge"}]}]`, badge)
		if set.Schema("urn:acme:badge") == nil {
			t.Error("no extension")
		}
	})
	t.Run("what a server publishes of itself says nothing new", func(t *testing.T) {
		core := schema.Core(nil)
		var list []any
		for _, s := range core.Schemas() {
			list = append(list, s.Describe("https://x.test/Schemas/"+s.ID))
		}
		for _, typ := range core.Types {
			list = append(list, typ.Describe("https://x.test/ResourceTypes/"+typ.Name))
		}
		data, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		defs, warnings, err := schema.Load(data)
		if err != nil || len(warnings) != 3 {
			t.Fatalf("%v, warnings %q", err, warnings)
		}
		set, err := schema.Build(nil, defs)
		if err != nil || len(set.Types) != 2 || len(set.Type("User").Extensions) != 1 {
			t.Errorf("%v", err)
		}
	})
	t.Run("required wins", func(t *testing.T) {
		set := build(t, `[`+r+`"User","schemaExtensions":[{"schema":"`+scim.EnterpriseUserSchema+`","required":true}]}]`)
		if !set.Type("User").Extensions[0].Required {
			t.Error("the Enterprise extension is not required")
		}
	})
	t.Run("a type may use what is built in", func(t *testing.T) {
		set := build(t, `[`+r+`"Bot","endpoint":"/Bots","schema":"`+scim.UserSchema+`","schemaExtensions":[{"schema":"`+scim.EnterpriseUserSchema+`"}]}]`)
		if n := len(set.Schemas()); n != 6 || set.Type("Bot").Schema != set.Type("User").Schema {
			t.Errorf("%d schemas", n)
		}
	})
	t.Run("a schema without a type is left out", func(t *testing.T) {
		if set := build(t, badge); set.Schema("urn:acme:Badge") != nil {
			t.Error("it is published")
		}
	})

	for _, c := range []struct{ name, data, says string }{
		{"built-in schema", `[` + s + `"` + scim.UserSchema + `","attributes":[{"name":"shoeSize"}]}]`, "is built in"},
		{"schema twice", `[` + badge + `,` + s + `"urn:acme:BADGE","attributes":[{"name":"other"}]}]`, "defined twice and differently"},
		{"type twice", `[` + badge + `,` + r + `"User","endpoint":"/People","schema":"urn:acme:Badge"}]`, `resource type "User" is defined already`},
		{"no such type", `[` + badge + `,` + r + `"Usr","schemaExtensions":[{"schema":"urn:acme:Badge"}]}]`, `resource type "Usr" gets extensions, but is not defined`},
		{"no such schema", `[` + r + `"D","endpoint":"/Ds","schema":"urn:d"}]`, `its schema "urn:d" is not defined`},
		{"no such extension", `[` + r + `"User","schemaExtensions":[{"schema":"urn:d"}]}]`, `its extension "urn:d" is not defined`},
		{"schema of discovery", `[` + r + `"D","endpoint":"/Ds","schema":"` + scim.SchemaSchema + `"}]`, "one of the protocol itself"},
		{"schema as its own extension", `[` + r + `"Group","schemaExtensions":[{"schema":"` + scim.GroupSchema + `"}]}]`, "cannot be an extension too"},
		{"endpoint of the protocol", `[` + badge + `,` + r + `"D","endpoint":"/bulk","schema":"urn:acme:Badge"}]`, "one of the protocol's own"},
		{"endpoint with a query", `[` + badge + `,` + r + `"D","endpoint":"/a?b","schema":"urn:acme:Badge"}]`, "not one segment"},
		{"name of a type", `[` + badge + `,` + r + `"a b","endpoint":"/ab","schema":"urn:acme:Badge"}]`, "its name is not"},
		{"unused schema", `[` + s + `"urn:d","attributes":[{"name":"1"}]}]`, "attribute 1: not a letter"},
		{"URN with a blank", `[` + s + `"urn:a b"},` + r + `"User","schemaExtensions":[{"schema":"urn:a b"}]}]`, "not a URI"},
		{"relation in an extension", `[` + s + `"urn:d","attributes":[{"name":"m","type":"complex","multiValued":true,"relation":true,"subAttributes":[{"name":"value"}]}]},` + r + `"User","schemaExtensions":[{"schema":"urn:d"}]}]`, "an extension has no relations"},
		{"pattern", `[` + s + `"urn:d","attributes":[{"name":"a","pattern":"("}]}]`, "pattern: error parsing"},
		{"long pattern", `[` + s + `"urn:d","attributes":[{"name":"a","pattern":"` + strings.Repeat("a", 257) + `"}]}]`, "longer than 256 bytes"},
		{"pattern of a number", `[` + s + `"urn:d","attributes":[{"name":"a","type":"integer","pattern":"1"}]}]`, "only strings and references"},
		{"index of what is never returned", `[` + s + `"urn:d","attributes":[{"name":"a","returned":"never","indexed":true}]}]`, "has no index"},
		{"index of what is complex", `[` + s + `"urn:d","attributes":[{"name":"a","type":"complex","indexed":true}]}]`, "has no index"},
		{"URN in a base schema", `[` + s + `"urn:d","attributes":[{"name":"urn:x","type":"complex"}]},` + r + `"D","endpoint":"/Ds","schema":"urn:d"}]`, "only attributes of an extension"},
		{"simple value under a URN", `[` + s + `"urn:d","attributes":[{"name":"urn:x","multiValued":true,"type":"complex","subAttributes":[{"name":"a"}]}]},` + r + `"User","schemaExtensions":[{"schema":"urn:d"}]}]`, "is complex and has one value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := schema.Build(nil, load(t, c.data))
			if err == nil || set != nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something about %q", err, c.says)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(laptop))
	f.Add([]byte(`{"Resources":[{"id":"urn:d","attributes":[{"name":"a","type":"bool","uniqueness":"Manufacturer"}]}]}`))
	f.Add([]byte(`[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"D","endpoint":"https://x/Ds","schema":"urn:d"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defs, _, err := schema.Load(data)
		if err != nil {
			return
		}
		stored := defs.JSON()
		again, warnings, err := schema.Load(stored)
		if err != nil || warnings != nil || !slices.Equal(again.JSON(), stored) {
			t.Fatalf("%s\nis read back with %v, %q", stored, err, warnings)
		}
		set, err := schema.Build(nil, defs) // must not panic
		if err != nil {
			return
		}
		for _, s := range set.Schemas() {
			s.Describe("")
		}
	})
}
