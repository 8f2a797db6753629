package directory_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/server"
)

// people creates n users and returns their ids, sorted.
func (h *hub) people(n int) []string {
	h.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, h.users.create(fmt.Sprintf("{'userName':'person-%d','displayName':'Person %d'}", i, i)).ID)
	}
	slices.Sort(ids)
	h.events()
	return ids
}

func TestMembers(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := h.people(3)
	g := h.groups.create(group("Staff", p[0], p[0]))
	assert.Equal(t, h.members(g.ID), p[:1])
	assert.Equal(t, h.events(), []string{"group.created +member"})

	for _, tt := range []struct {
		title, patch string
		members      []string
		events       []string
	}{
		{"add", add(p[1], p[2]), p, []string{"+member +member"}},
		{"F4 F25 adding who is there is nothing", add(p[1]), p, []string{}},
		{"remove", remove(p[0]), p[1:], []string{"-member"}},
		{"removing who is not there is nothing", remove(p[0]), p[1:], []string{}},
		{"removing somebody unknown is nothing", remove("89bb1940"), p[1:], []string{}},
		{"removed and added again is nothing", remove(p[1]) + "," + add(p[1]), p[1:], []string{}},
		{"added and removed again is nothing", add(p[0]) + "," + remove(p[0]), p[1:], []string{}},
		{"cleared and named again is nothing", "{'op':'remove','path':'members'}," + add(p[1], p[2]), p[1:], []string{}},
		{"D10 values name who is removed", "{'op':'remove','path':'members','value':[{'value':'" + p[1] + "'}]}", p[2:], []string{"-member"}},
		{"D10 no values remove nobody", "{'op':'remove','path':'members','value':[]}", p[2:], []string{}},
		{"replace", "{'op':'replace','path':'members','value':[{'value':'" + p[0] + "'}]}", p[:1], []string{"+member -member"}},
		{"with a new name", replace("displayName", "'All staff'") + "," + add(p[1]), p[:2], []string{"group.updated +member"}},
		{"by type", "{'op':'remove','path':'members[type eq \\'Group\\']'}", p[:2], []string{}},
		{"by display", "{'op':'remove','path':'members[display sw \\'PERSON\\' and type eq \\'User\\']'}", []string{}, []string{"-member -member"}},
		{"clear what is empty", "{'op':'remove','path':'members'}", []string{}, []string{}},
	} {
		t.Run(tt.title, func(t *testing.T) {
			before := h.groups.get(g.ID)
			after := h.groups.patch(g.ID, tt.patch)
			assert.Equal(t, h.members(g.ID), tt.members)
			assert.Equal(t, h.events(), tt.events)
			// P-3.14-06: the version changes with the members, and only then.
			assert.Equal(t, after.Version != before.Version, len(tt.events) > 0)
		})
	}
}

func TestPutOfMembers(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := h.people(3)
	g := h.groups.create(group("Staff", p[0], p[1]))
	h.events()
	h.groups.put(g.ID, group("Staff", p[1], p[2])) // P-3.5.1-11
	assert.Equal(t, h.members(g.ID), p[1:])
	assert.Equal(t, h.events(), []string{"+member -member"})
	h.groups.put(g.ID, group("Staff", p[1], p[2]))
	h.groups.put(g.ID, "{'displayName':'Staff'}") // F12: members not named stay
	assert.Equal(t, h.members(g.ID), p[1:])
	assert.Equal(t, h.events(), []string{})
	h.groups.put(g.ID, group("Staff"))
	assert.Equal(t, h.members(g.ID), []string{})
	assert.Equal(t, h.events(), []string{"-member -member"})
}

func TestChangesOfMembersKeepNoDocument(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := h.people(1)
	g := h.groups.create(group("Staff"))
	h.events()
	h.groups.patch(g.ID, add(p[0]))
	c := h.changes()[0]
	assert.True(t, c.SameDoc)
	assert.Equal(t, c.Kind, store.Updated)
	assert.Equal(t, c.Events, store.Events(0))
	assert.Equal(t, len(c.Edges), 1)
	assert.Equal(t, c.Edges[0].ChildID, p[0])
	assert.Equal(t, c.Edges[0].ChildType, "User")
	before, after, err := h.db.Documents(t.Context(), store.Default, c)
	assert.NoError(t, err)
	assert.Equal(t, string(before), string(g.Raw))
	assert.Equal(t, string(after), string(g.Raw))
}

func TestNestedGroups(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := h.people(2)
	inner := h.groups.create(group("Inner", p[0]))
	outer := h.groups.create(group("Outer", inner.ID, p[1]))

	t.Run("S-4.1.2-08 groups are direct and indirect", func(t *testing.T) {
		assert.Equal(t, h.refs(h.users.get(p[0]), "groups"), []server.Ref{
			{Value: inner.ID, Type: "Group", Display: "Inner", Kind: "direct"},
			{Value: outer.ID, Type: "Group", Display: "Outer", Kind: "indirect"},
		})
	})
	t.Run("S-4.2-03 members have type and display", func(t *testing.T) {
		assert.Equal(t, h.refs(h.groups.get(outer.ID), "members"), []server.Ref{
			{Value: p[1], Type: "User", Display: h.users.value(h.users.get(p[1]), "displayName").(string)},
			{Value: inner.ID, Type: "Group", Display: "Inner"},
		})
		login := h.users.create(user("only-a-login")).ID
		h.groups.patch(outer.ID, add(login))
		assert.Equal(t, h.refs(h.groups.get(outer.ID), "members")[2], server.Ref{Value: login, Type: "User"}) // no login for a name
		h.groups.patch(outer.ID, remove(login))
	})
	t.Run("D12 a rename shows at once", func(t *testing.T) {
		user := h.users.get(p[0])
		h.groups.patch(inner.ID, replace("displayName", "'Core'"))
		after := h.users.get(p[0])
		assert.Equal(t, h.refs(after, "groups")[0].Display, "Core")
		assert.Equal(t, after.Version, user.Version)
	})
	t.Run("S-4.2-06 a circle hurts nobody", func(t *testing.T) {
		h.groups.patch(inner.ID, add(outer.ID))
		assert.Equal(t, len(h.refs(h.users.get(p[0]), "groups")), 2)
		assert.Equal(t, len(h.members(inner.ID)), 2)
	})
	t.Run("a group is not its own member", func(t *testing.T) {
		_, err := h.groups.tryPatch(inner.ID, add(inner.ID))
		assert.Contains(t, refused(t, err, 400, scim.InvalidValue), "itself")
	})
	t.Run("only what is wanted is there to be read", func(t *testing.T) {
		got, err := h.groups.Get(t.Context(), outer.ID, &server.Want{})
		assert.NoError(t, err)
		assert.Equal(t, len(got.Relations), 0)
	})
}

func TestF19_InactivePeopleKeepTheirGroups(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := h.people(1)
	g := h.groups.create(group("Staff", p[0]))
	h.users.patch(p[0], replace("active", "false"))
	assert.Equal(t, h.members(g.ID), p)
	assert.Equal(t, len(h.refs(h.users.get(p[0]), "groups")), 1)
	other := h.groups.create(group("Other"))
	h.groups.patch(other.ID, add(p[0]))
	assert.Equal(t, h.members(other.ID), p)
}

func TestLimitOfEdges(t *testing.T) {
	t.Parallel()
	h := newHub(t, func(o *directory.Options) { o.MaxEdges = 3 })
	p := h.people(5)
	_, err := h.groups.tryCreate(group("Too many", p[:4]...))
	refused(t, err, 413, "")
	g := h.groups.create(group("Staff", p[:3]...))
	h.groups.patch(g.ID, add(p[3])) // one member costs the same in any group
	_, err = h.groups.tryPatch(g.ID, add(p...))
	refused(t, err, 413, "")
	_, err = h.groups.tryPatch(g.ID, "{'op':'remove','path':'members'}")
	refused(t, err, 413, "")
	h.groups.patch(g.ID, remove(p[3]))
	h.groups.patch(g.ID, "{'op':'remove','path':'members'}")
	assert.Equal(t, h.members(g.ID), []string{})
}

// TestManyEdges goes over the size from which a write is heavy, in each way in which it can find out.
func TestManyEdges(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := h.people(1200)
	update := func(op patch.LinkOp, ids ...string) {
		t.Helper()
		link := patch.Link{Relation: "members", Op: op}
		for _, id := range ids {
			link.Refs = append(link.Refs, patch.Ref{Value: id})
		}
		_, err := h.groups.Update(t.Context(), h.groups.find("")[0], &server.Edit{Links: []patch.Link{link}})
		assert.NoError(t, err)
	}
	g := h.groups.create(group("Staff"))
	h.events()
	update(patch.LinkAdd, p...)
	assert.Equal(t, h.members(g.ID), p)
	update(patch.LinkSet, p[:2]...)
	assert.Equal(t, h.members(g.ID), p[:2])
	update(patch.LinkSet, p...)
	update(patch.LinkClear)
	assert.Equal(t, h.members(g.ID), []string{})
	var edges []int
	for _, c := range h.changes() {
		edges = append(edges, len(c.Edges))
	}
	assert.Equal(t, edges, []int{1200, 1198, 1198, 1200})
}
