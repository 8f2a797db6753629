package storetest

import (
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

func testIdentity(t *testing.T, open OpenFunc) {
	t.Run("numbers grow and are never used again", func(t *testing.T) {
		f := newFixture(t, open)
		a := f.user("a")
		f.delete(a.ID)
		b := f.user("b")
		assert.True(t, b.Num > a.Num)
	})

	t.Run("a tombstone is invisible but to the feed", func(t *testing.T) {
		f := newFixture(t, open)
		doc := schema.Object{"userName": "a", "emails": []any{schema.Object{"value": "a@x"}}}
		a := f.create(f.resource(store.TypeUser, doc))
		g := f.group("g")
		f.link(g, a)
		f.delete(a.ID)

		_, err := f.Get(t.Context(), store.Default, "", a.ID)
		assert.ErrorIs(t, err, store.ErrNotFound)
		rows, err := f.ByNum(t.Context(), store.Default, []store.Num{a.Num, 4711})
		assert.NoError(t, err)
		assert.Equal(t, len(rows), 1)
		assert.True(t, rows[0].Deleted)
		assert.Equal(t, rows[0].ID, a.ID)
		assert.Equal(t, f.count(), 0)
		for _, filter := range []string{"", `userName eq "a"`, `emails.value eq "a@x"`, `id eq "` + a.ID + `"`, `not (userName eq "b")`, `title pr or userName pr`} {
			assert.Equal(t, len(f.search(store.TypeUser, filter)), 0, assert.Sprintf("filter %q", filter))
		}
		assert.Equal(t, len(f.search(store.TypeGroup, `members.value eq "`+a.ID+`"`)), 0)
		is, err := f.IsChild(t.Context(), store.Default, store.Members, g.Num, []store.Num{a.Num})
		assert.NoError(t, err)
		assert.Equal(t, len(is), 0)
	})

	t.Run("a rehire is another record of the old resource", func(t *testing.T) {
		f := newFixture(t, open)
		doc := schema.Object{"userName": "ada", "externalId": "X1"}
		old := f.create(f.resource(store.TypeUser, doc))
		g := f.group("g")
		f.link(g, old)
		f.delete(old.ID)

		fresh := f.resource(store.TypeUser, doc)
		key := store.FormerKey{Type: store.TypeUser, ExternalID: "X1"}
		keys := store.Keys{IDs: []string{fresh.ID}, Former: []store.FormerKey{key}}
		before := f.get(g.ID).Version
		f.write(keys, func(v store.View) (*store.Rows, error) {
			former := v.Former(key)
			equal(t, former.ID, old.ID)
			tombstone := v.ByNum(former.Num)
			equal(t, tombstone.Deleted, true)
			next := *fresh
			next.Num, next.Person, next.Version = tombstone.Num, tombstone.Person, tombstone.Version+1
			next.Modified = tombstone.Modified.Add(time.Second)
			return &store.Rows{
				Cut:       []store.Num{next.Num},
				Resources: []*store.Resource{&next},
				Records:   []*store.Record{{Source: store.DefaultSource, ID: next.ID, Num: next.Num, ExternalID: "X1", Created: next.Modified}},
				Changes:   []*store.Change{change(&next, store.Created)},
			}, nil
		})
		got := f.get(fresh.ID)
		assert.Equal(t, got.Num, old.Num)
		assert.Equal(t, got.Person, old.ID)
		_, err := f.Get(t.Context(), store.Default, "", old.ID)
		assert.ErrorIs(t, err, store.ErrNotFound)
		assert.Equal(t, f.count(), 1)
		n := nameAll(map[string]*store.Resource{"ada": got, "g": g})
		assert.Equal(t, len(f.children(n, g)), 0)
		assert.Equal(t, len(f.ancestors(n, got)), 0)
		assert.True(t, f.get(g.ID).Version > before, assert.Sprintf("the group lost an edge"))

		// The old edges are gone for good: neither a sweep nor a new membership meets them.
		swept, err := f.Sweep(t.Context(), store.Default, began, 100)
		assert.NoError(t, err)
		assert.Equal(t, swept, 0)
		f.link(g, got)
		assert.Equal(t, f.children(n, g), []string{"ada"})
	})

	t.Run("the record that ended last comes back, of the same source and type", func(t *testing.T) {
		f := newFixture(t, open)
		end := func(source store.Source, r *store.Resource, after time.Duration, external, employee string) {
			f.rows(store.Rows{Records: []*store.Record{{
				Source: source, ID: r.ID, Num: r.Num, ExternalID: external, EmployeeNumber: employee, Created: began, Ended: began.Add(after),
			}}})
		}
		a, b, c, g := f.user("a"), f.user("b"), f.user("c"), f.group("g")
		end(store.DefaultSource, a, time.Hour, "X", "7")
		end(store.DefaultSource, b, 2*time.Hour, "X", "8")
		end(99, c, 3*time.Hour, "X", "7")
		end(store.DefaultSource, g, 3*time.Hour, "X", "7")
		live := f.user("live") // with the same key, but not ended
		f.rows(store.Rows{Records: []*store.Record{{Source: store.DefaultSource, ID: live.ID, Num: live.Num, ExternalID: "X", Created: began}}})

		for _, test := range []struct {
			key  store.FormerKey
			want string
		}{
			{store.FormerKey{Type: store.TypeUser, ExternalID: "X"}, b.ID},
			{store.FormerKey{Type: store.TypeUser, EmployeeNumber: "7"}, a.ID},
			{store.FormerKey{Type: store.TypeUser, EmployeeNumber: "9"}, ""},
			{store.FormerKey{Type: store.TypeUser}, ""},
			{store.FormerKey{Type: store.TypeGroup, ExternalID: "X"}, g.ID},
		} {
			f.write(store.Keys{Former: []store.FormerKey{test.key}}, func(v store.View) (*store.Rows, error) {
				got := ""
				if r := v.Former(test.key); r != nil {
					got = r.ID
				}
				equal(t, got, test.want)
				return nil, nil
			})
		}
	})

	t.Run("gone and back within one batch", func(t *testing.T) {
		f := newFixture(t, open)
		doc := schema.Object{"userName": "ada", "externalId": "X1"}
		old, fresh := f.create(f.resource(store.TypeUser, doc)), f.resource(store.TypeUser, doc)
		key := store.FormerKey{Type: store.TypeUser, ExternalID: "X1"}
		errs := f.together(
			op(store.Keys{IDs: []string{old.ID}}, func(v store.View) (*store.Rows, error) { return deleted(v.ByID(old.ID)), nil }),
			op(store.Keys{Former: []store.FormerKey{key}}, func(v store.View) (*store.Rows, error) {
				former := v.Former(key)
				if former == nil {
					t.Error("the record that has just ended is not known")
					return nil, nil
				}
				next := *fresh
				next.Num, next.Person, next.Version = former.Num, old.ID, v.ByNum(former.Num).Version+1
				return &store.Rows{Cut: []store.Num{next.Num}, Resources: []*store.Resource{&next}, Changes: []*store.Change{change(&next, store.Created)}}, nil
			}),
		)
		for _, err := range errs {
			assert.NoError(t, err)
		}
		assert.Equal(t, f.get(fresh.ID).Num, old.Num)
		assert.Equal(t, f.count(), 1)
		n, err := f.Sweep(t.Context(), store.Default, began, 100)
		assert.NoError(t, err)
		assert.Equal(t, n, 0)
	})
}
