package oauth

import (
	"context"
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
)

const (
	leeway   = 60 * time.Second
	maxLife  = 24 * time.Hour
	maxToken = 16 << 10
)

// claims are those of an access token that are read.
type claims struct {
	Issuer    string    `json:"iss"`
	Subject   string    `json:"sub"`
	Audience  audience  `json:"aud"`
	Expires   *float64  `json:"exp"`
	NotBefore *float64  `json:"nbf"`
	Issued    *float64  `json:"iat"`
	ID        string    `json:"jti"`
	ClientID  string    `json:"client_id"`
	AZP       string    `json:"azp"`
	AppID     string    `json:"appid"`
	TenantID  string    `json:"tid"`
	Scope     scopeText `json:"scope"`
	SCP       scopeText `json:"scp"`
	Roles     []string  `json:"roles"`
	Confirm   *confirm  `json:"cnf"`
}

type confirm struct {
	Thumbprint string `json:"x5t#S256"`
	DPoP       string `json:"jkt"`
}

// audience is one text or several.
type audience []string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (a *audience) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		var one string
		err := json.UnmarshalDecode(d, &one)
		*a = audience{one}
		return err
	}
	return json.UnmarshalDecode(d, (*[]string)(a))
}

// scopeText is scopes in one text, or, as some issuers have it, in several.
type scopeText []string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (s *scopeText) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		var one string
		err := json.UnmarshalDecode(d, &one)
		*s = strings.Fields(one)
		return err
	}
	return json.UnmarshalDecode(d, (*[]string)(s))
}

// invalidError is a token that is not taken. Why is for the log.
type invalidError struct{ why string }

func (e *invalidError) Error() string { return "the token is not valid: " + e.why }

func invalid(format string, args ...any) error { return &invalidError{fmt.Sprintf(format, args...)} }

// isJWT reports whether a token has the form of a signed JWT. It looks at nothing but dots (A16).
func isJWT(token string) bool { return len(token) <= maxToken && strings.Count(token, ".") == 2 }

// peek reads the issuer that an unverified token names: which keys to verify it with.
func peek(token string) (iss string, err error) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return "", invalid("its claims are not base64url")
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return "", invalid("its claims are not JSON")
	}
	return c.Issuer, nil
}

// header is what of the header is looked at by ourselves: keys in it are never used, and what it calls critical is never known.
type header struct {
	Type     string         `json:"typ"`
	Alg      string         `json:"alg"`
	Key      string         `json:"kid"`
	Critical jsontext.Value `json:"crit"`
	B64      jsontext.Value `json:"b64"`
	Zip      jsontext.Value `json:"zip"`
}

// open verifies the signature of a token with the keys that find returns, and returns its claims.
func open(token string, algs []string, types func(string) bool, find func(kid string) ([]jose.JSONWebKey, error)) (*claims, error) {
	if !isJWT(token) {
		return nil, invalid("it is no signed JWT")
	}
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return nil, invalid("its header is not base64url")
	}
	var h header
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, invalid("its header is not JSON")
	}
	switch {
	case h.Critical != nil || h.B64 != nil || h.Zip != nil:
		return nil, invalid("its header demands what is not known")
	case !slices.Contains(algs, h.Alg):
		return nil, invalid("the algorithm %.20q is not allowed", h.Alg)
	case !types(h.Type):
		return nil, invalid("the type %.40q is not that of an access token", h.Type)
	}
	allowed := make([]jose.SignatureAlgorithm, len(algs))
	for i, a := range algs {
		allowed[i] = jose.SignatureAlgorithm(a)
	}
	jws, err := jose.ParseSignedCompact(token, allowed)
	if err != nil {
		return nil, invalid("%v", err)
	}
	keys, err := find(h.Key)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		// A key says what it is for; a public key is never taken for the secret of an HMAC.
		if k.Use == "enc" || k.Algorithm != "" && k.Algorithm != h.Alg || !k.IsPublic() {
			continue
		}
		payload, err := jws.Verify(k.Key)
		if err != nil {
			continue
		}
		var c claims
		if err := json.Unmarshal(payload, &c); err != nil {
			return nil, invalid("its claims: %v", err)
		}
		return &c, nil
	}
	return nil, invalid("no key of the issuer has signed it")
}

// accessTokens are the types of RFC 9068.
func accessTokens(typ string) bool {
	return strings.EqualFold(typ, "at+jwt") || strings.EqualFold(typ, "application/at+jwt")
}

func anyType(typ string) bool { return typ == "" || strings.EqualFold(typ, "JWT") || accessTokens(typ) }

// at returns an instant of a claim; an absurd one, such as one in milliseconds, is none.
func at(seconds float64) (t time.Time, ok bool) {
	if seconds < 0 || seconds > 1<<36 { // the year 4147
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

// timely checks the times of a token, and returns its end.
func (c *claims) timely(now time.Time) (time.Time, error) {
	if c.Expires == nil {
		return time.Time{}, invalid("it never expires")
	}
	// What is not said is now. So a token without iat, which RFC 9068 §2.2 demands of its issuer and A15 does not of us, may end a day
	// from now and no later: how long it has lived already nobody can tell.
	begin, end, start := now, now, now
	for _, claim := range []struct {
		name string
		says *float64
		time *time.Time
	}{{"exp", c.Expires, &end}, {"nbf", c.NotBefore, &start}, {"iat", c.Issued, &begin}} {
		if claim.says == nil {
			continue
		}
		var ok bool
		if *claim.time, ok = at(*claim.says); !ok {
			return time.Time{}, invalid("its %s, %g, is no time in seconds since 1970", claim.name, *claim.says)
		}
	}
	switch {
	case !now.Before(end.Add(leeway)):
		return end, invalid("it has expired")
	case now.Add(leeway).Before(start):
		return end, invalid("it is not valid yet")
	case now.Add(leeway).Before(begin):
		return end, invalid("it was issued in the future")
	}
	if end.Sub(begin) > maxLife {
		return end, invalid("it lives for more than %v", maxLife)
	}
	return end, nil
}

// client returns who has got the token.
func (c *claims) client() string {
	for _, id := range []string{c.ClientID, c.AZP, c.AppID, c.Subject} {
		if id != "" {
			return id
		}
	}
	return ""
}

// granted returns the scopes of ours that a token names. Those of its issuer are for tokens that name none at all: one that names
// only others was made for something else, and may do nothing here.
func (c *claims) granted(otherwise string) access.Scopes {
	named := slices.Concat(c.Scope, c.SCP, c.Roles)
	if len(named) == 0 {
		return strings.Fields(otherwise)
	}
	var granted access.Scopes
	for _, name := range named {
		if slices.Contains(access.ScopeNames(), name) {
			granted = append(granted, name)
		}
	}
	return granted
}

// verifyOf verifies a JWT of an issuer outside.
func (s *Service) verifyOf(ctx context.Context, i *Issuer, token string) (*claims, time.Time, error) {
	algs, types := i.Algs, accessTokens
	if len(algs) == 0 {
		algs = algorithms
	}
	if i.AnyType {
		types = anyType
	}
	c, err := open(token, algs, types, func(kid string) ([]jose.JSONWebKey, error) { return s.keys.find(ctx, i, kid) })
	if err != nil {
		return nil, time.Time{}, err
	}
	end, err := c.timely(s.now())
	if err != nil {
		return nil, end, err
	}
	return c, end, i.accepts(c)
}

// accepts checks whom a token is from and for.
func (i *Issuer) accepts(c *claims) error {
	switch {
	case c.Issuer != i.URL:
		return invalid("its issuer is another one")
	case !slices.Contains(c.Audience, i.Audience):
		return invalid("it is for somebody else")
	case i.Tenant != "" && c.TenantID != i.Tenant:
		return invalid("it is of another directory")
	case len(i.Clients) > 0 && !slices.ContainsFunc([]string{c.ClientID, c.AZP, c.AppID}, func(id string) bool { return id != "" && slices.Contains(i.Clients, id) }):
		return invalid("its client is not one of those that may come")
	case c.Confirm != nil && c.Confirm.DPoP != "":
		return invalid("it is bound to a key of DPoP, which is not spoken here")
	}
	return nil
}

// isInvalid reports whether a token is bad, rather than that this could not be told.
func isInvalid(err error) bool {
	_, ok := errors.AsType[*invalidError](err)
	return ok
}
