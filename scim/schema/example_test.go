package schema_test

import (
	"fmt"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// A create, from the body of the request to the bytes that are stored.
func Example() {
	users := schema.Core(nil).Type("User")
	dialect := scim.NewDialect(scim.Compat())

	body := `{"USERNAME": "ada", "active": "True", "title": null, "password": "secret", "shoeSize": 38}`
	parsed, err := schema.Parse([]byte(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	doc, err := users.Read(parsed.(schema.Object), schema.Create, dialect)
	if err == nil {
		err = users.Check(doc)
	}
	fmt.Println(string(users.Append(nil, doc)), err)
	for s := range dialect.Used().All() {
		fmt.Println("forgiven:", s)
	}
	// Output:
	// {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","active":true} <nil>
	// forgiven: string-booleans
	// forgiven: missing-schemas
}

// A name without its URN is found only if the dialect forgives it.
func ExampleResourceType_Resolve() {
	users := schema.Core(nil).Type("User")
	path, err := users.Resolve("department", scim.NewDialect(scim.Compat()))
	fmt.Println(path, err)
	_, err = users.Resolve("department", nil)
	fmt.Println(err)
	// Output:
	// urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department <nil>
	// 400 invalidPath: unknown attribute "department"; write urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department
}
