package conformance

import (
	"slices"
	"strconv"
	"strings"
)

var sortChecks = []*Check{
	{
		Name: "sort/ascending-by-default", Rows: []string{"P-S-06", "P-S-01"},
		Title: "sortBy orders ascending unless sortOrder says otherwise.",
		Fix:   "Take ascending for the default.",
		Run: func(t *T) {
			t.NeedSort()
			t.NeedFilter()
			family := t.Name("family")
			var ids []string
			for _, nick := range []string{"a", "b", "c"} {
				ids = append(ids, t.User(Object{"nickName": nick, "name": Object{"familyName": family}}).ID())
			}
			filter := t.Having(family)
			for order, want := range map[string][]string{"": ids, "ascending": ids, "descending": {ids[2], ids[1], ids[0]}} {
				q := Query("filter", filter, "sortBy", "nickName")
				if order != "" {
					q = Query("filter", filter, "sortBy", "nickName", "sortOrder", order)
				}
				if got := t.Get(t.Users() + q).List().IDs(); !slices.Equal(got, want) {
					t.Errorf("sortOrder=%s answered in the order %q, want %q", order, got, want)
				}
			}
		},
	},
}

var pageChecks = []*Check{
	{
		Name: "page/count", Rows: []string{"P-G-05", "P-G-06"}, Reads: true,
		Title: "No page has more than count resources; without count the provider decides.",
		Fix:   "Never send more than count resources.",
		Run: func(t *T) {
			for _, n := range []int{1, 2} {
				if got := len(t.Get(t.Users() + "?count=" + strconv.Itoa(n)).List().IDs()); got > n {
					t.Errorf("count=%d was answered with %d resources", n, got)
				}
			}
			t.Get(t.Users()).List()
		},
	},
	{
		Name: "page/walk", Rows: []string{"P-G-08", "P-G-12"},
		Title: "Pages show every resource once.",
		Fix:   "Page over a stable order, and give every page the same totalResults.",
		Run: func(t *T) {
			t.NeedFilter()
			family := t.Name("family")
			want := map[string]bool{}
			for range 5 {
				want[t.User(Object{"name": Object{"familyName": family}}).ID()] = true
			}
			got := map[string]bool{}
			for start := 1; start <= 5; start += 2 {
				a := t.Get(t.Users()+Query("filter", t.Having(family), "startIndex", strconv.Itoa(start), "count", "2")).
					List().Has("totalResults", 5)
				for _, id := range a.IDs() {
					if got[id] {
						t.Errorf("%s is on two pages", id)
					}
					got[id] = true
				}
			}
			if len(got) != len(want) {
				t.Failf("the pages show %d of %d resources", len(got), len(want))
			}
		},
	},
	{
		Name: "page/search", Rows: []string{"P-Q-05", "P-Q-01"},
		Title: "POST .search takes what a query takes, with numbers as JSON integers.",
		Fix:   "Serve /.search on every type, with the members of RFC 7644 §3.4.3.",
		Run: func(t *T) {
			t.NeedFilter()
			family := t.Name("family")
			for range 3 {
				t.User(Object{"name": Object{"familyName": family}})
			}
			a := t.Post(t.Users()+"/.search", Object{
				"schemas": []any{searchURN}, "filter": t.Having(family), "startIndex": 2, "count": 1,
				"attributes": []any{"userName"},
			})
			if a.Status == 404 || a.Status == 405 || a.Status == 501 {
				t.Offered(false, ".search")
			}
			a.List().Has("totalResults", 3)
			if len(a.IDs()) != 1 {
				t.Errorf("count 1 was answered with %d resources", len(a.IDs()))
			}
			for _, e := range a.Elements("Resources") {
				if e["name"] != nil || e["userName"] == nil {
					t.Errorf("attributes is not followed")
				}
			}
		},
	},
	{
		Name: "page/too-many", Rows: []string{"AMB-27"}, Reads: true,
		Title: "A count above what the provider sends makes a smaller page, not an error.",
		Fix:   "Cap count at filter.maxResults.",
		Run: func(t *T) {
			a := t.Get(t.Users() + "?count=1000000")
			if a.Status == 400 {
				t.Warnf("it is refused (%s); clients expect a smaller page", show(a.At("scimType")))
				return
			}
			a.List()
		},
	},
}

var projectionChecks = []*Check{
	{
		Name: "projection/attributes", Rows: []string{"P-A-01", "AMB-02"},
		Title: "attributes chooses what is sent, beside id and schemas; excludedAttributes leaves out.",
		Fix:   "Support both parameters on GET, POST, PUT, PATCH and .search.",
		Run: func(t *T) {
			u := t.User(Object{"displayName": "Shown", "nickName": "N", "name": Object{"givenName": "G", "familyName": "F"}})
			a := t.Get(u.Path()+"?attributes=displayName,name.givenName").Is(200).Has("displayName", "Shown").Has("name/givenName", "G").Has("id", u.ID())
			a.Lacks("nickName").Lacks("name/familyName")
			if a.At("schemas") == nil {
				t.Warnf("schemas is left out; send it with every resource")
			}
			b := t.Get(u.Path()+"?excludedAttributes=displayName,id").Is(200).Has("nickName", "N").Has("id", u.ID())
			b.Lacks("displayName")
		},
	},
	{
		Name: "projection/both", Rows: []string{"P-A-06", "AMB-29"},
		Title: "attributes and excludedAttributes together are refused, or one wins.",
		Fix:   "Answer 400 with invalidValue.",
		Run: func(t *T) {
			u := t.User(Object{"displayName": "Shown", "nickName": "N"})
			a := t.Get(u.Path() + "?attributes=displayName&excludedAttributes=nickName")
			if a.Status != 200 {
				a.Refused("", 400)
				return
			}
			a.Lacks("nickName")
			t.Warnf("both are accepted")
		},
	},
	{
		Name: "projection/groups-without-members", Rows: []string{"P-A-09"},
		Title: "excludedAttributes=members leaves the members of a group out.",
		Fix:   "Support it: clients read large groups that way.",
		Run: func(t *T) {
			g := t.Group(t.User(nil).ID())
			t.Get(g.Path() + "?excludedAttributes=members").Is(200).Lacks("members")
			for _, e := range t.Get(t.Groups() + "?excludedAttributes=members&count=5").List().Elements("Resources") {
				if e["members"] != nil {
					t.Errorf("a list has members all the same")
				}
			}
		},
	},
	{
		Name: "projection/groups-of-users", Rows: []string{"S-4.1.2-06", "AMB-49"},
		Title: "A member's groups lists the group by its id.",
		Fix:   "Derive groups from the members of groups.",
		Run: func(t *T) {
			u := t.User(nil)
			g := t.Group(u.ID())
			a := t.Get(u.Path()).Is(200)
			if a.At("groups") == nil {
				a = t.Get(u.Path() + "?attributes=groups").Is(200)
			}
			published := false
			walk(at(t.s.schemas[userURN], "attributes"), "", func(path string, _ Object) { published = published || path == "groups" })
			if a.At("groups") == nil && published {
				t.Warnf("the schema has groups, and a member shows none")
				return
			}
			t.Offered(a.At("groups") != nil, "groups of users")
			if !slices.Contains(a.Values("groups", "value"), g.ID()) {
				t.Failf("groups is %s", show(a.At("groups")))
			}
			for _, e := range a.Elements("groups") {
				if ref, _ := e["$ref"].(string); e["value"] == g.ID() && ref != "" && !strings.HasSuffix(ref, "/"+g.ID()) {
					t.Errorf("$ref is %q", ref)
				}
			}
		},
	},
}
