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

// A table keeps userName as its key (schema.Set.Key), active as a flag and everything else in a document. What SQL
// cannot tell is evaluated by Match on the rows that it finds.
func ExampleSQL() {
	set := schema.Core(nil)
	user := set.Type("User")
	leaf := func(e filter.Expr) (filter.Condition, bool) {
		c, ok := e.(*filter.Compare)
		if !ok || c.Path.Extension != nil {
			return filter.Condition{}, false // attribute[…] and extensions are not indexed
		}
		value := []any{set.Key(c.Path.Leaf(), c.Value)}
		switch op := map[filter.Op]string{filter.Eq: "=", filter.Gt: ">", filter.Ge: ">="}[c.Op]; {
		case c.Path.String() == "userName" && op != "" && !c.Negated: // a column that is never NULL
			return filter.Condition{Text: "login " + op + " ?", Args: value, Exact: true}, true
		case c.Path.String() == "active" && c.Op == filter.Eq && !c.Negated:
			return filter.Condition{Text: "active = ?", Args: value, Exact: true}, true
		}
		return filter.Condition{}, false
	}
	for _, s := range []string{
		`userName eq "ADA" and active eq true`,
		`active eq true and emails ew "@example.com"`,
		`userName eq "ada" or title pr`,
	} {
		e, err := filter.Parse(s, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		if e, err = filter.Bind(e, user, filter.OneType, nil); err != nil {
			fmt.Println(err)
			return
		}
		where := filter.SQL(e, leaf)
		fmt.Println("WHERE", where.Text, where.Args, "exact:", where.Exact)
	}
	// Output:
	// WHERE (login = ? AND active = ?) [ada true] exact: true
	// WHERE (active = ? AND 1 = 1) [true] exact: false
	// WHERE 1 = 1 [] exact: false
}
