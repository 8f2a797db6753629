package server_test

import (
	"testing"

	"github.com/muster-id/muster/scim"
)

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	p := compat(t)
	at := "/Users/" + p.user("ada")
	for accept, want := range map[string]string{ // P-3.8-02…04, P-3.8-07, F18, AMB-36
		"":                                  scim.MediaType,
		"*/*":                               scim.MediaType,
		"application/*":                     scim.MediaType,
		"application/scim+json":             scim.MediaType,
		"Application/SCIM+JSON; charset=x":  scim.MediaType,
		"application/json":                  "application/json",
		"application/json; charset=utf-8":   "application/json",
		"application/json, text/plain, */*": scim.MediaType,
		"application/json;q=1, */*;q=0.1":   scim.MediaType,
		"application/scim+json;q=0, */*":    "application/json",
		"application/json, text/html;q=0.9": "application/json",
		"nonsense, application/scim+json":   scim.MediaType,
		"text/xml":                          "",
		"text/xml, application/json;q=0":    "",
		"application/scim+json;q=0.0":       "",
		"*/*;q=0":                           "",
	} {
		t.Run("Accept "+accept, func(t *testing.T) {
			p := p.in(t)
			a := p.get(at, "Accept: "+accept)
			if want == "" {
				a.refused(406, "")
				p.patch(at, `{"op":"add","path":"title","value":"x"}`, "Accept: "+accept).refused(406, "")
				p.get(at).has("title", nil)
				return
			}
			if got := a.is(200).header.Get("Content-Type"); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
			if got := p.get("/Users/nobody", "Accept: "+accept).refused(404, "").header.Get("Content-Type"); got != want {
				t.Fatalf("of an error: got %q, want %q", got, want)
			}
		})
	}
	for name, c := range map[string]struct {
		header string
		ok     bool
	}{ // P-3.8-05…07
		"SCIM":              {"Content-Type: application/scim+json", true},
		"SCIM with charset": {"Content-Type: application/scim+json; charset=utf-8", true},
		"JSON":              {"Content-Type: application/json", true},
		"JSON, upper case":  {`Content-Type: APPLICATION/JSON; Charset="UTF-8"`, true},
		"identity":          {"Content-Encoding: identity", true},
		"C13 text":          {"Content-Type: text/plain", false},
		"C13 form":          {"Content-Type: application/x-www-form-urlencoded", false},
		"C13 multipart":     {"Content-Type: multipart/form-data; boundary=x", false},
		"C13 none":          {"Content-Type: ", false},
		"malformed":         {"Content-Type: application/json; =", false},
		"latin 1":           {"Content-Type: application/json; charset=iso-8859-1", false},
		"C12 gzip":          {"Content-Encoding: gzip", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range []*answer{
				p.in(t).put(at, ada, c.header),
				p.in(t).post("/Users/.search", `{"schemas":["`+scim.SearchRequestMessage+`"]}`, c.header),
			} {
				if c.ok {
					a.is(200)
				} else {
					a.refused(415, "")
				}
			}
		})
	}
	t.Run("a GET needs no type", func(t *testing.T) {
		p.in(t).get(at, "Content-Type: text/plain").is(200)
		p.in(t).delete("/Users/nobody", "Content-Type: text/plain", "Accept: text/plain").refused(404, "")
	})
	t.Run("P-3.8-01 UTF-8 both ways", func(t *testing.T) {
		p := p.in(t)
		p.get("/Users/"+p.user("名前", `"displayName":"名前 😀 <&>"`)).has("displayName", "名前 😀 <&>")
	})
	t.Run("F03 headers of every answer", func(t *testing.T) {
		p := p.in(t)
		for _, a := range []*answer{
			p.get(at), p.get("/Users"), p.get("/Schemas"), p.get("/Nope"), p.delete("/Users/x"), p.get(at, "If-None-Match: *"),
			p.post("/Users", "{"),
		} {
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Fatalf("%s: %v", a.what, a.header)
			}
			for name := range a.header {
				if name == "Set-Cookie" || len(name) > 14 && name[:14] == "Access-Control" { // F22
					t.Fatalf("%s sends %s", a.what, name)
				}
			}
		}
	})
}
