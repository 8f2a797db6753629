package directory_test

import (
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
)

func employee(name, external, number string) string {
	return "{'userName':'" + name + "','active':true,'externalId':'" + external + "','" + scim.EnterpriseUserSchema +
		"':{'employeeNumber':'" + number + "'}}"
}

func TestF21_Rehire(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		title, again string
		rehired      bool
	}{
		{"by externalId", employee("ada.mensah", "e1", "9"), true},
		{"by employee number", employee("ada.mensah", "e9", "1"), true},
		{"B04 not by userName and address", "{'userName':'ada','active':true,'emails':[{'value':'ada@example.com'}]}", false},
		{"B04 not by externalId in other letters", external("ada", "E1"), false},
		{"B04 not by an employee number that is an externalId", employee("ada", "1", "e1"), false},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			first := h.users.create(employee("ada", "e1", "1"))
			staff := h.groups.create(group("Staff", first.ID))
			h.users.patch(first.ID, replace("active", "false"))
			h.users.delete(first.ID)
			h.changes()
			h.now.Add(time.Hour)

			second := h.users.create(tt.again)
			assert.NotEqual(t, second.ID, first.ID)
			assert.Equal(t, second.Created, h.now.Now())
			assert.Equal(t, len(h.refs(second, "groups")), 0)
			assert.Equal(t, h.members(staff.ID), []string{})
			_, err := h.users.Get(t.Context(), first.ID, nil)
			refused(t, err, 404, "")
			assert.Equal(t, h.users.find(""), []string{second.ID})

			c := h.changes()
			assert.Equal(t, len(c), 1)
			assert.Equal(t, c[0].ID, second.ID)
			assert.Equal(t, c[0].Kind, store.Created)
			if !tt.rehired {
				assert.Equal(t, eventsOf(c[0]), []string{"user.created"})
				assert.Equal(t, c[0].Person, second.ID)
				assert.Equal(t, second.Version, "1")
				return
			}
			assert.Equal(t, eventsOf(c[0]), []string{"user.rehired"})
			assert.Equal(t, c[0].Person, first.ID)
			assert.Equal(t, second.Version, "4") // D15: no version of a person occurs twice
			before, _, err := h.db.Documents(t.Context(), store.Default, c[0])
			assert.NoError(t, err)
			assert.Equal(t, len(before), 0)

			// Later writes and another round go on in the same way.
			h.groups.patch(staff.ID, add(second.ID))
			_, err = h.db.Sweep(t.Context(), store.Default, h.now.Now(), 100)
			assert.NoError(t, err)
			assert.Equal(t, h.members(staff.ID), []string{second.ID})
			h.users.delete(second.ID)
			third := h.users.create(tt.again)
			assert.Equal(t, h.members(staff.ID), []string{})
			assert.Equal(t, third.Version, "6")
		})
	}
}

func TestRehireOfSomebodyInactive(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.users.delete(h.users.create(external("ada", "e1")).ID)
	h.events()
	again := h.users.create("{'userName':'ada','externalId':'e1','active':false}")
	h.users.patch(again.ID, replace("active", "true"))
	assert.Equal(t, h.events(), []string{"user.rehired", "user.activated"})
}

func TestRehireNeedsSomebodyWhoIsGone(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.users.delete(h.users.create(external("ada", "e1")).ID)
	ada := h.users.create(external("ada", "e1"))
	h.events()
	// externalId is not unique: somebody else has the same one while Ada is here.
	bo := h.users.create(external("bo", "e1"))
	assert.Equal(t, h.events(), []string{"user.created"})
	assert.Equal(t, string(h.users.get(ada.ID).Raw), string(ada.Raw))
	assert.NotEqual(t, bo.ID, ada.ID)
}

func TestGroupsAreNotRehired(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	first := h.groups.create("{'displayName':'Staff','externalId':'g1'}")
	h.groups.delete(first.ID)
	h.events()
	second := h.groups.create("{'displayName':'Staff','externalId':'g1'}")
	assert.Equal(t, second.Version, "1")
	assert.Equal(t, h.events(), []string{"group.created"})
}

func TestRehireIsOfTheSameSource(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.users.delete(h.users.create(external("ada", "e1")).ID)
	h.events()
	h.face(store.TypeUser, scim.Compat(), directory.Caller{Tenant: store.Default, Source: 2}).create(external("ada", "e1"))
	assert.Equal(t, h.events(), []string{"user.created"})
}

func TestRecordFollowsTheExternalID(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create(external("ada", "e1"))
	h.users.patch(ada.ID, replace("externalId", "'e2'"))
	h.users.delete(ada.ID)
	h.events()
	h.users.create(external("bo", "e1"))
	h.users.create(external("ada", "e2"))
	assert.Equal(t, h.events(), []string{"user.created", "user.rehired"})
}
