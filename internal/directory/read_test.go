package directory_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

const managerName = scim.EnterpriseUserSchema + ":manager.displayName"

func report(name, manager string) string {
	return "{'userName':'" + name + "','title':'\\'manager\\':{\\'value\\':\\'','" + scim.EnterpriseUserSchema +
		"':{'department':'R&D','manager':{'value':'" + manager + "'}}}"
}

func TestManager(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	boss := h.users.create("{'userName':'boss','displayName':'The \\'Boss\\' \u2603'}")
	ada := h.users.create(report("ada", boss.ID))

	t.Run("the name is read, not stored", func(t *testing.T) {
		assert.Equal(t, h.users.value(ada, managerName), any(`The "Boss" ☃`))
		assert.Equal(t, h.users.value(ada, scim.EnterpriseUserSchema+":manager"), h.users.value(h.users.get(ada.ID), scim.EnterpriseUserSchema+":manager"))
		c := h.changes()[1]
		_, after, err := h.db.Documents(t.Context(), store.Default, c)
		assert.NoError(t, err)
		assert.NotContains(t, string(after), "Boss")
		assert.NotContains(t, string(after), "$ref")
	})
	t.Run("S-4.3-02 D12 a new name shows at once and moves no version", func(t *testing.T) {
		h.users.patch(boss.ID, replace("displayName", "'Bo'"))
		got := h.users.get(ada.ID)
		assert.Equal(t, h.users.value(got, managerName), any("Bo"))
		assert.Equal(t, got.Version, ada.Version)
	})
	t.Run("without displayName the formatted name, without that nothing: a userName is no name", func(t *testing.T) {
		h.users.put(boss.ID, "{'userName':'boss','name':{'formatted':'Bo Lindqvist'}}")
		assert.Equal(t, h.users.value(h.users.get(ada.ID), managerName), any("Bo Lindqvist"))
		h.users.put(boss.ID, "{'userName':'boss'}")
		assert.Nil(t, h.users.value(h.users.get(ada.ID), managerName))
	})
	t.Run("an answer that carried the name may come back", func(t *testing.T) {
		got, err := h.users.Update(t.Context(), ada.ID, &server.Edit{Apply: func(*server.Resource) (*server.Resource, error) {
			doc, err := h.users.typ.Decode(ada.Raw)
			return &server.Resource{Attrs: doc}, err
		}})
		assert.NoError(t, err)
		assert.Equal(t, got.Version, ada.Version)
	})
	t.Run("F7 an id of nobody is kept as it was sent", func(t *testing.T) {
		for _, id := range []string{"nobody", "1", `with \"quotes\" and \\`, h.groups.create(group("Bosses")).ID} {
			got := h.users.put(ada.ID, report("ada", id))
			want := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(id)
			assert.Equal(t, h.users.value(got, scim.EnterpriseUserSchema+":manager.value"), any(want))
			assert.Nil(t, h.users.value(got, managerName))
		}
	})
	t.Run("B03 strict refuses it", func(t *testing.T) {
		before := h.users.get(ada.ID)
		_, err := h.users.strict().tryPut(ada.ID, report("ada", "foreign"), server.Cond{})
		assert.Contains(t, refused(t, err, 400, scim.InvalidValue), "manager")
		_, err = h.users.strict().tryCreate(report("eve", "foreign"))
		refused(t, err, 400, scim.InvalidValue)
		assert.Equal(t, h.users.get(ada.ID).Version, before.Version)
		_, err = h.users.strict().tryPut(ada.ID, report("ada", boss.ID), server.Cond{})
		assert.NoError(t, err)
	})
	t.Run("a manager who left is nobody", func(t *testing.T) {
		h.users.delete(boss.ID)
		got := h.users.get(ada.ID)
		assert.Equal(t, h.users.value(got, scim.EnterpriseUserSchema+":manager.value"), any(boss.ID))
		assert.Nil(t, h.users.value(got, managerName))
	})
}

// TestManagerNeedsThatSwitchOnlyForTheUnknown: the counters of an operator tell what a client relies on.
func TestManagerNeedsThatSwitchOnlyForTheUnknown(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	boss := h.users.create(user("boss"))
	ada := h.users.create(user("ada"))
	manager := func(id string) scim.Switches {
		d := scim.NewDialect(scim.Compat())
		e := h.users.edit(replace(scim.EnterpriseUserSchema+":manager.value", "'"+id+"'"), d)
		before := d.Used()
		_, err := h.users.Update(t.Context(), ada.ID, e)
		assert.NoError(t, err)
		assert.False(t, before.Has(scim.LooseReference))
		return d.Used()
	}
	assert.False(t, manager(boss.ID).Has(scim.LooseReference))
	assert.True(t, manager("nobody").Has(scim.LooseReference))
}

// TestSec_B03_TenantsDoNotMeet: what another tenant holds is unknown to every read and reference.
func TestSec_B03_TenantsDoNotMeet(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create(user("ada"))
	stranger := directory.Caller{Tenant: 2, Source: store.DefaultSource}
	users, groups := h.face(store.TypeUser, scim.Compat(), stranger), h.face(store.TypeGroup, scim.Compat(), stranger)
	_, err := users.Get(t.Context(), ada.ID, nil)
	refused(t, err, 404, "")
	_, err = users.tryPatch(ada.ID, replace("active", "false"))
	assert.True(t, err != nil)
	_, err = groups.tryCreate(group("Mine", ada.ID))
	assert.True(t, err != nil) // there is no such tenant yet
	assert.Equal(t, h.users.get(ada.ID).Version, "1")
}

// broken is a store that fails in one way.
type broken struct {
	store.Store
	err error
}

func (b broken) Write(context.Context, store.Tenant, *store.Op) error { return b.err }

func (b broken) Find(context.Context, store.Tenant, *store.Query, func(*store.Resource) error) (store.Page, error) {
	return store.Page{}, b.err
}

func (b broken) Get(context.Context, store.Tenant, string, string) (*store.Resource, error) {
	return nil, b.err
}

func TestErrorsOfTheStore(t *testing.T) {
	t.Parallel()
	fault := errors.New("page 7 is torn")
	for _, tt := range []struct {
		title  string
		err    error
		status int
		retry  time.Duration
	}{
		{"full", store.ErrFull, 507, 0},
		{"busy", store.ErrBusy, 503, time.Second},
		{"closed", store.ErrClosed, 503, time.Second},
		{"too many searches", store.ErrSearches, 503, time.Second},
		{"P-3.4.2.1-03 a costly search", store.ErrCostly, 400, 0},
		{"too late", context.DeadlineExceeded, 503, time.Second},
		{"not there", store.ErrNotFound, 404, 0},
		{"a fault", fault, 0, 0},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			users := directory.New(broken{err: tt.err}, directory.NewSet(), directory.Options{}).
				Stores(directory.Caller{Tenant: store.Default, Source: store.DefaultSource})[store.TypeUser]
			_, read := users.Get(t.Context(), "id", nil)
			_, search := users.Find(t.Context(), &server.Query{Start: 1, Count: 1}, nil)
			for _, err := range []error{read, search, users.Delete(t.Context(), "id", server.Cond{})} {
				e := scim.AsError(err)
				if tt.status == 0 {
					assert.Nil(t, e) // the server answers 500 with an id
					assert.ErrorIs(t, err, tt.err)
					continue
				}
				assert.Equal(t, e.Status, tt.status)
				assert.Equal(t, e.RetryAfter, tt.retry)
			}
		})
	}
}
