package server_test

import (
	"sync"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

func TestVersions(t *testing.T) {
	const title = `{"op":"add","path":"title","value":"x"}`
	rows{
		"P-3.14-01 ETag and meta.version": func(p *provider) {
			a := p.get("/Users/" + p.user("ada"))
			a.has("meta/version", a.header.Get("ETag")).has("meta/version", `W/"1"`)
			b := p.patch("/Users/"+a.text("id"), title)
			b.has("meta/version", b.header.Get("ETag")).has("meta/version", `W/"2"`)
		},
		"P-3.14-03 If-None-Match": func(p *provider) {
			at := "/Users/" + p.user("ada")
			for _, tags := range []string{`W/"1"`, `"1"`, `*`, `"x", W/"1"`, `"x",,"1"`} {
				a := p.get(at, "If-None-Match: "+tags).is(304)
				if a.raw != "" || a.header.Get("ETag") != `W/"1"` {
					p.t.Fatalf("%s: got %v %q", tags, a.header, a.raw)
				}
				p.get(at+"?attributes=title", "If-None-Match: "+tags).is(304)
			}
			for _, tags := range []string{`W/"2"`, `"x", "y"`, `1`, `"1`, `W/"1" "x"`} {
				p.get(at, "If-None-Match: "+tags).is(200)
			}
			p.get("/Users/nobody", "If-None-Match: *").refused(404, "")
		},
		"P-3.14-04 If-Match": func(p *provider) {
			at := "/Users/" + p.user("ada")
			p.patch(at, title, `If-Match: W/"9"`).refused(412, "")
			p.put(at, ada, `If-Match: W/"9"`).refused(412, "")
			p.delete(at, `If-Match: W/"9"`).refused(412, "")
			p.get(at).has("meta/version", `W/"1"`)
			p.patch(at, title, `If-Match: W/"1"`).is(200)
			p.put(at, ada, `If-Match: "2"`).is(200) // AMB-31: weakly
			p.delete(at, `If-Match: W/"3"`).is(204)
		},
		"P-3.14-05 If-Match with a list and a star": func(p *provider) {
			at := "/Users/" + p.user("ada")
			p.patch(at, title, `If-Match: *`).is(200)
			p.put(at, ada, `If-Match: "7", W/"2"`).is(200)
			p.put("/Users/nobody", ada, `If-Match: *`).refused(404, "")
			p.put("/Users/nobody", ada, `If-Match: "1"`).refused(404, "")
		},
		"a condition that cannot be read is not dropped": func(p *provider) {
			at := "/Users/" + p.user("ada")
			for _, tags := range []string{`1`, `"1`, `W/1`, `"1" "2"`, `,`} {
				p.delete(at, "If-Match: "+tags).refused(400, "")
			}
			p.get(at).is(200)
		},
		"P-3.14-06 membership is a change of the group": func(p *provider) {
			id := p.user("ada")
			at := "/Groups/" + p.group("g")
			p.patch(at, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`).is(204)
			p.patch(at, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`).is(204)
			p.get(at).has("meta/version", `W/"2"`)
			p.get("/Users/"+id).has("meta/version", `W/"1"`)
		},
		"P-3.14-07 check and write are one step": func(p *provider) {
			at := "/Users/" + p.user("ada")
			var wg sync.WaitGroup
			status := make([]int, 10)
			for i := range status {
				wg.Go(func() {
					status[i] = p.patch(at, `{"op":"add","path":"title","value":"`+string(rune('a'+i))+`"}`, `If-Match: W/"1"`).status
				})
			}
			wg.Wait()
			count := map[int]int{}
			for _, s := range status {
				count[s]++
			}
			if count[200] != 1 || count[412] != 9 {
				p.t.Fatalf("got %v, want one 200 and nine 412", count)
			}
		},
	}.run(t, scim.Compat())
}

// plain is a store without versions and order.
type plain struct{ server.Store }

func (plain) Features() server.Features { return server.Features{} }

func TestStoreWithoutVersions(t *testing.T) {
	t.Parallel()
	p := newProvider(t, scim.Compat(), func(s *server.Service, _ *server.Options) {
		for name, store := range s.Stores {
			s.Stores[name] = plain{store}
		}
	})
	t.Run("P-3.14-08", func(t *testing.T) {
		p := p.in(t)
		at := "/Users/" + p.user("ada")
		a := p.get(at, `If-None-Match: *`).is(200).has("meta/version", nil)
		if a.header.Get("ETag") != "" {
			t.Fatal("an ETag was sent")
		}
		p.patch(at, `{"op":"add","path":"title","value":"x"}`, `If-Match: "9"`).is(200)
	})
	t.Run("S-5-04", func(t *testing.T) {
		p := p.in(t)
		p.get("/ServiceProviderConfig").has("etag/supported", false).has("sort/supported", false)
	})
	t.Run("P-S-01 order is ignored where it is not offered (AMB-39)", func(t *testing.T) {
		p := p.in(t)
		p.get("/Users?sortBy=userName").is(200)
	})
}
