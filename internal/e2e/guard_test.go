package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// people is how many a company of the tests has; the guard lets 5 % of those who are active go.
const people = 1000

// unguarded lets a hub send on whatever its sources do.
func unguarded(h *hub) {
	h.t.Helper()
	muster(h.t, "tenant", "set", "default", "guard.off=yes", "--data", h.dir)
}

// company fills a hub by bulk requests and returns the ids.
func company(h *hub) []string {
	h.t.Helper()
	var ops []any
	for i := range people {
		name := fmt.Sprintf("guide%04d@acme.test", i)
		ops = append(ops, map[string]any{"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(i), "data": map[string]any{
			"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name, "externalId": fmt.Sprint("e", i), "active": true,
		}})
	}
	v := h.expect(200, http.MethodPost, "/Bulk", map[string]any{
		"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": ops,
	})
	var ids []string
	for _, op := range v["Operations"].([]any) {
		location := fmt.Sprint(op.(map[string]any)["location"])
		ids = append(ids, location[strings.LastIndexByte(location, '/')+1:])
	}
	return ids
}

// leave deactivates people the way an identity provider does, some at a time.
func leave(h *hub, ids []string, operation map[string]any) {
	h.t.Helper()
	var wg sync.WaitGroup
	work := make(chan string)
	for range 8 {
		wg.Go(func() {
			for id := range work {
				status, v := h.call(http.MethodPatch, "/Users/"+id, map[string]any{
					"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": []any{operation},
				})
				if status != http.StatusOK && status != http.StatusNoContent {
					h.t.Errorf("deactivate: %d %v", status, v)
				}
			}
		})
	}
	for _, id := range ids {
		work <- id
	}
	close(work)
	wg.Wait()
}

// inactive returns how many people of a hub are deactivated.
func inactive(h *hub) int { return int(h.total("/Users", "active eq false")) }

// becomes waits until something is so.
func becomes(t *testing.T, what string, want int, is func() int) {
	t.Helper()
	got := -1
	for limit := time.Now().Add(60 * time.Second); time.Now().Before(limit); pause(t) {
		if got = is(); got == want {
			return
		}
	}
	t.Fatalf("%s: %d, want %d", what, got, want)
}

// deactivations returns how many people the receiver was told to have been deactivated.
func (r *receiver) deactivations() int {
	events, _ := r.distinct()
	n := 0
	for _, e := range events {
		if e.Type == "user.deactivated" {
			n++
		}
	}
	return n
}

// TestSec_J05_MassDeactivationIsHeld: a broken scope at Entra ID and at Okta deactivates 900 of 1,000 people. The hub answers as
// asked, the application and the receiver get no more than the threshold; a person decides, and both ends are right.
func TestSec_J05_MassDeactivationIsHeld(t *testing.T) {
	t.Parallel()
	for name, operation := range map[string]map[string]any{
		"Entra ID": {"op": "Replace", "path": "active", "value": "False"},
		"Okta":     {"op": "replace", "value": map[string]any{"active": false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, recv := startHub(t, t.TempDir()), newReceiver(t)
			h := startHub(t, t.TempDir(), "--config", targets(t, recv, app))
			ids := company(h)
			becomes(t, "people at the application", people, func() int { return int(app.total("/Users", "userName pr")) })

			leave(h, ids[:900], operation)
			if got := inactive(h); got != 900 {
				t.Fatalf("the hub has stored %d deactivations, want 900: it answers truthfully", got)
			}
			// 5 % of those who are active: while some leave, there are fewer of them.
			sent := 900 - heldIn(t, h)
			if sent < 45 || sent > 50 {
				t.Fatalf("%d were sent on, want about 5 %% of %d", sent, people)
			}
			becomes(t, "deactivated at the application", sent, func() int { return inactive(app) })
			becomes(t, "deactivated at the receiver", sent, recv.deactivations)

			// Others are not delayed.
			h.expect(201, http.MethodPost, "/Users", map[string]any{"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "joiner@acme.test"})
			becomes(t, "a joiner at the application", 1, func() int { return int(app.total("/Users", `userName eq "joiner@acme.test"`)) })
			if got := inactive(app); got != sent {
				t.Fatalf("%d are deactivated at the application, want %d: a hold does not wear off", got, sent)
			}

			decide(t, name, h, app, recv, sent, operation, ids)
		})
	}
}

// heldIn returns how many resources the one hold of a hub concerns.
func heldIn(t *testing.T, h *hub) int {
	t.Helper()
	list := muster(t, "guard", "list", "--data", h.dir)
	var id, n int
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 4 && f[1] == "open" {
			if id != 0 {
				t.Fatalf("more than one hold:\n%s", list)
			}
			_, _ = fmt.Sscan(f[0], &id)
			_, _ = fmt.Sscan(f[4], &n)
		}
	}
	if id != 1 || !strings.Contains(list, "mass-deactivation") {
		t.Fatalf("holds:\n%s", list)
	}
	return n
}

func decide(t *testing.T, name string, h, app *hub, recv *receiver, sent int, operation map[string]any, ids []string) {
	t.Helper()
	if name == "Okta" {
		muster(t, "guard", "approve", "1", "--data", h.dir, "--note", "the branch was closed")
		becomes(t, "deactivated at the application after approval", 900, func() int { return inactive(app) })
		becomes(t, "deactivated at the receiver after approval", 900, recv.deactivations)
		sameAsHub(t, h, app)
		return
	}
	out := muster(t, "guard", "reject", "1", "--data", h.dir, "--note", "a broken scope")
	if want := fmt.Sprintf("%d resources were put back", 900-sent); !strings.Contains(out, want) {
		t.Fatalf("%s, want %q", out, want)
	}
	if got := inactive(h); got != sent {
		t.Fatalf("%d are deactivated at the hub after the rejection, want %d", got, sent)
	}
	sameAsHub(t, h, app)
	if got := recv.deactivations(); got != sent {
		t.Fatalf("the receiver was told of %d deactivations, want %d: what was rejected is never sent", got, sent)
	}
	// A single leaver goes at once, though the flood was the same day.
	leave(h, ids[950:951], operation)
	becomes(t, "deactivated at the application", sent+1, func() int { return inactive(app) })
}
