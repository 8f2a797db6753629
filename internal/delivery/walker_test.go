package delivery_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
)

// answered is what a target returns for an answer of that status.
func answered(status int, after time.Duration) error {
	e := outbound.Classify(&http.Response{StatusCode: status, Header: http.Header{}}, nil)
	e.After = after
	return e
}

func TestEveryChangeIsDeliveredInOrder(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		s := &stream{}
		h.start(t, s, delivery.Options{})
		h.write(change{name: "ada"}, change{name: "bob"}, change{name: "ada"}, change{name: "ada"})
		inOrder(t, s.await(t, 4))
	})
}

// inOrder checks that no change came before an earlier one of its resource had come.
func inOrder(t *testing.T, calls []call) {
	t.Helper()
	highest := map[string]int64{}
	for _, c := range calls {
		assert.True(t, c.seq > highest[c.id], assert.Sprintf("change %d of %s after %d", c.seq, c.id, highest[c.id]))
		highest[c.id] = c.seq
	}
}

func TestStartFromNowLeavesOutWhatWasBefore(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.write(change{name: "ada"})
		s := &stream{}
		h.start(t, s, delivery.Options{Start: delivery.FromNow})
		h.write(change{name: "ada"})
		assert.Equal(t, s.await(t, 1)[0].seq, 2)
		synctest.Wait()
		assert.Equal(t, len(s.delivered()), 1)
	})
}

func TestRestartGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.write(change{name: "ada"}, change{name: "bob"})
		first := &stream{}
		w := h.walker(first, delivery.Options{})
		assert.NoError(t, w.Start(t.Context()))
		first.await(t, 2)
		assert.NoError(t, w.Stop(t.Context()))
		assert.NoError(t, w.Stop(t.Context()))

		h.write(change{name: "ada"})
		second := &stream{}
		h.start(t, second, delivery.Options{})
		assert.Equal(t, second.await(t, 1)[0].seq, 3)
	})
}

func TestAChangeWithoutEventsIsPassedOver(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.write(change{name: "ada"})
		h.silent("ada")
		h.write(change{name: "ada"})
		s := &stream{}
		w := h.start(t, s, delivery.Options{})
		calls := s.await(t, 2)
		assert.Equal(t, calls[1].seq, 3)
		assert.Equal(t, settled(w).Cursor.Seq, store.Seq(3))
	})
}

// settled waits until the walker has nothing to do but wait, and has written what it knows.
func settled(w *delivery.Walker) delivery.Status {
	synctest.Wait()
	pass(50 * time.Millisecond) // of the fake clock: the cursor is written within 25 ms
	synctest.Wait()
	return w.Status()
}

// R31: the times between attempts.
//
// Rows: WH-17.
func TestRel_R31_LadderOfAttempts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		s := &stream{script: func(context.Context, *target.Delivery) error { return answered(http.StatusLocked, 0) }}
		w := h.start(t, s, delivery.Options{})
		h.write(change{name: "ada"})
		pass(8 * 24 * time.Hour)
		synctest.Wait()
		calls := s.attempts()
		want := []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
			10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
		}
		assert.True(t, len(calls) > len(want))
		for i, d := range want {
			got := calls[i+1].at.Sub(calls[i].at)
			// Times are kept in whole milliseconds.
			assert.True(t, got >= d*8/10-time.Millisecond && got <= d*12/10+time.Millisecond, assert.Sprintf("wait %d: got %v, want %v ± 20 %%", i+1, got, d))
			assert.Equal(t, calls[i].attempt, i+1)
		}
		status := settled(w)
		assert.Equal(t, status.Behind, 1)
		assert.Equal(t, status.Lag, 0) // the cursor does not wait for it
		assert.Equal(t, status.Reason, "busy")

		s.set(nil)
		s.await(t, 1)
		assert.Equal(t, settled(w).Behind, 0)
	})
}

// R34: what is refused for good gets three tries, then one a day.
func TestRel_R34_RefusedChangeIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		s := &stream{script: func(context.Context, *target.Delivery) error { return answered(http.StatusBadRequest, 0) }}
		h.start(t, s, delivery.Options{})
		h.write(change{name: "ada"})
		pass(12 * time.Hour)
		synctest.Wait()
		assert.Equal(t, len(s.attempts()), 3)
		pass(24 * time.Hour)
		synctest.Wait()
		assert.Equal(t, len(s.attempts()), 4)
	})
}

// R34: one poison among many: the others flow on, and what follows of the poisoned resource waits behind it.
func TestRel_R34_PoisonDelaysItsOwnResourceOnly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.bulk("u", 1000)
		poison := h.nameOf("u-500")
		s := &stream{script: func(_ context.Context, d *target.Delivery) error {
			if d.Change.ID == poison {
				return answered(http.StatusInternalServerError, 0)
			}
			return nil
		}}
		began := time.Now()
		w := h.start(t, s, delivery.Options{})
		h.write(change{name: "u-500"}, change{name: "u-1"})
		calls := s.await(t, 1000)
		assert.Zero(t, time.Since(began)) // nobody waited for a clock
		inOrder(t, calls)
		assert.Equal(t, settled(w).Behind, 1)

		s.set(nil)
		calls = s.await(t, 1002)
		inOrder(t, calls)
		assert.Equal(t, calls[1000].id, poison)
		assert.Equal(t, calls[1001].id, poison)
	})
}

// R32: Retry-After of one resource slows all.
func TestRel_R32_RetryAfterSlowsTheTarget(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status     int
		asks, gets time.Duration
	}{
		"429 for 90 s":         {http.StatusTooManyRequests, 90 * time.Second, 90 * time.Second},
		"503 for an hour":      {http.StatusServiceUnavailable, time.Hour, time.Hour},
		"429 for a month":      {http.StatusTooManyRequests, 30 * 24 * time.Hour, 24 * time.Hour},
		"429 without any time": {http.StatusTooManyRequests, 0, 24 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, h *hub) {
				s := &stream{script: func(context.Context, *target.Delivery) error { return answered(c.status, c.asks) }}
				w := h.start(t, s, delivery.Options{Concurrency: 1})
				h.write(change{name: "ada"})
				assert.Equal(t, settled(w).State, delivery.Slowed)
				s.set(nil)
				h.write(change{name: "bob"})
				calls := s.await(t, 2)
				refused := s.attempts()[0]
				assert.True(t, calls[0].at.Sub(refused.at) >= c.gets, assert.Sprintf("waited %v", calls[0].at.Sub(refused.at)))
				assert.True(t, calls[0].at.Sub(refused.at) <= c.gets*3/2)
				// It was not the resource's fault, so this is still its first attempt.
				assert.Equal(t, calls[0].attempt, 1)
				assert.Equal(t, settled(w).State, delivery.Open)
			})
		})
	}
}

// R32: five failures in a row trip the target; probes grow from 30 s to 10 min and cost no attempt.
func TestRel_R32_CircuitTripsAndProbes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		down := &outbound.Error{Retry: true, Fault: outbound.FaultNetwork, Reason: outbound.ReasonConnect, Err: errors.New("connection refused")}
		s := &stream{script: func(context.Context, *target.Delivery) error { return down }}
		h.bulk("u", 100)
		w := h.start(t, s, delivery.Options{Concurrency: 1})
		status := settled(w)
		assert.Equal(t, status.State, delivery.Tripped)
		assert.Equal(t, len(s.attempts()), 5)
		pass(24 * time.Hour)
		calls := s.attempts()[4:]
		want := 30 * time.Second
		for i := range calls[1:] {
			got := calls[i+1].at.Sub(calls[i].at)
			assert.True(t, got >= want*8/10 && got <= want*12/10+time.Millisecond, assert.Sprintf("probe %d after %v, want about %v", i+1, got, want))
			assert.Equal(t, calls[i+1].attempt <= 2, true)
			want = min(2*want, 10*time.Minute)
		}
		assert.True(t, len(calls) > 24*60/12)

		s.set(nil)
		inOrder(t, s.await(t, 100))
		assert.Equal(t, settled(w).State, delivery.Open)
	})
}

// R34: a refused credential pauses the target.
func TestRel_R34_RefusedCredentialPausesTheTarget(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		s := &stream{script: func(context.Context, *target.Delivery) error { return answered(http.StatusUnauthorized, 0) }}
		w := h.start(t, s, delivery.Options{Concurrency: 1})
		h.bulk("u", 50)
		assert.Equal(t, settled(w).State, delivery.Paused)
		pass(61 * time.Minute)
		synctest.Wait()
		n := len(s.attempts())
		assert.True(t, n > 10 && n <= 16, assert.Sprintf("%d attempts in an hour", n))
		assert.Equal(t, w.Status().Behind, 0)
		s.set(nil)
		inOrder(t, s.await(t, 50))
	})
}

// A resource for which the target always refuses the credential is not the credential's fault.
func TestOneResourceCannotPauseTheTargetForEver(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.bulk("u", 50)
		odd := h.nameOf("u-10")
		s := &stream{script: func(_ context.Context, d *target.Delivery) error {
			if d.Change.ID == odd {
				return answered(http.StatusForbidden, 0)
			}
			return nil
		}}
		w := h.start(t, s, delivery.Options{Concurrency: 1})
		s.await(t, 49)
		status := settled(w)
		assert.Equal(t, status.State, delivery.Open)
		assert.Equal(t, status.Behind, 1)
		assert.Equal(t, status.Reason, "auth")
	})
}

// R34: 410 ends a stream target.
func TestRel_R34_GoneDisablesTheTarget(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		s := &stream{script: func(context.Context, *target.Delivery) error { return answered(http.StatusGone, 0) }}
		w := h.start(t, s, delivery.Options{Concurrency: 1})
		h.write(change{name: "ada"}, change{name: "bob"})
		pass(30 * 24 * time.Hour)
		assert.Equal(t, settled(w).State, delivery.Disabled)
		assert.Equal(t, len(s.attempts()), 1)
	})
}

// R33: what hangs holds its slot and nothing else, not even the cursor.
func TestRel_R33_HangingCallHoldsOnlyItsSlot(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.bulk("u", 300)
		stuck := h.nameOf("u-0")
		s := &stream{script: func(ctx context.Context, d *target.Delivery) error {
			if d.Change.ID != stuck {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		w := h.walker(s, delivery.Options{Concurrency: 2})
		assert.NoError(t, w.Start(t.Context()))
		s.await(t, 299)
		pass(2 * time.Second)
		status := settled(w)
		assert.Equal(t, status.Lag, 0)
		assert.Equal(t, status.Behind, 1)
		assert.Equal(t, status.Running, 1)

		// Stop cuts it off when its own time is over, and the next run begins with it.
		ended, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.NoError(t, w.Stop(ended))
		s.set(nil)
		next := &stream{}
		h.start(t, next, delivery.Options{})
		assert.Equal(t, next.await(t, 1)[0].id, stuck)
	})
}

// D13: what ends access overtakes the backlog, its resource's earlier changes first, and is not sent
// again when the backlog comes there, not even after a restart.
func TestSec_D13_UrgentChangeOvertakesTheBacklog(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		half := 5000
		if testing.Short() {
			half = 500
		}
		h.write(change{name: "leaver"})
		h.bulk("u", half)
		h.write(change{name: "leaver"})
		h.bulk("v", half)
		slowly := func(context.Context, *target.Delivery) error {
			pass(50 * time.Millisecond)
			return nil
		}
		s := &stream{script: slowly}
		w := h.walker(s, delivery.Options{})
		assert.NoError(t, w.Start(t.Context()))
		s.await(t, 20)
		leaver := h.nameOf("leaver")
		h.write(change{name: "leaver", urgent: true, events: store.EventDeactivated})
		pass(time.Second)
		last := call{}
		for _, c := range s.delivered() {
			if c.id == leaver {
				last = c
			}
		}
		assert.Equal(t, last.seq, int64(2*half+3))
		settled(w)
		assert.NoError(t, w.Stop(t.Context()))
		before := s.delivered()
		inOrder(t, before)

		rest := &stream{}
		h.start(t, rest, delivery.Options{})
		calls := rest.await(t, 2*half+3-len(before))
		for _, c := range calls {
			assert.NotEqual(t, c.id, leaver)
		}
	})
}

// Events that an attempt has delivered are not sent again by the next one.
func TestRetryGoesOnInsideAChange(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.bulk("u", 100)
		var members []string
		for i := range 100 {
			members = append(members, named("u", i))
		}
		var sent []string
		s := &stream{script: func(_ context.Context, d *target.Delivery) error {
			for ; d.Done < d.Change.Len(); d.Done++ {
				if d.Done == 60 && d.Attempt < 3 {
					return answered(http.StatusBadGateway, 0)
				}
				if d.Change.ResourceType == "Group" {
					sent = append(sent, d.Change.Event(d.Done).ID)
				}
			}
			return nil
		}}
		h.start(t, s, delivery.Options{})
		h.write(change{name: "all", typ: "Group", add: members})
		s.await(t, 101)
		assert.Equal(t, len(sent), 101) // created, and 100 members
		once := map[string]bool{}
		for _, id := range sent {
			assert.False(t, once[id])
			once[id] = true
		}
	})
}

// R05: a panic in a target is a failure of one resource.
func TestRel_R05_PanicIsAFailureOfOneResource(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		bad := h.nameOf("bad")
		s := &stream{script: func(_ context.Context, d *target.Delivery) error {
			if d.Change.ID == bad && d.Attempt == 1 {
				panic("a bug")
			}
			return nil
		}}
		h.start(t, s, delivery.Options{})
		h.write(change{name: "bad"}, change{name: "good"})
		s.await(t, 2)
	})
}

// Far more failing resources than the window holds: each is tried again in its time.
func TestManyDetoursArePaged(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		const n = 500
		h.bulk("u", n)
		s := &stream{script: func(context.Context, *target.Delivery) error { return answered(http.StatusUnprocessableEntity, 0) }}
		w := h.start(t, s, delivery.Options{Window: 16})
		status := settled(w)
		assert.Equal(t, status.Behind, n)
		assert.Equal(t, status.Lag, 0)
		pass(7 * time.Second)
		synctest.Wait()
		assert.Equal(t, len(s.attempts()), 2*n)
		s.set(nil)
		s.await(t, n)
		assert.Equal(t, settled(w).Behind, 0)
	})
}

// A store that refuses writes for a while stops delivery, and nothing is lost.
func TestRel_R11_StoreThatRefusesWrites(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.bulk("u", 100)
		db := &mortal{Store: h.DB}
		s := &stream{script: func(context.Context, *target.Delivery) error {
			pass(10 * time.Millisecond)
			return nil
		}}
		w := h.startOn(t, db, s, delivery.Options{Window: 8})
		s.await(t, 20)
		db.dead.Store(true)
		pass(time.Minute)
		held := len(s.delivered())
		assert.True(t, held < 100, assert.Sprintf("%d delivered without a cursor", held))
		db.dead.Store(false)
		inOrder(t, s.await(t, 100))
		assert.Equal(t, settled(w).Cursor.Seq, store.Seq(100))
	})
}

// A store that fails during the one probe of a target does not end the probing.
func TestStoreThatFailsDuringAProbe(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		s := &stream{script: func(context.Context, *target.Delivery) error { return answered(http.StatusUnauthorized, 0) }}
		db := &mortal{Store: h.DB}
		w := h.startOn(t, db, s, delivery.Options{})
		h.write(change{name: "ada"})
		assert.Equal(t, settled(w).State, delivery.Paused)
		db.deaf.Store(true)
		pass(10 * time.Minute)
		s.set(nil)
		db.deaf.Store(false)
		s.await(t, 1)
		assert.Equal(t, settled(w).Behind, 0)
	})
}

// P6: a target that hangs delays no other.
func TestTargetsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		stuck := &stream{script: func(ctx context.Context, _ *target.Delivery) error {
			select {
			case <-time.After(30 * time.Second):
			case <-ctx.Done():
			}
			return answered(http.StatusGatewayTimeout, 0)
		}}
		h.start(t, stuck, delivery.Options{Name: "stuck"})
		well := &stream{}
		h.start(t, well, delivery.Options{Name: "well"})
		began := time.Now()
		h.bulk("u", 1000)
		well.await(t, 1000)
		assert.Zero(t, time.Since(began))
	})
}

// R45, G12: Stop lets what runs come to its end, and nothing is sent after it.
func TestRel_R45_NothingIsSentAfterStop(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		h.bulk("u", 100)
		s := &stream{script: func(context.Context, *target.Delivery) error {
			pass(time.Second)
			return nil
		}}
		w := h.walker(s, delivery.Options{})
		assert.NoError(t, w.Start(t.Context()))
		s.await(t, 10)
		assert.NoError(t, w.Stop(t.Context()))
		sent := len(s.attempts())
		assert.Equal(t, len(s.delivered()), sent)
		cursor, err := h.Cursor(t.Context(), store.Default, "app")
		assert.NoError(t, err)
		assert.Equal(t, int(cursor.Seq), sent)
		h.write(change{name: "late"})
		pass(time.Hour)
		assert.Equal(t, len(s.attempts()), sent)
	})
}

// A target that says that it was cut off, although nobody did, is not asked again at once for ever.
func TestCancellationOfTheTargetsOwnIsAFailure(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, h *hub) {
		s := &stream{script: func(context.Context, *target.Delivery) error { return context.Canceled }}
		w := h.start(t, s, delivery.Options{})
		h.write(change{name: "ada"})
		assert.Equal(t, settled(w).Behind, 1)
		assert.Equal(t, len(s.attempts()), 1)
	})
}

// Ends nobody's work and leaves no goroutine (TestMain looks): a target that was never started.
func TestStopWithoutStart(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	assert.NoError(t, h.walker(&stream{}, delivery.Options{}).Stop(t.Context()))
}

// Commit to delivery in an idle hub: p99 has to be far below 50 ms.
func BenchmarkCommitToDelivery(b *testing.B) {
	h := newHub(b)
	s := &stream{}
	h.start(b, s, delivery.Options{})
	h.write(change{name: "ada"})
	s.await(b, 1)
	var took []time.Duration
	for n := 2; b.Loop(); n++ {
		h.write(change{name: "ada"})
		committed := time.Now()
		took = append(took, s.await(b, n)[n-1].at.Sub(committed))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// A backlog walked with a target that answers at once.
func BenchmarkBacklog(b *testing.B) {
	h := newHub(b)
	const n = 5000
	h.bulk("u", n)
	run := 0
	for b.Loop() {
		run++
		s := &stream{}
		w := h.walker(s, delivery.Options{Name: named("target", run)})
		assert.NoError(b, w.Start(b.Context()))
		s.await(b, n)
		assert.NoError(b, w.Stop(b.Context()))
	}
	b.ReportMetric(float64(n*run)/b.Elapsed().Seconds(), "changes/s")
}
