package conformance

import "strings"

// whole is what GET answers, as a client sends it back with PUT.
func whole(t *T, path string) Object { return t.Get(path).Is(200).Body }

var replaceChecks = []*Check{
	{
		Name: "put/read-back", Rows: []string{"S-2-01", "P-3.1-06", "P-3.5-01", "P-3.5.1-10", "S-7-08"},
		Title: "What GET answers can be sent back by PUT, with id, meta and groups in it; the answer is 200 with the resource.",
		Fix:   "Ignore readOnly attributes in PUT.",
		Run: func(t *T) {
			u := t.User(Object{"displayName": "Before"})
			body := whole(t, u.Path())
			body["displayName"] = "After"
			body["meta"] = Object{"created": "1999-01-01T00:00:00Z"}
			a := t.Put(u.Path(), body).Is(200).Has("displayName", "After").Has("id", u.ID())
			if a.At("meta/created") != u.At("meta/created") {
				t.Errorf("PUT changed meta.created to %s", show(a.At("meta/created")))
			}
		},
	},
	{
		Name: "put/never-creates", Rows: []string{"P-3.2-03"},
		Title: "PUT on an unknown id is 404 and makes nothing.",
		Fix:   "Answer 404.",
		Run: func(t *T) {
			path := t.Users() + "/" + t.Name("nobody")
			if a := t.Put(path, t.UserBody(nil)); a.Status < 300 {
				t.Made(path)
				t.Failf("it was answered with status %d", a.Status)
			} else {
				a.Refused("", 404)
			}
		},
	},
	{
		Name: "put/removes", Rows: []string{"P-3.5.1-04"},
		Title: "PUT removes what it leaves out.",
		Fix:   "Replace the whole resource.",
		Run: func(t *T) {
			u := t.User(Object{"nickName": "N", "title": "T"})
			body := whole(t, u.Path())
			delete(body, "nickName")
			t.Put(u.Path(), body).Is(200)
			a := t.Get(u.Path()).Is(200).Has("title", "T")
			if a.At("nickName") != nil {
				t.Warnf("an attribute that PUT left out is still there")
			}
		},
	},
	{
		Name: "put/taken-name", Rows: []string{"AMB-10"},
		Title: "PUT to a userName that somebody has is refused with 409.",
		Fix:   "Check uniqueness on updates too.",
		Run: func(t *T) {
			one, two := t.User(nil), t.User(nil)
			body := whole(t, two.Path())
			body["userName"] = one.Text("userName")
			a := t.Put(two.Path(), body)
			if a.Status < 300 {
				t.Failf("two people have one name now")
			}
			a.Refused("uniqueness", 409, 400)
		},
	},
}

var patchChecks = []*Check{
	{
		Name: "patch/offered", Rows: []string{"P-3.5-02"}, Reads: true,
		Title: "PATCH is supported.",
		Fix:   "Support PATCH: Okta and Entra ID send nothing else.",
		Run: func(t *T) {
			if !t.Supports("patch") {
				t.Warnf("ServiceProviderConfig says that PATCH is not supported")
			}
		},
	},
	{
		Name: "patch/deactivate", Rows: []string{"S-4.1.1-10", "P-3.5.2.3-01"},
		Title: "A PATCH of active to false disables the account, which can still be read.",
		Fix:   "Carry out replace of active, and show it.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(Object{"active": true})
			t.Patched(u.Path(), Op("replace", "active", false)).Has("active", false)
			t.Patched(u.Path(), Op("replace", "", Object{"active": true})).Has("active", true)
		},
	},
	{
		Name: "patch/paths", Rows: []string{"P-3.5.2-06", "P-3.5.2-10"},
		Title: "path may be left out of add and replace, not of remove; it is resolved against the resource's schemas.",
		Fix:   "Take the members of value as attributes where there is no path; refuse remove without path with noTarget.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(Object{"nickName": "N"})
			t.Patched(u.Path(), Op("add", "", Object{"title": "T"})).Has("title", "T")
			t.Patched(u.Path(), Op("replace", "title", "U")).Has("title", "U")
			t.Patched(u.Path(), Op("remove", "title", nil)).Lacks("title")
			t.Patch(u.Path(), Op("remove", "", nil)).Refused("noTarget", 400)
			t.Patch(u.Path(), Op("replace", "noSuchAttribute", "x")).Refused("", 400)
		},
	},
	{
		Name: "patch/schema-rules", Rows: []string{"P-3.5.2-07", "P-3.5.2-16", "S-7-08"},
		Title: "An operation that the schema forbids is refused, and nothing of the request happens.",
		Fix:   "Check every operation, then apply all or none.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(Object{"title": "T"})
			t.Patch(u.Path(), Op("replace", "title", "U"), Op("replace", "id", "mine")).Refused("mutability", 400)
			t.Get(u.Path()).Is(200).Has("title", "T").Has("id", u.ID())
			t.Patch(u.Path(), Op("replace", "title", "U"), Op("remove", "userName", nil)).Refused("", 400)
			t.Get(u.Path()).Is(200).Has("title", "T")
			t.Patch(u.Path(), Op("replace", "title", "U"), Op("jump", "title", "V")).Refused("", 400)
			t.Get(u.Path()).Is(200).Has("title", "T")
		},
	},
	{
		Name: "patch/extension", Rows: []string{"P-3.5.2-12", "P-3.5.2-11", "AMB-47"},
		Title: "Adding an attribute of an extension adds its URN to schemas; removing it takes the URN away or leaves it.",
		Fix:   "Derive schemas from what the resource has.",
		Run: func(t *T) {
			t.NeedPatch()
			t.NeedEnterprise()
			u := t.User(nil)
			a := t.Patched(u.Path(), Op("add", enterprise+":employeeNumber", "7")).Has(enterprise+"/employeeNumber", "7")
			if !strings.Contains(strings.Join(a.Strings("schemas"), " "), enterprise) {
				t.Errorf("schemas does not name the extension")
			}
			t.Patched(u.Path(), Op("remove", enterprise+":employeeNumber", nil)).Lacks(enterprise + "/employeeNumber")
		},
	},
	{
		Name: "patch/empty-list", Rows: []string{"S-2.5-02"},
		Title: "Replacing a list by an empty one removes it.",
		Fix:   "Take [] and null for unassigned.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(Object{"emails": []any{Object{"value": "e@example.com", "type": "work"}}})
			t.Patched(u.Path(), Op("replace", "emails", []any{})).Lacks("emails")
		},
	},
	{
		Name: "patch/value-filter", Rows: []string{"AMB-09", "P-3.5.2.3-23"},
		Title: "A value filter chooses which elements are changed; all that match are, and none matching is refused or makes one.",
		Fix:   "Apply the operation to every element that the filter matches; answer 400 with noTarget where none does.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(Object{"phoneNumbers": []any{
				Object{"value": "1", "type": "work"}, Object{"value": "2", "type": "work"}, Object{"value": "3", "type": "home"},
			}})
			a := t.Patched(u.Path(), Op("replace", `phoneNumbers[type eq "work"].display`, "desk"))
			n := 0
			for _, e := range a.Elements("phoneNumbers") {
				if e["display"] == "desk" {
					n++
					if e["type"] != "work" {
						t.Errorf("an element of type %s was changed", show(e["type"]))
					}
				}
			}
			if n != 2 {
				t.Errorf("%d of 2 elements were changed", n)
			}
			b := t.Patch(u.Path(), Op("replace", `phoneNumbers[type eq "fax"].value`, "4"))
			if b.Status >= 300 {
				b.Refused("noTarget", 400)
			}
		},
	},
	{
		Name: "patch/manager", Rows: []string{"S-4.3-03"},
		Title: "A manager is set by value, also where the id comes alone, as Entra ID sends it.",
		Fix:   "Take a string for the value of manager.",
		Run: func(t *T) {
			t.NeedPatch()
			t.NeedEnterprise()
			boss, u := t.User(nil), t.User(nil)
			t.Patched(u.Path(), Op("add", enterprise+":manager", Object{"value": boss.ID()})).Has(enterprise+"/manager/value", boss.ID())
			other := t.User(nil)
			if a := t.Patch(u.Path(), Op("replace", enterprise+":manager", other.ID())); a.Status >= 300 {
				t.Warnf("the id alone is refused; Entra ID sends it")
			} else {
				t.Get(u.Path()).Is(200).Has(enterprise+"/manager/value", other.ID())
			}
		},
	},
	{
		Name: "patch/taken-name", Rows: []string{"P-3.5.2.3-19"},
		Title: "A PATCH to a userName that somebody has is refused with 409.",
		Fix:   "Check uniqueness on updates too.",
		Run: func(t *T) {
			t.NeedPatch()
			one, two := t.User(nil), t.User(nil)
			t.Patch(two.Path(), Op("replace", "userName", one.Text("userName"))).Refused("uniqueness", 409, 400)
			t.Get(two.Path()).Is(200).Has("userName", two.Text("userName"))
		},
	},
	{
		Name: "patch/answer", Rows: []string{"P-3.5.2-19", "C-07"},
		Title: "PATCH answers 200 with the resource or 204 without; with versions, both tell the new one.",
		Fix:   "Send ETag with 204 too.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(nil)
			a := t.Patch(u.Path(), Op("replace", "title", "T")).Is(200, 204)
			if a.Status == 200 {
				a.Has("title", "T")
			}
			if t.Supports("etag") && a.Header.Get("ETag") == "" {
				t.Warnf("the answer has no ETag")
			}
		},
	},
}

var groupChecks = []*Check{
	{
		Name: "groups/members", Rows: []string{"P-3.5.2.1-10", "P-3.5.2.2-08"},
		Title: "Members are added and removed one at a time, and the others stay.",
		Fix:   "Apply add and remove to the members that are named.",
		Run: func(t *T) {
			t.NeedPatch()
			a, b, c := t.User(nil).ID(), t.User(nil).ID(), t.User(nil).ID()
			g := t.Group(a, b)
			has := func(ids ...string) {
				got := t.Get(g.Path()).Is(200).Values("members", "value")
				if strings.Join(got, " ") != strings.Join(sorted(ids), " ") {
					t.Failf("the members are %q, want %q", got, sorted(ids))
				}
			}
			has(a, b)
			t.Patch(g.Path(), Op("add", "members", Members(c))).Is(200, 204)
			has(a, b, c)
			t.Patch(g.Path(), Op("add", "members", Members(c))).Is(200, 204)
			has(a, b, c)
			t.Patch(g.Path(), Op("remove", `members[value eq "`+b+`"]`, nil)).Is(200, 204)
			has(a, c)
			t.Patch(g.Path(), Op("replace", "members", Members(b))).Is(200, 204)
			has(b)
			t.Patch(g.Path(), Op("remove", "members", nil)).Is(200, 204)
			has()
		},
	},
	{
		Name: "groups/remove-with-value", Rows: []string{"AMB-12"},
		Title: "remove of members with a value array, as Entra ID sends it, removes those members and not all.",
		Fix:   "Remove only what value names.",
		Run: func(t *T) {
			t.NeedPatch()
			a, b := t.User(nil).ID(), t.User(nil).ID()
			g := t.Group(a, b)
			r := t.Patch(g.Path(), Op("remove", "members", Members(a)))
			got := t.Get(g.Path()).Is(200).Values("members", "value")
			switch {
			case len(got) == 0:
				t.Failf("the whole group was emptied")
			case r.Status >= 400 && len(got) == 2:
				t.Warnf("it is refused; Entra ID sends it")
			case len(got) != 1 || got[0] != b:
				t.Failf("the members are %q afterwards", got)
			}
		},
	},
	{
		Name: "groups/unknown-member", Rows: []string{"P-3.5.2.1-20", "AMB-21", "S-2.3.7-05"},
		Title: "A member that does not exist is refused with 400, or coped with; it is never a 500.",
		Fix:   "Answer 400 with invalidValue, or add the others.",
		Run: func(t *T) {
			t.NeedPatch()
			g := t.Group()
			a := t.Patch(g.Path(), Op("add", "members", Members("muster-check-nobody")))
			if a.Status >= 300 {
				a.Refused("", 400, 404)
			}
		},
	},
	{
		Name: "groups/leaver", Rows: []string{"P-3.6-04"},
		Title: "Who is deleted is no member any more.",
		Fix:   "Remove memberships with the member.",
		Run: func(t *T) {
			u := t.User(nil)
			g := t.Group(u.ID())
			t.Delete(u.Path()).Is(200, 204)
			if !t.Settles(func() bool { return len(t.Get(g.Path()).Is(200).Elements("members")) == 0 }) {
				t.Warnf("the deleted user is still a member; no RFC forbids it, and who trusts the list grants access to nobody")
			}
		},
	},
}

var deleteChecks = []*Check{
	{
		Name: "delete/gone", Rows: []string{"AMB-26", "P-3.6-01"},
		Title: "What was deleted is gone: 404 on every method, in no list, and its name is free.",
		Fix:   "Answer 404 for what was deleted, also to a second DELETE.",
		Run: func(t *T) {
			body := t.UserBody(nil)
			u := t.Post(t.Users(), body).Is(201)
			d := t.Delete(u.Path()).Is(200, 204)
			if d.Status == 200 {
				t.Warnf("DELETE is answered with 200, RFC 7644 has 204")
			}
			t.Get(u.Path()).Refused("", 404)
			t.Delete(u.Path()).Refused("", 404)
			t.Put(u.Path(), body).Refused("", 404)
			if t.Supports("filter") {
				t.Find(t.Users(), `userName eq "`+u.Text("userName")+`"`).Finds()
			}
			t.Post(t.Users(), body).Is(201)
		},
	},
}

var etagChecks = []*Check{
	{
		Name: "etag/version", Rows: []string{"S-3.1-20", "S-3.1-21", "P-3.14-02"},
		Title: "meta.version is the ETag header, and a weak one begins with W/.",
		Fix:   "Send the same value in both.",
		Run: func(t *T) {
			t.NeedETag()
			u := t.User(nil)
			a := t.Get(u.Path()).Is(200)
			tag, version := a.Header.Get("ETag"), a.Text("meta/version")
			if tag == "" {
				t.Failf("the answer has no ETag")
			}
			if tag != version {
				t.Errorf("ETag is %s and meta.version %s", tag, version)
			}
			if !strings.HasSuffix(tag, `"`) || !strings.HasPrefix(tag, `"`) && !strings.HasPrefix(tag, `W/"`) {
				t.Errorf("%s is no entity tag", tag)
			}
			t.Put(u.Path(), whole(t, u.Path()))
			t.Patched(u.Path(), Op("replace", "title", "T"))
			if after := t.Get(u.Path()).Is(200).Header.Get("ETag"); after == tag {
				t.Errorf("the version is the same after a change")
			}
		},
	},
	{
		Name: "etag/if-match", Rows: []string{"P-3.6-06", "P-3.14-03"},
		Title: "A write with an old version in If-Match is refused with 412, DELETE too.",
		Fix:   "Compare If-Match inside the transaction that writes.",
		Run: func(t *T) {
			t.NeedETag()
			u := t.User(nil)
			old := t.Get(u.Path()).Is(200).Header.Get("ETag")
			body := whole(t, u.Path())
			body["title"] = "T"
			t.Put(u.Path(), body, "If-Match: "+old).Is(200)
			t.Put(u.Path(), body, "If-Match: "+old).Refused("", 412)
			t.Delete(u.Path(), "If-Match: "+old).Refused("", 412)
			t.Get(u.Path()).Is(200).Has("title", "T")
		},
	},
	{
		Name: "etag/not-modified", Rows: []string{"P-3.14-04"},
		Title: "GET with the current version in If-None-Match is answered 304.",
		Fix:   "Answer 304 without a body.",
		Run: func(t *T) {
			t.NeedETag()
			u := t.User(nil)
			tag := t.Get(u.Path()).Is(200).Header.Get("ETag")
			if a := t.Get(u.Path(), "If-None-Match: "+tag); a.Status != 304 {
				t.Failf("it is answered with status %d", a.Status)
			}
		},
	},
}

var errorChecks = []*Check{
	{
		Name: "errors/shape", Rows: []string{"P-3.12-03", "P-3.12-04", "P-3.12-07", "P-3.12-08", "AMB-37"}, Reads: true,
		Title: "Errors are SCIM errors: status as a string, detail a text without internals, scimType one that is defined.",
		Fix:   "Send the Error message of RFC 7644 §3.12.",
		Run: func(t *T) {
			for _, a := range []*Answer{
				t.Get(t.Users() + "/muster-check-nobody"),
				t.Get(t.Users() + Query("filter", "userName xx")),
				t.Do("POST", t.Users(), "{"),
			} {
				if a.Status < 400 {
					t.Errorf("%s was answered with status %d", a.what, a.Status)
					continue
				}
				a.Refused("", a.Status)
				switch s := a.At("status").(type) {
				case string:
				default:
					t.Errorf("%s: status is %s, want a string", a.what, show(s))
				}
				if d, ok := a.At("detail").(string); a.At("detail") != nil && !ok {
					t.Errorf("%s: detail is no string", a.what)
				} else if strings.Contains(d, "goroutine ") || strings.Contains(d, "Traceback") || strings.Contains(d, "Exception") {
					t.Errorf("%s: detail shows internals", a.what)
				}
			}
		},
	},
	{
		Name: "errors/bad-json", Rows: []string{"P-3.8-10", "P-3.8-09"},
		Title: "A body that is no JSON, or has more behind its end, is refused with 400, and one that is too deep breaks nothing.",
		Fix:   "Parse strictly, with bounds: whole body, one object, no duplicate names.",
		Run: func(t *T) {
			name := t.Name("bad")
			for _, body := range []string{
				`{`, `[]`, `"text"`, ``, `{"schemas":["` + userURN + `"],"userName":"` + name + `"} trailing`,
			} {
				a := t.Do("POST", t.Users(), body)
				if a.Status < 400 || a.Status >= 500 {
					t.Errorf("%s was answered with status %d", short(body, 60), a.Status)
				}
			}
			deep := `{"schemas":["` + userURN + `"],"userName":"` + t.Name("deep") + `","name":` + strings.Repeat(`{"a":`, 5000) + `1` + strings.Repeat(`}`, 5000) + `}`
			if a := t.Do("POST", t.Users(), deep); a.Status >= 500 {
				t.Errorf("5,000 objects in one another were answered with status %d", a.Status)
			} else if a.Status < 300 {
				t.Warnf("5,000 objects in one another are accepted")
			}
			a := t.Do("POST", t.Users(), `{"schemas":["`+userURN+`"],"userName":"`+name+`","userName":"`+name+`2"}`)
			if a.Status < 300 {
				t.Warnf("a member that is there twice is accepted")
			}
			if b := t.Do("POST", t.Users(), "\ufeff"+encode(t.UserBody(nil))); b.Status >= 500 {
				t.Errorf("a byte order mark was answered with status %d", b.Status)
			}
		},
	},
	{
		Name: "errors/suffix", Rows: []string{"P-3.8-08"}, Reads: true,
		Title: "The suffix .scim is understood or refused.",
		Fix:   "Answer 404.",
		Run: func(t *T) {
			if a := t.Get(t.Users() + ".scim?count=1"); a.Status >= 500 {
				t.Failf("it is answered with status %d", a.Status)
			}
		},
	},
}
