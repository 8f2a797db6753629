package directory_test

import (
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create("{'userName':'Ada@Example.com','externalId':'e1','active':true,'emails':[{'value':'ada@example.com','type':'work'}]}")

	t.Run("S-3.1-02 id, version and times are given", func(t *testing.T) {
		assert.Equal(t, ada.Version, "1")
		assert.Equal(t, ada.Created, h.now.Now())
		assert.Equal(t, ada.Modified, h.now.Now())
		assert.Equal(t, len(ada.ID), 36)
	})
	t.Run("P-3.3-05 the answer is what a read gives", func(t *testing.T) {
		got := h.users.get(ada.ID)
		assert.Equal(t, string(got.Raw), string(ada.Raw))
		assert.Equal(t, h.users.value(got, "userName").(string), "Ada@Example.com")
		assert.Equal(t, got.Created, ada.Created)
		assert.Equal(t, got.Version, ada.Version)
	})
	t.Run("S-3.1-10 externalId is not made up", func(t *testing.T) {
		assert.Nil(t, h.users.value(h.users.create(user("no-external")), "externalId"))
	})
	t.Run("P-3.3-07 a taken userName is refused in any case", func(t *testing.T) {
		_, err := h.users.tryCreate(user("aDA@eXAMPLE.cOM"))
		assert.Contains(t, refused(t, err, 409, scim.Uniqueness), "userName")
	})
	t.Run("C08 a name without a key is refused", func(t *testing.T) {
		_, err := h.users.tryCreate(user("ad\u200da"))
		refused(t, err, 400, scim.InvalidValue)
	})
	t.Run("the change tells who and what", func(t *testing.T) {
		c := h.changes()[0]
		assert.Equal(t, c.Kind, store.Created)
		assert.Equal(t, c.Events, store.EventCreated)
		assert.Equal(t, c.ID, ada.ID)
		assert.Equal(t, c.Person, ada.ID)
		assert.Equal(t, c.Version, int64(1))
		assert.Equal(t, c.Actor, "token-1")
		assert.Equal(t, c.Lane, store.Normal)
		before, after, err := h.db.Documents(t.Context(), store.Default, c)
		assert.NoError(t, err)
		assert.Equal(t, len(before), 0)
		assert.Equal(t, string(after), string(ada.Raw))
	})
}

func TestGroupNames(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	sales := h.groups.create(group("Sales"))
	t.Run("F17 compat keeps them unique in any case", func(t *testing.T) {
		_, err := h.groups.tryCreate(group("SALES"))
		assert.Contains(t, refused(t, err, 409, scim.Uniqueness), "displayName")
	})
	t.Run("F17 renaming to a taken one is refused", func(t *testing.T) {
		other := h.groups.create(group("Marketing"))
		_, err := h.groups.tryPatch(other.ID, replace("displayName", "'sales'"))
		refused(t, err, 409, scim.Uniqueness)
	})
	t.Run("AMB-25 strict does not, and takes nothing from the first holder", func(t *testing.T) {
		twin, err := h.groups.strict().tryCreate(group("sales"))
		assert.NoError(t, err)
		h.groups.delete(twin.ID)
		_, err = h.groups.tryCreate(group("sales"))
		refused(t, err, 409, scim.Uniqueness)
	})
	t.Run("a deleted one is free", func(t *testing.T) {
		h.groups.delete(sales.ID)
		h.groups.create(group("sales"))
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create("{'userName':'ada','active':true,'title':'Engineer'}")
	h.events()

	t.Run("F25 P-3.5.2-17 a write that alters nothing is none", func(t *testing.T) {
		h.now.Add(time.Second)
		for _, got := range []*server.Resource{
			h.users.patch(ada.ID, replace("title", "'Engineer'")),
			h.users.put(ada.ID, "{'userName':'ada','active':true,'title':'Engineer'}"),
		} {
			assert.Equal(t, got.Version, ada.Version)
			assert.Equal(t, got.Modified, ada.Modified)
		}
		assert.Equal(t, h.events(), []string{})
	})
	t.Run("S-3.1-18 a change moves version and time", func(t *testing.T) {
		got := h.users.patch(ada.ID, replace("title", "'Director'"))
		assert.Equal(t, got.Version, "2")
		assert.Equal(t, got.Modified, h.now.Now())
		assert.Equal(t, got.Created, ada.Created)
		assert.Equal(t, h.events(), []string{"user.updated"})
	})
	t.Run("time never goes back", func(t *testing.T) {
		before := h.users.get(ada.ID).Modified
		h.now.Add(-time.Hour)
		got := h.users.patch(ada.ID, replace("title", "'President'"))
		h.now.Add(time.Hour)
		assert.Equal(t, got.Modified, before)
		h.events()
	})
	t.Run("P-3.5.2-20 an unknown id is 404", func(t *testing.T) {
		_, err := h.users.tryPatch("nobody", replace("title", "'x'"))
		refused(t, err, 404, "")
	})
	t.Run("the id of another type is 404", func(t *testing.T) {
		_, err := h.groups.tryPatch(ada.ID, replace("displayName", "'x'"))
		refused(t, err, 404, "")
		refused(t, h.groups.Delete(t.Context(), ada.ID, server.Cond{}), 404, "")
	})
	t.Run("S-4.1.1-03 a rename frees the old name and takes the new one", func(t *testing.T) {
		h.users.patch(ada.ID, replace("userName", "'ada.osei'"))
		bo := h.users.create(user("ada"))
		_, err := h.users.tryPatch(bo.ID, replace("userName", "'ADA.OSEI'"))
		refused(t, err, 409, scim.Uniqueness)
		h.users.patch(ada.ID, replace("userName", "'Ada.Osei'")) // its own name in other letters
		assert.Equal(t, h.users.find("userName eq 'ada.osei'"), []string{ada.ID})
	})
	t.Run("a refused write leaves no trace", func(t *testing.T) {
		h.events()
		before := h.users.get(ada.ID)
		_, err := h.users.tryPatch(ada.ID, replace("title", "'x'")+","+replace("userName", "'ada'"))
		refused(t, err, 409, scim.Uniqueness)
		after := h.users.get(ada.ID)
		assert.Equal(t, string(after.Raw), string(before.Raw))
		assert.Equal(t, after.Version, before.Version)
		assert.Equal(t, h.events(), []string{})
	})
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create(user("ada"))
	stale := server.Cond{IfMatch: []string{"7", "8"}}
	current := server.Cond{IfMatch: []string{"7", ada.Version}}

	_, err := h.users.tryPut(ada.ID, user("ada.osei"), stale)
	refused(t, err, 412, "")
	refused(t, h.users.Delete(t.Context(), ada.ID, stale), 412, "")
	_, err = h.users.tryPut(ada.ID, user("ada.osei"), current)
	assert.NoError(t, err)
	_, err = h.users.tryPut(ada.ID, user("ada.mensah"), current)
	refused(t, err, 412, "")
	_, err = h.users.tryPut(ada.ID, user("ada.mensah"), server.Cond{Any: true})
	assert.NoError(t, err)
	_, err = h.users.tryPut("nobody", user("x"), stale)
	refused(t, err, 404, "")
}

// TestActive has the events of the conventions: what a change of active means by itself, and together with more.
func TestActive(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		title, create string
		patches       []string
		want          []string
	}{
		{
			"deactivated and back", "{'userName':'a','active':true}",
			[]string{replace("active", "false"), replace("active", "false"), replace("active", "true")},
			[]string{"user.created", "user.deactivated", "user.reactivated"},
		},
		{
			"created inactive", "{'userName':'a','active':false}",
			[]string{replace("active", "true"), replace("active", "false"), replace("active", "true")},
			[]string{"user.created", "user.activated", "user.deactivated", "user.reactivated"},
		},
		{
			"together with more", "{'userName':'a','active':true}",
			[]string{
				replace("active", "false") + "," + replace("title", "'Former'"),
				replace("title", "'Old'"),
				replace("active", "true") + "," + replace("title", "'New'"),
			},
			[]string{"user.created", "user.updated user.deactivated", "user.updated", "user.updated user.reactivated"},
		},
		{
			"without active nobody is inactive", "{'userName':'a'}",
			[]string{replace("active", "true"), "{'op':'remove','path':'active'}", replace("active", "false"), "{'op':'remove','path':'active'}"},
			[]string{"user.created", "user.updated", "user.updated", "user.deactivated"},
		},
		{
			"C06 only true brings a leaver back", "{'userName':'a','active':false}",
			[]string{replace("active", "null"), "{'op':'remove','path':'active'}", replace("active", "null") + "," + replace("title", "'T'")},
			[]string{"user.created", "user.updated"},
		},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			id := h.users.create(tt.create).ID
			for _, p := range tt.patches {
				h.users.patch(id, p)
			}
			assert.Equal(t, h.events(), tt.want)
		})
	}
}

func TestWhatEndsAccessIsUrgent(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create(user("ada"))
	h.users.patch(ada.ID, replace("active", "false")+","+replace("title", "'Former'"))
	h.users.patch(ada.ID, replace("active", "true"))
	h.users.delete(ada.ID)
	var lanes []store.Lane
	for _, c := range h.changes() {
		lanes = append(lanes, c.Lane)
	}
	assert.Equal(t, lanes, []store.Lane{store.Normal, store.Urgent, store.Normal, store.Urgent})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create("{'userName':'ada','active':true,'externalId':'e1'}")
	bo := h.users.create(user("bo"))
	staff := h.groups.create(group("Staff", ada.ID, bo.ID))
	h.events()
	h.users.delete(ada.ID)

	t.Run("P-3.6-02 everything about it is 404", func(t *testing.T) {
		_, err := h.users.Get(t.Context(), ada.ID, nil)
		refused(t, err, 404, "")
		_, err = h.users.tryPut(ada.ID, user("ada"), server.Cond{})
		refused(t, err, 404, "")
		_, err = h.users.tryPatch(ada.ID, replace("active", "false"))
		refused(t, err, 404, "")
		refused(t, h.users.Delete(t.Context(), ada.ID, server.Cond{}), 404, "")
	})
	t.Run("P-3.6-03 no query finds it", func(t *testing.T) {
		assert.Equal(t, h.users.find(""), []string{bo.ID})
		assert.Equal(t, h.users.find("externalId eq 'e1'"), []string{})
	})
	t.Run("S-4.2-07 it left all groups, which have no change of their own", func(t *testing.T) {
		assert.Equal(t, h.members(staff.ID), []string{bo.ID})
		c := h.changes()
		assert.Equal(t, len(c), 1)
		assert.Equal(t, eventsOf(c[0]), []string{"user.deleted"})
		assert.Equal(t, c[0].Kind, store.Deleted)
		before, after, err := h.db.Documents(t.Context(), store.Default, c[0])
		assert.NoError(t, err)
		assert.Equal(t, string(before), string(ada.Raw))
		assert.Equal(t, len(after), 0)
	})
	t.Run("D15 the group's version moves when the edges are swept", func(t *testing.T) {
		n, err := h.db.Sweep(t.Context(), store.Default, h.now.Now(), 100)
		assert.NoError(t, err)
		assert.Equal(t, n, 1)
		assert.Equal(t, h.groups.get(staff.ID).Version, "2")
		assert.Equal(t, h.events(), []string{})
	})
	t.Run("P-3.6-04 its name is free", func(t *testing.T) {
		h.users.create(user("ADA"))
	})
	t.Run("a deleted group leaves the groups of its members", func(t *testing.T) {
		h.groups.delete(staff.ID)
		assert.Equal(t, len(h.refs(h.users.get(bo.ID), "groups")), 0)
	})
}
