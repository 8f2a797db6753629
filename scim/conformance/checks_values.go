package conformance

import (
	"slices"
	"strconv"
	"strings"
)

// valueChecks are about single kinds of values, and about choices that published suites see differently.
var valueChecks = []*Check{
	{
		Name: "schema/binary-is-exact", Rows: []string{"S-2.3.6-02"},
		Title: "Binary values are compared exactly.",
		Fix:   "Compare base64 with its case.",
		Run: func(t *T) {
			t.NeedFilter()
			u := t.Post(t.Users(), t.UserBody(Object{"x509Certificates": []any{Object{"value": "MAMCAQU="}}}))
			t.Offered(u.Status == 201, "a short certificate")
			name := `userName eq "` + u.Text("userName") + `" and x509Certificates.value eq `
			if a := t.Get(t.Users() + Query("filter", name+`"mamcaqu="`)); a.Status == 200 && len(a.IDs()) > 0 {
				t.Warnf("a certificate is found by the same letters in another case")
			}
		},
	},
	{
		Name: "schema/reference-is-exact", Rows: []string{"S-2.3.7-03"},
		Title: "References are compared exactly.",
		Fix:   "Compare URLs with their case.",
		Run: func(t *T) {
			t.NeedFilter()
			u := t.User(Object{"profileUrl": "https://people.example.com/Ada"})
			name := `userName eq "` + u.Text("userName") + `" and profileUrl eq `
			t.Find(t.Users(), name+`"https://people.example.com/Ada"`).Finds(u.ID())
			if a := t.Get(t.Users() + Query("filter", name+`"https://people.example.com/ADA"`)); a.Status == 200 && len(a.IDs()) > 0 {
				t.Warnf("a URL is found by a path in another case")
			}
		},
	},
	{
		Name: "groups/member-by-reference", Rows: []string{"S-2.3.7-02", "S-2.4-08"},
		Title: "A member may be named by $ref as well, relative or of another API version.",
		Fix:   "Take the last two segments of $ref for type and id.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(nil)
			g := t.Group()
			member := []any{Object{"value": u.ID(), "$ref": "../Users/" + u.ID()}}
			if a := t.Patch(g.Path(), Op("add", "members", member)); a.Status >= 300 {
				t.Warnf("a relative $ref beside value is refused with %d", a.Status)
				return
			}
			if got := t.Get(g.Path()).Is(200).Values("members", "value"); !slices.Equal(got, []string{u.ID()}) {
				t.Errorf("the members are %q", got)
			}
		},
	},
	{
		Name: "create/group-external-id", Rows: []string{"S-3-04"},
		Title: "externalId belongs to every resource, groups too.",
		Fix:   "Keep externalId of groups.",
		Run: func(t *T) {
			external := t.Name("group")
			t.Post(t.Groups(), Object{"schemas": []any{groupURN}, "displayName": t.Name("g"), "externalId": external}).Is(201).Has("externalId", external)
		},
	},
	{
		Name: "schema/labels", Rows: []string{"S-4.1.2-10"},
		Title: "An unlisted type of a phone number is kept or refused, as published.",
		Fix:   "Take canonicalValues for suggestions.",
		Run: func(t *T) {
			a := t.Post(t.Users(), t.UserBody(Object{"phoneNumbers": []any{Object{"value": "1", "type": "satellite"}}}))
			if a.Status == 201 {
				a.Has("phoneNumbers/0/type", "satellite")
				return
			}
			a.Refused("", 400)
		},
	},
	{
		Name: "create/location-twice", Rows: []string{"P-3.3-06"},
		Title: "Location and meta.location are the same text.",
		Fix:   "Make both from one value.",
		Run: func(t *T) {
			u := t.User(nil)
			if h := u.Header.Get("Location"); h != "" && h != u.At("meta/location") { // without one create/location fails
				t.Failf("Location is %q and meta.location %s", h, show(u.At("meta/location")))
			}
		},
	},
	{
		Name: "groups/remove-nobody", Rows: []string{"P-3.5.2.2-11", "AMB-14"},
		Title: "Removing who is no member changes nothing, or is refused with noTarget.",
		Fix:   "Answer 204.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(nil)
			g := t.Group(u.ID())
			if a := t.Patch(g.Path(), Op("remove", `members[value eq "muster-check-nobody"]`, nil)); a.Status >= 300 {
				a.Refused("noTarget", 400)
			}
			if got := t.Get(g.Path()).Is(200).Values("members", "value"); !slices.Equal(got, []string{u.ID()}) {
				t.Errorf("the members are %q", got)
			}
		},
	},
	{
		Name: "bulk/not-offered", Rows: []string{"P-B-01"},
		Title: "Where bulk is not offered, /Bulk is refused with 501 or 404.",
		Fix:   "Answer 501.",
		Run: func(t *T) {
			t.Offered(!t.Supports("bulk"), "a provider without bulk, so this check")
			if a := t.Post("/Bulk", Object{"schemas": []any{bulkURN}, "Operations": []any{}}); !slices.Contains([]int{501, 404, 403, 405, 400}, a.Status) {
				t.Failf("it is answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "bulk/lean", Rows: []string{"P-B-24"},
		Title: "A result of a success may leave the resource out.",
		Fix:   "Send response with failures only: a job of a thousand operations is long enough.",
		Run: func(t *T) {
			t.NeedBulk()
			for _, r := range job(t, nil, bulkOp("POST", t.Users(), "one", t.UserBody(nil))) {
				if response, ok := r["response"].(Object); ok && response["userName"] == nil && response["id"] == nil {
					t.Errorf("response of a success is neither absent nor the resource")
				}
			}
		},
	},
	{
		Name: "filter/lenient-spelling", Rows: []string{"AMB-08", "AMB-44"},
		Title: "Values without quotes and operators without blanks are refused, or understood as meant.",
		Fix:   "Refuse them with invalidFilter, or find what was meant.",
		Run: func(t *T) {
			t.NeedFilter()
			u := t.User(nil)
			for _, filter := range []string{`userName eq"` + u.Text("userName") + `"`, `userName eq ` + u.Text("userName")} {
				a := t.Get(t.Users() + Query("filter", filter))
				if a.Status == 200 {
					if ids := a.IDs(); len(ids) > 0 && !slices.Equal(ids, []string{u.ID()}) {
						t.Errorf("%s found somebody else", filter)
					}
					t.Warnf("%s is accepted", strings.ReplaceAll(filter, u.Text("userName"), "NAME"))
					continue
				}
				a.Refused("invalidFilter", 400)
			}
		},
	},
	{
		Name: "patch/immutable", Rows: []string{"AMB-20"},
		Title: "An attribute that is published as immutable keeps its value; sending the same one again is no change.",
		Fix:   "Refuse another value with mutability.",
		Run: func(t *T) {
			t.NeedPatch()
			found := ""
			eachAttribute(t, func(urn, path string, a Object) {
				if urn == userURN && a["mutability"] == "immutable" && a["type"] == "string" && !strings.Contains(path, ".") {
					found = path
				}
			})
			t.Offered(found != "", "an immutable attribute of users")
			u := t.User(Object{found: "first"})
			t.Patch(u.Path(), Op("replace", found, "first")).Is(200, 204)
			t.Patch(u.Path(), Op("replace", found, "second")).Refused("mutability", 400)
		},
	},
	{
		Name: "create/roles-as-text", Rows: []string{"AMB-24"},
		Title: "Roles that are plain text are refused with 400, or wrapped as values.",
		Fix:   "Take \"admin\" for {\"value\":\"admin\"}.",
		Run: func(t *T) {
			a := t.Post(t.Users(), t.UserBody(Object{"roles": []any{"admin"}}))
			if a.Status == 201 {
				a.Has("roles/0/value", "admin")
				return
			}
			a.Refused("", 400)
		},
	},
	{
		Name: "patch/status", Rows: []string{"AMB-51"},
		Title: "A successful PATCH is 200 with the resource or 204 without a body.",
		Fix:   "Send one or the other.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(nil)
			for _, path := range []string{u.Path(), t.Group(u.ID()).Path()} {
				a := t.Patch(path, Op("replace", "externalId", t.Name("x"))).Is(200, 204)
				if (a.Status == 204) != (a.Raw == "") {
					t.Errorf("%s: status %d and %d bytes of body", a.what, a.Status, len(a.Raw))
				}
			}
		},
	},
	{
		Name: "patch/last-modified", Rows: []string{"S-3.1-18"},
		Title: "A change moves lastModified.",
		Fix:   "Set meta.lastModified with every effective change.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(nil)
			before, n := u.Text("meta/lastModified"), 0
			t.Await("lastModified is that of the creation after changes over two seconds", func() bool {
				n++
				return t.Patched(u.Path(), Op("replace", "title", "T"+strconv.Itoa(n))).Text("meta/lastModified") != before
			})
		},
	},
	{
		Name: "groups/many-members", Rows: []string{"P-3.5.2-23", "P-3.4-01"},
		Title: "A group of 120 members shows them all.",
		Fix:   "Send every member, or refuse what you cannot keep.",
		Run: func(t *T) {
			ids := make([]string, 120)
			for i := range ids {
				ids[i] = t.User(nil).ID()
			}
			g := t.Post(t.Groups(), Object{"schemas": []any{groupURN}, "displayName": t.Name("many"), "members": Members(ids...)})
			if g.Status != 201 {
				t.Warnf("a new group of 120 members is refused with %d", g.Status)
				return
			}
			if n := len(t.Get(g.Path()).Is(200).Elements("members")); n != len(ids) {
				t.Failf("%d of %d members are shown", n, len(ids))
			}
		},
	},
	{
		Name: "bulk/same-bulk-id", Rows: []string{"P-B-06"},
		Title: "A bulkId that is there twice is best refused.",
		Fix:   "Answer 400, for the operation or for the job.",
		Run: func(t *T) {
			t.NeedBulk()
			a := t.Post("/Bulk", Object{"schemas": []any{bulkURN}, "Operations": []any{
				bulkOp("POST", t.Users(), "same", t.UserBody(nil)), bulkOp("POST", t.Users(), "same", t.UserBody(nil)),
			}})
			made := 0
			for _, r := range a.Elements("Operations") {
				if location, ok := r["location"].(string); ok && r["status"] == "201" {
					made++
					if path, ok := trimBase(t, location); ok {
						t.Made(path)
					}
				}
			}
			if made > 1 {
				t.Warnf("both were carried out: which of them a reference means, nobody knows")
			}
		},
	},
	{
		Name: "cursor/previous", Rows: []string{"CUR-06"},
		Title: "previousCursor, if it is given, leads back.",
		Fix:   "Leave it out, or make it work.",
		Run: func(t *T) {
			_, q := cursorCase(t, 2)
			first := t.Get(q("count", "1", "cursor", "")).List()
			second := t.Get(q("count", "1", "cursor", first.Text("nextCursor"))).List()
			back, ok := second.At("previousCursor").(string)
			t.Offered(ok, "previousCursor")
			if got := t.Get(q("count", "1", "cursor", back)).List().IDs(); !slices.Equal(got, first.IDs()) {
				t.Errorf("it leads to %q", got)
			}
		},
	},
}
