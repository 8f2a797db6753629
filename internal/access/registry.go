package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
)

// DefaultLife is how long a token lives unless something else is asked for (A11).
const DefaultLife = 365 * 24 * time.Hour

// maxName bounds a token's name, in characters.
const maxName = 100

// ErrNoToken says that the tenant has no live token of that id.
var ErrNoToken = errors.New("no live token has this id")

// TokenStore is what a [Registry] needs of a store.
type TokenStore interface {
	store.Writer
	store.Tokens
	store.Tenants
}

// A Registry creates, lists and revokes the tokens of tenants, and finds them by
// hash for an [Authenticator].
type Registry struct {
	store TokenStore
	now   func() time.Time
	newID func() string
}

// NewRegistry returns a registry over a store.
func NewRegistry(st TokenStore, now func() time.Time, newID func() string) *Registry {
	return &Registry{store: st, now: now, newID: newID}
}

// profiles are the names of the presets.
func profiles() []string {
	var names []string
	for _, p := range scim.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// Spec is what a new token is to be.
type Spec struct {
	Name    string        // what people call it; required
	Profile string        // name of its preset of switches. Defaults to compat
	Life    time.Duration // Defaults to DefaultLife
	Source  store.Source  // whom it speaks for. Defaults to the tenant's first source
	User    string        // id of the User whom alone it speaks for. Defaults to nobody: it speaks for the source
	Scopes  string        // what it may do, separated by blanks. Defaults to scim: everything
	Allow   string        // addresses and networks that it may be used from. Defaults to all
}

// Create makes a token. The secret is in the first result and nowhere else.
// Errors name what is wrong with the Spec.
func (r *Registry) Create(ctx context.Context, t store.Tenant, s Spec) (secret.String, store.Token, error) {
	if s.Profile == "" {
		s.Profile = scim.Compat().Name
	}
	if s.Life == 0 {
		s.Life = DefaultLife
	}
	if s.Source == 0 {
		s.Source = store.DefaultSource
	}
	if _, err := r.source(ctx, t, s.Source); err != nil { // tenancy is that of the source's row (A12)
		return secret.String{}, store.Token{}, err
	}
	scopes, err := ParseScopes(s.Scopes)
	if err != nil {
		return secret.String{}, store.Token{}, err
	}
	if s.User != "" && !scopes.All() {
		return secret.String{}, store.Token{}, errScopes
	}
	allow, err := ParseAllow(s.Allow)
	if err != nil {
		return secret.String{}, store.Token{}, err
	}
	profile, known := scim.ProfileByName(s.Profile)
	switch {
	case strings.TrimSpace(s.Name) == "":
		return secret.String{}, store.Token{}, errors.New("a token needs a name that tells later who uses it")
	case utf8.RuneCountInString(s.Name) > maxName:
		return secret.String{}, store.Token{}, fmt.Errorf("the name of a token has at most %d characters", maxName)
	case !known:
		return secret.String{}, store.Token{}, fmt.Errorf("there is no profile %q: take %s; single switches may follow, as in compat,no-keep-on-put",
			s.Profile, strings.Join(profiles(), ", "))
	case s.Life < 0:
		return secret.String{}, store.Token{}, errors.New("a token cannot expire in the past")
	}
	plain, hash, hint := NewToken()
	now := r.now().UTC()
	tok := store.Token{
		Tenant: t, ID: r.newID(), Source: s.Source, Name: s.Name, Hash: hash, Hint: hint,
		Profile: profile.Name, User: s.User, Created: now, Expires: now.Add(s.Life),
		Scopes: scopes.String(), Allow: networks(allow),
	}
	if err := r.put(ctx, tok, "token.create"); err != nil {
		return secret.String{}, store.Token{}, fmt.Errorf("store token: %w", err)
	}
	return plain, tok, nil
}

// DefaultOverlap is how long a token that is rotated works on.
const DefaultOverlap = 24 * time.Hour

// Rotate makes a token like one that is live, and has that one end after the overlap, so that no request is lost while its user
// changes over (A10). The secret of the new one is in the first result and nowhere else.
func (r *Registry) Rotate(ctx context.Context, t store.Tenant, id string, life, overlap time.Duration) (secret.String, store.Token, error) {
	old, err := r.live(ctx, t, id)
	if err != nil {
		return secret.String{}, store.Token{}, err
	}
	if overlap < 0 || life < 0 {
		return secret.String{}, store.Token{}, errors.New("a token cannot end in the past")
	}
	plain, tok, err := r.Create(ctx, t, Spec{
		Name: old.Name, Profile: old.Profile, Life: life, Source: old.Source, User: old.User, Scopes: old.Scopes, Allow: old.Allow,
	})
	if err != nil {
		return plain, tok, err
	}
	if end := r.now().UTC().Add(overlap); old.Expires.IsZero() || end.Before(old.Expires) {
		old.Expires = end
		if err := r.put(ctx, old, "token.rotate"); err != nil {
			return secret.String{}, store.Token{}, fmt.Errorf("end the old token: %w", err)
		}
	}
	return plain, tok, nil
}

// live returns a token that works.
func (r *Registry) live(ctx context.Context, t store.Tenant, id string) (store.Token, error) {
	all, err := r.store.Tokens(ctx, t)
	if err != nil {
		return store.Token{}, err
	}
	now := r.now()
	for _, tok := range all {
		if tok.ID == id && tok.Revoked.IsZero() && (tok.Expires.IsZero() || now.Before(tok.Expires)) {
			return tok, nil
		}
	}
	return store.Token{}, ErrNoToken
}

// networks is the form in which networks are stored.
func networks(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.String()
	}
	return strings.Join(texts, " ")
}

// List returns the tokens of a tenant, revoked ones included.
func (r *Registry) List(ctx context.Context, t store.Tenant) ([]store.Token, error) {
	return r.store.Tokens(ctx, t)
}

// Revoke ends a token at once in the store; an [Authenticator] that remembers it
// needs Forget, or a few seconds. It returns the token.
func (r *Registry) Revoke(ctx context.Context, t store.Tenant, id string) (store.Token, error) {
	all, err := r.store.Tokens(ctx, t)
	if err != nil {
		return store.Token{}, fmt.Errorf("revoke token: %w", err)
	}
	for _, tok := range all {
		if tok.ID == id && tok.Revoked.IsZero() {
			tok.Revoked = r.now().UTC()
			if err := r.put(ctx, tok, "token.revoke"); err != nil {
				return store.Token{}, fmt.Errorf("revoke token: %w", err)
			}
			return tok, nil
		}
	}
	return store.Token{}, ErrNoToken
}

// put writes a token together with the record of what was done (K01).
func (r *Registry) put(ctx context.Context, tok store.Token, action string) error {
	act := &store.Act{
		At: r.now().UTC(), Action: action, Result: "ok", Actor: store.Operator, Source: tok.Source, Type: "Token", ID: tok.ID,
		Details: []store.Detail{{Name: "name", Value: tok.Name}, {Name: "profile", Value: tok.Profile}, {Name: "scopes", Value: tok.Scopes}, {Name: "expires", Value: tok.Expires.UTC().Format(time.RFC3339)}},
	}
	if tok.User != "" {
		act.Details = append(act.Details, store.Detail{Name: "user", Value: tok.User})
	}
	return r.store.Write(ctx, tok.Tenant, &store.Op{
		Source: tok.Source,
		Decide: func(store.View) (*store.Rows, error) {
			return &store.Rows{Tokens: []*store.Token{&tok}, Audit: []*store.Act{act}}, nil
		},
	})
}

// source returns a source of a tenant.
func (r *Registry) source(ctx context.Context, t store.Tenant, number store.Source) (store.SourceRecord, error) {
	all, err := r.store.Sources(ctx, t)
	if err != nil {
		return store.SourceRecord{}, err
	}
	for _, s := range all {
		if s.Source == number {
			return s, nil
		}
	}
	return store.SourceRecord{}, fmt.Errorf("source %d: %w", number, store.ErrNotFound)
}

// scopesOf reads stored scopes.
func scopesOf(text string) Scopes {
	if text == "" {
		return Scopes{ScopeAll}
	}
	return strings.Fields(text)
}

// Lookup is the [LookupFunc] of the registry.
func (r *Registry) Lookup(ctx context.Context, hash Hash) (Principal, error) {
	tok, err := r.store.TokenByHash(ctx, hash)
	if errors.Is(err, store.ErrNotFound) || err == nil && !tok.Revoked.IsZero() {
		return Principal{}, ErrUnknownToken
	}
	if err != nil {
		return Principal{}, err
	}
	src, err := r.source(ctx, tok.Tenant, tok.Source)
	if errors.Is(err, store.ErrNotFound) {
		return Principal{}, ErrUnknownToken // of a source that is gone
	}
	if err != nil {
		return Principal{}, err
	}
	// What was stored is what was parsed; a scope that this version does not know grants nothing.
	allow, err := ParseAllow(tok.Allow)
	if err != nil {
		return Principal{}, err
	}
	return Principal{
		Scopes: scopesOf(tok.Scopes), Allow: allow,
		Tenant: tok.Tenant, Source: tok.Source, SourceName: src.Name, TokenID: tok.ID, TokenName: tok.Name,
		Profile: tok.Profile, User: tok.User, Expires: tok.Expires, Hash: tok.Hash,
	}, nil
}
