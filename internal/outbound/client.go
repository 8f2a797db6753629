package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

const (
	defaultTimeout  = 30 * time.Second // section 0 and R33: the whole attempt
	dialTimeout     = 5 * time.Second  // one address; the next one is tried after it
	maxAddresses    = 8                // of one name
	maxHeaderBytes  = 64 << 10
	idleTimeout     = time.Minute // R43: a moved name is noticed within it
	defaultMaxConns = 16
)

// Options are the properties of a [Client].
type Options struct {
	// Allow is the operator's allow-list of ranges and ports, as [ParseRule] reads
	// them. Defaults to none: public addresses on ports 443 and 8443 only.
	Allow []string
	// InsecureHTTP lets plain http URLs reach every address in Allow, not only
	// loopback. Never reaches an address outside Allow. Defaults to false.
	InsecureHTTP bool
	// Timeout bounds one attempt from the dial to the last byte of the body.
	// Defaults to 30 s.
	Timeout time.Duration
	// Rate is how many requests are sent in a second at most; those beyond wait, until their context
	// ends. Defaults to 0, no limit.
	Rate float64
	// MaxConns bounds the connections to one host. Defaults to 16.
	MaxConns int
	// RootCAs are the certificate authorities to trust. Defaults to the system's.
	RootCAs *x509.CertPool
	// Version is sent as "User-Agent: Muster/<version>". Defaults to "dev".
	Version string
	// Resolver answers names. Defaults to [net.DefaultResolver].
	Resolver Resolver
}

// Resolver is the part of [net.Resolver] that is used.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A Client makes guarded HTTP requests. Make one for each target, so that a target
// which hangs holds only connections of its own. It is safe for concurrent use.
type Client struct {
	http     http.Client
	guard    *Guard
	resolver Resolver
	agent    string
	pace     *rate.Limiter // nil: no limit

	// One transport a scheme: the guard judges a connection by what will be spoken
	// on it, and the dialer does not know that otherwise.
	secure, plain *http.Transport
}

var _ http.RoundTripper = (*Client)(nil)

// New returns a client. It starts no goroutine and opens no connection.
func New(o Options) (*Client, error) {
	guard, err := NewGuard(o.Allow)
	if err != nil {
		return nil, err
	}
	c := &Client{guard: guard, resolver: o.Resolver, agent: "Muster/dev"}
	if c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	if o.Version != "" {
		c.agent = "Muster/" + o.Version
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxConns <= 0 {
		o.MaxConns = defaultMaxConns
	}
	c.secure = c.transport(HTTPS, o)
	c.plain = c.transport(HTTP, o)
	if o.InsecureHTTP {
		c.plain = c.transport(InsecureHTTP, o)
	}
	if o.Rate > 0 {
		c.pace = rate.NewLimiter(rate.Limit(o.Rate), 1)
	}
	c.http = http.Client{Transport: c, Timeout: o.Timeout}
	return c, nil
}

func (c *Client) transport(s Scheme, o Options) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // G07: HTTP_PROXY would be dialled in place of the target
		DialContext:            c.dialer(s),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true, // off by default next to a dialer of one's own
		DisableCompression:     true, // G08: no bombs; caps are of what is on the wire
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxConnsPerHost:        o.MaxConns,
		MaxIdleConnsPerHost:    o.MaxConns,
		IdleConnTimeout:        idleTimeout,
	}
}

// Do makes one attempt. The error is an [*Error]; an answer of any status is not
// an error here, ask [Classify]. Read the body with [ReadBody], which closes it.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if c.pace != nil {
		// Waiting is no part of the attempt: its time-out begins afterwards.
		if err := c.pace.Wait(req.Context()); err != nil {
			return nil, classifyError(fmt.Errorf("wait for the rate: %w", err))
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, classifyError(err)
	}
	return resp, nil
}

// HTTP returns the guarded client for libraries that want one of net/http. What
// they change in it cannot remove the guard, nor make it follow redirects.
func (c *Client) HTTP() *http.Client {
	h := c.http
	return &h
}

// Guard returns the guard, to check URLs while they are configured.
func (c *Client) Guard() *Guard { return c.guard }

// Close closes the idle connections.
func (c *Client) Close() {
	c.secure.CloseIdleConnections()
	c.plain.CloseIdleConnections()
}

// RoundTrip implements [http.RoundTripper] for [Client.HTTP]; call [Client.Do].
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := CheckURL(req.URL.String()); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // the contract of RoundTripper; the request is already lost
		}
		return nil, refusedf("the URL %w", err)
	}
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", c.agent)
	transport := c.secure
	if req.URL.Scheme == "http" {
		transport = c.plain
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		// G04: without it net/http neither follows nor parses, and nobody after us can.
		resp.Header.Del("Location")
	}
	return resp, nil
}

// dialer returns a dial function that resolves once, judges every answer, and
// then dials what it judged (G03). The dialer's own Control judges again: it sees
// the address of the connection itself.
func (c *Client) dialer(s Scheme) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout, Control: c.guard.control(s)}
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		addrs, err := c.resolve(ctx, address)
		if err != nil {
			return nil, err
		}
		for _, addr := range addrs {
			if err := c.guard.Check(addr, s); err != nil {
				return nil, err
			}
		}
		var last error
		for _, addr := range addrs[:min(len(addrs), maxAddresses)] {
			conn, err := d.DialContext(ctx, "tcp", addr.String())
			if err == nil {
				return conn, nil
			}
			last = err
			if ctx.Err() != nil {
				break
			}
		}
		return nil, last
	}
}

// resolve returns all addresses of host:port, in the order to try them.
func (c *Client) resolve(ctx context.Context, address string) ([]netip.AddrPort, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refusedf("the address to dial cannot be read")
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, refusedf("the port to dial cannot be read")
	}
	var ips []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = []netip.Addr{ip}
	} else if ips, err = c.resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	addrs := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		addrs[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port))
	}
	return addrs, nil
}
