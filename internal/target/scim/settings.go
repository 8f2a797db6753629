package scim

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/target"
	"github.com/muster-id/muster/scim/client"
)

// Update says how the accounts of an application are changed.
type Update string

// The ways to change an account.
const (
	UpdateAuto  Update = "auto"  // as the application's ServiceProviderConfig says, or its refusal of a PATCH
	UpdatePatch Update = "patch" // always PATCH
	UpdatePut   Update = "put"   // always PUT
)

const (
	defaultMembers = 100 // the least ceiling that applications publish
	mostMembers    = 10_000
)

// Settings is the configuration of one application.
type Settings struct {
	// URL is the application's SCIM base URL, /Users and so on come behind it. Required.
	URL string
	// Token is the bearer token. Required.
	Token secret.String
	// InsecureHTTP lets URL be plain http to an address that the operator allows. Defaults to false.
	InsecureHTTP bool
	// RootCAs are trusted instead of the system's authorities. Defaults to nil.
	RootCAs *x509.CertPool
	// Rate is how many requests are sent in a second at most. Defaults to 0, no limit.
	Rate float64
	// Update is how accounts are changed. Defaults to UpdateAuto.
	Update Update
	// MembersPerRequest is how many memberships of a group one request changes at most. Defaults to 100.
	MembersPerRequest int
}

var _ target.Settings = (*Settings)(nil)

// Defaults returns the settings of somebody who sets nothing.
func Defaults() *Settings {
	return &Settings{Update: UpdateAuto, MembersPerRequest: defaultMembers}
}

// Validate implements [target.Settings].
func (s *Settings) Validate() error {
	var errs []error
	if err := outbound.CheckURL(s.URL); err != nil {
		errs = append(errs, fmt.Errorf("url: %w", err))
	} else if u, err := url.Parse(s.URL); err != nil || u.RawQuery != "" || u.ForceQuery {
		errs = append(errs, errors.New("url: has a query (?...); paths such as /Users are put behind a SCIM base URL"))
	}
	if s.Token.Empty() {
		errs = append(errs, errors.New("token: is missing; an application is always logged in to"))
	} else if strings.ContainsFunc(s.Token.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		errs = append(errs, errors.New("token: has a blank, a line break or a character outside ASCII in it"))
	}
	if !(s.Rate >= 0) { // also refuses what is not a number
		errs = append(errs, errors.New("rate: is less than 0"))
	}
	switch s.Update {
	case UpdateAuto, UpdatePatch, UpdatePut:
	default:
		errs = append(errs, errors.New("update: is not auto, patch or put"))
	}
	if s.MembersPerRequest < 1 || s.MembersPerRequest > mostMembers {
		errs = append(errs, fmt.Errorf("members_per_request: is not between 1 and %d", mostMembers))
	}
	return errors.Join(errs...)
}

// Open implements [target.Settings].
func (s *Settings) Open(env target.Env) (target.Target, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	o := env.Outbound
	o.InsecureHTTP, o.RootCAs, o.Rate = s.InsecureHTTP, s.RootCAs, s.Rate
	dial, err := outbound.New(o)
	if err != nil {
		return nil, err
	}
	if err := dial.Guard().CheckURL(s.URL, s.InsecureHTTP); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	token := s.Token
	calls, err := client.New(s.URL, client.Options{
		HTTP:    dial,
		Token:   func(context.Context) (string, error) { return token.Reveal(), nil },
		MaxBody: outbound.MaxSCIMBody,
		// Whether a target may be reached over http is the operator's to say, and for outbound to keep to.
		Cleartext: true,
	})
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	return &Target{
		dial: dial, client: calls, schemas: env.Schemas, log: env.Log,
		peer:   newPeer(calls, s.Update, s.MembersPerRequest),
		claims: claims{held: map[claim]struct{}{}},
	}, nil
}
