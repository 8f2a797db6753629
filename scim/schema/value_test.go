package schema_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

func TestReadValue(t *testing.T) {
	users, groups := schema.Core(nil).Type("User"), schema.Core(nil).Type("Group")
	type object = schema.Object
	manager := enterpriseURN + ":manager"
	cases := []struct {
		name   string
		typ    *schema.ResourceType
		path   string
		value  string
		strict any // what it reads to; a scim.ErrorType if it is refused
		compat any
	}{
		{"string", users, "title", `"x"`, "x", "x"},
		{"P-3.5.2.3-14 null", users, "title", `null`, nil, nil},
		{"empty string", users, "title", `""`, "", nil},
		{"empty string of what is required", users, "userName", `""`, "", ""},
		{"P-3.5.2.1-18 wrong type", users, "active", `"x"`, scim.InvalidValue, scim.InvalidValue},
		{"F2 string", users, "active", `"False"`, scim.InvalidValue, false},
		{"F2 array of one", users, "active", `[false]`, scim.InvalidValue, false},
		{"F2 array of a string", users, "active", `["True"]`, scim.InvalidValue, true},
		{"F2 array of two", users, "active", `[true,true]`, scim.InvalidValue, scim.InvalidValue},
		{"F2 empty array", users, "active", `[]`, scim.InvalidValue, scim.InvalidValue},
		{"F2 in a sub-attribute", users, "emails.primary", `"TRUE"`, scim.InvalidValue, true},
		{"F2 number", users, "active", `0`, scim.InvalidValue, scim.InvalidValue},
		{"P-3.5.2.1-06 string for an object", users, "name", `"x"`, scim.InvalidValue, scim.InvalidValue},
		{
			"names in any case", users, "name", `{"GIVENNAME":"a","familyName":"b"}`,
			object{"givenName": "a", "familyName": "b"},
			object{"givenName": "a", "familyName": "b"},
		},
		{
			"F9 null inside is kept", users, "name", `{"givenName":null,"familyName":"b"}`,
			object{"givenName": nil, "familyName": "b"},
			object{"givenName": nil, "familyName": "b"},
		},
		{"nothing to merge", users, "name", `{}`, object{}, object{}},
		{"unknown inside", users, "name", `{"nick":"x"}`, scim.InvalidValue, object{}},
		{
			"P-3.5.2.1-08 one element", users, "emails", `{"value":"a","display":null}`,
			[]any{object{"value": "a"}},
			[]any{object{"value": "a"}},
		},
		{
			"P-3.5.2.1-08 elements", users, "emails", `[{"value":"a"},{"value":"b"}]`,
			[]any{object{"value": "a"}, object{"value": "b"}},
			[]any{object{"value": "a"}, object{"value": "b"}},
		},
		{"P-3.5.2.3-16 empty array", users, "emails", `[]`, nil, nil},
		{"AMB-24 string", users, "roles", `"admin"`, scim.InvalidValue, []any{object{"value": "admin"}}},
		{"AMB-24 strings", users, "roles", `["admin"]`, scim.InvalidValue, []any{object{"value": "admin"}}},
		{"AMB-24 number", users, "roles", `7`, scim.InvalidValue, scim.InvalidValue},
		{
			"AMB-13 two primaries", users, "emails", `[{"value":"a","primary":true},{"value":"b","primary":true}]`,
			scim.InvalidValue, scim.InvalidValue,
		},
		{"sub-attribute", users, "emails.value", `"a"`, "a", "a"},
		{
			"P-3.5.2.1-15 container", users, enterpriseURN, `{"department":"d","COSTCENTER":null}`,
			object{"department": "d", "costCenter": nil},
			object{"department": "d", "costCenter": nil},
		},
		{"container cleared", users, enterpriseURN, `null`, nil, nil},
		{"container of a wrong type", users, enterpriseURN, `"d"`, scim.InvalidValue, scim.InvalidValue},
		{"unknown in a container", users, enterpriseURN, `{"x":"d"}`, scim.InvalidValue, object{}},
		{"F7 string", users, manager, `"26"`, scim.InvalidValue, object{"value": "26"}},
		{"F7 array", users, manager, `[{"$ref":"/Users/26","value":"26"}]`, scim.InvalidValue, object{"value": "26"}},
		{"F7 blank", users, manager, `""`, scim.InvalidValue, nil},
		{"F7 blank value", users, manager, `{"value":""}`, object{"value": ""}, nil},
		{"F7 inside a container", users, enterpriseURN, `{"manager":" "}`, scim.InvalidValue, object{"manager": nil}},
		{"F7 object", users, manager, `{"value":"26"}`, object{"value": "26"}, object{"value": "26"}},
		{"D18 $ref", users, manager + ".$ref", `"https://evil.test/Users/9"`, nil, nil},
		{"AMB-19 readOnly inside", users, manager, `{"value":"26","displayName":"x"}`, scim.Mutability, object{"value": "26"}},
		{"P-3.5.2-08 id", users, "id", `"x"`, scim.Mutability, scim.Mutability},
		{"P-3.5.2-08 meta.created", users, "meta.created", `"x"`, scim.Mutability, scim.Mutability},
		{"P-3.5.2.1-16 groups", users, "groups", `[]`, scim.Mutability, scim.Mutability},
		{"P-3.5.2.3-11 manager.displayName", users, manager + ".displayName", `"x"`, scim.Mutability, scim.Mutability},
		{"P-3.5.2.3-20 password", users, "password", `"x"`, nil, nil},
		{"password of a wrong type", users, "password", `5`, scim.InvalidValue, scim.InvalidValue},
		{"schemas", users, "schemas", `["a","b"]`, []any{"a", "b"}, []any{"a", "b"}},
		{"externalId", users, "externalId", `"e"`, "e", "e"},
		{"relation", groups, "members", `{"VALUE":"x","y":null}`, object{"VALUE": "x", "y": nil}, object{"VALUE": "x", "y": nil}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := path(t, c.typ, c.path)
			for _, d := range []*scim.Dialect{nil, compat()} {
				want := c.strict
				if d != nil {
					want = c.compat
				}
				got, err := c.typ.ReadValue(p, parse(t, c.value), d)
				if refusal, ok := want.(scim.ErrorType); ok {
					isRefusal(t, err, refusal, c.path)
				} else if err != nil || !schema.Equal(got, want) {
					t.Errorf("%s: got %#v, %v\nwant %#v", d.Profile().Name, got, err, want)
				}
			}
		})
	}
}

func TestReadValueSaysWhere(t *testing.T) {
	users := schema.Core(nil).Type("User")
	for _, c := range []struct{ path, value, says string }{
		{"active", `"x"`, "active must be"},
		{"emails", `[{"value":"a"},{"value":1}]`, "emails[1].value must be"},
		{"emails.value", `1`, "emails.value must be"},
		{enterpriseURN, `{"manager":{"value":1}}`, enterpriseURN + ":manager.value must be"},
		{enterpriseURN + ":manager", `{"value":1}`, enterpriseURN + ":manager.value must be"},
		{enterpriseURN + ":department", `1`, enterpriseURN + ":department must be"},
	} {
		_, err := users.ReadValue(path(t, users, c.path), parse(t, c.value), nil)
		isRefusal(t, err, scim.InvalidValue)
		if got := scim.AsError(err).Detail; !strings.HasPrefix(got, c.says) {
			t.Errorf("got %q, want %q…", got, c.says)
		}
	}
}

func TestReadValueRecordsOnlyWhatItNeeded(t *testing.T) {
	users := schema.Core(nil).Type("User")
	d := compat()
	for name, value := range map[string]string{
		"active": `true`, "emails": `{"value":"a"}`, "name": `{"givenName":null}`, "title": `null`,
		enterpriseURN: `{"manager":{"value":"1"}}`,
	} {
		if _, err := users.ReadValue(path(t, users, name), parse(t, value), d); err != nil {
			t.Fatal(err)
		}
	}
	if d.Used() != 0 {
		for s := range d.Used().All() {
			t.Errorf("recorded %s", s)
		}
	}
}
