package clientcheck

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muster-id/muster/scim/conformance"
)

// slack is how much too early a repeat may come: clocks differ.
const slack = 50 * time.Millisecond

func scene(name, rows, title, fix string, level conformance.Verdict, begin func(c *Checker, t *tally) act) definition {
	return definition{
		Check: conformance.Check{Name: "scene/" + name, Rows: strings.Fields(rows), Title: title, Fix: fix},
		level: level, scene: true, begin: begin,
	}
}

// scenes are what the provider does to see what the client does. Those that answer instead of the provider stand first.
func scenes() []definition {
	const fail, warn = conformance.Fail, conformance.Warn
	return []definition{
		scene("busy-write", "C-10", "A write that is answered with 429 and Retry-After is sent again, after that time.",
			"Wait as long as Retry-After says, then repeat the request.", fail, busyWrite),
		scene("busy-read", "C-10", "A read that is answered with 503 and a date in Retry-After is sent again, after that date.",
			"Read Retry-After as seconds and as a date; wait, then repeat the request.", fail, busyRead),
		scene("condition", "C-11", "A write that is answered with 412 is sent again only after the resource was read again.",
			"Read the resource, apply the change to what it is now, and send its ETag.", fail, condition),
		scene("expired-cursor", "CUR-C-02 C-19", "A listing whose cursor has expired begins again.", "Begin the listing again without a cursor.", fail, expiredCursor),
		scene("exists", "C-15", "Who exists already (409) is looked up and linked.", "On 409 look for userName or externalId by a filter, and keep the id.", warn, exists),
		scene("short-page", "C-02 P-G-12", "A listing goes on behind a page that is shorter than asked.", "Go on until totalResults are there, or a page is empty.", fail, shortPage),
		scene("wrong-total", "P-G-06 C-02", "A listing whose totalResults is too large ends at an empty page.", "Stop at an empty page.", fail, wrongTotal),
		scene("plain-error", "C-08", "An error whose status is a number, and that has no scimType, is understood.", "Go by the HTTP status.", fail,
			survive(1, func(x *exchange) bool {
				if x.typ == nil || x.status < 400 || x.status >= 500 || x.got == nil {
					return false
				}
				x.got["status"] = x.status
				delete(x.got, "scimType")
				return true
			})),
		scene("foreign-error", "C-08", "An error that is a web page is understood.", "Go by the HTTP status, and read a body only if it is JSON.", fail,
			survive(1, func(x *exchange) bool {
				if x.typ == nil || x.status != http.StatusNotFound {
					return false
				}
				x.got, x.body = nil, []byte("<html><body>Not Found</body></html>\n")
				x.header = http.Header{"Content-Type": {"text/html; charset=utf-8"}}
				return true
			})),
		scene("patch-204", "C-07", "A PATCH that is answered with 204 and no body has succeeded.", "Read the resource if its state is needed.", fail,
			survive(0, func(x *exchange) bool {
				if !x.on(http.MethodPatch) || x.status != http.StatusOK || x.query.Has("attributes") {
					return false
				}
				x.empty()
				return true
			})),
		scene("patch-200", "C-07", "A PATCH that is answered with 200 and the resource has succeeded.", "Take 200 and 204 alike.", fail, patch200),
		scene("gone", "C-20", "A DELETE that is answered with 404 is done.", "Take 404 of a DELETE for success.", fail, gone),
		scene("dropped", "P-3.1-05 C-16", "A provider that keeps less than was sent, and folds e-mail addresses, is not written to again and again.",
			"Compare with what the provider shows, not with what was sent.", fail, dropped),
		scene("nulls", "C-18", "null and [] are read as absent.", "Treat null, [] and a missing attribute alike.", fail,
			survive(1, func(x *exchange) bool {
				if !x.on(http.MethodGet) || x.status != http.StatusOK || x.got == nil || x.typ.Name != "User" || x.query.Has("attributes") {
					return false
				}
				for _, name := range []string{"profileUrl", "nickName", "locale"} {
					if x.got[name] == nil {
						x.got[name] = nil
					}
				}
				for _, name := range []string{"phoneNumbers", "addresses", "ims"} {
					if x.got[name] == nil {
						x.got[name] = []any{}
					}
				}
				return true
			})),
		scene("bulk-answer", "C-13", "Results of a bulk request in another order, with a status as an object, are understood.", "Match results by bulkId and location.", fail,
			survive(0, func(x *exchange) bool {
				ops, _ := x.got["Operations"].([]any)
				if !x.bulk() || len(ops) == 0 {
					return false
				}
				slices.Reverse(ops)
				for _, op := range ops {
					if op, ok := op.(map[string]any); ok {
						op["status"] = map[string]any{"code": op["status"]}
					}
				}
				return true
			})),
	}
}

// survive is a scene that alters one answer. The client got on with it if its next request is another one; the same one may
// come again as often as said.
func survive(repeats int, alter func(x *exchange) bool) func(*Checker, *tally) act {
	return func(_ *Checker, t *tally) act {
		key, again := "", 0
		played, done := false, false
		return act{
			watch: func(x *exchange) {
				switch {
				case !played || done:
				case x.key != key:
					done = true
					if again <= repeats {
						t.see()
					}
				default:
					if again++; again == repeats+1 {
						t.wrong(x, "the same request came again, as if there had been no answer")
					}
				}
			},
			after: func(x *exchange) bool {
				if played || !alter(x) {
					return false
				}
				played, key = true, x.key
				return true
			},
		}
	}
}

func busyWrite(c *Checker, t *tally) act {
	return busy(c, t, func(x *exchange) bool { return x.typ != nil && x.writes() }, func(x *exchange) time.Time {
		x.refuse(http.StatusTooManyRequests, "", "Too many requests.")
		x.header.Set("Retry-After", strconv.Itoa(int(c.pause/time.Second)))
		return x.at.Add(c.pause - slack)
	})
}

func busyRead(c *Checker, t *tally) act {
	return busy(c, t, func(x *exchange) bool { return x.typ != nil && x.method == http.MethodGet }, func(x *exchange) time.Time {
		until := x.at.Add(c.pause + time.Second).Truncate(time.Second)
		x.refuse(http.StatusServiceUnavailable, "", "Come back later.")
		x.header.Set("Retry-After", until.UTC().Format(http.TimeFormat))
		x.header.Set("Date", x.at.UTC().Format(http.TimeFormat))
		return until.Add(-time.Second) // dates have no fractions
	})
}

// busy puts one request off, and waits for it to come again.
func busy(c *Checker, t *tally, fits func(*exchange) bool, refuse func(*exchange) time.Time) act {
	key := ""
	var due, put time.Time
	return act{
		watch: func(x *exchange) {
			if key == "" || x.key != key || t.good+t.bad > 0 {
				return
			}
			t.close()
			if x.at.Before(due) {
				t.wrong(x, "it came again after %.1f s, and was asked to wait for %.1f s", x.at.Sub(put).Seconds(), c.pause.Seconds())
				return
			}
			t.see()
		},
		before: func(x *exchange) bool {
			if key != "" || !fits(x) {
				return false
			}
			key, put = x.key, x.at
			due = refuse(x)
			t.open(x, "it was put off with Retry-After, and never came again: the change is lost")
			return true
		},
	}
}

func condition(_ *Checker, t *tally) act {
	var key, path string
	read := false
	return act{
		watch: func(x *exchange) {
			switch {
			case key == "" || t.good+t.bad > 0 || strings.Join(x.path, "/") != path:
			case x.method == http.MethodGet:
				read = true
			case x.key == key && !read:
				t.wrong(x, "it came again, and the resource had not been read: somebody else's change is lost")
			case x.writes() && read:
				t.see()
			}
		},
		before: func(x *exchange) bool {
			if key != "" || !x.one() || !x.writes() || x.request.Header.Get("If-Match") == "" || x.request.Header.Get("If-Match") == "*" {
				return false
			}
			key, path = x.key, strings.Join(x.path, "/")
			x.refuse(http.StatusPreconditionFailed, "", "The resource has changed.")
			return true
		},
	}
}

func expiredCursor(_ *Checker, t *tally) act {
	var key, listing string
	again := 0
	return act{
		watch: func(x *exchange) {
			switch {
			case key == "" || t.good+t.bad > 0:
			case x.key == key:
				if again++; again > 1 {
					t.wrong(x, "the cursor that has expired came again and again")
				}
			case x.lists() && x.listing() == listing && x.param("cursor") == "":
				t.close()
				t.see()
			}
		},
		before: func(x *exchange) bool {
			if key != "" || !x.lists() || x.param("cursor") == "" {
				return false
			}
			key, listing = x.key, x.listing()
			x.refuse(http.StatusBadRequest, "expiredCursor", "The cursor has expired.")
			t.open(x, "the cursor had expired, and the listing did not begin again")
			return true
		},
	}
}

// exists makes the third user that a client creates, or a later one, somebody who is there already, and watches every 409.
func exists(c *Checker, t *tally) act {
	created := map[string]bool{}
	played, fresh := false, false
	waiting := map[string]int{} // by userName: creates after a 409
	asked := func(x *exchange) bool {
		if !x.lists() {
			return false
		}
		if !x.has("filter") {
			return true // who reads everybody finds everybody
		}
		filter := strings.ToLower(x.param("filter"))
		return slices.ContainsFunc(slices.Collect(maps.Keys(waiting)), func(name string) bool {
			return slices.ContainsFunc(strings.Split(name, "\n"), func(s string) bool { return s != "" && strings.Contains(filter, s) })
		})
	}
	return act{
		watch: func(x *exchange) {
			if len(waiting) > 0 && asked(x) {
				clear(waiting)
				t.close()
				t.see()
			}
			id := identity(x)
			if fresh = id != "" && !created[id]; fresh {
				created[id] = true
			}
			if waiting[id] > 0 {
				if waiting[id]++; waiting[id] == 4 {
					t.wrong(x, "it is created again and again, although it was answered with 409")
				}
			}
		},
		before: func(x *exchange) bool {
			if identity(x) == "" || played || !fresh || len(created) < 3 {
				return false
			}
			played = true
			c.ask(x, http.MethodPost, x.typ.Endpoint, x.raw) // somebody was faster
			return true
		},
		look: func(x *exchange) {
			if id := identity(x); id != "" && x.status == http.StatusConflict && waiting[id] == 0 {
				waiting[id] = 1
				t.open(x, "it was answered with 409, and nobody looked for who is there")
			}
		},
	}
}

// identity is who a request creates, by what can be looked for; "": it creates no user.
func identity(x *exchange) string {
	if !x.creates() || x.typ.Name != "User" || text(x.sent, "userName") == "" {
		return ""
	}
	return strings.ToLower(text(x.sent, "userName") + "\n" + text(x.sent, "externalId"))
}

// shortPage answers the first page of a listing with one resource.
func shortPage(_ *Checker, t *tally) act {
	listing := ""
	return act{
		watch: func(x *exchange) {
			if listing != "" && t.good+t.bad == 0 && x.lists() && x.listing() == listing && x.start() == 2 {
				t.close()
				t.see()
			}
		},
		after: func(x *exchange) bool {
			n, total := x.received()
			if listing != "" || !x.lists() || x.has("cursor") || x.start() > 1 || x.has("filter") || n < 2 || x.got["nextCursor"] != nil {
				return false
			}
			listing = x.listing()
			resources, _ := x.got["Resources"].([]any)
			x.got["Resources"], x.got["itemsPerPage"] = resources[:1], 1
			t.open(x, "the page had 1 of "+strconv.Itoa(total)+" resources, and the second was never asked for")
			return true
		},
	}
}

// wrongTotal says of one listing that there are more than there are.
func wrongTotal(_ *Checker, t *tally) act {
	const more = 3
	listing := ""
	empty := 0
	done := false
	return act{
		watch: func(x *exchange) {
			if listing != "" && !done && (!x.lists() || x.listing() != listing) {
				done = true
				t.see()
			}
		},
		after: func(x *exchange) bool {
			n, total := x.received()
			if done || !x.lists() || x.has("cursor") || x.has("filter") || x.status != http.StatusOK || x.got["nextCursor"] != nil {
				return false
			}
			if listing == "" && (x.start() > 1 || total == 0) || listing != "" && x.listing() != listing {
				return false
			}
			first := listing == ""
			listing = x.listing()
			x.got["totalResults"] = float64(total + more)
			if n == 0 {
				if empty++; empty > 2 {
					t.wrong(x, "the third empty page is asked for")
					done = true
				}
			}
			return first
		},
	}
}

func patch200(c *Checker, t *tally) act {
	return survive(0, func(x *exchange) bool {
		if !x.on(http.MethodPatch) || x.status != http.StatusNoContent {
			return false
		}
		got := c.ask(x, http.MethodGet, "/"+strings.Join(x.path, "/"), nil)
		if got.status != http.StatusOK {
			return false
		}
		x.status, x.got, x.header = http.StatusOK, got.got, got.header
		return true
	})(c, t)
}

// gone answers the second DELETE that succeeds with 404, and watches every 404.
func gone(_ *Checker, t *tally) act {
	deleted := 0
	played := false
	after := map[string]int{} // by key: requests after a 404
	return act{
		watch: func(x *exchange) {
			if n, ok := after[x.key]; ok {
				if after[x.key]++; n == 1 {
					t.wrong(x, "it comes again and again, although what it deletes is gone")
				}
			} else if len(after) > 0 && t.good == 0 {
				t.see()
			}
		},
		look: func(x *exchange) {
			if !x.on(http.MethodDelete) {
				return
			}
			if _, ok := after[x.key]; !ok && x.status == http.StatusNotFound {
				after[x.key] = 0
			}
			if x.status == http.StatusNoContent {
				deleted++
			}
		},
		after: func(x *exchange) bool {
			if played || deleted < 2 || !x.on(http.MethodDelete) || x.status != http.StatusNoContent {
				return false
			}
			played = true
			x.refuse(http.StatusNotFound, "", "The resource is not there.")
			after[x.key] = 0
			return true
		},
	}
}

// dropped answers about one user, the second that is created, with less than was sent.
func dropped(_ *Checker, t *tally) act {
	created := 0
	path := ""
	writes := map[string]int{}
	return act{
		watch: func(x *exchange) {
			if path == "" {
				return
			}
			if strings.Join(x.path, "/") != path || !x.writes() || x.method == http.MethodDelete {
				if t.good == 0 {
					t.see()
				}
				return
			}
			if writes[x.key]++; writes[x.key] == 3 {
				t.wrong(x, "the same change came three times: the answer shows less than was sent")
			}
		},
		look: func(x *exchange) {
			if newUser(x) {
				created++
			}
			if path != "" && strings.Join(x.path, "/") == path {
				strip(x.got)
			}
		},
		after: func(x *exchange) bool {
			if path != "" || created < 2 || !newUser(x) {
				return false
			}
			path = x.path[0] + "/" + text(x.got, "id")
			strip(x.got)
			return true
		},
	}
}

// newUser reports whether the answer is to a create of a user that succeeded.
func newUser(x *exchange) bool {
	return x.creates() && x.typ.Name == "User" && x.status == http.StatusCreated
}

// strip leaves of a user what a poor directory keeps.
func strip(user map[string]any) {
	for _, name := range []string{"nickName", "title", "profileUrl", "locale", "timezone", "preferredLanguage", "addresses", "phoneNumbers"} {
		delete(user, name)
	}
	emails, _ := user["emails"].([]any)
	for _, e := range emails {
		if e, ok := e.(map[string]any); ok {
			if v, ok := e["value"].(string); ok {
				e["value"] = strings.ToLower(v)
			}
		}
	}
}
