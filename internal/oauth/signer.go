package oauth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/store"
)

const (
	// tokenLife is how long our access tokens live (AUTH-08).
	tokenLife = 15 * time.Minute
	// keyOverlap is how long a key that was replaced still verifies.
	keyOverlap = 24 * time.Hour
	keysSecret = "oauth/signing keys" //nolint:gosec // the name of one
)

// storedKey is a signing key as the vault has it.
type storedKey struct {
	Seed    []byte    `json:"seed"`
	Made    time.Time `json:"made"`
	Retired time.Time `json:"retired,omitzero"`
}

// signers are our signing keys, the one that signs first.
type signers struct {
	keys   []ed25519.PrivateKey
	stored []storedKey
}

// SigningKey is a signing key as it is shown.
type SigningKey struct {
	ID      string    `json:"kid"`
	Made    time.Time `json:"made"`
	Retired time.Time `json:"retired,omitzero"`
}

func kidOf(k ed25519.PublicKey) string {
	sum := sha256.Sum256(k)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// ours returns our signing keys. The first who asks makes one.
func (s *Service) ours(ctx context.Context) (*signers, error) {
	now := s.now()
	s.mu.Lock()
	k := s.signing
	s.mu.Unlock()
	if now.Before(k.until) {
		return k.value, nil
	}
	b, err := s.vault.Get(ctx, store.System, keysSecret)
	if errors.Is(err, store.ErrNotFound) {
		if err = s.RotateKeys(ctx); err == nil {
			b, err = s.vault.Get(ctx, store.System, keysSecret)
		}
	}
	if err != nil {
		return nil, err
	}
	set := &signers{}
	if err := json.Unmarshal(b, &set.stored); err != nil {
		return nil, fmt.Errorf("our signing keys: %w", err)
	}
	for _, k := range set.stored {
		set.keys = append(set.keys, ed25519.NewKeyFromSeed(k.Seed))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = known[*signers]{set, now.Add(ttl)}
	return set, nil
}

// RotateKeys makes another signing key. Those before it verify for a day, which is longer than any token lives.
func (s *Service) RotateKeys(ctx context.Context) error {
	now := s.now()
	fresh := storedKey{Seed: make([]byte, ed25519.SeedSize), Made: now}
	rand.Read(fresh.Seed) // never fails
	keys := []storedKey{fresh}
	b, err := s.vault.Get(ctx, store.System, keysSecret)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err == nil {
		var before []storedKey
		if err := json.Unmarshal(b, &before); err != nil {
			return err
		}
		for _, k := range before {
			if k.Retired.IsZero() {
				k.Retired = now
			}
			if now.Sub(k.Retired) < keyOverlap {
				keys = append(keys, k)
			}
		}
	}
	if b, err = json.Marshal(keys); err != nil {
		return err
	}
	row := s.vault.Seal(store.System, keysSecret, b)
	act := &store.Act{At: now, Action: "oauth.keys-rotate", Result: "ok", Actor: store.Operator}
	err = s.store.Write(ctx, store.System, &store.Op{Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Secrets: []*store.Secret{row}, Audit: []*store.Act{act}}, nil
	}})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = known[*signers]{}
	return err
}

// Keys lists our signing keys, the one that signs first.
func (s *Service) Keys(ctx context.Context) ([]SigningKey, error) {
	set, err := s.ours(ctx)
	if err != nil {
		return nil, err
	}
	var list []SigningKey
	for i, k := range set.keys {
		list = append(list, SigningKey{kidOf(k.Public().(ed25519.PublicKey)), set.stored[i].Made, set.stored[i].Retired})
	}
	return list, nil
}

// jwks returns the public halves of our keys.
func (s *Service) jwks(ctx context.Context) (jose.JSONWebKeySet, error) {
	set, err := s.ours(ctx)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	var out jose.JSONWebKeySet
	for i, k := range set.keys {
		if r := set.stored[i].Retired; !r.IsZero() && s.now().Sub(r) >= keyOverlap {
			continue
		}
		public := k.Public().(ed25519.PublicKey)
		out.Keys = append(out.Keys, jose.JSONWebKey{Key: public, KeyID: kidOf(public), Algorithm: "EdDSA", Use: "sig"})
	}
	return out, nil
}

// tokenClaims are those of our access tokens (RFC 9068 §2.2).
type tokenClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope"`
	Issued   int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	ID       string   `json:"jti"`
	Confirm  *confirm `json:"cnf,omitzero"`
}

// sign makes an access token for a client.
func (s *Service) sign(ctx context.Context, c *Client, scopes access.Scopes, at Place) (string, error) {
	set, err := s.ours(ctx)
	if err != nil {
		return "", err
	}
	key := set.keys[0]
	now := s.now()
	tc := tokenClaims{
		Issuer: at.Issuer, Subject: c.ID, Audience: at.Audience, ClientID: c.ID, Scope: scopes.String(),
		Issued: now.Unix(), Expires: now.Add(tokenLife).Unix(), ID: s.o.NewID(),
	}
	if at.Certificate != "" { // whoever came with a certificate has to come with it again (RFC 8705 §3)
		tc.Confirm = &confirm{Thumbprint: at.Certificate}
	}
	payload, err := json.Marshal(&tc)
	if err != nil {
		return "", err
	}
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", kidOf(key.Public().(ed25519.PublicKey)))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, options)
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// own verifies a token of our own endpoint.
func (s *Service) own(ctx context.Context, token string, at Place) (access.Principal, error) {
	set, err := s.jwks(ctx)
	if err != nil {
		return access.Principal{}, err
	}
	c, err := open(token, []string{"EdDSA"}, accessTokens, func(kid string) ([]jose.JSONWebKey, error) { return set.Key(kid), nil })
	if err != nil {
		return access.Principal{}, err
	}
	end, err := c.timely(s.now())
	if err != nil {
		return access.Principal{}, err
	}
	i := Issuer{URL: at.Issuer, Audience: at.Audience}
	if err := i.accepts(c); err != nil {
		return access.Principal{}, err
	}
	client, err := s.client(ctx, c.ClientID)
	if err != nil {
		return access.Principal{}, err
	}
	if client == nil || client.Tenant != at.Tenant || !client.live(s.now()) {
		return access.Principal{}, invalid("its client is gone")
	}
	p := access.Principal{
		Tenant: client.Tenant, Source: client.Source, SourceName: client.Name, TokenID: "oauth:" + client.ID, TokenName: client.Name, Profile: client.Profile,
		Scopes: c.granted(""), Expires: end,
	}
	if c.Confirm != nil {
		p.Certificate = c.Confirm.Thumbprint
	}
	return p, nil
}
