package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxRetryAfter  = 24 * time.Hour // what is longer is an error of the server's clock, or of its mind
	defaultMaxWait = 5 * time.Minute
)

// Retry says how often, and when, a request is sent again. The zero Retry sends it once.
//
// A request is repeated if that can do no harm: one that never left (no connection came about); any that was put off
// with Retry-After (429, 503); and one that may be sent twice (GET, PUT and DELETE without If-Match, a search, and what
// is [Idempotent]) after 408, 429, 500, 502, 503, 504 or a broken connection. A certificate that is not the server's
// ends a call at once. When the attempts are used up, or the context would end before the next, the last error is
// returned.
type Retry struct {
	// Attempts is how often a request is sent at most. Defaults to 1.
	Attempts int
	// Delay returns the time before repeat n, counted from 1, where the server names none. It is altered by up to
	// a fifth, so that clients that failed together do not come back together. Defaults to Exponential(time.Second,
	// time.Minute).
	Delay func(n int) time.Duration
	// MaxWait is the longest Retry-After that is waited for; a longer one is left to the caller, in [Error.RetryAfter].
	// Defaults to 5 minutes.
	MaxWait time.Duration
	// Wait waits, or returns the context's error. Defaults to a timer; tests have their own.
	Wait func(ctx context.Context, d time.Duration) error
}

// Exponential returns a Delay that doubles from first up to most.
func Exponential(first, most time.Duration) func(n int) time.Duration {
	return func(n int) time.Duration {
		d := first
		for range n - 1 {
			if d >= most/2 {
				return most
			}
			d *= 2
		}
		return min(d, most)
	}
}

// Ladder is a Delay for work that may wait for days: 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and
// then a day each time.
func Ladder(n int) time.Duration {
	steps := [...]time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	return steps[min(max(n, 1), len(steps))-1]
}

// Attempt is one request on the wire, for hooks. It holds no id, no query and no token.
type Attempt struct {
	Method   string
	Endpoint string // "/Users"
	Number   int    // from 1

	// What follows is set after the attempt.
	Status     int           // of the answer; 0: there was none
	Header     http.Header   // of the answer, such as X-RateLimit-Remaining; not to be altered
	RetryAfter time.Duration // as the server asks; 0: it does not
	Err        error         // why it was no success
}

// again decides whether attempt n is followed by another one, and after what time.
func (y Retry) again(r *call, n int, a *answer, err error, now time.Time) (time.Duration, bool) {
	if n >= y.Attempts {
		return 0, false
	}
	e, answered := errors.AsType[*Error](err)
	switch {
	case answered:
		asked, ok := e.Wait(now)
		if ok && (e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable) {
			most := y.MaxWait
			if most <= 0 {
				most = defaultMaxWait
			}
			// Never before it was asked for, and not all at the same moment.
			return asked + jitter(min(asked, time.Minute)/5), asked <= most
		}
		if !r.repeatable || !e.Temporary() {
			return 0, false
		}
	case err != nil:
		if _, wrong := errors.AsType[*tls.CertificateVerificationError](err); wrong {
			return 0, false
		}
		if !notSent(err) && !r.repeatable || errors.Is(err, context.Canceled) {
			return 0, false
		}
	default:
		if a.err == nil || errors.Is(a.err, ErrAnswer) || !r.repeatable {
			return 0, false // it came whole, or would be the same again
		}
	}
	delay := y.Delay
	if delay == nil {
		delay = Exponential(time.Second, time.Minute)
	}
	d := delay(n)
	return d - d/5 + jitter(2*d/5), true
}

// wait waits, unless the context ends before.
func (y Retry) wait(ctx context.Context, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return context.DeadlineExceeded
	}
	if y.Wait != nil {
		return y.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jitter returns a random time below d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(d))
}

// ParseRetryAfter reads the value of a Retry-After header, seconds or a date (RFC 9110 §10.2.3). A time in the past is
// 0, one of more than a day is a day; ok is false if it is neither.
func ParseRetryAfter(value string, now time.Time) (wait time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		n, err := strconv.Atoi(value)
		if err != nil || n > int(maxRetryAfter/time.Second) {
			return maxRetryAfter, true
		}
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}
