package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// FuzzBody sends any body to every endpoint that takes one: no answer is a 5xx, each is
// JSON, and what was created can be read and sent back unchanged.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		ada, `{}`, `[]`, `{"userName":"a","emails":[{"value":null}]}`,
		`{"schemas":["` + scim.GroupSchema + `"],"displayName":"g","members":[{"value":"group-1"},"x"]}`,
		`{"Operations":[{"op":"Add","path":"members","value":[{"value":"user-1"}]}]}`,
		`{"Operations":[{"op":"replace","value":{"name.givenName":"x","` + scim.EnterpriseUserSchema + `":{"manager":"1"}}}]}`,
		`{"schemas":["` + scim.SearchRequestMessage + `"],"filter":"emails[type eq \"work\"]","sortBy":"emails","count":1}`,
		strings.Repeat("[", 100), `{"active":1e400}`, "{\"userName\":\"\xff\"}", `{"userName":"\ud800"}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		h := server.Handler(scimtest.Open(scimtest.NewService(base, scim.Compat())), server.Options{})
		send := func(method, path, body string) (int, string) {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Content-Type", scim.MediaType)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= http.StatusInternalServerError {
				t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
			var v map[string]any
			if w.Body.Len() > 0 && json.Unmarshal(w.Body.Bytes(), &v) != nil {
				t.Fatalf("%s %s: not JSON: %s", method, path, w.Body)
			}
			return w.Code, w.Body.String()
		}
		send("POST", "/Users", ada)
		send("POST", "/Groups", `{"schemas":["`+scim.GroupSchema+`"],"displayName":"one","members":[{"value":"user-1"}]}`)
		for _, path := range []string{"/Users", "/Groups"} {
			status, created := send("POST", path, body)
			if status != http.StatusCreated {
				continue
			}
			var r struct{ ID string }
			if err := json.Unmarshal([]byte(created), &r, json.MatchCaseInsensitiveNames(true)); err != nil {
				t.Fatal(err)
			}
			id := path + "/" + r.ID
			_, read := send("GET", id, "")
			_, again := send("PUT", id, read)
			if read != created || again != read {
				t.Fatalf("created %s\nread %s\nagain %s", created, read, again)
			}
			send("DELETE", id, "")
		}
		for _, path := range []string{"/Users/user-1", "/Groups/group-2"} {
			send("PATCH", path, body)
			send("PUT", path, body)
			send("GET", path, "")
		}
		send("POST", "/.search", body)
		send("POST", "/Users/.search", body)
	})
}

// FuzzQuery asks with any query string: 200 or a 400, never anybody by accident of parsing.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{
		"filter=userName+eq+%22ada%22&sortBy=emails&sortOrder=descending", "filter=", "count=-1&startIndex=99999999999999999999",
		"attributes=a,,b&excludedAttributes=%20", "%zz", "filter=members[$ref eq \"x\"]", "filter=not%20(meta.location%20pr)",
	} {
		f.Add(query)
	}
	svc := scimtest.NewService(base, scim.Compat())
	h := server.Handler(scimtest.Open(svc), server.Options{})
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/", "/Users", "/Groups"} {
			r := httptest.NewRequest("GET", path, nil)
			r.URL.RawQuery = query
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
				t.Fatalf("%s?%s: %d %s", path, query, w.Code, w.Body)
			}
		}
	})
}
