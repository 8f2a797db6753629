package schema_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

const (
	userURN       = scim.UserSchema
	enterpriseURN = scim.EnterpriseUserSchema
	groupURN      = scim.GroupSchema
)

func compat() *scim.Dialect { return scim.NewDialect(scim.Compat()) }

func parse(t *testing.T, body string) any {
	t.Helper()
	v, err := schema.Parse([]byte(body))
	if err != nil {
		t.Fatalf("Parse(%s): %v", body, err)
	}
	return v
}

// read reads a body and returns its canonical JSON.
func read(t *testing.T, typ *schema.ResourceType, body string, d *scim.Dialect) (string, error) {
	t.Helper()
	o, err := typ.Read(parse(t, body).(schema.Object), schema.Create, d)
	if err != nil {
		return "", err
	}
	return string(typ.Append(nil, o)), nil
}

// user wraps members into the body of a user with its schemas and a userName.
func user(members string) string {
	if members != "" {
		members = "," + members
	}
	return `{"schemas":["` + userURN + `"],"userName":"u"` + members + `}`
}

// isRefusal fails unless err is a 400 with that scimType and with each text in its detail.
func isRefusal(t *testing.T, err error, want scim.ErrorType, texts ...string) {
	t.Helper()
	e := scim.AsError(err)
	if e == nil || e.Status != 400 || e.Type != want {
		t.Fatalf("got %v, want a 400 %s", err, want)
	}
	for _, s := range texts {
		if !strings.Contains(e.Detail, s) {
			t.Errorf("detail %q does not say %q", e.Detail, s)
		}
	}
}

// path resolves a name that the type has.
func path(t *testing.T, typ *schema.ResourceType, name string) schema.Path {
	t.Helper()
	p, err := typ.Resolve(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// device is a set with a custom type that has what the built-in ones lack: every data
// type, required and immutable parts, other values of returned, a required extension.
func device(t testing.TB) *schema.ResourceType {
	t.Helper()
	set, err := schema.NewSet(nil, schema.User(), schema.Group(), &schema.ResourceType{
		Name: "Device", Endpoint: "/Devices",
		Schema: &schema.Schema{ID: "urn:example:Device", Name: "Device", Attributes: []*schema.Attribute{
			{Name: "serial", Required: true, Mutability: schema.Immutable},
			{Name: "slots", Type: schema.Integer},
			{Name: "weight", Type: schema.Decimal},
			{Name: "bought", Type: schema.DateTime},
			{Name: "firmware", Type: schema.Binary},
			{Name: "tags", MultiValued: true},
			{Name: "costs", MultiValued: true, Returned: schema.ReturnedRequest},
			{Name: "pin", Returned: schema.ReturnedNever},
			{Name: "state", Returned: schema.ReturnedAlways},
			{Name: "health", Mutability: schema.ReadOnly},
			{Name: "box", Type: schema.Complex, SubAttributes: []*schema.Attribute{
				{Name: "label", Required: true},
				{Name: "seal", Mutability: schema.Immutable},
				{Name: "weights", Type: schema.Integer, MultiValued: true},
				{Name: "origin", Returned: schema.ReturnedRequest},
				{Name: "unit", Returned: schema.ReturnedAlways},
				{Name: "code", Returned: schema.ReturnedNever},
			}},
			{Name: "keepers", Type: schema.Complex, MultiValued: true, SubAttributes: []*schema.Attribute{
				{Name: "value", CaseExact: true},
				{Name: "$ref", Type: schema.Reference, ReferenceTypes: []string{"User"}},
				{Name: "since", Type: schema.DateTime},
			}},
		}},
		Extensions: []schema.Extension{{Required: true, Schema: &schema.Schema{
			ID: "urn:example:Device:site.v1", Name: "Site", Attributes: []*schema.Attribute{
				{Name: "room", Required: true},
				{Name: "floor", Type: schema.Integer},
			},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return set.Type("Device")
}
