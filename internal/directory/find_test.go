package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// TestFilterSeesWhatIsSent: what is added when a resource is read can be asked for, whether or
// not an index knows it.
func TestFilterSeesWhatIsSent(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	boss := h.users.create("{'userName':'boss','displayName':'Bo Lindqvist'}")
	ada := h.users.create(report("ada", boss.ID))
	lost := h.users.create(report("lost", "nobody"))
	inner := h.groups.create(group("Inner", ada.ID))
	outer := h.groups.create(group("Outer", inner.ID))
	named := h.groups.create(group("Named", boss.ID))
	empty := h.groups.create(group("Empty"))
	h.now.Add(1)

	const manager = scim.EnterpriseUserSchema + ":manager"
	for _, tt := range []struct {
		face   *face
		filter string
		want   []string
	}{
		{h.users, "id eq '" + ada.ID + "'", []string{ada.ID}},
		{h.users, "title sw \"\\\"manager\" and id ne '" + lost.ID + "'", []string{ada.ID}},
		{h.users, "meta.created ge '2026-03-01T09:00:00Z' and meta.version eq 'W/\\\"1\\\"' and title pr", []string{ada.ID, lost.ID}},
		{h.users, manager + ".displayName eq 'BO lindqvist'", []string{ada.ID}},
		{h.users, manager + ".displayName pr", []string{ada.ID}},
		{h.users, manager + ".value eq '" + boss.ID + "'", []string{ada.ID}},
		{h.users, "groups.display sw 'out'", []string{ada.ID}},
		{h.users, "groups[type eq 'indirect' and value eq '" + outer.ID + "']", []string{ada.ID}},
		{h.users, "groups[type eq 'direct' and value eq '" + outer.ID + "']", []string{}},
		{h.users, "groups.value eq '" + inner.ID + "'", []string{ada.ID}},
		{h.groups, "members.type eq 'Group'", []string{outer.ID}},
		{h.groups, "members[value eq '" + ada.ID + "' and type eq 'User']", []string{inner.ID}},
		{h.groups, "members.display co 'LINDQ'", []string{named.ID}},
		{h.groups, "not (members pr)", []string{empty.ID}},
	} {
		t.Run(tt.filter, func(t *testing.T) {
			got := tt.face.find(tt.filter)
			slices.Sort(got)
			slices.Sort(tt.want)
			assert.Equal(t, got, tt.want)
		})
	}
}

func TestFindEmitsWhatAReadGives(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	boss := h.users.create("{'userName':'boss','displayName':'Bo'}")
	ada := h.users.create(report("ada", boss.ID))
	g := h.groups.create(group("Staff", ada.ID))
	_, err := h.users.Find(t.Context(), &server.Query{Type: h.users.typ, Start: 2, Count: 1}, func(r *server.Resource) error {
		want := h.users.get(ada.ID)
		assert.Equal(t, string(r.Raw), string(want.Raw))
		assert.Equal(t, r.Version, want.Version)
		assert.Equal(t, h.refs(r, "groups"), []server.Ref{{Value: g.ID, Type: "Group", Display: "Staff", Kind: "direct"}})
		return nil
	})
	assert.NoError(t, err)
}

func TestPaging(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	var all []string
	for i := range 7 {
		all = append(all, h.users.create(user(fmt.Sprintf("person-%d", 9-i))).ID)
	}
	page := func(q server.Query) ([]string, server.Page) {
		t.Helper()
		q.Type = h.users.typ
		var ids []string
		p, err := h.users.Find(t.Context(), &q, func(r *server.Resource) error { ids = append(ids, r.ID); return nil })
		assert.NoError(t, err)
		return ids, p
	}

	t.Run("P-3.4.2.4 by index, in order of creation", func(t *testing.T) {
		ids, p := page(server.Query{Start: 3, Count: 3})
		assert.Equal(t, ids, all[2:5])
		assert.Equal(t, p.Total, 7)
	})
	t.Run("count 0 is the total", func(t *testing.T) {
		ids, p := page(server.Query{Start: 1, Count: 0})
		assert.Equal(t, len(ids), 0)
		assert.Equal(t, p, server.Page{Total: 7})
	})
	t.Run("the last page has no cursor", func(t *testing.T) {
		_, p := page(server.Query{Start: 1, Count: 7, ByCursor: true})
		assert.Equal(t, p, server.Page{Total: 7})
	})
	t.Run("by cursor, also over what is deleted meanwhile", func(t *testing.T) {
		var got []string
		after := ""
		for {
			ids, p := page(server.Query{Start: 1, Count: 3, ByCursor: true, After: after})
			got = append(got, ids...)
			if after = p.Next; after == "" {
				break
			}
			if len(got) == 3 {
				h.users.delete(all[6])
			}
		}
		assert.Equal(t, got, all[:6])
	})
	t.Run("a cursor of something else is refused", func(t *testing.T) {
		for _, after := range []string{"x", "\x00", "\x00-1", "\x001.5", "\x01\x01\x01a1"} {
			_, err := h.users.Find(t.Context(), &server.Query{Type: h.users.typ, Start: 1, Count: 1, ByCursor: true, After: after}, nil)
			refused(t, err, 400, scim.InvalidCursor)
		}
	})
	t.Run("sorted by name", func(t *testing.T) {
		ids, p := page(server.Query{Start: 1, Count: 10, Sort: []server.SortKey{{Path: schema.Path{Attr: h.users.typ.Schema.Attribute("userName")}}}})
		want := slices.Clone(all[:6])
		slices.Reverse(want)
		assert.Equal(t, ids, want)
		assert.Equal(t, p.Next, "")
	})
	t.Run("an error of emit ends it and comes back as it is", func(t *testing.T) {
		stop := errors.New("the client is gone")
		n := 0
		_, err := h.users.Find(t.Context(), &server.Query{Type: h.users.typ, Start: 1, Count: 5}, func(*server.Resource) error { n++; return stop })
		assert.True(t, err == stop) //nolint:errorlint // the very same error
		assert.Equal(t, n, 1)
	})
}
