package conformance

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// together sends the same number of requests at once and returns their answers.
func together(t *T, n int, send func(t *T, i int) *Answer) []*Answer {
	answers := make([]*Answer, n)
	hands := make([]*T, n)
	var wg sync.WaitGroup
	for i := range n {
		hands[i] = &T{ctx: t.ctx, s: t.s, verdict: Pass}
		wg.Go(func() { hands[i].guard(func(h *T) { answers[i] = send(h, i) }) })
	}
	wg.Wait()
	for i, h := range hands {
		t.exchanges = append(t.exchanges, h.exchanges...)
		for _, path := range h.made {
			t.Made(path)
		}
		if answers[i] == nil {
			t.verdict, t.findings = h.verdict, append(t.findings, h.findings...)
			panic(ended{})
		}
		answers[i].t = t
	}
	return answers
}

func count(answers []*Answer, statuses ...int) int {
	n := 0
	for _, a := range answers {
		if slices.Contains(statuses, a.Status) {
			n++
		}
	}
	return n
}

// tellingToken is from which length on a token does not occur in an answer by chance.
const tellingToken = 12

var concurrencyChecks = []*Check{
	{
		Name: "concurrency/one-create", Rows: []string{"P-3.3-12", "P-3.3-07"},
		Title: "Of equal creates at the same time one makes the account.",
		Fix:   "Enforce uniqueness in the database, in the transaction that writes.",
		Run: func(t *T) {
			body := t.UserBody(nil)
			answers := together(t, 8, func(t *T, _ int) *Answer { return t.Post(t.Users(), body) })
			if n := count(answers, 201); n != 1 {
				t.Errorf("%d of 8 made an account", n)
			}
			if n := count(answers, 409); n != 7 {
				t.Warnf("%d of 8 were refused with 409", n)
			}
			for _, a := range answers {
				if a.Status >= 500 {
					t.Errorf("one was answered with status %d", a.Status)
				}
			}
		},
	},
	{
		Name: "concurrency/no-lost-member", Rows: []string{"P-3.5.2-22"},
		Title: "Members that are added at the same time are all there afterwards.",
		Fix:   "Read, change and write a group in one transaction, or keep members as rows.",
		Run: func(t *T) {
			t.NeedPatch()
			const n = 10
			var ids []string
			for range n {
				ids = append(ids, t.User(nil).ID())
			}
			g := t.Group()
			answers := together(t, n, func(t *T, i int) *Answer { return t.Patch(g.Path(), Op("add", "members", Members(ids[i]))) })
			if ok := count(answers, 200, 204); ok != n {
				t.Warnf("%d of %d requests succeeded", ok, n)
			}
			got := t.Get(g.Path()).Is(200).Values("members", "value")
			for i, id := range ids {
				if s := answers[i].Status; (s == 200 || s == 204) && !slices.Contains(got, id) {
					t.Errorf("an answered member is not there")
				}
			}
		},
	},
	{
		Name: "concurrency/no-lost-update", Rows: []string{"P-3.14-07", "P-3.14-03"},
		Title: "Of PUTs at the same time with the same version one is carried out.",
		Fix:   "Compare If-Match inside the transaction that writes.",
		Run: func(t *T) {
			t.NeedETag()
			u := t.User(nil)
			body := whole(t, u.Path())
			tag := t.Get(u.Path()).Is(200).Header.Get("ETag")
			answers := together(t, 6, func(t *T, i int) *Answer {
				mine := Object{}
				maps.Copy(mine, body)
				mine["title"] = "T" + string(rune('0'+i))
				return t.Put(u.Path(), mine, "If-Match: "+tag)
			})
			if n := count(answers, 200); n != 1 {
				t.Errorf("%d of 6 were carried out", n)
			}
			if n := count(answers, 412); n != 5 {
				t.Errorf("%d of 6 were refused with 412", n)
			}
		},
	},
	{
		Name: "concurrency/different-attributes", Rows: []string{"P-3.5.2-15", "P-3.5.2-22"},
		Title: "PATCHes of different attributes at the same time all stay.",
		Fix:   "Apply PATCH to the resource as it is in the transaction that writes.",
		Run: func(t *T) {
			t.NeedPatch()
			u := t.User(nil)
			names := []string{"title", "nickName", "displayName", "profileUrl", "locale"}
			values := []string{"T", "N", "D", "https://example.com/p", "en-US"}
			answers := together(t, len(names), func(t *T, i int) *Answer { return t.Patch(u.Path(), Op("replace", names[i], values[i])) })
			after := t.Get(u.Path()).Is(200)
			for i, a := range answers {
				if (a.Status == 200 || a.Status == 204) && after.At(names[i]) != values[i] {
					t.Errorf("%s was answered and is lost", names[i])
				}
			}
		},
	},
}

var securityChecks = []*Check{
	{
		Name: "security/wrong-token", Rows: []string{"AUTH-04", "P-2-01"}, Reads: true,
		Title: "A wrong token is refused with 401.",
		Fix:   "Answer 401 with WWW-Authenticate, the same for every wrong token.",
		Run: func(t *T) {
			t.Offered(t.s.Token != "", "authentication: the check was started without a token, which")
			for _, h := range []string{"Authorization: Bearer muster-check-wrong", "Authorization: Bearer", "Authorization: Basic eDp5", "Authorization: Bearer " + t.s.Token + "x"} {
				a := t.Get(t.Users()+"?count=1", h)
				if a.Status != 401 && a.Status != 403 && a.Status != 429 {
					t.Errorf("a wrong token was answered with status %d", a.Status)
				}
				if len(t.s.Token) >= tellingToken && strings.Contains(a.Raw, t.s.Token) {
					t.Errorf("the answer repeats the token")
				}
			}
		},
	},
	{
		Name: "security/token-in-url", Rows: []string{"AUTH-02"}, Reads: true,
		Title: "A token in the URL is no credential.",
		Fix:   "Read the Authorization header and nothing else.",
		Run: func(t *T) {
			t.Offered(t.s.Token != "", "authentication: the check was started without a token, which")
			if a := t.Get(t.Users()+Query("access_token", t.s.Token, "count", "1"), "Authorization:"); a.Status < 400 {
				t.Failf("it was accepted")
			}
		},
	},
	{
		Name: "security/error-shows-no-token", Rows: []string{"P-3.12-07"}, Reads: true,
		Title: "No error repeats the credential.",
		Fix:   "Keep credentials out of answers.",
		Run: func(t *T) {
			t.Offered(t.s.Token != "", "authentication: the check was started without a token, which")
			for _, a := range []*Answer{t.Get("/NoSuchEndpoint"), t.Do("POST", t.Users(), "{")} {
				if len(t.s.Token) >= tellingToken && strings.Contains(a.Raw, t.s.Token) {
					t.Errorf("%s repeats the token", a.what)
				}
			}
		},
	},
	{
		Name: "security/password-oracle", Rows: []string{"S-7-12", "S-4.1.1-11", "P-F-35"},
		Title: "A password cannot be found out by filters or by order.",
		Fix:   "Refuse password in filter and sortBy.",
		Run: func(t *T) {
			t.NeedFilter()
			secret := "Zq-" + t.s.marker + "-9X"
			body := t.UserBody(Object{"password": secret})
			u := t.Post(t.Users(), body)
			t.Offered(u.Status == 201, "setting passwords")
			name := u.Text("userName")
			for _, c := range []struct{ op, right, wrong string }{
				{"eq", secret, "Zq-another-9X"}, {"sw", "Zq", "Zz"}, {"co", t.s.marker, "muster-check-another"}, {"ew", "9X", "8X"},
			} {
				ask := func(value string) *Answer {
					return t.Get(t.Users() + Query("filter", `userName eq "`+name+`" and password `+c.op+` "`+value+`"`))
				}
				right, wrong := ask(c.right), ask(c.wrong)
				switch {
				case right.Status != 200 || wrong.Status != 200 || len(right.IDs()) == len(wrong.IDs()):
				case c.op == "eq": // RFC 7643 §7 lets what is never returned be asked for
					t.Warnf("password eq tells whether a password is right")
				default:
					t.Errorf("password %s tells a part of the password", c.op)
				}
			}
			if a := t.Get(t.Users() + "?sortBy=password&count=1"); a.Status >= 500 {
				t.Errorf("sortBy=password is answered with status %d", a.Status)
			}
			if strings.Contains(t.Find(t.Users(), `userName eq "`+name+`"`).Raw, secret) {
				t.Errorf("a list shows the password")
			}
		},
	},
	{
		Name: "security/injection", Rows: []string{"S-9.2-02", "P-F-29"}, Reads: true,
		Title: "Quotes, comments and wildcards of other languages are data.",
		Fix:   "Give values to the database as parameters.",
		Run: func(t *T) {
			t.NeedFilter()
			for _, v := range []string{`' OR '1'='1`, `"; DROP TABLE users; --`, `%`, `_`, `*)(uid=*`, `\u0000`, `${jndi:ldap://127.0.0.1/x}`} {
				a := t.Get(t.Users() + Query("filter", "userName eq "+encode(v), "count", "1"))
				if a.Status >= 500 {
					t.Errorf("userName eq %s was answered with status %d", encode(v), a.Status)
				} else if a.Status == 200 && len(a.IDs()) > 0 {
					t.Errorf("userName eq %s found somebody", encode(v))
				}
			}
			for _, id := range []string{"%27", "..%2f..%2fetc%2fpasswd", "%00", "%0d%0aX:%20y"} {
				if a := t.Get(t.Users() + "/" + id); a.Status < 400 || a.Status >= 500 {
					t.Errorf("the id %s was answered with status %d", id, a.Status)
				}
			}
		},
	},
	{
		Name: "security/host-header", Rows: []string{"S-2.3.7-04"},
		Title: "Locations do not follow what a request claims about hosts.",
		Fix:   "Make locations from the configured base URL.",
		Run: func(t *T) {
			u := t.User(nil)
			a := t.Get(u.Path(), "X-Forwarded-Host: evil.example.com", "X-Forwarded-Proto: gopher").Is(200)
			if strings.Contains(a.Raw, "evil.example.com") || strings.Contains(a.Header.Get("Location"), "evil.example.com") {
				t.Failf("a forwarded header moves the locations")
			}
		},
	},
	{
		Name: "security/method-override", Rows: []string{"P-3.2-07"},
		Title: "A header does not turn one method into another.",
		Fix:   "Ignore X-HTTP-Method-Override.",
		Run: func(t *T) {
			u := t.User(nil)
			t.Get(u.Path(), "X-HTTP-Method-Override: DELETE")
			t.Get(u.Path()).Is(200)
		},
	},
	{
		Name: "security/mass-assignment", Rows: []string{"P-3.3-01", "S-7-08"},
		Title: "Members that only a server may set change nothing.",
		Fix:   "Take attributes by the schema, and none else.",
		Run: func(t *T) {
			meta := Object{"version": "W/\"x\""}
			u := t.Post(t.Users(), t.UserBody(Object{"isAdmin": true, "tenant": "other", "passwordHash": "x", "meta": meta}))
			if u.Status == 400 { // unknown attributes may be refused, readOnly ones are ignored
				u.Refused("", 400)
				u = t.User(Object{"meta": meta})
			}
			u.Is(201)
			for _, name := range []string{"isAdmin", "tenant", "passwordHash"} {
				u.Lacks(name)
			}
		},
	},
	{
		Name: "security/cache", Rows: []string{"P-4-07"}, Reads: true,
		Title: "Answers with personal data are not for shared caches.",
		Fix:   "Send Cache-Control: no-store, or private.",
		Run: func(t *T) {
			c := strings.ToLower(t.Get(t.Users() + "?count=1").List().Header.Get("Cache-Control"))
			if !strings.Contains(c, "no-store") && !strings.Contains(c, "private") && !strings.Contains(c, "no-cache") {
				t.Warnf("Cache-Control is %q", c)
			}
		},
	},
}

// tenantChecks need the credential of a second tenant.
var tenantChecks = []*Check{
	{
		Name: "security/other-token", Rows: []string{"P-2-03", "P-6-02"},
		Title: "The token of one tenant opens nothing of another.",
		Fix:   "Bind every token to its tenant.",
		Run: func(t *T) {
			t.needOther()
			u := t.User(nil)
			if a := t.Get(u.Path(), "Authorization: Bearer "+t.s.OtherToken); a.Status < 400 {
				t.Failf("the token of another tenant reads a user")
			}
			if a := t.Get(t.Users()+"?count=1", "Authorization: Bearer "+t.s.OtherToken); a.Status == 200 && a.Int("totalResults") > 0 {
				t.Failf("the token of another tenant lists users")
			}
		},
	},
	{
		Name: "security/other-id", Rows: []string{"P-2-03", "S-9.3-02"},
		Title: "An id of one tenant is unknown in another.",
		Fix:   "Look resources up inside the tenant.",
		Run: func(t *T) {
			t.needOther()
			u := t.User(nil)
			other := t.s.OtherURL + u.Path()
			as := "Authorization: Bearer " + t.s.OtherToken
			if a := t.Get(other, as); a.Status < 400 {
				t.Errorf("it is read there")
			}
			if a := t.Do("PUT", other, t.UserBody(nil), as); a.Status < 400 {
				t.Errorf("it is written there")
			}
			if a := t.Delete(other, as); a.Status < 400 {
				t.Errorf("it is deleted there")
			}
			t.Get(u.Path()).Is(200)
			if t.Supports("filter") {
				if a := t.Get(t.s.OtherURL+t.Users()+Query("filter", `userName eq "`+u.Text("userName")+`"`), as); a.Status == 200 && len(a.IDs()) > 0 {
					t.Errorf("it is found there")
				}
			}
		},
	},
	{
		Name: "security/other-names", Rows: []string{"P-6-03", "S-3.1-11", "S-9.3-03"},
		Title: "Two tenants may have the same names and externalIds.",
		Fix:   "Make uniqueness a matter of the tenant.",
		Run: func(t *T) {
			t.needOther()
			body := t.UserBody(Object{"externalId": t.Name("external")})
			t.Post(t.Users(), body).Is(201)
			as := "Authorization: Bearer " + t.s.OtherToken
			a := t.Post(t.s.OtherURL+t.Users(), body, as)
			if a.Status != 201 {
				t.Failf("the same userName is refused there with %d", a.Status)
			}
			t.Delete(t.s.OtherURL+t.Users()+"/"+a.ID(), as)
		},
	},
}

// needOther ends a check that was not given a second tenant.
func (t *T) needOther() {
	t.Offered(t.s.OtherURL != "" && t.s.OtherToken != "", "a second tenant: its URL and token were not given, and so it")
}

var limitChecks = []*Check{
	{
		Name: "limits/large-body", Rows: []string{"P-3.8-09"},
		Title: "A body of 16 MiB is refused with 413, or accepted; it breaks nothing.",
		Fix:   "Bound bodies before reading them.",
		Run: func(t *T) {
			var body strings.Builder // grown once: this is the largest thing in a run
			body.Grow(16<<20 + 1<<10)
			body.WriteString(`{"schemas":["` + userURN + `"],"userName":"` + t.Name("large") + `","title":"`)
			for line := strings.Repeat("x", 1<<10); body.Len() < 16<<20; {
				body.WriteString(line)
			}
			body.WriteString(`"}`)
			a := t.Try("POST", t.Users(), body.String())
			if a.Status >= 500 {
				t.Failf("it was answered with status %d", a.Status)
			}
			if a.Status == 201 {
				t.Warnf("a title of 16 MiB is stored")
			}
		},
	},
	{
		Name: "limits/long-filter", Rows: []string{"P-F-34"}, Reads: true,
		Title: "A very long filter is refused quickly.",
		Fix:   "Bound filters before parsing them.",
		Run: func(t *T) {
			t.NeedFilter()
			a := t.Try("POST", t.Users()+"/.search", Object{"schemas": []any{searchURN}, "filter": `userName eq "x"` + strings.Repeat(` or userName eq "x"`, 50_000)})
			if a.Status >= 500 && a.Status != 501 {
				t.Failf("it was answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "limits/long-url", Rows: []string{"P-F-34"}, Reads: true,
		Title: "A URL of 30 KB is refused with 4xx or answered.",
		Fix:   "Answer 414 or 400.",
		Run: func(t *T) {
			if a := t.Try("GET", t.Users()+"?count=1&x="+strings.Repeat("y", 30_000), nil); a.Status >= 500 {
				t.Failf("it was answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "limits/many-values", Rows: []string{"P-3.8-09"},
		Title: "A hundred addresses on one user are kept or refused with 400.",
		Fix:   "Document the limit.",
		Run: func(t *T) {
			var mails []any
			for i := range 100 {
				mails = append(mails, email("m"+strings.Repeat("x", i)+"@example.com", "other"))
			}
			a := t.Post(t.Users(), t.UserBody(Object{"emails": mails}))
			if a.Status == 201 && len(a.Elements("emails")) != 100 {
				t.Errorf("%d of 100 are kept", len(a.Elements("emails")))
			} else if a.Status >= 500 {
				t.Errorf("it was answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "limits/large-group", Rows: []string{"P-3.5.2-23"},
		Title: "Fifty members are added by one request.",
		Fix:   "Allow at least 50 member operations in a request.",
		Run: func(t *T) {
			t.NeedPatch()
			var ids []string
			for range 50 {
				ids = append(ids, t.User(nil).ID())
			}
			g := t.Group()
			t.Patch(g.Path(), Op("add", "members", Members(ids...))).Is(200, 204)
			if n := len(t.Get(g.Path()).Is(200).Elements("members")); n != 50 {
				t.Errorf("%d of 50 are members", n)
			}
		},
	},
}
