package patch_test

import (
	"fmt"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// Entra ID removes a member with a list of values, which an RFC-abiding reading would
// ignore and empty the group.
func Example() {
	body, err := schema.Parse([]byte(`{"Operations": [
		{"op": "Replace", "path": "displayName", "value": "Money"},
		{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}]}
	]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	group := schema.Core(nil).Type("Group")
	p, err := patch.New(body, group, scim.NewDialect(scim.Compat()), 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	after, err := p.Apply(schema.Object{"displayName": "Finance"})
	fmt.Println(after["displayName"], err)
	for _, l := range p.Links() {
		fmt.Println(l.Relation, l.Op == patch.LinkRemove, l.Refs[0].Value)
	}
	// Output:
	// Money <nil>
	// members true u1
}
