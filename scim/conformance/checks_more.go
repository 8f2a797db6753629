package conformance

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// queryMore are further checks of sorting, paging and projection.
var queryMore = []*Check{
	{
		Name: "sort/by-many", Rows: []string{"P-S-02", "P-3.10-01"}, Reads: true,
		Title: "sortBy takes attributes, sub-attributes, times and full names.",
		Fix:   "Resolve sortBy as any attribute path.",
		Run: func(t *T) {
			t.NeedSort()
			for _, by := range []string{"userName", "name.familyName", "meta.created", "meta.lastModified", userURN + ":userName"} {
				if a := t.Get(t.Users() + Query("sortBy", by, "count", "1")); a.Status != 200 {
					t.Errorf("sortBy=%s is answered with status %d", by, a.Status)
				}
			}
		},
	},
	{
		Name: "sort/absent", Rows: []string{"P-S-05"},
		Title: "Who has no value comes last ascending and first descending.",
		Fix:   "Order missing values so.",
		Run: func(t *T) {
			ids, q := sortedPeople(t, Object{"title": "a"}, Object{}, Object{"title": "b"})
			if got := t.Get(t.Users() + q("title", "")).List().IDs(); !slices.Equal(got, []string{ids[0], ids[2], ids[1]}) {
				t.Errorf("ascending the one without title is not last")
			}
			if got := t.Get(t.Users() + q("title", "descending")).List().IDs(); !slices.Equal(got, []string{ids[1], ids[2], ids[0]}) {
				t.Errorf("descending the one without title is not first")
			}
		},
	},
	{
		Name: "sort/without-case", Rows: []string{"P-S-08"},
		Title: "Text sorts without case where caseExact is false.",
		Fix:   "Sort by the folded value.",
		Run: func(t *T) {
			ids, q := sortedPeople(t, Object{"displayName": "b"}, Object{"displayName": "A"}, Object{"displayName": "C"})
			if got := t.Get(t.Users() + q("displayName", "")).List().IDs(); !slices.Equal(got, []string{ids[1], ids[0], ids[2]}) {
				t.Errorf("b, A, C came in the order %q", got)
			}
		},
	},
	{
		Name: "sort/by-primary", Rows: []string{"P-S-03"},
		Title: "A list sorts by its primary element, else by the first.",
		Fix:   "Take the primary value.",
		Run: func(t *T) {
			ids, q := sortedPeople(t,
				Object{"emails": []any{email("c@example.com", "work"), email("a@example.com", "home", "primary", true)}},
				Object{"emails": []any{email("b@example.com", "work")}})
			a := t.Get(t.Users() + q("emails.value", ""))
			if a.Status != 200 {
				t.Warnf("sortBy=emails.value is answered with status %d", a.Status)
				return
			}
			if got := a.IDs(); !slices.Equal(got, ids) {
				t.Warnf("it does not sort by the primary value")
			}
		},
	},
	{
		Name: "sort/complex", Rows: []string{"P-S-04"}, Reads: true,
		Title: "sortBy of a complex attribute is refused or ignored.",
		Fix:   "Answer 400 with invalidValue.",
		Run: func(t *T) {
			t.NeedSort()
			if a := t.Get(t.Users() + "?sortBy=name&count=1"); a.Status >= 500 {
				t.Failf("it is answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "sort/order-values", Rows: []string{"P-S-07", "P-S-09"}, Reads: true,
		Title: "sortOrder is ascending or descending; without sortBy it means nothing.",
		Fix:   "Refuse another value with 400.",
		Run: func(t *T) {
			t.NeedSort()
			if a := t.Get(t.Users() + "?sortBy=userName&sortOrder=up&count=1"); a.Status == 200 {
				t.Warnf("sortOrder=up is accepted")
			} else {
				a.Refused("", 400)
			}
			t.Get(t.Users() + "?sortOrder=descending&count=1").List()
		},
	},
	{
		Name: "sort/ties", Rows: []string{"P-S-10"},
		Title: "Equal values keep an order, so that paging loses nobody.",
		Fix:   "Break ties by something unique.",
		Run: func(t *T) {
			same := Object{"title": "same"}
			ids, q := sortedPeople(t, same, same, same, same, same)
			seen := map[string]bool{}
			for start := 1; start <= 5; start += 2 {
				for _, id := range t.Get(t.Users() + q("title", "") + "&count=2&startIndex=" + strconv.Itoa(start)).List().IDs() {
					seen[id] = true
				}
			}
			if len(seen) != len(ids) {
				t.Failf("the pages show %d of %d", len(seen), len(ids))
			}
		},
	},
	{
		Name: "sort/not-offered", Rows: []string{"AMB-39"}, Reads: true,
		Title: "Where sorting is not offered, sortBy is ignored or refused.",
		Fix:   "Ignore it.",
		Run: func(t *T) {
			t.Offered(!t.Supports("sort"), "a provider without sorting, so this check")
			if a := t.Get(t.Users() + "?sortBy=userName&count=1"); a.Status >= 500 && a.Status != 501 {
				t.Failf("it is answered with status %d", a.Status)
			}
		},
	},

	{
		Name: "page/start-index", Rows: []string{"P-G-01"}, Reads: true,
		Title: "startIndex begins at 1; what is smaller counts as 1.",
		Fix:   "Raise smaller values to 1.",
		Run: func(t *T) {
			for _, start := range []string{"0", "-5"} {
				a := t.Get(t.Users() + "?count=1&startIndex=" + start).List()
				if a.At("startIndex") == nil && a.Int("totalResults") == 0 {
					continue // nobody is there: it is required of partial results only
				}
				a.Has("startIndex", 1)
			}
		},
	},
	{
		Name: "page/negative-count", Rows: []string{"P-G-02"}, Reads: true,
		Title: "A negative count counts as 0.",
		Fix:   "Raise it to 0.",
		Run: func(t *T) {
			if n := len(t.Get(t.Users() + "?count=-1").List().IDs()); n != 0 {
				t.Failf("there are %d resources", n)
			}
		},
	},
	{
		Name: "page/count-zero", Rows: []string{"P-G-03"},
		Title: "count=0 answers how many there are, and no resources.",
		Fix:   "Answer totalResults alone.",
		Run: func(t *T) {
			t.User(nil)
			var a *Answer
			t.Await("totalResults is 0, and there is somebody", func() bool {
				a = t.Get(t.Users() + "?count=0").List()
				return a.Int("totalResults") > 0
			})
			if n := len(a.IDs()); n != 0 {
				t.Failf("there are %d resources", n)
			}
		},
	},
	{
		Name: "page/items-per-page", Rows: []string{"P-G-07", "P-G-04"}, Reads: true,
		Title: "itemsPerPage is how many resources the page has.",
		Fix:   "Count what you send.",
		Run: func(t *T) {
			a := t.Get(t.Users() + "?count=2").List()
			if n := a.At("itemsPerPage"); n != nil && a.Int("itemsPerPage") != len(a.IDs()) {
				t.Failf("itemsPerPage is %v and there are %d resources", n, len(a.IDs()))
			}
		},
	},
	{
		Name: "page/behind-the-end", Rows: []string{"P-G-09"}, Reads: true,
		Title: "Behind the end there is an empty page with the true total.",
		Fix:   "Answer 200.",
		Run: func(t *T) {
			a := t.Get(t.Users() + "?startIndex=100000000&count=10").List()
			a.Int("totalResults")
			if n := len(a.IDs()); n != 0 {
				t.Failf("there are %d resources", n)
			}
		},
	},
	{
		Name: "page/not-a-number", Rows: []string{"P-G-10", "AMB-41"}, Reads: true,
		Title: "A count that is no number is refused.",
		Fix:   "Answer 400 with invalidValue.",
		Run: func(t *T) {
			for _, q := range []string{"?count=abc", "?startIndex=abc"} {
				if a := t.Get(t.Users() + q); a.Status == 200 {
					t.Warnf("%s is accepted", q)
				} else {
					a.Refused("", 400)
				}
			}
		},
	},
	{
		Name: "page/walk-all", Rows: []string{"P-G-11"}, Reads: true,
		Title: "Walking by itemsPerPage ends, and shows nobody twice.",
		Fix:   "Page over a stable order.",
		Run: func(t *T) {
			seen := map[string]bool{}
			start := 1
			for range 20 { // enough to see an order that is not stable
				a := t.Get(t.Users() + "?count=50&startIndex=" + strconv.Itoa(start)).List()
				for _, id := range a.IDs() {
					if seen[id] {
						t.Failf("%s is on two pages", id)
					}
					seen[id] = true
				}
				if len(a.IDs()) == 0 || len(seen) >= a.Int("totalResults") {
					return
				}
				start += len(a.IDs())
			}
		},
	},
	{
		Name: "page/unknown-parameters", Rows: []string{"P-3.4.2-01"}, Reads: true,
		Title: "Unknown parameters are ignored.",
		Fix:   "Ignore them.",
		Run:   func(t *T) { t.Get(t.Users() + "?count=1&muster=check").List() },
	},
	{
		Name: "page/no-match", Rows: []string{"P-3.4.2-06", "P-3.4.2-02"}, Reads: true,
		Title: "No match is 200 with totalResults 0.",
		Fix:   "Answer an empty ListResponse, not 404.",
		Run: func(t *T) {
			t.NeedFilter()
			t.Find(t.Users(), `userName eq "muster-check-nobody-has-this-name"`).Has("totalResults", 0)
		},
	},
	{
		Name: "page/filter-on-one", Rows: []string{"P-3.4.2-07"},
		Title: "A filter on one resource never shows it as if it matched.",
		Fix:   "Refuse it or answer a list.",
		Run: func(t *T) {
			u := t.User(nil)
			a := t.Get(u.Path() + Query("filter", `userName eq "muster-check-nobody"`))
			if a.Status == 200 && !slices.Contains(a.Strings("schemas"), listURN) {
				t.Warnf("the filter is ignored")
			}
		},
	},
	{
		Name: "page/search-message", Rows: []string{"P-Q-02", "P-Q-03", "P-Q-06"},
		Title: ".search answers what the same GET does; its message needs its schema.",
		Fix:   "Take the members of SearchRequest.",
		Run: func(t *T) {
			t.NeedFilter()
			u := t.User(Object{"nickName": "N"})
			filter := `userName eq "` + u.Text("userName") + `"`
			a := t.Post(t.Users()+"/.search", Object{"schemas": []any{searchURN}, "filter": filter, "excludedAttributes": []any{"nickName"}})
			t.Offered(a.Status != 404 && a.Status != 405 && a.Status != 501, ".search")
			a.List().Finds(u.ID()).Lacks("Resources/0/nickName")
			if b := t.Post(t.Users()+"/.search", Object{"filter": filter}); b.Status == 200 {
				t.Warnf("a search without schemas is accepted")
			}
		},
	},
	{
		Name: "page/search-root", Rows: []string{"P-Q-07", "P-3.4.2.1-02", "P-3.4.2.1-04"},
		Title: "/.search spans types; an attribute that a type lacks has no value there.",
		Fix:   "Serve it over all types, or answer 501 or 404.",
		Run: func(t *T) {
			t.NeedFilter()
			u := t.User(nil)
			a := t.Post("/.search", Object{"schemas": []any{searchURN}, "filter": `userName eq "` + u.Text("userName") + `"`})
			t.Offered(a.Status != 404 && a.Status != 405 && a.Status != 501 && a.Status != 403, "a search over all types")
			a.List().Finds(u.ID())
			b := t.Post("/.search", Object{"schemas": []any{searchURN}, "filter": `meta.resourceType eq "Group" and userName pr`})
			b.List().Has("totalResults", 0)
		},
	},

	{
		Name: "projection/minimum", Rows: []string{"P-A-04", "S-7-11", "S-7-13"},
		Title: "With attributes only those come, and what is always returned.",
		Fix:   "Send schemas, id and what is named.",
		Run: func(t *T) {
			u := t.User(Object{"nickName": "N", "title": "T"})
			a := t.Get(u.Path()+"?attributes=userName").Is(200).Has("id", u.ID()).Has("userName", u.Text("userName"))
			a.Lacks("nickName").Lacks("title")
			if a.At("meta") != nil {
				t.Warnf("meta comes although it was not asked for")
			}
		},
	},
	{
		Name: "projection/excluded", Rows: []string{"P-A-05", "P-A-03"},
		Title: "excludedAttributes leaves out what it names, but not what is always returned.",
		Fix:   "Keep id and schemas.",
		Run: func(t *T) {
			u := t.User(Object{"nickName": "N", "name": Object{"givenName": "G", "familyName": "F"}})
			a := t.Get(u.Path()+"?excludedAttributes=nickName,name.familyName,id,schemas").Is(200).Has("id", u.ID()).Has("name/givenName", "G")
			a.Lacks("nickName").Lacks("name/familyName")
			if len(a.Strings("schemas")) == 0 {
				t.Warnf("schemas was left out; send it with every resource")
			}
			t.NeedEnterprise()
			v := t.User(Object{"nickName": "N", enterprise: Object{"department": "D"}})
			t.Get(v.Path()+"?excludedAttributes=nickName").Is(200).Has(enterprise+"/department", "D")
		},
	},
	{
		Name: "projection/on-writes", Rows: []string{"P-A-07"},
		Title: "attributes also applies to the answer of POST and PUT.",
		Fix:   "Project every answer that holds a resource.",
		Run: func(t *T) {
			a := t.Post(t.Users()+"?attributes=userName", t.UserBody(Object{"nickName": "N"})).Is(201)
			if a.At("nickName") != nil {
				t.Warnf("POST ignores attributes")
			}
			body := whole(t, a.Path())
			if b := t.Put(a.Path()+"?attributes=userName", body).Is(200); b.At("nickName") != nil {
				t.Warnf("PUT ignores attributes")
			}
		},
	},
	{
		Name: "projection/names", Rows: []string{"P-A-08", "P-A-02"},
		Title: "Names are taken in any case, with blanks around them; unknown ones mean nothing.",
		Fix:   "Trim and fold them.",
		Run: func(t *T) {
			u := t.User(Object{"nickName": "N"})
			t.Get(u.Path()+"?attributes=USERNAME,%20nosuchname,%20nickname").Is(200).Has("nickName", "N").Has("userName", u.Text("userName"))
			t.Get(u.Path()+"?attributes="+userURN+":nickName").Is(200).Has("nickName", "N").Lacks("userName")
		},
	},
	{
		Name: "projection/extension", Rows: []string{"P-A-10", "AMB-30"},
		Title: "An attribute of an extension is chosen by its full name; the URN alone chooses all of it.",
		Fix:   "Resolve URNs in attributes.",
		Run: func(t *T) {
			t.NeedEnterprise()
			u := t.User(Object{enterprise: Object{"department": "D", "division": "V"}})
			t.Get(u.Path()+"?attributes="+enterprise+":department").Is(200).Has(enterprise+"/department", "D").Lacks(enterprise + "/division")
			if a := t.Get(u.Path() + "?attributes=" + enterprise).Is(200); a.At(enterprise+"/division") != "V" {
				t.Warnf("the URN alone does not choose the extension")
			}
		},
	},
	{
		Name: "projection/never", Rows: []string{"P-A-12", "S-7-12"},
		Title: "A password does not come, even if it is asked for.",
		Fix:   "Never send it.",
		Run:   func(t *T) { t.Get(t.User(nil).Path() + "?attributes=password").Is(200).Lacks("password") },
	},
	{
		Name: "projection/meta", Rows: []string{"S-3.1-14"},
		Title: "A part of meta can be chosen.",
		Fix:   "Treat meta's sub-attributes as returned: default.",
		Run: func(t *T) {
			a := t.Get(t.User(nil).Path() + "?attributes=meta.location").Is(200)
			a.Text("meta/location")
			if a.At("meta/created") != nil {
				t.Warnf("all of meta comes")
			}
		},
	},
	{
		Name: "projection/default", Rows: []string{"P-3.4-01"},
		Title: "Without parameters everything comes that is returned by default.",
		Fix:   "Send all attributes that have a value.",
		Run: func(t *T) {
			u := t.User(Object{"nickName": "N", "title": "T"})
			t.Get(u.Path()).Is(200).Has("nickName", "N").Has("title", "T")
			for _, e := range t.Get(t.Users() + Query("filter", `userName eq "`+u.Text("userName")+`"`)).Elements("Resources") {
				if e["nickName"] != "N" {
					t.Errorf("a list leaves nickName out")
				}
			}
		},
	},
}

// sortedPeople makes people in a family of their own, and the query that lists them by an attribute.
func sortedPeople(t *T, more ...Object) (ids []string, query func(by, order string) string) {
	t.NeedSort()
	t.NeedFilter()
	family := t.Name("family")
	for _, m := range more {
		body := Object{"name": Object{"familyName": family}}
		maps.Copy(body, m)
		ids = append(ids, t.User(body).ID())
	}
	return ids, func(by, order string) string {
		q := []string{"filter", t.Having(family), "sortBy", by}
		if order != "" {
			q = append(q, "sortOrder", order)
		}
		return Query(q...)
	}
}

// writeMore are further checks of PUT, DELETE, groups, versions and media types.
var writeMore = []*Check{
	{
		Name: "put/lists", Rows: []string{"P-3.5.1-02"},
		Title: "PUT replaces a list as a whole.",
		Fix:   "Replace it.",
		Run: func(t *T) {
			u := t.User(twoMails)
			body := whole(t, u.Path())
			body["emails"] = []any{email("n@example.com", "other")}
			a := t.Put(u.Path(), body).Is(200).Has("emails/0/value", "n@example.com")
			a.Lacks("emails/1")
		},
	},
	{
		Name: "put/required", Rows: []string{"P-3.5.1-09"},
		Title: "PUT without userName is refused.",
		Fix:   "Answer 400 with invalidValue.",
		Run: func(t *T) {
			u := t.User(nil)
			body := whole(t, u.Path())
			delete(body, "userName")
			t.Put(u.Path(), body).Refused("", 400)
		},
	},
	{
		Name: "put/omitted", Rows: []string{"P-3.5.1-03", "P-3.5.1-12", "AMB-11"},
		Title: "What PUT leaves out is cleared.",
		Fix:   "Clear readWrite attributes that are left out, extensions too.",
		Run: func(t *T) {
			t.NeedEnterprise()
			u := t.User(Object{"nickName": "N", enterprise: Object{"department": "D"}})
			a := t.Put(u.Path(), Object{"schemas": []any{userURN}, "userName": u.Text("userName")}).Is(200)
			for _, path := range []string{"nickName", enterprise + "/department"} {
				if a.At(path) != nil {
					t.Warnf("%s is kept", path)
				}
			}
		},
	},
	{
		Name: "put/read-only", Rows: []string{"P-3.5.1-08", "P-3.5.1-15"},
		Title: "id, meta and groups in a PUT are ignored, also where they name something else.",
		Fix:   "Ignore readOnly attributes.",
		Run: func(t *T) {
			one, two := t.User(nil), t.User(nil)
			body := whole(t, one.Path())
			body["id"], body["groups"], body["title"] = two.ID(), []any{Object{"value": "x"}}, "T"
			t.Put(one.Path(), body).Is(200).Has("id", one.ID()).Lacks("groups")
			t.Get(two.Path()).Is(200).Lacks("title")
		},
	},
	{
		Name: "put/members", Rows: []string{"P-3.5.1-11"},
		Title: "PUT of a group sets its members: who is not listed leaves.",
		Fix:   "Replace the members.",
		Run: func(t *T) {
			a, b, c := t.User(nil).ID(), t.User(nil).ID(), t.User(nil).ID()
			g := t.Group(a, b)
			body := whole(t, g.Path())
			body["members"] = Members(b, c)
			t.Put(g.Path(), body).Is(200)
			if got := t.Get(g.Path()).Is(200).Values("members", "value"); !slices.Equal(got, sorted([]string{b, c})) {
				t.Failf("the members are %q", got)
			}
		},
	},
	{
		Name: "put/nothing-new", Rows: []string{"P-3.5.1-14"},
		Title: "A PUT that changes nothing leaves lastModified and version alone.",
		Fix:   "Compare before you write.",
		Run: func(t *T) {
			u := t.User(Object{"title": "T"})
			before := t.Get(u.Path()).Is(200)
			t.Put(u.Path(), before.Body).Is(200)
			after := t.Get(u.Path()).Is(200)
			if before.At("meta/lastModified") != after.At("meta/lastModified") || before.At("meta/version") != after.At("meta/version") {
				t.Warnf("lastModified or version moved")
			}
		},
	},
	{
		Name: "put/unique", Rows: []string{"P-3.5.1-13", "S-4.1.1-03"},
		Title: "userName may be changed, and stays unique.",
		Fix:   "Check uniqueness when it changes.",
		Run: func(t *T) {
			one, two := t.User(nil), t.User(nil)
			body := whole(t, one.Path())
			fresh := t.Name("renamed")
			body["userName"] = fresh
			t.Put(one.Path(), body).Is(200).Has("userName", fresh)
			body["userName"] = strings.ToUpper(two.Text("userName"))
			t.Put(one.Path(), body).Refused("uniqueness", 409, 400)
		},
	},
	{
		Name: "put/unknown", Rows: []string{"P-3.5.1-01"},
		Title: "PUT on what was deleted makes nothing.",
		Fix:   "Answer 404.",
		Run: func(t *T) {
			u := t.User(nil)
			t.Delete(u.Path()).Is(200, 204)
			t.Put(u.Path(), t.UserBody(nil)).Refused("", 404)
		},
	},
	{
		Name: "put/password-stays", Rows: []string{"S-4.1.1-17"},
		Title: "PUT without a password is accepted.",
		Fix:   "Keep the stored password.",
		Run: func(t *T) {
			a := t.Post(t.Users(), t.UserBody(Object{"password": "correct-Horse-9-battery"}))
			t.Offered(a.Status == 201, "setting passwords")
			t.Put(a.Path(), whole(t, a.Path())).Is(200)
		},
	},
	{
		Name: "delete/nowhere", Rows: []string{"P-3.6-03", "P-3.6-02"},
		Title: "What was deleted is in no list and no group.",
		Fix:   "Leave it out of every query.",
		Run: func(t *T) {
			t.NeedFilter()
			family := t.Name("family")
			u := t.User(Object{"name": Object{"familyName": family}})
			t.Delete(u.Path()).Is(200, 204)
			t.Find(t.Users(), t.Having(family)).Finds()
			if t.Supports("patch") {
				t.Patch(u.Path(), Op("replace", "title", "T")).Refused("", 404)
			}
		},
	},
	{
		Name: "delete/group-keeps-users", Rows: []string{"S-4.2-07"},
		Title: "Deleting a group deletes nobody.",
		Fix:   "Remove the memberships, not the members.",
		Run: func(t *T) {
			u := t.User(nil)
			g := t.Group(u.ID())
			t.Delete(g.Path()).Is(200, 204)
			a := t.Get(u.Path()).Is(200)
			if slices.Contains(a.Values("groups", "value"), g.ID()) {
				t.Errorf("the user still shows the group")
			}
		},
	},
	{
		Name: "read/other-type", Rows: []string{"P-3.4.1-03"},
		Title: "The id of a group is unknown among users.",
		Fix:   "Answer 404.",
		Run:   func(t *T) { t.Get(t.Users()+"/"+t.Group().ID()).Refused("", 404) },
	},
	{
		Name: "groups/member-shape", Rows: []string{"S-4.2-03"},
		Title: "A member shows its id, where it is and what it is.",
		Fix:   "Send value, $ref and type.",
		Run: func(t *T) {
			u := t.User(nil)
			for _, m := range t.Get(t.Group(u.ID()).Path()).Is(200).Elements("members") {
				if m["value"] != u.ID() {
					t.Errorf("value is %s", show(m["value"]))
				}
				if m["$ref"] == nil || m["type"] == nil {
					t.Warnf("a member lacks $ref or type")
				}
			}
		},
	},
	{
		Name: "groups/member-fixed", Rows: []string{"S-4.2-02"},
		Title: "The value of a member cannot be edited.",
		Fix:   "Refuse it with mutability.",
		Run: func(t *T) {
			t.NeedPatch()
			u, v := t.User(nil), t.User(nil)
			g := t.Group(u.ID())
			a := t.Patch(g.Path(), Op("replace", `members[value eq "`+u.ID()+`"].value`, v.ID()))
			if a.Status < 300 {
				t.Warnf("it is accepted")
				return
			}
			a.Refused("", 400)
		},
	},
	{
		Name: "groups/nested", Rows: []string{"S-4.2-04", "S-4.1.2-08"},
		Title: "A group in a group is accepted or refused clearly; who is in the inner one is in the outer one indirectly.",
		Fix:   "Refuse with invalidValue, or derive indirect memberships.",
		Run: func(t *T) {
			u := t.User(nil)
			inner := t.Group(u.ID())
			a := t.Post(t.Groups(), Object{"schemas": []any{groupURN}, "displayName": t.Name("outer"), "members": Members(inner.ID())})
			if a.Status != 201 {
				a.Refused("", 400)
				t.Offered(false, "groups in groups")
			}
			for _, g := range t.Get(u.Path()).Is(200).Elements("groups") {
				if g["value"] == inner.ID() && g["type"] != nil && g["type"] != "direct" {
					t.Errorf("the own group is %s", show(g["type"]))
				}
				if g["value"] == a.ID() && g["type"] != nil && g["type"] != "indirect" {
					t.Errorf("the outer group is %s", show(g["type"]))
				}
			}
		},
	},
	{
		Name: "groups/cycle", Rows: []string{"S-4.2-06"},
		Title: "Two groups in each other hang nothing.",
		Fix:   "Refuse it, or walk memberships once.",
		Run: func(t *T) {
			t.NeedPatch()
			one, two := t.Group(), t.Group()
			t.Patch(one.Path(), Op("add", "members", Members(two.ID())))
			t.Patch(two.Path(), Op("add", "members", Members(one.ID())))
			t.Get(one.Path()).Is(200)
			t.Get(two.Path()).Is(200)
		},
	},
	{
		Name: "groups/membership-by-group-only", Rows: []string{"S-4.1.2-07"},
		Title: "groups of a user cannot be written.",
		Fix:   "Ignore groups in POST and PUT, refuse it in PATCH.",
		Run: func(t *T) {
			g := t.Group()
			u := t.User(Object{"groups": []any{Object{"value": g.ID()}}})
			if len(t.Get(g.Path()).Is(200).Elements("members")) > 0 {
				t.Errorf("the user is a member now")
			}
			if t.Supports("patch") {
				if a := t.Patch(u.Path(), Op("add", "groups", []any{Object{"value": g.ID()}})); a.Status >= 300 {
					a.Refused("mutability", 400)
				} else if len(t.Get(g.Path()).Is(200).Elements("members")) > 0 {
					t.Errorf("the user is a member after PATCH of groups")
				} else {
					t.Warnf("PATCH of groups is answered with %d and ignored; refuse it with mutability", a.Status)
				}
			}
		},
	},
	{
		Name: "groups/same-name", Rows: []string{"AMB-25"},
		Title: "A second group of the same name is refused or made, as the schema says.",
		Fix:   "Publish displayName of groups with the uniqueness that it has.",
		Run: func(t *T) {
			g := t.Group()
			a := t.Post(t.Groups(), Object{"schemas": []any{groupURN}, "displayName": g.Text("displayName")})
			if a.Status != 201 {
				a.Refused("uniqueness", 409)
			}
		},
	},
	{
		Name: "etag/everywhere", Rows: []string{"P-3.14-01"},
		Title: "Every answer with a resource has an ETag.",
		Fix:   "Send it with POST, GET, PUT and PATCH.",
		Run: func(t *T) {
			t.NeedETag()
			u := t.User(nil)
			for _, a := range []*Answer{u, t.Get(u.Path()).Is(200), t.Put(u.Path(), whole(t, u.Path())).Is(200)} {
				if a.Header.Get("ETag") == "" {
					t.Errorf("%s has none", a.what)
				}
			}
		},
	},
	{
		Name: "etag/star", Rows: []string{"P-3.14-05", "AMB-31"},
		Title: "If-Match * passes on what exists; a list of versions passes if one of them is current.",
		Fix:   "Understand the whole header.",
		Run: func(t *T) {
			t.NeedETag()
			u := t.User(nil)
			body := whole(t, u.Path())
			body["title"] = "A"
			t.Put(u.Path(), body, "If-Match: *").Is(200)
			tag := t.Get(u.Path()).Is(200).Header.Get("ETag")
			body["title"] = "B"
			t.Put(u.Path(), body, `If-Match: W/"muster-check-old", `+tag).Is(200).Has("title", "B")
		},
	},
	{
		Name: "etag/group-members", Rows: []string{"P-3.14-06"},
		Title: "A new member changes the version of the group; nothing else does.",
		Fix:   "Give the group a new version with every effective change.",
		Run: func(t *T) {
			t.NeedETag()
			t.NeedPatch()
			u := t.User(nil)
			g := t.Group()
			one := t.Get(g.Path()).Is(200).Header.Get("ETag")
			t.Patch(g.Path(), Op("add", "members", Members(u.ID()))).Is(200, 204)
			two := t.Get(g.Path()).Is(200).Header.Get("ETag")
			if one == two {
				t.Errorf("a new member left the version as it was")
			}
			t.Patch(g.Path(), Op("add", "members", Members(u.ID()))).Is(200, 204)
			if three := t.Get(g.Path()).Is(200).Header.Get("ETag"); three != two {
				t.Warnf("adding a member again changed the version")
			}
		},
	},
	{
		Name: "etag/not-offered", Rows: []string{"P-3.14-08"},
		Title: "Without versions, conditional headers are ignored.",
		Fix:   "Ignore If-Match.",
		Run: func(t *T) {
			t.Offered(!t.Supports("etag"), "a provider without versions, so this check")
			u := t.User(nil)
			t.Put(u.Path(), whole(t, u.Path()), `If-Match: W/"x"`).Is(200, 412)
		},
	},
	{
		Name: "errors/wrong-method", Rows: []string{"P-3.2-07"}, Reads: true,
		Title: "A method that an endpoint lacks is refused with 405 and Allow.",
		Fix:   "Answer 405.",
		Run: func(t *T) {
			for _, c := range [][2]string{{"DELETE", t.Users()}, {"PUT", t.Users()}, {"POST", t.Users() + "/muster-check-nobody"}} {
				a := t.Do(c[0], c[1], Object{"schemas": []any{userURN}})
				switch {
				case a.Status < 400:
					t.Errorf("%s was answered with status %d", a.what, a.Status)
				case a.Status != 405 || a.Header.Get("Allow") == "":
					t.Warnf("%s was answered with status %d, want 405 with Allow", a.what, a.Status)
				}
			}
		},
	},
	{
		Name: "errors/body", Rows: []string{"P-3.12-01", "P-3.12-02"}, Reads: true,
		Title: "Every error has a SCIM body whose status is that of the answer.",
		Fix:   "Send the Error message with every status from 400 on.",
		Run: func(t *T) {
			for _, a := range []*Answer{
				t.Get(t.Users() + "/muster-check-nobody"), t.Get("/NoSuchEndpoint"), t.Do("POST", t.Users(), "{"),
				t.Do("POST", t.Users(), "<user/>", "Content-Type: text/xml"),
			} {
				if a.Status < 400 {
					t.Errorf("%s was answered with status %d", a.what, a.Status)
					continue
				}
				if !slices.Contains(a.Strings("schemas"), errorURN) {
					t.Errorf("%s: %d without a SCIM error", a.what, a.Status)
					continue
				}
				if s, _ := a.At("status").(string); s != strconv.Itoa(a.Status) {
					t.Errorf("%s: status is %s in the body and %d on the line", a.what, show(a.At("status")), a.Status)
				}
			}
		},
	},
	{
		Name: "errors/accept", Rows: []string{"P-3.8-02", "P-3.8-03", "P-3.8-04"}, Reads: true,
		Title: "application/scim+json, application/json, */* and no Accept at all are answered.",
		Fix:   "Answer them with JSON.",
		Run: func(t *T) {
			for _, accept := range []string{"Accept: application/scim+json", "Accept: application/json", "Accept: */*", "Accept:", "Accept: application/scim+json;q=0.9, */*;q=0.1"} {
				t.Get(t.Users()+"?count=1", accept).List()
			}
		},
	},
	{
		Name: "errors/content-type", Rows: []string{"P-3.8-05", "P-3.8-06", "P-3.8-07", "AMB-36"},
		Title: "JSON is taken with either media type and with charset=utf-8; other types are refused with 415.",
		Fix:   "Compare the media type without its parameters.",
		Run: func(t *T) {
			for _, typ := range []string{"application/json", "application/scim+json; charset=utf-8", "application/json;charset=UTF-8"} {
				t.Post(t.Users(), t.UserBody(nil), "Content-Type: "+typ).Is(201)
			}
			for _, typ := range []string{"text/xml", "application/x-www-form-urlencoded"} {
				if a := t.Post(t.Users(), t.UserBody(nil), "Content-Type: "+typ); a.Status < 300 {
					t.Warnf("%s is accepted", typ)
				} else if a.Status != 415 && a.Status != 400 {
					t.Errorf("%s is answered with status %d", typ, a.Status)
				}
			}
		},
	},
}
