package scim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/target"
	targetscim "github.com/muster-id/muster/internal/target/scim"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// on answers requests that begin so with a status and a body, and the others honestly.
func on(request string, status int, body string, header ...string) fault {
	return func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
		if !strings.HasPrefix(c.method+" "+c.path, request) {
			next.ServeHTTP(w, r)
			return
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// fails runs one round and returns its error as delivery reads it.
func fails(t *testing.T, h *hub) *outbound.Error {
	t.Helper()
	err := h.round(t.Context())
	e, ok := errors.AsType[*outbound.Error](err)
	if !ok {
		t.Fatalf("got %v, want an outbound.Error", err)
	}
	return e
}

func start(t *testing.T) (*hub, *peer) {
	t.Helper()
	h, p := newHub(), newPeer(t, protocol.Strict())
	h.open(t, p.base, nil)
	return h, p
}

func TestSec_G14_AnswersOfAHostilePeer(t *testing.T) {
	t.Parallel()
	const listOf = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[%s]}`
	for _, c := range []struct {
		name   string
		tamper fault
	}{
		{"a made account without id that cannot be found", on("POST /Users", 201, `{"userName":"bob"}`)},
		{"a dot segment for an id", on("POST /Users", 201, `{"id":".."}`)},
		{"an endless id", on("POST /Users", 201, `{"id":"`+strings.Repeat("a", 60_000)+`"}`)},
		{"the id of somebody else", on("POST /Users", 201, `{"id":"user-1"}`)},
		{"two with our id", on("GET /Users", 200, fmt.Sprintf(listOf, `{"id":"a","externalId":"hub-2"},{"id":"b","externalId":"hub-2"}`))},
		{"somebody else's account under our name", on("GET /Users", 200, fmt.Sprintf(listOf, `{"id":"user-1","userName":"BOB"}`))},
		{"an object that is no list", on("GET /Users", 200, `{}`)},
		{"a page of HTML", on("GET /Users", 200, `<html>sign in</html>`)},
		{"a body without end", on("GET /Users", 200, `{"Resources":["`+strings.Repeat("a", 11<<20)+`"]}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, p := start(t)
			ada := h.user("ada", nil)
			h.settle(t)
			bob := h.user("bob", nil)
			p.meddle(c.tamper)
			_ = fails(t, h)
			assert.Equal(t, h.has(bob), false, assert.Sprintf("an account was bound"))
			assert.Equal(t, h.links[ada].RemoteID, "user-1")
		})
	}
}

func TestSec_G14_AListThatIsNotWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	h, p := start(t)
	p.do(t, "POST", "/Users", `{"schemas":["`+protocol.UserSchema+`"],"userName":"eve","externalId":"other"}`)
	bob := h.user("bob", nil)
	p.meddle(func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
		r.URL.RawQuery = "" // ignores the filter
		next.ServeHTTP(w, r)
	})
	h.settle(t)
	assert.Equal(t, h.links[bob].RemoteID, "user-2")
}

func TestSec_G14_AnIDIsAPathSegmentWhateverIsInIt(t *testing.T) {
	t.Parallel()
	h, p := start(t)
	bob := h.user("bob", nil)
	p.meddle(on("POST /Users", 201, `{"id":"a/b?c#d%2e https://evil.example"}`))
	h.settle(t)
	p.meddle(nil)
	h.remove(bob)
	p.sent()
	_ = h.round(t.Context())
	assert.Equal(t, p.sent()[0], "DELETE /Users/a%2Fb%3Fc%23d%252e%20https:%2F%2Fevil.example")
}

func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		tamper fault
		want   outbound.Error
		text   string
	}{
		{
			"C-10: 429 with Retry-After", on("POST", 429, "", "Retry-After", "120"),
			outbound.Error{Retry: true, After: 2 * time.Minute, Fault: outbound.FaultTheirs, Reason: outbound.ReasonRateLimited, Status: 429},
			"answered 429",
		},
		{
			"C-08: status as a number", on("POST", 400, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":400,"scimType":"invalidValue","detail":"no"}`),
			outbound.Error{Fault: outbound.FaultOurs, Reason: outbound.ReasonInvalid, Status: 400},
			"answered 400: invalidValue: no",
		},
		{
			"C-08: not JSON", on("POST", 502, "<h1>Bad\nGateway</h1>"),
			outbound.Error{Retry: true, Fault: outbound.FaultTheirs, Reason: outbound.ReasonServer, Status: 502},
			`answered 502: <h1>Bad\nGateway</h1>`,
		},
		{
			"the token sent back", on("GET /Users", 401, `{"detail":"unknown token s3cret-token"}`),
			outbound.Error{Fault: outbound.FaultOurs, Reason: outbound.ReasonAuth, Status: 401},
			"answered 401: unknown token [redacted]",
		},
		{
			"G04: a redirect", on("GET /Users", 307, "", "Location", "https://evil.example/"),
			outbound.Error{Retry: true, Fault: outbound.FaultTheirs, Reason: outbound.ReasonRedirect, Status: 307},
			"answered 307: redirects are not followed; configure the URL it leads to",
		},
		{
			"C-15: 409 and nothing to adopt", on("POST", 409, `{"scimType":"uniqueness"}`),
			outbound.Error{Retry: true, Fault: outbound.FaultOurs, Reason: outbound.ReasonConflict, Status: 409},
			"answered 409: uniqueness",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, p := start(t)
			h.user("ada", nil)
			p.meddle(c.tamper)
			got := *fails(t, h)
			text := got.Error()
			got.Err = nil
			assert.Equal(t, got, c.want)
			assert.Equal(t, text, c.text)
			p.meddle(nil)
			h.settle(t)
			equal(t, h, p)
		})
	}
}

func TestDisableThatIsNotDone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"rule 9: an answer that says active":        {200, `{"id":"user-1","active":true}`},
		"rule 9: a string that says active":         {200, `{"id":"user-1","active":"True"}`},
		"rule 5: no body, so it is read back":       {204, ""},
		"rule 5: an answer without id is read back": {200, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p := start(t)
			ada := h.user("ada", nil)
			h.settle(t)
			h.alter(ada, schema.Object{"active": false})
			p.meddle(on("PATCH", answer.status, answer.body))
			assert.Equal(t, fails(t, h).Error(), "the application says that the account is still active after it was disabled")
			p.meddle(nil)
			h.settle(t)
			equal(t, h, p)
		})
	}
}

func TestAPeerThatMakesEveryAccountActive(t *testing.T) {
	t.Parallel()
	h, p := start(t)
	h.user("ada", schema.Object{"active": false})
	p.meddle(func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
		if c.method == http.MethodPost {
			o := p.do(t, "POST", "/Users", strings.Replace(c.body, `"active":false`, `"active":true`, 1))
			w.WriteHeader(http.StatusCreated)
			_, _ = fmt.Fprintf(w, `{"id":%q,"active":true}`, o["id"])
			return
		}
		next.ServeHTTP(w, r)
	})
	h.settle(t)
	equal(t, h, p)
}

func TestExistingAccounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, account string }{
		{"by externalId", `"userName":"old@example.com","externalId":"hub-1","nickName":"Ada"`},
		{"by userName in another case", `"userName":"ADA@example.com","externalId":"from elsewhere"`},
		{"C-16: canonical values are no difference", `"userName":"ada@example.com","externalId":"hub-1","emails":[{"type":"WORK","value":"ADA@example.com","primary":false}],"active":true`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, p := start(t)
			p.do(t, "POST", "/Users", `{"schemas":["`+protocol.UserSchema+`"],`+c.account+`}`)
			ada := h.user("ada@example.com", schema.Object{"emails": []any{schema.Object{"value": "ada@example.com", "type": "work"}}})
			h.settle(t)
			assert.Equal(t, h.links[ada].RemoteID, "user-1")
			if slices.Contains(p.sent(), "PATCH /Users/user-1") == strings.HasPrefix(c.name, "C-16") {
				t.Error("a PATCH where nothing differs, or none where something does")
			}
			assert.Equal(t, p.do(t, "GET", "/Users/user-1", "")["userName"], any("ada@example.com"))
			h.alter(ada, schema.Object{"userName": "ada.osei@example.com", "emails": nil})
			h.settle(t)
			equal(t, h, p)
		})
	}
	t.Run("what somebody else wrote stays", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		p.do(t, "POST", "/Users", `{"schemas":["`+protocol.UserSchema+`"],"userName":"ada","title":"Dr","nickName":"A"}`)
		h.user("ada", schema.Object{"nickName": "Ada"})
		h.settle(t)
		got := p.accounts(t)["ada"]
		assert.Equal(t, got, schema.Object{"userName": "ada", "externalId": "hub-1", "active": true, "nickName": "Ada", "title": "Dr"})
	})
	t.Run("a group with members of its own", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		p.do(t, "POST", "/Users", `{"schemas":["`+protocol.UserSchema+`"],"userName":"bob","externalId":"hub-2"}`)
		p.do(t, "POST", "/Users", `{"schemas":["`+protocol.UserSchema+`"],"userName":"eve"}`)
		p.do(t, "POST", "/Groups", `{"schemas":["`+protocol.GroupSchema+`"],"displayName":"Staff","members":[{"value":"user-1"},{"value":"user-2"}]}`)
		ada, bob := h.user("ada", nil), h.user("bob", nil)
		h.group("Staff", ada, bob)
		h.settle(t)
		assert.Equal(t, p.accounts(t)["group Staff"]["members"], any([]any{"ada", "bob"}))
	})
	t.Run("two of ours with the same name", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		a, b := h.group("Staff"), h.group("Staff")
		h.settle(t)
		assert.NotEqual(t, h.links[a].RemoteID, h.links[b].RemoteID)
		_ = p
	})
}

func TestRel_R35_LostAnswers(t *testing.T) {
	t.Parallel()
	lose := func(request string) fault {
		return func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
			if c.method+" "+c.path == request {
				p := &discard{h: http.Header{}}
				next.ServeHTTP(p, r)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		}
	}
	t.Run("of a POST: one account", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		h.user("ada", nil)
		p.meddle(lose("POST /Users"))
		assert.Equal(t, fails(t, h).Retry, true)
		p.meddle(nil)
		h.settle(t)
		equal(t, h, p)
	})
	t.Run("killed between POST and Put: one account", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		h.user("ada", nil)
		h.down = func() error { return errors.New("killed") }
		_ = h.round(t.Context())
		assert.Equal(t, len(h.links), 0)
		h.down = nil
		h.settle(t)
		equal(t, h, p)
	})
	t.Run("of a POST, then deleted: no account", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		ada := h.user("ada", nil)
		p.meddle(lose("POST /Users"))
		_ = fails(t, h)
		p.meddle(nil)
		h.remove(ada)
		h.settle(t)
		equal(t, h, p)
	})
	t.Run("of a PATCH that is taken back", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		ada := h.user("ada", nil)
		h.settle(t)
		h.alter(ada, schema.Object{"active": false, "title": "x"})
		p.meddle(lose("PATCH /Users/user-1"))
		_ = fails(t, h)
		p.meddle(nil)
		h.alter(ada, schema.Object{"active": true, "title": nil})
		h.settle(t)
		equal(t, h, p)
	})
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

func TestAccountsThatVanish(t *testing.T) {
	t.Parallel()
	t.Run("R34: 404 to an update makes it again", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		ada, group := h.user("ada", nil), h.group("Staff")
		h.join(group, ada)
		h.settle(t)
		p.do(t, "DELETE", "/Groups/group-2", "")
		h.alter(group, schema.Object{"displayName": "Everybody"})
		h.settle(t)
		equal(t, h, p)
	})
	t.Run("C-20: 404 to a DELETE is done", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		ada := h.user("ada", nil)
		h.settle(t)
		p.do(t, "DELETE", "/Users/user-1", "")
		h.remove(ada)
		h.settle(t)
		assert.Equal(t, h.has(ada), false)
	})
	t.Run("rule 6: a base URL that leads nowhere unlinks nobody", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		ada, bob := h.user("ada", nil), h.user("bob", nil)
		h.settle(t)
		h.alter(ada, schema.Object{"title": "x"})
		h.remove(bob)
		p.meddle(on("", 404, "no such site"))
		assert.Equal(t, fails(t, h).Status, 404)
		assert.Equal(t, h.has(ada) && h.has(bob), true)
		p.meddle(nil)
		h.settle(t)
		equal(t, h, p)
	})
}

func TestPeersOfEveryKind(t *testing.T) {
	t.Parallel()
	noPatch := func(status int) fault {
		return func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
			if c.method == http.MethodPatch {
				w.WriteHeader(status)
				return
			}
			next.ServeHTTP(w, r)
		}
	}
	for _, c := range []struct {
		name   string
		tamper fault
		patch  bool
	}{
		{"C-04: no ServiceProviderConfig", on("GET /ServiceProviderConfig", 404, ""), true},
		{"a ServiceProviderConfig that always fails", on("GET /ServiceProviderConfig", 500, ""), true},
		{"a ServiceProviderConfig of HTML", on("GET /ServiceProviderConfig", 200, "<html>"), true},
		{"PUT only, as it says", on("GET /ServiceProviderConfig", 200, `{"patch":{"supported":"False"}}`), false},
		{"PUT only, and it says something else", noPatch(501), false},
		{"405 to a PATCH", noPatch(405), false},
		{"C-07: 204 to every write but POST", func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
			if c.method == http.MethodPatch {
				next.ServeHTTP(&discard{h: http.Header{}}, r)
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		}, true},
		{"no filters", func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
			if strings.Contains(c.query, "filter") {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, r)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, p := start(t)
			p.meddle(c.tamper)
			ada := h.user("ada", schema.Object{"title": "x"})
			bob := h.user("bob", schema.Object{protocol.EnterpriseUserSchema: reportsTo("hub-1")})
			group := h.group("Staff", ada, bob)
			h.settle(t)
			h.alter(ada, schema.Object{"title": nil, "active": false})
			h.leave(group, ada)
			h.settle(t)
			equal(t, h, p)
			p.sent()
			h.touch(ada)
			h.touch(group)
			h.settle(t)
			assert.Equal(t, len(p.requests()), 0)
			h.alter(bob, schema.Object{"title": "y"})
			h.settle(t)
			assert.Equal(t, p.requests()[0].method == http.MethodPatch, c.patch)
			equal(t, h, p)
		})
	}
}

func TestMembersInParts(t *testing.T) {
	t.Parallel()
	many := func(h *hub, n int) []target.Num {
		var users []target.Num
		for i := range n {
			users = append(users, h.user(fmt.Sprintf("user-%d", i), nil))
		}
		return users
	}
	t.Run("no request has more than it may, and none replaces", func(t *testing.T) {
		t.Parallel()
		h, p := newHub(), newPeer(t, protocol.Strict())
		h.open(t, p.base, func(s *targetscim.Settings) { s.MembersPerRequest = 7 })
		users := many(h, 30)
		group := h.group("Staff", users...)
		h.settle(t)
		h.leave(group, users[3:20]...)
		h.settle(t)
		equal(t, h, p)
		for _, c := range p.requests() {
			if strings.Count(c.body, `"value":"user-`)+strings.Count(c.body, `value eq`) > 7 || strings.Contains(c.body, `"path":"members"`) && strings.Contains(c.body, "replace") {
				t.Errorf("%s %s %s", c.method, c.path, c.body)
			}
		}
	})
	t.Run("rule 8: 413 halves", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		p.meddle(func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
			if len(c.body) > 400 && strings.HasPrefix(c.path, "/Groups") {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			next.ServeHTTP(w, r)
		})
		h.group("Staff", many(h, 50)...)
		h.settle(t)
		equal(t, h, p)
	})
	t.Run("one that is refused does not keep out the others", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		users := many(h, 20)
		h.settle(t)
		p.do(t, "DELETE", "/Users/user-5", "")
		h.group("Staff", users...)
		assert.Equal(t, fails(t, h).Reason, outbound.ReasonInvalid)
		members, _ := p.accounts(t)["group Staff"]["members"].([]any)
		assert.Equal(t, len(members), 19)
	})
	t.Run("one that cannot be made comes later", func(t *testing.T) {
		t.Parallel()
		h, p := start(t)
		p.meddle(func(w http.ResponseWriter, r *http.Request, c call, next http.Handler) {
			if c.path == "/Users" && strings.Contains(c.body, "bob") {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, r)
		})
		ada, bob := h.user("ada", nil), h.user("bob", nil)
		group := h.group("Staff", bob, ada)
		_ = fails(t, h)
		assert.Equal(t, h.dirty[group] == nil, true, assert.Sprintf("the group waits for nobody"))
		assert.Equal(t, p.accounts(t)["group Staff"]["members"], any([]any{"ada"}))
		p.meddle(nil)
		h.settle(t)
		equal(t, h, p)
	})
}

func TestBareMakesTheAccountAndNoMore(t *testing.T) {
	t.Parallel()
	h, p := start(t)
	ada := h.user("ada", nil)
	group := h.group("Staff", ada)
	if err := h.sync(context.Background(), group, true); err != nil {
		t.Fatal(err)
	}
	assert.Equal(t, h.has(group) && !h.has(ada), true)
	calls := p.requests()
	assert.Equal(t, calls[len(calls)-1].method, "POST")
	assert.Equal(t, calls[0].token, "Bearer s3cret-token")
}
