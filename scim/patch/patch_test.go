package patch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

const enterprise = scim.EnterpriseUserSchema

var core = schema.Core(nil)

func compat() *scim.Dialect { return scim.NewDialect(scim.Compat()) }

// ada is the document that the tables below start from; the other half of each
// wanted document is what is said here.
const ada = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
	"userName":"ada@acme.test","name":{"familyName":"Osei","givenName":"Ada"},"displayName":"Ada Osei","active":true,
	"emails":[{"value":"a@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home"}],
	"addresses":[{"type":"work","locality":"Accra","country":"GH"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D","manager":{"value":"m1"}}}`

func document(t testing.TB, rt *schema.ResourceType, body string) schema.Object {
	t.Helper()
	in, err := schema.Parse([]byte(body))
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	o, err := rt.Read(in.(schema.Object), schema.Create, nil)
	if err == nil {
		err = rt.Check(o)
	}
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return o
}

// newPatch makes a patch of operations, given as the inside of the JSON array.
func newPatch(t testing.TB, rt *schema.ResourceType, d *scim.Dialect, operations string) (*patch.Patch, error) {
	t.Helper()
	body, err := schema.Parse([]byte(`{"schemas":["` + scim.PatchOpMessage + `"],"Operations":[` + operations + `]}`))
	if err != nil {
		t.Fatalf("%v in %s", err, operations)
	}
	return patch.New(body, rt, d, 1000)
}

// apply runs operations on a document and tells the result as canonical JSON, or the
// error as its scimType.
func apply(t testing.TB, rt *schema.ResourceType, d *scim.Dialect, cur schema.Object, operations string) (schema.Object, string) {
	t.Helper()
	before := schema.Clone(cur)
	p, err := newPatch(t, rt, d, operations)
	var after schema.Object
	if err == nil {
		after, err = p.Apply(cur)
	}
	if !schema.Equal(cur, before) {
		t.Errorf("the document itself was altered by %s", operations)
	}
	if err != nil {
		e := scim.AsError(err)
		if e == nil || e.Status != 400 {
			t.Fatalf("%s: %v", operations, err)
		}
		return nil, "error " + string(e.Type)
	}
	return after, string(rt.Append(nil, after))
}

type userCase struct {
	name       string // row of the standards, forgiveness, words
	operations string
	want       string // members of ada that are another, or "error …"; "same": nothing changes
	strict     string // want in profile strict; empty: the same
}

// edit puts the members of want into ada; null removes one.
func edit(t testing.TB, want string) string {
	t.Helper()
	if strings.HasPrefix(want, "error ") {
		return want
	}
	user := core.Type("User")
	o := document(t, user, ada)
	if want != "same" {
		in, err := schema.Parse([]byte(want))
		if err != nil {
			t.Fatalf("%v in %s", err, want)
		}
		raw := in.(schema.Object)
		// Read brings the members into canonical form; userName is there so that it can.
		given := schema.Clone(raw)
		given["schemas"] = []any{scim.UserSchema, enterprise}
		read, err := user.Read(given, schema.Replace, nil)
		if err != nil {
			t.Fatalf("%v in %s", err, want)
		}
		for name := range raw {
			delete(o, name)
			if v, ok := read[name]; ok {
				o[name] = v
			}
		}
	}
	o["schemas"] = user.Schemas(o)
	return string(user.Append(nil, o))
}

func runUserCases(t *testing.T, cases []userCase) {
	t.Helper()
	user := core.Type("User")
	for _, tt := range cases {
		strict := tt.strict
		if strict == "" {
			strict = tt.want
		}
		for _, p := range []struct {
			profile scim.Profile
			want    string
		}{{scim.Compat(), tt.want}, {scim.Strict(), strict}} {
			t.Run(tt.name+" "+p.profile.Name, func(t *testing.T) {
				cur := document(t, user, ada)
				after, got := apply(t, user, scim.NewDialect(p.profile), cur, tt.operations)
				if diff := cmp.Diff(edit(t, p.want), got); diff != "" {
					t.Errorf("%s\n%s", tt.operations, diff)
				}
				if same := after != nil && schema.Equal(cur, after); same && !identical(cur, after) {
					t.Error("nothing changed, but the document is another one")
				}
			})
		}
	}
}

// identical reports whether two maps are one.
func identical(a, b schema.Object) bool {
	const mark = "\x00mark"
	a[mark] = true
	_, ok := b[mark]
	delete(a, mark)
	return ok
}

func TestAdd(t *testing.T) {
	runUserCases(t, []userCase{
		{"P-3.5.2.1-01 no value", `{"op":"add","path":"title"}`, `error invalidValue`, ``},
		{
			"P-3.5.2.1-02 no path", `{"op":"add","value":{"emails":[{"value":"c@acme.test"}],"nickName":"B","name":{"middleName":"K"},"` + enterprise + `":{"division":"West"}}}`,
			`{"nickName":"B","name":{"familyName":"Osei","givenName":"Ada","middleName":"K"},
			"emails":[{"value":"a@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home"},{"value":"c@acme.test"}],
			"` + enterprise + `":{"department":"R&D","division":"West","manager":{"value":"m1"}}}`, ``,
		},
		{"P-3.5.2.1-03 no path, value not an object", `{"op":"add","value":"x"}`, `error invalidValue`, ``},
		{"P-3.5.2.1-03 no path, no value", `{"op":"add"}`, `error invalidValue`, ``},
		{"P-3.5.2.1-04 absent", `{"op":"add","path":"title","value":"CTO"}`, `{"title":"CTO"}`, ``},
		{"P-3.5.2.1-05 present", `{"op":"add","path":"displayName","value":"A"}`, `{"displayName":"A"}`, ``},
		{"P-3.5.2.1-06 complex merges", `{"op":"add","path":"name","value":{"givenName":"Abena"}}`, `{"name":{"familyName":"Osei","givenName":"Abena"}}`, ``},
		{"P-3.5.2.1-06 complex as a string", `{"op":"add","path":"name","value":"x"}`, `error invalidValue`, ``},
		{"P-3.5.2.1-07 parent absent", `{"op":"remove","path":"name"},{"op":"add","path":"name.givenName","value":"A"}`, `{"name":{"givenName":"A"}}`, ``},
		{
			"P-3.5.2.1-08 single object appended", `{"op":"add","path":"emails","value":{"value":"c@acme.test","type":"other"}}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home"},{"value":"c@acme.test","type":"other"}]}`, ``,
		},
		{"P-3.5.2.1-08 nothing appended", `{"op":"add","path":"emails","value":[]}`, `same`, ``},
		{"P-3.5.2.1-09 there already", `{"op":"add","path":"emails","value":[{"type":"work","value":"a@acme.test"}]}`, `same`, ``},
		{"P-3.5.2.1-09 there already in another case", `{"op":"add","path":"emails","value":[{"type":"Work","value":"A@acme.test"}]}`, `same`, ``},
		{"P-3.5.2.1-09 address there already", `{"op":"add","path":"addresses","value":{"type":"work","locality":"Accra","country":"GH"}}`, `same`, ``},
		{
			"P-3.5.2.1-09 address there already, now primary", `{"op":"add","path":"addresses","value":{"type":"work","locality":"Accra","country":"GH","primary":true}}`,
			`{"addresses":[{"type":"work","locality":"Accra","country":"GH","primary":true}]}`, ``,
		},
		{
			"P-3.5.2.1-09 there already, with more to say", `{"op":"add","path":"emails","value":[{"type":"home","value":"b@acme.test","display":"B"}]}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home","display":"B"}]}`, ``,
		},
		{
			"P-3.5.2.1-10 primary moves", `{"op":"add","path":"emails","value":[{"value":"c@acme.test","primary":true}]}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":false},{"value":"b@acme.test","type":"home"},{"value":"c@acme.test","primary":true}]}`, ``,
		},
		{"AMB-13 two primaries", `{"op":"add","path":"emails","value":[{"value":"c","primary":true},{"value":"d","primary":true}]}`, `error invalidValue`, ``},
		{
			"P-3.5.2.1-11 filter matches", `{"op":"add","path":"emails[type eq \"home\"]","value":{"display":"B","type":null}}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":true},{"value":"b@acme.test","display":"B"}]}`, ``,
		},
		{
			"P-3.5.2.1-12 filter and sub-attribute match", `{"op":"add","path":"emails[type eq \"home\"].value","value":"c@acme.test"}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":true},{"value":"c@acme.test","type":"home"}]}`, ``,
		},
		{
			"P-3.5.2.1-13 F8 sub-attribute, no match", `{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"5555550100"}`,
			`{"phoneNumbers":[{"type":"mobile","value":"5555550100"}]}`, `error noTarget`,
		},
		{
			"P-3.5.2.1-13 F8 element, no match", `{"op":"add","path":"emails[type eq \"other\" and primary eq true]","value":{"value":"c@acme.test"}}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":false},{"value":"b@acme.test","type":"home"},{"type":"other","primary":true,"value":"c@acme.test"}]}`,
			`error noTarget`,
		},
		{
			"F8 a filter that wants no primary, no match", `{"op":"add","path":"emails[type eq \"other\" and primary eq false].value","value":"c@acme.test"}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home"},{"type":"other","primary":false,"value":"c@acme.test"}]}`,
			`error noTarget`,
		},
		{"F8 a filter that says no value creates nothing", `{"op":"add","path":"emails[type ne \"work\" and type ne \"home\"].value","value":"x"}`, `error noTarget`, ``},
		{"F8 or creates nothing", `{"op":"add","path":"emails[type eq \"x\" or type eq \"y\"].value","value":"x"}`, `error noTarget`, ``},
		{"F8 a contradiction creates nothing", `{"op":"add","path":"emails[type eq \"x\" and type eq \"y\"].value","value":"x"}`, `error noTarget`, ``},
		{
			"P-3.5.2.1-14 extension attribute", `{"op":"remove","path":"` + enterprise + `"},{"op":"add","path":"` + enterprise + `:employeeNumber","value":"7"}`,
			`{"` + enterprise + `":{"employeeNumber":"7"}}`, ``,
		},
		{
			"P-3.5.2.1-15 extension alone", `{"op":"add","path":"` + enterprise + `","value":{"division":"West"}}`,
			`{"` + enterprise + `":{"department":"R&D","division":"West","manager":{"value":"m1"}}}`, ``,
		},
		{"P-3.5.2.1-15 extension alone, no object", `{"op":"add","path":"` + enterprise + `","value":"West"}`, `error invalidValue`, ``},
		{"P-3.10-02 base schema alone", `{"op":"add","path":"` + scim.UserSchema + `","value":{"title":"CTO"}}`, `{"title":"CTO"}`, ``},
		{"P-3.5.2.1-16 readOnly", `{"op":"add","path":"groups","value":[{"value":"g"}]}`, `error mutability`, ``},
		{"P-3.5.2.1-17 unknown path", `{"op":"add","path":"foo","value":"x"}`, `error invalidPath`, ``},
		{"P-3.5.2.1-17 unknown sub-attribute", `{"op":"add","path":"name.foo","value":"x"}`, `error invalidPath`, ``},
		{"P-3.5.2.1-17 unknown behind a filter", `{"op":"add","path":"emails[type eq \"work\"].foo","value":"x"}`, `error invalidPath`, ``},
		{"AMB-03 unknown key", `{"op":"add","value":{"foo":"x","title":"CTO"}}`, `{"title":"CTO"}`, ``},
		{"P-3.5.2.1-18 wrong type", `{"op":"add","path":"active","value":"x"}`, `error invalidValue`, ``},
		{"null adds nothing to a list", `{"op":"add","path":"emails","value":null}`, `same`, ``},
	})
}

func TestRemove(t *testing.T) {
	runUserCases(t, []userCase{
		{"P-3.5.2.2-01 no path", `{"op":"remove"}`, `error noTarget`, ``},
		{"P-3.5.2.2-01 no path, but a value", `{"op":"remove","value":{"title":"x"}}`, `error noTarget`, ``},
		{"P-3.5.2.2-02 simple", `{"op":"remove","path":"displayName"}`, `{"displayName":null}`, ``},
		{"P-3.5.2.2-03 complex", `{"op":"remove","path":"name"}`, `{"name":null}`, ``},
		{"P-3.5.2.2-04 sub-attribute", `{"op":"remove","path":"name.givenName"}`, `{"name":{"familyName":"Osei"}}`, ``},
		{"P-3.5.2.2-04 last sub-attribute", `{"op":"remove","path":"name.givenName"},{"op":"remove","path":"NAME.familyname"}`, `{"name":null}`, ``},
		{"P-3.5.2.2-05 all values", `{"op":"remove","path":"emails"}`, `{"emails":null}`, ``},
		{"P-3.5.2.2-06 filter", `{"op":"remove","path":"emails[type eq \"work\"]"}`, `{"emails":[{"value":"b@acme.test","type":"home"}]}`, ``},
		{"P-3.5.2.2-06 filter on all", `{"op":"remove","path":"emails[value co \"@\"]"}`, `{"emails":null}`, ``},
		{
			"P-3.5.2.2-07 sub-attribute of matches", `{"op":"remove","path":"addresses[type eq \"work\"].locality"}`,
			`{"addresses":[{"type":"work","country":"GH"}]}`, ``,
		},
		{
			"P-3.5.2.2-07 an element left empty", `{"op":"remove","path":"addresses.type"},{"op":"remove","path":"addresses[country eq \"GH\"].locality"},{"op":"remove","path":"addresses.country"}`,
			`{"addresses":null}`, ``,
		},
		{"P-3.5.2.2-08 required", `{"op":"remove","path":"userName"}`, `error mutability`, ``},
		{"P-3.5.2.2-09 readOnly meta", `{"op":"remove","path":"meta"}`, `error mutability`, ``},
		{"P-3.5.2.2-09 readOnly id", `{"op":"remove","path":"id"}`, `error mutability`, ``},
		{"P-3.5.2.2-09 S-4.1.2-07 readOnly groups", `{"op":"remove","path":"groups[value eq \"g\"]"}`, `error mutability`, ``},
		{"P-3.5.2.2-10 absent", `{"op":"remove","path":"title"},{"op":"remove","path":"title"}`, `same`, ``},
		{"P-3.5.2.2-10 absent sub-attribute", `{"op":"remove","path":"name.middleName"},{"op":"remove","path":"ims.value"}`, `same`, ``},
		{"P-3.5.2.2-11 AMB-14 no match", `{"op":"remove","path":"emails[type eq \"nope\"]"},{"op":"remove","path":"emails[type eq \"nope\"].value"}`, `same`, ``},
		{
			"P-3.5.2.2-12 AMB-15 a list of values", `{"op":"remove","path":"emails","value":[{"value":"A@acme.test"},{"value":"b@acme.test","type":"work"}]}`,
			`{"emails":[{"value":"b@acme.test","type":"home"}]}`, ``,
		},
		{"P-3.5.2.2-12 AMB-15 a value without its type", `{"op":"remove","path":"emails","value":[{"value":"a@acme.test"}]}`, `{"emails":[{"value":"b@acme.test","type":"home"}]}`, ``},
		{"P-3.5.2.2-12 AMB-15 the same value of another type stays", `{"op":"remove","path":"emails","value":[{"value":"a@acme.test","type":"home"}]}`, `same`, ``},
		{"P-3.5.2.2-12 AMB-15 an empty list removes nothing", `{"op":"remove","path":"emails","value":[]}`, `same`, ``},
		{"a value behind a simple path is ignored", `{"op":"remove","path":"displayName","value":"whatever"}`, `{"displayName":null}`, ``},
		{
			"P-3.5.2.2-13 extension attribute", `{"op":"remove","path":"` + enterprise + `:department"}`,
			`{"` + enterprise + `":{"manager":{"value":"m1"}}}`, ``,
		},
		{
			"P-3.5.2.2-13 last extension attribute", `{"op":"remove","path":"` + enterprise + `:department"},{"op":"remove","path":"` + enterprise + `:manager.value"}`,
			`{"` + enterprise + `":null}`, ``,
		},
		{"P-3.5.2.2-13 extension", `{"op":"remove","path":"` + strings.ToUpper(enterprise) + `"}`, `{"` + enterprise + `":null}`, ``},
		{"P-3.5.2.2-14 primary", `{"op":"remove","path":"emails[primary eq true]"}`, `{"emails":[{"value":"b@acme.test","type":"home"}]}`, ``},
		{"AMB-07 primary absent is false", `{"op":"remove","path":"emails[primary eq false]"}`, `{"emails":[{"value":"a@acme.test","type":"work","primary":true}]}`, ``},
		{"base schema", `{"op":"remove","path":"` + scim.UserSchema + `"}`, `error mutability`, ``},
	})
}

func TestReplace(t *testing.T) {
	runUserCases(t, []userCase{
		{
			"P-3.5.2.3-01 no path", `{"op":"replace","value":{"emails":[{"value":"c@acme.test"}],"nickName":"B"}}`,
			`{"nickName":"B","emails":[{"value":"c@acme.test"}]}`, ``,
		},
		{"P-3.5.2.3-02 simple", `{"op":"replace","path":"displayName","value":"A"}`, `{"displayName":"A"}`, ``},
		{"P-3.5.2.3-03 absent", `{"op":"replace","path":"title","value":"CTO"}`, `{"title":"CTO"}`, ``},
		{"P-3.5.2.3-04 F9 complex merges", `{"op":"replace","path":"name","value":{"familyName":"Mensah"}}`, `{"name":{"familyName":"Mensah","givenName":"Ada"}}`, ``},
		{"F9 null clears one sub-attribute", `{"op":"replace","path":"name","value":{"givenName":null}}`, `{"name":{"familyName":"Osei"}}`, ``},
		{"F9 all null", `{"op":"replace","value":{"name":{"givenName":null,"familyName":null}}}`, `{"name":null}`, ``},
		{"an empty object says nothing", `{"op":"replace","path":"name","value":{}}`, `same`, ``},
		{"P-3.5.2.3-05 sub-attribute", `{"op":"replace","path":"name.familyName","value":"Mensah"}`, `{"name":{"familyName":"Mensah","givenName":"Ada"}}`, ``},
		{"P-3.5.2.3-06 whole list", `{"op":"replace","path":"emails","value":[{"value":"c@acme.test"}]}`, `{"emails":[{"value":"c@acme.test"}]}`, ``},
		{
			"P-3.5.2.3-07 element swapped", `{"op":"replace","path":"addresses[type eq \"work\"]","value":{"type":"work","region":"Ashanti"}}`,
			`{"addresses":[{"type":"work","region":"Ashanti"}]}`, ``,
		},
		{
			"AMB-12 what the filter says stays where it is used to create", `{"op":"replace","path":"addresses[type eq \"work\"]","value":{"region":"Ashanti"}}`,
			`{"addresses":[{"type":"work","region":"Ashanti"}]}`, `{"addresses":[{"region":"Ashanti"}]}`,
		},
		{
			"AMB-12 null clears it all the same", `{"op":"replace","path":"addresses[type eq \"work\"]","value":{"region":"Ashanti","type":null}}`,
			`{"addresses":[{"region":"Ashanti"}]}`, ``,
		},
		{
			"P-3.5.2.3-07 several matches become one value", `{"op":"replace","path":"emails[value pr]","value":{"value":"c@acme.test","primary":true}}`,
			`{"emails":[{"value":"c@acme.test","primary":true}]}`, ``,
		},
		{"P-3.5.2.3-07 null removes matches", `{"op":"replace","path":"emails[type eq \"work\"]","value":null}`, `{"emails":[{"value":"b@acme.test","type":"home"}]}`, ``},
		{
			"P-3.5.2.3-08 sub-attribute of all matches", `{"op":"replace","path":"emails[value co \"acme\"].display","value":"D"}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":true,"display":"D"},{"value":"b@acme.test","type":"home","display":"D"}]}`, ``,
		},
		{
			"P-3.5.2.3-09 F8 no match", `{"op":"replace","path":"addresses[type eq \"zzz\"].locality","value":"Kumasi"}`,
			`{"addresses":[{"type":"work","locality":"Accra","country":"GH"},{"type":"zzz","locality":"Kumasi"}]}`, `error noTarget`,
		},
		{
			"P-3.5.2.3-10 primary moves", `{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":false},{"value":"b@acme.test","type":"home","primary":true}]}`, ``,
		},
		{
			"P-3.5.2-14 primary moves with an element", `{"op":"replace","path":"emails[type eq \"home\"]","value":{"type":"home","value":"c@acme.test","primary":true}}`,
			`{"emails":[{"value":"a@acme.test","type":"work","primary":false},{"value":"c@acme.test","type":"home","primary":true}]}`, ``,
		},
		{"P-3.5.2-14 two primaries", `{"op":"replace","path":"emails.primary","value":true}`, `error invalidValue`, ``},
		{"P-3.5.2.3-11 readOnly", `{"op":"replace","path":"meta.version","value":"x"}`, `error mutability`, ``},
		{"F10 readOnly path id", `{"op":"replace","path":"id","value":"x"}`, `error mutability`, ``},
		{"S-4.1.2-07 groups", `{"op":"replace","path":"groups","value":[]}`, `error mutability`, ``},
		{
			"P-3.5.2.3-12 AMB-19 F10 readOnly in a value", `{"op":"replace","value":{"id":"x","meta":{"version":"1"},"groups":[],"displayName":"n"}}`,
			`{"displayName":"n"}`, `error mutability`,
		},
		{
			"AMB-19 readOnly inside a complex value", `{"op":"replace","value":{"` + enterprise + `":{"manager":{"value":"m2","displayName":"x"}}}}`,
			`{"` + enterprise + `":{"department":"R&D","manager":{"value":"m2"}}}`, `error mutability`,
		},
		{"P-3.5.2.3-14 AMB-46 null", `{"op":"replace","path":"displayName","value":null}`, `{"displayName":null}`, ``},
		{"P-3.5.2.3-14 null, required", `{"op":"replace","value":{"userName":null}}`, `error mutability`, ``},
		{"required and blank", `{"op":"replace","path":"userName","value":""}`, `error invalidValue`, ``},
		{"P-3.5.2.3-15 no value", `{"op":"replace","path":"title"}`, `error invalidValue`, ``},
		{"P-3.5.2.3-16 empty list", `{"op":"replace","path":"emails","value":[]}`, `{"emails":null}`, ``},
		{
			"P-3.5.2.3-17 AMB-17 all elements", `{"op":"replace","path":"emails.type","value":"other"}`,
			`{"emails":[{"value":"a@acme.test","type":"other","primary":true},{"value":"b@acme.test","type":"other"}]}`, ``,
		},
		{"AMB-17 no elements", `{"op":"replace","path":"ims.value","value":"x"}`, `{"ims":[{"value":"x"}]}`, `error noTarget`},
		{"P-3.5.2.3-18 equal value", `{"op":"replace","path":"emails","value":[{"value":"a@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home"}]}`, `same`, ``},
		{"P-3.5.2.3-18 there and back", `{"op":"replace","path":"title","value":"x"},{"op":"remove","path":"title"}`, `same`, ``},
		{"P-3.5.2.3-20 F11 password", `{"op":"replace","path":"password","value":"s3cret"},{"op":"add","value":{"password":"s3cret"}},{"op":"remove","path":"password"}`, `same`, ``},
		{"F11 password of a wrong type", `{"op":"replace","path":"password","value":5}`, `error invalidValue`, ``},
		{
			"P-3.5.2.3-21 AMB-16 F5 keys that are paths",
			`{"op":"replace","value":{"displayName":"C","name.givenName":"Chidi","` + enterprise + `:department":"y","emails[type eq \"work\"].value":"c@acme.test"}}`,
			`{"displayName":"C","name":{"familyName":"Osei","givenName":"Chidi"},"` + enterprise + `":{"department":"y","manager":{"value":"m1"}},
			"emails":[{"value":"c@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home"}]}`,
			`{"displayName":"C"}`,
		},
		{"F5 a key that is a broken path", `{"op":"replace","value":{"emails[type eq].value":"c@acme.test"}}`, `error invalidPath`, `same`},
		{
			"P-3.5.2.3-22 extension container merged", `{"op":"replace","value":{"` + enterprise + `":{"department":"y"}}}`,
			`{"` + enterprise + `":{"department":"y","manager":{"value":"m1"}}}`, ``,
		},
		{
			"F9 null in an extension container", `{"op":"replace","value":{"` + enterprise + `":{"department":null,"costCenter":"CC-7"}}}`,
			`{"` + enterprise + `":{"costCenter":"CC-7","manager":{"value":"m1"}}}`, ``,
		},
		{"extension container null", `{"op":"replace","value":{"` + enterprise + `":null}}`, `{"` + enterprise + `":null}`, ``},
		{"base schema container", `{"op":"replace","value":{"` + scim.UserSchema + `":{"title":"CTO"}}}`, `{"title":"CTO"}`, ``},
	})
}

func TestDialects(t *testing.T) {
	manager := func(v string) string {
		return `{"` + enterprise + `":{"department":"R&D","manager":{"value":"` + v + `"}}}`
	}
	cleared := `{"` + enterprise + `":{"department":"R&D"}}`
	runUserCases(t, []userCase{
		{"F1 names in any case", `{"OP":"ADD","Path":"NICKNAME","VALUE":"N"}`, `{"nickName":"N"}`, ``},
		{"F1 sub-attribute with a capital", `{"op":"Replace","path":"emails[Type Eq \"work\"].Value","value":"c@acme.test"}`, `{"emails":[{"value":"c@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home"}]}`, ``},
		{"F2 string", `{"op":"Replace","path":"active","value":"False"}`, `{"active":false}`, `error invalidValue`},
		{"F2 array", `{"op":"replace","path":"active","value":[false]}`, `{"active":false}`, `error invalidValue`},
		{"F2 yes is not true", `{"op":"replace","path":"active","value":"yes"}`, `error invalidValue`, ``},
		{"F6 path", `{"op":"replace","path":"department","value":"y"}`, `{"` + enterprise + `":{"department":"y","manager":{"value":"m1"}}}`, `error invalidPath`},
		{"F6 key", `{"op":"replace","value":{"department":"y"}}`, `{"` + enterprise + `":{"department":"y","manager":{"value":"m1"}}}`, `same`},
		{"F7 string", `{"op":"Add","path":"` + enterprise + `:manager","value":"m2"}`, manager("m2"), `error invalidValue`},
		{"F7 array", `{"op":"Add","path":"manager","value":[{"$ref":"https://h/scim/v2/Users/m2","value":"m2"}]}`, manager("m2"), `error invalidPath`},
		{"F7 object", `{"op":"replace","path":"` + enterprise + `:manager","value":{"value":"m2"}}`, manager("m2"), ``},
		{"F7 1.x", `{"op":"replace","path":"` + enterprise + `:manager","value":{"managerId":"m2"}}`, manager("m2"), `error invalidValue`},
		{"F7 blank clears", `{"op":"Replace","path":"` + enterprise + `:manager","value":""}`, cleared, `error invalidValue`},
		{"F7 null clears", `{"op":"replace","path":"` + enterprise + `:manager","value":null}`, cleared, ``},
		{"F7 null id clears", `{"op":"replace","path":"` + enterprise + `:manager","value":{"value":null}}`, cleared, ``},
		{"F7 1.x blank clears", `{"op":"replace","value":{"` + enterprise + `":{"manager":{"managerId":"","displayName":" "}}}}`, cleared, `error invalidValue`},
		{"F7 a name alone says nothing", `{"op":"replace","path":"` + enterprise + `:manager","value":{"displayName":"Bob"}}`, `same`, `error mutability`},
		{"F13 one object for a list", `{"op":"replace","path":"emails","value":{"value":"c@acme.test"}}`, `{"emails":[{"value":"c@acme.test"}]}`, ``},
		{"F13 a list for one element", `{"op":"replace","path":"emails[type eq \"work\"]","value":[{"type":"work","value":"c@acme.test"}]}`, `{"emails":[{"type":"work","value":"c@acme.test"},{"value":"b@acme.test","type":"home"}]}`, `error invalidValue`},
		{"AMB-24 roles as strings", `{"op":"add","path":"roles","value":["admin"]}`, `{"roles":[{"value":"admin"}]}`, `error invalidValue`},
		{"AMB-44 filter without quotes", `{"op":"remove","path":"emails[type eq home]"}`, `{"emails":[{"value":"a@acme.test","type":"work","primary":true}]}`, `error invalidPath`},
		{"AMB-47 add an unknown schema", `{"op":"add","path":"schemas","value":["urn:x:y"]}`, `same`, `error invalidValue`},
		{"AMB-47 add a known schema", `{"op":"add","path":"schemas","value":["` + enterprise + `"]}`, `same`, ``},
		{"AMB-47 remove an extension", `{"op":"remove","path":"schemas[value eq \"` + enterprise + `\"]"}`, `same`, `{"` + enterprise + `":null}`},
		{"AMB-47 remove an extension by value", `{"op":"remove","path":"schemas","value":["` + enterprise + `"]}`, `same`, `{"` + enterprise + `":null}`},
		{"AMB-47 remove all", `{"op":"remove","path":"schemas"}`, `same`, `error mutability`},
		{"AMB-47 replace without the base", `{"op":"replace","value":{"schemas":["` + enterprise + `"]}}`, `same`, `error mutability`},
		{"AMB-47 replace without the extension", `{"op":"replace","value":{"schemas":["` + scim.UserSchema + `"]}}`, `same`, `{"` + enterprise + `":null}`},
		{"AMB-47 replace with the same", `{"op":"replace","value":{"schemas":["` + scim.UserSchema + `","` + enterprise + `"]}}`, `same`, ``},
		{
			"Entra ID, a mover", `{"op":"Replace","path":"displayName","value":"Ada Mensah"},{"op":"Replace","path":"emails[type eq \"work\"].value","value":"m@acme.test"},
			{"op":"Replace","path":"name.familyName","value":"Mensah"},{"op":"Replace","path":"` + enterprise + `:department","value":"Platform"},
			{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"5555550100"}`,
			`{"displayName":"Ada Mensah","name":{"familyName":"Mensah","givenName":"Ada"},"phoneNumbers":[{"type":"mobile","value":"5555550100"}],
			"emails":[{"value":"m@acme.test","type":"work","primary":true},{"value":"b@acme.test","type":"home"}],"` + enterprise + `":{"department":"Platform","manager":{"value":"m1"}}}`,
			`error noTarget`,
		},
		{"Okta, deactivate", `{"op":"replace","value":{"active":false}}`, `{"active":false}`, ``},
		{"JumpCloud, one attribute each", `{"op":"replace","path":"name.givenName","value":"Jonathan"},{"op":"replace","path":"active","value":true}`, `{"name":{"familyName":"Osei","givenName":"Jonathan"}}`, ``},
	})
}

func TestOrderAndAtomicity(t *testing.T) {
	runUserCases(t, []userCase{
		{
			"P-3.5.2-13 one after the other",
			`{"op":"replace","path":"title","value":"A"},{"op":"remove","path":"title"},{"op":"add","path":"title","value":"B"}`, `{"title":"B"}`, ``,
		},
		{"P-3.5.2-15 F23 the last one fails", `{"op":"replace","path":"title","value":"A"},{"op":"replace","path":"emails[type eq \"x\" or type eq \"y\"].value","value":"z"}`, `error noTarget`, ``},
		{"P-3.5.2-04 array index", `{"op":"replace","path":"emails[0].value","value":"x"}`, `error invalidPath`, ``},
		{"P-3.5.2-05 bad filter", `{"op":"remove","path":"emails[nope eq \"x\"]"}`, `error invalidFilter`, ``},
		{"P-3.5.2-05 filter on a single value", `{"op":"remove","path":"name[givenName eq \"Ada\"]"}`, `error invalidPath`, ``},
		{"P-3.5.2-05 empty path", `{"op":"replace","path":"","value":{}}`, `error invalidPath`, ``},
		{"TestSec_C11 prototype", `{"op":"add","path":"__proto__.x","value":"x"}`, `error invalidPath`, ``},
		{"TestSec_C11 unknown URN", `{"op":"add","path":"urn:x:y:z","value":"x"}`, `error invalidPath`, ``},
		{"TestSec_C11 unknown keys", `{"op":"add","value":{"__proto__":{"x":1},"a.b.c.d":1,"urn:x:y:z":{"q":1}}}`, `same`, ``},
	})
}

func TestEnvelope(t *testing.T) {
	const op = `[{"op":"add","path":"title","value":"x"}]`
	const urn = `["` + scim.PatchOpMessage + `"]`
	tests := []struct {
		name, body     string
		compat, strict string // scimType of the error, empty: accepted
	}{
		{"complete", `{"schemas":` + urn + `,"Operations":` + op + `}`, "", ""},
		{"F1 operations in lower case", `{"SCHEMAS":` + urn + `,"operations":` + op + `}`, "", ""},
		{"P-3.5.2-01 AMB-01 F13 no schemas", `{"Operations":` + op + `}`, "", "invalidSyntax"},
		{"P-3.5.2-01 null schemas", `{"schemas":null,"Operations":` + op + `}`, "", "invalidSyntax"},
		{"P-3.5.2-01 wrong schemas", `{"schemas":["` + scim.UserSchema + `"],"Operations":` + op + `}`, "", "invalidSyntax"},
		{"P-3.5.2-01 URN in another case", `{"schemas":["` + strings.ToUpper(scim.PatchOpMessage) + `"],"Operations":` + op + `}`, "", ""},
		{"P-3.5.2-02 no operations", `{"schemas":` + urn + `}`, "invalidSyntax", "invalidSyntax"},
		{"P-3.5.2-02 empty operations", `{"schemas":` + urn + `,"Operations":[]}`, "invalidSyntax", "invalidSyntax"},
		{"P-3.5.2-02 operations an object", `{"schemas":` + urn + `,"Operations":{"op":"remove","path":"title"}}`, "invalidSyntax", "invalidSyntax"},
		{"P-3.5.2-02 operation a string", `{"schemas":` + urn + `,"Operations":["remove"]}`, "invalidSyntax", "invalidSyntax"},
		{"P-3.5.2-03 AMB-18 Add", `{"schemas":` + urn + `,"Operations":[{"op":"ADD","path":"title","value":"x"}]}`, "", ""},
		{"P-3.5.2-03 move", `{"schemas":` + urn + `,"Operations":[{"op":"move","path":"title"}]}`, "invalidSyntax", "invalidSyntax"},
		{"P-3.5.2-03 no op", `{"schemas":` + urn + `,"Operations":[{"path":"title"}]}`, "invalidSyntax", "invalidSyntax"},
		{"P-3.5.2-05 path a number", `{"schemas":` + urn + `,"Operations":[{"op":"remove","path":5}]}`, "invalidPath", "invalidPath"},
		{"C02 long s is no s", `{"ſchemas":` + urn + `,"Operationſ":` + op + `}`, "invalidSyntax", "invalidSyntax"},
		{"an array", `[]`, "invalidSyntax", "invalidSyntax"},
		{"null", `null`, "invalidSyntax", "invalidSyntax"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, err := schema.Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			for profile, want := range map[string]string{"compat": tt.compat, "strict": tt.strict} {
				p, _ := scim.ProfileByName(profile)
				_, err := patch.New(body, core.Type("User"), scim.NewDialect(p), 0)
				got := ""
				if e := scim.AsError(err); e != nil {
					got = string(e.Type)
				}
				if got != want {
					t.Errorf("%s: got %v, want %q", profile, err, want)
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	user := core.Type("User")
	ops := func(n int, op string) string { return strings.TrimSuffix(strings.Repeat(op+",", n), ",") }
	t.Run("P-3.5.2-23 operations", func(t *testing.T) {
		const op = `{"op":"add","path":"title","value":"x"}`
		if _, err := newPatch(t, user, nil, ops(1000, op)); err != nil {
			t.Error(err)
		}
		if _, err := newPatch(t, user, nil, ops(1001, op)); scim.AsError(err) == nil || scim.AsError(err).Status != 413 {
			t.Errorf("got %v, want 413", err)
		}
	})
	t.Run("work of one request", func(t *testing.T) {
		terms := `type eq \"a\"` + strings.Repeat(` or type eq \"a\"`, 200)
		many := strings.TrimSuffix(strings.Repeat(`{"value":"x","type":"t"},`, 900), ",")
		for i := strings.Index(many, `"x"`); i >= 0; i = strings.Index(many, `"x"`) {
			many = many[:i] + `"` + string(rune('a'+i%26)) + strings.Repeat("i", i%97) + strings.Repeat("k", i/97%97) + `"` + many[i+3:]
		}
		cur := document(t, user, `{"schemas":["`+scim.UserSchema+`"],"userName":"u","roles":[`+many+`]}`)
		p, err := newPatch(t, user, nil, ops(100, `{"op":"remove","path":"roles[`+terms+`]"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Apply(cur); scim.AsError(err) == nil || scim.AsError(err).Status != 413 {
			t.Errorf("got %v, want 413", err)
		}
	})
}

// The number of the operation and the quoted path tell a client what to mend.
func TestErrorsSayWhere(t *testing.T) {
	tests := []struct{ operations, want string }{
		{`{"op":"remove","path":"title"},{"op":"replace","path":"nope\n","value":1}`, `operation 2: path at position 5: expected the end of the path, found "\n"`},
		{`{"op":"replace","path":"active","value":"maybe"}`, `operation 1: active must be true or false, not a string`},
		{`{"op":"replace","path":"phoneNumbers[type eq \"fax\"].value","value":"1"}`, `operation 1: no value of phoneNumbers matches "phoneNumbers[type eq \"fax\"].value"`},
	}
	for _, tt := range tests {
		p, err := newPatch(t, core.Type("User"), nil, tt.operations)
		if err == nil {
			_, err = p.Apply(document(t, core.Type("User"), ada))
		}
		if e := scim.AsError(err); e == nil || e.Detail != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

// Each use of a switch is counted, and nothing is counted that strict would have taken too.
func TestSwitchesAreCounted(t *testing.T) {
	tests := []struct {
		operations string
		want       []scim.Switch
	}{
		{`{"op":"Replace","path":"name.familyName","value":"x"},{"op":"add","path":"title","value":"x"}`, nil},
		{`{"op":"replace","path":"active","value":"True"}`, []scim.Switch{scim.StringBooleans}},
		{`{"op":"replace","path":"manager","value":"m"}`, []scim.Switch{scim.BareExtension, scim.LooseReference}},
		{`{"op":"replace","value":{"name.givenName":"x"}}`, []scim.Switch{scim.DottedKeys}},
		{`{"op":"add","path":"ims[type eq \"x\"].value","value":"x"}`, []scim.Switch{scim.CreateByFilter}},
		{`{"op":"replace","value":{"id":"x","foo":1}}`, []scim.Switch{scim.IgnoreReadOnly, scim.UnknownAttributes}},
		{`{"op":"replace","value":{"schemas":["x"]}}`, []scim.Switch{scim.IgnoreSchemasPatch}},
	}
	for _, tt := range tests {
		d := compat()
		apply(t, core.Type("User"), d, document(t, core.Type("User"), ada), tt.operations)
		got := slices.Collect(d.Used().All())
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.operations, got, tt.want)
		}
	}
}
