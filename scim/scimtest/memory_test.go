package scimtest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

func Example() {
	svc := scimtest.NewService("https://id.example.com", scim.Compat())
	srv := httptest.NewServer(server.Handler(scimtest.Open(svc), server.Options{}))
	defer srv.Close()

	resp, err := srv.Client().Post(srv.URL+"/Users?attributes=userName", scim.MediaType, strings.NewReader(`{"userName":"ada"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, resp.Header.Get("Location"), err)
	fmt.Println(string(body))
	// Output:
	// 201 https://id.example.com/Users/user-1 <nil>
	// {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"user-1","userName":"ada"}
}

// memory is the stores of one memory, used as the server would.
type memory struct {
	*testing.T
	stores map[string]server.Store
}

func newMemory(t *testing.T) *memory {
	t.Helper()
	return &memory{t, scimtest.NewMemory(schema.Core(nil)).Stores()}
}

func (m *memory) create(typeName, name string) string {
	m.Helper()
	attr := map[string]string{"User": "userName", "Group": "displayName"}[typeName]
	r, err := m.stores[typeName].Create(m.Context(), &server.Resource{Attrs: schema.Object{attr: name}}, nil)
	if err != nil {
		m.Fatal(err)
	}
	return r.ID
}

// add makes one resource a member of a group and returns the group's version.
func (m *memory) add(group, member string) string {
	m.Helper()
	r, err := m.stores["Group"].Update(m.Context(), group, &server.Edit{
		Apply: func(cur *server.Resource) (*server.Resource, error) { return cur, nil },
		Links: []server.LinkEdit{{Relation: "members", Op: patch.LinkAdd, Refs: []patch.Ref{{Value: member}}}},
	})
	if err != nil {
		m.Fatal(err)
	}
	return r.Version
}

func (m *memory) groupsOf(user string) []string {
	m.Helper()
	r, err := m.stores["User"].Get(m.Context(), user, nil)
	if err != nil {
		m.Fatal(err)
	}
	var groups []string
	for ref, err := range r.Relations["groups"] {
		if err != nil {
			m.Fatal(err)
		}
		groups = append(groups, ref.Display+" "+ref.Kind)
	}
	slices.Sort(groups)
	return groups
}

func TestDerivedGroups(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	user, a, b, c := m.create("User", "ada"), m.create("Group", "a"), m.create("Group", "b"), m.create("Group", "c")
	m.add(a, user)
	m.add(b, a)
	m.add(c, b)
	m.add(a, c) // a circle
	if got, want := fmt.Sprint(m.groupsOf(user)), "[a direct b indirect c indirect]"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if err := m.stores["Group"].Delete(t.Context(), b, server.Cond{}); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(m.groupsOf(user)), "[a direct]"; got != want {
		t.Fatalf("after b is gone: got %s, want %s", got, want)
	}
}

func TestVersionsOfGroups(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	user, group := m.create("User", "ada"), m.create("Group", "g")
	for range 2 { // the second time nothing changes
		if got := m.add(group, user); got != "2" {
			t.Fatalf("got version %s, want 2", got)
		}
	}
	if err := m.stores["User"].Delete(t.Context(), user, server.Cond{}); err != nil {
		t.Fatal(err)
	}
	if r, err := m.stores["Group"].Get(t.Context(), group, nil); err != nil || r.Version != "3" {
		t.Fatalf("a member that is gone is a change: got %+v, %v", r, err)
	}
}

func TestNothingIsHalfDone(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	group := m.create("Group", "g")
	_, err := m.stores["Group"].Update(t.Context(), group, &server.Edit{
		Apply: func(cur *server.Resource) (*server.Resource, error) {
			next := *cur
			next.Attrs = schema.Object{"displayName": "other"}
			return &next, nil
		},
		Links: []server.LinkEdit{{Relation: "members", Op: patch.LinkSet, Refs: []patch.Ref{{Value: "nobody"}}}},
	})
	if e := scim.AsError(err); e == nil || e.Type != scim.InvalidValue {
		t.Fatalf("got %v", err)
	}
	if r, err := m.stores["Group"].Get(t.Context(), group, nil); err != nil || r.Attrs["displayName"] != "g" || r.Version != "1" {
		t.Fatalf("got %+v, %v", r, err)
	}
	wrong := server.Cond{IfMatch: []string{"7"}}
	if e := scim.AsError(m.stores["Group"].Delete(t.Context(), group, wrong)); e == nil || e.Status != 412 {
		t.Fatalf("got %v", e)
	}
	if err := errors.Join(m.stores["User"].Delete(t.Context(), group, server.Cond{})); scim.AsError(err).Status != 404 {
		t.Fatalf("a group deleted as a user: %v", err)
	}
}
