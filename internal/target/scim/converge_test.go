package scim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/target"
	targetscim "github.com/muster-id/muster/internal/target/scim"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// TestRel_R35_WhateverFailsAccountsBecomeEqual: people and groups change at random while requests fail before and
// after they were carried out, and links are lost between a POST and its Put. Once that ends, the application is
// equal, without one account too many.
func TestRel_R35_WhateverFailsAccountsBecomeEqual(t *testing.T) {
	t.Parallel()
	for _, update := range []targetscim.Update{targetscim.UpdatePatch, targetscim.UpdatePut} {
		t.Run(string(update), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { converge(rt, update) })
		})
	}
}

func converge(rt *rapid.T, update targetscim.Update) {
	h, p := newHub(), newPeer(rt, protocol.Strict())
	h.open(rt, p.base, func(s *targetscim.Settings) { s.Update, s.MembersPerRequest = update, 2 })
	// Drawn in advance: requests are served by other goroutines.
	faults := rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "", "", "refuse", "slow down", "lose", "break", "silent"}), 40, 40).Draw(rt, "faults")
	p.meddle(func(w http.ResponseWriter, r *http.Request, _ call, next http.Handler) {
		fault := faults[len(p.calls)%len(faults)]
		switch fault {
		case "refuse":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "slow down":
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case "lose":
			next.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
		case "break":
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case "silent": // carried out, and nothing told
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			w.WriteHeader(rec.Code)
			if r.Method == http.MethodGet {
				_, _ = w.Write(rec.Body.Bytes())
			}
		default:
			next.ServeHTTP(w, r)
		}
	})
	h.down = func() error {
		if rapid.IntRange(0, 9).Draw(rt, "store") == 0 {
			return errors.New("killed")
		}
		return nil
	}
	var users, groups []target.Num
	fresh := 0
	name := func(kind string) string { fresh++; return fmt.Sprintf("%s-%d", kind, fresh) }
	live := func(list []target.Num) []target.Num {
		return slices.DeleteFunc(slices.Clone(list), func(n target.Num) bool { return !h.resources[n].Live })
	}
	document := func(label string) schema.Object {
		doc := schema.Object{"active": rapid.Bool().Draw(rt, "active")}
		for _, attr := range []string{"title", "nickName"} {
			if rapid.Bool().Draw(rt, attr) {
				doc[attr] = rapid.SampledFrom([]string{"a", "b"}).Draw(rt, label)
			}
		}
		if rapid.Bool().Draw(rt, "name") {
			doc["name"] = schema.Object{rapid.SampledFrom([]string{"givenName", "familyName"}).Draw(rt, "part"): "x"}
		}
		if len(users) > 0 && rapid.Bool().Draw(rt, "manager") {
			doc[protocol.EnterpriseUserSchema] = schema.Object{
				"manager": schema.Object{"value": h.resources[rapid.SampledFrom(users).Draw(rt, "who")].ID},
			}
		}
		return doc
	}
	for range rapid.IntRange(1, 25).Draw(rt, "steps") {
		switch rapid.IntRange(0, 9).Draw(rt, "step") {
		case 0, 1:
			users = append(users, h.user(name("user"), document("new")))
		case 2:
			groups = append(groups, h.group(name("group"), live(users)...))
		case 3:
			if l := live(users); len(l) > 0 {
				n := rapid.SampledFrom(l).Draw(rt, "user")
				doc := document("mover")
				doc["userName"] = h.resources[n].Document["userName"]
				if rapid.Bool().Draw(rt, "rename") {
					doc["userName"] = name("user")
				}
				h.put(n, "User", doc)
			}
		case 4, 5:
			if g, m := live(groups), live(append(slices.Clone(users), groups...)); len(g) > 0 && len(m) > 0 {
				h.join(rapid.SampledFrom(g).Draw(rt, "group"), rapid.SampledFrom(m).Draw(rt, "member"))
			}
		case 6:
			if g := live(groups); len(g) > 0 {
				n := rapid.SampledFrom(g).Draw(rt, "group")
				for m := range h.members[n] {
					h.leave(n, m)
					break
				}
			}
		case 7:
			if l := live(append(slices.Clone(users), groups...)); len(l) > 0 {
				h.remove(rapid.SampledFrom(l).Draw(rt, "gone"))
			}
		case 8:
			for _, n := range users {
				if r := h.resources[n]; !r.Live && r.ID == r.Person {
					doc := document("again")
					doc["userName"] = name("user")
					h.rehire(n, doc)
					break
				}
			}
		case 9:
			_ = h.round(context.Background()) // its errors are the point
		}
	}
	_ = h.round(context.Background())
	p.meddle(nil)
	h.down = nil
	h.settle(rt)
	// Reports of a manager who was deleted are not told so by anything but their own next change.
	for _, n := range live(users) {
		h.touch(n)
	}
	h.settle(rt)
	equal(rt, h, p)
	p.sent()
	for n := range h.links {
		h.touch(n)
	}
	h.settle(rt)
	if sent := p.sent(); len(sent) > 0 {
		rt.Fatalf("nothing changed, and yet there were %v", sent)
	}
}
