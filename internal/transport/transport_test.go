package transport_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/transport"
)

// authority signs certificates for the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) sign(t testing.TB, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.n++
	c.SerialNumber = big.NewInt(a.n)
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(365*24*time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func write(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// files writes a certificate for names and its key.
func (a *authority) files(t testing.TB, dir, name string, c *x509.Certificate) transport.Pair {
	t.Helper()
	cert, key := a.sign(t, c)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := transport.Pair{Cert: filepath.Join(dir, name+".pem"), Key: filepath.Join(dir, name+".key")}
	write(t, p.Cert, "CERTIFICATE", cert.Raw)
	write(t, p.Key, "EC PRIVATE KEY", der)
	return p
}

func server(names ...string) *x509.Certificate {
	return &x509.Certificate{DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// serve answers with the thumbprint of the client, over TLS.
func serve(t *testing.T, c *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, transport.Thumbprint(r)) }),
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

func dial(t *testing.T, addr string, c *tls.Config) (*tls.ConnectionState, error) {
	t.Helper()
	conn, err := (&tls.Dialer{Config: c}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	// In TLS 1.3 the refusal of a client's certificate comes after the handshake.
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return nil, err
	}
	if _, err := io.ReadAll(conn); err != nil {
		return nil, err
	}
	state := conn.(*tls.Conn).ConnectionState()
	return &state, nil
}

func TestSec_A21_OldVersionsAndSuitesFail(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	certs, err := transport.LoadCertificates([]transport.Pair{a.files(t, t.TempDir(), "a", server("a.example"))}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c, err := transport.Config(certs.Get, transport.NoClientAuth, nil)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, c)
	for name, try := range map[string]struct {
		config *tls.Config
		ok     bool
	}{
		"1.0":     {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		"1.1":     {&tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, false},
		"1.2":     {&tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}, true},
		"1.3":     {&tls.Config{MinVersion: tls.VersionTLS13}, true},
		"1.2 RSA": {&tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		"1.2 CBC": {&tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}}, false},
	} {
		try.config.RootCAs, try.config.ServerName = a.pool(), "a.example"
		if _, err := dial(t, addr, try.config); (err == nil) != try.ok {
			t.Errorf("TLS %s: %v, want it to work: %v", name, err, try.ok)
		}
	}
}

func TestSec_A21_CertificatesAreReadAgain(t *testing.T) {
	t.Parallel()
	a, dir := newAuthority(t), t.TempDir()
	pairs := []transport.Pair{a.files(t, dir, "a", server("a.example")), a.files(t, dir, "b", server("b.example"))}
	var log bytes.Buffer
	certs, err := transport.LoadCertificates(pairs, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := transport.Config(certs.Get, transport.NoClientAuth, nil)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, c)
	serial := func(name string) int64 {
		t.Helper()
		state, err := dial(t, addr, &tls.Config{RootCAs: a.pool(), ServerName: name, MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].SerialNumber.Int64()
	}
	before, other := serial("a.example"), serial("b.example")
	if before == other {
		t.Fatal("two names have one certificate")
	}

	// A key that does not match changes nothing, and is loud.
	ctx, cancel := context.WithCancel(t.Context())
	again := make(chan os.Signal)
	done := make(chan struct{})
	go func() { certs.Watch(ctx, again); close(done) }()
	good, err := os.ReadFile(pairs[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := os.ReadFile(pairs[1].Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pairs[0].Key, append(bad, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	again <- os.Interrupt
	again <- os.Interrupt // the first one was dealt with
	if got := serial("a.example"); got != before {
		t.Errorf("certificate %d, want the old one, %d", got, before)
	}
	if err := os.WriteFile(pairs[0].Key, good, 0o600); err != nil {
		t.Fatal(err)
	}
	a.files(t, dir, "a", server("a.example"))
	again <- os.Interrupt
	again <- os.Interrupt
	if got := serial("a.example"); got <= other {
		t.Errorf("certificate %d, want a new one", got)
	}
	cancel()
	<-done
	if n := strings.Count(log.String(), "cannot be used"); n != 1 {
		t.Errorf("%d complaints about the key that did not match:\n%s", n, log.String())
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	a, dir := newAuthority(t), t.TempDir()
	good, other := a.files(t, dir, "good", server("a.example")), a.files(t, dir, "other", server("b.example"))
	old := server("old.example")
	old.NotBefore, old.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	early := server("early.example")
	early.NotBefore, early.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]transport.Pair{
		"does not match":    {Cert: good.Cert, Key: other.Key},
		"has expired":       a.files(t, dir, "old", old),
		"is the clock":      a.files(t, dir, "early", early),
		"no such file":      {Cert: good.Cert, Key: filepath.Join(dir, "nowhere")},
		"failed to find":    {Cert: garbage, Key: good.Key},
		good.Cert + " with": {Cert: good.Cert, Key: garbage},
	} {
		if _, err := transport.LoadCertificates([]transport.Pair{p}, time.Now, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", p, err, want)
		}
	}
	if _, err := transport.Authorities(garbage); err == nil {
		t.Error("authorities without a certificate")
	}
	if _, err := transport.Config(nil, transport.RequiredAuth, nil); err == nil {
		t.Error("certificates are required of nobody's authority")
	}
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	a, stranger, dir := newAuthority(t), newAuthority(t), t.TempDir()
	certs, err := transport.LoadCertificates([]transport.Pair{a.files(t, dir, "a", server("a.example"))}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	of := func(a *authority) []tls.Certificate {
		cert, key := a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "okta"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature})
		return []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}}
	}
	file := filepath.Join(dir, "authorities.pem")
	write(t, file, "CERTIFICATE", a.cert.Raw)
	pool, err := transport.Authorities(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, auth := range []transport.ClientAuth{transport.OptionalAuth, transport.RequiredAuth} {
		c, err := transport.Config(certs.Get, auth, pool)
		if err != nil {
			t.Fatal(err)
		}
		addr := serve(t, c)
		for name, try := range map[string]struct {
			shown []tls.Certificate
			ok    bool
		}{"good": {of(a), true}, "of a stranger": {of(stranger), false}, "none": {nil, auth == transport.OptionalAuth}} {
			client := &tls.Config{RootCAs: a.pool(), ServerName: "a.example", MinVersion: tls.VersionTLS12}
			if try.shown != nil {
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &try.shown[0], nil }
			}
			if _, err := dial(t, addr, client); (err == nil) != try.ok {
				t.Errorf("%s, %s: %v", auth, name, err)
			}
		}
	}
}

// away is an authority that does not answer.
type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nobody is there")
}

// TestACMEFailuresAreTold: an operator hears of an authority that gives nothing, once a minute and name, and of nothing that strangers
// ask for. With a real authority: internal/interop.
func TestACMEFailuresAreTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	acme := transport.ACME{
		Hosts: []string{"a.example", "B.example", "c.example"}, Terms: true, Directory: "https://ca.example/dir", Cache: t.TempDir(),
		Client: &http.Client{Transport: away{}}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	m, err := acme.Manager()
	if err != nil {
		t.Fatal(err)
	}
	var c tls.Config
	acme.With(&c, m)
	addr := serve(t, &c)
	for range 3 {
		for name, protos := range map[string][]string{"a.example": nil, "b.example": nil, "c.example": {"acme-tls/1"}, "evil.example": nil, "x.a.example": nil} {
			if _, err := dial(t, addr, &tls.Config{ServerName: name, NextProtos: protos, MinVersion: tls.VersionTLS12}); err == nil {
				t.Errorf("%s has a certificate", name)
			}
		}
	}
	if got := strings.Count(log.String(), "no certificate from the authority"); got != 2 || strings.Count(log.String(), "nobody is there") != 2 || strings.Contains(log.String(), "evil") || strings.Contains(log.String(), "x.a") {
		t.Errorf("%d complaints, want 2:\n%s", got, log.String())
	}
	for _, bad := range []transport.ACME{{Terms: true}, {Hosts: []string{"a.example"}}} {
		if _, err := bad.Manager(); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func TestSec_A19_OnlyTrustedProxiesAreBelieved(t *testing.T) {
	t.Parallel()
	proxies, err := transport.ParseProxies([]string{"10.0.0.0/8", "192.0.2.9", "2001:db8:1::/48"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"203.0.113.5:1", nil, "203.0.113.5"},
		{"203.0.113.5:1", []string{"1.2.3.4"}, "203.0.113.5"}, // nobody's word
		{"10.1.1.1:1", nil, "10.1.1.1"},
		{"10.1.1.1:1", []string{"203.0.113.7"}, "203.0.113.7"},
		{"10.1.1.1:1", []string{"1.2.3.4, 203.0.113.7"}, "203.0.113.7"}, // the first one is what the client wrote itself
		{"10.1.1.1:1", []string{"1.2.3.4", "203.0.113.7"}, "203.0.113.7"},
		{"10.1.1.1:1", []string{"203.0.113.7, 192.0.2.9"}, "203.0.113.7"}, // two proxies
		{"10.1.1.1:1", []string{"10.2.2.2, 10.3.3.3"}, "10.2.2.2"},
		{"10.1.1.1:1", []string{"203.0.113.7, garbage"}, "10.1.1.1"},
		{"10.1.1.1:1", []string{""}, "10.1.1.1"},
		{"10.1.1.1:1", []string{"203.0.113.7:8080"}, "10.1.1.1"},
		{"[2001:db8:1::5]:1", []string{"2001:db8:2::7"}, "2001:db8:2::7"},
		{"[::ffff:10.1.1.1]:1", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{"@", []string{"203.0.113.7"}, "invalid IP"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		r.Header.Set("Forwarded", "for=6.6.6.6")
		r.Header.Set("X-Real-Ip", "6.6.6.6")
		if got := proxies.Client(r).String(); got != c.want {
			t.Errorf("%s, %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
	for _, bad := range []string{"", "proxy.example", "10.0.0.1/8", "0.0.0.0/0", "::/0", "fe80::1%eth0"} {
		if _, err := transport.ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestSec_E01_ConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := transport.Limit(inner, transport.Limits{Connections: 10, PerAddress: 4}, nil)
	defer func() { _ = l.Close() }()
	accepted := make(chan net.Conn, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	connect := func(from string) bool {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err = c.Read(make([]byte, 1))
		return os.IsTimeout(err) // nobody closed it
	}
	for i := range 4 {
		if !connect("127.0.0.1") {
			t.Fatalf("connection %d of one address was closed", i+1)
		}
	}
	if connect("127.0.0.1") {
		t.Error("the fifth connection of one address stays open")
	}
	(<-accepted).Close()
	if !connect("127.0.0.1") {
		t.Error("no place after one has gone")
	}
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		for range 3 {
			if !connect(from) {
				t.Errorf("a connection from %s was closed", from)
			}
		}
	}
	if connect("127.0.0.4") {
		t.Error("the eleventh connection stays open")
	}
	if l.Refused() != 2 || l.Open() != 10 {
		t.Errorf("%d refused, %d open", l.Refused(), l.Open())
	}
}
