package server_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// cursored is a store that pages by cursor: Query.Scan knows how.
type cursored struct{ server.Store }

func (cursored) Features() server.Features {
	return server.Features{Versions: true, Sort: true, Cursors: true}
}

func withCursors(svc *server.Service, _ *server.Options) {
	for name, s := range svc.Stores {
		svc.Stores[name] = cursored{s}
	}
}

// unreserved is what a cursor consists of.
var unreserved = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

// walk reads all pages from path on, by cursor, and returns a member of every resource.
func (p *provider) walk(path, member string, between ...func()) (names []string) {
	p.t.Helper()
	for cursor := ""; ; {
		a := p.get(path + "&cursor=" + cursor)
		names = append(names, a.names(member)...)
		next := a.at("nextCursor")
		if next == nil {
			return names
		}
		cursor = a.text("nextCursor")
		for _, f := range between {
			f()
		}
	}
}

func TestCursor(t *testing.T) {
	t.Parallel()
	numbered := func(p *provider) (all []string) {
		p.t.Helper()
		for i := range 25 {
			all = append(all, fmt.Sprintf("u%02d", i))
		}
		p.people(all...)
		return all
	}
	cases := rows{
		"CUR-01 the first page, and CUR-16 the members of a page": func(p *provider) {
			numbered(p)
			for _, query := range []string{"cursor&count=10", "cursor=&count=10", "CURSOR=&count=10"} {
				a := p.get("/Users?"+query).is(200).members("schemas", "Resources", "totalResults", "itemsPerPage", "nextCursor")
				a.has("totalResults", 25).has("itemsPerPage", 10)
			}
		},
		"CUR-02 unreserved characters": func(p *provider) {
			numbered(p)
			for range 50 {
				if c := p.get("/Users?cursor&count=1").text("nextCursor"); !unreserved.MatchString(c) {
					p.t.Fatal(c)
				}
			}
		},
		"CUR-03 count 0 and below: the total alone": func(p *provider) {
			numbered(p)
			for _, count := range []string{"0", "-1", "-99999999999999999999"} {
				a := p.get("/Users?cursor=&count="+count).is(200).has("totalResults", 25).has("itemsPerPage", 0).has("nextCursor", nil)
				if len(a.list("Resources")) != 0 {
					p.t.Fatal(a.raw)
				}
				p.get("?cursor=&count="+count).is(200).has("totalResults", 25).has("nextCursor", nil)
				p.get("?cursor=&sortBy=id&count="+count).is(200).has("totalResults", 25).has("nextCursor", nil)
			}
		},
		"CUR-05 a walk (CUR-04, CUR-06, CUR-07, CUR-10)": func(p *provider) {
			all := numbered(p)
			var got []string
			cursor := ""
			for i, items := range []int{10, 10, 5} {
				a := p.get("/Users?count=10&cursor="+cursor).has("itemsPerPage", items).has("totalResults", 25).has("previousCursor", nil)
				got = append(got, a.names("userName")...)
				if i == 2 {
					a.has("nextCursor", nil)
					break
				}
				cursor = a.text("nextCursor")
			}
			slices.Sort(got)
			wantStrings(p.t, got, all...)
			p.get("/Users?count=25&cursor").has("itemsPerPage", 25).has("nextCursor", nil)
			p.get("/Users?count=24&cursor").has("itemsPerPage", 24).text("nextCursor")
			p.get("/Users?cursor&filter=userName+eq+%22nobody%22").has("totalResults", 0).has("nextCursor", nil)
		},
		"CUR-09 another query": func(p *provider) {
			numbered(p)
			p.group("g")
			p.group("h")
			const query = "count=1&filter=userName+pr&sortBy=userName&attributes=userName"
			c := p.get("/Users?" + query + "&cursor").text("nextCursor")
			at := func(path, query string) *answer { return p.get(path + "?" + query + "&cursor=" + c) }
			at("/Users", query).is(200).has("Resources/0/userName", "u01")
			for _, other := range []string{
				"count=1&filter=userName+pr&sortBy=userName",
				"count=1&filter=userName+pr&sortBy=userName&attributes=userName,title",
				"count=1&filter=userName+pr&sortBy=userName&excludedAttributes=userName",
				"count=1&filter=userName+pr&sortBy=userName&attributes=userName&sortOrder=descending",
				"count=1&filter=userName+pr&sortBy=title&attributes=userName",
				"count=1&filter=userName+pr&attributes=userName",
				"count=1&filter=userName+co+%22u%22&sortBy=userName&attributes=userName",
				"count=1&sortBy=userName&attributes=userName",
			} {
				at("/Users", other).refused(400, scim.InvalidCursor)
			}
			at("/Groups", "count=1").refused(400, scim.InvalidCursor)
			at("", query).refused(400, scim.InvalidCursor)
			c = p.get("/Groups?count=1&cursor").text("nextCursor")
			at("/Groups", "count=1").is(200)
			at("/Users", "count=1").refused(400, scim.InvalidCursor)
		},
		"CUR-12 what is no cursor (CUR-11)": func(p *provider) {
			p.people("a", "b")
			for _, c := range []string{"abc", "%20", "AAAA", "%00x", "%ff", strings.Repeat("A", 300), "a+b", "=", "%3D%3D"} {
				if a := p.get("/Users?cursor=" + c); a.status != 400 {
					p.t.Fatalf("%s: %s", c, a.raw)
				}
			}
			p.get("/Users?cursor=abc").refused(400, scim.InvalidCursor)
			p.get("?cursor=abc").refused(400, scim.InvalidCursor)
			for _, body := range []string{`{"cursor":"abc"}`, `{"cursor":5}`, `{"cursor":{}}`, `{"cursor":"` + strings.Repeat("A", 60_000) + `"}`} {
				p.post("/Users/.search", body).refused(400, scim.InvalidCursor)
				p.post("/.search", body).refused(400, scim.InvalidCursor)
			}
		},
		"CUR-14 count: capped on the first page, the same afterwards": func(p *provider) {
			numbered(p)
			c := p.get("/Users?count=3&cursor").text("nextCursor")
			p.get("/Users?count=4&cursor="+c).refused(400, scim.InvalidCount)
			p.get("/Users?count=0&cursor="+c).refused(400, scim.InvalidCount)
			p.get("/Users?cursor="+c).refused(400, scim.InvalidCount)
			p.get("/Users?count=3&cursor=" + c).is(200)
			p.get("/Users?count=5000&cursor").is(200).has("itemsPerPage", 25)
		},
		"CUR-15 sorted": func(p *provider) {
			p.user("d", `"title":"x"`)
			p.user("a", `"title":"y"`)
			p.people("c")
			p.user("b", `"title":"X"`)
			wantStrings(p.t, p.walk("/Users?count=1&sortBy=userName", "userName"), "a", "b", "c", "d")
			wantStrings(p.t, p.walk("/Users?count=3&sortBy=userName&sortOrder=descending", "userName"), "d", "c", "b", "a")
			wantStrings(p.t, p.walk("/Users?count=1&sortBy=title", "userName"), "d", "b", "a", "c")
			wantStrings(p.t, p.walk("/Users?count=1&sortBy=title&sortOrder=descending", "userName"), "c", "a", "d", "b")
			wantStrings(p.t, p.walk("/Users?count=2&sortBy=meta.created", "userName"), "d", "a", "c", "b")
			wantStrings(p.t, p.walk("/Users?count=1&sortBy=active&filter=title+pr", "userName"), "d", "a", "b")
		},
		"CUR-17 both ways in one request": func(p *provider) {
			p.get("/Users?cursor=&startIndex=1").refused(400, scim.InvalidValue)
			p.post("/Users/.search", `{"cursor":"","startIndex":1}`).refused(400, scim.InvalidValue)
		},
		"CUR-18 by index without either": func(p *provider) {
			numbered(p)
			p.get("/Users?count=10").has("startIndex", 1).has("itemsPerPage", 10).has("nextCursor", nil)
			p.post("/Users/.search", `{"cursor":null}`).has("startIndex", 1).has("nextCursor", nil)
		},
		"CUR-19 .search": func(p *provider) {
			numbered(p)
			p.group("g")
			for path, total := range map[string]int{"/Users": 25, "": 26} {
				n := 0
				for cursor := ""; ; {
					a := p.post(path+"/.search", fmt.Sprintf(`{"schemas":[%q],"count":7,"cursor":%q}`, scim.SearchRequestMessage, cursor)).is(200)
					n += len(a.list("Resources"))
					if a.has("totalResults", total).at("nextCursor") == nil {
						break
					}
					cursor = a.text("nextCursor")
				}
				if n != total {
					p.t.Fatalf("%s: %d of %d", path, n, total)
				}
			}
		},
		"CUR-20 discovery": func(p *provider) {
			a := p.get("/ServiceProviderConfig").has("pagination/cursor", true).has("pagination/index", true)
			a.has("pagination/defaultPaginationMethod", "index").has("pagination/cursorTimeout", 3600)
			a.has("pagination/defaultPageSize", 100).has("pagination/maxPageSize", 1000)
		},
		"over all types (P-3.4.2.1-01, AMB-50)": func(p *provider) {
			ada, bo := p.user("ada"), p.user("bo")
			g, h := p.group("g", ada), p.group("h")
			for count := 1; count <= 5; count++ {
				wantStrings(p.t, p.walk(fmt.Sprintf("?count=%d", count), "id"), ada, bo, g, h)
			}
			// The last user fills the page: there is a next one only if there are groups.
			p.get("?count=2&cursor").text("nextCursor")
			p.get("?count=2&cursor&filter=userName+pr").has("nextCursor", nil)
			wantStrings(p.t, p.walk("?count=1&filter=displayName+pr", "id"), g, h)
		},
		"a filter that is encoded twice goes on (F-row of LooseFilter)": func(p *provider) {
			for i := range 5 {
				p.user(fmt.Sprint("u", i), `"title":"a&b"`)
			}
			got := p.walk("/Users?count=2&filter="+url.QueryEscape(`title eq "a%26b"`), "userName")
			wantStrings(p.t, got, "u0", "u1", "u2", "u3", "u4")
		},
	}
	for id, f := range cases {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f(newProvider(t, scim.Compat(), withCursors))
		})
	}
}

func TestCursorsOfAStoreWithout(t *testing.T) {
	t.Parallel()
	p := newProvider(t, scim.Compat(), func(svc *server.Service, _ *server.Options) {
		for name, s := range svc.Stores {
			svc.Stores[name] = struct{ server.Store }{s} // says nothing of itself
		}
	})
	p.people("a", "b")
	p.get("/ServiceProviderConfig").has("pagination/cursor", false).has("pagination/cursorTimeout", nil)
	p.get("/Users?cursor=&count=1").is(200).has("startIndex", 1).has("nextCursor", nil)
	p.get("/Users?cursor=x&count=1").refused(400, scim.InvalidCursor)
	p.get("?cursor=&count=1").is(200).has("startIndex", 1).has("nextCursor", nil)
}

// changing is a service that a test alters from request to request.
func changing(t *testing.T, opts ...func(*server.Options)) (*provider, *server.Service) {
	t.Helper()
	var svc *server.Service
	p := newProvider(t, scim.Compat(), func(s *server.Service, o *server.Options) {
		withCursors(s, o)
		for _, f := range opts {
			f(o)
		}
		svc = s
	})
	return p, svc
}

// TestSec_B10_CursorsAreSealed: a cursor is of use to nobody else and for nothing else, and all that does not open is
// answered alike (CUR-22, CUR-24, CUR-25, CUR-26).
func TestSec_B10_CursorsAreSealed(t *testing.T) {
	t.Parallel()
	p, svc := changing(t)
	p.people("a", "b", "c")
	c := p.get("/Users?count=1&cursor").text("nextCursor")
	page := "/Users?count=1&cursor="
	p.get(page + c).is(200)
	forged := p.get(page+"abc").refused(400, scim.InvalidCursor).raw
	alike := func(what string, a *answer) {
		t.Helper()
		if a.refused(400, scim.InvalidCursor).raw != forged {
			t.Fatalf("%s: %s", what, a.raw)
		}
	}
	t.Run("CUR-22 another subject", func(t *testing.T) {
		was := *svc
		defer func() { *svc = was }()
		svc.Subject = "t2/okta"
		alike("tenant", p.get(page+c))
		svc.Subject, svc.Base = was.Subject, "https://id.example.com/t/t2/scim/v2"
		alike("base", p.get(page+c))
	})
	t.Run("CUR-24 other rights", func(t *testing.T) {
		was := *svc
		defer func() { *svc = was }()
		svc.Profile = scim.Strict()
		alike("profile", p.get(page+c))
		svc.Profile = scim.Profile{Name: was.Profile.Name}
		alike("switches", p.get(page+c))
	})
	t.Run("CUR-25 every bit counts", func(t *testing.T) {
		sealed, err := base64.RawURLEncoding.DecodeString(c)
		if err != nil {
			t.Fatal(err)
		}
		for i := range sealed {
			flipped := bytes.Clone(sealed)
			flipped[i] ^= 1 << (i % 8)
			alike("bit flip", p.get(page+base64.RawURLEncoding.EncodeToString(flipped)))
		}
		alike("shorter", p.get(page+c[:len(c)-1]))
		alike("longer", p.get(page+c+"A"))
		last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c[len(c)-1])
		if len(c)%4 != 0 {
			alike("bits behind the last byte", p.get(page+c[:len(c)-1]+string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last^1])))
		}
	})
	t.Run("nothing of what it holds shows", func(t *testing.T) {
		q := "/Users?count=1&sortBy=userName&filter=userName+pr&cursor="
		one, two := p.get(q).text("nextCursor"), p.get(q).text("nextCursor")
		if one == two {
			t.Fatal("two cursors for one place are alike")
		}
		for _, c := range []string{one, two} {
			sealed, _ := base64.RawURLEncoding.DecodeString(c)
			if bytes.Contains(sealed, []byte("User")) {
				t.Fatalf("%q", sealed)
			}
		}
	})
}

func TestCursorKey(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, 32)
	nodes := func(key []byte) (*provider, *provider) {
		with := func(o *server.Options) { o.CursorKey = key }
		a, svc := changing(t, with)
		b, other := changing(t, with)
		other.Stores = svc.Stores
		return a, b
	}
	a, b := nodes(key)
	a.people("a", "b", "c")
	c := a.get("/Users?count=1&cursor").text("nextCursor")
	b.get("/Users?count=1&cursor=" + c).is(200) // another node, or the same one after a restart

	a, b = nodes(nil)
	a.people("a", "b", "c")
	c = a.get("/Users?count=1&cursor").text("nextCursor")
	b.get("/Users?count=1&cursor="+c).refused(400, scim.InvalidCursor)

	defer func() {
		if recover() == nil {
			t.Error("a key of 31 bytes is taken")
		}
	}()
	server.Handler(nil, server.Options{CursorKey: key[1:]})
}

// exchange answers one request without a network, for tests with a clock of their own.
func exchange(h http.Handler, method, path, body string) (int, map[string]any) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", scim.MediaType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); w.Body.Len() > 0 && err != nil {
		panic(fmt.Sprintf("%s %s: %v: %s", method, path, err, w.Body))
	}
	return w.Code, v
}

// memoryHandler serves an empty memory with cursors.
func memoryHandler(opts server.Options) (http.Handler, *server.Service) {
	svc := scimtest.NewService(base, scim.Compat())
	withCursors(svc, nil)
	return server.Handler(scimtest.Open(svc), opts), svc
}

func TestExpiredCursor(t *testing.T) { // CUR-13
	synctest.Test(t, func(t *testing.T) {
		h, _ := memoryHandler(server.Options{CursorAge: time.Minute})
		for i := range 3 {
			exchange(h, "POST", "/Users", fmt.Sprintf(`{"userName":"u%d"}`, i))
		}
		_, first := exchange(h, "GET", "/Users?count=1&cursor", "")
		page := "/Users?count=1&cursor=" + first["nextCursor"].(string)
		<-time.After(time.Minute) // of the bubble's clock
		status, second := exchange(h, "GET", page, "")
		if status != 200 {
			t.Fatalf("a minute old: %d %v", status, second)
		}
		<-time.After(time.Second)
		status, body := exchange(h, "GET", page, "")
		if status != 400 || body["scimType"] != "expiredCursor" {
			t.Fatalf("older than a minute: %d %v", status, body)
		}
		// Each page is as young as its cursor.
		if status, body := exchange(h, "GET", "/Users?count=1&cursor="+second["nextCursor"].(string), ""); status != 200 {
			t.Fatalf("%d %v", status, body)
		}
		if _, config := exchange(h, "GET", "/ServiceProviderConfig", ""); config["pagination"].(map[string]any)["cursorTimeout"] != 60.0 {
			t.Fatal(config)
		}
	})
}

func TestRightsAreCheckedOnEachPage(t *testing.T) { // CUR-23
	t.Parallel()
	svc := scimtest.NewService(base, scim.Compat())
	withCursors(svc, nil)
	revoked := false
	h := server.Handler(func(*http.Request) (*server.Service, error) {
		if revoked {
			return nil, scim.Errorf(http.StatusUnauthorized, "the bearer token is not valid")
		}
		return svc, nil
	}, server.Options{})
	exchange(h, "POST", "/Users", `{"userName":"a"}`)
	exchange(h, "POST", "/Users", `{"userName":"b"}`)
	_, first := exchange(h, "GET", "/Users?count=1&cursor", "")
	revoked = true
	if status, body := exchange(h, "GET", "/Users?count=1&cursor="+first["nextCursor"].(string), ""); status != 401 {
		t.Fatalf("%d %v", status, body)
	}
}

func TestCursorsAreNotKept(t *testing.T) { // CUR-27
	if testing.Short() {
		t.Skip("ten thousand requests")
	}
	h, _ := memoryHandler(server.Options{})
	exchange(h, "POST", "/Users", `{"userName":"a"}`)
	exchange(h, "POST", "/Users", `{"userName":"b"}`)
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	exchange(h, "GET", "/Users?count=1&cursor", "")
	before := live()
	for range 10_000 {
		if status, _ := exchange(h, "GET", "/Users?count=1&cursor", ""); status != 200 {
			t.Fatal(status)
		}
	}
	if after := live(); after > before+(1<<20) {
		t.Fatalf("ten thousand first pages left %d bytes", after-before)
	}
}

func TestLongKeysAreRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	p := newProvider(t, scim.Compat(), withCursors)
	for i := range 3 {
		p.user(fmt.Sprint("u", i), fmt.Sprintf(`"title":"%s%d"`, strings.Repeat("x", 6000), i))
	}
	p.get("/Users?count=2&sortBy=title&cursor").refused(400, scim.InvalidValue)
	p.get("/Users?count=2&sortBy=title").is(200).has("itemsPerPage", 2)
	p.get("/Users?count=3&sortBy=title&cursor").is(200).has("nextCursor", nil)
}

// TestUntouchedRowsAreSeenOnce walks while resources come, change and go (CUR-28), over one type and over all.
func TestUntouchedRowsAreSeenOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h, _ := memoryHandler(server.Options{})
		word := rapid.SampledFrom([]string{"", "a", "B", "b", "c", "D"})
		n := 0
		create := func() string {
			n++
			path, body := "/Users", fmt.Sprintf(`{"userName":"%s%d","title":%q}`, word.Draw(rt, "name"), n, word.Draw(rt, "title"))
			if rapid.Bool().Draw(rt, "group") {
				path, body = "/Groups", fmt.Sprintf(`{"displayName":"%s%d","externalId":%q}`, word.Draw(rt, "name"), n, word.Draw(rt, "title"))
			}
			status, created := exchange(h, "POST", path, body)
			if status != 201 {
				rt.Fatal(status, created)
			}
			return path + "/" + created["id"].(string)
		}
		var calm, restless []string
		for range rapid.IntRange(0, 12).Draw(rt, "calm") {
			calm = append(calm, create())
		}
		for range rapid.IntRange(0, 8).Draw(rt, "restless") {
			restless = append(restless, create())
		}
		path := rapid.SampledFrom([]string{"/", "/Users", "/Groups"}).Draw(rt, "path")
		query := fmt.Sprintf("?count=%d", rapid.IntRange(1, 5).Draw(rt, "count"))
		by := []string{"", "id", "meta.created", "meta.lastModified", "displayName", "externalId"}
		if path != "/Groups" {
			by = append(by, "userName", "title")
		}
		query += "&sortBy=" + rapid.SampledFrom(by).Draw(rt, "by")
		query += "&sortOrder=" + rapid.SampledFrom([]string{"", "descending"}).Draw(rt, "order")

		seen := map[string]int{}
		for cursor := ""; ; {
			status, page := exchange(h, "GET", path+query+"&cursor="+cursor, "")
			if status != 200 {
				rt.Fatal(query, status, page)
			}
			for _, r := range page["Resources"].([]any) {
				r := r.(map[string]any)
				seen["/"+r["meta"].(map[string]any)["resourceType"].(string)+"s/"+r["id"].(string)]++
			}
			next, _ := page["nextCursor"].(string)
			if next == "" {
				break
			}
			cursor = next
			for range rapid.IntRange(0, 2).Draw(rt, "writes") {
				if len(restless) == 0 || rapid.IntRange(0, 2).Draw(rt, "write") == 0 && n < 40 {
					restless = append(restless, create())
					continue
				}
				i := rapid.IntRange(0, len(restless)-1).Draw(rt, "which")
				if rapid.Bool().Draw(rt, "gone") {
					exchange(h, "DELETE", restless[i], "")
					restless = slices.Delete(restless, i, i+1)
				} else {
					exchange(h, "PATCH", restless[i], fmt.Sprintf(`{"Operations":[{"op":"replace","value":{"externalId":"%d","displayName":"%s%d"}}]}`, n, word.Draw(rt, "new name"), n))
				}
			}
		}
		for _, r := range calm {
			if strings.HasPrefix(r, path) && seen[r] != 1 {
				rt.Fatalf("%s%s: %s was sent %d times", path, query, r, seen[r])
			}
		}
	})
}

func TestPosition(t *testing.T) {
	t.Parallel()
	for _, p := range []server.Position{
		{Last: "1"},
		{},
		{Keys: []any{nil}, Last: "x"},
		{Keys: []any{"", "\x00é", true, false, int64(-5), int64(1 << 62), 1.5, nil}, Last: "user-7"},
	} {
		text, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := server.ParsePosition(text, len(p.Keys))
		if err != nil || got.Last != p.Last || !slices.Equal(got.Keys, p.Keys) {
			t.Fatalf("got %+v, %v, want %+v", got, err, p)
		}
		if _, err := server.ParsePosition(text, len(p.Keys)+1); err == nil {
			t.Fatal("read for a query with another order")
		}
	}
	if p, err := server.ParsePosition("", 3); p != nil || err != nil {
		t.Fatalf("the beginning: got %v, %v", p, err)
	}
	if _, err := (server.Position{Keys: []any{strings.Repeat("x", server.MaxPosition)}}).Encode(); err == nil {
		t.Fatal("a position that is too long")
	}
}

// FuzzCursor presents anything as a cursor: what the server did not make opens nothing.
func FuzzCursor(f *testing.F) {
	// Each process of the fuzzer has a key of its own, so that what another one made is foreign.
	h, _ := memoryHandler(server.Options{})
	for i := range 3 {
		exchange(h, "POST", "/Users", fmt.Sprintf(`{"userName":"u%d"}`, i))
	}
	_, first := exchange(h, "GET", "/Users?count=1&cursor&sortBy=userName", "")
	made := first["nextCursor"].(string)
	for _, seed := range []string{"", "abc", made, made[1:], made + "=", strings.ToLower(made), strings.Repeat("A", 500)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, err := json.Marshal(map[string]any{"schemas": []string{scim.SearchRequestMessage}, "cursor": text, "count": 1, "sortBy": "userName"})
		if err != nil || strings.IndexByte(text, 0) >= 0 {
			return // not UTF-8, or what no body may have
		}
		for _, path := range []string{"/Users/.search", "/.search"} {
			status, answer := exchange(h, "POST", path, string(body))
			good := text == "" || text == made && path == "/Users/.search"
			if good != (status == 200) || !good && (status != 400 || answer["scimType"] != "invalidCursor") {
				t.Fatalf("%s with %q: %d %v", path, text, status, answer)
			}
		}
	})
}

// FuzzPosition reads anything as a position: what is read is written the same way.
func FuzzPosition(f *testing.F) {
	for _, p := range []server.Position{{Last: "1"}, {Keys: []any{"a"}, Last: "2"}, {Keys: []any{true, 1.5}}} {
		text, _ := p.Encode()
		f.Add(text, len(p.Keys))
	}
	f.Fuzz(func(t *testing.T, text string, keys int) {
		p, err := server.ParsePosition(text, keys&3)
		if err != nil || p == nil {
			return
		}
		again, err := p.Encode()
		if err != nil && len(text) < server.MaxPosition/2 {
			t.Fatal(err)
		}
		q, err2 := server.ParsePosition(again, keys&3)
		if err == nil && (err2 != nil || fmt.Sprint(*q) != fmt.Sprint(*p)) {
			t.Fatalf("%q: %v, then %v (%v)", text, p, q, err2)
		}
	})
}

var _ server.Describer = cursored{}
