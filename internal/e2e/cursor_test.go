package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is one page by cursor of whoever has the token.
func (c *conversation) page(t *testing.T, token, path, cursor string) (ids []string, next string) {
	t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	v, _ := c.say(say{req: "GET " + path + sep + "cursor=" + cursor, header: "Authorization: Bearer " + token, status: http.StatusOK}).(map[string]any)
	for _, r := range v["Resources"].([]any) {
		ids = append(ids, r.(map[string]any)["id"].(string))
	}
	next, _ = v["nextCursor"].(string)
	return ids, next
}

// TestCursorWalk walks by cursor as identity providers do: the token is rotated between two pages, the hub restarted
// between two others, and everybody is seen once (CUR-05, CUR-28), in each order and over all types.
func TestCursorWalk(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	c := newConversation(t, h)
	var users, all []string
	for i := range 40 {
		c.say(say{req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"}, body: fmt.Sprintf(
			`{"schemas":[%q],"userName":"walk%d@acme.test","active":true,"userType":"%d","displayName":"Walk %02d"}`, userSchema, 40-i, i%3, i%20)})
		users = append(users, c.names["u"])
	}
	for i := range 5 {
		c.say(found("g", fmt.Sprintf("Walk %02d group", i*4)))
		all = append(all, c.names["g"])
	}
	all = append(slices.Clone(users), all...)
	rotated := strings.TrimSpace(muster(t, "token", "create", "--data", h.dir, "--name", "rotated"))
	first := h.token
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	unreserved := regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

	cursors := map[string]string{} // by query, after the first page
	seen := map[string][]string{}
	queries := map[string][]string{
		"/Users?count=7":                                      users,
		"/Users?count=7&sortBy=userName":                      users,
		"/Users?count=7&sortBy=userType&sortOrder=descending": users,
		"/Users?count=7&sortBy=meta.created&filter=active pr": users,
		"?count=11":                    all,
		"?count=11&sortBy=displayName": all,
		"?count=11&sortBy=userName&sortOrder=descending":            all,
		`?count=11&sortBy=displayName&filter=displayName sw "walk"`: all,
	}

	h = startHub(t, h.dir)
	c = newConversation(t, h)
	for query := range queries {
		seen[query], cursors[query] = c.page(t, first, query, "")
		if !unreserved.MatchString(cursors[query]) { // CUR-02
			t.Errorf("%s: the cursor is %q", query, cursors[query])
		}
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h = startHub(t, h.dir, "--listen", strings.TrimSuffix(strings.TrimPrefix(h.base, "http://"), "/scim/v2"))
	c = newConversation(t, h)
	for query, want := range queries {
		for cursor := cursors[query]; cursor != ""; {
			var ids []string
			ids, cursor = c.page(t, rotated, query, cursor)
			seen[query] = append(seen[query], ids...)
		}
		slices.Sort(seen[query])
		if want = slices.Clone(want); !slices.Equal(seen[query], slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: saw %d of %d, or somebody twice", query, len(seen[query]), len(want))
		}
	}
}

// TestSec_B10_ForeignCursor presents cursors to whom they do not belong: rights and subject count, not the token.
func TestSec_B10_ForeignCursor(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	c := newConversation(t, h)
	for i := range 3 {
		c.say(hire(fmt.Sprint("u", i), fmt.Sprintf("foreign%d@acme.test", i)))
	}
	token := func(args ...string) string {
		return "Authorization: Bearer " + strings.TrimSpace(muster(t, append([]string{"token", "create", "--data", h.dir, "--name", "x"}, args...)...))
	}
	strict, person := token("--profile", "strict"), token("--user", "foreign1@acme.test")
	_, cursor := c.page(t, h.token, "/Users?count=1", "")
	at := func(cursor, header string) answer {
		return c.send(say{req: "GET /Users?count=1&cursor=" + cursor, header: header})
	}
	if a := at(cursor, ""); a.status != http.StatusOK {
		t.Fatalf("its owner: %d %s", a.status, a.body)
	}
	forged := at("abc", "")
	for who, header := range map[string]string{"other rights (CUR-24)": strict, "one person (CUR-22)": person} {
		if a := at(cursor, header); a.status != http.StatusBadRequest || string(a.body) != string(forged.body) { // CUR-26
			t.Errorf("%s: %d %s\nforged: %s", who, a.status, a.body, forged.body)
		}
	}
	c.play(
		say{note: "CUR-09", req: "GET /Groups?count=1&cursor=" + cursor, status: 400, want: `{"scimType":"invalidCursor"}`},
		say{note: "CUR-14", req: "GET /Users?count=2&cursor=" + cursor, status: 400, want: `{"scimType":"invalidCount"}`},
		say{note: "CUR-19", req: "POST /Users/.search", body: `{"count":1,"cursor":"` + cursor + `"}`, status: 200},
		say{note: "without credentials", req: "GET /Users?count=1&cursor=" + cursor, header: "Authorization:", status: 401},
	)
}

// TestMe is what a person does with a token of their own (P-3.11, AUTH-75).
func TestMe(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	c := newConversation(t, h)
	c.say(hire("me", "me@acme.test"))
	c.say(hire("other", "other@acme.test"))
	c.say(found("g", "Me and others", "me"))
	mine := "Authorization: Bearer " + strings.TrimSpace(muster(t, "token", "create", "--data", h.dir, "--name", "phone", "--user", "ME@acme.test"))
	const patchOp = `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	c.play(
		say{note: "P-3.11-01 a token of the source", req: "GET /Me", status: 501, want: `{"status":"501"}`},
		say{note: "P-3.11-03", req: "GET /Me", header: mine, status: 200, want: `{"id":"${me}","userName":"me@acme.test","groups":[{"value":"${g}"}],"meta":{"location":"${base}/Users/${me}"}}`},
		say{note: "P-3.11-04", req: "PATCH /Me", header: mine, body: `{` + patchOp + `,"Operations":[{"op":"replace","path":"nickName","value":"M"}]}`, status: 200, want: `{"nickName":"M"}`, events: []string{"user.updated"}},
		say{note: "P-3.11-05", req: "PATCH /Me", header: mine, body: `{` + patchOp + `,"Operations":[{"op":"add","path":"roles","value":[{"value":"admin"}]}]}`, status: 400, want: `{"scimType":"mutability"}`},
		say{note: "P-3.11-05", req: "PATCH /Me", header: mine, body: `{` + patchOp + `,"Operations":[{"op":"replace","path":"userName","value":"root"}]}`, status: 400, want: `{"scimType":"mutability"}`},
		say{note: "AUTH-73", req: "PUT /Me", header: mine, body: `{"schemas":["` + userSchema + `"],"userName":"root","active":true,"roles":[{"value":"admin"}],"nickName":"N"}`, status: 200, want: `{"userName":"me@acme.test","nickName":"N","roles":null}`, events: []string{"user.updated"}},
		say{note: "P-3.11-04", req: "POST /Me", header: mine, body: `{"schemas":["` + userSchema + `"],"userName":"x"}`, status: 409, want: `{"scimType":"uniqueness"}`},
		say{note: "by its own URL", req: "GET /Users/${me}", header: mine, status: 200},
		say{note: "B09", req: "GET /Users/${other}", header: mine, status: 404, want: `{"status":"404"}`},
		say{note: "B09", req: "GET /Users", header: mine, status: 200, want: `{"totalResults":1,"Resources":[{"id":"${me}"}]}`},
		say{note: "B09", req: "GET ", header: mine, status: 200, want: `{"totalResults":1,"Resources":[{"id":"${me}"}]}`},
		say{note: "B09", req: `GET /Users?filter=userName eq "other@acme.test"`, header: mine, status: 200, want: `{"totalResults":0}`},
		say{note: "B09", req: "GET /Groups/${g}", header: mine, status: 404, want: `{"status":"404"}`},
		say{note: "nobody is made", req: "POST /Users", header: mine, body: `{"schemas":["` + userSchema + `"],"userName":"x"}`, status: 403, want: `{"status":"403"}`},
		say{note: "nobody else is changed", req: "DELETE /Users/${other}", header: mine, status: 404, want: `{"status":"404"}`},
	)
	inactive := `{` + patchOp + `,"Operations":[{"op":"replace","path":"active","value":%s}]}`
	c.play(
		say{req: "PATCH /Users/${me}", body: fmt.Sprintf(inactive, "false"), status: 200, events: []string{"user.deactivated"}},
		say{note: "inactive", req: "GET /Me", header: mine, status: 401, want: `{"status":"401"}`},
		say{req: "PATCH /Users/${me}", body: fmt.Sprintf(inactive, "true"), status: 200, events: []string{"user.reactivated"}},
		say{note: "active again", req: "GET /Me", header: mine, status: 200},
		say{note: "P-3.11-04", req: "DELETE /Me", header: mine, status: 204, events: []string{"user.deleted"}},
		say{note: "gone", req: "GET /Me", header: mine, status: 404, want: `{"status":"404"}`},
		say{note: "gone", req: "GET /Users", header: mine, status: 200, want: `{"totalResults":0}`},
		say{req: "GET /Users/${me}", status: 404, want: `{"status":"404"}`},
	)
	if list := muster(t, "token", "list", "--data", h.dir); !strings.Contains(list, c.names["me"]) {
		t.Errorf("the list does not say whose the token is:\n%s", list)
	}
}
