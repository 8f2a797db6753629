//go:build interop

package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/assert"
)

const (
	ourName  = "scim.muster.test"
	blocked  = "blocked.muster.test" // the authority gives it nothing
	unlisted = "evil.muster.test"    // the hub asks nobody for it
)

// An authority is a running pebble, the test server of the people behind Let's Encrypt.
type authority struct {
	directory string
	roots     *x509.CertPool // of what it issues
	trust     string         // file with what its own certificate is signed with
	said      *safeBuffer
	stop      func()
}

// A street is a port that leads to a hub, as port 443 of a name does, once the hub is there.
type street struct {
	port int
	mu   sync.Mutex // guards to
	to   string
}

func newStreet(t *testing.T) *street {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	s := &street{port: l.Addr().(*net.TCPAddr).Port}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			open.Go(func() { s.join(in) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return s
}

// join copies both ways until either side has had enough.
func (s *street) join(in net.Conn) {
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		_ = in.Close()
		return
	}
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{in: out, out: in} {
		both.Go(func() {
			_, _ = io.Copy(to, from) // it ends when one of them does
			_, _ = to.Close(), from.Close()
		})
	}
	both.Wait()
}

func (s *street) leadTo(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = strings.Split(strings.TrimPrefix(base, "https://"), "/")[0]
}

// newAuthority starts pebble, which looks for every name at the end of the street, and issues certificates of the life.
func newAuthority(t *testing.T, s *street, life time.Duration) *authority {
	t.Helper()
	bin, dir := pebble.open(t), t.TempDir()
	a := &authority{roots: x509.NewCertPool(), trust: filepath.Join(dir, "trust.pem")}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: selfSigned(t, cert, key), MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)
	trusted, err := os.ReadFile(cert)
	assert.NoError(t, err)
	assert.NoError(t, os.WriteFile(a.trust, trusted, 0o600))

	// Neither of the two tells which port it has got, so each gets one that was free a moment ago, or another one.
	names := retry(t, func() (string, error) {
		addr := freePort(t)
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}}
		_, _, err := start(t, command(t, nil, filepath.Join(bin, "pebble-challtestsrv"), "-dnsserver", addr, "-management", "127.0.0.1:0",
			"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", ""), func() error {
			_, err := resolver.LookupHost(t.Context(), ourName)
			return err
		})
		return addr, err
	})
	a.directory = retry(t, func() (string, error) {
		listen, manage := freePort(t), freePort(t)
		config, err := json.Marshal(map[string]any{"pebble": map[string]any{
			"listenAddress": listen, "managementListenAddress": manage, "certificate": cert, "privateKey": key, "tlsPort": s.port, "keyAlgorithm": "ecdsa",
			"domainBlocklist": []string{blocked}, "retryAfter": map[string]int{"authz": 1, "order": 1},
			"profiles": map[string]any{"default": map[string]any{"description": "of the test", "validityPeriod": int(life.Seconds())}},
		}})
		assert.NoError(t, err)
		file := filepath.Join(dir, "pebble.json")
		assert.NoError(t, os.WriteFile(file, config, 0o600))
		cmd := command(t, []string{"PEBBLE_VA_SLEEPTIME=1"}, filepath.Join(bin, "pebble"), "-strict", "-config", file, "-dnsserver", names)
		a.said, a.stop, err = start(t, cmd, func() error {
			if _, err := fetch(t, client, "https://"+listen+"/dir"); err != nil {
				return err
			}
			root, err := fetch(t, client, "https://"+manage+"/roots/0")
			if err == nil && !a.roots.AppendCertsFromPEM(root) {
				err = fmt.Errorf("no certificate: %s", root)
			}
			return err
		})
		return "https://" + listen + "/dir", err
	})
	return a
}

// selfSigned writes a certificate for 127.0.0.1 with its key, and returns who trusts it.
func selfSigned(t *testing.T, cert, key string) *x509.CertPool {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pebble itself"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	assert.NoError(t, err)
	assert.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	der, err = x509.MarshalPKCS8PrivateKey(k)
	assert.NoError(t, err)
	assert.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	c, err = x509.ParseCertificate(mustRead(t, cert))
	assert.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return pool
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	assert.NoError(t, err)
	block, _ := pem.Decode(text)
	return block.Bytes
}

// freePort returns an address that nobody listens at, neither by TCP nor by UDP.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// retry tries something five times.
func retry[T any](t *testing.T, f func() (T, error)) T {
	t.Helper()
	var errs []error
	for range 5 {
		v, err := f()
		if err == nil {
			return v
		}
		errs = append(errs, err)
	}
	t.Fatal(errors.Join(errs...))
	panic("not reached")
}

// start starts a server that does not say when it is ready, and waits until ready says so. The server ends with the test, or by stop.
func start(t *testing.T, cmd *exec.Cmd, ready func() error) (*safeBuffer, func(), error) {
	t.Helper()
	said := &safeBuffer{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended does not matter: it was told to, or the test is over by then
	}()
	stop := func() {
		_ = cmd.Cancel() // it may have ended already
		late := time.AfterFunc(stopTime, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		<-ended
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd, said.String())
		}
	})
	end := time.After(startTime)
	for {
		err := ready()
		if err == nil {
			return said, stop, nil
		}
		select {
		case <-ended:
			return nil, nil, fmt.Errorf("%s ended: %s", cmd, said.String())
		case <-end:
			return nil, nil, fmt.Errorf("%s is not ready: %w", cmd, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// fetch returns what is at a URL.
func fetch(t *testing.T, c *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", url, resp.Status, body)
	}
	return body, err
}

var secureBase = regexp.MustCompile(`https://127\.0\.0\.1:\d+/[\w/]*v2\b`)

// startSecure starts a hub that gets its certificates from the authority, at the end of the street.
func startSecure(t *testing.T, a *authority, s *street, data string) (hub *exec.Cmd, said *safeBuffer, stop func()) {
	t.Helper()
	muster, err := buildMuster()
	assert.NoError(t, err)
	config := filepath.Join(t.TempDir(), "muster.yaml")
	assert.NoError(t, os.WriteFile(config, []byte(`
listen: 127.0.0.1:0
metrics: ""
tls:
  acme_hosts: [`+ourName+`, `+blocked+`]
  acme_email: iam@muster.test
  acme_directory: `+a.directory+`
  acme_accept_terms: true
outbound:
  allow: [127.0.0.1]
`), 0o600))
	hub = command(t, []string{"SSL_CERT_FILE=" + a.trust}, muster, "serve", "--config", config, "--data", data)
	said, stop, err = start(t, hub, func() error {
		said, ok := hub.Stdout.(*safeBuffer)
		if !ok || secureBase.FindString(said.String()) == "" {
			return errors.New("no base URL yet")
		}
		return nil
	})
	assert.NoError(t, err)
	s.leadTo(secureBase.FindString(said.String()))
	return hub, said, stop
}

// shake makes a connection to a name, and returns the certificate that is shown there.
func (a *authority) shake(t *testing.T, s *street, name string) (*x509.Certificate, error) {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{RootCAs: a.roots, ServerName: name, MinVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(t.Context(), "tcp", fmt.Sprint("127.0.0.1:", s.port))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// first waits for the first certificate: the client that comes before it is there may be sent away.
func (a *authority) first(t *testing.T, s *street) *x509.Certificate {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for {
		c, err := a.shake(t, s, ourName)
		if err == nil {
			return c
		}
		if time.Now().After(end) {
			t.Fatalf("no certificate: %v\n%s", err, a.said.String())
		}
		<-time.After(100 * time.Millisecond)
	}
}

// TestACME: a hub gets a certificate from an authority that looks whether the name is the hub's, for the names of its list only, keeps it, and
// lives with an authority that refuses or is away.
func TestACME(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	a := newAuthority(t, s, 90*24*time.Hour)
	data := filepath.Join(t.TempDir(), "data")
	_, said, stop := startSecure(t, a, s, data)

	c := a.first(t, s)
	assert.Equal(t, c.DNSNames, []string{ourName})
	client := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: a.roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, fmt.Sprint("127.0.0.1:", s.port))
		},
	}}
	config, err := fetch(t, client, "https://"+ourName+"/scim/v2/ServiceProviderConfig")
	client.CloseIdleConnections()
	assert.NoError(t, err)
	assert.True(t, strings.Contains(string(config), "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"))

	// Strangers cannot make the hub ask for their names.
	for _, name := range []string{unlisted, "x." + ourName, "localhost"} {
		if _, err := a.shake(t, s, name); err == nil {
			t.Errorf("%s has a certificate", name)
		}
		if strings.Contains(a.said.String(), name) && name != "localhost" {
			t.Errorf("the authority was asked for %s", name)
		}
	}
	// An authority that refuses one name does not harm another.
	if _, err := a.shake(t, s, blocked); err == nil {
		t.Errorf("%s has a certificate", blocked)
	}
	if !strings.Contains(said.String(), "no certificate from the authority") || !strings.Contains(said.String(), blocked) {
		t.Errorf("the log says nothing about the name that was refused:\n%s", said.String())
	}
	if strings.Contains(said.String(), unlisted) {
		t.Errorf("a stranger writes into the log:\n%s", said.String())
	}

	// One certificate is enough, also for a hub that starts while the authority is away.
	again, err := a.shake(t, s, ourName)
	assert.NoError(t, err)
	assert.Equal(t, again.SerialNumber.String(), c.SerialNumber.String())
	stop()
	a.stop()
	startSecure(t, a, s, data)
	again, err = a.shake(t, s, ourName)
	assert.NoError(t, err)
	assert.Equal(t, again.SerialNumber.String(), c.SerialNumber.String())

	// Nobody else on the machine reads the keys.
	files, err := os.ReadDir(filepath.Join(data, "acme"))
	assert.NoError(t, err)
	assert.True(t, len(files) > 0)
	for _, f := range files {
		info, err := f.Info()
		assert.NoError(t, err)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
	}
}

// TestACMERenewal: a certificate is renewed while the hub runs, before it ends.
func TestACMERenewal(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	const life = 30 * time.Second
	a := newAuthority(t, s, life)
	startSecure(t, a, s, filepath.Join(t.TempDir(), "data"))
	c := a.first(t, s)
	end := time.Now().Add(runTime)
	for {
		next, err := a.shake(t, s, ourName)
		if err == nil && next.SerialNumber.Cmp(c.SerialNumber) != 0 {
			if next.NotBefore.Before(c.NotBefore.Add(life / 3)) {
				t.Errorf("renewed at once, at %v", next.NotBefore)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("certificate %s until %v was not renewed: %v", c.SerialNumber, c.NotAfter, err)
		}
		<-time.After(200 * time.Millisecond)
	}
}
