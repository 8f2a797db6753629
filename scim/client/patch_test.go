package client_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		client.Compare("active", "eq", true):                            `active eq true`,
		client.Compare("n", "gt", 5):                                    `n gt 5`,
		client.Compare("n", "ge", int64(-5)):                            `n ge -5`,
		client.Compare("title", "eq", nil):                              `title eq null`,
		client.Compare("title", "sw", scim.NoTarget):                    `title sw "noTarget"`,
		client.And(client.Eq("a", `x" or b pr`), client.Present("c")):   `(a eq "x\" or b pr") and c pr`,
		client.And("a pr", ""):                                          `a pr`,
		client.Or("a pr", client.And("b pr", "c pr")):                   `a pr or (b pr and c pr)`,
		client.Not("a pr"):                                              `not (a pr)`,
		client.Elements("emails", client.Eq("type", "work"), "value"):   `emails[type eq "work"].value`,
		client.Elements("members", client.Eq("value", `"] or x["`), ""): `members[value eq "\"] or x[\""]`,
		client.Qualified(scim.EnterpriseUserSchema, "manager"):          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
	} {
		assert.Equal(t, got, want)
	}
}

// FuzzQuoting checks that no value ends the string it is in.
func FuzzQuoting(f *testing.F) {
	for _, s := range []string{"", `"`, `\`, `\"`, `" or userName pr or "`, "\x00", "\u2028", "\xff", `"]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		e, err := filter.Parse(client.Eq("displayName", value), nil)
		if err != nil {
			return // too long, or U+0000
		}
		c, ok := e.(*filter.Compare)
		if !ok {
			t.Fatalf("%q became %T", value, e)
		}
		if utf8.ValidString(value) && c.Value != value {
			t.Fatalf("%q became %q", value, c.Value)
		}
	})
}

func TestC05_C06_Operations(t *testing.T) {
	t.Parallel()
	s := answering(200, `{"id":"1"}`)
	var p client.Patch
	p.Add(client.Elements("emails", client.Eq("type", "work"), "value"), "ada@example.com")
	p.Replace(client.Qualified(scim.EnterpriseUserSchema, "department"), "Engines")
	p.Remove("title")
	p.Set(schema.Object{"active": false})
	p.AddMembers()
	p.AddMembers("1", "2")
	p.RemoveMembers("3", `4"`)
	_, err := open(t, s).Patch(t.Context(), "/Users", "1", &p)
	assert.NoError(t, err)
	assert.Equal(t, s.body, `{"Operations":[{"op":"add","path":"emails[type eq \"work\"].value","value":"ada@example.com"},`+
		`{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Engines"},`+
		`{"op":"remove","path":"title"},{"op":"replace","value":{"active":false}},`+
		`{"op":"add","path":"members","value":[{"value":"1"},{"value":"2"}]},`+
		`{"op":"remove","path":"members[value eq \"3\"]"},{"op":"remove","path":"members[value eq \"4\\\"\"]"}],`+
		`"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, assert.Sprintf("C-05, C-06, P-3.5.2-01…03, P-3.5.2-05, P-3.10-01…03, P-3.1-02"))
	// What the library sends, the library takes, to the letter.
	v, err := schema.Parse([]byte(s.body))
	assert.NoError(t, err)
	set := schema.Core(nil)
	for _, typ := range []string{"User", "Group"} {
		kept := keep(v.(schema.Object), typ == "Group")
		_, err = patch.New(kept, set.Type(typ), nil, 100)
		assert.NoError(t, err)
	}
}

// keep returns a message with the operations on members, or the others.
func keep(m schema.Object, members bool) schema.Object {
	var list []any
	for _, v := range m["Operations"].([]any) {
		path, _ := v.(schema.Object)["path"].(string)
		if strings.HasPrefix(path, "members") == members {
			list = append(list, v)
		}
	}
	return schema.Object{"schemas": m["schemas"], "Operations": list}
}

func TestAPatchOfNothingIsNotSent(t *testing.T) {
	t.Parallel()
	s := answering(200, `{"id":"1"}`)
	_, err := open(t, s).Patch(t.Context(), "/Users", "1", new(client.Patch))
	assert.NotNil(t, err, assert.Sprintf("P-3.5.2-02"))
	_, err = open(t, s).PatchParts(t.Context(), "/Users", "1", new(client.Patch), 5)
	assert.NoError(t, err)
	assert.Equal(t, s.sent, nil)
}

func TestNothingIsSentAsNothing(t *testing.T) {
	t.Parallel()
	s := answering(200, `{"id":"1"}`)
	none := schema.Object{"active": nil, "roles": []any{}}
	_, err := open(t, s).Create(t.Context(), "/Users", none)
	assert.NoError(t, err)
	assert.Equal(t, s.body, `{"active":null,"roles":[]}`, assert.Sprintf("P-3.3-03"))
	_, err = open(t, s).Replace(t.Context(), "/Users", "1", none)
	assert.NoError(t, err)
	assert.Equal(t, s.body, `{"active":null,"roles":[]}`, assert.Sprintf("P-3.5.1-04"))
}

func TestSplit(t *testing.T) {
	t.Parallel()
	var p client.Patch
	p.Replace("displayName", "team")
	p.AddMembers("1", "2", "3", "4", "5")
	p.RemoveMembers("6", "7")
	p.Replace("members", []any{"8", "9"}) // not to be taken apart
	var sizes []string
	for _, part := range p.Split(3) {
		sizes = append(sizes, fmt.Sprint(part.Len()))
	}
	// 1 + 2 of the add; 3 of the add; 2 removes + the replace.
	assert.Equal(t, sizes, []string{"2", "1", "3"})
	assert.Equal(t, len(p.Split(0)), 9)
	assert.Equal(t, len(p.Split(100)), 1)
	assert.Equal(t, len(new(client.Patch).Split(1)), 0)
}

func TestPatchParts(t *testing.T) {
	t.Parallel()
	var p client.Patch
	for i := range 10 {
		p.RemoveMembers(fmt.Sprint(i))
	}
	t.Run("in parts, each on condition of the one before", func(t *testing.T) {
		t.Parallel()
		s := answering(0, "")
		var conditions []string
		s.answer = func(r *http.Request) (int, string) {
			conditions = append(conditions, r.Header.Get("If-Match"))
			return 200, fmt.Sprintf(`{"id":"1","meta":{"version":"\"%d\""}}`, len(s.sent))
		}
		d, err := open(t, s).PatchParts(t.Context(), "/Groups", "1", &p, 4, client.IfMatch(`"0"`))
		assert.NoError(t, err)
		assert.Equal(t, d.Version(), `"3"`)
		assert.Equal(t, conditions, []string{`"0"`, `"1"`, `"2"`})
	})
	t.Run("smaller when that is too large", func(t *testing.T) {
		t.Parallel()
		s := answering(0, "")
		var sizes []int
		s.answer = func(*http.Request) (int, string) {
			n := strings.Count(s.body, `"op"`)
			if sizes = append(sizes, n); n > 3 {
				return 413, ""
			}
			return 204, ""
		}
		_, err := open(t, s).PatchParts(t.Context(), "/Groups", "1", &p, 100)
		assert.NoError(t, err)
		assert.Equal(t, sizes, []int{10, 5, 2, 2, 1, 2, 2, 1})
	})
	t.Run("one change is too large", func(t *testing.T) {
		t.Parallel()
		s := answering(413, "")
		_, err := open(t, s).PatchParts(t.Context(), "/Groups", "1", &p, 100)
		assert.ErrorIs(t, err, client.ErrPayload)
		if len(s.sent) > 5 {
			t.Errorf("%d requests", len(s.sent))
		}
	})
}
