package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/vault"
)

// Store is what a Service needs of a store.
type Store interface {
	store.Writer
	store.Items
	store.Secrets
	store.Tenants
}

// Options are the parts of a Service that have a default.
type Options struct {
	// Do makes calls to issuers: the guarded client's. Required for issuers outside.
	Do func(*http.Request) (*http.Response, error)
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// NewID makes ids. Required.
	NewID func() string
	// Log takes what an operator should know. Defaults to nothing.
	Log *slog.Logger
}

// Service is OAuth for a hub. It is safe for concurrent use.
type Service struct {
	store Store
	vault *vault.Vault
	o     Options
	keys  keyCache

	asserts atomic.Int64

	mu      sync.Mutex // guards what follows
	issuers map[store.Tenant]known[[]Issuer]
	clients map[string]known[*Client]
	signing known[*signers]
}

// known is something read a short while ago.
type known[T any] struct {
	value T
	until time.Time
}

// ttl is how long what is stored is believed (A10).
const ttl = 3 * time.Second

// maxKnown bounds what is remembered of tenants and clients.
const maxKnown = 10_000

// New returns a service.
func New(st Store, v *vault.Vault, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Do == nil {
		o.Do = func(*http.Request) (*http.Response, error) { return nil, errors.New("nobody is called from here") }
	}
	return &Service{
		store: st, vault: v, o: o, keys: keyCache{do: o.Do, now: o.Now, log: o.Log},
		issuers: map[store.Tenant]known[[]Issuer]{}, clients: map[string]known[*Client]{},
	}
}

func (s *Service) now() time.Time { return s.o.Now().UTC() }

// putItem writes an item, or removes it where body is nil, together with its record.
func (s *Service) putItem(ctx context.Context, t store.Tenant, kind, name, key string, body any, expires time.Time, action string, rows *store.Rows) error {
	item := &store.Item{Tenant: t, Kind: kind, Name: name, Key: key, Expires: expires}
	if body != nil {
		b, err := json.Marshal(body, json.Deterministic(true))
		if err != nil {
			return err
		}
		item.Body = b
	}
	rows.Items = append(rows.Items, item)
	if action != "" {
		rows.Audit = append(rows.Audit, &store.Act{At: s.now(), Action: action, Result: "ok", Actor: store.Operator, Type: kind, ID: name})
	}
	err := s.store.Write(ctx, t, &store.Op{Decide: func(store.View) (*store.Rows, error) { return rows, nil }})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.issuers, t)
	clear(s.clients)
	return err
}

// issuersOf returns the issuers of a tenant as they were not long ago.
func (s *Service) issuersOf(ctx context.Context, t store.Tenant) ([]Issuer, error) {
	now := s.now()
	s.mu.Lock()
	k, ok := s.issuers[t]
	s.mu.Unlock()
	if ok && now.Before(k.until) {
		return k.value, nil
	}
	list, err := s.Issuers(ctx, t)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.issuers) >= maxKnown {
		clear(s.issuers)
	}
	s.issuers[t] = known[[]Issuer]{list, now.Add(ttl)}
	return list, nil
}

// Place is where a token is shown.
type Place struct {
	Tenant      store.Tenant
	Issuer      string // our own, of the tenant
	Audience    string // the tenant's SCIM base URL
	Certificate string // thumbprint of the client's; empty: none
}

// Authenticate returns whom a token of an issuer, ours included, speaks for: access.ErrUnknownToken if it is not taken, any other error
// if that cannot be told.
func (s *Service) Authenticate(ctx context.Context, token string, at Place) (access.Principal, error) {
	p, err := s.authenticate(ctx, token, at)
	if isInvalid(err) {
		s.o.Log.DebugContext(ctx, "an access token was refused", "err", err)
		return access.Principal{}, access.ErrUnknownToken
	}
	return p, err
}

func (s *Service) authenticate(ctx context.Context, token string, at Place) (access.Principal, error) {
	jwt := isJWT(token)
	iss := ""
	if jwt {
		var err error
		if iss, err = peek(token); err != nil {
			return access.Principal{}, err
		}
		if iss == at.Issuer {
			return s.own(ctx, token, at)
		}
	}
	issuers, err := s.issuersOf(ctx, at.Tenant)
	if err != nil {
		return access.Principal{}, err
	}
	var refused []error
	for n := range issuers {
		i := &issuers[n]
		var c *claims
		var end time.Time
		switch {
		case i.Introspection != "" && !jwt:
			c, end, err = s.introspect(ctx, at.Tenant, i, token)
		case i.Introspection == "" && jwt && i.URL == iss:
			c, end, err = s.verifyOf(ctx, i, token)
		default:
			continue
		}
		if isInvalid(err) { // of another audience of the same issuer, perhaps
			refused = append(refused, fmt.Errorf("issuer %s: %w", i.Name, err))
			continue
		}
		if err != nil {
			return access.Principal{}, err
		}
		p := access.Principal{
			Tenant: at.Tenant, Source: i.Source, SourceName: i.Name, TokenID: "oauth:" + i.Name + ":" + c.client(), TokenName: i.Name, Profile: i.Profile,
			Scopes: c.granted(i.Scopes), Expires: end.Add(leeway),
		}
		if c.Confirm != nil {
			p.Certificate = c.Confirm.Thumbprint
		}
		return p, nil
	}
	if len(refused) > 0 {
		return access.Principal{}, errors.Join(refused...)
	}
	return access.Principal{}, invalid("no issuer of the tenant has made it")
}
