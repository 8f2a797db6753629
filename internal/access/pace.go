package access

import (
	"context"
	"sync"
	"time"
)

// maxPaced bounds the callers whose pace is remembered. Who is forgotten begins with a full burst.
const maxPaced = 50_000

// Pace is how fast somebody may send requests. The zero Pace is no limit.
type Pace struct {
	Rate  float64 // requests a second
	Burst float64 // that may come at once
}

// A Pacer holds callers to their pace: a request that comes too soon waits for its turn, up to a limit, and is refused beyond.
// It is safe for concurrent use.
type Pacer[K comparable] struct {
	now    func() time.Time
	most   time.Duration // that a request waits
	mu     sync.Mutex    // guards theirs
	theirs map[K]time.Time
}

// NewPacer returns a pacer that lets a request wait for at most so long.
func NewPacer[K comparable](now func() time.Time, most time.Duration) *Pacer[K] {
	return &Pacer[K]{now: now, most: most, theirs: map[K]time.Time{}}
}

// take reserves the next place of a caller, and returns how long to wait for it; ok false: too long, nothing is reserved, and wait is
// when to come again.
func (p *Pacer[K]) take(who K, pace Pace) (wait time.Duration, ok bool) {
	now := p.now()
	each := time.Duration(float64(time.Second) / pace.Rate)
	burst := time.Duration(pace.Burst * float64(each))
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.theirs[who]
	if at.Before(now) {
		at = now
	}
	next := at.Add(each)
	if wait = next.Add(-burst).Sub(now); wait > p.most {
		return wait - p.most, false
	}
	if _, known := p.theirs[who]; !known && len(p.theirs) >= maxPaced {
		for other, until := range p.theirs {
			if until.Before(now) || len(p.theirs) >= maxPaced {
				delete(p.theirs, other)
				break
			}
		}
	}
	p.theirs[who] = next
	return max(wait, 0), true
}

// Wait waits for the caller's turn. after is not zero if it would take too long: when to come again.
func (p *Pacer[K]) Wait(ctx context.Context, who K, pace Pace) (after time.Duration, err error) {
	if pace.Rate <= 0 {
		return 0, nil
	}
	pace.Burst = max(pace.Burst, 1)
	wait, ok := p.take(who, pace)
	if !ok {
		return max(wait, time.Second), nil
	}
	if wait == 0 {
		return 0, nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
