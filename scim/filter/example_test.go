package filter_test

import (
	"fmt"

	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

func Example() {
	set := schema.Core(nil)
	user := set.Type("User")

	e, err := filter.Parse(`not (emails co "example.com" or ACTIVE eq false)`, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err = filter.Bind(e, user, filter.OneType, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(filter.String(e))
	fmt.Println(filter.Match(e, set, schema.Object{"userName": "ada", "emails": []any{schema.Object{"value": "ada@acme.test"}}}))

	_, err = filter.Parse(`userName is "ada"`, nil)
	fmt.Println(err)
	// Output:
	// not (emails.value co "example.com") and active ne false
	// true
	// 400 invalidFilter: filter at position 10: unknown operator "is"; use eq, ne, co, sw, ew, gt, ge, lt, le or pr
}
