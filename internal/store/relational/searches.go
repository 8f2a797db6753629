package relational

import (
	"context"
	"sync"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// How many searches of a tenant may look at everything at the same time (E02), and how long another one waits for
// its turn before it is told to come again.
const (
	maxSearches = 2
	searchWait  = time.Second
)

// searches keeps the expensive searches of a tenant from taking all that the others need.
type searches struct {
	mu      sync.Mutex
	tenants map[store.Tenant]*places // of those with a search under way or waiting
}

type places struct {
	taken chan struct{}
	users int
}

// enter takes a place, which leave gives back.
func (s *searches) enter(ctx context.Context, t store.Tenant) (leave func(), err error) {
	s.mu.Lock()
	p := s.tenants[t]
	if p == nil {
		p = &places{taken: make(chan struct{}, maxSearches)}
		if s.tenants == nil {
			s.tenants = map[store.Tenant]*places{}
		}
		s.tenants[t] = p
	}
	p.users++
	s.mu.Unlock()

	ctx, cancel := context.WithTimeoutCause(ctx, searchWait, store.ErrSearches)
	defer cancel()
	select {
	case p.taken <- struct{}{}:
		return func() {
			<-p.taken
			s.forget(t, p)
		}, nil
	case <-ctx.Done():
		s.forget(t, p)
		return nil, context.Cause(ctx)
	}
}

func (s *searches) forget(t store.Tenant, p *places) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.users--; p.users == 0 {
		delete(s.tenants, t)
	}
}
