package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// testSlice has the rules of WriteAll, which a bulk request relies on.
func testSlice(t *testing.T, open OpenFunc) {
	t.Run("decided in order, beside the writes of others", func(t *testing.T) {
		f := newFixture(t, open)
		var others sync.WaitGroup
		for i := range 4 {
			others.Go(func() {
				for n := range 10 {
					f.create(f.resource(store.TypeUser, named(fmt.Sprintf("other-%d-%d", i, n))))
				}
			})
		}
		var order []int
		ops := make([]*store.Op, 300) // more than a commit takes
		for i := range ops {
			r := f.resource(store.TypeUser, named(fmt.Sprintf("u%d", i)))
			ops[i] = op(store.Keys{}, func(v store.View) (*store.Rows, error) {
				order = append(order, i)
				if i%7 == 3 {
					return nil, errRefused
				}
				return created(v, r), nil
			})
		}
		for i, err := range f.WriteAll(t.Context(), store.Default, ops) {
			if i%7 == 3 {
				assert.ErrorIs(t, err, errRefused)
			} else {
				assert.NoError(t, err)
			}
		}
		others.Wait()
		assert.Equal(t, len(order), len(ops))
		for i, n := range order {
			assert.Equal(t, n, i)
		}
	})
	t.Run("each sees those before it", func(t *testing.T) {
		f := newFixture(t, open)
		first := f.resource(store.TypeUser, named("first"))
		errs := f.WriteAll(t.Context(), store.Default, []*store.Op{
			op(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, first), nil }),
			op(store.Keys{IDs: []string{first.ID}}, func(v store.View) (*store.Rows, error) {
				if v.ByID(first.ID) == nil {
					return nil, errRefused
				}
				return nil, nil
			}),
		})
		assert.NoError(t, errs[0])
		assert.NoError(t, errs[1])
	})
	t.Run("a caller who leaves takes the last ones back, never one from the middle", func(t *testing.T) {
		f := newFixture(t, open)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		decided := make([]bool, 300)
		ops := make([]*store.Op, len(decided))
		for i := range ops {
			r := f.resource(store.TypeUser, schema.Object{"userName": fmt.Sprintf("u%d", i)})
			ops[i] = op(store.Keys{}, func(v store.View) (*store.Rows, error) {
				if i == 20 {
					cancel()
				}
				decided[i] = true
				return created(v, r), nil
			})
		}
		f.WriteAll(ctx, store.Default, ops)
		f.write(store.Keys{}, func(store.View) (*store.Rows, error) { return nil, nil }) // behind what was taken
		for i := 1; i < len(decided); i++ {
			assert.True(t, decided[i-1] || !decided[i], assert.Sprintf("op %d was decided, the one before it was not", i))
		}
	})
	t.Run("none at all, and a tenant that is not there", func(t *testing.T) {
		f := newFixture(t, open)
		assert.Equal(t, len(f.WriteAll(t.Context(), store.Default, nil)), 0)
		errs := f.WriteAll(t.Context(), store.Tenant(77), []*store.Op{op(store.Keys{}, func(store.View) (*store.Rows, error) { return nil, nil })})
		assert.ErrorIs(t, errs[0], store.ErrNotFound)
	})
}
