package storetest

import (
	"math"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

func testSchemas(t *testing.T, open OpenFunc) {
	t.Run("a tenant begins with generation 1", func(t *testing.T) {
		f := newFixture(t, open)
		equal(t, f.schema(), store.Schema{Gen: 1})
		_, err := f.Schema(t.Context(), store.Default+1)
		assert.ErrorIs(t, err, store.ErrNotFound)
	})

	t.Run("generations follow each other and survive", func(t *testing.T) {
		dir := t.TempDir()
		f := reopen(t, open, dir)
		want := store.Schema{Gen: 2, At: began, Body: []byte("two"), Work: []store.Work{
			{Type: "Group", Attr: "x"}, {Type: "User", Attr: "urn:a:b"}, {Type: "User", Attr: "urn:a:b", Unique: true},
		}}
		assert.NoError(t, f.define(store.NewSchema{Schema: want}))
		equal(t, f.schema(), want)
		assert.ErrorIs(t, f.define(store.NewSchema{Schema: store.Schema{Gen: 2}}), store.ErrGeneration)
		assert.ErrorIs(t, f.define(store.NewSchema{Schema: store.Schema{Gen: 4}}), store.ErrGeneration)
		f.rows(store.Rows{Worked: []store.Work{want.Work[1], {Type: "User", Attr: "unknown"}}})
		want.Work = []store.Work{want.Work[0], want.Work[2]}
		equal(t, f.schema(), want)

		again := reopen(t, open, dir) // beside the other one, which has closed its transactions
		equal(t, again.schema(), want)
		next := store.Schema{Gen: 3, At: began.Add(time.Hour), Body: []byte("three")}
		assert.NoError(t, again.define(store.NewSchema{Schema: next}))
		equal(t, again.schema(), next)
	})

	t.Run("a decision of another generation is refused", func(t *testing.T) {
		f := newFixture(t, open)
		user := f.resource(store.TypeUser, schema.Object{"userName": "ada"})
		write := func(gen int) error {
			o := op(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, user), nil })
			o.Gen = gen
			return f.Write(t.Context(), store.Default, o)
		}
		assert.ErrorIs(t, write(2), store.ErrGeneration)
		assert.NoError(t, f.define(store.NewSchema{Schema: store.Schema{Gen: 2, Body: []byte("two")}}))
		assert.ErrorIs(t, write(1), store.ErrGeneration)
		equal(t, len(f.feed()), 0)
		assert.NoError(t, write(2))
	})

	t.Run("a generation that was decided on an older feed is refused", func(t *testing.T) {
		f := newFixture(t, open)
		seen := store.Seq(0)
		f.user("ada")
		next := store.NewSchema{Schema: store.Schema{Gen: 2, Body: []byte("two")}, If: &seen}
		assert.ErrorIs(t, f.define(next), store.ErrMoved)
		equal(t, f.schema().Gen, 1)
		seen = 1
		assert.NoError(t, f.define(next))
	})

	t.Run("claims of a scope are given up", func(t *testing.T) {
		f := newFixture(t, open)
		user := f.user("ada")
		a, b := store.ClaimKey{Scope: "User:a", Key: "1"}, store.ClaimKey{Scope: "User:b", Key: "1"}
		f.rows(store.Rows{Claim: []store.Claim{{ClaimKey: a, Num: user.Num}, {ClaimKey: b, Num: user.Num}}})
		assert.NoError(t, f.define(store.NewSchema{Schema: store.Schema{Gen: 2, Body: []byte("two")}, Free: []string{"User:a"}}))
		f.write(store.Keys{Claims: []store.ClaimKey{a, b}}, func(v store.View) (*store.Rows, error) {
			_, held := v.Claim(a)
			equal(t, held, false)
			_, held = v.Claim(b)
			equal(t, held, true)
			return nil, nil
		})
	})

	t.Run("slices of a type", func(t *testing.T) {
		f := newFixture(t, open)
		var want []string
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			want = append(want, f.user(name).ID)
			f.group(name)
		}
		f.delete(want[1])
		want = append(want[:1], want[2:]...)
		var got []string
		for after := store.Num(0); ; {
			rows, err := f.Slice(t.Context(), store.Default, store.TypeUser, after, 3)
			assert.NoError(t, err)
			for _, r := range rows {
				got = append(got, r.ID)
				after = r.Num
				assert.True(t, r.Body != nil)
			}
			if len(rows) < 3 {
				break
			}
		}
		equal(t, got, want)
	})

	t.Run("entries of attributes that a schema marks", func(t *testing.T) {
		f := newFixture(t, open)
		f.testMarked(t)
	})
}

// testMarked holds searches over marked attributes of all types against the values.
func (f *fixture) testMarked(t *testing.T) {
	t.Helper()
	user := schema.User()
	user.Extensions = append(user.Extensions, schema.Extension{Schema: &schema.Schema{ID: "urn:x", Attributes: []*schema.Attribute{
		{Name: "text", Indexed: true},
		{Name: "exact", CaseExact: true, Indexed: true},
		{Name: "count", Type: schema.Integer, Indexed: true},
		{Name: "share", Type: schema.Decimal, Indexed: true},
		{Name: "flag", Type: schema.Boolean, Indexed: true},
		{Name: "at", Type: schema.DateTime, Indexed: true},
		{Name: "tags", MultiValued: true, Indexed: true},
		{Name: "part", Type: schema.Complex, SubAttributes: []*schema.Attribute{{Name: "name", Indexed: true}}},
	}}})
	set, err := schema.NewSet(nil, user, schema.Group())
	assert.NoError(t, err)
	f.set = set
	names := map[string]string{}
	for name, x := range map[string]schema.Object{
		"none": {},
		"a": {
			"text": "Red", "exact": "Red", "count": int64(2), "share": 0.5, "flag": true, "at": "2026-03-01T10:00:00+01:00",
			"tags": []any{"x", "Y"}, "part": schema.Object{"name": "P"},
		},
		"b": {"text": "blue", "exact": "red", "count": int64(10), "share": math.Copysign(0, -1), "flag": false, "at": "2026-03-01T09:30:00Z", "tags": []any{"y"}},
	} {
		names[f.create(f.resource(store.TypeUser, schema.Object{"userName": name, "urn:x": x})).ID] = name
	}
	for text, want := range map[string][]string{
		`urn:x:text eq "red"`:                             {"a"},
		`not (urn:x:text eq "red")`:                       {"b", "none"},
		`urn:x:text sw "b"`:                               {"b"},
		`urn:x:text co "E"`:                               {"a", "b"},
		`urn:x:exact eq "red"`:                            {"b"},
		`urn:x:exact pr`:                                  {"a", "b"},
		`urn:x:count eq 2`:                                {"a"},
		`urn:x:count gt 2`:                                {"b"},
		`urn:x:count ne 2`:                                {"b", "none"},
		`urn:x:share eq 0.0`:                              {"b"},
		`urn:x:share lt 0.4`:                              {"b"},
		`urn:x:flag eq true`:                              {"a"},
		`urn:x:flag eq false`:                             {"b"},
		`urn:x:at eq "2026-03-01T09:00:00Z"`:              {"a"},
		`urn:x:at gt "2026-03-01T09:00:00Z"`:              {"b"},
		`urn:x:tags eq "Y"`:                               {"a", "b"},
		`urn:x:part.name eq "p" and urn:x:tags eq "x"`:    {"a"},
		`urn:x:text eq "red" or urn:x:count eq 10`:        {"a", "b"},
		`urn:x:text eq "red" and userName eq "b"`:         {},
		`urn:x:part[name eq "p"] and not (urn:x:flag pr)`: {},
	} {
		e, err := filter.Parse(text, nil)
		assert.NoError(t, err)
		e, err = filter.Bind(e, user, filter.OneType, nil)
		assert.NoError(t, err, assert.Sprintf("%s", text))
		got := map[string]bool{}
		page, err := f.Find(t.Context(), store.Default, &store.Query{
			Type: user, Filter: e, Start: 1, Count: 10, Doc: f.doc,
		}, func(r *store.Resource) error { got[names[r.ID]] = true; return nil })
		assert.NoError(t, err)
		wanted := map[string]bool{}
		for _, name := range want {
			wanted[name] = true
		}
		assert.Equal(t, got, wanted, assert.Sprintf("%s", text))
		assert.Equal(t, page.Total, len(want), assert.Sprintf("total of %s", text))
	}
}

func (f *fixture) schema() store.Schema {
	f.t.Helper()
	s, err := f.Schema(f.t.Context(), store.Default)
	assert.NoError(f.t, err)
	return s
}

func (f *fixture) define(s store.NewSchema) error {
	f.t.Helper()
	o := op(store.Keys{}, func(store.View) (*store.Rows, error) { return &store.Rows{Schema: &s}, nil })
	o.Heavy = true
	return f.Write(f.t.Context(), store.Default, o)
}
