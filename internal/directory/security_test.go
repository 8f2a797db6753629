package directory_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

func TestSec_B04_IDsAreNeverUsedAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	g := h.groups.create(group("Staff"))
	seen := map[string]bool{}
	for range 5 {
		ada := h.users.create("{'userName':'ada','active':true,'emails':[{'value':'ada@example.com'}]}")
		assert.False(t, seen[ada.ID])
		seen[ada.ID] = true
		assert.Equal(t, len(h.refs(ada, "groups")), 0)
		assert.Equal(t, h.members(g.ID), []string{})
		h.groups.patch(g.ID, add(ada.ID))
		h.users.delete(ada.ID)
	}
	people := map[string]bool{}
	for _, c := range h.changes() {
		if c.Type == store.TypeUser && c.Kind == store.Created {
			assert.False(t, people[c.Person])
			people[c.Person] = true
		}
	}
}

// TestSec_B05_ExternalIDIsALabel: it is compared with nothing but externalId.
func TestSec_B05_ExternalIDIsALabel(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	victim := h.users.create("{'userName':'victim','externalId':'v1'}")
	labels := []string{victim.ID, "victim", "1", "0", "admin", "v1"}
	var ids []string
	for i, label := range labels {
		ids = append(ids, h.users.create(external(fmt.Sprintf("user-%d", i), label)).ID)
	}
	before := h.users.get(victim.ID)
	for i, label := range labels {
		want := []string{ids[i]}
		if label == "v1" {
			want = []string{victim.ID, ids[i]}
		}
		assert.Equal(t, h.users.find("externalId eq '"+label+"'"), want)
		if label != victim.ID {
			_, err := h.users.Get(t.Context(), label, nil)
			refused(t, err, 404, "")
			_, err = h.users.tryPatch(label, replace("active", "false"))
			refused(t, err, 404, "")
			refused(t, h.users.Delete(t.Context(), label, server.Cond{}), 404, "")
		}
	}
	assert.Equal(t, h.users.find("userName eq 'victim'"), []string{victim.ID})
	h.users.patch(ids[0], replace("title", "'x'"))
	assert.Equal(t, string(h.users.get(victim.ID).Raw), string(before.Raw))
	// A member is named by id, whoever has that id for a label.
	g := h.groups.create(group("Staff", victim.ID))
	assert.Equal(t, h.members(g.ID), []string{victim.ID})
}

// TestSec_B06_NobodyIsTakenOver: what a second source says of a name that is taken changes nothing.
func TestSec_B06_NobodyIsTakenOver(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create("{'userName':'ada','externalId':'e1','emails':[{'value':'ada@example.com'}]}")
	h.events()
	second := h.face(store.TypeUser, scim.Compat(), directory.Caller{Tenant: store.Default, Source: 2})
	_, err := second.tryCreate("{'userName':'ADA','externalId':'e1','emails':[{'value':'ada@example.com'}]}")
	refused(t, err, 409, scim.Uniqueness)
	got := h.users.get(ada.ID)
	assert.Equal(t, string(got.Raw), string(ada.Raw))
	assert.Equal(t, got.Version, ada.Version)
	assert.Equal(t, h.events(), []string{})

	other := second.create("{'userName':'ada2','emails':[{'value':'ada@example.com'}]}")
	assert.NotEqual(t, other.ID, ada.ID)
	assert.Equal(t, string(h.users.get(ada.ID).Raw), string(ada.Raw))
}

// TestSec_B07_D14_OnlyTheOwnerWrites: another source sees a resource and may name it, and changes nothing of it; so it does not
// bring back a leaver either.
func TestSec_B07_D14_OnlyTheOwnerWrites(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create("{'userName':'ada','active':false}")
	staff := h.groups.create(group("Staff", ada.ID))
	caller := directory.Caller{Tenant: store.Default, Source: 2, Actor: "token-2"}
	users, groups := h.face(store.TypeUser, scim.Compat(), caller), h.face(store.TypeGroup, scim.Compat(), caller)
	eve := users.create(user("eve"))
	h.events()
	for name, write := range map[string]func() error{
		"PATCH reactivates": func() error { _, err := users.tryPatch(ada.ID, replace("active", "true")); return err },
		"PATCH nothing":     func() error { _, err := users.tryPatch(ada.ID, replace("active", "false")); return err },
		"PUT": func() error {
			_, err := users.tryPut(ada.ID, "{'userName':'ada','active':true}", server.Cond{})
			return err
		},
		"DELETE":        func() error { return users.Delete(t.Context(), ada.ID, server.Cond{}) },
		"member added":  func() error { _, err := groups.tryPatch(staff.ID, add(eve.ID)); return err },
		"group renamed": func() error { _, err := groups.tryPatch(staff.ID, replace("displayName", "'Mine'")); return err },
		"group deleted": func() error { return groups.Delete(t.Context(), staff.ID, server.Cond{}) },
		"Bulk": func() error {
			return h.dir.Do(t.Context(), caller, []server.Op{{Type: store.TypeUser, ID: ada.ID, Delete: &server.Cond{}}})[0].Err
		},
	} {
		t.Run(name, func(t *testing.T) { refused(t, write(), 403, "") })
	}
	assert.Equal(t, h.events(), []string{})
	assert.Equal(t, h.users.get(ada.ID).Version, "1")
	assert.Equal(t, users.get(ada.ID).ID, ada.ID) // it may be seen

	// And named: whose it is in which group, the group's owner says.
	mine := groups.create(group("Mine", ada.ID, eve.ID))
	assert.Equal(t, len(h.members(mine.ID)), 2)
	// The owner goes on.
	h.users.patch(ada.ID, replace("title", "'x'"))
	h.users.delete(ada.ID)
}

// race runs n calls at the same time and returns their errors.
func race(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// outcomes counts the answers: 0 for success.
func outcomes(t *testing.T, errs []error) map[int]int {
	t.Helper()
	count := map[int]int{}
	for _, err := range errs {
		status := 0
		if err != nil {
			status = assert.ErrorAs[*scim.Error](t, err).Status
		}
		count[status]++
	}
	return count
}

func TestSec_D16_OneOfManyGetsTheName(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	names := []string{"ada", "ADA", "\uff41da", "Ada"}
	errs := race(50, func(i int) error {
		_, err := h.users.tryCreate(user(names[i%len(names)]))
		return err
	})
	assert.Equal(t, outcomes(t, errs), map[int]int{0: 1, 409: 49})
	assert.Equal(t, len(h.events()), 1)
}

func TestSec_D16_OneOfManyRenamesGetsTheName(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := h.people(20)
	errs := race(len(p), func(i int) error {
		_, err := h.users.tryPatch(p[i], replace("userName", "'ada'"))
		return err
	})
	assert.Equal(t, outcomes(t, errs), map[int]int{0: 1, 409: 19})
}

// TestNamesAreSwapped exchanges two names by way of a third, with many others writing beside it.
func TestNamesAreSwapped(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a, b := h.users.create(user("a")), h.users.create(user("b"))
	noise := h.people(8)
	errs := race(len(noise)+1, func(i int) error {
		if i < len(noise) {
			_, err := h.users.tryPatch(noise[i], replace("title", "'x'"))
			return err
		}
		for _, step := range []struct{ id, name string }{{a.ID, "spare"}, {b.ID, "a"}, {a.ID, "b"}} {
			if _, err := h.users.tryPatch(step.id, replace("userName", "'"+step.name+"'")); err != nil {
				return err
			}
		}
		return nil
	})
	assert.Equal(t, outcomes(t, errs), map[int]int{0: len(errs)})
	assert.Equal(t, h.users.find("userName eq 'a'"), []string{b.ID})
	assert.Equal(t, h.users.find("userName eq 'b'"), []string{a.ID})
	h.users.create(user("spare"))
}

// TestP_3_14_07: of many writes with one ETag one is done (D15).
func TestP_3_14_07_CheckAndWriteAreOneStep(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create(user("ada"))
	errs := race(100, func(i int) error {
		_, err := h.users.tryPut(ada.ID, user(fmt.Sprintf("ada-%d", i)), server.Cond{IfMatch: []string{ada.Version}})
		return err
	})
	assert.Equal(t, outcomes(t, errs), map[int]int{0: 1, 412: 99})
	assert.Equal(t, h.users.get(ada.ID).Version, "2")
}

// TestP_3_5_2_22: no member is lost between parallel edits of one group (F24).
func TestP_3_5_2_22_ParallelEditsLoseNoMember(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := h.people(50)
	g := h.groups.create(group("Staff", p[:10]...))
	h.events()
	errs := race(len(p), func(i int) error {
		operation := add(p[i])
		if i < 10 {
			operation = remove(p[i])
		}
		_, err := h.groups.tryPatch(g.ID, operation)
		return err
	})
	assert.Equal(t, outcomes(t, errs), map[int]int{0: 50})
	want := slices.Sorted(slices.Values(p[10:]))
	assert.Equal(t, h.members(g.ID), want)
	assert.Equal(t, h.groups.get(g.ID).Version, "51")
	versions := map[int64]bool{}
	for _, c := range h.changes() {
		assert.False(t, versions[c.Version])
		versions[c.Version] = true
	}
}
