package server_test

import (
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// person returns a provider whose requests all come from the person.
func person(t *testing.T) (*provider, string) {
	t.Helper()
	var me server.Ref
	p := newProvider(t, scim.Compat(), func(svc *server.Service, _ *server.Options) { svc.Me = &me })
	me = server.Ref{Type: "User", Value: p.user("ada", `"nickName":"A"`)}
	return p, me.Value
}

func TestMe(t *testing.T) {
	t.Parallel()
	at := func(id string) string { return base + "/Users/" + id }
	t.Run("P-3.11-01 of nobody (AMB-35, AUTH-75)", func(t *testing.T) {
		p := compat(t)
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"} {
			p.do(method, "/Me", "").is(501)
		}
		p.get("/Me").refused(501, "")
		p.get("/Me/x").refused(404, "")
	})
	t.Run("P-3.11-02 and P-3.11-03 answered at once, with the permanent location", func(t *testing.T) {
		p, id := person(t)
		p.people("bo")
		a := p.get("/Me").is(200).has("id", id).has("userName", "ada").has("meta/location", at(id))
		if a.header.Get("Location") != at(id) || a.raw != p.get("/Users/"+id).raw {
			t.Fatal(a.header, a.raw)
		}
		p.get("/Me?attributes=userName").members("schemas", "id", "userName")
		p.get("/Me", "If-None-Match: "+a.header.Get("ETag")).is(304)
		p.do("HEAD", "/Me", "").is(200)
	})
	t.Run("P-3.11-04 all methods", func(t *testing.T) {
		p, id := person(t)
		located := func(a *answer) {
			t.Helper()
			if got := a.header.Get("Location"); got != at(id) {
				t.Fatalf("%s: Location is %q", a.what, got)
			}
		}
		located(p.put("/Me", `{"schemas":["`+scim.UserSchema+`"],"userName":"ada","nickName":"B"}`).is(200).has("nickName", "B"))
		located(p.patch("/Me", `{"op":"replace","path":"nickName","value":"C"}`).is(200).has("nickName", "C"))
		p.put("/Me", ada, `If-Match: W/"77"`).refused(412, "")
		p.post("/Me", ada).refused(409, scim.Uniqueness)
		if a := p.do("TRACE", "/Me", ""); a.status != 405 || a.header.Get("Allow") == "" {
			t.Fatal(a.status, a.header)
		}
		p.get("/Users/"+id).has("nickName", "C")
		located(p.delete("/Me").is(204))
		p.get("/Me").refused(404, "")
		p.delete("/Me").refused(404, "")
		p.get("/Users").has("totalResults", 0)
	})
	t.Run("P-3.11-04 POST of somebody who has no resource yet", func(t *testing.T) {
		me := &server.Ref{Type: "User"}
		p := newProvider(t, scim.Compat(), func(svc *server.Service, _ *server.Options) { svc.Me = me })
		p.get("/Me").refused(404, "")
		p.put("/Me", ada).refused(404, "")
		a := p.post("/Me", ada).is(201)
		if got := a.header.Get("Location"); got != at(a.text("id")) {
			t.Fatal(got)
		}
	})
	t.Run("of a type that is not served", func(t *testing.T) {
		p := newProvider(t, scim.Compat(), func(svc *server.Service, _ *server.Options) { svc.Me = &server.Ref{Type: "Device", Value: "x"} })
		p.get("/Me").refused(404, "")
	})
}
