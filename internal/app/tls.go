package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/transport"
)

// TLS says how the SCIM listener is encrypted: with certificates from files, or from an ACME authority. The zero TLS: not at all.
type TLS struct {
	Pairs []transport.Pair
	ACME  transport.ACME // with Hosts; Cache, Client and Log are filled in
	// ClientAuth says whether clients show certificates, and ClientCAs which authorities may have signed them: a file.
	ClientAuth transport.ClientAuth
	ClientCAs  string
}

// openTLS returns how the SCIM listener is encrypted, or nil.
func (a *App) openTLS() (*tls.Config, error) {
	o := a.o.TLS
	if len(o.Pairs) == 0 && len(o.ACME.Hosts) == 0 {
		if o.ClientAuth != "" && o.ClientAuth != transport.NoClientAuth {
			return nil, errors.New("certificates of clients are asked for, but there is no TLS: give a certificate of ours")
		}
		return nil, nil
	}
	var err error
	if len(o.Pairs) > 0 {
		if a.certs, err = transport.LoadCertificates(o.Pairs, time.Now, a.log); err != nil {
			return nil, err
		}
	}
	pool, err := a.clientAuthorities()
	if err != nil {
		return nil, err
	}
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("no certificate yet") }
	if a.certs != nil {
		get = a.certs.Get
	}
	c, err := transport.Config(get, o.ClientAuth, pool)
	if err != nil {
		return nil, err
	}
	if len(o.ACME.Hosts) == 0 {
		return c, nil
	}
	o.ACME.Cache = filepath.Join(a.o.Data, "acme")
	// The authority is called like everything else outside: guarded, and it may be a private one that the operator has allowed.
	client, err := outbound.New(a.o.Outbound)
	if err != nil {
		return nil, fmt.Errorf("ACME: %w", err)
	}
	o.ACME.Client, o.ACME.Log = client.HTTP(), a.log
	a.onStop("close the client of the authority", func(context.Context) error { client.Close(); return nil })
	m, err := o.ACME.Manager()
	if err != nil {
		return nil, err
	}
	o.ACME.With(c, m)
	return c, nil
}

func (a *App) clientAuthorities() (*x509.CertPool, error) {
	if a.o.TLS.ClientCAs == "" {
		return nil, nil
	}
	return transport.Authorities(a.o.TLS.ClientCAs)
}

// watchCertificates reads the files of certificates again when they change, or at SIGHUP.
func (a *App) watchCertificates() {
	if a.certs == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	again, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(again, syscall.SIGHUP)
	go func() {
		defer close(done)
		a.certs.Watch(ctx, again)
	}()
	a.onStop("stop watching certificates", func(context.Context) error {
		signal.Stop(again)
		cancel()
		<-done
		return nil
	})
}
