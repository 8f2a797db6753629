package conformance

import (
	"strings"
	"time"
)

var createChecks = []*Check{
	{
		Name: "create/created", Rows: []string{"P-3.3-04", "P-3.1-04"},
		Title: "POST answers 201 with the resource as it is stored.",
		Fix:   "Answer 201 with the stored representation, not with what was sent.",
		Run: func(t *T) {
			a := t.User(Object{"displayName": "Ada", "groups": []any{Object{"value": "nobody"}}, "meta": Object{"created": "1999-01-01T00:00:00Z"}})
			a.Lacks("groups")
			b := t.Get(a.Path()).Is(200)
			for _, name := range []string{"id", "userName", "displayName"} {
				if encode(a.At(name)) != encode(b.At(name)) {
					t.Errorf("POST answered %s = %s, GET says %s", name, show(a.At(name)), show(b.At(name)))
				}
			}
		},
	},
	{
		Name: "create/server-id", Rows: []string{"S-3.1-07", "S-3.1-04", "S-3.1-08"},
		Title: "The provider chooses the id: one that the client sends is ignored, and no id contains bulkId.",
		Fix:   "Treat id as readOnly input and give an id of your own.",
		Run: func(t *T) {
			a := t.User(Object{"id": "muster-check-mine"})
			if a.ID() == "muster-check-mine" || strings.Contains(a.ID(), "bulkId") {
				t.Failf("the id is %q", a.ID())
			}
		},
	},
	{
		Name: "create/ids-distinct", Rows: []string{"S-3.1-05", "S-3.1-06"},
		Title: "Ids are distinct over all resources, stay the same, and are not given to somebody else later.",
		Fix:   "Use ids that are never reused, such as random UUIDs.",
		Run: func(t *T) {
			body := t.UserBody(nil)
			one := t.Post(t.Users(), body).Is(201)
			seen := map[string]bool{one.ID(): true}
			for range 2 {
				if id := t.User(nil).ID(); seen[id] {
					t.Failf("two resources have the id %q", id)
				} else {
					seen[id] = true
				}
			}
			if t.s.endpoints["Group"] != "" {
				if id := t.Group().ID(); seen[id] {
					t.Failf("a group has the id of a user, %q", id)
				}
			}
			t.Get(one.Path()).Is(200).Has("id", one.ID())
			t.Delete(one.Path()).Is(200, 204)
			if again := t.Post(t.Users(), body).Is(201); again.ID() == one.ID() {
				t.Failf("a new account has the id of the one that was deleted before")
			}
		},
	},
	{
		Name: "create/meta", Rows: []string{"S-3.1-13", "S-3.1-15", "S-3.1-16", "S-3.1-17"},
		Title: "meta is the provider's: created and lastModified are times, equal on a new resource; resourceType is the type's name.",
		Fix:   "Ignore meta in requests, and fill it in on the server.",
		Run: func(t *T) {
			a := t.User(Object{"meta": Object{"created": "1999-01-01T00:00:00Z", "resourceType": "Robot"}})
			created, err := time.Parse(time.RFC3339, a.Text("meta/created"))
			if err != nil {
				t.Failf("meta.created is %s, no DateTime", show(a.At("meta/created")))
			}
			if created.Year() == 1999 {
				t.Errorf("meta.created is what the client sent")
			}
			modified, err := time.Parse(time.RFC3339, a.Text("meta/lastModified"))
			if err != nil {
				t.Failf("meta.lastModified is %s, no DateTime", show(a.At("meta/lastModified")))
			}
			if !modified.Equal(created) {
				t.Warnf("a new resource was modified at %s and created at %s", a.Text("meta/lastModified"), a.Text("meta/created"))
			}
			a.Has("meta/resourceType", "User")
		},
	},
	{
		Name: "create/location", Rows: []string{"P-3.3-05", "S-3.1-19", "S-2.3.7-04"},
		Title: "Location and meta.location are where the resource is.",
		Fix:   "Send the absolute URL of the resource as Location, and the same as meta.location.",
		Run: func(t *T) {
			a := t.User(nil)
			location := a.Header.Get("Location")
			if location == "" {
				t.Failf("POST was answered without Location")
			}
			if got := a.Text("meta/location"); got != location {
				t.Errorf("Location is %q and meta.location %q", location, got)
			}
			if c := a.Header.Get("Content-Location"); c != "" && c != location {
				t.Errorf("Content-Location is %q", c)
			}
			t.Get(location, "Authorization: Bearer "+t.s.Token).Is(200).Has("id", a.ID())
		},
	},
	{
		Name: "create/duplicate", Rows: []string{"P-3.3-08", "S-7-15"},
		Title: "A second user of the same userName is refused with 409 and scimType uniqueness.",
		Fix:   "Answer 409 with scimType uniqueness.",
		Run: func(t *T) {
			body := t.UserBody(nil)
			t.Post(t.Users(), body).Is(201)
			t.Post(t.Users(), body).Refused("uniqueness", 409)
		},
	},
	{
		Name: "create/duplicate-other-case", Rows: []string{"S-4.1.1-02", "P-5-01", "P-7.8-01", "AMB-42"},
		Title: "userName is unique without regard to case.",
		Fix:   "Compare userName by its folded form, also beyond ASCII.",
		Run: func(t *T) {
			name := t.Name("Zoë")
			t.Post(t.Users(), t.UserBody(Object{"userName": name + "@example.com"})).Is(201)
			if a := t.Post(t.Users(), t.UserBody(Object{"userName": strings.ToUpper(name) + "@EXAMPLE.com"})); a.Status == 201 {
				t.Failf("the same name in capitals made a second account")
			}
		},
	},
	{
		Name: "create/no-user-name", Rows: []string{"S-4.1.1-01", "P-3.3-10"},
		Title: "A user without userName is refused.",
		Fix:   "Answer 400 with invalidValue where a required attribute is missing.",
		Run: func(t *T) {
			body := t.UserBody(Object{"displayName": t.Name("nameless")})
			delete(body, "userName")
			t.Post(t.Users(), body).Refused("invalidValue", 400)
		},
	},
	{
		Name: "create/without-extension", Rows: []string{"S-6-04", "S-3.3-04"},
		Title: "A user without the enterprise extension is accepted.",
		Fix:   "Do not require an extension that is published with required: false.",
		Run: func(t *T) {
			a := t.User(nil).Lacks(enterprise)
			if s := a.Strings("schemas"); len(s) != 1 {
				t.Errorf("schemas names %v, and the user has nothing of the extension", s)
			}
		},
	},
	{
		Name: "create/extension-under-its-urn", Rows: []string{"S-3-05"},
		Title: "Attributes of an extension stand below its URN, those of the core at the top.",
		Fix:   "Send extension attributes in an object that is named by the URN of the extension.",
		Run: func(t *T) {
			t.NeedEnterprise()
			a := t.User(Object{enterprise: Object{"department": "Research"}})
			a.Has(enterprise+"/department", "Research").Lacks("department")
			if s := a.Strings("schemas"); len(s) != 2 {
				t.Errorf("schemas is %v, want the User schema and the extension", s)
			}
		},
	},
	{
		Name: "create/unknown-attribute", Rows: []string{"P-3.3-11", "AMB-03"},
		Title: "An unknown attribute is ignored or refused with 400, never stored and never a 500.",
		Fix:   "Ignore what is not in the schema.",
		Run: func(t *T) {
			a := t.Post(t.Users(), t.UserBody(Object{"favouriteColour": "green"}))
			if a.Status == 201 {
				a.Lacks("favouriteColour")
				return
			}
			a.Refused("", 400)
		},
	},
	{
		Name: "create/null-and-empty", Rows: []string{"S-2.5-01", "S-2.5-03"},
		Title: "null, an empty list and an absent attribute are the same.",
		Fix:   "Treat null and [] as unassigned.",
		Run: func(t *T) {
			a := t.User(Object{"nickName": nil, "emails": []any{}})
			for _, name := range []string{"nickName", "emails"} {
				a.Lacks(name)
			}
		},
	},
	{
		Name: "create/member-order", Rows: []string{"S-2.3.8-01"},
		Title: "The order of members in a JSON object means nothing.",
		Fix:   "Parse the body as JSON, whatever the order.",
		Run: func(t *T) {
			name := t.Name("order")
			a := t.Post(t.Users(), `{"name":{"familyName":"B","givenName":"A"},"userName":"`+name+`","schemas":["`+userURN+`"]}`).Is(201)
			a.Has("userName", name).Has("name/givenName", "A").Has("name/familyName", "B")
		},
	},
	{
		Name: "create/password-secret", Rows: []string{"S-4.1.1-11"},
		Title: "A password is returned by nothing.",
		Fix:   "Give password returned: never, and leave it out of every answer.",
		Run: func(t *T) {
			a := t.Post(t.Users(), t.UserBody(Object{"password": "correct-Horse-7-battery"}))
			if a.Status != 201 {
				a.Refused("", 400)
				t.Offered(false, "setting passwords")
			}
			path := a.Path()
			for _, b := range []*Answer{a, t.Get(path), t.Get(path + "?attributes=password"), t.Get(path + "?attributes=password,userName")} {
				if strings.Contains(b.Raw, "correct-Horse") || b.At("password") != nil {
					t.Errorf("%s shows the password", b.what)
				}
			}
		},
	},
	{
		Name: "create/two-primaries", Rows: []string{"S-2.4-03", "AMB-13"},
		Title: "At most one value of a multi-valued attribute is primary.",
		Fix:   "Refuse two primary values with 400, or keep one.",
		Run: func(t *T) {
			emails := []any{Object{"value": "a@example.com", "primary": true}, Object{"value": "b@example.com", "primary": true}}
			a := t.Post(t.Users(), t.UserBody(Object{"emails": emails}))
			if a.Status != 201 {
				a.Refused("invalidValue", 400)
				return
			}
			n := 0
			for _, e := range a.Elements("emails") {
				if e["primary"] == true {
					n++
				}
			}
			if n > 1 {
				t.Failf("%d values are primary", n)
			}
		},
	},
}
