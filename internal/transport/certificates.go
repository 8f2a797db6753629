package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Pair names the files of a certificate, with those of its chain behind it, and of its key, in PEM.
type Pair struct{ Cert, Key string }

// reloadEvery is how often it is looked whether the files have changed.
const reloadEvery = 10 * time.Second

// warnBefore is how long before its end a certificate is warned of.
const warnBefore = 14 * 24 * time.Hour

// Certificates are the server's, by the name that a client asks for. They are read again when their files change; what is broken
// then is loud and changes nothing. It is safe for concurrent use.
type Certificates struct {
	pairs []Pair
	now   func() time.Time
	log   *slog.Logger

	mu     sync.RWMutex // guards what follows
	loaded []*tls.Certificate
	seen   []stamp
	warned time.Time // of an end that is near: the end
}

// stamp tells one content of two files from another.
type stamp struct{ cert, key fileStamp }

type fileStamp struct {
	size int64
	at   time.Time
}

// LoadCertificates reads certificates. An error says which file is wrong, and how.
func LoadCertificates(pairs []Pair, now func() time.Time, log *slog.Logger) (*Certificates, error) {
	c := &Certificates{pairs: pairs, now: now, log: log}
	loaded, seen, err := c.read()
	if err != nil {
		return nil, err
	}
	c.loaded, c.seen = loaded, seen
	return c, nil
}

func (c *Certificates) read() (loaded []*tls.Certificate, seen []stamp, err error) {
	for _, p := range c.pairs {
		s, err := stampOf(p)
		if err != nil {
			return nil, nil, err
		}
		cert, err := tls.LoadX509KeyPair(p.Cert, p.Key)
		if err != nil {
			return nil, nil, fmt.Errorf("certificate %s with key %s: %w", p.Cert, p.Key, err)
		}
		if cert.Leaf == nil {
			if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
				return nil, nil, fmt.Errorf("certificate %s: %w", p.Cert, err)
			}
		}
		if now := c.now(); now.After(cert.Leaf.NotAfter) {
			return nil, nil, fmt.Errorf("certificate %s has expired on %s", p.Cert, cert.Leaf.NotAfter.Format(time.DateOnly))
		} else if now.Before(cert.Leaf.NotBefore) {
			return nil, nil, fmt.Errorf("certificate %s is valid from %s on; is the clock right?", p.Cert, cert.Leaf.NotBefore.Format(time.DateTime))
		}
		loaded, seen = append(loaded, &cert), append(seen, s)
	}
	return loaded, seen, nil
}

func stampOf(p Pair) (s stamp, err error) {
	for _, f := range []struct {
		path string
		to   *fileStamp
	}{{p.Cert, &s.cert}, {p.Key, &s.key}} {
		info, err := os.Stat(f.path)
		if err != nil {
			return s, fmt.Errorf("TLS: %w", err)
		}
		*f.to = fileStamp{info.Size(), info.ModTime()}
	}
	return s, nil
}

// Reload reads the files again if they have changed.
func (c *Certificates) Reload() error {
	changed := false
	for i, p := range c.pairs {
		s, err := stampOf(p)
		if err != nil {
			return err
		}
		c.mu.RLock()
		changed = changed || s != c.seen[i]
		c.mu.RUnlock()
	}
	if !changed {
		return nil
	}
	loaded, seen, err := c.read()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded, c.seen, c.warned = loaded, seen, time.Time{}
	return nil
}

// Watch reloads until ctx ends, and at once when again says so.
func (c *Certificates) Watch(ctx context.Context, again <-chan os.Signal) {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	failed := ""
	for {
		select {
		case <-tick.C:
		case <-again:
		case <-ctx.Done():
			return
		}
		before := c.Expires()
		switch err := c.Reload(); {
		case err == nil:
			failed = ""
		case err.Error() != failed: // once for each problem
			failed = err.Error()
			c.log.ErrorContext(ctx, "the new certificate cannot be used; the old one stays", "err", err)
		}
		if end := c.Expires(); !end.Equal(before) {
			c.log.InfoContext(ctx, "certificates read again", "expires", end)
		}
		c.warn(ctx)
	}
}

func (c *Certificates) warn(ctx context.Context) {
	end := c.Expires()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Add(warnBefore).After(end) && !c.warned.Equal(end) {
		c.warned = end
		c.log.WarnContext(ctx, "a certificate is about to expire", "expires", end)
	}
}

// Expires returns when the first of the certificates ends.
func (c *Certificates) Expires() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	end := c.loaded[0].Leaf.NotAfter
	for _, cert := range c.loaded[1:] {
		if cert.Leaf.NotAfter.Before(end) {
			end = cert.Leaf.NotAfter
		}
	}
	return end
}

// Get returns the certificate for a client: the first one that has the name it asks for, else the first one.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, cert := range c.loaded {
		if hello.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	return c.loaded[0], nil
}

// ClientAuth says whether clients show certificates.
type ClientAuth string

// What clients have to show.
const (
	NoClientAuth ClientAuth = "off"
	OptionalAuth ClientAuth = "optional" // one that is shown has to be good
	RequiredAuth ClientAuth = "required"
)

// Authorities reads the certificates of the authorities that clients' are signed by.
func Authorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("authorities of clients: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("authorities of clients: %s has no certificate in PEM", file)
	}
	return pool, nil
}

// Config returns how TLS is spoken: version 1.2 with forward secrecy and AEAD, or 1.3 (A21).
func Config(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), auth ClientAuth, authorities *x509.CertPool) (*tls.Config, error) {
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: get,
		NextProtos:     []string{"h2", "http/1.1"},
		CipherSuites: []uint16{ // of 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		ClientCAs: authorities,
	}
	switch auth {
	case NoClientAuth, "":
		return c, nil
	case OptionalAuth:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case RequiredAuth:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		return nil, fmt.Errorf("%q is none of off, optional and required", auth)
	}
	if authorities == nil {
		return nil, errors.New("certificates of clients are asked for, but no authorities that may have signed them")
	}
	return c, nil
}
