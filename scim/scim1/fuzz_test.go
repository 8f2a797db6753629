package scim1_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scim1"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// FuzzRequests: whatever comes, the answer is empty or an object of 1.1, and never a fault of ours.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][3]string{
		{"PATCH", "/Users/user-1", `{"emails":[{"value":"a","operation":"delete"},"b"],"meta":{"attributes":["name","x[y eq 1]"]}}`},
		{"PATCH", "/Users/user-1", `{"addresses":[{"type":"work","operation":"delete","primary":true}],"name":null,"title":7}`},
		{"PATCH", "/Groups/group-2", `{"members":["user-1",{"type":"user"},{"operation":7}],"meta":{"attributes":"members"}}`},
		{"POST", "/Users", `{"schemas":[7],"urn:scim:schemas:extension:enterprise:1.0":{"manager":["x"]},"locale":"_"}`},
		{"POST", "/Users", `{"userName":"x","urn:scim:schemas:extension:enterprise:1.0":{},"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{}}`},
		{"PUT", "/Users/user-1", `{"userName":{"a":[]},"addresses":[null,[],{"primary":"x"}]}`},
		{"POST", "/Bulk", `{"Operations":[null,{"method":"PATCH","path":"/Users/user-1","data":{"x":1}},{"path":7}]}`},
		{"GET", "/Users?filter=userName%20eq%20b&attributes=,&sortBy=urn:scim:schemas:core:1.0", ""},
		{"GET", "/Schemas/%25", ""},
		{"GET", "/Users/%2e.json", ""},
		{"DELETE", "//", "{}"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		svc := scimtest.NewService(site+"/v1", scim.Compat())
		h := scim1.Handler(scimtest.Open(svc), server.Options{Prefix: "/v1"})
		send := func(method, path, body string) *httptest.ResponseRecorder {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://x/v1"+path, strings.NewReader(body))
			if err != nil {
				t.Skip(err)
			}
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		send("POST", "/Users", `{"userName":"a","emails":["a@x.example"],"addresses":[{"type":"work","primary":true}]}`)
		send("POST", "/Groups", `{"displayName":"g","members":["user-1"]}`)
		w := send(method, path, body)
		if w.Body.Len() == 0 {
			return
		}
		var v map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatalf("%d: %v\n%s", w.Code, err, w.Body)
		}
		_, problem := v["Errors"]
		if w.Code >= 500 && w.Code != 501 || problem != (w.Code >= 400) {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	})
}
