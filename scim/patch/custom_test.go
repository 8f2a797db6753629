package patch_test

import (
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// badges has what the core schemas lack: simple multi-valued and immutable
// attributes, required ones inside, a required extension.
var badges = func() *schema.ResourceType {
	t := &schema.ResourceType{
		Name: "Badge", Endpoint: "/Badges",
		Schema: &schema.Schema{ID: "urn:test:Badge", Name: "Badge", Attributes: []*schema.Attribute{
			{Name: "serial", Mutability: schema.Immutable},
			{Name: "tags", MultiValued: true},
			{Name: "level", Type: schema.Integer},
			{Name: "owners", Type: schema.Complex, MultiValued: true, Required: true, SubAttributes: []*schema.Attribute{
				{Name: "value", Mutability: schema.Immutable},
				{Name: "since", Type: schema.DateTime, Required: true},
				{Name: "rank", Mutability: schema.ReadOnly},
				{Name: "labels", MultiValued: true},
			}},
			{Name: "origin", Type: schema.Complex, SubAttributes: []*schema.Attribute{
				{Name: "site", Required: true}, {Name: "maker", Mutability: schema.Immutable}, {Name: "notes", MultiValued: true},
			}},
		}},
		Extensions: []schema.Extension{
			{Required: true, Schema: &schema.Schema{ID: "urn:test:Door", Name: "Door", Attributes: []*schema.Attribute{
				{Name: "door"}, {Name: "keys", MultiValued: true},
			}}},
		},
	}
	if _, err := schema.NewSet(nil, t); err != nil {
		panic(err)
	}
	return t
}()

const badge = `{"schemas":["urn:test:Badge","urn:test:Door"],"serial":"s1","tags":["red","blue"],
	"owners":[{"value":"o1","since":"2020-01-01T00:00:00Z"},{"value":"o2","since":"2021-01-01T00:00:00Z","labels":["x"]}],
	"urn:test:Door":{"door":"d1"}}`

func TestCustomSchema(t *testing.T) {
	with := func(serial, tags, owners, door, rest string) string {
		s := `{"schemas":["urn:test:Badge","urn:test:Door"]` + rest
		for _, member := range []string{serial, tags, owners, door} {
			if member != "" {
				s += "," + member
			}
		}
		return s + "}"
	}
	const (
		serial = `"serial":"s1"`
		tags   = `"tags":["red","blue"]`
		owners = `"owners":[{"value":"o1","since":"2020-01-01T00:00:00Z"},{"value":"o2","since":"2021-01-01T00:00:00Z","labels":["x"]}]`
		door   = `"urn:test:Door":{"door":"d1"}`
	)
	same := with(serial, tags, owners, door, "")
	tests := []struct{ name, operations, want string }{
		{"P-3.5.2.1-19 append, duplicates dropped", `{"op":"add","path":"tags","value":["RED","green","green"]}`, with(serial, `"tags":["red","blue","green"]`, owners, door, "")},
		{"P-3.5.2.1-19 one primitive", `{"op":"add","path":"tags","value":"green"}`, with(serial, `"tags":["red","blue","green"]`, owners, door, "")},
		{"P-3.5.2.2-16 filter on primitives", `{"op":"remove","path":"tags[value eq \"Red\"]"}`, with(serial, `"tags":["blue"]`, owners, door, "")},
		{"P-3.5.2.2-16 the last primitive", `{"op":"remove","path":"tags[value eq \"Red\" or value sw \"b\"]"}`, with(serial, "", owners, door, "")},
		{"AMB-15 list of primitives", `{"op":"remove","path":"tags","value":["blue","nope"]}`, with(serial, `"tags":["red"]`, owners, door, "")},
		{"primitive replaced", `{"op":"replace","path":"tags[value eq \"red\"]","value":"green"}`, with(serial, `"tags":["green","blue"]`, owners, door, "")},
		{"F8 primitive created", `{"op":"replace","path":"tags[value eq \"pink\"]","value":"green"}`, with(serial, `"tags":["red","blue","green"]`, owners, door, "")},
		{"primitive of a wrong type", `{"op":"add","path":"tags","value":[5]}`, "error invalidValue"},
		{"sub-attribute of a primitive", `{"op":"remove","path":"tags[value eq \"red\"].value"}`, "error invalidPath"},
		{"integer", `{"op":"add","path":"level","value":7}`, with(serial, tags, owners, door, `,"level":7`)},
		{"integer as text", `{"op":"add","path":"level","value":"7"}`, "error invalidValue"},

		{"P-3.5.2.3-13 immutable, same value", `{"op":"replace","path":"serial","value":"s1"}`, same},
		{"P-3.5.2.3-13 immutable, other value", `{"op":"replace","path":"serial","value":"s2"}`, "error mutability"},
		{"P-3.5.2-09 immutable, second value", `{"op":"add","path":"serial","value":"s2"}`, "error mutability"},
		{"P-3.5.2.2-15 AMB-20 immutable removed", `{"op":"remove","path":"serial"}`, "error mutability"},
		{"P-3.5.2-09 immutable, first value", `{"op":"add","path":"origin","value":{"site":"a","maker":"m"}}`, with(serial, tags, owners, door, `,"origin":{"site":"a","maker":"m"}`)},
		{"immutable inside, second value", `{"op":"add","path":"origin","value":{"site":"a","maker":"m"}},{"op":"replace","path":"origin.maker","value":"n"}`, "error mutability"},
		{"immutable in an element, same value", `{"op":"replace","path":"owners[value eq \"o1\"].value","value":"o1"}`, same},
		{"immutable in an element, other value", `{"op":"replace","path":"owners[value eq \"o1\"].value","value":"o3"}`, "error mutability"},
		{"immutable in an element, removed", `{"op":"remove","path":"owners[value eq \"o1\"].value"}`, "error mutability"},
		{"immutable in an element that is swapped", `{"op":"replace","path":"owners[value eq \"o1\"]","value":{"value":"o3","since":"2020-01-01T00:00:00Z"}}`, "error mutability"},
		{"element with an immutable value removed", `{"op":"remove","path":"owners[value eq \"o2\"]"}`, with(serial, tags, `"owners":[{"value":"o1","since":"2020-01-01T00:00:00Z"}]`, door, "")},
		{"immutable merged with another value", `{"op":"add","path":"owners[value eq \"o1\"]","value":{"value":"o3","since":"2020-01-01T00:00:00Z"}}`, "error mutability"},

		{"AMB-45 required list removed", `{"op":"remove","path":"owners"}`, "error mutability"},
		{"AMB-45 required list emptied", `{"op":"replace","path":"owners","value":[]}`, "error mutability"},
		{"required list emptied by filter", `{"op":"remove","path":"owners[value pr]"}`, "error invalidValue"},
		{"required sub-attribute removed", `{"op":"remove","path":"owners[value eq \"o1\"].since"}`, "error mutability"},
		{"required sub-attribute missing", `{"op":"add","path":"owners","value":{"value":"o3"}}`, "error invalidValue"},
		{"required sub-attribute of a new parent", `{"op":"add","path":"origin.maker","value":"m"}`, "error invalidValue"},
		{"required extension removed", `{"op":"remove","path":"urn:test:Door"}`, "error mutability"},
		{"required extension emptied", `{"op":"remove","path":"urn:test:Door:door"}`, "error invalidValue"},
		{"readOnly in an element", `{"op":"replace","path":"owners[value eq \"o1\"].rank","value":"1"}`, "error mutability"},
		{"F8 no element from a readOnly term", `{"op":"add","path":"owners[rank eq \"1\"].since","value":"2020-01-01T00:00:00Z"}`, "error noTarget"},

		{"multi-valued sub-attribute appended", `{"op":"add","path":"owners[value eq \"o2\"].labels","value":["y","X"]}`, with(serial, tags, `"owners":[{"value":"o1","since":"2020-01-01T00:00:00Z"},{"value":"o2","since":"2021-01-01T00:00:00Z","labels":["x","y"]}]`, door, "")},
		{"multi-valued sub-attribute replaced", `{"op":"replace","path":"owners[value eq \"o2\"].labels","value":["y"]}`, with(serial, tags, `"owners":[{"value":"o1","since":"2020-01-01T00:00:00Z"},{"value":"o2","since":"2021-01-01T00:00:00Z","labels":["y"]}]`, door, "")},
		{"multi-valued sub-attribute of one value appended", `{"op":"add","path":"origin","value":{"site":"a","notes":["n"]}},{"op":"add","path":"origin.notes","value":"o"}`, with(serial, tags, owners, door, `,"origin":{"site":"a","notes":["n","o"]}`)},
		{"F6 extension without URN, a list", `{"op":"add","path":"keys","value":["k"]}`, with(serial, tags, owners, `"urn:test:Door":{"door":"d1","keys":["k"]}`, "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cur := document(t, badges, badge)
			want := tt.want
			if want[0] == '{' {
				want = string(badges.Append(nil, document(t, badges, want)))
			}
			if _, got := apply(t, badges, compat(), cur, tt.operations); got != want {
				t.Errorf("%s\n got %s\nwant %s", tt.operations, got, want)
			}
		})
	}
}

// A value of a readOnly attribute that is what is there already is no change of it
// (AMB-19), if the document has it.
func TestReadOnlySameValue(t *testing.T) {
	user := core.Type("User")
	cur := document(t, user, ada)
	cur["id"] = "u1"
	for operations, want := range map[string]string{
		`{"op":"replace","value":{"id":"u1","title":"x"}}`: "",
		`{"op":"replace","value":{"id":"u2","title":"x"}}`: "mutability",
	} {
		p, err := newPatch(t, user, nil, operations)
		if err == nil {
			_, err = p.Apply(cur)
		}
		got := ""
		if e := scim.AsError(err); e != nil {
			got = string(e.Type)
		}
		if got != want {
			t.Errorf("%s: got %v, want %q", operations, err, want)
		}
	}
}

// One Patch serves again: on the same document with the same result, and on another.
func TestApplyAgain(t *testing.T) {
	user := core.Type("User")
	p, err := newPatch(t, user, compat(), `{"op":"add","path":"emails[type eq \"other\"]","value":{"value":"o"}},
		{"op":"add","path":"name","value":{"middleName":"M"}},{"op":"add","path":"emails","value":[{"value":"z"}]},
		{"op":"replace","path":"emails[value eq \"z\"].display","value":"Z"}`)
	if err != nil {
		t.Fatal(err)
	}
	run := func(p *patch.Patch, body string) string {
		after, err := p.Apply(document(t, user, body))
		if err != nil {
			t.Fatal(err)
		}
		return string(user.Append(nil, after))
	}
	first := run(p, ada)
	run(p, `{"schemas":["`+scim.UserSchema+`"],"userName":"x"}`)
	if again := run(p, ada); again != first {
		t.Errorf("first %s\nagain %s", first, again)
	}
}
