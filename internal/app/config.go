package app

import (
	"log/slog"

	"github.com/muster-id/muster/internal/config"
	"github.com/muster-id/muster/internal/delivery"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/target"
	scimtarget "github.com/muster-id/muster/internal/target/scim"
	"github.com/muster-id/muster/internal/target/webhook"
	"github.com/muster-id/muster/internal/transport"
	"github.com/muster-id/muster/scim/server"
)

// FromConfig returns the properties of the hub that a configuration describes.
func FromConfig(c *config.Config, log *slog.Logger) Options {
	o := Options{
		Data:          c.Data,
		Database:      c.Database.Source(),
		Listen:        c.Listen,
		MetricsListen: c.Metrics,
		BaseURL:       c.BaseURL,
		DrainDelay:    c.DrainDelay,
		Limits: server.Limits{
			Body:           int64(c.Limits.MaxBodyBytes),
			LargeBody:      int64(c.Limits.MaxGroupBodyBytes),
			BodiesInFlight: int64(c.Limits.MaxInFlightBytes),
			Operations:     c.Limits.MaxOperations,
			Edges:          c.Limits.MaxEdges,
			Results:        c.Limits.MaxPage,
			DefaultResults: c.Limits.DefaultPage,
		},
		MaxAuthFailures: c.Limits.MaxAuthFailures,
		TrustedProxies:  c.TrustedProxies,
		Connections:     transport.Limits{Connections: c.Limits.MaxConnections, PerAddress: c.Limits.MaxConnectionsPerAddress},
		Keyring:         Keyring{File: c.Keyring.File, Command: c.Keyring.Command},
		TLS: TLS{
			ClientAuth: transport.ClientAuth(c.TLS.ClientCertificates), ClientCAs: c.TLS.ClientCAFile,
			ACME: transport.ACME{Hosts: c.TLS.ACMEHosts, Email: c.TLS.ACMEEmail, Directory: c.TLS.ACMEDirectory, Terms: c.TLS.ACMEAcceptTerms},
		},
		Outbound: outbound.Options{Allow: c.Outbound.Allow},
		Log:      log,
	}
	for i := range c.TLS.CertFiles {
		o.TLS.Pairs = append(o.TLS.Pairs, transport.Pair{Cert: c.TLS.CertFiles[i], Key: c.TLS.KeyFiles[i]})
	}
	for _, t := range c.Targets {
		o.Targets = append(o.Targets, Target{
			Name: t.Name, Tenant: t.Tenant, Kind: t.Type, Settings: settings(t), Start: delivery.Beginning(t.Start), Concurrency: t.Concurrency,
		})
	}
	return o
}

// settings is the list of the kinds of target that there are.
func settings(t config.Target) target.Settings {
	switch t.Type {
	case config.TypeWebhook:
		s := webhook.Defaults()
		s.URL, s.Secrets, s.Events, s.Rate, s.InsecureHTTP, s.RootCAs = t.URL, t.Secrets, t.Events, t.Rate, t.InsecureHTTP, t.RootCAs
		return s
	default: // config knows no other
		s := scimtarget.Defaults()
		s.URL, s.Token, s.InsecureHTTP, s.RootCAs, s.Rate = t.URL, t.Token, t.InsecureHTTP, t.RootCAs, t.Rate
		return s
	}
}
