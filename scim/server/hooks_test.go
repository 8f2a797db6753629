package server_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// diary notes what hooks were told.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// read returns what was noted since the last time.
func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

// hookedProvider is a provider whose users and groups have the hooks.
func hookedProvider(t *testing.T, h server.Hooks) *provider {
	t.Helper()
	return newProvider(t, scim.Compat(), func(svc *server.Service, _ *server.Options) {
		for name, store := range svc.Stores {
			svc.Stores[name] = server.WithHooks(store, h)
		}
	})
}

func TestHooksAreTold(t *testing.T) {
	t.Parallel()
	var d diary
	title := func(r *server.Resource) any {
		if r == nil {
			return "-"
		}
		return r.Attrs["title"]
	}
	p := hookedProvider(t, server.Hooks{
		Before: func(_ context.Context, w *server.Write) error {
			d.note("before %s: %v, %v, %d links", w.Op, title(w.Before), title(w.After), len(w.Links))
			return nil
		},
		After: func(_ context.Context, w *server.Write, r *server.Resource) {
			if r != nil && r.ID != w.ID {
				t.Errorf("the write is of %q, the resource is %q", w.ID, r.ID)
			}
			d.note("after %s: %v", w.Op, title(r))
		},
	})
	told := func(want ...string) {
		t.Helper()
		if got := d.read(); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}

	id := p.user("ada", `"title":"Dr"`)
	told("before create: -, Dr, 0 links", "after create: Dr")
	p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"Prof"}`).is(200)
	told("before update: Dr, Prof, 0 links", "after update: Prof")
	p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"Prof"}`).is(200)
	told() // nothing was written
	p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"x"}`, `If-Match: W/"0"`).is(412)
	told()
	p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"ADA","title":"2"}`).is(409)
	told("before create: -, 2, 0 links") // the store refused it

	group := p.group("g")
	told("before create: -, <nil>, 0 links", "after create: <nil>")
	add := `{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`
	p.patch("/Groups/"+group, add).is(204)
	told("before update: <nil>, <nil>, 1 links", "after update: <nil>")
	p.patch("/Groups/"+group, add).is(204)
	told("before update: <nil>, <nil>, 1 links") // there was nothing to write after all
	p.delete("/Users/" + id).is(204)
	told("before delete: -, -, 0 links", "after delete: -")
	p.delete("/Users/" + id).is(404)
	told("before delete: -, -, 0 links")
}

// TestHooksOfABulk: the operations of a bulk pass the hooks of their stores, one by one.
func TestHooksOfABulk(t *testing.T) {
	t.Parallel()
	var d diary
	p := hookedProvider(t, server.Hooks{
		Before: func(_ context.Context, w *server.Write) error {
			if w.After != nil && w.After.Attrs["userName"] == "evil" {
				return scim.Errorf(http.StatusForbidden, "not this one")
			}
			return nil
		},
		After: func(_ context.Context, w *server.Write, r *server.Resource) {
			d.note("%s %v", w.Op, r.Attrs["userName"])
		},
	})
	user := func(id, name string) string {
		return fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":%q,"data":{"schemas":[%q],"userName":%q}}`, id, scim.UserSchema, name)
	}
	a := p.post("/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+
		user("1", "ada")+","+user("2", "evil")+","+user("3", "bo")+`]}`).is(200)
	if got := d.read(); !slices.Equal(got, []string{"create ada", "create bo"}) || !strings.Contains(a.raw, `"status":"403"`) {
		t.Errorf("the hooks saw %q: %s", got, a.raw)
	}
}

func TestHooksRefuse(t *testing.T) {
	t.Parallel()
	var after diary
	p := hookedProvider(t, server.Hooks{
		Before: func(_ context.Context, w *server.Write) error {
			switch {
			case w.Op == server.WriteDelete:
				return scim.Errorf(http.StatusForbidden, "deactivate users instead of deleting them")
			case strings.HasSuffix(fmt.Sprint(w.After.Attrs["userName"]), "@evil.example"):
				return scim.BadRequest(scim.InvalidValue, "userName is not of our domain")
			case w.After.Attrs["title"] == "bug":
				return fmt.Errorf("the secret cause")
			}
			return nil
		},
		After: func(_ context.Context, w *server.Write, _ *server.Resource) { after.note("%s", w.Op) },
	})
	p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"a@evil.example"}`).is(400)
	id := p.user("ada")
	p.patch("/Users/"+id, `{"op":"replace","path":"userName","value":"b@evil.example"}`).is(400)
	if a := p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"bug"}`).is(500); strings.Contains(a.raw, "secret") {
		t.Errorf("the cause reached the client: %s", a.raw)
	}
	p.delete("/Users/" + id).is(403)
	if got := p.get("/Users/" + id).is(200).text("userName"); got != "ada" {
		t.Errorf("a refused write left userName %q", got)
	}
	if got := after.read(); !slices.Equal(got, []string{"create"}) {
		t.Errorf("After was told of %q", got)
	}
}

func TestHooksAlterTheDocument(t *testing.T) {
	t.Parallel()
	p := hookedProvider(t, server.Hooks{Before: func(_ context.Context, w *server.Write) error {
		if w.After != nil && w.After.Attrs["userName"] != nil {
			w.After.Attrs["displayName"] = "The " + w.After.Attrs["userName"].(string)
			w.After.Attrs["name"].(schema.Object)["formatted"] = "altered in depth"
		}
		return nil
	}})
	id := p.user("ada", `"name":{"givenName":"Ada"}`)
	p.patch("/Users/"+id, `{"op":"replace","path":"userName","value":"eve"}`).is(200)
	a := p.get("/Users/" + id).is(200)
	if a.text("displayName") != "The eve" || !strings.Contains(a.raw, "altered in depth") {
		t.Errorf("got %s", a.raw)
	}
	etag := a.header.Get("ETag")
	// What the hook puts back is no change.
	p.patch("/Users/"+id, `{"op":"remove","path":"displayName"}`).is(200)
	if got := p.get("/Users/" + id).is(200).header.Get("ETag"); got != etag {
		t.Errorf("the version went from %s to %s although nothing changed", etag, got)
	}
}

// describing is a store that can little.
type describing struct{ server.Store }

func (describing) Features() server.Features { return server.Features{Sort: true} }

func TestHooksKeepFeatures(t *testing.T) {
	t.Parallel()
	p := newProvider(t, scim.Strict(), func(svc *server.Service, _ *server.Options) {
		svc.Stores["User"] = server.WithHooks(describing{svc.Stores["User"]}, server.Hooks{})
	})
	if p.post("/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"ada"}`).is(201).header.Get("ETag") != "" {
		t.Error("a store without versions got an ETag")
	}
}
