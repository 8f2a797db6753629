package conformance

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// maxRetries is how often a request is sent again that the provider asked to send later.
	maxRetries = 4
	// longestWait bounds what a provider may ask for.
	longestWait = 30 * time.Second
)

// pacer spaces requests out, and waits where the provider says Retry-After (RFC 6585 §4, RFC 9110 §10.2.3).
type pacer struct {
	inner    http.RoundTripper
	interval time.Duration

	mu   sync.Mutex // guards next
	next time.Time
}

// pace returns a client that sends at most so many requests a second; 0: as many as it can.
func pace(c *http.Client, rate float64) *http.Client {
	inner := c.Transport
	if inner == nil {
		inner = http.DefaultTransport //nolint:forbidigo // a person names the server that is asked
	}
	p := &pacer{inner: inner}
	if rate > 0 {
		p.interval = time.Duration(float64(time.Second) / rate)
	}
	paced := *c
	paced.Transport = p
	return &paced
}

// RoundTrip implements http.RoundTripper.
func (p *pacer) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		if err := p.wait(r, p.slot()); err != nil {
			return nil, err
		}
		resp, err := p.inner.RoundTrip(r)
		if err != nil || try == maxRetries || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
			return resp, err
		}
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil || r.GetBody == nil && r.Body != nil && r.Body != http.NoBody {
			return resp, nil
		}
		_ = resp.Body.Close()
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		if err := p.wait(r, min(time.Duration(max(seconds, 1))*time.Second, longestWait)); err != nil {
			return nil, err
		}
	}
}

// slot returns how long the next request has to wait, and takes the place behind it.
func (p *pacer) slot() time.Duration {
	if p.interval == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(p.interval)
	return at.Sub(now)
}

func (p *pacer) wait(r *http.Request, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}
