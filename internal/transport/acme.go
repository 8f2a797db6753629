package transport

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACME says where certificates come from that nobody has to renew.
type ACME struct {
	// Hosts are the names for which certificates are asked. Required: without a list, anybody could make us ask for any name.
	Hosts []string
	// Email is whom the authority tells of problems. Defaults to nobody.
	Email string
	// Directory is the authority. Defaults to Let's Encrypt.
	Directory string
	// Terms says that the operator accepts the authority's terms of service. Required.
	Terms bool
	// Cache is a folder for keys and certificates.
	Cache string
	// Client makes the calls to the authority.
	Client *http.Client
	// Log is told when there is no certificate for one of the hosts. Defaults to nothing.
	Log *slog.Logger
}

// Manager returns how certificates come about. The authority looks whether the names are ours with the challenge tls-alpn-01, on port 443.
func (a ACME) Manager() (*autocert.Manager, error) {
	switch {
	case len(a.Hosts) == 0:
		return nil, errors.New("ACME needs the host names that certificates are for")
	case !a.Terms:
		return nil, errors.New("ACME needs your agreement to the terms of service of the authority: set tls.acme.accept_terms")
	}
	directory := a.Directory
	if directory == "" {
		directory = autocert.DefaultACMEDirectory
	}
	return &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(a.Cache),
		HostPolicy: autocert.HostWhitelist(a.Hosts...),
		Email:      a.Email,
		Client:     &acme.Client{DirectoryURL: directory, HTTPClient: a.Client, UserAgent: "muster"},
	}, nil
}

// With adds to a configuration what ACME needs.
func (a ACME) With(c *tls.Config, m *autocert.Manager) {
	c.GetCertificate = a.telling(m.GetCertificate, time.Now)
	c.NextProtos = append(c.NextProtos, acme.ALPNProto)
}

// quiet is how long the same host is not complained about again. The authority is asked again after as long.
const quiet = time.Minute

// telling returns get, and tells the log of what it cannot get. Names that are not ours, and challenges that were not made, are what
// strangers send: they write nothing into the log.
func (a ACME) telling(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), now func() time.Time) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if a.Log == nil {
		return get
	}
	var mu sync.Mutex // guards said
	said := make(map[string]time.Time, len(a.Hosts))
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := get(hello)
		host := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
		if err == nil || slices.Contains(hello.SupportedProtos, acme.ALPNProto) || !slices.ContainsFunc(a.Hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
			return cert, err
		}
		mu.Lock()
		last, t := said[host], now()
		loud := last.IsZero() || t.Sub(last) >= quiet
		if loud {
			said[host] = t
		}
		mu.Unlock()
		if loud {
			a.Log.LogAttrs(hello.Context(), slog.LevelError, "no certificate from the authority", slog.String("host", host), slog.Any("err", err))
		}
		return cert, err
	}
}
