package relational

import (
	"context"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// signal wakes those who wait for a tenant's head to move. A commit costs one close of a
// channel however many wait, and nothing where nobody does.
type signal struct {
	mu      sync.Mutex
	tenants map[store.Tenant]*beat
}

// beat is a tenant's head as far as this process has seen it; 0 before that.
type beat struct {
	seq  store.Seq
	next chan struct{} // closed by the next commit; nil while nobody waits
}

func newSignal() *signal { return &signal{tenants: map[store.Tenant]*beat{}} }

func (s *signal) tenant(t store.Tenant) *beat {
	b := s.tenants[t]
	if b == nil {
		b = &beat{}
		s.tenants[t] = b
	}
	return b
}

// drop forgets a tenant that has gone; who waits for it is told that its head has moved, and finds none.
func (s *signal) drop(t store.Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.tenants[t]; b != nil && b.next != nil {
		close(b.next)
	}
	delete(s.tenants, t)
}

// committed tells the waiters of a tenant its new head.
func (s *signal) committed(t store.Tenant, seq store.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.tenant(t)
	if seq <= b.seq {
		return // another node's commit was seen first
	}
	b.seq = seq
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// watch returns the head and a channel that is closed when it has moved on.
func (s *signal) watch(t store.Tenant) (store.Seq, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.tenant(t)
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.seq, b.next
}

// watched returns the tenants for whom somebody waits.
func (s *signal) watched() (list []store.Num) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, b := range s.tenants {
		if b.next != nil {
			list = append(list, store.Num(t))
		}
	}
	return list
}

// How often the heads are looked at that other nodes may have moved: as long as a reader of the feed may be behind the
// commit, and one small query. After an error the database is given time.
const (
	lookEvery = 20 * time.Millisecond
	lookAgain = time.Second
)

const movedHeads = "SELECT h.tenant, h.seq FROM numbers(?) k CROSS JOIN head h WHERE h.tenant = k.value"

// look tells the waiters of this process what other nodes commit, until the store is closed.
func (db *DB) look() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	next := time.NewTimer(lookEvery)
	defer next.Stop()
	for {
		select {
		case <-db.closing:
			return
		case <-next.C:
		}
		pause := lookEvery
		if tenants := db.signal.watched(); len(tenants) > 0 {
			err := db.each(ctx, func(r Row) { db.signal.committed(store.Tenant(r.Int(0)), store.Seq(r.Int(1))) }, movedHeads, tenants)
			if err != nil {
				pause = lookAgain
			}
		}
		next.Reset(pause)
	}
}
