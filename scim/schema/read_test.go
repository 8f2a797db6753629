package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// TestReadBodiesOfProviders reads what identity providers send, in the shapes that
// their documentation and public reports show.
func TestReadBodiesOfProviders(t *testing.T) {
	set := schema.Core(nil)
	cases := []struct {
		name, typ, body, want string
		used                  []scim.Switch
	}{
		{
			name: "Entra user", typ: "User",
			body: `{"schemas":["` + userURN + `","` + enterpriseURN + `"],
				"externalId":"ada","userName":"ada@umbrella.test","active":true,"displayName":"Ada Osei",
				"emails":[{"primary":true,"type":"work","value":"ada@umbrella.test"}],"meta":{"resourceType":"User"},
				"name":{"formatted":"Ada Osei","familyName":"Osei","givenName":"Ada"},"roles":[],
				"` + enterpriseURN + `":{"department":"R&D","employeeNumber":"10042"}}`,
			want: `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"externalId":"ada","userName":"ada@umbrella.test",` +
				`"name":{"formatted":"Ada Osei","familyName":"Osei","givenName":"Ada"},"displayName":"Ada Osei","active":true,` +
				`"emails":[{"value":"ada@umbrella.test","type":"work","primary":true}],` +
				`"` + enterpriseURN + `":{"employeeNumber":"10042","department":"R&D"}}`,
		},
		{
			name: "Entra group", typ: "Group",
			body: `{"schemas":["` + groupURN + `","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
				"externalId":"8aa1","displayName":"Finance","meta":{"resourceType":"Group"}}`,
			want: `{"schemas":["` + groupURN + `"],"externalId":"8aa1","displayName":"Finance"}`,
			used: []scim.Switch{scim.UnknownSchemas},
		},
		{
			name: "Okta user", typ: "User",
			body: `{"schemas":["` + userURN + `"],"userName":"emi@umbrella.test","name":{"givenName":"Emi","familyName":"Tanaka"},
				"emails":[{"primary":true,"value":"emi@umbrella.test","type":"work"}],"displayName":"Emi Tanaka","locale":"en-US",
				"externalId":"00u1","groups":[],"password":"throw-away-7","active":true}`,
			want: `{"schemas":["` + userURN + `"],"externalId":"00u1","userName":"emi@umbrella.test",` +
				`"name":{"familyName":"Tanaka","givenName":"Emi"},"displayName":"Emi Tanaka","locale":"en-US","active":true,` +
				`"emails":[{"value":"emi@umbrella.test","type":"work","primary":true}]}`,
		},
		{
			name: "Okta sends back what it read", typ: "User",
			body: `{"schemas":["` + userURN + `"],"id":"other","meta":{"resourceType":"User","version":"W/\"3\"","location":5},
				"groups":[{"value":"g1","$ref":"https://x.test/Groups/g1","display":"All","type":"direct"}],
				"userName":"emi@umbrella.test","active":false,"x-vendor":{"deep":[{"er":1}]}}`,
			want: `{"schemas":["` + userURN + `"],"userName":"emi@umbrella.test","active":false}`,
		},
		{
			name: "OneLogin template", typ: "User",
			body: `{"schemas":["` + userURN + `"],"id":null,"userName":"ines@umbrella.test","active":"true",
				"name":{"givenName":"Ines","familyName":"Silva"},"title":null,"nickName":"",
				"emails":{"value":"ines@umbrella.test","type":"work"},"phoneNumbers":[{"type":"work","value":""}],
				"` + enterpriseURN + `":{"department":"","manager":{"managerId":"","displayName":" "}}}`,
			want: `{"schemas":["` + userURN + `"],"userName":"ines@umbrella.test","name":{"familyName":"Silva","givenName":"Ines"},` +
				`"active":true,"emails":[{"value":"ines@umbrella.test","type":"work"}]}`,
			used: []scim.Switch{scim.StringBooleans, scim.LooseReference, scim.SingleForArray, scim.EmptyStrings},
		},
		{
			name: "template without schemas", typ: "User",
			body: `{"userName":"jo","Active":"False","` + strings.ToUpper(enterpriseURN) + `":{"MANAGER":{"managerId":"42"},"costcenter":"7"}}`,
			want: `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"userName":"jo","active":false,` +
				`"` + enterpriseURN + `":{"costCenter":"7","manager":{"value":"42"}}}`,
			used: []scim.Switch{scim.StringBooleans, scim.LooseReference, scim.MissingSchemas},
		},
		{
			name: "roles as strings", typ: "User",
			body: user(`"roles":["admin","","reader","admin"]`),
			want: `{"schemas":["` + userURN + `"],"userName":"u","roles":[{"value":"admin"},{"value":"reader"}]}`,
			used: []scim.Switch{scim.StringForComplex, scim.EmptyStrings},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := compat()
			got, err := read(t, set.Type(c.typ), c.body, d)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if want := scim.Switches(0).With(c.used...); d.Used() != want {
				t.Errorf("switches used: %b, want %b", d.Used(), want)
			}
			if c.used == nil {
				if strict, err := read(t, set.Type(c.typ), c.body, nil); err != nil || strict != got {
					t.Errorf("strict: %s, %v", strict, err)
				}
			} else if _, err := read(t, set.Type(c.typ), c.body, nil); err == nil {
				t.Error("strict: not refused, although switches were needed")
			}
		})
	}
}

func TestReadSchemas(t *testing.T) {
	typ := schema.Core(nil).Type("User")
	ext := `"` + enterpriseURN + `":{"department":"d"}`
	plain := `{"schemas":["` + userURN + `"],"userName":"u"}`
	extended := `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"userName":"u",` + ext + `}`
	ok := []struct{ name, body, want string }{
		{"S-3-03 any order", `{"schemas":["` + enterpriseURN + `","` + userURN + `"],"userName":"u",` + ext + `}`, extended},
		{"S-3-06 any case", `{"schemas":["URN:ietf:params:scim:schemas:CORE:2.0:user"],"userName":"u"}`, plain},
		{"S-3.3-04 extension without values", `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"userName":"u"}`, plain},
		{"S-3.3-04 empty container", `{"schemas":["` + userURN + `"],"userName":"u","` + enterpriseURN + `":{"department":null}}`, plain},
		{"null container", `{"schemas":["` + userURN + `"],"userName":"u","` + enterpriseURN + `":null}`, plain},
	}
	for _, c := range ok {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(t, typ, c.body, nil)
			if err != nil || got != c.want {
				t.Errorf("got %s, %v\nwant %s", got, err, c.want)
			}
		})
	}

	bad := []struct {
		name, body string
		typ        scim.ErrorType
		forgiven   string // what compat makes of it; empty: the same refusal
	}{
		{"AMB-01 missing", `{"userName":"u"}`, scim.InvalidSyntax, plain},
		{"S-3-01 empty", `{"schemas":[],"userName":"u"}`, scim.InvalidSyntax, plain},
		{"null", `{"schemas":null,"userName":"u"}`, scim.InvalidSyntax, plain},
		{"S-3-02 of another type", `{"schemas":["` + userURN + `","` + groupURN + `"],"userName":"u"}`, scim.InvalidSyntax, plain},
		{"S-3.3-01 without the base", `{"schemas":["` + enterpriseURN + `"],"userName":"u"}`, scim.InvalidSyntax, plain},
		{"S-4.3-01 container not declared", `{"schemas":["` + userURN + `"],"userName":"u",` + ext + `}`, scim.InvalidSyntax, extended},
		{"string", `{"schemas":"` + userURN + `","userName":"u"}`, scim.InvalidValue, plain},
		{"S-3-01 twice", `{"schemas":["` + userURN + `","` + strings.ToUpper(userURN) + `"],"userName":"u"}`, scim.InvalidValue, ""},
		{"not strings", `{"schemas":[1],"userName":"u"}`, scim.InvalidValue, ""},
		{"object", `{"schemas":{},"userName":"u"}`, scim.InvalidValue, ""},
	}
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(t, typ, c.body, nil)
			isRefusal(t, err, c.typ, "schemas")
			got, err := read(t, typ, c.body, compat())
			if c.forgiven == "" {
				isRefusal(t, err, c.typ, "schemas")
			} else if err != nil || got != c.forgiven {
				t.Errorf("compat: got %s, %v\nwant %s", got, err, c.forgiven)
			}
		})
	}
}

func TestReadLeavesOutWhatAUserDoesNotHave(t *testing.T) {
	typ := schema.Core(nil).Type("User")
	cases := []struct{ name, members string }{
		{"S-2.5-01 null", `"nickName":null,"emails":null,"name":null`},
		{"S-2.5-01 empty array", `"emails":[],"roles":[]`},
		{"nothing in it", `"name":{},"emails":[{}],"phoneNumbers":[null]`},
		{"null inside", `"name":{"givenName":null},"emails":[{"value":null,"type":null}]`},
		{"P-3.3-01 readOnly", `"id":"mine","meta":{"created":"1999-01-01T00:00:00Z"},"groups":[{"value":"g"}]`},
		{"readOnly of a wrong type", `"id":5,"meta":"x","groups":true`},
		{"AMB-03 unknown", `"favouriteColor":"blue","urn:example:none":{"a":1},"emails":[{"color":"red"}]`},
		{"S-3.3-02 attribute of an extension without URN", `"employeeNumber":"701984"`},
		{"C02 long s", `"di\u017fplayName":"x"`},
		{"F11 D04 password", `"password":"t0ps3cret"`},
		{"C11", `"__proto__":{"active":false},"constructor":"x","name.givenName":"x"`},
	}
	want := `{"schemas":["` + userURN + `"],"userName":"u"}`
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, err := read(t, typ, user(c.members), nil); err != nil || got != want {
				t.Errorf("got %s, %v\nwant %s", got, err, want)
			}
		})
	}
}

func TestReadRefusesWrongValues(t *testing.T) {
	typ := schema.Core(nil).Type("User")
	cases := []struct{ name, members, says string }{
		{"P-3.3-09 string for a list", `"emails":"a@b"`, "emails must be an array, not a string"},
		{"P-3.3-09 string for an object", `"name":"x"`, "name must be an object"},
		{"P-3.3-09 other string for a boolean", `"active":"yes"`, "active must be true or false"},
		{"C06 empty string for a boolean", `"active":""`, "active"},
		{"C06 1 for a boolean", `"active":1`, "not a number"},
		{"C06 string 1 for a boolean", `"active":"1"`, "active"},
		{"F2 a list for a boolean is for PATCH", `"active":[true]`, "not an array"},
		{"C06 number for a string", `"displayName":5`, "displayName must be a string"},
		{"B05 number for externalId", `"externalId":5`, "externalId must be a string"},
		{"C06 boolean for a string", `"title":true`, "title"},
		{"C06 list for a string", `"title":["a"]`, "title"},
		{"C06 object for a string", `"title":{}`, "title"},
		{"C06 false for a list", `"emails":false`, "emails"},
		{"C06 nested lists", `"emails":[[{"value":"a"}]]`, "emails[0] must be an object"},
		{"C06 list for an object", `"name":[]`, "name"},
		{"C06 number in an element", `"emails":[{"value":"a"},{"value":1}]`, "emails[1].value must be a string"},
		{"password of a wrong type", `"password":123`, "password"},
		{"AMB-13 two primaries", `"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]`, "emails[1].primary"},
		{"S-2.3.7-01 blank in a URI", `"profileUrl":"not a uri"`, "profileUrl must be a URI"},
		{"S-2.3.7-01 broken escape", `"profileUrl":"https://x.test/%zz"`, "profileUrl"},
		{"S-2.3.6-01 not base64", `"x509Certificates":[{"value":"%%%"}]`, "x509Certificates[0].value must be base64"},
		{"S-4.1.2-09 PEM", `"x509Certificates":[{"value":"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"}]`, "base64"},
		{"base64 with a line break", `"x509Certificates":[{"value":"TUlJ\nQg=="}]`, "base64"},
		{"base64 cut off", `"x509Certificates":[{"value":"TUlJQ"}]`, "base64"},
		{"base64 of another alphabet", `"x509Certificates":[{"value":"TU_JQg"}]`, "base64"},
		{"S-4.1.1-08 blank in a locale", `"locale":"e n"`, "locale contains white space"},
		{"C04 control character", `"displayName":"a\tb"`, "displayName contains a control character"},
		{"C04 C1 control character", `"externalId":"a\u0085b"`, "externalId contains a control character"},
		{"too long", `"displayName":"` + strings.Repeat("é", 1025) + `"`, "displayName is longer than 1024 characters"},
		{"too many", `"emails":[` + elements(1001) + `]`, "emails has 1001 values; 1000 are allowed"},
		{"extension that is no object", `"` + enterpriseURN + `":"x"`, enterpriseURN + " must be an object"},
		{"inside an extension", `"` + enterpriseURN + `":{"manager":{"value":7}}`, enterpriseURN + ":manager.value must be a string"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			body := strings.Replace(user(c.members), `"]`, `","`+enterpriseURN+`"]`, 1)
			for _, d := range []*scim.Dialect{nil, compat()} {
				_, err := read(t, typ, body, d)
				isRefusal(t, err, scim.InvalidValue, c.says)
			}
		})
	}
}

func elements(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"value":"%d"}`, i)
	}
	return strings.Join(list, ",")
}

func TestReadAcceptsAtTheLimit(t *testing.T) {
	typ := schema.Core(nil).Type("User")
	for name, members := range map[string]string{
		"1,024 characters":         `"displayName":"` + strings.Repeat("é", 1024) + `"`,
		"1,000 elements":           `"emails":[` + elements(1000) + `]`,
		"64 KiB":                   `"title":"` + strings.Repeat("x", 64<<10) + `"`,
		"S-2.3.6-01 padding":       `"x509Certificates":[{"value":"TUlJQg=="},{"value":"TUlJ"},{"value":"TU/+Qg"}]`,
		"S-2.3.7-01 relative URI":  `"profileUrl":"../me?x=%20#é"`,
		"S-4.1.1-07 weights":       `"preferredLanguage":"fr-CA, en;q=0.5"`,
		"newlines in an address":   `"addresses":[{"formatted":"1 High Street\nLondon"}]`,
		"S-4.1.2-10 unlisted type": `"emails":[{"value":"a","type":"school"}]`,
		"S-2.4-06 other type":      `"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, typ, user(members), nil)
			if err != nil || got != user(members) {
				t.Errorf("got %.200s, %v", got, err)
			}
		})
	}
}

func TestReadDropsRepeatedElements(t *testing.T) {
	typ := schema.Core(nil).Type("User")
	cases := []struct{ name, in, want string }{
		{
			"S-2.4-06 same type and value", `"emails":[{"value":"a","type":"work"},{"type":"work","value":"a","display":"A"}]`,
			`"emails":[{"value":"a","type":"work"}]`,
		},
		{
			"the primary one counts", `"emails":[{"value":"a"},{"value":"a","primary":true},{"value":"b","primary":false}]`,
			`"emails":[{"value":"a","primary":true},{"value":"b","primary":false}]`,
		},
		{
			"without value all parts count", `"addresses":[{"type":"work","country":"GB"},{"type":"work","country":"US"},{"country":"GB","type":"work"}]`,
			`"addresses":[{"country":"GB","type":"work"},{"country":"US","type":"work"}]`,
		},
		{"case counts", `"emails":[{"value":"a"},{"value":"A"}]`, `"emails":[{"value":"a"},{"value":"A"}]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(t, typ, user(c.in), nil)
			if want := user(c.want); err != nil || got != want {
				t.Errorf("got %s, %v\nwant %s", got, err, want)
			}
		})
	}
}

func TestReadEmptyStrings(t *testing.T) {
	typ := schema.Core(nil).Type("User")
	body := user(`"nickName":"","emails":[{"value":"","type":"work"},{"value":"a","display":""}]`)
	got, err := read(t, typ, body, nil)
	if want := user(`"nickName":"","emails":[{"value":"","type":"work"},{"value":"a","display":""}]`); err != nil || got != want {
		t.Errorf("S-2.3.1-01 strict: got %s, %v", got, err)
	}
	got, err = read(t, typ, body, compat())
	if want := user(`"emails":[{"value":"a"}]`); err != nil || got != want {
		t.Errorf("compat: got %s, %v", got, err)
	}
	// A blank is a value, and a required string is not unset by "".
	got, err = read(t, typ, `{"schemas":["`+userURN+`"],"userName":"","title":" "}`, compat())
	if want := `{"schemas":["` + userURN + `"],"userName":"","title":" "}`; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestReadManager(t *testing.T) {
	typ := schema.Core(nil).Type("User")
	cases := []struct {
		name, manager, want string
		strict              bool // accepted without a switch
	}{
		{"object", `{"value":"26"}`, `{"value":"26"}`, true},
		{"D18 $ref is made from value", `{"value":"26","$ref":"https://evil.test/Users/9"}`, `{"value":"26"}`, true},
		{"S-2.3.7-02 only $ref", `{"$ref":"../Users/26"}`, `{"value":"26"}`, true},
		{"S-2.3.7-02 only absolute $ref", `{"$ref":"https://x.test/scim/v2/Users/26"}`, `{"value":"26"}`, true},
		{"$ref of another type", `{"$ref":"../Groups/26"}`, ``, true},
		{"null $ref", `{"value":"26","$ref":null}`, `{"value":"26"}`, true},
		{"S-4.3-02 displayName is readOnly", `{"value":"26","displayName":"Boss"}`, `{"value":"26"}`, true},
		{"null", `null`, ``, true},
		{"null value", `{"value":null}`, ``, true},
		{"F7 string", `"26"`, `{"value":"26"}`, false},
		{"F7 array", `[{"$ref":"https://x.test/Users/26","value":"26"}]`, `{"value":"26"}`, false},
		{"F7 array of a string", `["26"]`, `{"value":"26"}`, false},
		{"F7 empty array", `[]`, ``, false},
		{"F7 managerId", `{"managerId":"26"}`, `{"value":"26"}`, false},
		{"F7 blank managerId", `{"managerId":" ","displayName":" "}`, ``, false},
		{"F7 blank", `" "`, ``, false},
		{"F7 empty", `""`, ``, false},
		{"F7 blank value", `{"value":" "}`, ``, false},
		{"F7 blank value with $ref", `{"value":"","$ref":"/Users/26"}`, `{"value":"26"}`, false},
		{"F7 managerId beside null", `{"value":null,"managerId":"26"}`, `{"value":"26"}`, false},
		{"F7 value wins over managerId", `{"value":"26","managerId":"27"}`, `{"value":"26"}`, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			body := `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"userName":"u","` + enterpriseURN + `":{"manager":` + c.manager + `}}`
			want := `{"schemas":["` + userURN + `"],"userName":"u"}`
			if c.want != "" {
				want = `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"userName":"u","` + enterpriseURN + `":{"manager":` + c.want + `}}`
			}
			d := compat()
			if got, err := read(t, typ, body, d); err != nil || got != want {
				t.Errorf("compat: got %s, %v\nwant %s", got, err, want)
			}
			if used := d.Used().Has(scim.LooseReference); used == c.strict {
				t.Errorf("LooseReference used: %v", used)
			}
			if got, err := read(t, typ, body, nil); c.strict && (err != nil || got != want) {
				t.Errorf("strict: got %s, %v\nwant %s", got, err, want)
			}
		})
	}
	for _, manager := range []string{`["1","2"]`, `[["1"]]`, `7`, `true`, `{"managerId":7}`} {
		body := `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"userName":"u","` + enterpriseURN + `":{"manager":` + manager + `}}`
		got, err := read(t, typ, body, compat())
		if manager == `{"managerId":7}` { // unknown, as it is no string
			if err != nil || strings.Contains(got, "manager") {
				t.Errorf("%s: got %s, %v", manager, got, err)
			}
			continue
		}
		isRefusal(t, err, scim.InvalidValue, "manager")
	}
}

func TestReadKeepsRelationsAsTheyCame(t *testing.T) {
	typ := schema.Core(nil).Type("Group")
	for _, members := range []string{`null`, `[]`, `[{"$ref":null,"value":"1"},{"value":"2","x":1}]`, `"x"`} {
		in := parse(t, `{"schemas":["`+groupURN+`"],"displayName":"g","MEMBERS":`+members+`}`).(schema.Object)
		o, err := typ.Read(in, schema.Replace, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, given := o["members"]
		if want := parse(t, members); !given || !schema.Equal(got, want) {
			t.Errorf("members %s: got %v, %v", members, got, given)
		}
		if s := string(typ.Append(nil, o)); strings.Contains(s, "members") {
			t.Errorf("Append wrote a relation: %s", s)
		}
	}
	o, err := typ.Read(parse(t, `{"schemas":["`+groupURN+`"],"displayName":"g"}`).(schema.Object), schema.Replace, nil)
	if _, given := o["members"]; given || err != nil {
		t.Errorf("left out, but got %v, %v", o, err)
	}
}

func TestReadLooseReferenceKeepsItsOtherParts(t *testing.T) {
	typ := schema.Group()
	typ.Schema.Attributes = append(typ.Schema.Attributes, &schema.Attribute{
		Name: "owner", Type: schema.Complex, SubAttributes: []*schema.Attribute{
			{Name: "value"},
			{Name: "since"},
			{Name: "$ref", Type: schema.Reference, ReferenceTypes: []string{"Group"}},
		},
	})
	if _, err := schema.NewSet(nil, typ); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		`{"ownerId":"1","since":"may"}`:                  `{"value":"1","since":"may"}`,
		`{"value":" ","$ref":"/Groups/2","SINCE":"may"}`: `{"value":"2","since":"may"}`,
	} {
		body := `{"schemas":["` + groupURN + `"],"displayName":"g","owner":`
		if got, err := read(t, typ, body+in+"}", compat()); err != nil || got != body+want+"}" {
			t.Errorf("%s: got %s, %v", in, got, err)
		}
	}
}

func TestReadDemandsWhatCheckCannotSee(t *testing.T) {
	typ := schema.User()
	typ.Schema.Attributes = append(typ.Schema.Attributes,
		&schema.Attribute{Name: "pin", Required: true, Mutability: schema.WriteOnly, Returned: schema.ReturnedNever})
	if _, err := schema.NewSet(nil, typ); err != nil {
		t.Fatal(err)
	}
	_, err := read(t, typ, user(""), nil)
	isRefusal(t, err, scim.InvalidValue, "pin is required")
	if _, err := read(t, typ, user(`"PIN":"1234"`), nil); err != nil {
		t.Error(err)
	}
	if _, err := typ.Read(parse(t, user("")).(schema.Object), schema.Replace, nil); err != nil {
		t.Errorf("S-4.1.1-17 a replace may leave it out: %v", err)
	}
}

func TestReadEveryType(t *testing.T) {
	typ := device(t)
	body := func(members string) string {
		return `{"schemas":["urn:example:Device","urn:example:Device:site.v1"],"serial":"s",` + members + `,"urn:example:Device:site.v1":{"room":"r"}}`
	}
	ok := map[string]string{
		`"slots":3`:                              `"slots":3`,
		`"slots":-0`:                             `"slots":0`,
		`"slots":9223372036854775807`:            `"slots":9223372036854775807`,
		`"slots":-9223372036854775808`:           `"slots":-9223372036854775808`,
		`"weight":1.50`:                          `"weight":1.5`,
		`"weight":-0.0`:                          `"weight":0`,
		`"weight":1e3`:                           `"weight":1000`,
		`"weight":1e300`:                         `"weight":1e+300`,
		`"bought":"2024-02-29T24:00:00.0+14:00"`: `"bought":"2024-02-29T24:00:00.0+14:00"`,
		`"firmware":"TUlJ"`:                      `"firmware":"TUlJ"`,
		`"tags":["a","b","a"]`:                   `"tags":["a","b"]`,
		`"box":{"label":"l","weights":[1,2,1]}`:  `"box":{"label":"l","weights":[1,2]}`,
		`"keepers":[{"$ref":"/Users/7","since":"2024-01-01T00:00:00Z"}]`: `"keepers":[{"value":"7","since":"2024-01-01T00:00:00Z"}]`,
	}
	for in, want := range ok {
		t.Run(in, func(t *testing.T) {
			if got, err := read(t, typ, body(in), nil); err != nil || got != body(want) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
	bad := []string{
		`"slots":1.0`, `"slots":1e3`, `"slots":1.5`, `"slots":"3"`, `"slots":9223372036854775808`, `"slots":true`, // S-2.3.4-01, C07
		`"slots":` + strings.Repeat("9", 400), `"weight":1e400`, `"weight":".5"`, `"weight":` + strings.Repeat("9", 400),
		`"bought":"2024-01-01"`, `"bought":"2024-01-01T00:00:00z"`, `"bought":5`, // S-2.3.5-01
		`"tags":[["a"]]`, `"tags":[{}]`, `"tags":"a"`, `"box":{"weights":[1.5]}`, `"box":{"weights":1}`,
	}
	for _, in := range bad {
		t.Run(in[:min(len(in), 40)], func(t *testing.T) {
			_, err := read(t, typ, body(in), nil)
			isRefusal(t, err, scim.InvalidValue)
		})
	}
	if got, err := read(t, typ, body(`"tags":"a"`), compat()); err != nil || got != body(`"tags":["a"]`) {
		t.Errorf("SingleForArray: got %s, %v", got, err)
	}
}

func TestSec_C06_EveryAttributeMeetsEveryType(t *testing.T) {
	values := []any{
		nil, "", "false", "False", schema.Number("0"), schema.Number("1"), true,
		[]any{},
		schema.Object{},
		[]any{[]any{}},
		[]any{"x"},
		[]any{schema.Object{"value": []any{}}},
		schema.Object{"value": schema.Object{}},
	}
	set := schema.Core(nil)
	for _, typ := range append(set.Types, device(t)) {
		for p := range typ.Paths() {
			for _, v := range values {
				in := schema.Object{p.Attr.Name: v}
				if p.Extension != nil {
					in = schema.Object{p.Extension.ID: in}
				}
				for _, d := range []*scim.Dialect{nil, compat()} {
					for _, err := range []error{
						func() error { _, err := typ.Read(in, schema.Create, d); return err }(),
						func() error { _, err := typ.ReadValue(p, v, d); return err }(),
					} {
						if err != nil && (scim.AsError(err) == nil || scim.AsError(err).Status != 400) {
							t.Errorf("%s = %v: %v", p, v, err)
						}
					}
				}
			}
		}
	}
}

func TestReadHasTheSameFaultEveryTime(t *testing.T) {
	typ := schema.Core(nil).Type("User")
	for range 50 {
		_, err := read(t, typ, user(`"zip":1,"roles":5,"title":5,"NICKNAME":5,"active":5`), nil)
		isRefusal(t, err, scim.InvalidValue, "nickName")
	}
}
