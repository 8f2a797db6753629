package schema_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim/schema"
)

func TestAppend(t *testing.T) {
	type object = schema.Object
	users := schema.Core(nil).Type("User")
	doc := object{
		"schemas":     []any{userURN}, // stale: there is an extension
		enterpriseURN: object{"manager": object{"value": "26"}, "department": "R&D <1>"},
		"emails":      []any{object{"primary": true, "value": "a\"\\\n\u2028é"}},
		"active":      false, "userName": "u", "externalId": "x",
		"id": "7", "meta": object{"version": "1"}, "groups": []any{object{"value": "g"}}, "password": "s3cret",
	}
	want := `{"schemas":["` + userURN + `","` + enterpriseURN + `"],"externalId":"x","userName":"u","active":false,` +
		`"emails":[{"value":"a\"\\\n` + "\u2028" + `é","primary":true}],` +
		`"` + enterpriseURN + `":{"department":"R&D <1>","manager":{"value":"26"}}}`
	if got := string(users.Append([]byte("x"), doc)); got != "x"+want {
		t.Errorf("got  %s\nwant x%s", got, want)
	}
}

func TestDecodeReadsWhatAppendWrote(t *testing.T) {
	type object = schema.Object
	users, o, canonical := canonicalUser(t)
	got, err := users.Decode(canonical)
	if err != nil || !schema.Equal(got, o) {
		t.Errorf("got %v, %v\nwant %v", got, err, o)
	}
	device := device(t)
	doc := object{
		"serial": "s", "slots": int64(-9), "weight": 1e300, "bought": "2024-01-01T00:00:00Z", "tags": []any{"a", `"\`, ""},
		"box":                        object{"label": "l", "weights": []any{int64(1), int64(2)}},
		"keepers":                    []any{object{"value": "1"}, object{"value": "2"}},
		"urn:example:Device:site.v1": object{"room": "r", "floor": int64(0)},
	}
	doc["schemas"] = device.Schemas(doc)
	b := device.Append(nil, doc)
	if got, err := device.Decode(b); err != nil || !schema.Equal(got, doc) {
		t.Errorf("%s: got %v, %v\nwant %v", b, got, err, doc)
	}
}

func TestDecodeLeavesOutWhatTheTypeLacks(t *testing.T) {
	users := schema.Core(nil).Type("User")
	stored := `{"schemas":["` + userURN + `"],"gone":[{"a":"]}\"","b":[1,-2.5e3,true,null]}],"userName":"u",` +
		`"name":{"old":{},"givenName":"g"},"urn:example:old":{"x":"y"},"more":null,"active":true}`
	want := schema.Object{
		"schemas": []any{userURN}, "userName": "u", "active": true, "name": schema.Object{"givenName": "g"},
	}
	if got, err := users.Decode([]byte(stored)); err != nil || !schema.Equal(got, want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
}

func TestDecodeRefusesWhatAppendDoesNotWrite(t *testing.T) {
	users := schema.Core(nil).Type("User")
	_, _, canonical := canonicalUser(t)
	for i := range canonical {
		if _, err := users.Decode(canonical[:i]); err == nil {
			t.Fatalf("cut at %d: accepted", i)
		}
	}
	for _, b := range []string{
		"null", "[]", `{"userName":5}`, `{"active":"true"}`, `{"active":nope}`, `{"emails":{}}`, `{"emails":["x"]}`, `{"name":"x"}`,
		`{"userName":"u"}x`, `{"userName":"u",}`, `{"userName" :"u"}`, `{"userName":"\q"}`, `{"x":}}`, `{"emails":[{"value":"a"}{}]}`,
	} {
		if o, err := users.Decode([]byte(b)); err == nil {
			t.Errorf("%s: got %v", b, o)
		} else if strings.Contains(err.Error(), "userName") {
			t.Errorf("error has content of the document: %v", err)
		}
	}
}

func TestEqualAndClone(t *testing.T) {
	type object = schema.Object
	a := object{"a": []any{object{"b": "c"}, int64(1)}, "d": true, "e": nil}
	b := schema.Clone(a)
	if !schema.Equal(a, b) {
		t.Fatal("a clone is not equal")
	}
	b["a"].([]any)[0].(object)["b"] = "x"
	if a["a"].([]any)[0].(object)["b"] != "c" {
		t.Error("a clone shares values")
	}
	for _, pair := range [][2]any{
		{a, b},
		{object{"a": nil}, object{"b": nil}},
		{object{}, []any{}},
		{[]any{"a", "b"}, []any{"b", "a"}},
		{[]any{"a"}, []any{"a", "a"}},
		{"1", int64(1)},
		{int64(1), 1.0},
		{nil, object{}},
		{"x", []any{"x"}},
		{object{"a": "x"}, object{"a": "x", "b": "y"}},
	} {
		if schema.Equal(pair[0], pair[1]) || schema.Equal(pair[1], pair[0]) {
			t.Errorf("%v equals %v", pair[0], pair[1])
		}
	}
	if schema.Clone[any](nil) != nil || schema.Clone(object(nil)) != nil || schema.Clone("x") != "x" {
		t.Error("Clone of what has no parts")
	}
}

func TestPathValues(t *testing.T) {
	users := schema.Core(nil).Type("User")
	_, o, _ := canonicalUser(t)
	for name, want := range map[string][]any{
		"userName":                       {"ada.osei@umbrella.test"},
		"emails.value":                   {"ada.osei@umbrella.test", "ada@home.test"},
		"emails.primary":                 {true},
		"name.middleName":                nil,
		"title":                          {"Principal Engineer"},
		"addresses.primary":              nil,
		enterpriseURN:                    {o[enterpriseURN]},
		enterpriseURN + ":manager.value": {"26118915-6090-4610-87e4-49d8ca9f808d"},
	} {
		var got []any
		for v := range path(t, users, name).Values(o) {
			got = append(got, v)
		}
		if !schema.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
