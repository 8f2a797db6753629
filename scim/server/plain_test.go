package server_test

import (
	"fmt"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// TestGroupsWithoutRelations: a store that knows no edges serves groups whose members are in the document, to what
// Okta and Entra ID send.
func TestGroupsWithoutRelations(t *testing.T) {
	t.Parallel()
	set, err := schema.NewSet(nil, schema.User(), schema.WithoutRelations(schema.Group()))
	if err != nil {
		t.Fatal(err)
	}
	p := newProvider(t, scim.Compat(), func(s *server.Service, _ *server.Options) { *s = *scimtest.ServiceOf(set, base, scim.Compat()) })
	group := "/Groups/" + p.post("/Groups", `{"displayName":"g","members":[{"value":"a"},{"value":"b","type":"User"}]}`).is(201).text("id")
	for _, step := range []struct{ operation, left string }{
		{`{"op":"Add","path":"members","value":[{"value":"c"}]}`, "[a b c]"},
		{`{"op":"Add","path":"members","value":[{"value":"c"}]}`, "[a b c]"},
		{`{"op":"remove","path":"members[value eq \"a\"]"}`, "[b c]"},
		{`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"c"}]}`, "[b]"},
		{`{"op":"replace","path":"members","value":[{"value":"d"},{"value":"e"}]}`, "[d e]"},
		{`{"op":"replace","value":{"id":"x","displayName":"renamed"}}`, "[d e]"},
		{`{"op":"remove","path":"members"}`, "[]"},
	} {
		p.patch(group, step.operation).is(204)
		var left []any
		members, _ := p.get(group).is(200).body["members"].([]any)
		for _, m := range members {
			left = append(left, m.(map[string]any)["value"])
		}
		if fmt.Sprint(left) != step.left {
			t.Errorf("%s: got %v, want %s", step.operation, left, step.left)
		}
	}
}
