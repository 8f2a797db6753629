package conformance

import (
	"regexp"
	"strings"
)

// cursorCase makes people of one family and gives the query that lists them by cursor.
func cursorCase(t *T, n int) (ids []string, query func(pairs ...string) string) {
	offered, _ := t.Config("pagination/cursor").(bool)
	t.Offered(offered, "paging by cursor")
	t.NeedFilter()
	family := t.Name("family")
	for range n {
		ids = append(ids, t.User(Object{"name": Object{"familyName": family}}).ID())
	}
	return ids, func(pairs ...string) string {
		return t.Users() + Query(append([]string{"filter", t.Having(family)}, pairs...)...)
	}
}

var cursorChecks = []*Check{
	{
		Name: "cursor/walk", Rows: []string{"CUR-01", "CUR-05", "CUR-07", "P-3.4.2.4-01"},
		Title: "An empty cursor begins, nextCursor goes on, and the last page has none.",
		Fix:   "Send nextCursor on every page but the last.",
		Run: func(t *T) {
			ids, q := cursorCase(t, 5)
			seen := map[string]bool{}
			cursor := ""
			for page := 1; page <= 3; page++ {
				a := t.Get(q("count", "2", "cursor", cursor)).List()
				if page == 1 && a.At("previousCursor") != nil {
					t.Errorf("the first page has a previousCursor")
				}
				for _, id := range a.IDs() {
					if seen[id] {
						t.Errorf("%s is on two pages", id)
					}
					seen[id] = true
				}
				next, more := a.At("nextCursor").(string)
				if more != (page < 3) {
					t.Failf("page %d of 3: nextCursor is %s", page, show(a.At("nextCursor")))
				}
				cursor = next
			}
			if len(seen) != len(ids) {
				t.Errorf("the pages show %d of %d resources", len(seen), len(ids))
			}
		},
	},
	{
		Name: "cursor/parameter-without-value", Rows: []string{"CUR-01"},
		Title: "?cursor without a value begins too.",
		Fix:   "Take a missing value for an empty one.",
		Run: func(t *T) {
			_, q := cursorCase(t, 3)
			if t.Get(q("count", "2")+"&cursor").List().At("nextCursor") == nil {
				t.Failf("there is no nextCursor")
			}
		},
	},
	{
		Name: "cursor/characters", Rows: []string{"CUR-02"},
		Title: "A cursor has only characters that need no escape in a URL.",
		Fix:   "Encode it with base64url.",
		Run: func(t *T) {
			_, q := cursorCase(t, 2)
			if c := t.Get(q("count", "1", "cursor", "")).List().Text("nextCursor"); !unreserved.MatchString(c) {
				t.Failf("it is %s", show(c))
			}
		},
	},
	{
		Name: "cursor/count", Rows: []string{"CUR-03", "CUR-04"},
		Title: "A page has at most count resources; a negative count counts as 0.",
		Fix:   "Bound the page.",
		Run: func(t *T) {
			_, q := cursorCase(t, 3)
			if n := len(t.Get(q("count", "2", "cursor", "")).List().IDs()); n > 2 {
				t.Errorf("count=2 was answered with %d resources", n)
			}
			if n := len(t.Get(q("count", "-1", "cursor", "")).List().IDs()); n != 0 {
				t.Errorf("count=-1 was answered with %d resources", n)
			}
		},
	},
	{
		Name: "cursor/forged", Rows: []string{"CUR-12", "CUR-11", "CUR-25", "CUR-26"},
		Title: "A cursor that the provider did not give is refused with invalidCursor, and says nothing else.",
		Fix:   "Seal cursors, and answer 400 with invalidCursor to all others alike.",
		Run: func(t *T) {
			_, q := cursorCase(t, 2)
			good := t.Get(q("count", "1", "cursor", "")).List().Text("nextCursor")
			bent := []byte(good)
			for i := range bent { // a letter in the middle becomes another one
				if i == len(bent)/2 {
					if bent[i]++; !unreserved.MatchString(string(bent)) {
						bent[i] = 'A'
					}
				}
			}
			details := map[any]bool{}
			for _, c := range []string{"abc", string(bent), good + "A", strings.Repeat("A", 300)} {
				if c == good {
					continue
				}
				a := t.Get(q("count", "1", "cursor", c))
				if a.Status == 200 {
					t.Errorf("a forged cursor was accepted")
					continue
				}
				a.Refused("invalidCursor", 400)
				details[a.At("detail")] = true
			}
			if len(details) > 1 {
				t.Warnf("the errors tell forged cursors apart")
			}
		},
	},
	{
		Name: "cursor/other-query", Rows: []string{"CUR-09", "CUR-14"},
		Title: "A cursor belongs to its query: another filter or count is refused.",
		Fix:   "Bind the cursor to filter, sort, count and attributes.",
		Run: func(t *T) {
			_, q := cursorCase(t, 4)
			c := t.Get(q("count", "1", "cursor", "")).List().Text("nextCursor")
			if a := t.Get(t.Users() + Query("count", "1", "cursor", c)); a.Status == 200 {
				t.Errorf("it is accepted without the filter")
			} else {
				a.Refused("invalidCursor", 400)
			}
			if a := t.Get(q("count", "2", "cursor", c)); a.Status == 200 {
				t.Warnf("it is accepted with another count")
			} else {
				a.Refused("", 400)
			}
		},
	},
	{
		Name: "cursor/and-index", Rows: []string{"CUR-17"},
		Title: "startIndex and cursor exclude each other.",
		Fix:   "Answer 400.",
		Run: func(t *T) {
			_, q := cursorCase(t, 2)
			if a := t.Get(q("count", "1", "cursor", "", "startIndex", "1")); a.Status == 200 {
				t.Warnf("both are accepted")
			} else {
				a.Refused("", 400)
			}
		},
	},
	{
		Name: "cursor/default-method", Rows: []string{"CUR-18", "CUR-20"}, Reads: true,
		Title: "ServiceProviderConfig says which methods of paging there are, and which is the default.",
		Fix:   "Publish pagination with cursor, index and defaultPaginationMethod.",
		Run: func(t *T) {
			offered, _ := t.Config("pagination/cursor").(bool)
			t.Offered(offered, "paging by cursor")
			if _, ok := t.Config("pagination/index").(bool); !ok {
				t.Errorf("pagination.index is missing")
			}
			method, _ := t.Config("pagination/defaultPaginationMethod").(string)
			a := t.Get(t.Users() + "?count=1").List()
			if method == "index" && a.At("startIndex") == nil {
				t.Errorf("the default is index, and a page has no startIndex")
			}
			for _, name := range []string{"defaultPageSize", "maxPageSize", "cursorTimeout"} {
				if n, ok := t.Config("pagination/" + name).(float64); t.Config("pagination/"+name) != nil && (!ok || n <= 0) {
					t.Errorf("pagination.%s is %s", name, show(t.Config("pagination/"+name)))
				}
			}
		},
	},
	{
		Name: "cursor/search", Rows: []string{"CUR-19"},
		Title: ".search takes cursor and count too.",
		Fix:   "Take cursor as a member of SearchRequest.",
		Run: func(t *T) {
			ids, _ := cursorCase(t, 2)
			filter := `id eq "` + ids[0] + `" or id eq "` + ids[1] + `"`
			body := Object{"schemas": []any{searchURN}, "filter": filter, "count": 1, "cursor": ""}
			a := t.Post(t.Users()+"/.search", body).List()
			body["cursor"] = a.Text("nextCursor")
			b := t.Post(t.Users()+"/.search", body).List()
			if len(a.IDs()) != 1 || len(b.IDs()) != 1 || a.IDs()[0] == b.IDs()[0] || b.At("nextCursor") != nil {
				t.Failf("two pages show %q and %q", a.IDs(), b.IDs())
			}
		},
	},
	{
		Name: "cursor/sorted", Rows: []string{"CUR-15"},
		Title: "Sorting holds over the pages of a cursor.",
		Fix:   "Go on in the order that was asked for.",
		Run: func(t *T) {
			t.NeedSort()
			offered, _ := t.Config("pagination/cursor").(bool)
			t.Offered(offered, "paging by cursor")
			ids, q := sortedPeople(t, Object{"title": "c"}, Object{"title": "a"}, Object{"title": "b"})
			var got []string
			cursor := ""
			for range 3 {
				a := t.Get(t.Users() + q("title", "") + "&count=1&cursor=" + cursor).List()
				got = append(got, a.IDs()...)
				cursor, _ = a.At("nextCursor").(string)
			}
			if strings.Join(got, " ") != strings.Join([]string{ids[1], ids[2], ids[0]}, " ") {
				t.Failf("they came in the order %q", got)
			}
		},
	},
	{
		Name: "cursor/while-writing", Rows: []string{"CUR-28"},
		Title: "Who is added or deleted between two pages makes the others neither skipped nor repeated.",
		Fix:   "Go on behind the last resource, not behind a number of them.",
		Run: func(t *T) {
			ids, q := cursorCase(t, 4)
			a := t.Get(q("count", "2", "cursor", "")).List()
			first := a.IDs()
			if len(first) != 2 {
				t.Failf("the first page has %d resources", len(first))
			}
			t.Delete(t.Users()+"/"+first[0]).Is(200, 204)
			seen := map[string]int{first[0]: 1, first[1]: 1}
			cursor := a.Text("nextCursor")
			for range 3 {
				b := t.Get(q("count", "2", "cursor", cursor)).List()
				for _, id := range b.IDs() {
					seen[id]++
				}
				var more bool
				if cursor, more = b.At("nextCursor").(string); !more {
					break
				}
			}
			for _, id := range ids {
				if seen[id] != 1 {
					t.Errorf("%s was shown %d times", id, seen[id])
				}
			}
		},
	},
	{
		Name: "cursor/total", Rows: []string{"CUR-10"},
		Title: "totalResults of a page by cursor, if it is there, is that of all matches.",
		Fix:   "Count all, or leave it out.",
		Run: func(t *T) {
			_, q := cursorCase(t, 3)
			if a := t.Get(q("count", "1", "cursor", "")).List(); a.At("totalResults") != nil {
				a.Has("totalResults", 3)
			} else {
				t.Warnf("it is left out")
			}
		},
	},
}

var unreserved = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
