package webhook

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/target"
)

// Settings is the configuration of one webhook.
type Settings struct {
	// URL is where events are posted. Required.
	URL string
	// Secrets sign each message: whsec_ for HMAC-SHA256 with 32 to 64 bytes, whsk_ for ed25519; the
	// receiver may check any. Two during a change-over. Required.
	Secrets []secret.String
	// Events are the types to send. Defaults to all.
	Events []string
	// Rate is how many messages are posted in a second at most. Defaults to 0, no limit.
	Rate float64
	// InsecureHTTP lets URL be plain http to an address that the operator allows. Defaults to false.
	InsecureHTTP bool
	// RootCAs are trusted instead of the system's authorities. Defaults to nil.
	RootCAs *x509.CertPool
}

var _ target.Settings = (*Settings)(nil)

// Defaults returns the settings of somebody who sets nothing.
func Defaults() *Settings { return &Settings{} }

// Validate implements [target.Settings].
func (s *Settings) Validate() error {
	var errs []error
	if err := outbound.CheckURL(s.URL); err != nil {
		errs = append(errs, fmt.Errorf("url: %w", err))
	}
	if s.Rate < 0 {
		errs = append(errs, errors.New("rate: is less than 0"))
	}
	_, err := s.keys()
	return errors.Join(append(errs, err)...)
}

func (s *Settings) keys() ([]key, error) {
	if len(s.Secrets) == 0 {
		return nil, errors.New("secret: is missing; a webhook is always signed")
	}
	var errs []error
	keys := make([]key, len(s.Secrets))
	for i, text := range s.Secrets {
		var err error
		keys[i], err = parseKey(text)
		switch {
		case err != nil:
		case keys[i].sign == nil:
			err = errors.New("a whpk_ key is public and only verifies")
		case keys[i].size < ourSymmetric:
			err = fmt.Errorf("the key has %d bytes, fewer than %d", keys[i].size, ourSymmetric)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("secret: number %d: %w", i+1, err))
		}
	}
	return keys, errors.Join(errs...)
}

// Open implements [target.Settings].
func (s *Settings) Open(env target.Env) (target.Target, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	keys, err := s.keys()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, errors.New("url: cannot be read")
	}
	o := env.Outbound
	o.InsecureHTTP, o.RootCAs, o.Rate = s.InsecureHTTP, s.RootCAs, s.Rate
	client, err := outbound.New(o)
	if err != nil {
		return nil, err
	}
	return &Webhook{
		url: u.String(), keys: keys, events: slices.Clone(s.Events), client: client,
		messages: messages{tenant: env.Tenant, base: env.Base, schemas: env.Schemas},
	}, nil
}
