package directory_test

import (
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
)

func external(name, id string) string {
	return "{'userName':'" + name + "','externalId':'" + id + "','active':true}"
}

// TestF20 has the references to members that are not there yet.
func TestF20_UnknownMembers(t *testing.T) {
	t.Parallel()

	t.Run("the known ones are applied, and the log says so without names", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		p := h.people(1)
		g := h.groups.create(group("Staff"))
		h.events()
		h.groups.patch(g.ID, add("ghost-77", p[0]))
		assert.Equal(t, h.members(g.ID), p)
		assert.Equal(t, h.events(), []string{"+member"})
		assert.Contains(t, h.log.String(), "unknown members remembered")
		assert.Contains(t, h.log.String(), g.ID)
		assert.NotContains(t, h.log.String(), "Staff")
		other := h.groups.create(group("Others", "ghost-77"))
		assert.Contains(t, h.log.String(), other.ID)
	})
	t.Run("only unknown ones are no change", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		g := h.groups.create(group("Staff"))
		h.events()
		assert.Equal(t, h.groups.patch(g.ID, add("ghost-77")).Version, g.Version)
		assert.Equal(t, h.events(), []string{})
	})
	t.Run("strict refuses them", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		p := h.people(1)
		g := h.groups.create(group("Staff"))
		_, err := h.groups.strict().tryPatch(g.ID, add(p[0], "ghost-77"))
		assert.Contains(t, refused(t, err, 400, scim.InvalidValue), "ghost-77")
		_, err = h.groups.strict().tryCreate(group("Others", "ghost-77"))
		refused(t, err, 400, scim.InvalidValue)
		assert.Equal(t, h.members(g.ID), []string{})
	})
	t.Run("they join when their externalId arrives, once", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		a := h.groups.create(group("A", "ghost-77"))
		b := h.groups.create(group("B"))
		h.groups.patch(b.ID, add("ghost-77"))
		h.events()
		h.now.Add(6 * 24 * time.Hour)
		ghost := h.users.create(external("ghost", "ghost-77"))
		assert.Equal(t, h.members(a.ID), []string{ghost.ID})
		assert.Equal(t, h.members(b.ID), []string{ghost.ID})
		assert.Equal(t, h.groups.get(a.ID).Version, "2")
		assert.Equal(t, h.events(), []string{"user.created", "+member", "+member"})
		h.users.create(external("second", "ghost-77"))
		assert.Equal(t, h.events(), []string{"user.created"})
	})
	t.Run("an externalId that arrives with an update counts", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		ghost := h.users.create(user("ghost"))
		g := h.groups.create(group("A", "ghost-77"))
		already := h.groups.create(group("B", "ghost-77", ghost.ID))
		h.events()
		h.users.patch(ghost.ID, replace("externalId", "'ghost-77'"))
		assert.Equal(t, h.members(g.ID), []string{ghost.ID})
		assert.Equal(t, h.members(already.ID), []string{ghost.ID})
		assert.Equal(t, h.events(), []string{"user.updated", "+member"})
	})
	t.Run("after seven days nobody waits", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		g := h.groups.create(group("Staff", "ghost-77"))
		h.now.Add(7*24*time.Hour + time.Second)
		h.users.create(external("ghost", "ghost-77"))
		assert.Equal(t, h.members(g.ID), []string{})
	})
	t.Run("removed before it came", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		g := h.groups.create(group("Staff", "ghost-77"))
		h.groups.patch(g.ID, remove("ghost-77"))
		h.users.create(external("ghost", "ghost-77"))
		assert.Equal(t, h.members(g.ID), []string{})
	})
	t.Run("left out of the members of a later PUT", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		p := h.people(1)
		g := h.groups.create(group("Staff", "ghost-77", "ghost-78"))
		h.groups.put(g.ID, group("Staff", p[0], "ghost-78"))
		h.users.create(external("ghost", "ghost-77"))
		assert.Equal(t, h.members(g.ID), p)
		h.users.create(external("other", "ghost-78"))
		assert.Equal(t, len(h.members(g.ID)), 2)
	})
	t.Run("the group is gone", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		g := h.groups.create(group("Staff", "ghost-77"))
		h.groups.delete(g.ID)
		h.events()
		h.users.create(external("ghost", "ghost-77"))
		assert.Equal(t, h.events(), []string{"user.created"})
	})
	t.Run("B03 the externalId of another source is not the one", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		g := h.groups.create(group("Staff", "ghost-77"))
		other := h.face(store.TypeUser, scim.Compat(), directory.Caller{Tenant: store.Default, Source: 2})
		other.create(external("ghost", "ghost-77"))
		assert.Equal(t, h.members(g.ID), []string{})
	})
	t.Run("the id of somebody deleted is nobody's", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		p := h.people(1)
		h.users.delete(p[0])
		g := h.groups.create(group("Staff", p[0]))
		assert.Equal(t, h.members(g.ID), []string{})
	})
}
