package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
)

func TestChangesOfABusyResourceAreSettledTogether(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		a := newApplication()
		a.set(func(context.Context, *target.Work) error {
			pass(time.Second)
			return nil
		})
		w := h.start(t, a, delivery.Options{})
		for range 10 {
			h.write(change{name: "ada"})
			pass(50 * time.Millisecond)
		}
		pass(5 * time.Second)
		assert.Equal(t, settled(w).Lag, 0)
		assert.Equal(t, len(a.calls()), 2)
		assert.Equal(t, a.state(), h.wanted(t))
	})
}

func TestGroupWaitsForItsMembers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		// Members that the target has never heard of: it begins after them.
		h.write(change{name: "boss"}, change{name: "ada", boss: "boss"}, change{name: "bob"})
		a := newApplication()
		w := h.start(t, a, delivery.Options{Start: delivery.FromNow})
		h.write(change{name: "team", typ: "Group", add: []string{"ada", "bob"}})
		pass(time.Minute)
		assert.Equal(t, settled(w).Behind, 0)
		want := h.wanted(t, "ada", "bob", "team")
		ada := want[h.nameOf("ada")]
		ada.Boss = "" // out of sight until something changes about the boss
		want[h.nameOf("ada")] = ada
		assert.Equal(t, a.state(), want)

		h.write(change{name: "boss"})
		pass(time.Minute)
		assert.Equal(t, settled(w).Behind, 0)
		assert.Equal(t, a.state(), h.wanted(t))
	})
}

func TestAGroupInAGroupGetsItsOwnMembers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.write(change{name: "ada"}, change{name: "inner", typ: "Group", add: []string{"ada"}})
		a := newApplication()
		w := h.start(t, a, delivery.Options{Start: delivery.FromNow})
		h.write(change{name: "outer", typ: "Group", add: []string{"inner"}})
		assert.Equal(t, settled(w).Behind, 0)
		assert.Equal(t, a.state(), h.wanted(t))
	})
}

func TestGroupGoesOnWithoutAMemberThatFails(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"member first", "group first"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, h *hub) {
				h.write(change{name: "good"}, change{name: "bad"})
				bad := h.nameOf("bad")
				a := newApplication()
				a.set(func(_ context.Context, w *target.Work) error {
					if w.Resource.ID == bad {
						return answered(http.StatusBadRequest, 0)
					}
					return nil
				})
				o := delivery.Options{Start: delivery.FromNow}
				if order == "member first" {
					o.Start = delivery.FromBeginning
				}
				w := h.start(t, a, o)
				settled(w)
				h.write(change{name: "team", typ: "Group", add: []string{"good", "bad"}})
				status := settled(w)
				assert.Equal(t, a.state(), map[string]account{
					h.nameOf("good"): h.wanted(t)[h.nameOf("good")],
					h.nameOf("team"): {Name: h.nameOf("team"), Members: map[string]bool{h.nameOf("good"): true}},
				})
				assert.Equal(t, status.Behind, 1)
				assert.Equal(t, status.Lag, 0)

				// Nothing changes any more; the member's own next attempt brings it into the group.
				a.set(nil)
				pass(48 * time.Hour)
				assert.Equal(t, settled(w).Behind, 0)
				assert.Equal(t, a.state(), h.wanted(t))
			})
		})
	}
}

func TestGroupsThatContainEachOther(t *testing.T) {
	t.Parallel()
	for _, rude := range []bool{false, true} {
		t.Run(fmt.Sprintf("ensure before put %v", rude), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, h *hub) {
				h.write(change{name: "a", typ: "Group"}, change{name: "b", typ: "Group"}, change{name: "c", typ: "Group"})
				h.write(change{name: "a", add: []string{"b"}, typ: "Group"}, change{name: "b", add: []string{"c"}, typ: "Group"},
					change{name: "c", add: []string{"a", "b"}, typ: "Group"})
				app := newApplication()
				app.rude = rude
				app.set(func(context.Context, *target.Work) error {
					pass(time.Millisecond) // all three begin before one has a link
					return nil
				})
				w := h.start(t, app, delivery.Options{})
				pass(24 * time.Hour)
				assert.Equal(t, settled(w).Behind, 0)
				assert.Equal(t, app.state(), h.wanted(t))
			})
		})
	}
}

func TestManagerIsWrittenOnceItHasALink(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.write(change{name: "boss"}, change{name: "ada", boss: "boss"}, change{name: "bob", boss: "boss"})
		boss := h.nameOf("boss")
		a := newApplication()
		a.set(func(_ context.Context, w *target.Work) error {
			if w.Resource.ID == boss && w.Attempt < 4 {
				return answered(http.StatusConflict, 0)
			}
			return nil
		})
		w := h.start(t, a, delivery.Options{})
		settled(w)
		assert.Equal(t, len(a.state()), 2)
		pass(48 * time.Hour)
		assert.Equal(t, settled(w).Behind, 0)
		assert.Equal(t, a.state(), h.wanted(t))
	})
}

// G14: a target that gives one account to two of our resources.
func TestSec_G14_OneAccountIsNeverBoundTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		a := newApplication()
		a.accounts["the-same"] = &account{}
		var refused atomic.Int32
		a.set(func(ctx context.Context, w *target.Work) error {
			err := w.Links.Put(ctx, &target.Link{Num: w.Resource.Num, Type: "User", RemoteID: "the-same", Digest: []byte("{}")})
			if err != nil {
				refused.Add(1)
			}
			return err
		})
		w := h.start(t, a, delivery.Options{})
		h.bulk("u", 10)
		status := settled(w)
		assert.Equal(t, status.Behind, 9)
		// The one that got the account may be the last one to end: then all is well at that moment.
		assert.True(t, status.Reason == "conflict" || status.Reason == "", assert.Sprintf("reason %q", status.Reason))
		assert.Equal(t, refused.Load(), 9)
	})
}

// Names that many people wait for say nothing about the application, so the others go on.
func TestConflictsDoNotTripTheTarget(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		a := newApplication()
		var tries atomic.Int32
		a.set(func(context.Context, *target.Work) error {
			tries.Add(1)
			return &outbound.Error{Retry: true, Fault: outbound.FaultOurs, Reason: outbound.ReasonConflict, Status: http.StatusConflict}
		})
		w := h.start(t, a, delivery.Options{})
		h.bulk("u", 10)
		status := settled(w)
		assert.Equal(t, status.Behind, 10)
		assert.Equal(t, status.State, delivery.Open)
		pass(40 * time.Second)
		assert.Equal(t, settled(w).State, delivery.Open)
		assert.True(t, tries.Load() >= 10*6, assert.Sprintf("%d tries of 10 names that may soon be free", tries.Load()))
	})
}

func TestAChangeOfAFailingResourceIsAnAttempt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		a := newApplication()
		a.set(func(context.Context, *target.Work) error { return answered(http.StatusBadRequest, 0) })
		w := h.start(t, a, delivery.Options{})
		h.write(change{name: "ada"})
		pass(time.Hour)
		settled(w)
		a.set(nil)
		h.write(change{name: "ada"})
		assert.Equal(t, settled(w).Behind, 0)
		assert.Equal(t, a.state(), h.wanted(t))
	})
}

// Invariant 4, P5: whatever fails and whenever the process is killed, the accounts become what the hub says.
func TestConvergenceUnderFailuresAndKills(t *testing.T) {
	t.Parallel()
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, h *hub) { converge(t, h, seed) })
		})
	}
}

func converge(t *testing.T, h *hub, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	luck := rand.New(rand.NewPCG(seed, 2))
	a := newApplication()
	a.set(func(ctx context.Context, w *target.Work) error {
		a.mu.Lock()
		wait, bad := time.Duration(luck.IntN(30))*time.Millisecond, luck.IntN(6)
		if luck.IntN(40) == 0 {
			wait = 3 * time.Second
		}
		a.mu.Unlock()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		switch {
		case w.Attempt > 4:
		case bad == 0:
			return answered(http.StatusInternalServerError, 0)
		case bad == 1:
			return answered(http.StatusBadRequest, 0)
		case bad == 2 && w.Resource.Num%5 == 0:
			return errors.New("a bug of ours")
		}
		return nil
	})
	model := randomDirectory{h: h, rng: rng, live: map[string]bool{}, members: map[string]map[string]bool{}}
	options := delivery.Options{Window: 1 + rng.IntN(10), Concurrency: 1 + rng.IntN(4)}
	for range 8 {
		db := &mortal{Store: h.DB}
		w := h.walkerOn(db, a, options)
		assert.NoError(t, w.Start(t.Context()))
		for range 4 {
			for range rng.IntN(15) {
				model.step()
			}
			pass(time.Duration(rng.IntN(6000)) * time.Millisecond)
		}
		ended, cancel := context.WithCancel(t.Context())
		if rng.IntN(3) > 0 {
			db.dead.Store(true)
			cancel()
		}
		assert.NoError(t, w.Stop(ended))
		cancel()
	}
	w := h.start(t, a, options)
	for deadline := time.Now().Add(60 * 24 * time.Hour); ; pass(time.Hour) {
		status := settled(w)
		if status.Lag == 0 && status.Behind == 0 {
			break
		}
		assert.True(t, time.Now().Before(deadline), assert.Sprintf("never settled: %+v", status))
	}
	synctest.Wait()
	assert.Equal(t, a.state(), h.wanted(t))
}

// randomDirectory writes what people do.
type randomDirectory struct {
	h       *hub
	rng     *rand.Rand
	live    map[string]bool
	members map[string]map[string]bool
}

func (d *randomDirectory) step() {
	user, group := named("u", d.rng.IntN(10)), named("g", d.rng.IntN(4))
	switch n := d.rng.IntN(10); {
	case n < 4 && d.live[user], !d.live[user]:
		c := change{name: user}
		if boss := named("u", d.rng.IntN(10)); d.live[boss] {
			c.boss = boss
		}
		d.h.write(c)
		d.live[user] = true
	case n == 4 && d.rng.IntN(3) == 0:
		d.h.write(change{name: user, events: store.EventDeleted, urgent: true})
		// A name is not used again: a rehire gets another id, which is the directory's work.
		d.live[user] = false
		d.h.forget(user)
		for _, m := range d.members {
			delete(m, user)
		}
	case !d.live[group]:
		d.h.write(change{name: group, typ: "Group"})
		d.live[group], d.members[group] = true, map[string]bool{}
	default:
		child := user
		if other := named("g", d.rng.IntN(4)); d.rng.IntN(4) == 0 && other != group && d.live[other] {
			child = other
		}
		c := change{name: group, typ: "Group"}
		if d.members[group][child] {
			c.remove = []string{child}
		} else {
			c.add = []string{child}
		}
		d.members[group][child] = !d.members[group][child]
		d.h.write(c)
	}
}
