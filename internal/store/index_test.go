package store_test

import (
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

func TestIndexed(t *testing.T) {
	set := schema.Core(nil)
	for name, want := range map[string]store.Column{
		"userName":     store.ColumnUserName,
		"externalId":   store.ColumnExternalID,
		"displayName":  store.ColumnDisplayName,
		"active":       store.ColumnActive,
		"emails.value": store.ColumnEntries,
		scim.EnterpriseUserSchema + ":employeeNumber":      store.ColumnEmployeeNumber,
		scim.EnterpriseUserSchema + ":manager.value":       store.ColumnManager,
		scim.EnterpriseUserSchema + ":manager":             store.NotIndexed,
		scim.EnterpriseUserSchema + ":manager.displayName": store.NotIndexed,
		scim.EnterpriseUserSchema + ":department":          store.NotIndexed,
		scim.EnterpriseUserSchema:                          store.NotIndexed,
		"emails":                                           store.NotIndexed,
		"emails.display":                                   store.NotIndexed,
		"name.familyName":                                  store.NotIndexed,
		"nickName":                                         store.NotIndexed,
	} {
		p, err := set.Type("User").Resolve(name, nil)
		assert.NoError(t, err)
		assert.Equal(t, store.Indexed(p), want, assert.Sprintf("%s", name))
	}
}

// TestIndexedGoesByType: an attribute of that name, but of another kind, is none that a column was made for.
func TestIndexedGoesByType(t *testing.T) {
	for _, a := range []*schema.Attribute{
		{Name: "userName", Type: schema.String, MultiValued: true},
		{Name: "userName", Type: schema.Integer},
		{Name: "active", Type: schema.String},
		{Name: "active", Type: schema.Boolean, MultiValued: true},
	} {
		assert.Equal(t, store.Indexed(schema.Path{Attr: a}), store.NotIndexed, assert.Sprintf("%s %s", a.Type, a.Name))
	}
}

func TestMakeIndex(t *testing.T) {
	email := func(v string) schema.Object { return schema.Object{"value": v, "type": "work"} }
	for _, test := range []struct {
		name, typ string
		doc       schema.Object
		want      store.Index
	}{
		{"nothing", "User", schema.Object{}, store.Index{}},
		{
			"everything", "User",
			schema.Object{
				"userName": "Ada", "externalId": "X1", "displayName": "Ada O.", "active": true, "nickName": "A",
				"emails":                  []any{email("B@x"), email("a@x"), email("b@X"), schema.Object{"type": "home"}, email("")},
				scim.EnterpriseUserSchema: schema.Object{"employeeNumber": "E7", "manager": schema.Object{"value": "M1"}},
			},
			store.Index{
				UserName: "ada", ExternalID: "X1", DisplayName: "ada o.", EmployeeNumber: "e7", Manager: "M1", Active: store.True, Display: "Ada O.",
				Entries: []store.Entry{{Attr: "emails.value", Key: "a@x"}, {Attr: "emails.value", Key: "b@x"}},
			},
		},
		{"inactive", "User", schema.Object{"userName": "Ada", "active": false}, store.Index{UserName: "ada", Active: store.False}},
		{
			"shown by the formatted name", "User",
			schema.Object{"userName": "a", "name": schema.Object{"formatted": "Ada O."}},
			store.Index{UserName: "a", Display: "Ada O."},
		},
		{"a group", "Group", schema.Object{"displayName": "Tour Guides"}, store.Index{DisplayName: "tour guides", Display: "Tour Guides"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := schema.Core(nil)
			assert.Equal(t, store.MakeIndex(set, set.Type(test.typ), test.doc), test.want)
		})
	}
}
