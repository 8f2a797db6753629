package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestAnswers holds what clients get to see against the standards, in both profiles where
// they differ. The steps of a row are said in order, rows side by side.
func TestAnswers(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	strict := "Authorization: Bearer " + strings.TrimSpace(muster(t, "token", "create", "--data", h.dir, "--name", "strict", "--profile", "strict"))
	for _, table := range []map[string][]say{shapeRows, errorRows, versionRows, sortRows} {
		for name, steps := range maps.All(table) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newConversation(t, h)
				c.names["strict"] = strict
				c.play(steps...)
			})
		}
	}
	t.Run("filter corpus", func(t *testing.T) {
		t.Parallel()
		c := newConversation(t, h)
		for _, f := range validFilters {
			c.say(say{req: "GET /Users?filter=" + f, status: http.StatusOK, want: `{"totalResults":"*"}`})
			c.say(say{note: "strict", header: strict, req: "GET /Users?filter=" + f, status: http.StatusOK})
		}
		for _, f := range invalidFilters {
			c.say(say{req: "GET /Users?filter=" + f, status: http.StatusBadRequest, want: `{"scimType":"invalidFilter"}`})
		}
		for _, f := range slices.Concat(invalidFilters, forgivenFilters) {
			c.say(say{note: "strict", header: strict, req: "GET /Users?filter=" + f, status: http.StatusBadRequest, want: `{"scimType":"invalidFilter"}`})
		}
		for _, f := range groupFilters {
			c.say(say{req: "GET /Groups?filter=" + f, status: http.StatusOK})
		}
	})
}

const (
	listMessage  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	errorMessage = "urn:ietf:params:scim:api:messages:2.0:Error"
	anID         = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`
	aTime        = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`
)

// shapeRows are the answers that every client accepts, to the byte where clients look at bytes.
var shapeRows = map[string][]say{
	"200 nothing": {{
		req: `GET /Users?filter=userName eq "nobody-has-this"`, status: 200, gets: "Content-Type: application/scim\\+json",
		bytes: `\{"schemas":\["` + listMessage + `"\],"Resources":\[\],"totalResults":0,"startIndex":1,"itemsPerPage":0\}`,
	}},
	"201, 200 and 204 of a user": {
		{
			req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"},
			body: `{"schemas":["` + userSchema + `"],"externalId":"shape-1","userName":"shape@acme.test","active":true}`,
			gets: "Content-Type: application/scim\\+json\nLocation: ${base}/Users/" + anID + "\nEtag: W/\"1\"",
			bytes: `\{"schemas":\["` + userSchema + `"\],"id":"` + anID + `","externalId":"shape-1","userName":"shape@acme.test","active":true,` +
				`"meta":\{"resourceType":"User","created":"` + aTime + `","lastModified":"` + aTime + `","location":"${base}/Users/` + anID + `","version":"W/\\"1\\""\}\}`,
		},
		{req: "GET /Users/${u}", status: 200, gets: "Location: ${base}/Users/${u}\nEtag: W/\"1\"", want: `{"id":"${u}","meta":{"location":"${base}/Users/${u}"}}`},
		{
			note: "one in a list", req: `GET /Users?filter=externalId eq "shape-1"`, status: 200,
			bytes: `\{"schemas":\["` + listMessage + `"\],"Resources":\[\{.*"id":"${u}".*\}\],"totalResults":1,"startIndex":1,"itemsPerPage":1\}`,
		},
		{
			req: "PUT /Users/${u}", status: 200, events: []string{"user.updated"}, body: `{"schemas":["` + userSchema + `"],"userName":"shape@acme.test","title":"T"}`,
			gets: "Etag: W/\"2\"\nLocation: ${base}/Users/${u}", want: `{"id":"${u}","title":"T","meta":{"version":"W/\"2\""}}`,
		},
		patchUser("u", `{"op":"replace","value":{"active":false}}`, `{"id":"${u}","active":false,"userName":"shape@acme.test","meta":{"version":"W/\"3\""}}`, "user.deactivated"),
		{req: "DELETE /Users/${u}", status: 204, bytes: "", events: []string{"user.deleted"}, gets: "Content-Type: "},
	},
	"204 of a group, 200 where it is asked for": {
		found("g", "shape group"),
		{req: "PATCH /Groups/${g}", status: 204, events: []string{"group.updated"}, body: `{"Operations":[{"op":"replace","path":"displayName","value":"shape group 2"}]}`, gets: "Etag: W/\"2\"\nContent-Type: "},
		{req: "PATCH /Groups/${g}?attributes=displayName", status: 200, events: []string{"group.updated"}, body: `{"Operations":[{"op":"replace","path":"displayName","value":"shape group 3"}]}`, want: `{"displayName":"shape group 3","meta":null}`},
		{
			note: "AMB-51", header: "${strict}", req: "PATCH /Groups/${g}", status: 200, events: []string{"group.updated"},
			body: `{"schemas":["` + patchSchema + `"],"Operations":[{"op":"replace","path":"displayName","value":"shape group 4"}]}`, want: `{"displayName":"shape group 4"}`,
		},
	},
	"409": {
		hire("u", "taken@acme.test"),
		{
			req: "POST /Users", body: `{"userName":"TAKEN@acme.test"}`, status: 409, gets: "Content-Type: application/scim\\+json",
			bytes: `\{"schemas":\["` + errorMessage + `"\],"status":"409","scimType":"uniqueness","detail":".*userName.*"\}`,
		},
	},
	"404": {{req: "GET /Users/nobody", status: 404, bytes: `\{"schemas":\["` + errorMessage + `"\],"status":"404","detail":".+"\}`}},
	"401": {
		{req: "GET /Users", header: "Authorization:", status: 401, gets: "WWW-Authenticate: Bearer .*", bytes: `\{"schemas":\["` + errorMessage + `"\],"status":"401","detail":".+"\}`},
		{req: "GET /Users", header: "Authorization: Basic YTpi", status: 401, gets: "WWW-Authenticate: Bearer .*"},
	},
	"P-3.8 plain JSON for who takes nothing else": {
		{req: "GET /Users?count=1", header: "Accept: application/json", status: 200, gets: "Content-Type: application/json"},
		{req: "GET /Users/nobody", header: "Accept: application/json", status: 404, gets: "Content-Type: application/json"},
		{req: "GET /Users?count=1", header: "Accept: */*", status: 200, gets: "Content-Type: application/scim\\+json"},
		{req: "GET /Users?count=1", header: "Accept: application/json, application/scim+json", status: 200, gets: "Content-Type: application/scim\\+json"},
	},
}

// errorRows are refusals: each with the body of P-3.12-01.
var errorRows = map[string][]say{
	"405 with Allow": {
		{req: "DELETE /Users", status: 405, gets: "Allow: GET, POST, HEAD", want: `{"schemas":["` + errorMessage + `"],"status":"405","detail":"*"}`},
		{req: "POST /Users/x", body: `{}`, status: 405, gets: "Allow: GET, HEAD, PUT, PATCH, DELETE", want: `{"status":"405"}`},
		{req: "POST /Schemas", body: `{}`, status: 405, gets: "Allow: GET, HEAD"},
		{req: "GET /Users/.search", status: 405, gets: "Allow: POST"},
	},
	"406 and 415": {
		{req: "GET /Users", header: "Accept: text/xml", status: 406, want: `{"schemas":["` + errorMessage + `"],"status":"406","detail":"*"}`},
		{req: "POST /Users", header: "Content-Type: text/xml", body: `<a/>`, status: 415, want: `{"schemas":["` + errorMessage + `"],"status":"415","detail":"*"}`},
		{req: "POST /Users", header: "Content-Type:", body: `{"userName":"x415"}`, status: 415},
		{req: "POST /Users", header: "Content-Type: application/scim+json; charset=iso-8859-1", body: `{"userName":"x415"}`, status: 415},
		{req: "POST /Users", header: "Content-Encoding: gzip", body: `{"userName":"x415"}`, status: 415},
	},
	"413": {
		{req: "POST /Users", body: `{"userName":"x413","title":"` + strings.Repeat("a", 2<<20) + `"}`, status: 413, want: `{"schemas":["` + errorMessage + `"],"status":"413","detail":"*"}`},
		{note: "F27", req: "PATCH /Users/x", body: `{"Operations":[` + strings.Repeat(`{"op":"add","path":"title","value":"a"},`, 1000) + `{"op":"add","path":"title","value":"a"}]}`, status: 413, want: `{"status":"413"}`},
	},
	"501": {
		{req: "GET /Me", status: 501, want: `{"schemas":["` + errorMessage + `"],"status":"501","detail":"*"}`},
		{req: "PATCH /Me", body: `{}`, status: 501},
	},
	"404 of what is no endpoint": {
		{req: "GET /Nothing", status: 404, want: `{"status":"404","detail":"*"}`},
		{req: "GET /Users/a/b", status: 404, want: `{"status":"404"}`},
		{req: "GET /v9/Users", status: 404, want: `{"status":"404"}`},
	},
	"400 of bodies": {
		{req: "POST /Users", body: `{`, status: 400, want: `{"schemas":["` + errorMessage + `"],"status":"400","scimType":"invalidSyntax","detail":"*"}`},
		{note: "empty", req: "POST /Users", status: 400, want: `{"scimType":"invalidSyntax"}`},
		{req: "POST /Users", body: `[]`, status: 400, want: `{"scimType":"invalidSyntax"}`},
		{note: "C01", req: "POST /Users", body: `{"userName":"a","userName":"b"}`, status: 400, want: `{"scimType":"invalidSyntax"}`},
		{note: "C02", req: "POST /Users", body: `{"userName":"a","USERNAME":"b"}`, status: 400, want: `{"scimType":"invalidSyntax"}`},
		{note: "C03", req: "POST /Users", body: `{"userName":"a"}{}`, status: 400, want: `{"scimType":"invalidSyntax"}`},
		{note: "C04", req: "POST /Users", body: "{\"userName\":\"a\xff\"}", status: 400, want: `{"scimType":"invalidSyntax"}`},
		{note: "C04", req: "POST /Users", body: `{"userName":"a\ud800"}`, status: 400, want: `{"scimType":"invalidSyntax"}`},
		{req: "POST /Users", body: `{"displayName":"no name"}`, status: 400, want: `{"scimType":"invalidValue"}`},
		{note: "B05", req: "POST /Users", body: `{"userName":"a","externalId":7}`, status: 400, want: `{"scimType":"invalidValue"}`},
		{note: "C08", req: "POST /Users", body: `{"userName":"a\u200db"}`, status: 400, want: `{"scimType":"invalidValue"}`},
	},
	"strict is strict": {
		{note: "AMB-01", req: "POST /Users", header: "${strict}", body: `{"userName":"strict1"}`, status: 400, want: `{"scimType":"invalidSyntax"}`},
		{note: "F2", req: "POST /Users", header: "${strict}", body: `{"schemas":["` + userSchema + `"],"userName":"strict2","active":"true"}`, status: 400, want: `{"scimType":"invalidValue"}`},
		{note: "F13", req: "POST /Users", header: "${strict}", body: `{"schemas":["` + userSchema + `"],"userName":"strict3","emails":{"value":"a"}}`, status: 400, want: `{"scimType":"invalidValue"}`},
		{note: "F20", req: "POST /Groups", header: "${strict}", body: `{"schemas":["` + groupSchema + `"],"displayName":"strict","members":[{"value":"nobody"}]}`, status: 400, want: `{"scimType":"invalidValue"}`},
		{note: "AMB-29", req: "GET /Users?attributes=id&excludedAttributes=title", header: "${strict}", status: 400, want: `{"scimType":"invalidValue"}`},
		hire("u", "strict4@acme.test"),
		{note: "F8", req: "PATCH /Users/${u}", header: "${strict}", status: 400, want: `{"scimType":"noTarget"}`, body: `{"schemas":["` + patchSchema + `"],"Operations":[{"op":"add","path":"phoneNumbers[type eq \"work\"].value","value":"1"}]}`},
		{note: "F6", req: "PATCH /Users/${u}", header: "${strict}", status: 400, want: `{"scimType":"invalidPath"}`, body: `{"schemas":["` + patchSchema + `"],"Operations":[{"op":"add","path":"department","value":"1"}]}`},
		{note: "F10", req: "PATCH /Users/${u}", header: "${strict}", status: 400, want: `{"scimType":"mutability"}`, body: `{"schemas":["` + patchSchema + `"],"Operations":[{"op":"replace","value":{"id":"x"}}]}`},
		{note: "F12", req: "PUT /Users/${u}", header: "${strict}", status: 200, events: []string{"user.updated"}, body: `{"schemas":["` + userSchema + `"],"userName":"strict4@acme.test"}`, want: `{"displayName":null}`},
		{note: "nothing forgiven in decoding", req: `GET /Users?filter=userName eq "strict4%40acme.test"`, header: "${strict}", status: 200, want: `{"totalResults":0}`},
	},
}

// versionRows are conditional requests (RFC 7644 §3.14).
var versionRows = map[string][]say{
	"P-3.14 conditional reads": {
		hire("u", "etag@acme.test"),
		{req: "GET /Users/${u}", header: `If-None-Match: W/"1"`, status: 304, gets: "Etag: W/\"1\"\nContent-Type: "},
		{req: "GET /Users/${u}", header: `If-None-Match: "9", W/"1"`, status: 304},
		{req: "GET /Users/${u}?attributes=userName", header: `If-None-Match: *`, status: 304},
		{req: "GET /Users/${u}", header: `If-None-Match: W/"9"`, status: 200},
	},
	"P-3.14 conditional writes": {
		hire("u", "match@acme.test"),
		{req: "PATCH /Users/${u}", header: `If-Match: W/"9"`, status: 412, want: `{"schemas":["` + errorMessage + `"],"status":"412","detail":"*"}`, body: `{"Operations":[{"op":"replace","path":"title","value":"a"}]}`},
		{req: "PATCH /Users/${u}", header: `If-Match: W/"1"`, status: 200, gets: "Etag: W/\"2\"", events: []string{"user.updated"}, body: `{"Operations":[{"op":"replace","path":"title","value":"a"}]}`},
		{req: "PATCH /Users/${u}", note: "AMB-31", header: `If-Match: "2"`, status: 200, events: []string{"user.updated"}, body: `{"Operations":[{"op":"replace","path":"title","value":"b"}]}`},
		{req: "PUT /Users/${u}", header: `If-Match: W/"1"`, status: 412, body: `{"userName":"match@acme.test"}`},
		{req: "PUT /Users/${u}", header: `If-Match: *`, status: 200, events: []string{"user.updated"}, body: `{"userName":"match@acme.test"}`},
		{req: "DELETE /Users/${u}", header: `If-Match: W/"1"`, status: 412},
		{req: "DELETE /Users/${u}", header: `If-Match: W/"1", W/"4"`, status: 204, events: []string{"user.deleted"}},
	},
	"P-3.14-06 the version follows effective changes only": {
		hire("u", "version@acme.test"), found("g", "version"),
		patchGroup("g", `{"op":"add","path":"members","value":[{"value":"${u}"}]}`, added),
		{req: "GET /Groups/${g}", status: 200, want: `{"meta":{"version":"W/\"2\""}}`},
		patchGroup("g", `{"op":"add","path":"members","value":[{"value":"${u}"}]}`),
		{req: "GET /Groups/${g}", status: 200, want: `{"meta":{"version":"W/\"2\""}}`},
		{note: "groups are derived", req: "GET /Users/${u}", status: 200, want: `{"groups":[{"value":"${g}","display":"version","type":"direct","$ref":"${base}/Groups/${g}"}],"meta":{"version":"W/\"1\""}}`},
	},
}

// someone is a user with what sorting and projection need.
func someone(name, more string) say {
	return say{req: "POST /Users", status: 201, keep: name, events: []string{"user.created"}, body: fmt.Sprintf(`{"userName":"sort-%s","userType":"sorted",%s}`, name, more)}
}

func inOrder(t *testing.T, v any) (names string) {
	t.Helper()
	list, _ := v.(map[string]any)["Resources"].([]any)
	for _, r := range list {
		names += strings.TrimPrefix(r.(map[string]any)["userName"].(string), "sort-") + " "
	}
	return strings.TrimSpace(names)
}
