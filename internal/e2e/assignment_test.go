package e2e

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const (
	enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchMessage     = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	bulkMessage      = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
)

// TestSec_C09_NobodyWritesWhatIsReadOnly sends every readOnly attribute that /Schemas publishes, and what no schema has,
// on every way that a client can write: none of it arrives, not under its own name and not beside.
func TestSec_C09_NobodyWritesWhatIsReadOnly(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	const forged = "forged-by-the-client"
	_, published := h.call(http.MethodGet, "/Schemas/"+userSchema, nil)
	body := map[string]any{
		"schemas": []string{userSchema, enterpriseSchema}, "id": forged, "tenant": forged, "source": forged, "number": forged,
		"meta":           map[string]any{"created": "1999-01-01T00:00:00Z", "location": forged, "version": forged, "resourceType": forged},
		enterpriseSchema: map[string]any{"manager": map[string]any{"displayName": forged}},
	}
	readOnly := 0
	for _, a := range published.(map[string]any)["attributes"].([]any) {
		if a := a.(map[string]any); a["mutability"] == "readOnly" {
			readOnly++
			body[a["name"].(string)] = []any{map[string]any{"value": forged, "display": forged}}
		}
	}
	if readOnly == 0 {
		t.Fatal("no attribute of User is published as readOnly")
	}
	with := func(name string) map[string]any {
		b := map[string]any{"userName": name}
		maps.Copy(b, body)
		return b
	}
	patch := map[string]any{"schemas": []string{patchMessage}, "Operations": []any{map[string]any{"op": "replace", "value": body}}}
	bulk := func(op map[string]any) map[string]any {
		return map[string]any{"schemas": []string{bulkMessage}, "Operations": []any{op}}
	}

	status, created := h.call(http.MethodPost, "/Users", with("c09-post@acme.test"))
	if status != http.StatusCreated {
		t.Fatal(status, created)
	}
	id := created.(map[string]any)["id"].(string)
	for _, write := range []struct {
		name, method, path string
		body               any
	}{
		{"PUT", http.MethodPut, "/Users/" + id, with("c09-post@acme.test")},
		{"PATCH", http.MethodPatch, "/Users/" + id, patch},
		{"bulk POST", http.MethodPost, "/Bulk", bulk(map[string]any{"method": "POST", "path": "/Users", "bulkId": "a", "data": with("c09-bulk@acme.test")})},
		{"bulk PUT", http.MethodPost, "/Bulk", bulk(map[string]any{"method": "PUT", "path": "/Users/" + id, "data": with("c09-post@acme.test")})},
		{"bulk PATCH", http.MethodPost, "/Bulk", bulk(map[string]any{"method": "PATCH", "path": "/Users/" + id, "data": patch})},
	} {
		if status, got := h.call(write.method, write.path, write.body); status != http.StatusOK || strings.Contains(fmt.Sprint(got), "status:4") {
			t.Errorf("%s: %d %v", write.name, status, got)
		}
		_, _, all, err := h.send(t.Context(), http.MethodGet, "/Users", nil)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(all); strings.Contains(text, forged) || strings.Contains(text, "1999-01-01") || !strings.Contains(text, id) {
			t.Errorf("%s: %s", write.name, text)
		}
	}
	for _, path := range []string{"id", "meta.created", "groups", enterpriseSchema + ":manager.displayName"} {
		op := map[string]any{"op": "replace", "path": path, "value": forged}
		status, got := h.call(http.MethodPatch, "/Users/"+id, map[string]any{"schemas": []string{patchMessage}, "Operations": []any{op}})
		if status != http.StatusBadRequest || got.(map[string]any)["scimType"] != "mutability" {
			t.Errorf("PATCH of %s: %d %v, want 400 mutability", path, status, got)
		}
	}
}

// TestSec_D11_NoMemberIsLostOverAPage adds one member to a group of 10,001 in every way that clients have: each time it
// is one more, and those who were there stay.
func TestSec_D11_NoMemberIsLostOverAPage(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	const many, ways = 10_001, 4
	var ids []string
	for first := 0; first < many+ways; first += 1000 {
		var ops []any
		for i := first; i < min(first+1000, many+ways); i++ {
			ops = append(ops, map[string]any{"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(i), "data": map[string]any{
				"schemas": []string{userSchema}, "userName": fmt.Sprintf("d11-%d@acme.test", i),
			}})
		}
		_, answer := h.call(http.MethodPost, "/Bulk", map[string]any{"schemas": []string{bulkMessage}, "Operations": ops})
		for _, o := range answer.(map[string]any)["Operations"].([]any) {
			location := o.(map[string]any)["location"].(string)
			ids = append(ids, location[strings.LastIndex(location, "/")+1:])
		}
	}
	member := func(i int) any { return map[string]any{"value": ids[i]} }
	var members []any
	for i := range many {
		members = append(members, member(i))
	}
	status, group := h.call(http.MethodPost, "/Groups", map[string]any{"schemas": []string{groupSchema}, "displayName": "d11", "members": members})
	if status != http.StatusCreated {
		t.Fatal(status)
	}
	path := "/Groups/" + group.(map[string]any)["id"].(string)
	for i, op := range []map[string]any{
		{"op": "add", "path": "members", "value": []any{member(many)}},
		{"op": "Add", "path": "members", "value": member(many + 1)},
		{"op": "add", "value": map[string]any{"members": []any{member(many + 2)}}},
		{"op": "add", "path": fmt.Sprintf("members[value eq %q]", ids[many+3])},
	} {
		if status, got := h.call(http.MethodPatch, path, map[string]any{"schemas": []string{patchMessage}, "Operations": []any{op}}); status != http.StatusNoContent {
			t.Fatalf("%v: %d %v", op, status, got)
		}
		_, group = h.call(http.MethodGet, path, nil)
		var got []string
		for _, m := range group.(map[string]any)["members"].([]any) {
			got = append(got, m.(map[string]any)["value"].(string))
		}
		want := slices.Sorted(slices.Values(ids[:many+i+1]))
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("after %v: %d members, want %d", op, len(got), len(want))
		}
	}
}

// TestSec_D19_URLsOfClientsAreNotFetched: an address in a resource is a text. Nobody listens to it, from the write to the
// end of the hub.
func TestSec_D19_URLsOfClientsAreNotFetched(t *testing.T) {
	t.Parallel()
	canary, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan string, 1)
	go func() {
		for {
			conn, err := canary.Accept()
			if err != nil {
				close(called)
				return
			}
			called <- conn.RemoteAddr().String()
			_ = conn.Close()
		}
	}()
	h := startHub(t, t.TempDir())
	base := "http://" + canary.Addr().String()
	status, user := h.call(http.MethodPost, "/Users", map[string]any{
		"schemas": []string{userSchema, base + "/schema"}, "userName": "d19@acme.test", "profileUrl": base + "/profile",
		"photos":         []any{map[string]any{"value": base + "/photo.png", "type": "photo", "$ref": base + "/ref"}},
		"meta":           map[string]any{"location": base + "/location"},
		enterpriseSchema: map[string]any{"manager": map[string]any{"value": "none", "$ref": base + "/manager"}},
	})
	if status != http.StatusCreated {
		t.Fatal(status, user)
	}
	if got := user.(map[string]any)["profileUrl"]; got != base+"/profile" {
		t.Errorf("profileUrl is %v", got)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	_ = canary.Close()
	for from := range called {
		t.Errorf("the hub called the canary from %s", from)
	}
}

// TestSec_D07_WildcardsAreText: what SQL's LIKE and GLOB would take for a pattern is compared as it is, with an index
// (userName) and without (title).
func TestSec_D07_WildcardsAreText(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	texts := []string{`a%b`, `a_b`, `a\b`, `a*b`, `a?b`, `a[x]b`, `axb`, `%`, `_`, `a''b`}
	for _, text := range texts {
		status, got := h.call(http.MethodPost, "/Users", map[string]any{"schemas": []string{userSchema}, "userName": text, "title": text})
		if status != http.StatusCreated {
			t.Fatalf("%s: %d %v", text, status, got)
		}
	}
	for op, matches := range map[string]func(s, part string) bool{"co": strings.Contains, "sw": strings.HasPrefix, "ew": strings.HasSuffix, "eq": func(a, b string) bool { return a == b }} {
		for _, part := range []string{"%", "_", `\`, "*", "?", "a%", "a_", `a\`, "a[x]", "%b", "_b", `\b`, "a%b", "a_b", `a\b`, "''", "a"} {
			for _, attr := range []string{"userName", "title"} {
				var want, got []string
				for _, text := range texts {
					if matches(text, part) {
						want = append(want, text)
					}
				}
				expr := fmt.Sprintf(`%s %s "%s"`, attr, op, strings.ReplaceAll(part, `\`, `\\`))
				_, page := h.call(http.MethodGet, "/Users?filter="+url.QueryEscape(expr), nil)
				for _, r := range page.(map[string]any)["Resources"].([]any) {
					got = append(got, r.(map[string]any)[attr].(string))
				}
				if slices.Sort(want); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
					t.Errorf("%s finds %q, want %q", expr, got, want)
				}
			}
		}
	}
}
