package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// keyPair writes a certificate for localhost that signs itself, and its key.
func keyPair(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"scim.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "scim.pem"), filepath.Join(dir, "scim.key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestSec_A21_F03_A19_TLS: the hub speaks TLS by itself, says that it always will, and takes a new certificate without a restart.
func TestSec_A21_F03_A19_TLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := keyPair(t, dir, 1)
	config := filepath.Join(dir, "muster.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "tls:\n  cert_files: [%s]\n  key_files: [%s]\ntrusted_proxies: [127.0.0.1]\n", cert, key), 0o600); err != nil {
		t.Fatal(err)
	}
	h := startHub(t, filepath.Join(dir, "data"), "--config", config)
	if !strings.HasPrefix(h.base, "https://") {
		t.Fatalf("base URL %s", h.base)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	get := func() (*http.Response, int64) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.base+"/Users", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+h.token)
		req.Header.Set("X-Forwarded-For", "203.0.113.9")
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp, resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	resp, serial := get()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 || serial != 1 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("status %d, HTTP/%d, certificate %d, headers %v", resp.StatusCode, resp.ProtoMajor, serial, resp.Header)
	}
	keyPair(t, dir, 2)
	if err := h.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(10 * time.Second); ; pause(t) {
		if _, serial = get(); serial == 2 {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("certificate %d after SIGHUP, want 2", serial)
		}
	}
	// The last use is of the client that the trusted proxy names.
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if list := muster(t, "token", "list", "--data", h.dir); !strings.Contains(list, "203.0.113.9") {
		t.Errorf("the last use:\n%s", list)
	}
}
