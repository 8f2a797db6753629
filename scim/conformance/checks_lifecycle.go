package conformance

// Lives of people as identity providers tell them. A provider may be right in every single answer and still leave
// an account open: these checks follow one person from the first day to the last.

var (
	okta  = []string{"Okta"}
	entra = []string{"Entra ID"}
	both  = []string{"Okta", "Entra ID"}
)

// oktaBody is a user as Okta sends it.
func oktaBody(t *T) Object {
	name := t.Name("okta") + "@example.com"
	return Object{
		"schemas": []any{userURN}, "userName": name, "name": Object{"givenName": "Okta", "familyName": "Person"},
		"emails":      []any{Object{"primary": true, "value": name, "type": "work"}},
		"displayName": "Okta Person", "locale": "en-US", "externalId": t.Name("00u"), "groups": []any{}, "active": true,
	}
}

// entraBody is a user as Entra ID sends it.
func entraBody(t *T) Object {
	name := t.Name("entra") + "@example.com"
	return Object{
		"schemas": []any{userURN, enterprise}, "externalId": t.Name("entra"), "userName": name, "active": true,
		"displayName": "Entra Person", "emails": []any{Object{"primary": true, "type": "work", "value": name}},
		"meta": Object{"resourceType": "User"}, "name": Object{"formatted": "Entra Person", "familyName": "Person", "givenName": "Entra"},
	}
}

// entraPatch is a PATCH as Entra ID sends it: op with a capital letter.
func entraPatch(t *T, path string, ops ...Object) *Answer {
	list := make([]any, len(ops))
	for i, op := range ops {
		list[i] = op
	}
	return t.Do("PATCH", path, Object{"schemas": []any{patchURN}, "Operations": list})
}

var lifecycleChecks = []*Check{
	{
		Name: "lifecycle/okta-joiner", For: okta, Rows: []string{"P-3.3-04", "P-3.4.2-06"},
		Title: "Okta looks a person up by userName, finds nobody, and creates the account.",
		Fix:   "Answer an empty list with 200, then 201.",
		Run: func(t *T) {
			t.NeedFilter()
			body := oktaBody(t)
			name, _ := body["userName"].(string)
			t.Get(t.Users()+Query("filter", `userName eq "`+name+`"`, "startIndex", "1", "count", "100")).List().Has("totalResults", 0)
			u := t.Post(t.Users(), body).Is(201).Has("active", true)
			t.Get(t.Users() + Query("filter", `userName eq "`+name+`"`, "startIndex", "1", "count", "100")).List().Finds(u.ID())
		},
	},
	{
		Name: "lifecycle/okta-mover", For: okta, Rows: []string{"P-3.5-01"},
		Title: "Okta changes a profile by GET and PUT of the whole.",
		Fix:   "Accept what GET answered, changed, by PUT.",
		Run: func(t *T) {
			u := t.Post(t.Users(), oktaBody(t)).Is(201)
			body := whole(t, u.Path())
			body["name"] = Object{"givenName": "Okta", "familyName": "Moved"}
			t.Put(u.Path(), body).Is(200).Has("name/familyName", "Moved").Has("active", true)
		},
	},
	{
		Name: "lifecycle/okta-leaver", For: okta, Rows: []string{"S-4.1.1-10", "P-3.5.2.3-01"},
		Title: "Okta disables a leaver by PATCH of active without a path; the account is inactive afterwards.",
		Fix:   "Carry out {\"op\":\"replace\",\"value\":{\"active\":false}}.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.Post(t.Users(), oktaBody(t)).Is(201)
			t.Patch(u.Path(), Op("replace", "", Object{"active": false})).Is(200, 204)
			t.Get(u.Path()).Is(200).Has("active", false)
		},
	},
	{
		Name: "lifecycle/okta-leaver-put", For: okta, Rows: []string{"S-4.1.1-10", "P-3.5.1-02"},
		Title: "Okta also disables by PUT with active false.",
		Fix:   "Take active from PUT.",
		Run: func(t *T) {
			u := t.Post(t.Users(), oktaBody(t)).Is(201)
			body := whole(t, u.Path())
			body["active"] = false
			t.Put(u.Path(), body).Is(200)
			t.Get(u.Path()).Is(200).Has("active", false)
		},
	},
	{
		Name: "lifecycle/okta-rehire", For: okta, Rows: []string{"S-4.1.1-10"},
		Title: "Okta enables the same account again when the person comes back.",
		Fix:   "Let active go back to true.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.Post(t.Users(), oktaBody(t)).Is(201)
			t.Patch(u.Path(), Op("replace", "", Object{"active": false})).Is(200, 204)
			t.Patch(u.Path(), Op("replace", "", Object{"active": true})).Is(200, 204)
			t.Get(u.Path()).Is(200).Has("active", true).Has("id", u.ID())
		},
	},
	{
		Name: "lifecycle/okta-group-push", For: okta, Rows: []string{"P-3.5.2.1-10", "P-3.5.2.2-08"},
		Title: "Okta pushes a group, then members by PATCH, then its new name, then deletes it.",
		Fix:   "Support PATCH of groups with add and remove of members, and replace with an id in the value.",
		Run: func(t *T) {
			t.NeedPatch()
			u, v := t.Post(t.Users(), oktaBody(t)).Is(201), t.Post(t.Users(), oktaBody(t)).Is(201)
			g := t.Post(t.Groups(), Object{"schemas": []any{groupURN}, "displayName": t.Name("pushed"), "members": []any{}}).Is(201)
			t.Patch(g.Path(), Op("add", "members", []any{Object{"value": u.ID(), "display": "x"}, Object{"value": v.ID(), "display": "y"}})).Is(200, 204)
			t.Patch(g.Path(), Op("remove", `members[value eq "`+u.ID()+`"]`, nil)).Is(200, 204)
			if got := t.Get(g.Path()).Is(200).Values("members", "value"); len(got) != 1 || got[0] != v.ID() {
				t.Errorf("the members are %q", got)
			}
			renamed := t.Name("renamed")
			if a := t.Patch(g.Path(), Op("replace", "", Object{"id": g.ID(), "displayName": renamed})); a.Status >= 300 {
				t.Blockf("a new name with the id beside it is refused with %d; Okta sends it so", a.Status)
			} else {
				t.Get(g.Path()).Is(200).Has("displayName", renamed)
			}
			t.Delete(g.Path()).Is(200, 204)
			t.Get(u.Path()).Is(200)
		},
	},
	{
		Name: "lifecycle/entra-joiner", For: entra, Rows: []string{"P-3.3-04", "P-3.4.2-06"},
		Title: "Entra ID looks a person up by externalId and creates the account with the enterprise extension.",
		Fix:   "Support externalId eq, and accept the enterprise URN without its attributes.",
		Run: func(t *T) {
			t.NeedFilter()
			body := entraBody(t)
			external, _ := body["externalId"].(string)
			t.Find(t.Users(), `externalId eq "`+external+`"`).Has("totalResults", 0)
			u := t.Post(t.Users(), body).Is(201)
			t.Find(t.Users(), `externalId eq "`+external+`"`).Finds(u.ID())
		},
	},
	{
		Name: "lifecycle/entra-mover", For: entra, Rows: []string{"P-3.5.2.3-21", "P-3.5.2.1-13", "AMB-18"},
		Title: "Entra ID changes a profile by PATCH with its own spellings: capital ops, filters that make elements, the manager as an id.",
		Fix:   "Accept op in any case; make the element that a filter names; take a string for manager.",
		Run: func(t *T) {
			t.NeedPatch()
			t.NeedEnterprise()
			boss, u := t.Post(t.Users(), entraBody(t)).Is(201), t.Post(t.Users(), entraBody(t)).Is(201)
			for _, c := range []struct {
				op   Object
				path string
				want any
			}{
				{Op("Replace", "displayName", "New Name"), "displayName", "New Name"},
				{Op("Add", `emails[type eq "work"].value`, "new@example.com"), "emails/0/value", "new@example.com"},
				{Op("Add", `addresses[type eq "work"].locality`, "Berlin"), "addresses/0/locality", "Berlin"},
				{Op("Add", `phoneNumbers[type eq "mobile"].value`, "+49 170 1"), "phoneNumbers/0/value", "+49 170 1"},
				{Op("Add", enterprise+":department", "Sales"), enterprise + "/department", "Sales"},
				{Op("Add", enterprise+":manager", boss.ID()), enterprise + "/manager/value", boss.ID()},
				{Op("Replace", "name.familyName", "Moved"), "name/familyName", "Moved"},
				{Op("Remove", "displayName", nil), "displayName", nil},
			} {
				a := entraPatch(t, u.Path(), c.op)
				if a.Status >= 300 {
					t.Blockf("%s is refused with %d", describe([]Object{c.op}), a.Status)
					continue
				}
				if got := t.Get(u.Path()).Is(200).At(c.path); got != c.want {
					t.Errorf("after %s %s is %s", describe([]Object{c.op}), c.path, show(got))
				}
			}
		},
	},
	{
		Name: "lifecycle/entra-leaver", For: entra, Rows: []string{"S-4.1.1-10", "AMB-18"},
		Title: "Entra ID disables a leaver with op Replace and, in its older form, the string \"False\"; the account is inactive afterwards.",
		Fix:   "Take \"False\" for false, and carry it out.",
		Run: func(t *T) {
			t.NeedPatch()
			for _, value := range []any{false, "False"} {
				u := t.Post(t.Users(), entraBody(t)).Is(201)
				a := entraPatch(t, u.Path(), Op("Replace", "active", value))
				if a.Status >= 300 {
					t.Blockf("active %s is refused with %d", encode(value), a.Status)
					continue
				}
				if got := t.Get(u.Path()).Is(200).At("active"); got != false {
					t.Errorf("after active %s it is %s: the leaver keeps the account", encode(value), show(got))
				}
			}
		},
	},
	{
		Name: "lifecycle/entra-deletion", For: entra, Rows: []string{"P-3.6-01", "P-3.6-02"},
		Title: "Thirty days later Entra ID deletes the account, and a new one of the same name can be made.",
		Fix:   "Free the userName with DELETE.",
		Run: func(t *T) {
			body := entraBody(t)
			u := t.Post(t.Users(), body).Is(201)
			t.Delete(u.Path()).Is(200, 204)
			t.Get(u.Path()).Refused("", 404)
			t.Post(t.Users(), body).Is(201)
		},
	},
	{
		Name: "lifecycle/entra-group", For: entra, Rows: []string{"AMB-15", "P-3.5.2.2-12"},
		Title: "Entra ID removes one member with a value array; the others stay.",
		Fix:   "Remove what value names, never all.",
		Run: func(t *T) {
			t.NeedPatch()
			u, v := t.Post(t.Users(), entraBody(t)).Is(201), t.Post(t.Users(), entraBody(t)).Is(201)
			g := t.Post(t.Groups(), Object{"schemas": []any{groupURN}, "externalId": t.Name("g"), "displayName": t.Name("entra group")}).Is(201)
			for _, m := range []*Answer{u, v} {
				if a := entraPatch(t, g.Path(), Op("Add", "members", Members(m.ID()))); a.Status >= 300 {
					t.Failf("a member is refused with %d", a.Status)
				}
			}
			a := entraPatch(t, g.Path(), Op("Remove", "members", Members(u.ID())))
			got := t.Get(g.Path()).Is(200).Values("members", "value")
			switch {
			case len(got) == 0:
				t.Failf("the group is empty: everybody lost access")
			case a.Status >= 300:
				t.Blockf("it is refused with %d", a.Status)
			case len(got) != 1 || got[0] != v.ID():
				t.Errorf("the members are %q", got)
			}
			t.Get(t.Groups() + Query("filter", `displayName eq "`+g.Text("displayName")+`"`, "excludedAttributes", "members")).List().Finds(g.ID())
		},
	},
	{
		Name: "lifecycle/leaver-loses-groups", For: both, Rows: []string{"S-4.2-07", "P-3.6-04"},
		Title: "A person who is deleted is in no group any more.",
		Fix:   "Remove memberships with the person.",
		Run: func(t *T) {
			u := t.User(nil)
			g := t.Group(u.ID())
			t.Delete(u.Path()).Is(200, 204)
			if !t.Settles(func() bool { return len(t.Get(g.Path()).Is(200).Elements("members")) == 0 }) {
				t.Warnf("the group still lists the leaver")
			}
		},
	},
	{
		Name: "lifecycle/inactive-is-found", For: both, Rows: []string{"S-4.1.1-10", "P-F-24"},
		Title: "An inactive account is still found, so that it is not made twice.",
		Fix:   "Keep inactive accounts in queries.",
		Run: func(t *T) {
			t.NeedFilter()
			t.NeedPatch()
			u := t.User(nil)
			t.Patch(u.Path(), Op("replace", "active", false)).Is(200, 204)
			t.Find(t.Users(), `userName eq "`+u.Text("userName")+`"`).Finds(u.ID())
			t.Find(t.Users(), `userName eq "`+u.Text("userName")+`" and active eq false`).Finds(u.ID())
		},
	},
}
