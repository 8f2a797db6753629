package sqlite

import (
	"sync"

	"github.com/muster-id/muster/internal/store"
)

// signal wakes those who wait for a tenant's head to move. A commit costs one close of a
// channel however many wait, and nothing where nobody does.
type signal struct {
	mu      sync.Mutex
	tenants map[store.Tenant]*beat
}

// beat is a tenant's head as the writer last committed it; 0 before its first commit in this process.
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
