package directory_test

import (
	"fmt"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/server"
)

// BenchmarkMember adds and removes one member of groups of different sizes: a write that
// reads no other member costs the same in all of them.
func BenchmarkMember(b *testing.B) {
	for _, size := range []int{10, 1_000, 20_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			h := newHub(b)
			ids := make([]string, size)
			errs := race(8, func(part int) error {
				for i := part; i < size; i += 8 {
					r, err := h.users.tryCreate(user(fmt.Sprintf("person-%d", i)))
					if err != nil {
						return err
					}
					ids[i] = r.ID
				}
				return nil
			})
			for _, err := range errs {
				assert.NoError(b, err)
			}
			refs := make([]patch.Ref, size)
			for i, id := range ids {
				refs[i].Value = id
			}
			g := h.groups.create(group("Staff"))
			_, err := h.groups.Update(b.Context(), g.ID, &server.Edit{Links: []patch.Link{{Relation: "members", Op: patch.LinkAdd, Refs: refs}}})
			assert.NoError(b, err)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				op := patch.LinkRemove
				if i%2 == 1 {
					op = patch.LinkAdd
				}
				_, err := h.groups.Update(b.Context(), g.ID, &server.Edit{
					Want:  &server.Want{},
					Links: []patch.Link{{Relation: "members", Op: op, Refs: refs[size/2 : size/2+1]}},
				})
				assert.NoError(b, err)
			}
		})
	}
}

// BenchmarkGet reads a user with and without a manager to be named.
func BenchmarkGet(b *testing.B) {
	h := newHub(b)
	boss := h.users.create("{'userName':'boss','displayName':'Bo Lindqvist'}")
	for name, body := range map[string]string{
		"plain":   "{'userName':'ada','" + scim.EnterpriseUserSchema + "':{'department':'R&D'}}",
		"managed": report("eve", boss.ID),
	} {
		r := h.users.create(body)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := h.users.Get(b.Context(), r.ID, &server.Want{})
				assert.NoError(b, err)
			}
		})
	}
}
