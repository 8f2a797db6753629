package server_test

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
)

// filtered queries by GET and, with the same parameters, by POST; both must agree (P-Q-06).
func (p *provider) filtered(endpoint, filter string) *answer {
	p.t.Helper()
	a := p.get(endpoint + "?filter=" + url.QueryEscape(filter))
	b := p.post(endpoint+"/.search", fmt.Sprintf(`{"schemas":[%q],"filter":%q}`, scim.SearchRequestMessage, filter))
	if a.raw != b.raw || a.status != b.status {
		p.t.Fatalf("GET and .search differ for %s:\n%s\n%s", filter, a.raw, b.raw)
	}
	return a
}

// people creates users of these names.
func (p *provider) people(names ...string) {
	p.t.Helper()
	for _, name := range names {
		p.user(name)
	}
}

func TestList(t *testing.T) {
	rows{
		"P-1.2-01 percent-encoding": func(p *provider) {
			p.people("a&b", "a+b", "a b")
			for _, name := range []string{"a%26b", "a%2Bb", "a+b", "a%20b"} {
				p.get("/Users?filter=userName+eq+%22"+name+"%22").has("totalResults", 1)
			}
		},
		"P-3.4.2-01 unknown parameters are ignored": func(p *provider) {
			p.people("ada")
			p.get("/Users?foo=bar&aadOptscim062020&%66=;").has("totalResults", 1)
			p.get("/Users?filter=userName+pr&aadOptscim062020").has("totalResults", 1)
		},
		"P-3.4.2-02 the ListResponse": func(p *provider) {
			p.people("ada")
			a := p.get("/Users").is(200).members("schemas", "Resources", "totalResults", "startIndex", "itemsPerPage")
			a.has("schemas/0", scim.ListResponseMessage).has("totalResults", 1).has("startIndex", 1).has("itemsPerPage", 1)
			a.has("Resources/0/meta/resourceType", "User")
		},
		"P-3.4.2-06 no match": func(p *provider) {
			a := p.filtered("/Users", `userName eq "nobody"`).is(200).has("totalResults", 0).has("startIndex", 1).has("itemsPerPage", 0)
			if len(a.list("Resources")) != 0 {
				p.t.Fatal(a.raw)
			}
		},
		"P-3.4.2-07 a filter on one resource means nothing": func(p *provider) {
			p.get("/Users/"+p.user("ada")+"?filter=nonsense(&count=x").is(200).has("userName", "ada")
		},
		"P-F-04 no expression": func(p *provider) {
			for _, filter := range []string{"", "()", "userName", "userName eq"} {
				p.filtered("/Users", filter).refused(400, scim.InvalidFilter)
			}
		},
		"P-F-24 a default is what the filter sees": func(p *provider) {
			p.people("ada")
			p.filtered("/Users", "active eq true").has("totalResults", 1)
		},
		"P-F-31 unknown attribute, never an empty answer (F15, D05)": func(p *provider) {
			p.filtered("/Users", `nosuch eq "x"`).refused(400, scim.InvalidFilter)
			p.filtered("", `nosuch eq "x"`).refused(400, scim.InvalidFilter)
		},
		"P-F-36 filtered before projected": func(p *provider) {
			p.user("ada", `"nickName":"A"`)
			p.people("bo")
			p.get("/Users?attributes=id&filter=nickName%20pr").has("totalResults", 1).has("Resources/0/nickName", nil)
		},
		"filters on relations, ids and meta": func(p *provider) {
			id := p.user("ada")
			p.people("bo")
			g := p.group("g", id)
			for filter, endpoint := range map[string]string{
				`id eq "` + id + `"`:                                          "/Users",
				`groups.value eq "` + g + `"`:                                 "/Users",
				`groups[type eq "direct"]`:                                    "/Users",
				`members.value eq "` + id + `"`:                               "/Groups",
				`members[value eq "` + id + `"]`:                              "/Groups",
				`meta.created le "9999-01-01T00:00:00Z" and userName eq "bo"`: "/Users",
				`meta.version eq "W/\"1\"" and userName eq "bo"`:              "/Users",
			} {
				if got := p.filtered(endpoint, filter); got.at("totalResults") != 1.0 {
					p.t.Fatalf("%s: %s", filter, got.raw)
				}
			}
		},
		"S-2.4-08 $ref and location name a resource, whatever the base": func(p *provider) {
			id := p.user("ada")
			p.people("bo")
			p.group("g", id)
			p.group("empty")
			ref := "https://other.example.com/scim/v1/Users/" + id
			for filter, want := range map[string]float64{
				`members.$ref eq "` + ref + `"`:            1,
				`members.$ref eq "Users/` + id + `"`:       1,
				`members[$ref eq "../Users/` + id + `"]`:   1,
				`members.$ref eq "nonsense"`:               0,
				`members.$ref ne "nonsense"`:               1,
				`members.$ref pr`:                          1,
				`not (members.$ref eq "` + ref + `")`:      1,
				`not (members.$ref eq "nonsense")`:         2,
				`members.value pr and meta.location pr`:    1,
				`meta.location eq "` + base + `/Groups/x"`: 0,
				`meta.location eq "` + ref + `"`:           0,
				`meta.resourceType eq "group"`:             0,
				`meta.resourceType eq "Group"`:             2,
				`meta.resourceType ne "Group"`:             0,
				`not (meta.resourceType eq "User")`:        2,
			} {
				if got := p.filtered("/Groups", filter); got.at("totalResults") != want {
					p.t.Fatalf("%s: want %v\n%s", filter, want, got.raw)
				}
			}
			p.filtered("/Users", `meta.location eq "`+base+`/Users/`+id+`"`).has("Resources/0/id", id)
			p.filtered("/Groups", `members.$ref co "Users"`).refused(400, scim.InvalidFilter)
		},
	}.run(t, scim.Compat())
}

func TestParameters(t *testing.T) {
	t.Parallel()
	p := compat(t)
	p.people("ada", "bo", "cy")
	for query, want := range map[string]scim.ErrorType{
		"filter=userName+pr&filter=userName+pr": scim.InvalidFilter, // which of two would be fail-open
		"filter=userName+pr&FILTER=userName+pr": scim.InvalidFilter,
		"filter=%zz":                            scim.InvalidFilter,
		"filter=%ff":                            scim.InvalidFilter,
		"filter=userName+eq+%22%00%22":          scim.InvalidFilter,
		"count=1&count=2":                       scim.InvalidValue,
		"count=abc":                             scim.InvalidValue, // P-G-10, AMB-41
		"count=":                                scim.InvalidValue,
		"count=1.5":                             scim.InvalidValue,
		"count=1e400":                           scim.InvalidValue,
		"startIndex=x":                          scim.InvalidValue,
		"sortBy=userName&sortOrder=up":          scim.InvalidValue, // P-S-07
		"sortBy=name":                           scim.InvalidValue, // P-S-04
		"sortBy=nosuch":                         scim.InvalidValue,
		"sortBy=groups":                         scim.InvalidValue,
		"%zz=1":                                 scim.InvalidValue,
	} {
		t.Run(query, func(t *testing.T) { p.in(t).get("/Users?"+query).refused(400, want) })
	}
	t.Run("a known parameter in another case is the same", func(t *testing.T) {
		p := p.in(t)
		p.get("/Users?Filter=userName+eq+%22bo%22&STARTINDEX=1&Count=5").has("totalResults", 1)
	})
	t.Run("lists may come in parts", func(t *testing.T) {
		p := p.in(t)
		p.get("/Users?attributes=userName&attributes=active").has("Resources/0/active", true).has("Resources/0/meta", nil)
	})
	for body, want := range map[string]scim.ErrorType{
		`{"filter":5}`:             scim.InvalidFilter,
		`{"count":"1"}`:            scim.InvalidValue,
		`{"count":1.0}`:            scim.InvalidValue,
		`{"startIndex":true}`:      scim.InvalidValue,
		`{"attributes":[1]}`:       scim.InvalidValue,
		`{"excludedAttributes":1}`: scim.InvalidValue,
		`{"sortOrder":"up"}`:       scim.InvalidValue,
		`{"sortBy":[]}`:            scim.InvalidValue,
		`{"schemas":["x"]}`:        scim.InvalidSyntax, // P-Q-02
	} {
		t.Run(body, func(t *testing.T) { p.in(t).post("/Users/.search", body).refused(400, want) })
	}
	t.Run("P-Q-02 strict", func(t *testing.T) {
		strict(t).post("/Users/.search", `{}`).refused(400, scim.InvalidSyntax)
	})
	t.Run("P-Q-03 attributes as array and as string", func(t *testing.T) {
		p := p.in(t)
		const search = `{"schemas":["` + scim.SearchRequestMessage + `"],"COUNT":1,"attributes":`
		for _, names := range []string{`["userName","title"]`, `"userName, title"`} {
			a := p.post("/Users/.search", search+names+`}`).is(200).has("itemsPerPage", 1).has("Resources/0/meta", nil)
			a.has("Resources/0/userName", "ada")
		}
	})
	t.Run("P-Q-01 nothing is created", func(t *testing.T) {
		p := p.in(t)
		p.post("/Users/.search", `{"schemas":["`+scim.SearchRequestMessage+`"],"userName":"new"}`).is(200)
		p.get("/Users").has("totalResults", 3)
	})
}

func TestSort(t *testing.T) {
	rows{
		"P-S-03 the primary value counts": func(p *provider) {
			p.user("ada", `"emails":[{"value":"a@x","type":"home"},{"value":"z@x","type":"work","primary":true}]`)
			p.user("bo", `"emails":[{"value":"m@x"},{"value":"b@x","type":"home"}]`)
			p.user("cy", `"emails":[{"value":"n@x","primary":true},{"value":"a@x","type":"home"}]`)
			for _, by := range []string{"emails", "emails.value", "EMAILS.Value"} {
				wantStrings(p.t, p.get("/Users?sortBy="+by).names("userName"), "bo", "cy", "ada")
			}
		},
		"P-S-05 no value": func(p *provider) {
			p.user("ada", `"title":"b"`)
			p.people("bo")
			p.user("cy", `"title":"A"`)
			wantStrings(p.t, p.get("/Users?sortBy=title").names("userName"), "cy", "ada", "bo")
			wantStrings(p.t, p.get("/Users?sortBy=title&sortOrder=Descending").names("userName"), "bo", "ada", "cy")
		},
		"P-S-08 by type and caseExact": func(p *provider) {
			p.user("b", `"externalId":"b"`)
			p.user("A", `"externalId":"A"`)
			p.user("C", `"externalId":"C"`)
			wantStrings(p.t, p.get("/Users?sortBy=userName").names("userName"), "A", "b", "C")
			wantStrings(p.t, p.get("/Users?sortBy=externalId").names("userName"), "A", "C", "b")
			wantStrings(p.t, p.get("/Users?sortBy=meta.created").names("userName"), "b", "A", "C")
		},
		"P-S-09 sortOrder alone": func(p *provider) {
			p.people("b", "a")
			wantStrings(p.t, p.get("/Users?sortOrder=descending").names("userName"), "b", "a")
		},
		"P-S-10 ties lose nobody": func(p *provider) {
			var want []string
			for i := range 30 {
				name := fmt.Sprintf("u%02d", i)
				p.user(name, `"title":"same"`)
				want = append(want, name)
			}
			var got []string
			for start := 1; start <= 30; start += 7 {
				got = append(got, p.get(fmt.Sprintf("/Users?sortBy=title&count=7&startIndex=%d", start)).names("userName")...)
			}
			wantStrings(p.t, got, want...)
		},
		"P-S-02 extension and sub-attribute": func(p *provider) {
			p.user("ada", `"`+scim.EnterpriseUserSchema+`":{"department":"z"}`, `"name":{"familyName":"A"}`)
			p.user("bo", `"`+scim.EnterpriseUserSchema+`":{"department":"a"}`, `"name":{"familyName":"B"}`)
			wantStrings(p.t, p.get("/Users?sortBy="+scim.EnterpriseUserSchema+":department").names("userName"), "bo", "ada")
			wantStrings(p.t, p.get("/Users?sortBy=name.familyName").names("userName"), "ada", "bo")
		},
	}.run(t, scim.Compat())
}

func TestSec_D02_SortOracle(t *testing.T) {
	t.Parallel()
	p := compat(t)
	p.user("ada", `"password":"zzz"`)
	p.user("bo", `"password":"aaa"`)
	p.get("/Users?sortBy=password").refused(400, scim.InvalidValue)
	p.filtered("/Users", `password sw "a"`).refused(400, scim.InvalidFilter)
}

func TestPaging(t *testing.T) {
	t.Parallel()
	p := compat(t)
	var all []string
	for i := range 25 {
		all = append(all, fmt.Sprintf("u%02d", i))
	}
	p.people(all...)
	// page checks one page: the effective startIndex, how many, and the name of the first.
	page := func(query string, start, items int, first string) func(*testing.T) {
		return func(t *testing.T) {
			a := p.in(t).get("/Users?"+query).is(200).has("startIndex", start).has("itemsPerPage", items).has("totalResults", 25)
			if got := a.names("userName"); len(got) != items || items > 0 && got[0] != first {
				t.Fatalf("got %q, want %d from %q", got, items, first)
			}
		}
	}
	t.Run("P-G-01 below 1", page("startIndex=-5&count=2", 1, 2, "u00"))
	t.Run("P-G-01 zero", page("startIndex=0&count=2", 1, 2, "u00"))
	t.Run("P-G-02 negative count", page("count=-1", 1, 0, ""))
	t.Run("P-G-03 count 0", page("count=0", 1, 0, ""))
	t.Run("P-G-04 count", page("startIndex=4&count=3", 4, 3, "u03"))
	t.Run("P-G-07 the last page", page("startIndex=24&count=9", 24, 2, "u23"))
	t.Run("P-G-09 behind the end", page("startIndex=26", 26, 0, ""))
	t.Run("C07 beyond int64", page("startIndex=99999999999999999999&count=99999999999999999999", math.MaxInt32, 0, ""))
	t.Run("C07 below int64", page("startIndex=-99999999999999999999&count=-99999999999999999999", 1, 0, ""))
	t.Run("P-G-11 every resource once", func(t *testing.T) {
		p := p.in(t)
		var got []string
		for start := 1; start <= 25; {
			a := p.get(fmt.Sprintf("/Users?count=4&startIndex=%d", start))
			got = append(got, a.names("userName")...)
			start += int(a.at("itemsPerPage").(float64))
		}
		wantStrings(t, got, all...)
	})
}

func TestRootQuery(t *testing.T) {
	rows{
		"P-3.4.2.1-01 all types, paged as one": func(p *provider) {
			ada, bo := p.user("ada"), p.user("bo")
			g, h := p.group("g", ada), p.group("h")
			all := []string{ada, bo, g, h}
			for _, path := range []string{"", "/"} {
				wantStrings(p.t, p.get(path).has("totalResults", 4).names("id"), all...)
			}
			for start := 1; start <= 5; start++ {
				for count := range 5 {
					a := p.get(fmt.Sprintf("?startIndex=%d&count=%d", start, count)).has("totalResults", 4).has("startIndex", start)
					wantStrings(p.t, a.names("id"), all[min(start-1, 4):min(start-1+count, 4)]...)
				}
			}
		},
		"P-3.4.2.1-02 by meta.resourceType": func(p *provider) {
			id := p.user("ada")
			p.group("g")
			wantStrings(p.t, p.filtered("", `meta.resourceType eq "User"`).names("id"), id)
		},
		"P-3.4.2.1-04 what a type lacks has no value": func(p *provider) {
			g := p.group("g", p.user("ada"))
			wantStrings(p.t, p.filtered("", "members pr").names("id"), g)
			p.filtered("", `userName eq "ada" or displayName eq "g"`).has("totalResults", 2)
			p.filtered("", `not (userName pr)`).has("totalResults", 1)
		},
		"P-Q-07 projection over types": func(p *provider) {
			p.group("g", p.user("ada"))
			a := p.post("/.search", `{"schemas":["`+scim.SearchRequestMessage+`"],"attributes":["userName","displayName"]}`).is(200)
			a.has("Resources/0/userName", "ada").has("Resources/1/displayName", "g").has("Resources/1/members", nil)
		},
	}.run(t, scim.Compat())
}

func TestProjection(t *testing.T) {
	t.Parallel()
	p := compat(t)
	id := p.user("ada", `"name":{"givenName":"Ada","familyName":"Osei"}`,
		`"emails":[{"value":"a@x","type":"work"},{"value":"b@x","type":"home"}]`,
		`"`+scim.EnterpriseUserSchema+`":{"department":"R&D","manager":{"value":"m1"}}`)
	g := p.group("g", id)
	whole := []string{"schemas", "id", "userName", "name", "active", "emails", "groups", "meta", scim.EnterpriseUserSchema}
	without := func(names ...string) []string {
		return slices.DeleteFunc(slices.Clone(whole), func(n string) bool { return slices.Contains(names, n) })
	}
	for name, c := range map[string]struct {
		query string
		want  []string
	}{
		"P-3.4-01 all":                       {"", whole},
		"P-A-03 always stays":                {"excludedAttributes=id,schemas", whole},
		"P-A-04 minimum and named":           {"attributes=userName", []string{"schemas", "id", "userName"}},
		"P-A-05 default without named":       {"excludedAttributes=emails,name.familyName", without("emails")},
		"P-A-08 blanks, case, unknown names": {"attributes=USERNAME,%20foo%20,%20,%20active", []string{"schemas", "id", "userName", "active"}},
		"P-A-12 never":                       {"attributes=password", []string{"schemas", "id"}},
		"P-A-02 by URN":                      {"attributes=" + scim.UserSchema + ":name.givenName", []string{"schemas", "id", "name"}},
		"P-A-10 an extension's attribute":    {"attributes=" + scim.EnterpriseUserSchema + ":department", []string{"schemas", "id", scim.EnterpriseUserSchema}},
		"AMB-30 a URN alone":                 {"attributes=" + scim.EnterpriseUserSchema, []string{"schemas", "id", scim.EnterpriseUserSchema}},
		"AMB-30 a URN alone, excluded":       {"excludedAttributes=" + scim.EnterpriseUserSchema, without(scim.EnterpriseUserSchema)},
		"AMB-29 both, compat":                {"attributes=userName,name&excludedAttributes=name", []string{"schemas", "id", "userName"}},
		"S-3.1-14 without meta":              {"excludedAttributes=meta", without("meta")},
		"groups alone":                       {"attributes=groups", []string{"schemas", "id", "groups"}},
		"without groups":                     {"excludedAttributes=groups", without("groups")},
		"a blank list is none":               {"attributes=&excludedAttributes=%20", whole},
	} {
		t.Run(name, func(t *testing.T) {
			p.in(t).get("/Users/" + id + "?" + c.query).is(200).members(c.want...)
		})
	}
	t.Run("P-A-09 sub-attributes", func(t *testing.T) {
		p := p.in(t)
		a := p.get("/Users/" + id + "?attributes=emails.value,meta.location,groups.value,name.givenName")
		if strings.Contains(a.raw, "type") || strings.Contains(a.raw, "$ref") || strings.Contains(a.raw, "created") {
			t.Fatal(a.raw)
		}
		a.has("emails/1/value", "b@x").has("groups/0/value", g).has("meta/location", base+"/Users/"+id).has("name/familyName", nil)
	})
	t.Run("$ref follows the projection", func(t *testing.T) {
		p := p.in(t)
		ref := scim.EnterpriseUserSchema + "/manager/$ref"
		want := base + "/Users/m1"
		p.get("/Users/"+id).has(ref, want)
		p.get("/Users/"+id+"?attributes="+scim.EnterpriseUserSchema+":manager").has(ref, want)
		p.get("/Users/"+id+"?attributes="+scim.EnterpriseUserSchema+":manager.$ref").has(ref, want).
			has(scim.EnterpriseUserSchema+"/manager/value", nil)
		p.get("/Users/"+id+"?excludedAttributes="+scim.EnterpriseUserSchema+":manager.$ref").has(ref, nil).
			has(scim.EnterpriseUserSchema+"/manager/value", "m1")
	})
	t.Run("lists project alike", func(t *testing.T) {
		p := p.in(t)
		p.get("/Users?attributes=userName").has("Resources/0/userName", "ada").has("Resources/0/meta", nil)
		p.get("/Groups?excludedAttributes=members").has("Resources/0/members", nil).has("Resources/0/displayName", "g")
		p.get("/Groups?attributes=members.type").has("Resources/0/members/0/type", "User").has("Resources/0/members/0/value", nil)
	})
}
