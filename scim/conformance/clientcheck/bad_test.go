package clientcheck_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/conformance/clientcheck"
)

const (
	core       = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`
	group      = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]`
	patchOp    = `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	bulk       = `"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]`
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// crude is a client without any care: it sends what it is told.
type crude struct {
	t    *testing.T
	c    *clientcheck.Checker
	user string // path of a user
	etag string
}

// send returns status, header and body. Headers are "Name: value"; one without value is left out.
func (b *crude) send(method, path, body string, headers ...string) (int, http.Header, map[string]any) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.c.URL()+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+b.c.Token())
	req.Header.Set("User-Agent", "crude")
	if body != "" {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if req.Header.Set(name, value); value == "" {
			req.Header[name] = nil
			req.Header.Del(name)
		}
		if name == "User-Agent" && value == "" {
			req.Header.Set(name, "") // else package http sends its own
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var got map[string]any
	_ = json.Unmarshal(raw, &got) // what is no JSON has no members
	return resp.StatusCode, resp.Header, got
}

// create makes a user, and returns its path.
func (b *crude) create(name string) string {
	b.t.Helper()
	status, header, got := b.send("POST", "/Users", fmt.Sprintf(`{%s,"userName":%q}`, core, name))
	if status != http.StatusCreated {
		b.t.Fatalf("create %s: %d %v", name, status, got)
	}
	b.user, b.etag = fmt.Sprintf("/Users/%s", got["id"]), header.Get("ETag")
	return b.user
}

func (b *crude) patch(operations string) {
	b.send("PATCH", b.user, `{`+patchOp+`,"Operations":[`+operations+`]}`)
}

// TestBadClientsAreCaught has a client for every rule. Each begins with a user who was created well.
func TestBadClientsAreCaught(t *testing.T) {
	t.Parallel()
	const fail, warn = conformance.Fail, conformance.Warn
	for _, c := range []struct {
		client  string
		check   string
		verdict conformance.Verdict
		does    func(b *crude)
	}{
		{"no token", "http/authorization", fail, func(b *crude) { b.send("GET", "/Users", "", "Authorization: ") }},
		{"basic", "http/authorization", fail, func(b *crude) { b.send("GET", "/Users", "", "Authorization: Basic YTpi") }},
		{"token in the URL", "http/no-token-in-url", fail, func(b *crude) { b.send("GET", "/Users?access_token="+b.c.Token(), "") }},
		{"no user agent", "http/user-agent", warn, func(b *crude) { b.send("GET", "/Users", "", "User-Agent: ") }},
		{"plain JSON", "http/scim-type", warn, func(b *crude) { b.send("POST", "/Users", `{}`, "Content-Type: application/json") }},
		{"a form", "http/content-type", fail, func(b *crude) {
			b.send("POST", "/Users", `{}`, "Content-Type: application/x-www-form-urlencoded")
		}},
		{"Latin", "http/content-type", fail, func(b *crude) {
			b.send("POST", "/Users", `{}`, "Content-Type: application/scim+json; charset=iso-8859-1")
		}},
		{"XML please", "http/accept", warn, func(b *crude) { b.send("GET", "/Users", "", "Accept: text/xml") }},
		{"broken JSON", "http/json", fail, func(b *crude) { b.send("POST", "/Users", `{"userName":`) }},
		{"a name twice", "http/json", fail, func(b *crude) { b.send("POST", "/Users", `{`+core+`,"userName":"a","userName":"b"}`) }},
		{"DELETE with body", "http/no-body", warn, func(b *crude) { b.send("DELETE", b.user, `{}`) }},
		{"invented version", "http/conditions", fail, func(b *crude) { b.send("DELETE", b.user, "", `If-Match: W/"made-up"`) }},
		{"version without quotes", "http/conditions", fail, func(b *crude) { b.send("DELETE", b.user, "", "If-Match: "+strings.Trim(b.etag, `W/"`)) }},
		{"sync that never settles", "http/loop", fail, func(b *crude) {
			for range 5 {
				b.send("PUT", b.user, `{`+core+`,"userName":"first","title":"X"}`)
			}
		}},
		{"brackets as they are", "url/encoding", fail, func(b *crude) { b.send("GET", `/Users?filter=emails[type%20eq%20%22work%22]`, "") }},
		{"encoded twice", "url/encoding", fail, func(b *crude) { b.send("GET", "/Users?filter=userName%2520eq%2520%2522a%2522", "") }},
		{"endpoint by guess", "url/endpoint", fail, func(b *crude) { b.send("GET", "/User", "") }},
		{"double slash", "url/endpoint", fail, func(b *crude) { b.send("GET", "//Users", "") }},
		{"userName for id", "url/id", fail, func(b *crude) { b.send("GET", "/Users/first", "") }},
		{"no discovery", "url/discovery", warn, func(*crude) {}},
		{"filter without quotes", "query/filter", fail, func(b *crude) { b.send("GET", "/Users?filter=userName%20eq%20first", "") }},
		{"filter on what there is not", "query/filter", fail, func(b *crude) { b.send("GET", "/Users?filter=login%20eq%20%22first%22", "") }},
		{"bare department in a filter", "query/qualified", warn, func(b *crude) { b.send("GET", "/Users?filter=department%20eq%20%22x%22", "") }},
		{"both projections", "query/projection", fail, func(b *crude) { b.send("GET", "/Users?attributes=userName&excludedAttributes=emails", "") }},
		{"names no attribute", "query/projection-names", warn, func(b *crude) { b.send("GET", "/Users?attributes=login", "") }},
		{"no number", "query/numbers", fail, func(b *crude) { b.send("GET", "/Users?count=all", "") }},
		{"counts from 0", "query/first", warn, func(b *crude) { b.send("GET", "/Users?startIndex=0", "") }},
		{"pages by what was asked for", "query/next-page", fail, func(b *crude) {
			b.create("second")
			b.send("GET", "/Users?startIndex=1&count=10", "")
			b.send("GET", "/Users?startIndex=11&count=10", "")
		}},
		{"stops at a short page", "scene/short-page", fail, func(b *crude) {
			b.create("second")
			b.send("GET", "/Users?startIndex=1&count=10", "")
		}},
		{"goes by the total alone", "scene/wrong-total", fail, func(b *crude) {
			for i := range 4 {
				b.send("GET", fmt.Sprintf("/Users?startIndex=%d&count=1", i+1), "")
			}
		}},
		{"invented cursor", "query/cursor", fail, func(b *crude) { b.send("GET", "/Users?cursor=mine&count=1", "") }},
		{"other count by the same cursor", "query/cursor", fail, func(b *crude) {
			b.create("second")
			_, _, got := b.send("GET", "/Users?cursor=&count=1", "")
			b.send("GET", fmt.Sprintf("/Users?cursor=%s&count=2", got["nextCursor"]), "")
		}},
		{"cursor that has expired", "scene/expired-cursor", fail, func(b *crude) {
			b.create("second")
			_, _, got := b.send("GET", "/Users?cursor=&count=1", "")
			b.send("GET", fmt.Sprintf("/Users?cursor=%s&count=1", got["nextCursor"]), "")
		}},
		{"search without schemas", "query/search-message", fail, func(b *crude) { b.send("POST", "/Users/.search", `{"count":1}`) }},
		{"addresses in URLs", "query/private", warn, func(b *crude) { b.send("GET", "/Users?filter=emails.value%20eq%20%22a@b%22", "") }},
		{"every member of every group", "query/members", warn, func(b *crude) { b.send("GET", "/Groups", "") }},
		{"no schemas", "resource/schemas", fail, func(b *crude) { b.send("POST", "/Users", `{"userName":"x"}`) }},
		{"extension without its schema", "resource/schemas", fail, func(b *crude) {
			b.send("POST", "/Users", `{`+core+`,"userName":"x","`+enterprise+`":{"department":"d"}}`)
		}},
		{"PUT of what has changed", "resource/required", fail, func(b *crude) { b.send("PUT", b.user, `{`+core+`,"title":"x"}`) }},
		{"boolean as string", "resource/values", fail, func(b *crude) { b.send("POST", "/Users", `{`+core+`,"userName":"x","active":"True"}`) }},
		{"own id", "resource/id", fail, func(b *crude) { b.send("POST", "/Users", `{`+core+`,"userName":"x","id":"7"}`) }},
		{"bare department", "resource/qualified", warn, func(b *crude) { b.send("POST", "/Users", `{`+core+`,"userName":"x","department":"d"}`) }},
		{"unknown attribute", "resource/unknown", warn, func(b *crude) { b.send("POST", "/Users", `{`+core+`,"userName":"x","login":"d"}`) }},
		{"PATCH without schemas", "patch/message", fail, func(b *crude) {
			b.send("PATCH", b.user, `{"Operations":[{"op":"replace","path":"title","value":"x"}]}`)
		}},
		{"Replace", "patch/op", fail, func(b *crude) { b.patch(`{"op":"Replace","path":"title","value":"x"}`) }},
		{"JSON pointer", "patch/path", fail, func(b *crude) { b.patch(`{"op":"replace","path":"/title","value":"x"}`) }},
		{"remove everything", "patch/remove-path", fail, func(b *crude) { b.patch(`{"op":"remove"}`) }},
		{"replace by nothing", "patch/value", fail, func(b *crude) { b.patch(`{"op":"replace","path":"title"}`) }},
		{"groups of a user", "patch/read-only", fail, func(b *crude) { b.patch(`{"op":"add","path":"groups","value":[{"value":"1"}]}`) }},
		{"id in a PATCH", "patch/read-only", fail, func(b *crude) { b.patch(`{"op":"replace","value":{"id":"1","title":"x"}}`) }},
		{"bare department in a PATCH", "patch/qualified", warn, func(b *crude) { b.patch(`{"op":"replace","path":"department","value":"x"}`) }},
		{"active as string", "patch/strict", fail, func(b *crude) { b.patch(`{"op":"replace","path":"active","value":"False"}`) }},
		{"a path twice", "patch/one-per-path", warn, func(b *crude) {
			b.patch(`{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"title","value":"y"}`)
		}},
		{"bulk without schemas", "bulk/message", fail, func(b *crude) { b.send("POST", "/Bulk", `{"Operations":[]}`) }},
		{"large bulk", "bulk/limit", fail, func(b *crude) {
			op := `{"method":"DELETE","path":"/Users/1"}`
			b.send("POST", "/Bulk", `{`+bulk+`,"Operations":[`+strings.Repeat(op+",", 20)+op+`]}`)
		}},
		{"bulk without bulkId", "bulk/bulk-id", fail, func(b *crude) {
			b.send("POST", "/Bulk", `{`+bulk+`,"Operations":[{"method":"POST","path":"/Users","data":{`+core+`,"userName":"x"}}]}`)
		}},
		{"bulk DELETE of everybody", "bulk/operations", fail, func(b *crude) {
			b.send("POST", "/Bulk", `{`+bulk+`,"Operations":[{"method":"DELETE","path":"/Users"}]}`)
		}},
		{"repeats too early", "scene/busy-write", fail, func(b *crude) { b.create("first") }},
		{"gives up on 429", "scene/busy-write", fail, func(b *crude) { b.create("second") }},
		{"gives up on 503", "scene/busy-read", fail, func(b *crude) { b.send("GET", "/Users", "") }},
		{"blind repeat on 412", "scene/condition", fail, func(b *crude) {
			for range 2 {
				b.send("PUT", b.user, `{`+core+`,"userName":"first"}`, "If-Match: "+b.etag)
			}
		}},
		{"does not link", "scene/exists", warn, func(b *crude) {
			b.create("second")
			b.send("POST", "/Users", `{`+core+`,"userName":"third"}`)
		}},
		{"creates again and again", "scene/exists", warn, func(b *crude) {
			for range 5 {
				b.send("POST", "/Users", `{`+core+`,"userName":"first"}`)
			}
		}},
		{"expects a body", "scene/patch-204", fail, func(b *crude) {
			for range 3 {
				b.patch(`{"op":"replace","path":"title","value":"x"}`)
			}
		}},
		{"expects 204", "scene/patch-200", fail, func(b *crude) {
			_, _, got := b.send("POST", "/Groups", `{`+group+`,"displayName":"g"}`)
			for range 3 {
				b.send("PATCH", fmt.Sprintf("/Groups/%s", got["id"]), `{`+patchOp+`,"Operations":[{"op":"replace","path":"displayName","value":"h"}]}`)
			}
		}},
		{"expects a scimType", "scene/plain-error", fail, func(b *crude) {
			for range 4 {
				b.send("GET", "/Users/nobody", "")
			}
		}},
		{"deletes what is gone", "scene/gone", fail, func(b *crude) {
			b.send("DELETE", b.user, "")
			b.create("second")
			for range 3 {
				b.send("DELETE", b.user, "")
			}
		}},
		{"wants back what it sent", "scene/dropped", fail, func(b *crude) {
			b.create("second")
			for range 3 {
				b.send("PUT", b.user, `{`+core+`,"userName":"second","title":"x"}`)
			}
		}},
	} {
		t.Run(c.client, func(t *testing.T) {
			t.Parallel()
			checker := clientcheck.Start(t, clientcheck.Options{Plain: !strings.HasPrefix(c.check, "scene/"), Pause: time.Second})
			b := &crude{t: t, c: checker}
			begin(b, c.check)
			c.does(b)
			res := verdict(t, checker.Report(), c.check)
			if res.Verdict != c.verdict || len(res.Findings) == 0 {
				t.Errorf("%s: %s %q, want %s", c.check, res.Verdict, res.Findings, c.verdict)
			}
		})
	}
}

// begin creates a user and passes the scenes that stand in the way of the one that is meant.
func begin(b *crude, check string) {
	if check != "url/discovery" {
		b.send("GET", "/ServiceProviderConfig", "")
	}
	first := `{` + core + `,"userName":"first"}`
	if strings.HasPrefix(check, "scene/") {
		b.send("POST", "/Users", first) // is put off
		if check == "scene/busy-write" {
			return
		}
	}
	b.create("first")
	if strings.HasPrefix(check, "scene/") && check != "scene/busy-read" {
		b.send("GET", "/Users?count=0", "") // is put off
	}
}
