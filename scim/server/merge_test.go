package server_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
)

func TestRootQueryInOrder(t *testing.T) {
	cases := rows{
		"P-S-02 an attribute of both types": func(p *provider) {
			p.user("u1", `"displayName":"d"`)
			p.user("u2", `"displayName":"B"`)
			p.group("a")
			p.group("c")
			wantStrings(p.t, p.get("?sortBy=displayName").has("totalResults", 4).names("displayName"), "a", "B", "c", "d")
			wantStrings(p.t, p.get("?sortBy=displayName&sortOrder=descending").names("displayName"), "d", "c", "B", "a")
			wantStrings(p.t, p.get("?sortBy=displayName&startIndex=2&count=2").has("startIndex", 2).names("displayName"), "B", "c")
			wantStrings(p.t, p.post("/.search", `{"sortBy":"displayName","count":1}`).names("displayName"), "a")
			wantStrings(p.t, p.walk("?count=1&sortBy=displayName", "displayName"), "a", "B", "c", "d")
		},
		"P-S-05 a type without the attribute": func(p *provider) {
			b, a := p.user("b"), p.user("a")
			g := p.group("g")
			for _, count := range []int{1, 2, 3} {
				walk := func(more string) []string { return p.walk(fmt.Sprintf("?count=%d&sortBy=userName", count)+more, "id") }
				wantStrings(p.t, walk(""), a, b, g)
				wantStrings(p.t, walk("&sortOrder=descending"), g, b, a)
			}
		},
		"P-S-04 an attribute of no type": func(p *provider) {
			p.get("?sortBy=nosuch").refused(400, scim.InvalidValue)
		},
		"D02 what is never returned orders nothing": func(p *provider) {
			p.get("?sortBy=password").refused(400, scim.InvalidValue)
		},
		"relations are sent, projection and filter hold": func(p *provider) {
			u := p.user("u", `"displayName":"b"`)
			p.group("a", u)
			a := p.get("?sortBy=displayName").has("Resources/0/members/0/value", u).has("Resources/1/groups/0/display", "a")
			a.has("Resources/1/meta/resourceType", "User")
			a = p.get("?sortBy=displayName&attributes=displayName").has("Resources/0/members", nil).has("Resources/1/groups", nil)
			a.has("Resources/0/displayName", "a")
			wantStrings(p.t, p.get("?sortBy=displayName&filter=userName+pr").has("totalResults", 1).names("id"), u)
		},
		"CUR-05 the last page": func(p *provider) {
			p.user("b")
			p.group("a")
			p.get("?sortBy=displayName&count=2&cursor").has("itemsPerPage", 2).has("nextCursor", nil)
			p.get("?sortBy=displayName&count=1&cursor").has("totalResults", 2).text("nextCursor")
			p.get("?sortBy=displayName&count=1&cursor&filter=displayName+pr").has("totalResults", 1).has("nextCursor", nil)
		},
	}
	for id, f := range cases {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f(newProvider(t, scim.Compat(), withCursors))
		})
	}
}

// TestRootQueryPages compares pages at any depth with the plain meaning: sort all, cut out the page.
func TestRootQueryPages(t *testing.T) {
	t.Parallel()
	p := newProvider(t, scim.Compat(), withCursors)
	type thing struct {
		id, name string
		group    bool
		place    int
	}
	var all []thing
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 700 {
		// Users are few at the beginning of the alphabet and many at its end, so that the parts of the way differ.
		name := fmt.Sprintf("%c%02d", 'a'+r.IntN(26), r.IntN(40))
		if r.IntN(3) == 0 || name < "m" && r.IntN(4) > 0 {
			all = append(all, thing{p.post("/Groups", fmt.Sprintf(`{"schemas":[%q],"displayName":"g%d","externalId":%q}`, scim.GroupSchema, i, name)).text("id"), name, true, i})
		} else {
			all = append(all, thing{p.user(fmt.Sprint("u", i), fmt.Sprintf(`"externalId":%q`, name)), name, false, i})
		}
	}
	for _, descending := range []bool{false, true} {
		want := slices.Clone(all)
		slices.SortFunc(want, func(a, b thing) int {
			c := strings.Compare(a.name, b.name)
			if descending {
				c = -c
			}
			kind := 0
			if a.group != b.group {
				kind = -1
				if a.group {
					kind = 1
				}
			}
			return cmp.Or(c, kind, a.place-b.place)
		})
		query := "?sortBy=externalId"
		if descending {
			query += "&sortOrder=descending"
		}
		for _, start := range []int{1, 2, 150, 199, 200, 201, 202, 203, 350, 451, 601, 650, 699, 700, 701, 702, 1500, 1 << 30} {
			got := p.get(fmt.Sprintf("%s&startIndex=%d&count=9", query, start)).has("totalResults", len(all)).names("id")
			from := min(start-1, len(want))
			var ids []string
			for _, w := range want[from:min(from+9, len(want))] {
				ids = append(ids, w.id)
			}
			if !slices.Equal(got, ids) {
				t.Fatalf("descending %v from %d:\n got %v\nwant %v", descending, start, got, ids)
			}
		}
		var order []string
		for cursor := ""; ; {
			a := p.get(query+"&count=37&attributes=externalId&cursor="+cursor).has("totalResults", len(all))
			order = append(order, a.names("externalId")...)
			if a.at("nextCursor") == nil {
				break
			}
			cursor = a.text("nextCursor")
		}
		for i, w := range want {
			if i >= len(order) || order[i] != w.name {
				t.Fatalf("descending %v: by cursor the order is another one at %d of %d", descending, i, len(order))
			}
		}
	}
}
