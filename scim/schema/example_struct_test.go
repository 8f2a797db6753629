package schema_test

import (
	"fmt"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// A resource type of one's own, built in Go: a schema, the type that has it, and an
// extension of the built-in User.
func ExampleBuild() {
	laptop := &schema.Schema{
		ID: "urn:example:Laptop", Name: "Laptop",
		Attributes: []*schema.Attribute{
			{Name: "serial", Required: true, CaseExact: true, Mutability: schema.Immutable, Uniqueness: schema.UniqueServer},
			{Name: "owner", Type: schema.Complex, SubAttributes: []*schema.Attribute{
				{Name: "value", CaseExact: true},
				{Name: "$ref", Type: schema.Reference, ReferenceTypes: []string{"User"}},
			}},
		},
	}
	desk := &schema.Schema{
		ID: "urn:example:Desk", Name: "Desk",
		Attributes: []*schema.Attribute{{Name: "desk", Pattern: "[A-Z][0-9]+", Indexed: true}},
	}
	set, err := schema.Build(nil, &schema.Definitions{
		Schemas: []*schema.Schema{laptop, desk},
		Types: []schema.TypeDefinition{
			{Name: "Laptop", Endpoint: "/Laptops", Schema: laptop.ID},
			{Name: "User", Extensions: []schema.ExtensionDefinition{{Schema: desk.ID}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range set.Types {
		fmt.Println(t.Endpoint, t.Schema.ID, len(t.Extensions))
	}
	// Output:
	// /Users urn:ietf:params:scim:schemas:core:2.0:User 2
	// /Groups urn:ietf:params:scim:schemas:core:2.0:Group 0
	// /Laptops urn:example:Laptop 0
}

// Definitions are data: what a service publishes at /Schemas and /ResourceTypes, an
// administrator's file, or what a database keeps.
func ExampleLoad() {
	defs, warnings, err := schema.Load([]byte(`[
		{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": "urn:example:Desk", "attributes": [
			{"name": "desk", "type": "string", "indexed": true},
			{"name": "standing", "type": "bool"}]},
		{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "User",
		 "schemaExtensions": [{"schema": "urn:example:Desk", "required": false}]}
	]`))
	fmt.Println(len(defs.Schemas), len(defs.Types), warnings, err)

	_, _, err = schema.Load([]byte(`{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": "urn:example:Desk",
		"attributes": [{"name": "desk", "type": "text", "indexd": true}]}`))
	fmt.Println(err)
	// Output:
	// 1 1 [[0].attributes[1].type: "bool" is no data type; read as boolean] <nil>
	// read definitions: attributes[0].indexd: is no member of a definition; correct its name or leave it out
	// attributes[0].type: "text" is not one of ["string" "boolean" "decimal" "integer" "dateTime" "binary" "reference" "complex"]
}

type Desk struct {
	Desk string `scim:"desk,indexed" description:"Where the person sits."`
}

type Person struct {
	ID       string `scim:"id"`
	UserName string `scim:"userName,required,uniqueness=server"`
	Emails   []struct {
		Value   string `scim:"value"`
		Primary bool   `scim:"primary"`
	} `scim:"emails"`
	Active *bool `scim:"active"`
	Desk   *Desk `scim:"urn:example:Desk"` // an extension
}

// A schema from a struct, whose tags are its characteristics.
func ExampleFromStruct() {
	s, err := schema.FromStruct("urn:example:Desk", Desk{})
	defs := schema.Definitions{Schemas: []*schema.Schema{s}}
	fmt.Println(string(defs.JSON()), err)
	// Output:
	// [{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:Desk","name":"Desk","attributes":[{"name":"desk","type":"string","description":"Where the person sits.","indexed":true}]}] <nil>
}

// Structs go into documents and back.
func ExampleEncode() {
	active := false
	doc, err := schema.Encode(Person{UserName: "ada", Active: &active, Desk: &Desk{"A7"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	doc["schemas"] = []any{scim.UserSchema, "urn:example:Desk"}
	fmt.Println(doc)

	var p Person
	err = schema.Decode(doc, &p)
	fmt.Println(p.UserName, *p.Active, p.Emails, p.Desk.Desk, err)
	// Output:
	// map[active:false schemas:[urn:ietf:params:scim:schemas:core:2.0:User urn:example:Desk] urn:example:Desk:map[desk:A7] userName:ada]
	// ada false [] A7 <nil>
}
