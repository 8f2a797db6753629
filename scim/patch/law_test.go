package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// A sample is a path with values that suit it, as JSON.
type sample struct {
	path   string
	values []string
}

var samples = []sample{
	{"title", []string{`"A"`, `"B"`}},
	{"active", []string{`true`, `"False"`, `[true]`}},
	{"name", []string{`{"givenName":"G"}`, `{"familyName":null,"middleName":"M"}`}},
	{"name.givenName", []string{`"G"`, `"H"`}},
	{"emails", []string{`[{"value":"a@acme.test","type":"work"}]`, `{"value":"z","primary":true}`, `[{"value":"z"},{"value":"y","type":"home"}]`, `[]`}},
	{`emails[type eq \"work\"]`, []string{`{"value":"w"}`, `{"value":"w","type":"work","primary":true}`}},
	{`emails[type eq \"work\"].value`, []string{`"w"`, `"v"`}},
	{`emails[value eq \"z\"].primary`, []string{`true`, `false`}},
	{`addresses[type eq \"home\" and country eq \"GH\"].locality`, []string{`"Accra"`, `"Kumasi"`}},
	{"emails.type", []string{`"work"`}},
	{"roles", []string{`["admin"]`, `[{"value":"admin","display":"A"}]`, `"user"`}},
	{"manager", []string{`"m1"`, `{"value":"m2"}`, `""`}},
	{enterprise, []string{`{"department":"D"}`, `{"department":null,"division":"W"}`}},
	{enterprise + ":department", []string{`"D"`, `"E"`}},
}

// drawOperation draws one operation as JSON.
func drawOperation(t *rapid.T, verbs ...string) string {
	s := rapid.SampledFrom(samples).Draw(t, "path")
	verb := rapid.SampledFrom(verbs).Draw(t, "op")
	if verb == "remove" {
		return fmt.Sprintf(`{"op":"remove","path":"%s"}`, s.path)
	}
	value := rapid.SampledFrom(s.values).Draw(t, "value")
	if rapid.Bool().Draw(t, "pathless") {
		return fmt.Sprintf(`{"op":"%s","value":{"%s":%s}}`, verb, s.path, value)
	}
	return fmt.Sprintf(`{"op":"%s","path":"%s","value":%s}`, verb, s.path, value)
}

// drawUser draws a user by applying operations to ada.
func drawUser(t *rapid.T, tb testing.TB) schema.Object {
	cur := document(tb, core.Type("User"), ada)
	for range rapid.IntRange(0, 4).Draw(t, "history") {
		if after, err := tryApply(tb, cur, drawOperation(t, "add", "replace", "remove")); err == nil {
			cur = after
		}
	}
	return cur
}

func tryApply(tb testing.TB, cur schema.Object, operations string) (schema.Object, error) {
	tb.Helper()
	p, err := newPatch(tb, core.Type("User"), compat(), operations)
	if err != nil {
		return nil, err
	}
	return p.Apply(cur)
}

// What is done a second time changes nothing, and says so by returning the document.
func TestTwiceIsOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cur := drawUser(r, t)
		op := drawOperation(r, "add", "replace", "remove")
		once, err := tryApply(t, cur, op)
		if err != nil {
			return
		}
		twice, err := tryApply(t, once, op)
		if err != nil || !identical(once, twice) {
			r.Fatalf("%s\n  on %v\nonce %v\ntwice %v, %v", op, cur, once, twice, err)
		}
	})
}

// P-3.5.2-13: operations of one request do what requests of one operation do in turn.
func TestTogetherIsInTurn(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cur := drawUser(r, t)
		a, b := drawOperation(r, "add", "replace", "remove"), drawOperation(r, "add", "replace", "remove")
		want, err := tryApply(t, cur, a)
		if err == nil {
			want, err = tryApply(t, want, b)
		}
		if err != nil {
			return
		}
		got, err := tryApply(t, cur, a+","+b)
		if err != nil || !schema.Equal(got, want) {
			r.Fatalf("%s\n%s\n  on %v\n got %v, %v\nwant %v", a, b, cur, got, err, want)
		}
	})
}

// A replace leaves what it says and touches no other attribute.
func TestReplaceIsLocal(t *testing.T) {
	user := core.Type("User")
	rapid.Check(t, func(r *rapid.T) {
		cur := drawUser(r, t)
		op := drawOperation(r, "replace")
		after, err := tryApply(t, cur, op)
		if err != nil {
			return
		}
		touched := 0
		for p := range user.Paths() {
			before, now := cur[p.Attr.Name], after[p.Attr.Name]
			if p.Extension != nil {
				b, _ := cur[p.Extension.ID].(schema.Object)
				n, _ := after[p.Extension.ID].(schema.Object)
				before, now = b[p.Attr.Name], n[p.Attr.Name]
			}
			if p.Attr.Name != "schemas" && !schema.Equal(before, now) {
				touched++
			}
		}
		if limit := 1 + strings.Count(op, "division"); touched > limit {
			r.Fatalf("%s touched %d attributes\nof %v\nnow %v", op, touched, cur, after)
		}
	})
}

// Sec C11: whatever a PATCH says, the resource is valid afterwards or untouched.
func FuzzPatch(f *testing.F) {
	for _, s := range samples {
		for _, v := range s.values {
			f.Add(`{"Operations":[{"op":"replace","path":"` + s.path + `","value":` + v + `}]}`)
			f.Add(`{"operations":[{"op":"Add","value":{"` + s.path + `":` + v + `}},{"op":"remove","path":"` + s.path + `"}]}`)
		}
	}
	f.Add(`{"Operations":[{"op":"remove","path":"members","value":[{"$ref":null,"value":"a"}]},{"op":"add","path":"members[value eq \"b\"]"}]}`)
	f.Add(`{"schemas":["` + scim.PatchOpMessage + `"],"Operations":[{"op":"replace","value":{"schemas":[],"id":"x","password":"p"}}]}`)
	f.Add(`{"Operations":[{"op":"add","path":"owners[value eq \"o1\"].labels","value":["y"]},{"op":"remove","path":"tags[value eq \"red\"]"}]}`)
	subjects := []struct {
		t   *schema.ResourceType
		doc schema.Object
	}{
		{core.Type("User"), document(f, core.Type("User"), ada)},
		{core.Type("Group"), document(f, core.Type("Group"), `{"schemas":["`+scim.GroupSchema+`"],"displayName":"G"}`)},
		{badges, document(f, badges, badge)},
	}
	f.Fuzz(func(t *testing.T, s string) {
		body, err := schema.Parse([]byte(s))
		if err != nil {
			return
		}
		for _, subject := range subjects {
			for _, d := range []*scim.Dialect{nil, compat()} {
				checkPatch(t, body, subject.t, subject.doc, d)
			}
		}
	})
}

func checkPatch(t *testing.T, body any, rt *schema.ResourceType, doc schema.Object, d *scim.Dialect) {
	t.Helper()
	cur := schema.Clone(doc)
	p, err := patch.New(body, rt, d, 1000)
	if err != nil {
		if scim.AsError(err) == nil {
			t.Fatal(err)
		}
		return
	}
	for _, l := range p.Links() {
		for _, ref := range l.Refs {
			if ref.Value == "" {
				t.Fatalf("a link without an id: %+v", l)
			}
		}
		if (l.Op == patch.LinkWhere) != (l.Where != nil) || (l.Op == patch.LinkAdd || l.Op == patch.LinkRemove) && len(l.Refs) == 0 {
			t.Fatalf("a link that says nothing: %+v", l)
		}
	}
	after, err := p.Apply(cur)
	if !schema.Equal(cur, doc) {
		t.Fatalf("Apply altered the document to %v", cur)
	}
	if err != nil {
		if scim.AsError(err) == nil {
			t.Fatal(err)
		}
		return
	}
	if identical(cur, after) {
		return
	}
	if err := rt.Check(after); err != nil {
		t.Fatalf("%v: %v", after, err)
	}
	text := rt.Append(nil, after)
	if back, err := rt.Decode(text); err != nil || !schema.Equal(back, after) {
		t.Fatalf("%v is not canonical: %s, %v", after, text, err)
	}
	if again, err := p.Apply(cur); err != nil || !schema.Equal(again, after) {
		t.Fatalf("a second Apply gives %v, %v, not %v", again, err, after)
	}
}
