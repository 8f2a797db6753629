package transport

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Limits are how many connections there may be.
type Limits struct {
	// Connections is how many in all. Defaults to 10,000.
	Connections int
	// PerAddress is how many of one address, or of the /64 of an IPv6 one. Defaults to 200. Trusted proxies have no such limit.
	PerAddress int
}

// Limit returns a listener that closes what is more than the limits allow at once, before anything is read of it.
func Limit(l net.Listener, o Limits, trusted Proxies) *Listener {
	if o.Connections <= 0 {
		o.Connections = 10_000
	}
	if o.PerAddress <= 0 {
		o.PerAddress = 200
	}
	return &Listener{Listener: l, o: o, trusted: trusted, by: map[netip.Prefix]int{}}
}

// Listener is a listener with limits.
type Listener struct {
	net.Listener
	o       Limits
	trusted Proxies
	refused atomic.Int64

	mu  sync.Mutex // guards what follows
	all int
	by  map[netip.Prefix]int
}

// Refused returns how many connections were closed because there were too many.
func (l *Listener) Refused() int64 { return l.refused.Load() }

// Open returns how many connections there are.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who, limited := l.who(c)
		if !l.enter(who, limited) {
			l.refused.Add(1)
			_ = c.Close() // that it goes away is all there is to do
			continue
		}
		return &conn{Conn: c, leave: sync.OnceFunc(func() { l.leave(who) })}, nil
	}
}

// who returns what is counted as one.
func (l *Listener) who(c net.Conn) (who netip.Prefix, limited bool) {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}, false // no network
	}
	a := ap.Addr().Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	who, _ = a.Prefix(bits) // of that length it has one
	return who, !l.trusted.trusts(a)
}

func (l *Listener) enter(who netip.Prefix, limited bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.o.Connections || limited && l.by[who] >= l.o.PerAddress {
		return false
	}
	l.all++
	l.by[who]++
	return true
}

func (l *Listener) leave(who netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.by[who]--; l.by[who] <= 0 {
		delete(l.by, who)
	}
}

type conn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.leave()
	return c.Conn.Close()
}
