package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

var errRefused = errors.New("refused by the decision")

func testWrite(t *testing.T, open OpenFunc) {
	t.Run("what was written is read back whole", func(t *testing.T) {
		f := newFixture(t, open)
		want := f.resource(store.TypeUser, schema.Object{"userName": "Ada", "emails": []any{schema.Object{"value": "ada@example.com"}}})
		want.Once, want.Gen = true, 7
		got := f.create(want)
		want.Num, want.Index = got.Num, store.Index{}
		equal(t, got, want)
		_, err := f.Get(t.Context(), store.Default, store.TypeGroup, want.ID)
		assert.ErrorIs(t, err, store.ErrNotFound)
		_, err = f.Get(t.Context(), store.Default, "", "nobody")
		assert.ErrorIs(t, err, store.ErrNotFound)
		_, err = f.Get(t.Context(), store.Tenant(77), "", want.ID)
		assert.ErrorIs(t, err, store.ErrNotFound)
	})

	t.Run("a tenant that is not there", func(t *testing.T) {
		f := newFixture(t, open)
		err := f.Write(t.Context(), store.Tenant(77), op(store.Keys{}, func(store.View) (*store.Rows, error) {
			t.Error("decided")
			return nil, nil
		}))
		assert.ErrorIs(t, err, store.ErrNotFound)
	})

	t.Run("a refused decision writes nothing and leaves its batch alone", func(t *testing.T) {
		f := newFixture(t, open)
		a, b, c := f.resource(store.TypeUser, named("a")), f.resource(store.TypeUser, named("b")), f.resource(store.TypeUser, named("c"))
		make := func(r *store.Resource) *store.Op {
			return op(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, r), nil })
		}
		refused := op(store.Keys{}, func(v store.View) (*store.Rows, error) {
			rows := created(v, b)
			_ = rows
			return rows, errRefused
		})
		errs := f.together(make(a), refused, make(c))
		assert.NoError(t, errs[0])
		assert.ErrorIs(t, errs[1], errRefused)
		assert.NoError(t, errs[2])
		f.get(a.ID)
		f.get(c.ID)
		_, err := f.Get(t.Context(), store.Default, "", b.ID)
		assert.ErrorIs(t, err, store.ErrNotFound)
		assert.Equal(t, len(f.feed()), 2)
	})

	t.Run("a decision that panics is answered and harms nobody", func(t *testing.T) {
		f := newFixture(t, open)
		a := f.resource(store.TypeUser, named("a"))
		errs := f.together(
			op(store.Keys{}, func(store.View) (*store.Rows, error) { panic("a bug") }),
			op(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, a), nil }),
		)
		assert.True(t, errs[0] != nil)
		assert.NoError(t, errs[1])
		f.get(a.ID)
	})

	t.Run("rows that break a promise fail their Op alone", func(t *testing.T) {
		f := newFixture(t, open)
		key := store.ClaimKey{Scope: "userName", Key: "taken"}
		holder := f.user("holder")
		f.rows(store.Rows{Claim: []store.Claim{{ClaimKey: key, Num: holder.Num}}})
		good := func(name string) *store.Op {
			return op(store.Keys{}, func(v store.View) (*store.Rows, error) {
				return created(v, f.resource(store.TypeUser, named(name))), nil
			})
		}
		// It did not look who holds the key, so that only the database can know.
		bad := op(store.Keys{}, func(v store.View) (*store.Rows, error) {
			rows := created(v, f.resource(store.TypeUser, named("late")))
			rows.Claim = []store.Claim{{ClaimKey: key, Num: rows.Resources[0].Num}}
			return rows, nil
		})
		errs := f.together(good("a"), bad, good("b"))
		assert.NoError(t, errs[0])
		assert.True(t, errs[1] != nil)
		assert.NoError(t, errs[2])
		assert.Equal(t, f.count(), 3)
		assert.Equal(t, len(f.feed()), 3)
	})

	t.Run("50 callers, one key, one resource", func(t *testing.T) { // D16
		f := newFixture(t, open)
		key := store.ClaimKey{Scope: "userName", Key: "ada"}
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for range 50 {
			r := f.resource(store.TypeUser, named("Ada"))
			wg.Go(func() {
				err := f.Write(t.Context(), store.Default, op(store.Keys{Claims: []store.ClaimKey{key}}, func(v store.View) (*store.Rows, error) {
					if _, held := v.Claim(key); held {
						return nil, errRefused
					}
					rows := created(v, r)
					rows.Claim = []store.Claim{{ClaimKey: key, Num: rows.Resources[0].Num}}
					return rows, nil
				}))
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, errRefused):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, won.Load(), 1)
		assert.Equal(t, lost.Load(), 49)
		assert.Equal(t, f.count(), 1)
		assert.Equal(t, len(f.feed()), 1)
	})

	t.Run("claims swap in one write", func(t *testing.T) {
		f := newFixture(t, open)
		a, b := store.ClaimKey{Scope: "s", Key: "a"}, store.ClaimKey{Scope: "s", Key: "b"}
		keys := store.Keys{Claims: []store.ClaimKey{a, b}}
		f.rows(store.Rows{Claim: []store.Claim{{ClaimKey: a, Num: 1}, {ClaimKey: b, Num: 2}}})
		f.write(keys, func(store.View) (*store.Rows, error) {
			return &store.Rows{
				Release: []store.ClaimKey{a, b},
				Claim:   []store.Claim{{ClaimKey: a, Num: 2}, {ClaimKey: b, Num: 1}},
			}, nil
		})
		f.write(keys, func(v store.View) (*store.Rows, error) {
			n, _ := v.Claim(a)
			equal(t, n, 2)
			n, _ = v.Claim(b)
			equal(t, n, 1)
			return nil, nil
		})
	})

	t.Run("no update is lost and the feed is dense under concurrency", func(t *testing.T) {
		f := newFixture(t, open)
		const writers, each, resources = 16, 20, 5
		var users []*store.Resource
		for i := range resources {
			users = append(users, f.user(fmt.Sprint("user", i)))
		}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					id := users[(w+i)%resources].ID
					err := f.Write(t.Context(), store.Default, op(store.Keys{IDs: []string{id}}, func(v store.View) (*store.Rows, error) {
						if (w+i)%7 == 0 {
							return nil, errRefused
						}
						cur := v.ByID(id)
						return updated(cur, append([]byte(nil), cur.Body...)), nil
					}))
					if err != nil && !errors.Is(err, errRefused) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		versions := map[string]int64{}
		for _, c := range f.feed() {
			versions[c.ID]++
			assert.Equal(t, c.Version, versions[c.ID], assert.Sprintf("change %d", c.Seq))
		}
		for _, u := range users {
			assert.Equal(t, f.get(u.ID).Version, versions[u.ID])
		}
	})

	t.Run("heavy Ops among others", func(t *testing.T) {
		f := newFixture(t, open)
		var ops []*store.Op
		for i := range 12 {
			r := f.resource(store.TypeUser, named(fmt.Sprint("u", i)))
			o := op(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, r), nil })
			o.Heavy = i%3 == 0
			ops = append(ops, o)
		}
		for _, err := range f.together(ops...) {
			assert.NoError(t, err)
		}
		assert.Equal(t, f.count(), 12)
	})

	t.Run("who stops waiting in time has written nothing", func(t *testing.T) {
		f := newFixture(t, open)
		held, release := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			err := f.Write(t.Context(), store.Default, op(store.Keys{}, func(store.View) (*store.Rows, error) {
				close(held)
				<-release
				return nil, nil
			}))
			if err != nil {
				t.Error(err)
			}
		})
		<-held
		ctx, cancel := context.WithCancel(t.Context())
		r := f.resource(store.TypeUser, named("late"))
		wg.Go(func() {
			err := f.Write(ctx, store.Default, op(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, r), nil }))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the context's error", err)
			}
			close(release)
		})
		f.await(func(s store.Stats) bool { return s.Waiting == 1 })
		cancel()
		wg.Wait()
		f.user("after") // behind it in the queue
		_, err := f.Get(t.Context(), store.Default, "", r.ID)
		assert.ErrorIs(t, err, store.ErrNotFound)
	})

	t.Run("a closed store says so", func(t *testing.T) {
		dir := t.TempDir()
		st := open(t, dir)
		assert.NoError(t, st.Close())
		assert.ErrorIs(t, st.Write(t.Context(), store.Default, op(store.Keys{}, nil)), store.ErrClosed)
		_, err := st.Get(t.Context(), store.Default, "", "x")
		assert.ErrorIs(t, err, store.ErrClosed)
		assert.ErrorIs(t, st.Wait(t.Context(), store.Default, 1), store.ErrClosed)
	})
}

func named(name string) schema.Object { return schema.Object{"userName": name} }

// count returns how many users there are by the store's counter, which must be what a search counts.
func (f *fixture) count() int64 {
	f.t.Helper()
	s, err := f.Stats(f.t.Context(), store.Default)
	assert.NoError(f.t, err)
	page, err := f.Find(f.t.Context(), store.Default, &store.Query{Type: f.set.Type(store.TypeUser), Count: 0}, nil)
	assert.NoError(f.t, err)
	assert.Equal(f.t, int64(page.Total), s.Users)
	return s.Users
}
