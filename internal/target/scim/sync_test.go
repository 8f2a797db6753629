package scim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/target"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

func profiles(t *testing.T, f func(t *testing.T, h *hub, p *peer)) {
	t.Helper()
	for _, profile := range []protocol.Profile{protocol.Strict(), protocol.Compat()} {
		t.Run(profile.Name, func(t *testing.T) {
			t.Parallel()
			h, p := newHub(), newPeer(t, profile)
			h.open(t, p.base, nil)
			f(t, h, p)
		})
	}
}

func reportsTo(id string) schema.Object {
	return schema.Object{"department": "Research", "manager": schema.Object{"value": id}}
}

func TestWorkingLife(t *testing.T) {
	t.Parallel()
	profiles(t, func(t *testing.T, h *hub, p *peer) {
		ada := h.user("ada@example.com", schema.Object{
			"name":                        schema.Object{"givenName": "Ada", "familyName": "Osei", "middleName": "M"},
			"emails":                      []any{schema.Object{"value": "ada@example.com", "type": "work", "primary": true}},
			protocol.EnterpriseUserSchema: schema.Object{"department": "Research", "employeeNumber": "10042"},
		})
		h.settle(t)
		equal(t, h, p)
		assert.Equal(t, p.sent()[1:], []string{"GET /Users", "POST /Users", "GET /ServiceProviderConfig"}, assert.Sprintf("a joiner is looked for, then made"))

		engineering, oncall := h.group("Engineering", ada), h.group("On-Call")
		h.settle(t)
		h.join(oncall, ada)
		h.settle(t)
		equal(t, h, p)

		p.sent()
		h.alter(ada, schema.Object{
			"name":                        schema.Object{"givenName": "Ada", "familyName": "Mensah"},
			protocol.EnterpriseUserSchema: schema.Object{"department": "Platform", "employeeNumber": "10042"},
		})
		h.settle(t)
		equal(t, h, p)
		calls := p.requests()
		assert.Equal(t, len(calls), 1, assert.Sprintf("a mover is one request"))
		assert.Equal(t, calls[0].body, `{"Operations":[{"op":"replace","path":"name.familyName","value":"Mensah"},`+
			`{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Platform"},`+
			`{"op":"remove","path":"name.middleName"}],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, assert.Sprintf("C-05, C-06"))

		p.sent()
		h.touch(ada)
		h.touch(engineering)
		h.settle(t)
		assert.Equal(t, p.sent(), nil, assert.Sprintf("nothing changed, nothing is sent"))

		h.alter(ada, schema.Object{"active": false})
		h.settle(t)
		equal(t, h, p)
		h.alter(ada, schema.Object{"active": true})
		h.leave(engineering, ada)
		h.settle(t)
		equal(t, h, p)

		h.remove(ada)
		h.settle(t)
		equal(t, h, p)
		h.rehire(ada, schema.Object{"userName": "ada@example.com", "active": true})
		h.settle(t)
		equal(t, h, p)
		h.remove(oncall)
		h.settle(t)
		equal(t, h, p)
	})
}

func TestDeletionAndRehireThatComeTogether(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"old memberships go": false, "a new membership comes first": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			profiles(t, func(t *testing.T, h *hub, p *peer) {
				early, kept := h.group("Early"), h.group("Kept") // with smaller numbers than hers: synced before her
				ada := h.user("ada@example.com", schema.Object{"active": true})
				h.join(early, ada)
				h.join(kept, ada)
				h.settle(t)
				equal(t, h, p)

				h.remove(ada)
				h.rehire(ada, schema.Object{"userName": "ada@example.com", "active": true})
				if again {
					h.join(early, ada)
				}
				h.settle(t)
				equal(t, h, p)
			})
		})
	}
}

// TestRel_R35_NamesThatGoRound hands names over faster than the application can follow: each of its accounts is to
// have a name that another one has.
func TestRel_R35_NamesThatGoRound(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]fault{
		"PATCH": nil, "PUT only": on("GET /ServiceProviderConfig", 200, `{"patch":{"supported":false}}`),
	} {
		for _, n := range []int{2, 4} {
			t.Run(fmt.Sprint(name, ", ", n), func(t *testing.T) {
				t.Parallel()
				h, p := start(t)
				p.meddle(tamper)
				name := func(i int) string { return fmt.Sprintf("user%d@example.com", i%n) }
				users, groups := make([]target.Num, n), make([]target.Num, n)
				for i := range n {
					users[i] = h.user(name(i), nil)
				}
				for i := range n {
					groups[i] = h.group("Group "+name(i), users[i])
				}
				h.settle(t)
				for i := range n {
					h.alter(users[i], schema.Object{"userName": name(i + 1), "title": "moved"})
					h.alter(groups[i], schema.Object{"displayName": "Group " + name(i+1)})
				}
				for range n { // who waits for a name fails, and is tried again
					_ = h.round(t.Context())
				}
				h.settle(t)
				equal(t, h, p)
			})
		}
	}
}

// TestNameThatIsNotGivenUp is a conflict that no waiting mends: the account with the name is none of ours, or keeps it.
func TestNameThatIsNotGivenUp(t *testing.T) {
	t.Parallel()
	h, p := start(t)
	ada, bob := h.user("ada", nil), h.user("bob", nil)
	h.settle(t)
	h.alter(ada, schema.Object{"userName": "bob"})
	began := time.Now()
	err := h.round(t.Context())
	assert.True(t, err != nil)
	assert.True(t, time.Since(began) < 500*time.Millisecond, assert.Sprintf("waited for a name that stays"))
	h.alter(bob, schema.Object{"userName": "robert"})
	_ = h.round(t.Context())
	h.settle(t)
	equal(t, h, p)
}

func TestNestedGroupsInACircle(t *testing.T) {
	t.Parallel()
	profiles(t, func(t *testing.T, h *hub, p *peer) {
		ada := h.user("ada", nil)
		a, b := h.group("A", ada), h.group("B")
		h.join(a, b)
		h.join(b, a)
		h.settle(t)
		equal(t, h, p)
	})
}

func TestManagerWhoComesLater(t *testing.T) {
	t.Parallel()
	profiles(t, func(t *testing.T, h *hub, p *peer) {
		ada := h.user("ada", nil)
		h.settle(t)
		h.alter(ada, schema.Object{protocol.EnterpriseUserSchema: reportsTo("hub-2")})
		h.settle(t)
		equal(t, h, p)
		grace := h.user("grace", schema.Object{protocol.EnterpriseUserSchema: reportsTo("hub-1")})
		h.settle(t)
		h.touch(ada) // its document has not changed, what it means has
		h.settle(t)
		equal(t, h, p)
		h.remove(grace)
		h.touch(ada)
		h.settle(t)
		equal(t, h, p)
	})
}
