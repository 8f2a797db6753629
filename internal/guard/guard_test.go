package guard_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/guard"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// post is a guard over a real store, with sources that do harm.
type post struct {
	t     testing.TB
	db    *sqlite.DB
	dir   *directory.Directory
	g     *guard.Guard
	mu    sync.Mutex // guards now
	now   time.Time
	woken int
}

func newPost(t testing.TB, limits store.GuardLimits) *post {
	t.Helper()
	p := &post{t: t, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	var err error
	p.db, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "muster.db"), sqlite.Options{
		Guard: func(store.Tenant) store.GuardLimits { return limits },
	})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.db.Close()) })
	p.dir = directory.New(p.db, directory.NewSet(), directory.Options{Now: p.clock})
	p.g = guard.New(p.db, guard.Options{
		Directory: func(context.Context, store.Tenant) (*directory.Directory, error) { return p.dir, nil },
		Wake:      func(store.Tenant) { p.woken++ },
		Now:       p.clock,
	})
	return p
}

func (p *post) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *post) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// source is what one source of a post sees.
type source struct {
	*post
	caller directory.Caller
}

func (p *post) source(n store.Source) source {
	return source{p, directory.Caller{Tenant: store.Default, Source: n, Actor: fmt.Sprintf("token-%d", n)}}
}

func (s source) of(typ string) server.Store { return s.dir.Stores(s.caller)[typ] }

var compat = scim.NewDialect(scim.Compat())

func (s source) user(name string) string {
	s.t.Helper()
	doc := schema.Object{"userName": name, "active": true, "title": "Guide", "emails": []any{schema.Object{"value": name + "@x.example"}}}
	r, err := s.of("User").Create(s.t.Context(), &server.Resource{Attrs: doc}, compat)
	assert.NoError(s.t, err)
	return r.ID
}

func (s source) users(n int) []string {
	s.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = s.user(fmt.Sprintf("u%04d", i))
	}
	return ids
}

func (s source) edit(typ, id string, e *server.Edit) {
	s.t.Helper()
	e.Dialect = compat
	_, err := s.of(typ).Update(s.t.Context(), id, e)
	assert.NoError(s.t, err)
}

func set(name string, value any) *server.Edit {
	return &server.Edit{Apply: func(r *server.Resource) (*server.Resource, error) {
		next := *r
		next.Attrs = schema.Object{}
		maps.Copy(next.Attrs, r.Attrs)
		next.Attrs[name] = value
		return &next, nil
	}}
}

func (s source) disable(id string) { s.t.Helper(); s.edit("User", id, set("active", false)) }

func (s source) remove(typ, id string) {
	s.t.Helper()
	assert.NoError(s.t, s.of(typ).Delete(s.t.Context(), id, server.Cond{}))
}

func (s source) group(name string, members ...string) string {
	s.t.Helper()
	r, err := s.of("Group").Create(s.t.Context(), &server.Resource{Attrs: schema.Object{"displayName": name}}, compat)
	assert.NoError(s.t, err)
	s.members(r.ID, patch.LinkAdd, members...)
	return r.ID
}

func (s source) members(group string, op patch.LinkOp, members ...string) {
	s.t.Helper()
	if len(members) == 0 {
		return
	}
	var refs []patch.Ref
	for _, m := range members {
		refs = append(refs, patch.Ref{Value: m})
	}
	s.edit("Group", group, &server.Edit{Links: []server.LinkEdit{{Relation: "members", Op: op, Refs: refs}}})
}

// sent returns the changes that targets get now: of which resource, and what.
func (p *post) sent(after store.Seq) (list []string) {
	p.t.Helper()
	all, err := p.db.Changes(p.t.Context(), store.Default, after, 100_000)
	assert.NoError(p.t, err)
	for _, c := range all {
		if c.Held == store.NotHeld || c.Held == store.HoldApproved {
			list = append(list, fmt.Sprintf("%s %d", c.ID, c.Kind))
		}
	}
	return list
}

func (p *post) head() store.Seq {
	p.t.Helper()
	h, err := p.db.Head(p.t.Context(), store.Default)
	assert.NoError(p.t, err)
	return h.Seq
}

func (p *post) holds(all bool) []store.Hold {
	p.t.Helper()
	list, err := p.g.List(p.t.Context(), store.Default, all)
	assert.NoError(p.t, err)
	return list
}

func (s source) active(id string) bool {
	s.t.Helper()
	r, err := s.of("User").Get(s.t.Context(), id, nil)
	assert.NoError(s.t, err)
	doc := r.Attrs
	if doc == nil {
		doc, err = s.dir.Set().Type("User").Decode(r.Raw)
		assert.NoError(s.t, err)
	}
	return doc["active"] == true
}

// TestSec_J05_ThresholdIsExact: up to it everything is sent on, from there on nothing is, and everything is stored.
func TestSec_J05_ThresholdIsExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ people, most int }{{30, 10}, {200, 10}, {400, 20}} {
		t.Run(fmt.Sprint(c.people), func(t *testing.T) {
			t.Parallel()
			p := newPost(t, store.DefaultGuard)
			s := p.source(1)
			ids := s.users(c.people)
			before := p.head()
			for _, id := range ids[:c.people/2] {
				s.disable(id)
				p.pass(time.Second) // a trickle is a flood too
			}
			// The number of active people falls while they go.
			sent := len(p.sent(before))
			if sent < c.most-1 || sent > c.most {
				t.Errorf("%d were sent, want %d", sent, c.most)
			}
			for _, id := range ids[:c.people/2] {
				assert.False(t, s.active(id)) // the source gets what it wrote
			}
			holds := p.holds(false)
			assert.Equal(t, len(holds), 1) // one alarm
			assert.Equal(t, holds[0].Reason, store.ReasonPeople)
			assert.Equal(t, holds[0].Resources, int64(c.people/2-sent))
			n, err := p.db.OpenHolds(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, n, int64(1))

			// Additions and other people's changes go on, and so does what comes of another source.
			before = p.head()
			s.user("fresh")
			s.edit("User", ids[c.people-1], set("title", "Lead"))
			assert.Equal(t, len(p.sent(before)), 2)
		})
	}
}

func TestSec_J05_ALeaverIsNeverDelayed(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	for i, id := range s.users(60) {
		if i%6 == 0 {
			p.pass(25 * time.Hour) // the window goes on
		}
		before := p.head()
		s.disable(id)
		s.remove("User", id)
		assert.Equal(t, len(p.sent(before)), 2, assert.Sprintf("leaver %d", i))
	}
	assert.Equal(t, len(p.holds(true)), 0)
}

func TestSec_J05_ApproveSendsExactlyThose(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	ids := s.users(40)
	before := p.head()
	for _, id := range ids[:20] {
		s.disable(id)
	}
	s.edit("User", ids[19], set("title", "later")) // behind what is held
	assert.Equal(t, len(p.sent(before)), 10)
	h, err := p.g.Approve(t.Context(), store.Default, p.holds(false)[0].Num, "ann", "reorganisation")
	assert.NoError(t, err)
	assert.Equal(t, h.State, store.HoldApproved)
	assert.Equal(t, h.By, "ann")
	assert.Equal(t, p.woken, 1)
	sent := p.sent(before)
	assert.Equal(t, len(sent), 21)
	for i, id := range ids[:20] {
		assert.Equal(t, sent[i], fmt.Sprintf("%s %d", id, store.Updated)) // in order
	}
	_, err = p.g.Approve(t.Context(), store.Default, h.Num, "bob", "")
	assert.True(t, err != nil && strings.Contains(err.Error(), "ann"))
	// What comes now is counted anew.
	before = p.head()
	for _, id := range ids[20:25] {
		s.disable(id)
	}
	assert.Equal(t, len(p.sent(before)), 5)
}

func TestSec_J05_RejectPutsBackExactlyThose(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	ids := s.users(60)
	team := s.group("Team", ids...)
	for _, id := range ids[:10] {
		s.remove("User", id)
	}
	before := p.head()
	for _, id := range ids[10:20] {
		s.remove("User", id) // held
	}
	s.disable(ids[20]) // held too
	s.edit("User", ids[21], set("active", false))
	assert.Equal(t, len(p.sent(before)), 0)
	// The broom leaves alone what may come back.
	for {
		n, err := p.db.Sweep(t.Context(), store.Default, p.clock(), 1000)
		assert.NoError(t, err)
		if n == 0 {
			break
		}
	}
	holds := p.holds(false)
	assert.Equal(t, len(holds), 1)
	r, err := p.g.Reject(t.Context(), store.Default, holds[0].Num, "ann", "a broken import")
	assert.NoError(t, err)
	assert.Equal(t, r.Problems, []string(nil))
	assert.Equal(t, r.Repaired, 12)
	assert.Equal(t, r.State, store.HoldRejected)
	for _, id := range ids[10:] {
		assert.True(t, s.active(id))
	}
	for _, id := range ids[:10] {
		if _, err := s.of("User").Get(t.Context(), id, nil); err == nil {
			t.Errorf("%s was deleted before the threshold, and is back", id)
		}
	}
	// Nobody gets what was held; the repair is sent, once for each.
	sent := p.sent(before)
	assert.Equal(t, len(sent), 12)
	changes, err := p.db.Changes(t.Context(), store.Default, before, 1000)
	assert.NoError(t, err)
	rejected := 0
	for _, c := range changes {
		if c.Held == store.HoldRejected {
			rejected++
		}
	}
	assert.Equal(t, rejected, 12)
	// Who came back is in the group still.
	members := map[string]bool{}
	g, err := s.of("Group").Get(t.Context(), team, &server.Want{Relations: map[string]bool{"members": true}})
	assert.NoError(t, err)
	for ref, err := range g.Relations["members"] {
		assert.NoError(t, err)
		members[ref.Value] = true
	}
	assert.Equal(t, len(members), 50)
	assert.True(t, members[ids[15]])
	// The names are taken again, by them.
	_, err = s.of("User").Create(t.Context(), &server.Resource{Attrs: schema.Object{"userName": "u0015"}}, compat)
	assert.Equal(t, assert.ErrorAs[*scim.Error](t, err).Type, scim.Uniqueness)
	// And the resource is nobody's hostage any more.
	s.edit("User", ids[15], set("title", "x"))
	s.remove("User", ids[15])
}

// TestRejectWhenTheNameIsTaken: what can be put back is, and the rest is said.
func TestRejectWhenTheNameIsTaken(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	ids := s.users(30)
	for _, id := range ids[:12] {
		s.remove("User", id)
	}
	s.user("u0011") // a new person of the same name; the old one cannot come back
	r, err := p.g.Reject(t.Context(), store.Default, p.holds(false)[0].Num, "ann", "")
	assert.NoError(t, err)
	assert.Equal(t, r.Repaired, 1)
	assert.Equal(t, len(r.Problems), 1)
	assert.True(t, s.active(ids[10]))
}

func TestSec_J05_GroupsAreNotEmptied(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	ids := s.users(100)
	big, small := s.group("Big", ids...), s.group("Small", ids[:20]...)
	before := p.head()
	s.members(small, patch.LinkRemove, ids[:20]...)
	s.members(big, patch.LinkRemove, ids[:10]...)
	s.members(big, patch.LinkRemove, ids[10:20]...)
	assert.Equal(t, len(p.sent(before)), 3) // 20 of 100
	s.members(big, patch.LinkRemove, ids[20])
	assert.Equal(t, len(p.sent(before)), 3)
	s.edit("Group", big, &server.Edit{Links: []server.LinkEdit{{Relation: "members", Op: patch.LinkClear}}})
	s.members(big, patch.LinkAdd, ids[0])
	assert.Equal(t, len(p.sent(before)), 3) // the group is frozen
	holds := p.holds(false)
	assert.Equal(t, len(holds), 1)
	assert.Equal(t, holds[0].Reason, store.ReasonMembers)
	r, err := p.g.Reject(t.Context(), store.Default, holds[0].Num, "ann", "")
	assert.NoError(t, err)
	assert.Equal(t, r.Repaired, 1)
	n := 0
	g, err := s.of("Group").Get(t.Context(), big, &server.Want{Relations: map[string]bool{"members": true}})
	assert.NoError(t, err)
	for ref, err := range g.Relations["members"] {
		assert.NoError(t, err)
		n++
		if slices.Contains(ids[:20], ref.Value) {
			t.Errorf("%s was removed before the hold, and is back", ref.Value)
		}
	}
	assert.Equal(t, n, 80)
}

// TestSec_J03_RenamesAreHeldTogether: userName, externalId and addresses are what applications know people by.
func TestSec_J03_RenamesAreHeldTogether(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	ids := s.users(40)
	before := p.head()
	for i, id := range ids[:15] {
		switch i % 3 {
		case 0:
			s.edit("User", id, set("userName", fmt.Sprintf("n%d", i)))
		case 1:
			s.edit("User", id, set("emails", []any{schema.Object{"value": fmt.Sprintf("n%d@evil.example", i)}}))
		case 2:
			s.edit("User", id, set("externalId", fmt.Sprint(i))) // the first one is no change of identity
		}
	}
	assert.Equal(t, len(p.sent(before)), 15)
	for i, id := range ids[:15] {
		if i%3 == 2 {
			s.edit("User", id, set("externalId", fmt.Sprint("x", i)))
		}
	}
	holds := p.holds(false)
	assert.Equal(t, len(p.sent(before)), 15)
	assert.Equal(t, holds[0].Reason, store.ReasonRename)
	assert.Equal(t, holds[0].Resources, int64(5))
}

// TestSec_J02_ProtectedGroups: by whatever way somebody comes into one, it is held; a source that is named goes on.
func TestSec_J02_ProtectedGroups(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	ids := s.users(5)
	admins, other := s.group("Domain Admins", ids[0]), s.group("Guides", ids[0])
	assert.NoError(t, p.g.Protect(t.Context(), store.Default, "Group", "DOMAIN admins", 0, "ann"))
	before := p.head()
	for name, attack := range map[string]func(){
		"PATCH": func() { s.members(admins, patch.LinkAdd, ids[1]) },
		"PUT": func() {
			s.edit("Group", admins, &server.Edit{Links: []server.LinkEdit{{Relation: "members", Op: patch.LinkSet, Refs: []patch.Ref{{Value: ids[2]}}}}})
		},
		"rename into it": func() { s.edit("Group", other, set("displayName", "Domain  Admins")) },
		"rename away":    func() { s.edit("Group", admins, set("displayName", "Harmless")) },
		"Bulk": func() {
			r := s.dir.Do(t.Context(), s.caller, []server.Op{{Type: "Group", ID: admins, Dialect: compat, Edit: &server.Edit{
				Dialect: compat, Links: []server.LinkEdit{{Relation: "members", Op: patch.LinkAdd, Refs: []patch.Ref{{Value: ids[3]}}}},
			}}})
			assert.NoError(t, r[0].Err)
		},
		"delete": func() { s.remove("Group", admins) },
	} {
		if name == "delete" || name == "rename into it" {
			continue // last
		}
		attack()
		assert.Equal(t, len(p.sent(before)), 0, assert.Sprintf("%s", name))
	}
	holds := p.holds(false)
	assert.Equal(t, len(holds), 1)
	assert.Equal(t, holds[0].Reason, store.ReasonProtectedGroup)
	_, err := p.g.Reject(t.Context(), store.Default, holds[0].Num, "ann", "")
	assert.NoError(t, err)
	g, err := s.of("Group").Get(t.Context(), admins, &server.Want{Relations: map[string]bool{"members": true}})
	assert.NoError(t, err)
	var members []string
	for ref, err := range g.Relations["members"] {
		assert.NoError(t, err)
		members = append(members, ref.Value)
	}
	assert.Equal(t, members, []string{ids[0]}) // as it was

	assert.NoError(t, p.g.Protect(t.Context(), store.Default, "Group", "domain admins", 1, "ann"))
	before = p.head()
	s.members(admins, patch.LinkAdd, ids[1])
	assert.Equal(t, len(p.sent(before)), 1) // of the source that may
	assert.NoError(t, p.g.Unprotect(t.Context(), store.Default, "Group", "Domain Admins", "ann"))
	list, err := p.g.Protected(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, len(list), 0)
	assert.True(t, p.g.Unprotect(t.Context(), store.Default, "Group", "Domain Admins", "ann") != nil)
	assert.True(t, p.g.Protect(t.Context(), store.Default, "Device", "x", 0, "ann") != nil)
}

func TestProtectedAccounts(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	glass := s.user("breakglass")
	assert.NoError(t, p.g.Protect(t.Context(), store.Default, "User", "BreakGlass", 0, "ann"))
	before := p.head()
	s.edit("User", glass, set("title", "x"))
	assert.Equal(t, len(p.sent(before)), 1)
	s.disable(glass)
	s.remove("User", glass)
	assert.Equal(t, len(p.sent(before)), 1)
	_, err := p.g.Reject(t.Context(), store.Default, p.holds(false)[0].Num, "ann", "")
	assert.NoError(t, err)
	assert.True(t, s.active(glass))
}

// TestSec_J06_SplittingGetsAroundNothing: over many tokens, sources, bulk slices and at once, no more than the threshold is sent.
func TestSec_J06_SplittingGetsAroundNothing(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	var ids [4][]string
	for n := range ids {
		s := p.source(store.Source(n + 1))
		for i := range 30 {
			ids[n] = append(ids[n], s.user(fmt.Sprintf("s%d-%d", n, i)))
		}
	}
	before := p.head()
	var wg sync.WaitGroup
	for n := range ids {
		for half := range 2 {
			wg.Go(func() {
				s := source{p, directory.Caller{Tenant: store.Default, Source: store.Source(n + 1), Actor: fmt.Sprintf("t%d-%d", n, half)}}
				mine := ids[n][half*15 : half*15+15]
				if half == 0 {
					for _, id := range mine {
						s.remove("User", id)
					}
					return
				}
				var ops []server.Op
				for _, id := range mine {
					ops = append(ops, server.Op{Type: "User", ID: id, Delete: &server.Cond{}})
				}
				for _, r := range s.dir.Do(t.Context(), s.caller, ops) {
					if r.Err != nil {
						t.Error(r.Err)
					}
				}
			})
		}
	}
	wg.Wait()
	assert.Equal(t, len(p.sent(before)), 10)
	var held int64
	for _, h := range p.holds(false) {
		held += h.Resources
	}
	assert.Equal(t, held, int64(110))
}

// TestRejectionThatWasCutOff goes on where it was.
func TestRejectionThatWasCutOff(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.DefaultGuard)
	s := p.source(1)
	ids := s.users(30)
	for _, id := range ids[:15] {
		s.disable(id)
	}
	h := p.holds(false)[0]
	assert.NoError(t, p.db.Write(t.Context(), store.Default, &store.Op{Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Decisions: []*store.Decision{{Hold: h.Num, State: store.HoldRejecting, At: p.clock(), By: "ann"}}}, nil
	}}))
	assert.NoError(t, p.g.Resume(t.Context()))
	assert.NoError(t, p.g.Resume(t.Context()))
	for _, id := range ids[10:15] {
		assert.True(t, s.active(id))
	}
	got, err := p.g.Hold(t.Context(), store.Default, h.Num)
	assert.NoError(t, err)
	assert.Equal(t, got.State, store.HoldRejected)
	assert.Equal(t, got.By, "ann")
	if _, err := p.g.Hold(t.Context(), store.Default, 99); !errors.Is(err, guard.ErrNoHold) {
		t.Errorf("a hold that is none: %v", err)
	}
}

func TestOffHoldsNothing(t *testing.T) {
	t.Parallel()
	p := newPost(t, store.GuardLimits{Off: true})
	s := p.source(1)
	before := len(s.users(30))
	all := p.head()
	assert.Equal(t, int(all), before)
	list, err := p.db.Changes(t.Context(), store.Default, 0, 100)
	assert.NoError(t, err)
	for _, c := range list {
		s.remove("User", c.ID)
	}
	assert.Equal(t, len(p.sent(all)), 30)
}
