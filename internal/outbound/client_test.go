package outbound_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muster-id/muster/internal/outbound"
)

// TestMain puts a proxy into the environment before net/http reads it, once and
// for good: no test may notice it (G07).
func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		if err := os.Setenv(name, proxy.URL); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	proxy.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var proxied atomic.Int32

func client(t *testing.T, o outbound.Options) *outbound.Client {
	t.Helper()
	c, err := outbound.New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

func get(t *testing.T, c *outbound.Client, url string) (*http.Response, *outbound.Error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, outbound.Classify(resp, err)
}

// canary is a server that must not be reached.
func canary(t *testing.T) (url string, hits *atomic.Int32) {
	t.Helper()
	hits = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(s.Close)
	return s.URL, hits
}

type resolverFunc func(host string) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return f(host)
}

func addrs(texts ...string) []netip.Addr {
	out := make([]netip.Addr, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParseAddr(text)
	}
	return out
}

func portOf(t *testing.T, url string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(url[strings.Index(url, "//")+2:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestSec_G01_RefusedAddressIsNeverConnected(t *testing.T) {
	t.Parallel()
	url, hits := canary(t)
	port := portOf(t, url)
	names := resolverFunc(func(host string) ([]netip.Addr, error) {
		switch host {
		case "inside.example":
			return addrs("127.0.0.1"), nil
		case "mapped.example":
			return addrs("::ffff:127.0.0.1"), nil
		case "mixed.example":
			return addrs("8.8.8.8", "127.0.0.1"), nil
		default:
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
	})
	c := client(t, outbound.Options{Resolver: names, InsecureHTTP: true})
	for _, host := range []string{"127.0.0.1", "inside.example", "mapped.example", "mixed.example", "[::1]"} {
		for _, scheme := range []string{"http", "https"} {
			_, e := get(t, c, scheme+"://"+host+":"+port+"/")
			if e == nil || e.Reason != outbound.ReasonRefused {
				t.Errorf("%s://%s: got %v, want a refusal", scheme, host, e)
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests reached a refused address", n)
	}
}

func TestSec_G03_RebindingNameReachesNothing(t *testing.T) {
	t.Parallel()
	url, hits := canary(t)
	var calls atomic.Int32
	flip := resolverFunc(func(string) ([]netip.Addr, error) {
		// 127.0.0.2 is allowed and nobody listens there; 127.0.0.1 is refused and answers.
		if calls.Add(1)%2 == 0 {
			return addrs("127.0.0.1"), nil
		}
		return addrs("127.0.0.2"), nil
	})
	c := client(t, outbound.Options{Resolver: flip, Allow: []string{"127.0.0.2"}})
	const tries = 10_000
	for range tries {
		if _, e := get(t, c, "http://localhost:"+portOf(t, url)+"/"); e == nil {
			t.Fatal("a request succeeded")
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests reached the refused address", hits.Load())
	}
	if calls.Load() != tries {
		t.Errorf("%d look-ups for %d requests: something resolves a second time", calls.Load(), tries)
	}
}

func TestSec_G03_SecondAddressIsTriedWhenAllAreAllowed(t *testing.T) {
	t.Parallel()
	url, hits := canary(t)
	both := resolverFunc(func(string) ([]netip.Addr, error) { return addrs("127.0.0.2", "127.0.0.1"), nil })
	c := client(t, outbound.Options{Resolver: both, Allow: []string{"127.0.0.0/8"}})
	if _, e := get(t, c, "http://localhost:"+portOf(t, url)+"/"); e != nil || hits.Load() != 1 {
		t.Errorf("got %v and %d requests, want the second address to answer", e, hits.Load())
	}
}

func TestSec_G04_RedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	inside, hits := canary(t)
	for _, status := range []int{301, 302, 303, 307, 308, 300, 304} {
		for _, location := range []string{inside, "/again", "http://169.254.169.254/", "%zz", ""} {
			var requests atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				if location != "" {
					w.Header().Set("Location", location)
				}
				w.WriteHeader(status)
			}))
			t.Cleanup(s.Close)
			c := client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}})
			_, e := get(t, c, s.URL)
			if e == nil || e.Reason != outbound.ReasonRedirect || e.Status != status {
				t.Errorf("%d to %q: got %v, want a failed attempt", status, location, e)
			}

			// A library may set its own redirect rule on the client it is given.
			h := c.HTTP()
			h.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := h.Do(req); err != nil || resp.StatusCode != status {
				t.Errorf("%d to %q by HTTP(): got %v, %v", status, location, resp, err)
			} else {
				_ = resp.Body.Close()
			}
			if n := requests.Load(); n != 2 {
				t.Errorf("%d to %q: %d requests for 2 attempts", status, location, n)
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

func TestSec_G05_ClientRefusesURLsThatNobodyChecked(t *testing.T) {
	t.Parallel()
	url, hits := canary(t)
	c := client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}})
	for _, bad := range []string{
		strings.Replace(url, "127.0.0.1", "user:pw@127.0.0.1", 1), strings.Replace(url, "127.0.0.1", "2130706433", 1), url + "/a/../b",
	} {
		if _, e := get(t, c, bad); e == nil || e.Reason != outbound.ReasonRefused {
			t.Errorf("%s: got %v, want a refusal", bad, e)
		}
	}
	if hits.Load() != 0 {
		t.Error("a request was sent")
	}
}

func TestSec_G07_EnvironmentProxyIsIgnored(t *testing.T) {
	t.Parallel()
	url, hits := canary(t)
	names := resolverFunc(func(string) ([]netip.Addr, error) { return addrs("127.0.0.1"), nil })
	// A name, because net/http itself spares loopback addresses from proxies.
	c := client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}, Resolver: names, InsecureHTTP: true})
	if _, e := get(t, c, "http://app.example:"+portOf(t, url)+"/"); e != nil {
		t.Fatalf("request: %v", e)
	}
	if hits.Load() != 1 || proxied.Load() != 0 {
		t.Errorf("%d direct and %d proxied requests, want 1 and 0", hits.Load(), proxied.Load())
	}
}

func TestPlainHTTPToNamesOnlyWhereAllowed(t *testing.T) {
	t.Parallel()
	url, hits := canary(t)
	toLoopback := resolverFunc(func(string) ([]netip.Addr, error) { return addrs("127.0.0.1"), nil })
	toPrivate := resolverFunc(func(string) ([]netip.Addr, error) { return addrs("10.255.255.254"), nil })
	allow := []string{"127.0.0.0/8", "10.0.0.0/8"}
	target := "http://app.example:" + portOf(t, url) + "/"

	if _, e := get(t, client(t, outbound.Options{Allow: allow, Resolver: toLoopback}), target); e != nil || hits.Load() != 1 {
		t.Errorf("http to an allowed loopback address: %v", e)
	}
	if _, e := get(t, client(t, outbound.Options{Allow: allow, Resolver: toPrivate}), target); e == nil || e.Reason != outbound.ReasonRefused {
		t.Errorf("http to an allowed private address without InsecureHTTP: got %v, want a refusal", e)
	}
}

func TestUserAgentIsAlwaysSent(t *testing.T) {
	t.Parallel()
	agents := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { agents <- r.Header.Get("User-Agent") }))
	t.Cleanup(s.Close)
	c := client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}, Version: "1.2.3"})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", "something else")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := <-agents; got != "Muster/1.2.3" {
		t.Errorf("User-Agent = %q, want Muster/1.2.3", got)
	}
	if req.Header.Get("User-Agent") != "something else" {
		t.Error("the caller's request was changed")
	}
}

// Rows: P-7.2-02, C-03.
func TestSec_A21_OldTLSAndUnknownAuthoritiesAreRefused(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())

	resp, e := get(t, client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}, RootCAs: pool}), s.URL)
	if e != nil || resp.ProtoMajor != 2 {
		t.Errorf("own authority: got %v, want an answer over HTTP/2", e)
	}
	if _, e := get(t, client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}}), s.URL); e == nil || e.Reason != outbound.ReasonTLS {
		t.Errorf("unknown authority: got %v, want reason tls", e)
	}

	old := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	t.Cleanup(old.Close)
	pool.AddCert(old.Certificate())
	if _, e := get(t, client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}, RootCAs: pool}), old.URL); e == nil || e.Reason != outbound.ReasonTLS {
		t.Errorf("TLS 1.1: got %v, want reason tls", e)
	}
}

func TestSec_G08_SlowDripEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				// The client hangs up in the middle: that is the test.
				_, _ = w.Write([]byte("."))
				_ = http.NewResponseController(w).Flush()
			}
		}
	}))
	t.Cleanup(s.Close)
	c := client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}, Timeout: 200 * time.Millisecond})
	start := time.Now()
	resp, e := get(t, c, s.URL)
	if e != nil {
		t.Fatalf("headers: %v", e)
	}
	_, err := outbound.ReadBody(resp, outbound.MaxWebhookBody)
	got := outbound.Classify(resp, err)
	if got == nil || got.Reason != outbound.ReasonTimeout || !got.Retry || got.Status != 200 {
		t.Errorf("body: got %#v, want a timeout to be retried", got)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the attempt took %v with a deadline of 200ms", took)
	}
}

// Rows: WH-19.
func TestSec_G08_HangingServerEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	c := client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}, Timeout: 100 * time.Millisecond})
	if _, e := get(t, c, "http://"+listener.Addr().String()); e == nil || e.Reason != outbound.ReasonTimeout {
		t.Errorf("got %v, want a timeout", e)
	}
}

func TestSec_G08_CapsOfAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
		want  outbound.Reason // empty: accepted
	}{
		{"at the cap", body(1000, true), ""},
		{"one over, announced", body(1001, true), outbound.ReasonTooLarge},
		{"at the cap, chunked", body(1000, false), ""},
		{"one over, chunked", body(1001, false), outbound.ReasonTooLarge},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "gzip") }, outbound.ReasonEncoding},
		{"said to be identity", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "Identity") }, ""},
		{"headers over 64 KiB", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 70<<10))
		}, outbound.ReasonProtocol},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		}, outbound.ReasonConnect},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(c.serve)
			t.Cleanup(s.Close)
			resp, e := get(t, client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}}), s.URL)
			if e == nil {
				_, err := outbound.ReadBody(resp, 1000)
				e = outbound.Classify(resp, err)
			}
			switch {
			case c.want == "" && e != nil:
				t.Errorf("got %v, want the body", e)
			case c.want != "" && (e == nil || e.Reason != c.want || !e.Retry):
				t.Errorf("got %#v, want reason %s to be retried", e, c.want)
			}
		})
	}
}

// body serves n bytes, with or without saying so before.
func body(n int, announced bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !announced {
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = w.Write([]byte(strings.Repeat("x", n)))
	}
}

func TestSec_G08_ExcerptIsPrintableAndShort(t *testing.T) {
	t.Parallel()
	got := outbound.Excerpt([]byte("<b>\x1b[31m\r\nline\u202e\xff\x00" + strings.Repeat("€", 10_000)))
	if want := `<b>\x1b[31m\r\nline\u202e\xff\x00€€`; !strings.HasPrefix(got, want) {
		t.Errorf("Excerpt begins %q, want %q", got[:40], want)
	}
	if len(got) > 1<<10+64 {
		t.Errorf("Excerpt has %d bytes, want about 1 KiB", len(got))
	}
	if got := outbound.Excerpt([]byte("plain")); got != "plain" {
		t.Errorf("Excerpt = %q, want it unchanged", got)
	}
}

func TestErrorsShowNoURL(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	hang, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hang.Close() })
	c := client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}, Timeout: 100 * time.Millisecond})
	for _, base := range []string{closed.URL, "http://" + hang.Addr().String(), "https://10.0.0.1", "https://USER@app.example"} {
		if _, e := get(t, c, base+"/path?key=hunter2"); e == nil || strings.Contains(e.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error without the query", base, e)
		}
	}
}

func TestCallersCancellationIsNotTheirFault(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	c := client(t, outbound.Options{Allow: []string{"127.0.0.0/8"}})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { <-started; cancel() })
	defer wg.Wait()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	e := outbound.Classify(resp, err)
	if e == nil || e.Reason != outbound.ReasonCanceled || e.Fault != outbound.FaultOurs || !errors.Is(e, context.Canceled) {
		t.Errorf("got %#v, want a cancellation of ours", e)
	}
}

func TestRateHoldsRequestsBack(t *testing.T) {
	t.Parallel()
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	t.Cleanup(srv.Close)
	c, err := outbound.New(outbound.Options{Allow: []string{"127.0.0.0/8"}, Rate: 0.001})
	if err != nil {
		t.Fatal(err)
	}
	for want := range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		cancel()
		if want == 0 && err == nil {
			_ = resp.Body.Close()
			continue
		}
		e, ok := errors.AsType[*outbound.Error](err)
		if want == 0 || !ok || !e.Retry {
			t.Fatalf("request %d: %v, want the second one to wait in vain and be tried again later", want+1, err)
		}
	}
	if calls != 1 {
		t.Errorf("%d requests were sent, want 1", calls)
	}
}
