package delivery_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
)

var seeds = flag.Uint64("seeds", 6, "how many random histories the tests of failures and kills play")

// mortal is a store that a killed process had: from the kill on nothing is written.
type mortal struct {
	delivery.Store
	dead atomic.Bool
	deaf atomic.Bool // reads of documents fail too
}

var errKilled = errors.New("the process was killed")

func (m *mortal) Write(ctx context.Context, t store.Tenant, op *store.Op) error {
	if m.dead.Load() {
		return errKilled
	}
	return m.Store.Write(ctx, t, op)
}

func (m *mortal) Documents(ctx context.Context, t store.Tenant, c *store.Change) (before, after []byte, err error) {
	if m.deaf.Load() {
		return nil, nil, errKilled
	}
	return m.Store.Documents(ctx, t, c)
}

// receiver records what arrived and checks the promise of invariant 3 while it does.
type receiver struct {
	mu       sync.Mutex
	rng      *rand.Rand
	failures map[int64]int    // left, by change
	seen     map[int64]bool   // delivered
	last     map[string]int64 // latest delivered, by resource
	ids      map[int64]string // of events, by change
	history  map[string][]int64
	problems []string
}

func (r *receiver) Close() error { return nil }

func (r *receiver) Deliver(ctx context.Context, d *target.Delivery) error {
	seq, id := int64(d.Change.Position.Seq), d.Change.ID
	wait, err := r.fate(seq)
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, earlier := range r.history[id] {
		if earlier < seq && !r.seen[earlier] {
			r.problems = append(r.problems, fmt.Sprintf("change %d of %s before %d", seq, id, earlier))
		}
	}
	event := d.Change.Event(0).ID
	if r.ids[seq] != "" && r.ids[seq] != event {
		r.problems = append(r.problems, fmt.Sprintf("change %d came as %s and as %s", seq, r.ids[seq], event))
	}
	r.seen[seq], r.last[id], r.ids[seq] = true, seq, event
	return nil
}

// fate decides what happens to an attempt; a change fails at most three times.
func (r *receiver) fate(seq int64) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := time.Duration(r.rng.IntN(20)) * time.Millisecond
	if r.rng.IntN(40) == 0 {
		wait = time.Duration(r.rng.IntN(5000)) * time.Millisecond
	}
	left, known := r.failures[seq]
	if !known && r.rng.IntN(5) == 0 {
		left = 1 + r.rng.IntN(3)
	}
	r.failures[seq] = max(left-1, 0)
	if left == 0 {
		return wait, nil
	}
	return wait, []error{
		answered(http.StatusInternalServerError, 0),
		answered(http.StatusBadRequest, 0),
		answered(http.StatusTooManyRequests, 2*time.Second),
		answered(http.StatusUnauthorized, 0),
		answered(http.StatusConflict, 0),
		&outbound.Error{Retry: true, Fault: outbound.FaultNetwork, Reason: outbound.ReasonConnect},
		errors.New("a bug of ours"),
	}[r.rng.IntN(7)]
}

func (r *receiver) missing(total int64) (left []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for seq := int64(1); seq <= total; seq++ {
		if !r.seen[seq] {
			left = append(left, seq)
		}
	}
	return left
}

// Invariant 3, and R01, R38, R39 in small: whatever fails and whenever the process is killed, every
// change arrives at least once, with one id, and never before an earlier one of its resource; what a
// resource ends with is its last change.
func TestRel_R39_OrderUnderFailuresAndKills(t *testing.T) {
	t.Parallel()
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, h *hub) { orderUnderFailures(t, h, seed) })
		})
	}
}

func orderUnderFailures(t *testing.T, h *hub, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	r := &receiver{
		rng: rand.New(rand.NewPCG(seed, 2)), failures: map[int64]int{}, seen: map[int64]bool{},
		last: map[string]int64{}, ids: map[int64]string{}, history: map[string][]int64{},
	}
	const resources = 12
	var total int64
	write := func(n int) {
		for range n {
			c := change{name: named("r", rng.IntN(resources)), urgent: rng.IntN(8) == 0}
			id := h.nameOf(c.name)
			total++
			r.mu.Lock()
			r.history[id] = append(r.history[id], total)
			r.mu.Unlock()
			h.writeOne(c)
		}
	}
	options := delivery.Options{Window: 1 + rng.IntN(10), Concurrency: 1 + rng.IntN(4)}
	for range 10 {
		db := &mortal{Store: h.DB}
		w := h.walkerOn(db, r, options)
		assert.NoError(t, w.Start(t.Context()))
		for range 4 {
			write(rng.IntN(15))
			pass(time.Duration(rng.IntN(8000)) * time.Millisecond)
		}
		ended, cancel := context.WithCancel(t.Context())
		if rng.IntN(3) > 0 {
			db.dead.Store(true)
			cancel()
		}
		assert.NoError(t, w.Stop(ended))
		cancel()
	}
	w := h.start(t, r, options)
	for deadline := time.Now().Add(30 * 24 * time.Hour); len(r.missing(total)) > 0; pass(time.Minute) {
		assert.True(t, time.Now().Before(deadline), assert.Sprintf("changes %v never came: %+v", r.missing(total), w.Status()))
	}
	pass(time.Hour)
	status := settled(w)
	assert.Equal(t, status.Lag, 0)
	assert.Equal(t, status.Behind, 0)
	rows, err := h.Detours(t.Context(), store.Default, "app")
	assert.NoError(t, err)
	assert.Equal(t, len(rows), 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	assert.Equal(t, r.problems, nil)
	for _, id := range slices.Sorted(maps.Keys(r.history)) {
		assert.Equal(t, r.last[id], slices.Max(r.history[id]))
	}
}
