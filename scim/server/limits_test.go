package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

func limited(t *testing.T, l server.Limits) *provider {
	t.Helper()
	return newProvider(t, scim.Compat(), func(_ *server.Service, o *server.Options) { o.Limits = l })
}

// padded returns a user of exactly n bytes.
func padded(n int) string { return ada + strings.Repeat(" ", n-len(ada)) }

func TestLimits(t *testing.T) {
	t.Parallel()
	group := func(n int) string {
		body := `{"schemas":["` + scim.GroupSchema + `"],"displayName":"g"}`
		return body + strings.Repeat(" ", n-len(body))
	}
	t.Run("body of a user, at the limit and above", func(t *testing.T) {
		p := limited(t, server.Limits{Body: 600})
		p.post("/Users", padded(600)).is(201)
		p.post("/Users", padded(601)).refused(413, "")
		p.put("/Users/x", padded(601)).refused(413, "")
		p.patch("/Users/x", strings.Repeat(" ", 600)).refused(413, "")
		p.post("/Users/.search", strings.Repeat(" ", 601)).refused(413, "")
	})
	t.Run("body of unknown length", func(t *testing.T) {
		p := limited(t, server.Limits{Body: 200 << 10})
		for n, want := range map[int]int{200 << 10: 201, 200<<10 + 1: 413, 1 << 20: 413} {
			// A reader of a type that net/http does not know is sent in chunks.
			body := struct{ io.Reader }{strings.NewReader(padded(n))}
			req, err := http.NewRequestWithContext(t.Context(), "POST", p.srv.URL+"/t/t1/scim/v2/Users", body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", scim.MediaType)
			resp, err := p.srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Fatalf("%d bytes: got %d, want %d", n, resp.StatusCode, want)
			}
		}
	})
	t.Run("body of a group", func(t *testing.T) {
		p := limited(t, server.Limits{Body: 100, LargeBody: 1000})
		p.post("/Groups", group(1000)).is(201)
		p.post("/Groups", group(1001)).refused(413, "")
	})
	t.Run("defaults of body sizes", func(t *testing.T) {
		p := compat(t)
		p.post("/Users", padded(2<<20)).is(201)
		p.post("/Users", padded(2<<20+1)).refused(413, "")
		p.post("/Groups", group(10<<20)).is(201)
		p.post("/Groups", group(10<<20+1)).refused(413, "")
	})
	t.Run("operations of a PATCH", func(t *testing.T) {
		p := limited(t, server.Limits{Operations: 3})
		at := "/Users/" + p.user("ada")
		op := `{"op":"add","path":"title","value":"x"}`
		p.patch(at, strings.Repeat(op+",", 2)+op).is(200)
		p.patch(at, strings.Repeat(op+",", 3)+op).refused(413, "")
	})
	t.Run("edges of a request", func(t *testing.T) {
		p := limited(t, server.Limits{Edges: 3})
		a, b, c, d := p.user("a"), p.user("b"), p.user("c"), p.user("d")
		g := p.group("g", a, b, c)
		refs := func(ids ...string) string { return `[{"value":"` + strings.Join(ids, `"},{"value":"`) + `"}]` }
		body := `{"schemas":["` + scim.GroupSchema + `"],"displayName":"h","members":`
		p.post("/Groups", body+refs(a, b, c, d)+"}").refused(413, "")
		p.put("/Groups/"+g, body+refs(a, b, c, d)+"}").refused(413, "")
		p.patch("/Groups/"+g, `{"op":"add","path":"members","value":`+refs(a, b)+`},{"op":"remove","path":"members","value":`+refs(c, d)+`}`).
			refused(413, "")
		p.patch("/Groups/"+g, `{"op":"replace","path":"members","value":`+refs(a, b, d)+`}`).is(204)
		p.get("/Groups").has("totalResults", 1).has("Resources/0/meta/version", `W/"2"`)
	})
	t.Run("page size", func(t *testing.T) {
		p := limited(t, server.Limits{Results: 3, DefaultResults: 2})
		p.people("a", "b", "c", "d")
		p.get("/Users").has("itemsPerPage", 2).has("totalResults", 4)
		p.get("/Users?count=3").has("itemsPerPage", 3)
		p.get("/Users?count=4").has("itemsPerPage", 3) // S-5-05
		p.get("?count=4").has("itemsPerPage", 3)
	})
	t.Run("bodies in flight", func(t *testing.T) {
		p := limited(t, server.Limits{BodiesInFlight: 1000})
		p.post("/Users", padded(990)).is(201)
		for range 3 { // what a request took comes back, whether it was served or not
			a := p.post("/Users", padded(1100)).refused(503, "")
			if a.header.Get("Retry-After") != "2" {
				t.Fatalf("got %v", a.header)
			}
		}
		p.put("/Users/user-1", padded(990)).is(200)
	})
}

// TestBodiesInFlight holds one body in the middle and sees another one refused.
func TestBodiesInFlight(t *testing.T) {
	t.Parallel()
	h := server.Handler(scimtest.Open(scimtest.NewService(base, scim.Compat())), server.Options{
		Limits: server.Limits{BodiesInFlight: 100 << 10},
	})
	post := func(body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/Users", body)
		r.Header.Set("Content-Type", scim.MediaType)
		r.ContentLength = 90 << 10
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	r, w := io.Pipe()
	done := make(chan int)
	go func() { done <- post(r).Code }()
	if _, err := fmt.Fprint(w, "{"); err != nil { // it is being read from here on
		t.Fatal(err)
	}
	if got := post(strings.NewReader(padded(90 << 10))); got.Code != 503 || got.Header().Get("Retry-After") == "" {
		t.Fatalf("got %d %v", got.Code, got.Header())
	}
	w.CloseWithError(io.ErrUnexpectedEOF)
	if got := <-done; got != 400 {
		t.Fatalf("a body that broke off: got %d, want 400", got)
	}
	if got := post(strings.NewReader(padded(90 << 10))); got.Code != 503 && got.Code != 201 {
		t.Fatalf("got %d", got.Code)
	}
}

// TestNoWorkForTooMuch sees that a body announced as too large is not read at all.
func TestNoWorkForTooMuch(t *testing.T) {
	t.Parallel()
	h := server.Handler(scimtest.Open(scimtest.NewService(base, scim.Compat())), server.Options{})
	r := httptest.NewRequest("POST", "/Users", unreadable{})
	r.Header.Set("Content-Type", scim.MediaType)
	r.ContentLength = 2<<20 + 1
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 413 {
		t.Fatalf("got %d", w.Code)
	}
}

type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { panic("read") }
