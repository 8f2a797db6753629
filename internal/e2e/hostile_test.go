package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
)

// hostile is a POST of a user that has to end with 400 and that scimType, and leave nothing.
func hostile(body, scimType string) say {
	return say{req: "POST /Users", body: body, status: http.StatusBadRequest, want: `{"scimType":"` + scimType + `","detail":"*"}`}
}

// TestSec_C02_NamesFoldASCIIOnly: names that differ in case are one name, and no letter outside ASCII is one of ASCII.
func TestSec_C02_NamesFoldASCIIOnly(t *testing.T) {
	t.Parallel()
	newConversation(t, startHub(t, t.TempDir())).play(
		hostile(`{"userName":"a","USERNAME":"b"}`, "invalidSyntax"),
		hostile(`{"userName":"a","name":{"givenName":"b","GIVENNAME":"c"}}`, "invalidSyntax"),
		hostile(`{"u\u017ferName":"c02a"}`, "invalidValue"), // so there is no userName
		say{req: "POST /Users", body: `{"userName":"c02b","nic\u212aName":"n"}`, status: 201, want: `{"nickName":null}`, events: []string{"user.created"}},
	)
}

// TestSec_C03_OneValueABody: a body is one JSON value and nothing behind it.
func TestSec_C03_OneValueABody(t *testing.T) {
	t.Parallel()
	newConversation(t, startHub(t, t.TempDir())).play(
		hostile(`{"userName":"c03"}{}`, "invalidSyntax"),
		hostile(`{"userName":"c03"} x`, "invalidSyntax"),
		hostile("\ufeff"+`{"userName":"c03"}`, "invalidSyntax"),
		say{req: `GET /Users?filter=userName eq "c03"`, status: 200, want: `{"totalResults":0}`},
	)
}

// TestSec_C04_TextIsText: what is no UTF-8, half a character, NUL or a control character is in no name, whatever writes it.
func TestSec_C04_TextIsText(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	c.say(hire("u", "c04@acme.test"))
	steps := []say{
		hostile("{\"userName\":\"a\xff\"}", "invalidSyntax"),
		hostile("{\"userName\":\"a\xed\xa0\x80\"}", "invalidSyntax"),
		hostile(`{"userName":"a\ud800"}`, "invalidSyntax"),
		hostile(`{"userName":"a\u0000"}`, "invalidSyntax"),
	}
	for _, control := range []string{`\u0001`, `\t`, `\n`, `\u001b`, `\u007f`, `\u0085`, `\u009b`} {
		for _, name := range []string{"userName", "externalId", "displayName"} {
			steps = append(steps, say{
				req: "PATCH /Users/${u}", status: 400, want: `{"scimType":"invalidValue"}`,
				body: `{"Operations":[{"op":"replace","path":"` + name + `","value":"a` + control + `b"}]}`,
			})
		}
	}
	for _, path := range []string{"GET /Users/%00", "GET /Users/%ff", "DELETE /Users/%c0%af"} {
		method, path, _ := strings.Cut(path, " ")
		a, err := c.hub.exchange(t.Context(), method, path, headers(c.hub, ""), "")
		if err != nil || a.status != 400 && a.status != 404 {
			t.Errorf("%s %s: %d %v", method, path, a.status, err)
		}
	}
	for _, s := range steps {
		c.say(s)
	}
	c.say(say{req: "GET /Users/${u}", status: 200, want: `{"userName":"c04@acme.test"}`})
}

// TestSec_C07_NumbersAtTheEdge: numbers beyond what they may be are refused or clamped, and never a fault.
func TestSec_C07_NumbersAtTheEdge(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	c.say(hire("u", "c07@acme.test"))
	digits := strings.Repeat("9", 400)
	for _, n := range []string{"1e400", digits, "-" + digits, "-0", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1.5", "1e2", "0x10", "٣", ""} {
		for _, name := range []string{"startIndex", "count"} {
			a := c.send(say{req: "GET /Users?" + name + "=" + n})
			if a.status != 200 && a.status != 400 {
				t.Errorf("%s=%s: %d %s", name, n, a.status, a.body)
			}
		}
		// No attribute of the core schema is a number: each stands where text or a boolean belongs.
		for _, name := range []string{"userName", "active", "emails"} {
			a := c.send(say{req: "POST /Users", body: `{"userName":"n","` + name + `":` + n + `}`})
			if a.status != 400 {
				t.Errorf("%s: %s: %d %s", name, n, a.status, a.body)
			}
		}
	}
	c.say(say{req: "GET /Users", status: 200, want: `{"totalResults":1}`})
}

// TestSec_C10_PathWinsOverBody: a PUT alters the resource of its path, and that is what the feed says, whatever id its body has.
func TestSec_C10_PathWinsOverBody(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	c.play(
		hire("a", "c10a@acme.test"), hire("b", "c10b@acme.test"),
		say{
			req: "PUT /Users/${a}", body: `{"id":"${b}","userName":"c10a@acme.test","title":"t","meta":{"location":"${base}/Users/${b}"}}`,
			status: 200, want: `{"id":"${a}","title":"t","meta":{"location":"${base}/Users/${a}"}}`, events: []string{"user.updated"},
		},
		say{req: "GET /Users/${b}", status: 200, want: `{"title":null}`},
	)
	list := changes(t, c.hub)
	if last := list[len(list)-1]; last.ID != c.names["a"] {
		t.Errorf("the feed says that %s was altered, want %s", last.ID, c.names["a"])
	}
}

// TestSec_C11_PathsNameAttributes: a path of a PATCH leads to an attribute of the schema or is refused, and a refused PATCH changes
// nothing. FuzzPatch goes further.
func TestSec_C11_PathsNameAttributes(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	c.say(hire("u", "c11@acme.test"))
	for _, path := range []string{
		"__proto__", "constructor.prototype", "name.__proto__", "$", "*", "..", "emails[", "emails[]", "emails[type eq]", "emails[type eq \"work\"]]",
		"userName[type eq \"x\"]", "name[givenName eq \"x\"].x", "emails[type eq \"work\"].value.x", "urn:nobody:knows:it", "urn:ietf:params:scim:schemas:core:2.0:User:nothing",
		"urn:ietf:params:scim:schemas:core:2.0:Group:members", "meta.version.x", "schemas.x", "emails[0]", "emails.0", "/userName", "userName/x", " userName x",
	} {
		quoted, err := json.Marshal(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range []string{"add", "replace", "remove"} {
			a := c.send(say{req: "PATCH /Users/${u}", body: `{"Operations":[{"op":"replace","path":"title","value":"half"},{"op":"` + op + `","path":` + string(quoted) + `,"value":"x"}]}`})
			if a.status != 400 {
				t.Errorf("%s %s: %d %s", op, path, a.status, a.body)
			}
		}
	}
	c.say(say{req: "GET /Users/${u}", status: 200, want: `{"title":null,"meta":{"version":"W/\"1\""}}`})
}

// TestSec_C12_NoCompressedBodies: a body that would unfold to something large is refused before it does.
func TestSec_C12_NoCompressedBodies(t *testing.T) {
	t.Parallel()
	var zeros bytes.Buffer
	z := gzip.NewWriter(&zeros)
	for range 64 { // 64 MiB behind 64 KiB
		_, _ = z.Write(make([]byte, 1<<20)) // a buffer takes everything
	}
	_ = z.Close()
	c := newConversation(t, startHub(t, t.TempDir()))
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP"} {
		for _, path := range []string{"POST /Users", "PUT /Users/x", "PATCH /Users/x", "POST /Bulk", "POST /.search"} {
			c.say(say{req: path, header: "Content-Encoding: " + encoding, body: zeros.String(), status: http.StatusUnsupportedMediaType})
		}
	}
}

// TestSec_C13_WritesAreJSON: what a page of another site can send without asking is refused.
func TestSec_C13_WritesAreJSON(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	c.say(hire("u", "c13@acme.test"))
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html", "application/xml", "x", ""} {
		for _, path := range []string{"POST /Users", "PUT /Users/${u}", "PATCH /Users/${u}", "POST /Bulk", "POST /Users/.search"} {
			c.say(say{req: path, header: "Content-Type: " + kind, body: `{"userName":"c13"}`, status: http.StatusUnsupportedMediaType})
		}
	}
	c.say(say{req: "GET /Users", status: 200, want: `{"totalResults":1}`})
}

// TestSec_D12_DerivedIsCurrent: what is shown of others is what they are now.
func TestSec_D12_DerivedIsCurrent(t *testing.T) {
	t.Parallel()
	newConversation(t, startHub(t, t.TempDir())).play(
		hire("u", "d12@acme.test"), found("g", "d12", "u"), found("outer", "d12 outer", "g"),
		say{req: "GET /Users/${u}", status: 200, want: `{"groups":[{"value":"${g}","display":"d12","type":"direct"},{"value":"${outer}","type":"indirect"}]}`},
		say{req: "PATCH /Groups/${g}", status: 204, body: `{"Operations":[{"op":"replace","path":"displayName","value":"renamed"}]}`, events: []string{"group.updated"}},
		say{req: "GET /Users/${u}", status: 200, want: `{"groups":[{"value":"${g}","display":"renamed"},{"value":"${outer}"}]}`},
		say{req: "PATCH /Groups/${outer}", status: 204, body: `{"Operations":[{"op":"remove","path":"members[value eq \"${g}\"]"}]}`, events: []string{"group.member_removed"}},
		say{req: "GET /Users/${u}", status: 200, want: `{"groups":[{"value":"${g}"}]}`},
		say{req: "DELETE /Groups/${g}", status: 204, events: []string{"group.deleted"}},
		say{req: "GET /Users/${u}", status: 200, want: `{"groups":null}`},
	)
}

// TestSec_D15_OneOfManyWithOneETagWins: of a hundred writes with one version, one is done and no other.
func TestSec_D15_OneOfManyWithOneETagWins(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	c.say(hire("u", "d15@acme.test"))
	const writers = 100
	status := make([]int, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			a, err := c.hub.exchange(t.Context(), http.MethodPatch, "/Users/"+c.names["u"], headers(c.hub, `If-Match: W/"1"`),
				fmt.Sprintf(`{"Operations":[{"op":"replace","path":"title","value":"writer %d"}]}`, i))
			if err == nil {
				status[i] = a.status
			}
		})
	}
	wg.Wait()
	count := map[int]int{}
	for _, s := range status {
		count[s]++
	}
	if count[200] != 1 || count[412] != writers-1 {
		t.Errorf("answers %v, want one 200 and %d times 412", count, writers-1)
	}
	c.say(say{req: "GET /Users/${u}", status: 200, want: `{"meta":{"version":"W/\"2\""}}`})
}

// TestSec_D20_DiscoveryTellsNothing: what can be asked without a token, or with any, says nothing of who is in there, and takes no filter.
func TestSec_D20_DiscoveryTellsNothing(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	c.say(hire("u", "d20-marker@acme.test"))
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User", "/Schemas/" + userSchema} {
		for _, credential := range []string{"", "Authorization:"} {
			a := c.send(say{req: "GET " + path, header: credential})
			if strings.Contains(string(a.body), "d20-marker") || a.status != 200 && a.status != 401 {
				t.Errorf("GET %s: %d %s", path, a.status, a.body)
			}
		}
	}
	for _, path := range []string{"/ResourceTypes", "/Schemas"} {
		c.say(say{req: "GET " + path + `?filter=name eq "User"`, status: http.StatusForbidden})
	}
}

// TestSec_E09_ManyElements: a thousand elements of one attribute are taken, one more is refused, and of all that say they are primary one is.
func TestSec_E09_ManyElements(t *testing.T) {
	t.Parallel()
	emails := func(n int, same bool) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"value":"e%d@acme.test","type":"work"}`, i)
			if same {
				list[i] = `{"value":"e@acme.test","type":"work","primary":true}`
			}
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	c := newConversation(t, startHub(t, t.TempDir()))
	c.play(
		say{req: "POST /Users", body: `{"userName":"e09a","emails":` + emails(1000, false) + `}`, status: 201, events: []string{"user.created"}},
		hostile(`{"userName":"e09b","emails":`+emails(1001, false)+`}`, "invalidValue"),
	)
	a := c.send(say{req: "POST /Users", body: `{"userName":"e09c","emails":` + emails(1000, true) + `}`})
	var u struct {
		Emails []struct {
			Primary bool `json:"primary"`
		} `json:"emails"`
	}
	switch {
	case a.status == http.StatusBadRequest:
	case a.status != http.StatusCreated || json.Unmarshal(a.body, &u) != nil || len(u.Emails) != 1:
		t.Errorf("a thousand equal primary addresses: %d %.300s", a.status, a.body)
	}
}
