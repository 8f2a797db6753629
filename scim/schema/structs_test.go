package schema_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/scim/schema"
)

type common struct {
	ID         string `scim:"id"`
	ExternalID string
}

type disk struct {
	Size   int      `scim:"size,required"`
	Labels []string `json:"labels,omitempty"`
}

type badge struct {
	Badge string `scim:"badge,required,indexed"`
}

type laptopStruct struct {
	common
	Serial   string     `scim:"serial,required,caseExact,immutable,returned=always,uniqueness=server,indexed,maxLength=40,identifier,noBlanks" pattern:"[A-Z0-9]+" description:"The serial number."`
	Secret   string     `scim:"secret,writeOnly"`
	Tags     []string   `scim:",canonicalValues=loan|spare"`
	Weight   float64    `scim:"weight"`
	Ports    uint8      `scim:"ports"`
	Bought   time.Time  `scim:"bought,readOnly"`
	Image    []byte     `scim:"image"`
	Active   *bool      `scim:"active"`
	HTMLURL  string     `scim:",referenceTypes=external"`
	Main     *disk      `scim:"main"`
	Disks    []disk     `scim:"disks"`
	Sizes    [2]int64   `scim:"sizes"`
	Repaired *time.Time `scim:"repaired"`
	Badge    *badge     `scim:"urn:acme:Badge"`
	Ignored  func()     `scim:"-"`
	hidden   int
}

func TestFromStruct(t *testing.T) {
	s, err := schema.FromStruct("urn:acme:Laptop", &laptopStruct{hidden: 1})
	if err != nil {
		t.Fatal(err)
	}
	defs := &schema.Definitions{Schemas: []*schema.Schema{s}}
	want := `[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:acme:Laptop","name":"laptopStruct","attributes":[` +
		`{"name":"serial","type":"string","description":"The serial number.","required":true,"caseExact":true,"mutability":"immutable","returned":"always","uniqueness":"server","indexed":true,"maxLength":40,"identifier":true,"noBlanks":true,"pattern":"[A-Z0-9]+"},` +
		`{"name":"secret","type":"string","mutability":"writeOnly","returned":"never"},` +
		`{"name":"tags","type":"string","multiValued":true,"canonicalValues":["loan","spare"]},` +
		`{"name":"weight","type":"decimal"},{"name":"ports","type":"integer"},` +
		`{"name":"bought","type":"dateTime","mutability":"readOnly"},{"name":"image","type":"binary"},{"name":"active","type":"boolean"},` +
		`{"name":"htmlurl","type":"reference","referenceTypes":["external"]},` +
		`{"name":"main","type":"complex","subAttributes":[{"name":"size","type":"integer","required":true},{"name":"labels","type":"string","multiValued":true}]},` +
		`{"name":"disks","type":"complex","multiValued":true,"subAttributes":[{"name":"size","type":"integer","required":true},{"name":"labels","type":"string","multiValued":true}]},` +
		`{"name":"sizes","type":"integer","multiValued":true},{"name":"repaired","type":"dateTime"}]}]`
	if got := string(defs.JSON()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if again, err := schema.FromStruct("urn:other", laptopStruct{}); err != nil || again.Attributes[0] == s.Attributes[0] {
		t.Errorf("two schemas share attributes, or %v", err)
	}
	ext, err := schema.FromStruct("urn:acme:Badge", badge{})
	if err != nil {
		t.Fatal(err)
	}
	defs.Schemas = append(defs.Schemas, ext)
	defs.Types = []schema.TypeDefinition{{
		Name: "Laptop", Endpoint: "/Laptops", Schema: s.ID, Extensions: []schema.ExtensionDefinition{{Schema: ext.ID}},
	}}
	set, err := schema.Build(nil, defs)
	if err != nil {
		t.Fatal(err)
	}

	// A struct, as a document, as it is stored, and back.
	yes := true
	bought := time.Date(2024, 2, 29, 8, 30, 0, 5, time.UTC)
	in := laptopStruct{
		common: common{ExternalID: "x"}, Serial: "A1", Tags: []string{"loan", "new"}, Weight: 1.5, Ports: 255,
		Bought: bought, Image: []byte{0, 1, 2, 3}, Active: &yes, HTMLURL: "https://x.test/", Main: &disk{Size: 1},
		Disks: []disk{{Size: 2, Labels: []string{"a"}}, {Size: 3}}, Sizes: [2]int64{7, -8}, Repaired: &bought, Badge: &badge{"B7"},
	}
	doc, err := schema.Encode(&in)
	if err != nil {
		t.Fatal(err)
	}
	typ := set.Type("Laptop")
	stored, err := typ.Decode(typ.Append(nil, doc))
	if err != nil {
		t.Fatal(err)
	}
	out := laptopStruct{common: common{ID: "stale"}, Secret: "stale"}
	if err := schema.Decode(stored, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got  %+v\nwant %+v", out, in)
	}
	if doc["ports"] != int64(255) || doc["bought"] != "2024-02-29T08:30:00.000000005Z" || doc["secret"] != nil || doc["id"] != nil {
		t.Errorf("got %v", doc)
	}
}

func TestEncodeLeavesOutWhatIsUnassigned(t *testing.T) {
	got, err := schema.Encode(laptopStruct{Main: &disk{}, Badge: &badge{}, Disks: []disk{}})
	want := schema.Object{
		"weight": 0.0, "ports": int64(0), "main": schema.Object{"size": int64(0)}, "sizes": []any{int64(0), int64(0)},
	}
	if err != nil || !schema.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

// What a peer sent, as Parse leaves it, is good enough for Decode.
func TestDecodeTakesParsedBodies(t *testing.T) {
	parsed, err := schema.Parse([]byte(`{"SERIAL":"A1","ports":7,"weight":2,"tags":"one","disks":[{"Size":1,"unknown":{}}],"image":"AAE","more":[1],"active":null,"bought":"2024-01-01T00:00:00"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got laptopStruct
	if err := schema.Decode(parsed.(schema.Object), &got); err != nil {
		t.Fatal(err)
	}
	want := laptopStruct{
		Serial: "A1", Ports: 7, Weight: 2, Tags: []string{"one"}, Disks: []disk{{Size: 1}}, Image: []byte{0, 1},
		Bought: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDecodeNamesThePlace(t *testing.T) {
	type object = schema.Object
	for _, c := range []struct {
		name string
		in   object
		says string
	}{
		{"string", object{"serial": int64(1)}, "serial must be a string, not a number"},
		{"boolean", object{"active": "true"}, "active must be true or false, not a string"},
		{"integer too large", object{"ports": int64(256)}, "ports is 256, which uint8 cannot hold"},
		{"negative", object{"ports": int64(-1)}, "ports is -1"},
		{"fraction", object{"disks": []any{object{"size": int64(1)}, object{"size": schema.Number("1.5")}}}, "disks[1].size must be an integer"},
		{"decimal", object{"weight": "1"}, "weight must be a number"},
		{"complex", object{"main": "x"}, "main must be an object, not a string"},
		{"time", object{"bought": "yesterday"}, "bought must be a date and time"},
		{"binary", object{"image": "%%%"}, "image must be base64"},
		{"array", object{"sizes": []any{int64(1), int64(2), int64(3)}}, "sizes has 3 values"},
		{"extension", object{"urn:acme:Badge": object{"badge": true}}, "urn:acme:Badge:badge must be a string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := schema.Decode(c.in, new(laptopStruct)); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something about %q", err, c.says)
			}
		})
	}
}

type inside struct{ Inner []inside }

func TestStructsThatAreNoDocuments(t *testing.T) {
	for _, c := range []struct {
		name string
		v    any
		says string
	}{
		{"no struct", 7, "int is no struct"},
		{"nil", nil, "no struct"},
		{"map", struct{ M map[string]string }{}, "map[string]string has no type"},
		{"interface", struct{ V any }{}, "has no type"},
		{"arrays of arrays", struct{ V [][]string }{}, "array of arrays"},
		{"itself", inside{}, "is inside itself"},
		{"unknown option", struct {
			V string `scim:"v,requird"`
		}{}, `field V: "requird" is no characteristic`},
		{"maxLength", struct {
			V string `scim:"v,maxLength=x"`
		}{}, `maxLength "x" is no number`},
		{"type", struct {
			V int `scim:"v,type=boolean"`
		}{}, "field V: int cannot be boolean"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := schema.FromStruct("urn:x", c.v)
			if err == nil || s != nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something about %q", err, c.says)
			}
		})
	}
	if _, err := schema.Encode((*laptopStruct)(nil)); err == nil {
		t.Error("a nil pointer is encoded")
	}
	if _, err := schema.Encode(struct{ V uint64 }{math.MaxUint64}); err == nil || !strings.Contains(err.Error(), "v: is beyond") {
		t.Errorf("got %v", err)
	}
	if _, err := schema.Encode(struct{ V []float64 }{[]float64{math.NaN()}}); err == nil || !strings.Contains(err.Error(), "v: [0]: is no number") {
		t.Errorf("got %v", err)
	}
	if err := schema.Decode(schema.Object{}, laptopStruct{}); err == nil {
		t.Error("decoded into a copy")
	}
}
