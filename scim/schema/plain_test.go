package schema_test

import (
	"testing"

	"github.com/muster-id/muster/scim/schema"
)

func TestWithoutRelations(t *testing.T) {
	t.Parallel()
	set, err := schema.NewSet(nil, schema.WithoutRelations(schema.User()), schema.WithoutRelations(schema.Group()))
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range set.Types {
		for p := range typ.Paths() {
			if p.Attr.Relation {
				t.Errorf("%s.%s is still a relation", typ.Name, p.Attr.Name)
			}
		}
	}
	if set.Type("User").Schema.Attribute("groups") != nil {
		t.Error("User.groups is published although nothing derives it")
	}
	group := set.Type("Group")
	doc, err := group.Read(schema.Object{
		"schemas": []any{group.Schema.ID}, "displayName": "g", "members": []any{schema.Object{"value": "a"}},
	}, schema.Create, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(group.Append(nil, doc)); got != `{"schemas":["`+group.Schema.ID+`"],"displayName":"g","members":[{"value":"a"}]}` {
		t.Errorf("members are not in the document: %s", got)
	}
}
