package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	defaultMaxBody = 10 << 20
	maxURL         = 2000 // bytes of a URL; what is longer is cut or refused by somebody on the way
)

// Doer sends a request, as [http.Client] does. It bounds it in time.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// Options are the properties of a [Client].
type Options struct {
	// HTTP sends the requests. Required: the library brings no client of its own. Of an [http.Client] a copy is used
	// that follows no redirects.
	HTTP Doer
	// Token returns the bearer token of a request (RFC 6750 §2.1). Where a token is refused (401) it is asked once
	// more, and if it has another one by then, the request is repeated with that. Defaults to none.
	Token func(ctx context.Context) (string, error)
	// Rejected is told which token was refused, before Token is asked again: the place to drop it from a cache.
	// Defaults to nothing.
	Rejected func(ctx context.Context, token string)
	// Cleartext lets a token go over http to hosts other than this machine. RFC 7644 §7.2 forbids it. Defaults to
	// false.
	Cleartext bool
	// FollowRedirects follows 307 and 308 within the origin of the base URL, with the same method and body; a 308 that
	// moves the base is remembered (RFC 7644 §3.12). Any other redirect is an error that says where it leads.
	// Defaults to false: every redirect is one.
	FollowRedirects bool
	// UserAgent names the program; some servers refuse requests without one. Defaults to what HTTP sends.
	UserAgent string
	// MaxBody bounds the body of an answer, in bytes. Defaults to 10 MiB.
	MaxBody int64
	// Retry says how often a request is sent. Defaults to once.
	Retry Retry
	// Before is called in front of every attempt: the place to wait for a rate limiter. Its error ends the call.
	// Defaults to nothing.
	Before func(ctx context.Context, a Attempt) error
	// After is told how every attempt went: the place to slow a rate limiter down, and to count. Defaults to nothing.
	After func(ctx context.Context, a Attempt)
	// Now is the clock, for dates in Retry-After and for how long something learned about the peer is believed.
	// Defaults to time.Now.
	Now func() time.Time
}

// Client calls one service provider. It is safe for concurrent use if its Doer is.
type Client struct {
	o    Options
	peer peer

	mu   sync.Mutex // guards what follows
	base string     // without a slash at its end
}

// New returns a client of the service provider at base, such as https://app.example/scim/v2.
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, errors.New("the base URL cannot be read") // the parser's error repeats it
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, errors.New("the base URL is not an absolute http or https URL")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
		return nil, errors.New("the base URL has a query, a fragment or user-info") // RFC 7644 §1.3, §7.1
	case o.HTTP == nil:
		return nil, errors.New("there is nothing to send requests with")
	case u.Scheme == "http" && o.Token != nil && !o.Cleartext && !local(u.Hostname()):
		return nil, errors.New("the base URL is http, which shows the token to everybody on the way; use https")
	}
	if hc, ok := o.HTTP.(*http.Client); ok {
		// It would send the token on to wherever it is sent, and make a GET of a POST.
		still := *hc
		still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		o.HTTP = &still
	}
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{o: o, base: strings.TrimRight(base, "/")}, nil
}

// local reports whether a host is this machine.
func local(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// baseURL returns where the service provider is.
func (c *Client) baseURL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base
}

// move takes in that a path below the base has moved for good (308), if it is the base that has.
func (c *Client) move(base, path, to string) {
	moved, ok := strings.CutSuffix(to, path)
	if !ok || path == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base == base {
		c.base = moved
	}
}

// sameOrigin reports whether two URLs share scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// notSent reports whether an error of a Doer says that no connection came about, so that nobody saw the request.
func notSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}
