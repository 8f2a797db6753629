package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// patchCase is a check that sends one PATCH to a user of its own.
type patchCase struct {
	name  string
	rows  []string
	title string
	user  Object   // what the user has before
	ops   []Object // what is sent
	has   Object   // what is at these paths afterwards
	lacks []string // what is not there afterwards
	// refused is the scimType of the 400 that is due instead; "any" leaves it open.
	refused string
	// or is what is to be said where the provider carries out what should be refused, or refuses what it may: then it
	// is a warning.
	or string
	// still says that nothing changes: neither the resource nor its lastModified.
	still bool
}

func (c patchCase) check() *Check {
	return &Check{Name: "patch/" + c.name, Rows: c.rows, Title: c.title, Fix: c.fix(), Run: c.run}
}

func (c patchCase) fix() string {
	if c.refused != "" {
		return "Refuse it with 400, and change nothing."
	}
	return "Follow RFC 7644 §3.5.2 for " + describe(c.ops) + "."
}

// describe names operations for people.
func describe(ops []Object) string {
	parts := make([]string, len(ops))
	for i, op := range ops {
		parts[i] = fmt.Sprint(op["op"])
		if p, ok := op["path"].(string); ok {
			parts[i] += " of " + p
		}
	}
	return strings.Join(parts, ", then ")
}

func (c patchCase) run(t *T) {
	t.NeedPatch()
	if c.extended() {
		t.NeedEnterprise()
	}
	u := t.User(c.user)
	before := t.Get(u.Path()).Is(200)
	a := t.Patch(u.Path(), c.ops...)
	after := t.Get(u.Path()).Is(200)
	if c.refused != "" && a.Status >= 300 {
		want := c.refused
		if want == "any" {
			want = ""
		}
		a.Refused(want, 400)
		c.same(t, before, after)
		return
	}
	if c.refused != "" {
		if c.refused == "mutability" && c.or == "" && c.ops[0]["op"] != "remove" && encode(without(before.Body, "meta")) == encode(without(after.Body, "meta")) &&
			before.At("meta/version") == after.At("meta/version") {
			t.Warnf("it was answered with %d and ignored; refuse it, so that the client knows", a.Status)
			return
		}
		if c.or == "" {
			t.Failf("it was carried out, with status %d", a.Status)
		}
		t.Warnf("%s", c.or)
		return
	}
	if a.Status >= 400 && c.or != "" {
		t.Warnf("%s", c.or)
		c.same(t, before, after)
		return
	}
	a.Is(200, 204)
	for _, path := range slices.Sorted(keys(c.has)) {
		after.Has(path, c.has[path])
	}
	for _, path := range c.lacks {
		after.Lacks(path)
	}
	if c.still {
		c.same(t, before, after)
	}
}

func (c patchCase) extended() bool {
	if c.user[enterprise] != nil {
		return true
	}
	for _, op := range c.ops {
		if p, ok := op["path"].(string); ok && len(p) > len(enterprise) && p[:len(enterprise)] == enterprise || op["path"] == enterprise {
			return true
		}
		if v, ok := op["value"].(Object); ok {
			for name := range v {
				if len(name) >= len(enterprise) && name[:len(enterprise)] == enterprise {
					return true
				}
			}
		}
	}
	return false
}

// same checks that nothing changed.
func (c patchCase) same(t *T, before, after *Answer) {
	one, two := encode(without(before.Body, "meta")), encode(without(after.Body, "meta"))
	if one != two {
		t.Errorf("the resource is another one afterwards")
		return
	}
	if before.At("meta/lastModified") != after.At("meta/lastModified") || before.At("meta/version") != after.At("meta/version") {
		t.Warnf("lastModified or version moved although nothing changed")
	}
}

func without(o Object, name string) Object {
	out := Object{}
	for k, v := range o {
		if k != name {
			out[k] = v
		}
	}
	return out
}

func keys(o Object) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range o {
			if !yield(k) {
				return
			}
		}
	}
}

func email(value, typ string, more ...any) Object {
	o := Object{"value": value, "type": typ}
	for pair := range slices.Chunk(more, 2) {
		o[pair[0].(string)] = pair[1]
	}
	return o
}

var named = Object{"name": Object{"givenName": "G", "familyName": "F"}}

var twoMails = Object{"emails": []any{email("w@example.com", "work", "primary", true), email("h@example.com", "home")}}

var patchCases = []patchCase{
	{name: "add-single", rows: []string{"P-3.5.2.1-04"}, title: "add sets a single attribute.", ops: []Object{Op("add", "title", "T")}, has: Object{"title": "T"}},
	{name: "add-single-again", rows: []string{"P-3.5.2.1-05"}, title: "add replaces a single attribute that is set.", user: Object{"title": "S"}, ops: []Object{Op("add", "title", "T")}, has: Object{"title": "T"}},
	{name: "add-without-value", rows: []string{"P-3.5.2.1-01"}, title: "add without a value is refused.", ops: []Object{Op("add", "title", nil)}, refused: "any"},
	{
		name: "add-without-path", rows: []string{"P-3.5.2.1-02"}, title: "add without a path adds each member of its value by its own rule.",
		user: Object{"nickName": "N", "emails": []any{email("w@example.com", "work")}, "name": Object{"familyName": "F"}},
		ops:  []Object{Op("add", "", Object{"nickName": "M", "emails": []any{email("h@example.com", "home")}, "name": Object{"givenName": "G"}})},
		has:  Object{"nickName": "M", "emails/0/value": "w@example.com", "emails/1/value": "h@example.com", "name/familyName": "F", "name/givenName": "G"},
	},
	{name: "add-without-path-text", rows: []string{"P-3.5.2.1-03"}, title: "add without a path needs an object.", ops: []Object{Op("add", "", "x")}, refused: "any"},
	{name: "add-complex", rows: []string{"P-3.5.2.1-06"}, title: "add of a complex attribute keeps the sub-attributes that it does not name.", user: Object{"name": Object{"familyName": "F"}}, ops: []Object{Op("add", "name", Object{"givenName": "G"})}, has: Object{"name/givenName": "G", "name/familyName": "F"}},
	{name: "add-complex-text", rows: []string{"P-3.5.2.1-06"}, title: "A complex attribute takes no text.", ops: []Object{Op("add", "name", "x")}, refused: "any"},
	{name: "add-sub-attribute", rows: []string{"P-3.5.2.1-07"}, title: "add of a sub-attribute makes its parent.", ops: []Object{Op("add", "name.givenName", "G")}, has: Object{"name/givenName": "G"}},
	{name: "add-to-list", rows: []string{"P-3.5.2.1-08"}, title: "add appends to a list, given as an array.", user: Object{"emails": []any{email("w@example.com", "work")}}, ops: []Object{Op("add", "emails", []any{email("h@example.com", "home")})}, has: Object{"emails/0/value": "w@example.com", "emails/1/value": "h@example.com"}},
	{name: "add-one-to-list", rows: []string{"P-3.5.2.1-08"}, title: "add appends a single object to a list.", user: Object{"emails": []any{email("w@example.com", "work")}}, ops: []Object{Op("add", "emails", email("h@example.com", "home"))}, has: Object{"emails/1/value": "h@example.com"}, or: "a single object is refused; some clients send it"},
	{name: "add-what-is-there", rows: []string{"P-3.5.2.1-09", "S-3.1-18"}, title: "add of a value that is there already changes nothing, not even lastModified.", user: twoMails, ops: []Object{Op("add", "emails", []any{email("h@example.com", "home")})}, still: true},
	{name: "add-by-filter", rows: []string{"P-3.5.2.1-11"}, title: "add to the elements that a filter names merges into them.", user: twoMails, ops: []Object{Op("add", `emails[type eq "home"]`, Object{"display": "D"})}, has: Object{"emails/1/display": "D", "emails/1/value": "h@example.com"}, or: "add with a value filter is refused"},
	{name: "add-sub-by-filter", rows: []string{"P-3.5.2.1-12"}, title: "add of a sub-attribute sets it in every element that the filter names.", user: twoMails, ops: []Object{Op("add", `emails[type eq "home"].display`, "D")}, has: Object{"emails/1/display": "D"}, or: "add with a value filter is refused"},
	{name: "add-by-filter-no-match", rows: []string{"P-3.5.2.1-13"}, title: "add through a filter that matches nothing is refused with noTarget, or makes the element as Entra ID expects.", ops: []Object{Op("add", `emails[type eq "work"].value`, "n@example.com")}, refused: "noTarget", or: "it made the element; Entra ID expects that"},
	{name: "add-extension", rows: []string{"P-3.5.2.1-14", "S-4.3-01"}, title: "add of an extension attribute by its URN makes the container.", ops: []Object{Op("add", enterprise+":department", "D")}, has: Object{enterprise + "/department": "D"}},
	{name: "add-extension-object", rows: []string{"P-3.5.2.1-15"}, title: "add with the URN of an extension as path merges into it.", user: Object{enterprise: Object{"division": "V"}}, ops: []Object{Op("add", enterprise, Object{"department": "D"})}, has: Object{enterprise + "/department": "D", enterprise + "/division": "V"}, or: "the URN of an extension is refused as a path"},
	{name: "add-read-only", rows: []string{"P-3.5.2.1-16", "S-4.1.2-07", "P-3.5.2-08"}, title: "add of a readOnly attribute is refused with mutability.", ops: []Object{Op("add", "groups", []any{Object{"value": "x"}})}, refused: "mutability"},
	{name: "add-unknown", rows: []string{"P-3.5.2.1-17"}, title: "add to an attribute that does not exist is refused.", ops: []Object{Op("add", "noSuchThing", "x")}, refused: "any"},
	{name: "add-wrong-type", rows: []string{"P-3.5.2.1-18"}, title: "add of a value of the wrong type is refused.", ops: []Object{Op("add", "active", "sometimes")}, refused: "any"},
	{name: "add-primary", rows: []string{"P-3.5.2-14"}, title: "A new primary element takes primary from the old one.", user: twoMails, ops: []Object{Op("add", "emails", []any{email("n@example.com", "other", "primary", true)})}, has: Object{"emails/2/primary": true}, lacks: nil},

	{name: "remove-without-path", rows: []string{"P-3.5.2.2-01"}, title: "remove without a path is refused with noTarget.", user: Object{"title": "T"}, ops: []Object{Op("remove", "", nil)}, refused: "noTarget"},
	{name: "remove-single", rows: []string{"P-3.5.2.2-02"}, title: "remove takes a single attribute away.", user: Object{"nickName": "N", "title": "T"}, ops: []Object{Op("remove", "nickName", nil)}, has: Object{"title": "T"}, lacks: []string{"nickName"}},
	{name: "remove-complex", rows: []string{"P-3.5.2.2-03"}, title: "remove takes a whole complex attribute away.", user: named, ops: []Object{Op("remove", "name", nil)}, lacks: []string{"name/givenName", "name/familyName"}},
	{name: "remove-sub-attribute", rows: []string{"P-3.5.2.2-04"}, title: "remove of a sub-attribute leaves the others.", user: named, ops: []Object{Op("remove", "name.givenName", nil)}, has: Object{"name/familyName": "F"}, lacks: []string{"name/givenName"}},
	{name: "remove-list", rows: []string{"P-3.5.2.2-05"}, title: "remove of a list takes all its values away.", user: twoMails, ops: []Object{Op("remove", "emails", nil)}, lacks: []string{"emails"}},
	{name: "remove-by-filter", rows: []string{"P-3.5.2.2-06"}, title: "remove with a filter takes the elements away that match.", user: twoMails, ops: []Object{Op("remove", `emails[type eq "work"]`, nil)}, has: Object{"emails/0/value": "h@example.com"}, lacks: []string{"emails/1"}},
	{name: "remove-all-by-filter", rows: []string{"P-3.5.2.2-06"}, title: "When no element is left the attribute is unassigned.", user: twoMails, ops: []Object{Op("remove", `emails[value co "@example.com"]`, nil)}, lacks: []string{"emails"}},
	{name: "remove-sub-by-filter", rows: []string{"P-3.5.2.2-07"}, title: "remove of a sub-attribute takes it from the elements that match.", user: Object{"phoneNumbers": []any{Object{"value": "1", "type": "work", "display": "D"}}}, ops: []Object{Op("remove", `phoneNumbers[type eq "work"].display`, nil)}, has: Object{"phoneNumbers/0/value": "1"}, lacks: []string{"phoneNumbers/0/display"}},
	{name: "remove-read-only", rows: []string{"P-3.5.2.2-09"}, title: "remove of a readOnly attribute is refused with mutability.", ops: []Object{Op("remove", "meta", nil)}, refused: "mutability"},
	{name: "remove-id", rows: []string{"P-3.5.2.2-09"}, title: "remove of id is refused with mutability.", ops: []Object{Op("remove", "id", nil)}, refused: "mutability"},
	{name: "remove-absent", rows: []string{"P-3.5.2.2-10", "P-3.5.2.2-17"}, title: "remove of what is not there changes nothing.", ops: []Object{Op("remove", "title", nil)}, still: true, or: "remove of an absent attribute is refused"},
	{name: "remove-required", rows: []string{"AMB-45", "P-3.5.2-21"}, title: "A required attribute cannot be removed.", ops: []Object{Op("remove", "userName", nil)}, refused: "any"},
	{name: "remove-extension", rows: []string{"P-3.5.2.2-13", "S-3.3-04"}, title: "With its last attribute the container of an extension goes.", user: Object{enterprise: Object{"department": "D"}}, ops: []Object{Op("remove", enterprise+":department", nil)}, lacks: []string{enterprise + "/department"}},
	{name: "remove-primary", rows: []string{"P-3.5.2.2-14"}, title: "When the primary element goes, no other becomes primary by itself.", user: twoMails, ops: []Object{Op("remove", `emails[primary eq true]`, nil)}, has: Object{"emails/0/value": "h@example.com"}},

	{name: "replace-single", rows: []string{"P-3.5.2.3-02"}, title: "replace changes a single attribute.", user: Object{"displayName": "A"}, ops: []Object{Op("replace", "displayName", "B")}, has: Object{"displayName": "B"}},
	{name: "replace-absent", rows: []string{"P-3.5.2.3-03"}, title: "replace of what is not there adds it.", ops: []Object{Op("replace", "title", "T")}, has: Object{"title": "T"}},
	{name: "replace-complex", rows: []string{"P-3.5.2.3-04"}, title: "replace of a complex attribute keeps the sub-attributes that it does not name.", user: named, ops: []Object{Op("replace", "name", Object{"familyName": "H"})}, has: Object{"name/familyName": "H", "name/givenName": "G"}},
	{name: "replace-sub-attribute", rows: []string{"P-3.5.2.3-05"}, title: "replace of a sub-attribute changes it alone.", user: named, ops: []Object{Op("replace", "name.familyName", "H")}, has: Object{"name/familyName": "H", "name/givenName": "G"}},
	{name: "replace-list", rows: []string{"P-3.5.2.3-06"}, title: "replace of a list replaces all of it.", user: twoMails, ops: []Object{Op("replace", "emails", []any{email("n@example.com", "other")})}, has: Object{"emails/0/value": "n@example.com"}, lacks: []string{"emails/1"}},
	{name: "replace-by-filter", rows: []string{"P-3.5.2.3-07"}, title: "replace with a filter replaces what matches.", user: twoMails, ops: []Object{Op("replace", `emails[type eq "home"]`, email("n@example.com", "home"))}, has: Object{"emails/1/value": "n@example.com", "emails/0/value": "w@example.com"}},
	{name: "replace-sub-by-filter", rows: []string{"P-3.5.2.3-08"}, title: "replace of a sub-attribute with a filter changes it in what matches.", user: twoMails, ops: []Object{Op("replace", `emails[type eq "home"].value`, "n@example.com")}, has: Object{"emails/1/value": "n@example.com", "emails/0/value": "w@example.com"}},
	{name: "replace-by-filter-no-match", rows: []string{"P-3.5.2.3-09"}, title: "replace through a filter that matches nothing is refused with noTarget, or makes the element as Entra ID expects.", ops: []Object{Op("replace", `addresses[type eq "work"].locality`, "Berlin")}, refused: "noTarget", or: "it made the element; Entra ID expects that"},
	{name: "replace-primary", rows: []string{"P-3.5.2.3-10", "P-3.5.2-14"}, title: "Setting primary on one element takes it from the others.", user: twoMails, ops: []Object{Op("replace", `emails[type eq "home"].primary`, true)}, has: Object{"emails/1/primary": true}},
	{name: "replace-read-only", rows: []string{"P-3.5.2.3-11"}, title: "replace of a readOnly attribute is refused with mutability.", ops: []Object{Op("replace", "meta.version", "x")}, refused: "mutability"},
	{name: "replace-null", rows: []string{"P-3.5.2.3-14", "AMB-46"}, title: "replace by null removes.", user: Object{"title": "T"}, ops: []Object{{"op": "replace", "path": "title", "value": nil}}, lacks: []string{"title"}, or: "null is refused"},
	{name: "replace-without-value", rows: []string{"P-3.5.2.3-15"}, title: "replace without a value is refused.", user: Object{"title": "T"}, ops: []Object{Op("replace", "title", nil)}, refused: "any", or: "it is carried out; say what it should mean"},
	{name: "replace-empty-list", rows: []string{"P-3.5.2.3-16"}, title: "replace by an empty list removes all values.", user: twoMails, ops: []Object{Op("replace", "emails", []any{})}, lacks: []string{"emails"}},
	{name: "replace-in-all", rows: []string{"P-3.5.2.3-17", "AMB-17"}, title: "A sub-attribute of a list without a filter means all elements, or is refused.", user: twoMails, ops: []Object{Op("replace", "emails.display", "D")}, has: Object{"emails/0/display": "D", "emails/1/display": "D"}, or: "a sub-attribute of a list without a filter is refused"},
	{name: "replace-equal", rows: []string{"P-3.5.2.3-18"}, title: "replace by the same value changes nothing.", user: Object{"title": "T"}, ops: []Object{Op("replace", "title", "T")}, still: true},
	{name: "replace-password", rows: []string{"P-3.5.2.3-20", "S-7-10", "S-7-12"}, title: "A password can be set or is refused, and is shown by nothing.", ops: []Object{Op("replace", "password", "correct-Horse-8-battery")}, lacks: []string{"password"}, or: "a password is refused"},
	{name: "replace-dotted-keys", rows: []string{"P-3.5.2.3-21", "AMB-16"}, title: "Keys with dots in a value without path are taken for paths, as Entra ID sends them, or refused or ignored.", user: named, ops: []Object{Op("replace", "", Object{"name.givenName": "H"})}, has: Object{"name/familyName": "F"}, or: "keys with dots are refused; Entra ID sends them"},
	{name: "replace-extension-container", rows: []string{"P-3.5.2.3-22"}, title: "The container of an extension in a value without path is merged.", user: Object{enterprise: Object{"division": "V"}}, ops: []Object{Op("replace", "", Object{enterprise: Object{"department": "D"}})}, has: Object{enterprise + "/department": "D", enterprise + "/division": "V"}},
	{name: "replace-same-id", rows: []string{"P-3.5.2.3-12", "AMB-19"}, title: "An id beside other members of a value is refused, or ignored as Okta needs it.", user: Object{"displayName": "A"}, ops: []Object{Op("replace", "", Object{"displayName": "B", "id": "x"})}, refused: "mutability", or: "it was ignored; Okta needs that"},

	{name: "in-order", rows: []string{"P-3.5.2-13"}, title: "Operations run in order, each on what the one before it left.", ops: []Object{Op("replace", "title", "A"), Op("remove", "title", nil), Op("add", "title", "B")}, has: Object{"title": "B"}},
	{name: "all-or-nothing", rows: []string{"P-3.5.2-15"}, title: "If one operation fails, none happened.", user: Object{"title": "A"}, ops: []Object{Op("replace", "title", "B"), Op("remove", "", nil)}, refused: "any"},
	{name: "unknown-op", rows: []string{"P-3.5.2-03"}, title: "An op that is not add, remove or replace is refused.", ops: []Object{Op("move", "title", "T")}, refused: "any"},
	{name: "op-in-capitals", rows: []string{"AMB-18"}, title: "op is taken in any case, as Entra ID sends it.", ops: []Object{Op("Replace", "title", "T")}, has: Object{"title": "T"}, or: "op in capitals is refused; Entra ID sends it"},
	{name: "array-index", rows: []string{"P-3.5.2-04"}, title: "A path with an array index is refused.", user: twoMails, ops: []Object{Op("replace", "emails[0].value", "x@example.com")}, refused: "any"},
	{name: "malformed-path", rows: []string{"P-3.5.2-05"}, title: "A malformed path is refused.", user: twoMails, ops: []Object{Op("replace", `emails[type eq`, "x")}, refused: "any"},
	{name: "malformed-filter", rows: []string{"P-3.5.2-05"}, title: "A malformed filter in a path is refused.", user: twoMails, ops: []Object{Op("replace", `emails[type resembles "work"].value`, "x@example.com")}, refused: "any"},
	{name: "unqualified-extension", rows: []string{"AMB-48"}, title: "An extension attribute without its URN is refused, or found as Entra ID needs it.", ops: []Object{Op("add", "department", "D")}, refused: "any", or: "department was found without its URN; Entra ID sends it so"},
}

func patchTable() []*Check {
	list := make([]*Check, 0, len(patchCases))
	for _, c := range patchCases {
		list = append(list, c.check())
	}
	return append(list,
		&Check{
			Name: "patch/one-primary", Rows: []string{"P-3.5.2-14", "P-3.5.2.3-10"},
			Title: "After a PATCH exactly one element is primary.",
			Fix:   "Set primary to false on the others.",
			Run: func(t *T) {
				t.NeedPatch()
				u := t.User(twoMails)
				for _, op := range []Object{
					Op("add", "emails", []any{email("n@example.com", "other", "primary", true)}), Op("replace", `emails[type eq "home"].primary`, true),
				} {
					n := 0
					for _, e := range t.Patched(u.Path(), op).Elements("emails") {
						if e["primary"] == true {
							n++
						}
					}
					if n != 1 {
						t.Errorf("after %s %d elements are primary", describe([]Object{op}), n)
					}
				}
			},
		},
		&Check{
			Name: "patch/message", Rows: []string{"P-3.5.2-01", "P-3.5.2-02"},
			Title: "A PATCH without operations, or without its schema, is refused.",
			Fix:   "Check schemas and Operations of the message.",
			Run: func(t *T) {
				t.NeedPatch()
				u := t.User(nil)
				for _, body := range []Object{
					{"schemas": []any{patchURN}},
					{"schemas": []any{patchURN}, "Operations": []any{}},
					{"schemas": []any{patchURN}, "Operations": "x"},
				} {
					if a := t.Do("PATCH", u.Path(), body); a.Status < 300 {
						t.Errorf("%s was accepted", encode(body))
					} else {
						a.Refused("", 400)
					}
				}
				a := t.Do("PATCH", u.Path(), Object{"schemas": []any{userURN}, "Operations": []any{Op("replace", "title", "T")}})
				if a.Status < 300 {
					t.Warnf("a message of another schema was accepted")
				}
				if b := t.Do("PATCH", u.Path(), Object{"Operations": []any{Op("replace", "title", "T")}}); b.Status < 300 {
					t.Warnf("a message without schemas was accepted")
				}
			},
		},
		&Check{
			Name: "patch/attributes", Rows: []string{"P-3.5.2-18", "P-3.5.2-17", "P-A-07"},
			Title: "With attributes, PATCH answers 200 with what was asked for.",
			Fix:   "Answer 200 with the projection when attributes is given.",
			Run: func(t *T) {
				t.NeedPatch()
				u := t.User(Object{"nickName": "N"})
				body := Object{"schemas": []any{patchURN}, "Operations": []any{Op("replace", "title", "T")}}
				a := t.Do("PATCH", u.Path()+"?attributes=title", body).Is(200, 204)
				if a.Status == 204 {
					t.Failf("it was answered with 204")
				}
				a.Has("title", "T").Has("id", u.ID()).Lacks("nickName")
			},
		},
		&Check{
			Name: "patch/unknown-resource", Rows: []string{"P-3.5.2-20"},
			Title: "PATCH of an unknown id is 404.",
			Fix:   "Answer 404.",
			Run: func(t *T) {
				t.NeedPatch()
				t.Patch(t.Users()+"/muster-check-nobody", Op("replace", "title", "T")).Refused("", 404)
			},
		},
		&Check{
			Name: "patch/many-operations", Rows: []string{"P-3.5.2-23"},
			Title: "A PATCH of 50 operations is accepted.",
			Fix:   "Allow at least 50 operations in a request.",
			Run: func(t *T) {
				t.NeedPatch()
				u := t.User(nil)
				var ops []Object
				for i := range 50 {
					ops = append(ops, Op("replace", "title", fmt.Sprint("T", i)))
				}
				t.Patched(u.Path(), ops...).Has("title", "T49")
			},
		},
	)
}
