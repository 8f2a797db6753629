package scim

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/muster-id/muster/scim/client"
)

// paced sends requests no faster than the pace allows.
type paced struct {
	next client.Doer
	pace *pace
}

// Do implements [client.Doer].
func (p *paced) Do(req *http.Request) (*http.Response, error) {
	if err := p.pace.wait(req.Context()); err != nil {
		return nil, err
	}
	return p.next.Do(req)
}

// A pace gives every request its moment, one interval behind that of the request before.
type pace struct {
	every time.Duration // 0: no limit

	mu   sync.Mutex // guards what follows
	next time.Time
}

func newPace(perSecond float64) *pace {
	if perSecond <= 0 {
		return &pace{}
	}
	return &pace{every: time.Duration(float64(time.Second) / perSecond)}
}

func (p *pace) wait(ctx context.Context) error {
	if p.every == 0 {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	at := p.next
	p.next = at.Add(p.every)
	p.mu.Unlock()
	timer := time.NewTimer(at.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
