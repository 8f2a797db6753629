package clientcheck_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/client/clienttest"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/conformance/clientcheck"
)

// ours is the client of this library, as the hub sets it up.
func ours(t *testing.T, c *clientcheck.Checker) *client.Client {
	t.Helper()
	cl, err := client.New(c.URL(), client.Options{
		HTTP:      &http.Client{Timeout: 30 * time.Second},
		Token:     func(context.Context) (string, error) { return c.Token(), nil },
		Retry:     client.Retry{Attempts: 4},
		UserAgent: "clientcheck-test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// verdict is what a check came to.
func verdict(t *testing.T, r *conformance.Report, name string) conformance.Result {
	t.Helper()
	i := slices.IndexFunc(r.Results, func(res conformance.Result) bool { return res.Check.Name == name })
	if i < 0 {
		t.Fatalf("there is no check %s", name)
	}
	return r.Results[i]
}

func TestLifecycleOfOurClientPasses(t *testing.T) {
	t.Parallel()
	for _, people := range []bool{false, true} {
		t.Run(fmt.Sprintf("people %t", people), func(t *testing.T) {
			t.Parallel()
			c := clientcheck.Start(t, clientcheck.Options{People: people, Pause: time.Second})
			if err := clienttest.Lifecycle(t.Context(), ours(t, c), clienttest.Options{Prefix: "clientcheck", Logf: t.Logf}); err != nil {
				t.Fatal(err)
			}
			clientcheck.Test(t, c)
			r := c.Report()
			for _, name := range []string{
				"http/authorization", "http/conditions", "url/endpoint", "query/filter", "resource/required", "patch/strict", "bulk/bulk-id",
				"scene/busy-write", "scene/busy-read", "scene/condition", "scene/exists", "scene/plain-error", "scene/patch-204", "scene/patch-200",
				"scene/gone", "scene/dropped", "scene/nulls", "scene/bulk-answer",
			} {
				if res := verdict(t, r, name); res.Verdict != conformance.Pass {
					t.Errorf("%s: %s %q", name, res.Verdict, res.Findings)
				}
			}
		})
	}
}

func TestListingsOfOurClientPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		noCursors bool
		shown     []string
	}{
		{"by cursor", false, []string{"query/cursor", "scene/expired-cursor"}},
		{"by index", true, []string{"query/next-page", "scene/short-page", "scene/wrong-total"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checker := clientcheck.Start(t, clientcheck.Options{NoCursors: c.noCursors, Pause: time.Second})
			cl := ours(t, checker)
			if _, err := cl.Config(t.Context()); err != nil {
				t.Fatal(err)
			}
			users := client.Of[client.User](cl, "User")
			for i := range 2 {
				if _, err := users.Create(t.Context(), client.User{UserName: fmt.Sprintf("user%d", i)}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 5 {
				if _, err := client.Of[client.Group](cl, "Group").Create(t.Context(), client.Group{DisplayName: fmt.Sprintf("group%d", i)}); err != nil {
					t.Fatal(err)
				}
			}
			for range 4 {
				seen := map[string]bool{}
				for g, err := range client.Of[client.Group](cl, "Group").All(t.Context(), client.Query{Count: 3}) {
					if err != nil {
						t.Fatal(err)
					}
					seen[g.ID] = true
				}
				if len(seen) != 5 {
					t.Errorf("the listing has %d groups, want 5", len(seen))
				}
			}
			if _, err := users.Lookup(t.Context(), "userName", "user0"); err != nil {
				t.Fatal(err)
			}
			clientcheck.Test(t, checker)
			for _, name := range c.shown {
				if res := verdict(t, checker.Report(), name); res.Verdict != conformance.Pass {
					t.Errorf("%s: %s %q", name, res.Verdict, res.Findings)
				}
			}
		})
	}
}

func TestWaitEndsAfterTheLastRequest(t *testing.T) {
	t.Parallel()
	c := clientcheck.Start(t, clientcheck.Options{Plain: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	c.Wait(ctx, time.Millisecond)
	if ctx.Err() == nil {
		t.Error("it did not wait for the first request")
	}
	b := &crude{t: t, c: c}
	b.send("GET", "/ServiceProviderConfig", "")
	c.Wait(t.Context(), 50*time.Millisecond)
	if n, last := c.Requests(); n != 1 || time.Since(last) < 50*time.Millisecond {
		t.Errorf("after %d requests it ended %s after the last", n, time.Since(last))
	}
}
