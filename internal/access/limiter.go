package access

import (
	"net/netip"
	"sync"
	"time"
)

// window is the span failures are counted over.
const window = time.Minute

// A limiter counts failures per address in windows of a minute. All addresses
// share the window's start, so that forgetting is emptying one map; an address may
// have up to twice the limit in a minute that spans two windows.
type limiter struct {
	limit int
	max   int

	mu     sync.Mutex
	start  time.Time
	counts map[netip.Prefix]int
	others int // failures of the addresses that found no place in counts
}

func newLimiter(limit, maxAddresses int) *limiter {
	return &limiter{limit: limit, max: maxAddresses, counts: make(map[netip.Prefix]int)}
}

// wait returns how long addr has to wait, zero if it is under the limit.
func (l *limiter) wait(addr netip.Addr, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	n, counted := l.counts[network(addr)]
	if !counted && len(l.counts) >= l.max {
		n = l.others
	}
	if n < l.limit {
		return 0
	}
	return l.start.Add(window).Sub(now)
}

// fail counts a failure of addr and returns how long it has to wait from now on:
// zero for the failures within the limit.
func (l *limiter) fail(addr netip.Addr, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	key := network(addr)
	n, counted := l.counts[key]
	switch {
	case counted || len(l.counts) < l.max:
		n++
		l.counts[key] = n
	default:
		l.others++
		n = l.others
	}
	if n <= l.limit {
		return 0
	}
	return l.start.Add(window).Sub(now)
}

// turn begins a new window when the old one is over, or the clock went back.
func (l *limiter) turn(now time.Time) {
	if since := now.Sub(l.start); since >= 0 && since < window {
		return
	}
	l.start, l.others = now, 0
	clear(l.counts)
}

// network returns what is counted as one: an IPv4 address, or the /64 that an IPv6
// host has to itself.
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // the zero address: all that have none
	}
	return p
}
