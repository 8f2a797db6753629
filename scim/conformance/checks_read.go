package conformance

import (
	"slices"
	"strings"
)

var readChecks = []*Check{
	{
		Name: "read/one", Rows: []string{"P-3.4.1-01", "S-3.1-01", "AMB-40", "P-3.4.1-04"},
		Title: "GET of a resource answers the resource, with id and meta, never a list.",
		Fix:   "Answer 200 with the resource itself.",
		Run: func(t *T) {
			u := t.User(nil)
			a := t.Get(u.Path()).Is(200).Has("id", u.ID())
			if slices.Contains(a.Strings("schemas"), listURN) {
				t.Failf("it is a ListResponse")
			}
			if a.At("meta/location") == nil {
				t.Errorf("meta.location is missing")
			}
			switch location := a.Header.Get("Location"); {
			case location == "":
				t.Warnf("the answer has no Location")
			case !strings.HasSuffix(location, u.Path()):
				t.Warnf("the answer has Location %q, which is not where the resource is", location)
			}
		},
	},
	{
		Name: "read/unknown", Rows: []string{"P-3.4.1-02", "P-3.2-05"}, Reads: true,
		Title: "An unknown id is answered 404 with a SCIM error.",
		Fix:   "Answer 404 with the SCIM error body.",
		Run:   func(t *T) { t.Get(t.Users()+"/muster-check-nobody").Refused("", 404) },
	},
	{
		Name: "read/list-elements", Rows: []string{"P-3.4.2-08", "S-3.1-04"},
		Title: "Every resource of a list has schemas, id and meta, also where few attributes are asked for id.",
		Fix:   "Send id with every resource, whatever the projection.",
		Run: func(t *T) {
			t.User(nil)
			for _, e := range t.Get(t.Users() + "?count=5").List().Elements("Resources") {
				if e["id"] == nil || e["meta"] == nil || e["schemas"] == nil {
					t.Failf("a resource lacks id, meta or schemas")
				}
			}
			for _, e := range t.Get(t.Users() + "?count=5&attributes=userName").List().Elements("Resources") {
				if e["id"] == nil {
					t.Failf("with attributes=userName a resource lacks its id")
				}
			}
		},
	},
	{
		Name: "read/total", Rows: []string{"P-3.4.2-03", "P-3.4.2-04", "P-3.4.2-05", "P-G-08", "AMB-28"},
		Title: "A list says how many there are, whatever page is asked for, and says which part it is.",
		Fix:   "Send totalResults of all matches, and startIndex and itemsPerPage with every page.",
		Run: func(t *T) {
			t.NeedFilter()
			name := t.Name("family")
			for range 3 {
				t.User(Object{"name": Object{"familyName": name}})
			}
			filter := t.Having(name)
			a := t.Find(t.Users(), filter).Has("totalResults", 3)
			if len(a.IDs()) != 3 {
				t.Errorf("%d of 3 resources are in the first page", len(a.IDs()))
			}
			a = t.Get(t.Users()+Query("filter", filter, "count", "1")).List().Has("totalResults", 3).Has("startIndex", 1).Has("itemsPerPage", 1)
			if len(a.IDs()) != 1 {
				t.Errorf("with count=1 there are %d resources", len(a.IDs()))
			}
			none := t.Get(t.Users()+Query("filter", filter, "startIndex", "9")).List().Has("totalResults", 3)
			if len(none.IDs()) != 0 {
				t.Errorf("behind the end there are %d resources", len(none.IDs()))
			}
			if none.At("Resources") == nil {
				t.Warnf("an empty page has no Resources; some identity providers expect an empty list")
			}
			t.Get(t.Users()+Query("filter", filter, "count", "0")).List().Has("totalResults", 3)
		},
	},
	{
		Name: "read/references", Rows: []string{"S-2.3.7-04"},
		Title: "Every $ref leads to a resource.",
		Fix:   "Make $ref an absolute URL of the resource.",
		Run: func(t *T) {
			u := t.User(nil)
			g := t.Group(u.ID())
			for _, e := range t.Get(g.Path()).Is(200).Elements("members") {
				ref, _ := e["$ref"].(string)
				if ref == "" {
					t.Warnf("a member has no $ref")
					continue
				}
				if !strings.Contains(ref, "://") {
					t.Warnf("$ref is relative: %q", ref)
					continue
				}
				t.Get(ref, "Authorization: Bearer "+t.s.Token).Is(200).Has("id", u.ID())
			}
		},
	},
	{
		Name: "read/root", Rows: []string{"AMB-50", "P-3.4.2.1-01"}, Reads: true,
		Title: "A query on the base URL is answered over all types, or refused clearly.",
		Fix:   "Serve GET on the base URL, or answer 501 or 404.",
		Run: func(t *T) {
			a := t.Get("/?count=1")
			if a.Status == 200 {
				a.List()
				return
			}
			if a.Status >= 500 && a.Status != 501 {
				t.Failf("it is answered with status %d", a.Status)
			}
			t.Offered(false, "a query over all types")
		},
	},
	{
		Name: "read/me", Rows: []string{"AMB-35", "P-3.11-01"}, Reads: true,
		Title: "/Me answers the caller's own resource, or 501 or 404.",
		Fix:   "Answer 501 where /Me is not supported.",
		Run: func(t *T) {
			switch a := t.Get("/Me"); a.Status {
			case 200:
				a.ID()
			case 308:
				if a.Header.Get("Location") == "" {
					t.Failf("308 without Location")
				}
			case 501, 404, 403:
				t.Offered(false, "/Me")
			default:
				t.Failf("it is answered with status %d", a.Status)
			}
		},
	},
}
