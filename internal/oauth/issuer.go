package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/store"
)

// Issuer is somebody outside whose access tokens a tenant takes.
type Issuer struct {
	Name     string       `json:"name"`
	URL      string       `json:"url"`               // iss, exactly
	Audience string       `json:"audience"`          // that the token has to be for
	Clients  []string     `json:"clients,omitempty"` // client_id, azp or appid of those that may come; none: all of the audience
	Tenant   string       `json:"tenantID,omitzero"` // tid, of Entra ID
	Algs     []string     `json:"algs,omitempty"`    // of signatures. Defaults to RS256, ES256, EdDSA
	JWKS     string       `json:"jwksURL,omitzero"`  // of the keys. Defaults to what discovery says
	AnyType  bool         `json:"anyType,omitzero"`  // also tokens whose typ is JWT or missing, for issuers that know no at+jwt
	Scopes   string       `json:"scopes,omitzero"`   // what a token may do that names no scopes at all. Defaults to nothing
	Source   store.Source `json:"source"`            // on whose behalf
	Profile  string       `json:"profile"`           // preset of switches

	// Introspection is where opaque tokens are asked for (RFC 7662); empty: tokens are JWTs. The secret is in the vault.
	Introspection string `json:"introspectionURL,omitzero"`
	ClientID      string `json:"clientID,omitzero"` // by which we ask

	Created time.Time `json:"created"`
}

// algorithms are those that an issuer may sign with (A14).
var algorithms = []string{"RS256", "ES256", "EdDSA"}

// What Entra ID's own provisioning service sends when its administrator leaves the secret token empty.
const (
	entraAudience = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
	entraClient   = "00000014-0000-0000-c000-000000000000"
)

var entraTenant = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Entra returns the issuer of the provisioning service of an Entra ID tenant, given by its id.
func Entra(tid string) (Issuer, error) {
	if tid = strings.ToLower(tid); !entraTenant.MatchString(tid) {
		return Issuer{}, fmt.Errorf("%q is not the id of an Entra tenant, such as 72f988bf-86f1-41af-91ab-2d7cd011db47", tid)
	}
	return Issuer{
		Name: "entra", URL: "https://sts.windows.net/" + tid + "/", Audience: entraAudience, Clients: []string{entraClient}, Tenant: tid,
		Algs: []string{"RS256"}, JWKS: "https://login.microsoftonline.com/" + tid + "/discovery/keys", AnyType: true, Scopes: access.ScopeAll, Profile: "entra",
	}, nil
}

var itemName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// check says what cannot be.
func (i *Issuer) check() error {
	if !itemName.MatchString(i.Name) {
		return fmt.Errorf("%q cannot be the name of an issuer: use a-z, 0-9 and hyphens", i.Name)
	}
	for what, u := range map[string]string{"issuer": i.URL, "JWKS": i.JWKS, "introspection": i.Introspection} {
		if u == "" && what != "issuer" {
			continue
		}
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil || parsed.Scheme != "https" && parsed.Scheme != "http" {
			return fmt.Errorf("the %s URL %q is none: give it as https://host/path, exactly as the issuer writes it", what, u)
		}
		// The outbound rules refuse it too, but only when the first token comes.
		if ip, err := netip.ParseAddr(parsed.Hostname()); parsed.Scheme == "http" && parsed.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
			return fmt.Errorf("the %s URL %q has to be https: whoever stands between could give other keys", what, u)
		}
	}
	if i.Audience == "" {
		return errors.New("an issuer needs the audience that its tokens are made for, or tokens for somebody else would be taken")
	}
	for _, a := range i.Algs {
		if !slices.Contains(algorithms, a) {
			return fmt.Errorf("the algorithm %q is not one of %s", a, strings.Join(algorithms, ", "))
		}
	}
	if i.Scopes != "" {
		s, err := access.ParseScopes(i.Scopes)
		if err != nil {
			return err
		}
		i.Scopes = s.String()
	}
	if i.Introspection != "" && i.ClientID == "" {
		return errors.New("introspection needs a client id and a secret by which we ask")
	}
	return nil
}

const kindIssuer = "oauth-issuer"

func secretName(issuer string) string { return "oauth/issuer/" + issuer }

// AddIssuer adds an issuer to a tenant; secret is that of introspection. An issuer with an audience belongs to
// one tenant.
func (s *Service) AddIssuer(ctx context.Context, t store.Tenant, i Issuer, secret string) (Issuer, error) {
	if err := i.check(); err != nil {
		return i, err
	}
	list, err := s.Issuers(ctx, t)
	if err != nil {
		return i, err
	}
	if slices.ContainsFunc(list, func(o Issuer) bool { return o.Name == i.Name }) {
		return i, fmt.Errorf("there is an issuer %q already: remove it first, or choose another name", i.Name)
	}
	i.Created = s.now()
	if i.Source == 0 {
		i.Source = store.DefaultSource
	}
	rows := &store.Rows{}
	if i.Introspection != "" && secret != "" {
		rows.Secrets = []*store.Secret{s.vault.Seal(t, secretName(i.Name), []byte(secret))}
	}
	err = s.putItem(ctx, t, kindIssuer, i.Name, i.URL+"\n"+i.Audience, &i, time.Time{}, "oauth.issuer-add", rows)
	if errors.Is(err, store.ErrTaken) {
		err = fmt.Errorf("the issuer %s with this audience is another one's already, of this tenant or of another: it belongs to one", i.URL)
	}
	return i, err
}

// Issuers lists the issuers of a tenant.
func (s *Service) Issuers(ctx context.Context, t store.Tenant) ([]Issuer, error) {
	items, err := s.store.Items(ctx, t, kindIssuer)
	if err != nil {
		return nil, err
	}
	list := make([]Issuer, len(items))
	for n, item := range items {
		if err := json.Unmarshal(item.Body, &list[n]); err != nil {
			return nil, fmt.Errorf("issuer %s: %w", item.Name, err)
		}
	}
	return list, nil
}

// RemoveIssuer ends that a tenant takes tokens of an issuer, within 5 s.
func (s *Service) RemoveIssuer(ctx context.Context, t store.Tenant, name string) error {
	list, err := s.Issuers(ctx, t)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(i Issuer) bool { return i.Name == name }) {
		return fmt.Errorf("there is no issuer %q", name)
	}
	return s.putItem(ctx, t, kindIssuer, name, "", nil, time.Time{}, "oauth.issuer-remove",
		&store.Rows{Secrets: []*store.Secret{{Name: secretName(name)}}})
}

// Tried is what was found of an issuer.
type Tried struct {
	JWKS string   `json:"jwksURL"`
	Keys []string `json:"keys"` // kid and alg
}

// TryIssuer asks an issuer for its keys as a token of it would make us do.
func (s *Service) TryIssuer(ctx context.Context, t store.Tenant, name string) (Tried, error) {
	list, err := s.Issuers(ctx, t)
	if err != nil {
		return Tried{}, err
	}
	for i := range list {
		if list[i].Name == name {
			set, at, err := s.keys.fetch(ctx, &list[i])
			if err != nil {
				return Tried{}, fmt.Errorf("the keys of %s: %w", list[i].URL, err)
			}
			tried := Tried{JWKS: at}
			for _, k := range set.Keys {
				tried.Keys = append(tried.Keys, strings.TrimSpace(k.KeyID+" "+k.Algorithm))
			}
			return tried, nil
		}
	}
	return Tried{}, fmt.Errorf("there is no issuer %q", name)
}

// reason tells an error of the guarded client in a few words.
func reason(err error) string {
	if e, ok := errors.AsType[*outbound.Error](err); ok {
		return string(e.Reason)
	}
	return err.Error()
}
