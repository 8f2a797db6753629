package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"
)

// The filter corpus of RFC 7644 §3.4.2.2 as the checker has it.
var (
	validFilters = []string{
		`userName eq "bjensen"`, `USERNAME EQ "BJENSEN"`, `name.familyName co "O'Malley"`, `title pr`,
		`title pr and userType eq "Employee"`, `title pr or userType eq "Intern" and active eq true`,
		`not (title pr)`, `not(title pr)`, `(title pr)`, `emails[type eq "work" and value co "@example.com"]`,
		`emails[not (type eq "work")]`, `emails.type eq "work"`, `emails co "example.com"`,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`, `meta.lastModified le "2011-05-13T06:42:34.000+02:00"`,
		`schemas eq "` + enterprise + `"`, enterprise + `:manager.displayName sw "A"`, `nickName eq null`, `nickName ne null`,
		`active eq false`, `userName eq "a\"b"`, `externalId eq "\u0041"`, `groups.value eq "id"`, `id eq "x"`,
		`userName sw ""`, `name.givenName ge "a" and name.givenName lt "b"`, `emails.primary eq true`, `emails pr`,
		`meta.resourceType eq "User"`, userSchema + `:name.givenName ew "a"`, `((userName eq "a") or (not (active eq true)))`,
	}
	forgivenFilters = []string{
		`userName eq x`, `userName eq 5`, `emails[type eq "work"].value eq "x"`, `userName eq"x"`, `active eq "true"`, `department eq "x"`,
	}
	invalidFilters = []string{
		``, `userName`, `userName eq`, `eq "x"`, `userName eq 'x'`, `userName = "x"`, `userName eq "x" and`, `(userName eq "x"`,
		`userName eq "x")`, `emails[type eq "work"`, `emails[]`, `emails[type eq "work"][value eq "x"]`, `name.given.x eq "y"`,
		`1abc eq "x"`, `userName foo "x"`, `active gt true`, `userName eq "x" xor title pr`, `not title pr`,
		`userName eq "unterminated`, `userName pr "x"`, `()`, `emails[userName eq "x"]`, `emails[value[type eq "x"]]`, `name eq "x"`,
		`password pr`, `password sw "a"`, `x509Certificates.value gt "a"`, `shoeSize pr`, `and`, `userName eq "a" or or title pr`,
	}
	groupFilters = []string{`members.value eq "id"`, `members[value eq "id"]`, `members pr`, `displayName sw "a"`, `members.type eq "User"`}
)

// sortRows are sorting, projection and queries by POST.
var sortRows = map[string][]say{
	"P-A projection": {
		{
			req: "POST /Users?attributes=userName", status: 201, keep: "u", events: []string{"user.created"}, want: `{"id":"*","userName":"proj@acme.test","schemas":["` + userSchema + `"],"meta":null,"active":null}`,
			body: `{"userName":"proj@acme.test","active":true,"name":{"givenName":"G","familyName":"F"},"emails":[{"value":"a@acme.test","type":"work"}],"` + enterprise + `":{"department":"D","costCenter":"C"}}`,
		},
		{req: "GET /Users/${u}?attributes=USERNAME, foo ,emails.value", status: 200, want: `{"id":"${u}","schemas":["*"],"userName":"proj@acme.test","emails":[{"value":"a@acme.test","type":null}],"name":null,"meta":null}`},
		{req: "GET /Users/${u}?excludedAttributes=id,schemas,emails,name.familyName", status: 200, want: `{"id":"${u}","schemas":["*","*"],"emails":null,"name":{"givenName":"G","familyName":null},"active":true}`},
		{req: "GET /Users/${u}?attributes=" + enterprise + ":department", status: 200, want: `{"` + enterprise + `":{"department":"D","costCenter":null},"userName":null}`},
		{req: "GET /Users/${u}?attributes=" + enterprise, status: 200, want: `{"` + enterprise + `":{"department":"D","costCenter":"C"},"userName":null}`},
		{note: "AMB-29", req: "GET /Users/${u}?attributes=userName,name&excludedAttributes=name", status: 200, want: `{"userName":"proj@acme.test","name":null}`},
		{req: `GET /Users?filter=id eq "${u}"&attributes=meta.version`, status: 200, want: `{"Resources":[{"id":"${u}","meta":{"version":"W/\"1\"","location":null},"userName":null}]}`},
		{req: "PATCH /Users/${u}?attributes=title", status: 200, events: []string{"user.updated"}, body: `{"Operations":[{"op":"add","path":"title","value":"T"}]}`, want: `{"title":"T","userName":null}`},
		{req: "PUT /Users/${u}?excludedAttributes=title,meta", status: 200, events: []string{"user.updated"}, body: `{"userName":"proj@acme.test","title":"U"}`, want: `{"title":null,"meta":null,"userName":"proj@acme.test"}`},
	},
	"P-Q queries by POST": {
		hire("u", "search@acme.test"), found("g", "search", "u"),
		{
			req: "POST /Users/.search", status: 200, want: `{"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[{"id":"${u}","userName":"search@acme.test","displayName":null}]}`,
			body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"search@acme.test\"","attributes":["userName"],"startIndex":1,"count":10}`,
		},
		{note: "wrong message", req: "POST /Users/.search", status: 400, want: `{"scimType":"invalidSyntax"}`, body: `{"schemas":["` + patchSchema + `"],"filter":"title pr"}`},
		{req: "POST /Users/.search", status: 400, want: `{"scimType":"invalidFilter"}`, body: `{"filter":"userName eq"}`},
		{req: "POST /Groups/.search", status: 200, want: `{"totalResults":1,"Resources":[{"id":"${g}","members":null}]}`, body: `{"filter":"displayName eq \"SEARCH\"","excludedAttributes":["members"]}`},
		{note: "over all types", req: "POST /.search", status: 200, want: `{"totalResults":2,"Resources":[{"id":"${u}"},{"id":"${g}"}]}`, body: `{"filter":"id eq \"${u}\" or id eq \"${g}\""}`},
		{req: `GET ?filter=id eq "${g}" and meta.resourceType eq "Group"`, status: 200, want: `{"totalResults":1,"Resources":[{"id":"${g}"}]}`},
		{note: "P-3.4.2.1-04", req: `GET /?filter=members pr and (id eq "${u}" or id eq "${g}")`, status: 200, want: `{"totalResults":1,"Resources":[{"id":"${g}"}]}`},
		{req: "POST /Users/.search?attributes=id", note: "count 0", status: 200, want: `{"Resources":[],"itemsPerPage":0}`, body: `{"filter":"userName eq \"search@acme.test\"","count":0}`},
	},
}

// TestSorting holds orders against P-S rows.
func TestSorting(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	for _, s := range []say{
		someone("one", `"displayName":"b","externalId":"b","title":"T2","emails":[{"value":"z@a","primary":false},{"value":"b@a","primary":true}],"`+enterprise+`":{"department":"Y"}`),
		someone("two", `"displayName":"A","externalId":"A","emails":[{"value":"c@a"},{"value":"a@a"}],"`+enterprise+`":{"department":"x"}`),
		someone("three", `"displayName":"C","externalId":"C","title":"t1","emails":[{"value":"a@a"}]`),
	} {
		c.play(s)
		// meta.created has milliseconds, and those of two must not be the same.
		for made := time.Now().UnixMilli(); time.Now().UnixMilli() == made; {
			runtime.Gosched()
		}
	}
	for _, tc := range []struct{ query, want string }{
		{"sortBy=displayName", "two one three"},
		{"sortBy=displayName&sortOrder=descending", "three one two"},
		{"sortBy=externalId", "two three one"},
		{"sortBy=title", "three one two"},
		{"sortBy=title&sortOrder=descending", "two one three"},
		{"sortBy=emails", "three one two"},
		{"sortBy=emails.value&sortOrder=ascending", "three one two"},
		{"sortBy=meta.created&sortOrder=descending", "three two one"},
		{"sortBy=" + enterprise + ":department", "two one three"},
		{"sortBy=userType", "one two three"},
		{"sortOrder=descending", "one two three"},
		{"sortBy=displayName&startIndex=2&count=1", "one"},
	} {
		if got := inOrder(t, c.say(say{req: "GET /Users?" + tc.query, status: http.StatusOK})); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.query, got, tc.want)
		}
	}
	c.play(
		say{note: "P-S-04", req: "GET /Users?sortBy=name", status: 400, want: `{"scimType":"invalidValue"}`},
		say{note: "P-S-07", req: "GET /Users?sortBy=title&sortOrder=up", status: 400, want: `{"scimType":"invalidValue"}`},
		say{note: "D02", req: "GET /Users?sortBy=password", status: 400, want: `{"scimType":"invalidValue"}`},
		say{note: "P-G-10", req: "GET /Users?count=abc", status: 400, want: `{"scimType":"invalidValue"}`},
	)
}

// TestPageWalk is P-G-11 and P-S-10: pages show everybody once, in an order that stays, also
// where everybody sorts alike.
func TestPageWalk(t *testing.T) {
	t.Parallel()
	const n = 250
	h := startHub(t, t.TempDir())
	c := newConversation(t, h)
	var want []string
	for i := range n {
		s := hire("u", fmt.Sprintf("walk%d@acme.test", n-i))
		s.body = s.body[:len(s.body)-1] + `,"userType":"same"}`
		c.say(s)
		want = append(want, c.names["u"])
	}
	for _, query := range []string{"count=100", "count=7&sortBy=userType", "count=50&filter=active eq true", "count=99&sortBy=userType&sortOrder=ascending&attributes=id", ""} {
		var got []string
		for start := 1; ; {
			v, _ := c.say(say{req: fmt.Sprintf("GET /Users?startIndex=%d&%s", start, query), status: http.StatusOK, want: fmt.Sprintf(`{"totalResults":%d,"startIndex":%d}`, n, start)}).(map[string]any)
			list, _ := v["Resources"].([]any)
			if per, _ := v["itemsPerPage"].(float64); int(per) != len(list) {
				t.Fatalf("itemsPerPage is %v of %d resources", per, len(list))
			}
			for _, r := range list {
				got = append(got, r.(map[string]any)["id"].(string))
			}
			if start += len(list); len(list) == 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the walk saw %d of %d, or another order", query, len(got), n)
		}
	}
	c.checkEvents()
}

// TestDiscovery is F26 and F27: complete, the same in a list and alone, without nulls, and true.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	for endpoint, ids := range map[string][]string{
		"/Schemas": {
			userSchema, groupSchema, enterprise,
			"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig", "urn:ietf:params:scim:schemas:core:2.0:ResourceType", "urn:ietf:params:scim:schemas:core:2.0:Schema",
		},
		"/ResourceTypes": {"User", "Group"},
	} {
		v, _ := c.say(say{req: "GET " + endpoint + "?startIndex=2&count=1", status: 200, want: fmt.Sprintf(`{"schemas":[%q],"totalResults":%d,"itemsPerPage":%d}`, listMessage, len(ids), len(ids))}).(map[string]any)
		list, _ := v["Resources"].([]any)
		var got []string
		for _, r := range list {
			o, _ := r.(map[string]any)
			id, _ := o["id"].(string)
			got = append(got, id)
			noNulls(t, endpoint+"/"+id, o)
			alone := c.say(say{req: "GET " + endpoint + "/" + id, status: 200, want: `{"meta":{"location":"${base}` + endpoint + `/` + id + `","resourceType":"*"}}`})
			if wrong := unlike(id, alone, o); len(wrong) > 0 {
				t.Errorf("%s alone differs from the list: %v", id, wrong)
			}
		}
		slices.Sort(got)
		if slices.Sort(ids); !slices.Equal(got, ids) {
			t.Errorf("%s has %v, want %v", endpoint, got, ids)
		}
		c.say(say{note: "AMB-34", req: "GET " + endpoint + "?filter=id pr", status: 403, want: `{"status":"403"}`})
		c.say(say{req: "GET " + endpoint + "/nothing", status: 404, want: `{"status":"404"}`})
	}
	c.say(say{note: "a URN in another case", req: "GET /Schemas/URN:ietf:params:scim:schemas:core:2.0:USER", status: 200, want: `{"id":"` + userSchema + `","name":"User"}`})
	c.say(say{note: "CyberArk", req: "GET /ResourceTypes/User", status: 200, want: `{"endpoint":"/Users","schema":"` + userSchema + `","schemaExtensions":[{"schema":"` + enterprise + `","required":false}]}`})
	spc := c.say(say{req: "GET /ServiceProviderConfig?filter=x", status: 200, want: `{"patch":{"supported":true},"filter":{"supported":true,"maxResults":1000},
		"bulk":{"supported":true,"maxOperations":1000,"maxPayloadSize":10485760},
		"pagination":{"cursor":true,"index":true,"defaultPaginationMethod":"index","defaultPageSize":100,"maxPageSize":1000,"cursorTimeout":3600},"sort":{"supported":true},"etag":{"supported":true},"changePassword":{"supported":false},
		"authenticationSchemes":[{"type":"oauthbearertoken","name":"*","description":"*"}],"meta":{"resourceType":"ServiceProviderConfig","location":"${base}/ServiceProviderConfig"}}`})
	noNulls(t, "ServiceProviderConfig", spc)
	if anonymous := c.say(say{note: "without credentials", req: "GET /ServiceProviderConfig", header: "Authorization:", status: 200}); len(unlike("$", anonymous, spc)) > 0 {
		t.Error("ServiceProviderConfig differs without credentials")
	}
}

// noNulls fails for every null in a document.
func noNulls(t *testing.T, path string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		t.Errorf("%s is null", path)
	case map[string]any:
		for name, e := range maps.All(v) {
			noNulls(t, path+"."+name, e)
		}
	case []any:
		for i, e := range v {
			noNulls(t, fmt.Sprintf("%s[%d]", path, i), e)
		}
	}
}
