package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
)

// Client is who may get tokens from our own endpoint.
type Client struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Tenant  store.Tenant `json:"-"`
	Source  store.Source `json:"source"`
	Profile string       `json:"profile"`
	Scopes  string       `json:"scopes"`
	Created time.Time    `json:"created"`
	Expires time.Time    `json:"expires,omitzero"`
	Revoked time.Time    `json:"revoked,omitzero"`

	// Secrets are the hashes of the secrets that work, the newest first (A06).
	Secrets []ClientSecret `json:"secrets,omitempty"`
	// Keys are the public keys that it signs assertions with (private_key_jwt).
	Keys jsontext.Value `json:"keys,omitempty"`
	// Certificate is the thumbprint of the certificate that it shows (tls_client_auth).
	Certificate string `json:"certificate,omitzero"`
}

// ClientSecret is the hash of a secret, and until when it works.
type ClientSecret struct {
	Hash    []byte    `json:"hash"`
	Hint    string    `json:"hint"`
	Expires time.Time `json:"expires,omitzero"`
}

// live reports whether the client may come.
func (c *Client) live(now time.Time) bool {
	return c.Revoked.IsZero() && (c.Expires.IsZero() || now.Before(c.Expires))
}

const (
	kindClient = "oauth-client"
	kindJTI    = "oauth-jti"
	// DefaultOverlap is how long the old secret of a client works on.
	DefaultOverlap = 24 * time.Hour
)

// ClientSpec is what a new client is to be.
type ClientSpec struct {
	Name        string
	Source      store.Source
	Profile     string
	Scopes      string
	Life        time.Duration
	Keys        []byte // JWKS; then there is no secret
	Certificate string // thumbprint; then there is no secret
}

func newSecret() (plain secret.String, s ClientSecret) {
	var b [32]byte
	rand.Read(b[:]) // never fails
	text := "msc_" + base64.RawURLEncoding.EncodeToString(b[:])
	sum := sha256.Sum256([]byte(text))
	return secret.New(text), ClientSecret{Hash: sum[:], Hint: text[len(text)-4:]}
}

// CreateClient makes a client. The secret, if it has one, is in the first result and nowhere else.
func (s *Service) CreateClient(ctx context.Context, t store.Tenant, spec ClientSpec) (secret.String, Client, error) {
	scopes, err := access.ParseScopes(spec.Scopes)
	if err != nil {
		return secret.String{}, Client{}, err
	}
	if spec.Profile == "" {
		spec.Profile = scim.Compat().Name
	}
	if _, ok := scim.ProfileByName(spec.Profile); !ok {
		return secret.String{}, Client{}, fmt.Errorf("there is no profile %q", spec.Profile)
	}
	if strings.TrimSpace(spec.Name) == "" {
		return secret.String{}, Client{}, errors.New("a client needs a name that tells later who it is")
	}
	if spec.Life < 0 {
		return secret.String{}, Client{}, errors.New("a client cannot end in the past")
	}
	if spec.Life == 0 {
		spec.Life = access.DefaultLife
	}
	if spec.Source == 0 {
		spec.Source = store.DefaultSource
	}
	c := Client{
		ID: s.o.NewID(), Name: spec.Name, Tenant: t, Source: spec.Source, Profile: spec.Profile, Scopes: scopes.String(),
		Created: s.now(), Expires: s.now().Add(spec.Life), Certificate: spec.Certificate,
	}
	var plain secret.String
	switch {
	case spec.Keys != nil && spec.Certificate != "":
		return plain, c, errors.New("a client authenticates in one way: with keys or with a certificate")
	case spec.Keys != nil:
		if _, err := publicKeys(spec.Keys); err != nil {
			return plain, c, err
		}
		c.Keys = spec.Keys
	case spec.Certificate != "":
		if b, err := base64.RawURLEncoding.DecodeString(spec.Certificate); err != nil || len(b) != sha256.Size {
			return plain, c, errors.New("the thumbprint of a certificate is its SHA-256 in base64url (x5t#S256)")
		}
	default:
		var hashed ClientSecret
		plain, hashed = newSecret()
		c.Secrets = []ClientSecret{hashed}
	}
	return plain, c, s.putItem(ctx, t, kindClient, c.ID, c.ID, &c, time.Time{}, "oauth.client-create", &store.Rows{})
}

// publicKeys reads a set of public keys that assertions may be signed with.
func publicKeys(text []byte) (jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return set, fmt.Errorf("the keys are no JWKS: %w", err)
	}
	if len(set.Keys) == 0 || len(set.Keys) > 10 {
		return set, errors.New("a client has between 1 and 10 keys")
	}
	for _, k := range set.Keys {
		if !k.Valid() || !k.IsPublic() {
			return set, errors.New("a key is not a public one: keep private keys with the client")
		}
	}
	return set, nil
}

// Clients lists the clients of a tenant.
func (s *Service) Clients(ctx context.Context, t store.Tenant) ([]Client, error) {
	items, err := s.store.Items(ctx, t, kindClient)
	if err != nil {
		return nil, err
	}
	list := make([]Client, len(items))
	for n, item := range items {
		if err := json.Unmarshal(item.Body, &list[n]); err != nil {
			return nil, fmt.Errorf("client %s: %w", item.Name, err)
		}
		list[n].Tenant = t
	}
	return list, nil
}

// ErrNoClient says that the tenant has no live client of that id.
var ErrNoClient = errors.New("no live client has this id")

func (s *Service) liveClient(ctx context.Context, t store.Tenant, id string) (Client, error) {
	list, err := s.Clients(ctx, t)
	if err != nil {
		return Client{}, err
	}
	for _, c := range list {
		if c.ID == id && c.live(s.now()) {
			return c, nil
		}
	}
	return Client{}, ErrNoClient
}

// RotateClient gives a client another secret; the old one works on for the overlap.
func (s *Service) RotateClient(ctx context.Context, t store.Tenant, id string, overlap time.Duration) (secret.String, Client, error) {
	c, err := s.liveClient(ctx, t, id)
	if err != nil {
		return secret.String{}, c, err
	}
	if len(c.Secrets) == 0 {
		return secret.String{}, c, errors.New("this client has no secret: it authenticates with keys or a certificate")
	}
	if overlap < 0 {
		return secret.String{}, c, errors.New("a secret cannot end in the past")
	}
	plain, fresh := newSecret()
	old := c.Secrets[0]
	if end := s.now().Add(overlap); old.Expires.IsZero() || end.Before(old.Expires) {
		old.Expires = end
	}
	c.Secrets = []ClientSecret{fresh, old}
	return plain, c, s.putItem(ctx, t, kindClient, c.ID, c.ID, &c, time.Time{}, "oauth.client-rotate", &store.Rows{})
}

// RevokeClient ends a client: its tokens are refused within 5 s.
func (s *Service) RevokeClient(ctx context.Context, t store.Tenant, id string) error {
	c, err := s.liveClient(ctx, t, id)
	if err != nil {
		return err
	}
	c.Revoked = s.now()
	return s.putItem(ctx, t, kindClient, c.ID, c.ID, &c, time.Time{}, "oauth.client-revoke", &store.Rows{})
}

// client returns a client of any tenant as it was not long ago, or nil.
func (s *Service) client(ctx context.Context, id string) (*Client, error) {
	now := s.now()
	s.mu.Lock()
	k, ok := s.clients[id]
	s.mu.Unlock()
	if ok && now.Before(k.until) {
		return k.value, nil
	}
	var c *Client
	item, err := s.store.ItemByKey(ctx, kindClient, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	default:
		c = &Client{}
		if err := json.Unmarshal(item.Body, c); err != nil {
			return nil, fmt.Errorf("client %s: %w", id, err)
		}
		c.Tenant = item.Tenant
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clients) >= maxKnown {
		clear(s.clients)
	}
	s.clients[id] = known[*Client]{c, now.Add(ttl)}
	return c, nil
}

// knows reports whether a secret is one of the client's, in a time that does not tell how far it is right.
func (c *Client) knows(secret string, now time.Time) bool {
	sum := sha256.Sum256([]byte(secret))
	ok := 0
	for _, s := range c.Secrets {
		if s.Expires.IsZero() || now.Before(s.Expires) {
			ok |= subtle.ConstantTimeCompare(sum[:], s.Hash)
		}
	}
	return ok == 1
}

// asserted verifies an assertion by which a client authenticates (RFC 7523 §3): signed by it, about it, for us, short, and once.
func (s *Service) asserted(ctx context.Context, c *Client, assertion string, audiences []string) error {
	set, err := publicKeys(c.Keys)
	if err != nil {
		return err
	}
	find := func(kid string) ([]jose.JSONWebKey, error) {
		if kid == "" {
			return set.Keys, nil
		}
		return set.Key(kid), nil
	}
	a, err := open(assertion, algorithms, func(string) bool { return true }, find)
	if err != nil {
		return err
	}
	end, err := a.timely(s.now())
	switch {
	case err != nil:
		return err
	case a.Issuer != c.ID || a.Subject != c.ID:
		return invalid("the assertion is about somebody else")
	case !slices.ContainsFunc(a.Audience, func(s string) bool { return slices.Contains(audiences, s) }):
		return invalid("the assertion is for somebody else")
	case end.Sub(s.now()) > time.Hour:
		return invalid("the assertion lives for more than an hour")
	case a.ID == "" || len(a.ID) > 256:
		return invalid("the assertion has no jti")
	}
	// Once, at whichever node.
	sum := sha256.Sum256([]byte(c.ID + "\n" + a.ID))
	name := base64.RawURLEncoding.EncodeToString(sum[:])
	item := &store.Item{Kind: kindJTI, Name: s.o.NewID(), Key: name, Body: []byte("1"), Expires: end.Add(2 * leeway)}
	err = s.store.Write(ctx, c.Tenant, &store.Op{Decide: func(store.View) (*store.Rows, error) { return &store.Rows{Items: []*store.Item{item}}, nil }})
	if errors.Is(err, store.ErrTaken) {
		return invalid("the assertion was used before")
	}
	if err == nil && s.asserts.Add(1)%64 == 0 { // those that count no more
		_, err = s.store.Expire(ctx, s.now(), 1000)
	}
	return err
}
