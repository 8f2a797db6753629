package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

const (
	maxKeysBody = 1 << 20          // of a JWKS or discovery document
	fetchEvery  = 30 * time.Second // at most, for each issuer (A17)
	freshFor    = 15 * time.Minute
	keepFor     = 24 * time.Hour // the last good set, while the issuer does not answer
	maxKeys     = 100
	fetchTime   = 10 * time.Second
)

// keyCache holds the keys of issuers. A token with an unknown key makes us ask the issuer, but at most once in 30 s.
type keyCache struct {
	do  func(*http.Request) (*http.Response, error)
	now func() time.Time
	log *slog.Logger

	mu   sync.Mutex         // guards sets
	sets map[string]*keySet // by issuer URL and JWKS URL
}

type keySet struct {
	mu    sync.Mutex // held while it is fetched: others wait, and find it fetched
	keys  jose.JSONWebKeySet
	got   time.Time
	tried time.Time
	err   error // of the last try
}

func (c *keyCache) of(i *Issuer) *keySet {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := i.URL + "\n" + i.JWKS
	if c.sets[k] == nil {
		if c.sets == nil {
			c.sets = map[string]*keySet{}
		}
		c.sets[k] = &keySet{}
	}
	return c.sets[k]
}

// errIssuer says that the issuer did not answer and nothing is known of its keys.
var errIssuer = errors.New("the keys of the issuer are not to be had")

// find returns the keys with that id, or all if it has none.
func (c *keyCache) find(ctx context.Context, i *Issuer, kid string) ([]jose.JSONWebKey, error) {
	s := c.of(i)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := c.now()
	found := s.match(kid)
	stale := now.Sub(s.got) > freshFor
	if (len(found) == 0 || stale) && now.Sub(s.tried) >= fetchEvery {
		s.tried = now
		set, _, err := c.fetch(ctx, i)
		if s.err = err; err == nil {
			s.keys, s.got = set, now
		} else {
			c.log.WarnContext(ctx, "the keys of an issuer could not be fetched", "issuer", i.URL, "err", reason(err))
		}
		found = s.match(kid)
	}
	if now.Sub(s.got) > keepFor {
		if s.err != nil {
			return nil, fmt.Errorf("%w: %w", errIssuer, s.err)
		}
		return nil, errIssuer
	}
	return found, nil
}

func (s *keySet) match(kid string) []jose.JSONWebKey {
	if kid == "" {
		return s.keys.Keys
	}
	return s.keys.Key(kid)
}

// fetch asks the issuer for its keys, and where they are if that is not known.
func (c *keyCache) fetch(ctx context.Context, i *Issuer) (set jose.JSONWebKeySet, at string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime) // others wait for it too
	defer cancel()
	if at = i.JWKS; at == "" {
		if at, err = c.discover(ctx, i); err != nil {
			return set, "", err
		}
	}
	body, err := c.get(ctx, at)
	if err != nil {
		return set, at, err
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return set, at, fmt.Errorf("%s is no set of keys: %w", at, err)
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return set, at, fmt.Errorf("%s has %d keys", at, len(set.Keys))
	}
	return set, at, nil
}

// discover asks by OpenID Connect first, then by RFC 8414.
func (c *keyCache) discover(ctx context.Context, i *Issuer) (string, error) {
	base := strings.TrimSuffix(i.URL, "/")
	places := []string{base + "/.well-known/openid-configuration"}
	scheme, rest, _ := strings.Cut(base, "://")
	host, path, _ := strings.Cut(rest, "/")
	if path != "" {
		path = "/" + path
	}
	places = append(places, scheme+"://"+host+"/.well-known/oauth-authorization-server"+path)
	var errs []error
	for _, at := range places {
		body, err := c.get(ctx, at)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		var doc struct {
			Issuer string `json:"issuer"`
			JWKS   string `json:"jwks_uri"`
		}
		if err := json.Unmarshal(body, &doc); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", at, err))
			continue
		}
		if doc.Issuer != i.URL {
			return "", fmt.Errorf("%s is about the issuer %q, not %q", at, doc.Issuer, i.URL)
		}
		if doc.JWKS == "" {
			return "", fmt.Errorf("%s names no jwks_uri", at)
		}
		return doc.JWKS, nil
	}
	return "", errors.Join(errs...)
}

func (c *keyCache) get(ctx context.Context, at string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", at, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeysBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxKeysBody {
		return nil, fmt.Errorf("%s is over %d bytes", at, maxKeysBody)
	}
	return body, nil
}
