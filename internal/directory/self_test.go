package directory_test

import (
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/schema/packs"
	"github.com/muster-id/muster/scim/server"
)

// self is the face of the users for one of them.
func (h *hub) self(id string) *face {
	h.Helper()
	set, err := directory.SelfSchemas(h.set)
	assert.NoError(h, err)
	f := *h.users
	f.Store, f.typ = directory.Self(h.users.Store, id), set.Type(store.TypeUser)
	return &f
}

func TestSelfSchemas(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	me := h.self("x")
	for name, want := range map[string]schema.Mutability{
		"userName": schema.ReadOnly, "active": schema.ReadOnly, "roles": schema.ReadOnly, "entitlements": schema.ReadOnly,
		"emails": schema.ReadOnly, "externalId": schema.ReadWrite, // common to all types: the store has that lock
		scim.EnterpriseUserSchema + ":manager": schema.ReadOnly,
		"nickName":                             schema.ReadWrite, "phoneNumbers": schema.ReadWrite,
	} {
		p, err := me.typ.Resolve(name, nil)
		assert.NoError(t, err)
		assert.Equal(t, p.Attr.Mutability, want, assert.Sprintf("%s", name))
	}
	p, err := h.users.typ.Resolve("userName", nil)
	assert.NoError(t, err)
	assert.Equal(t, p.Attr.Mutability, schema.ReadWrite) // of everybody else
}

// TestSelfSchemasOfEveryPack: also schemas inside schemas can be made over.
func TestSelfSchemasOfEveryPack(t *testing.T) {
	t.Parallel()
	for _, pack := range packs.List() {
		defs, err := packs.Load(pack.Name)
		assert.NoError(t, err)
		set, err := schema.Build(directory.Fold, defs)
		assert.NoError(t, err)
		own, err := directory.SelfSchemas(set)
		assert.NoError(t, err, assert.Sprintf("%s", pack.Name))
		assert.Equal(t, len(own.Types), len(set.Types))
		assert.Equal(t, len(own.Schemas()), len(set.Schemas()))
	}
}

// TestSelf: P-3.11-05, and B09 for whoever speaks for one person.
func TestSelf(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create("{'userName':'ada','externalId':'e1','roles':[{'value':'staff'}],'" + scim.EnterpriseUserSchema + "':{'department':'R'}}")
	bo := h.users.create("{'userName':'bo'}")
	g := h.groups.create(group("Staff", ada.ID))
	me := h.self(ada.ID)

	assert.Equal(t, string(me.get(ada.ID).Raw), string(h.users.get(ada.ID).Raw))
	_, err := me.Get(t.Context(), bo.ID, nil)
	refused(t, err, 404, "")
	_, err = me.tryPatch(bo.ID, replace("nickName", "'x'"))
	refused(t, err, 404, "")
	refused(t, me.Delete(t.Context(), bo.ID, server.Cond{}), 404, "")
	_, err = me.tryCreate("{'userName':'cy'}")
	refused(t, err, 403, "")

	assert.Equal(t, me.find(""), []string{ada.ID})
	assert.Equal(t, me.find("userName eq 'bo'"), []string{})
	assert.Equal(t, me.find("groups.value eq '"+g.ID+"' and userName eq 'ADA'"), []string{ada.ID})
	assert.Equal(t, me.walk(me.query("", "userName", 1), nil), []string{ada.ID})

	me.patch(ada.ID, replace("nickName", "'A'"))
	assert.Equal(t, h.users.value(h.users.get(ada.ID), "nickName"), any("A"))
	// The lock behind the schemas: a client of the wide ones is refused too.
	wide := *me
	wide.typ = h.users.typ
	for _, op := range []string{
		replace("userName", "'root'"), replace("externalId", "'e2'"), replace("active", "false"), replace("roles", "[{'value':'admin'}]"),
		"{'op':'remove','path':'" + scim.EnterpriseUserSchema + ":department'}",
	} {
		_, err := wide.tryPatch(ada.ID, op)
		refused(t, err, 400, scim.Mutability)
	}
	assert.Equal(t, h.users.value(h.users.get(ada.ID), "userName"), any("ada"))

	assert.NoError(t, me.Delete(t.Context(), ada.ID, server.Cond{}))
	assert.Equal(t, me.find(""), []string{})
	_, err = me.Get(t.Context(), ada.ID, nil)
	refused(t, err, 404, "")
}

func TestPerson(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	ada := h.users.create("{'userName':'ada@example.com'}")
	h.users.create("{'userName':'bo','active':false,'externalId':'cy'}")
	for _, name := range []string{"ada@example.com", "ADA@example.com", ada.ID} {
		id, err := h.dir.Person(t.Context(), store.Default, name)
		assert.NoError(t, err)
		assert.Equal(t, id, ada.ID)
	}
	for _, name := range []string{"nobody", "cy", ""} {
		_, err := h.dir.Person(t.Context(), store.Default, name)
		refused(t, err, 404, "")
	}
	for id, want := range map[string]bool{ada.ID: false, "nobody": false, h.users.find("userName eq 'bo'")[0]: true} {
		inactive, err := h.dir.Inactive(t.Context(), store.Default, id)
		assert.NoError(t, err)
		assert.Equal(t, inactive, want)
	}
}
