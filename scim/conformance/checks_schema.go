package conformance

import (
	"slices"
	"strings"
)

var schemaChecks = []*Check{
	{
		Name: "schema/boolean", Rows: []string{"S-2.3.2-01"},
		Title: "Booleans go out as true and false, never as strings.",
		Fix:   "Send active as a JSON boolean; refuse the string \"true\", or read it as one.",
		Run: func(t *T) {
			a := t.Post(t.Users(), t.UserBody(Object{"active": "true"}))
			if a.Status == 201 {
				a.Has("active", true)
				t.Warnf("the string \"true\" is taken for a boolean")
				return
			}
			a.Refused("invalidValue", 400)
			t.User(Object{"active": false}).Has("active", false)
		},
	},
	{
		Name: "schema/arrays", Rows: []string{"S-2.4-01"},
		Title: "A multi-valued attribute is an array, also with one value.",
		Fix:   "Send an array.",
		Run: func(t *T) {
			a := t.User(Object{"emails": []any{Object{"value": "one@example.com", "type": "work"}}})
			if _, ok := a.At("emails").([]any); !ok {
				t.Failf("emails is %s", show(a.At("emails")))
			}
			a.Has("emails/0/value", "one@example.com")
		},
	},
	{
		Name: "schema/unknown-type-label", Rows: []string{"S-2.3.1-02", "S-7-18"},
		Title: "canonicalValues are suggestions: another type of an e-mail is kept, or refused with 400.",
		Fix:   "Accept types that are not among canonicalValues.",
		Run: func(t *T) {
			a := t.Post(t.Users(), t.UserBody(Object{"emails": []any{Object{"value": "x@example.com", "type": "boat"}}}))
			if a.Status != 201 {
				a.Refused("invalidValue", 400)
				t.Warnf("a type that is not canonical is refused")
				return
			}
			a.Has("emails/0/type", "boat")
		},
	},
	{
		Name: "schema/canonical-values", Rows: []string{"S-2.4-05", "S-4.1.2-01", "S-4.1.2-02", "S-4.1.2-03"},
		Title: "Values that are brought into canonical form are still the same values.",
		Fix:   "Change at most the case of a mail domain or of a type, and the spelling of a phone number.",
		Run: func(t *T) {
			a := t.User(Object{
				"emails":       []any{Object{"value": "Bjensen@EXAMPLE.com", "type": "work"}},
				"phoneNumbers": []any{Object{"value": "tel:+1-201-555-0123", "type": "work"}},
				"ims":          []any{Object{"value": "some AIM handle", "type": "aim"}},
			})
			if !strings.EqualFold(a.Text("emails/0/value"), "Bjensen@EXAMPLE.com") {
				t.Errorf("the address became %s", show(a.At("emails/0/value")))
			}
			if digits(a.Text("phoneNumbers/0/value")) != "12015550123" {
				t.Errorf("the phone number became %s", show(a.At("phoneNumbers/0/value")))
			}
		},
	},
	{
		Name: "schema/display", Rows: []string{"S-2.4-07"},
		Title: "display of an e-mail does what its published mutability says.",
		Fix:   "Publish the mutability that you implement.",
		Run: func(t *T) {
			mutability := "readWrite"
			walk(at(t.s.schemas[userURN], "attributes"), "", func(path string, a Object) {
				if m, ok := a["mutability"].(string); ok && path == "emails.display" {
					mutability = m
				}
			})
			a := t.User(Object{"emails": []any{Object{"value": "d@example.com", "display": "Shown"}}})
			if got := a.At("emails/0/display"); mutability != "readOnly" && got != "Shown" {
				t.Failf("it is %s, and what was sent is %s", mutability, show(got))
			}
		},
	},
	{
		Name: "schema/case", Rows: []string{"S-7-06", "S-7-07", "S-7-05"},
		Title: "externalId keeps its case, and is compared by it; userName is found in any case.",
		Fix:   "Follow caseExact of the schema in what you keep and how you compare.",
		Run: func(t *T) {
			t.NeedFilter()
			external := t.Name("AbC")
			u := t.User(Object{"externalId": external}).Has("externalId", external)
			t.Find(t.Users(), `externalId eq "`+external+`"`).Finds(u.ID())
			if got := t.Find(t.Users(), `externalId eq "`+strings.ToLower(external)+`"`).IDs(); slices.Contains(got, u.ID()) {
				t.Warnf("externalId is found in another case although it is caseExact")
			}
			t.Find(t.Users(), `userName eq "`+strings.ToUpper(u.Text("userName"))+`"`).Finds(u.ID())
		},
	},
	{
		Name: "schema/profile-url", Rows: []string{"S-4.1.1-06"},
		Title: "profileUrl takes a URL.",
		Fix:   "Accept URLs in profileUrl.",
		Run: func(t *T) {
			a := t.User(Object{"profileUrl": "https://people.example.com/ada"})
			if got := a.Text("profileUrl"); !strings.EqualFold(got, "https://people.example.com/ada") {
				t.Failf("it became %q", got)
			}
		},
	},
	{
		Name: "schema/timezone", Rows: []string{"S-4.1.1-09"},
		Title: "timezone takes a name of the time zone database.",
		Fix:   "Accept IANA names.",
		Run: func(t *T) {
			t.User(Object{"timezone": "America/Los_Angeles"}).Has("timezone", "America/Los_Angeles")
			if a := t.Post(t.Users(), t.UserBody(Object{"timezone": "Mars/Base"})); a.Status != 201 {
				a.Refused("invalidValue", 400)
			}
		},
	},
	{
		Name: "schema/country", Rows: []string{"S-4.1.2-05"},
		Title: "The country of an address is a code of two letters; another one is refused or kept as it is.",
		Fix:   "Accept ISO 3166 alpha-2 codes.",
		Run: func(t *T) {
			t.User(Object{"addresses": []any{Object{"type": "work", "country": "US"}}}).Has("addresses/0/country", "US")
			a := t.Post(t.Users(), t.UserBody(Object{"addresses": []any{Object{"type": "work", "country": "USA"}}}))
			if a.Status == 201 {
				t.Warnf("USA is accepted as a country")
				return
			}
			a.Refused("invalidValue", 400)
		},
	},
	{
		Name: "schema/password-policy", Rows: []string{"S-4.1.1-13", "S-4.1.1-16", "P-F-35", "AMB-23"},
		Title: "A password is taken or refused by policy with 400, and is no way to ask who has which.",
		Fix:   "Refuse filters on password with invalidFilter or 403.",
		Run: func(t *T) {
			a := t.Post(t.Users(), t.UserBody(Object{"password": "a"}))
			if a.Status != 201 {
				a.Refused("", 400)
			}
			b := t.Get(t.Users() + Query("filter", `password eq "correct-Horse-7-battery"`))
			switch b.Status {
			case 400, 403:
			case 200:
				if len(b.List().IDs()) > 0 {
					t.Failf("a filter on password finds people")
				}
				t.Warnf("a filter on password is answered")
			default:
				t.Failf("a filter on password is answered with status %d", b.Status)
			}
		},
	},
	{
		Name: "schema/behaves-as-published", Rows: []string{"S-8.7-01"},
		Title: "The published schema describes what the provider does: required, returned and mutability.",
		Fix:   "Generate /Schemas from the definitions that validate requests.",
		Run: func(t *T) {
			published := map[string]Object{}
			walk(at(t.s.schemas[userURN], "attributes"), "", func(path string, a Object) { published[path] = a })
			t.Offered(len(published) > 0, "the schema of users")
			for path, typ := range map[string]string{
				"userName": "string", "active": "boolean", "name": "complex", "emails": "complex", "emails.primary": "boolean", "name.givenName": "string", "groups": "complex",
			} {
				if p := published[path]; p != nil && p["type"] != typ {
					t.Errorf("%s is published with type %s", path, show(p["type"]))
				}
			}
			for _, path := range []string{"emails", "groups", "phoneNumbers"} {
				if p := published[path]; p != nil && p["multiValued"] != true {
					t.Errorf("%s is published as a single value", path)
				}
			}
			if published["userName"]["required"] != true {
				t.Errorf("userName is published as not required, and yet it is")
			}
			if p := published["password"]; p != nil && p["returned"] != "never" {
				t.Errorf("password is published with returned %s", show(p["returned"]))
			}
			if g := published["groups"]; g != nil && g["mutability"] != "readOnly" {
				t.Errorf("groups is published with mutability %s", show(g["mutability"]))
			}
			a := t.User(Object{"displayName": "D", "nickName": "N", "title": "T"})
			for _, name := range []string{"displayName", "nickName", "title"} {
				if published[name] == nil && a.At(name) != nil {
					t.Errorf("%s is not published and is kept", name)
				}
				if published[name] != nil && published[name]["returned"] == "default" && a.At(name) == nil {
					t.Errorf("%s is published with returned default and is not returned", name)
				}
			}
		},
	},
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}
