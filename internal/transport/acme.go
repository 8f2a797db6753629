package transport

import (
	"crypto/tls"
	"errors"
	"net/http"

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
	c.GetCertificate = m.GetCertificate
	c.NextProtos = append(c.NextProtos, acme.ALPNProto)
}
