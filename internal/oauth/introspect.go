package oauth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/store"
)

// introspect asks an issuer about an opaque token (RFC 7662). An issuer that does not answer is an error, never a yes.
func (s *Service) introspect(ctx context.Context, t store.Tenant, i *Issuer, token string) (*claims, time.Time, error) {
	secret, err := s.vault.Get(ctx, t, secretName(i.Name))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("the secret of the issuer %s: %w", i.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.Introspection, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, time.Time{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(i.ClientID), url.QueryEscape(string(secret)))
	resp, err := s.keys.do(req)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("introspection of %s: %s", i.Name, reason(err))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeysBody))
	if err != nil {
		return nil, time.Time{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, time.Time{}, fmt.Errorf("introspection of %s answers %d", i.Name, resp.StatusCode)
	}
	var answer struct {
		Active bool `json:"active"`
	}
	var c claims
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, time.Time{}, fmt.Errorf("introspection of %s: %w", i.Name, err)
	}
	if !answer.Active {
		return nil, time.Time{}, invalid("the issuer says that it is not active")
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, time.Time{}, fmt.Errorf("introspection of %s: %w", i.Name, err)
	}
	if c.Issuer == "" { // it is optional there, and we asked nobody else
		c.Issuer = i.URL
	}
	now := s.now()
	if c.Expires == nil { // optional too; the answer is not kept for long anyway
		end := float64(now.Add(time.Minute).Unix())
		c.Expires = &end
	}
	end, err := c.timely(now)
	if err != nil {
		return nil, end, err
	}
	return &c, end, i.accepts(&c)
}
