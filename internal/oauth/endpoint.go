package oauth

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/access"
)

// The paths of the endpoint, behind the URL of a tenant.
const (
	TokenPath = "/oauth/token" //nolint:gosec // a path
	JWKSPath  = "/oauth/jwks"
)

const (
	grantType     = "client_credentials"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxForm       = 64 << 10
)

// refusal is an error as RFC 6749 §5.2 has it.
type refusal struct {
	status int
	Code   string `json:"error"`
	Detail string `json:"error_description,omitzero"`
	basic  bool   // the client has tried Basic: then the answer says so
}

func (r *refusal) Error() string { return r.Code + ": " + r.Detail }

func refuse(code, detail string) error {
	return &refusal{status: http.StatusBadRequest, Code: code, Detail: detail}
}

// badClient is every way in which a client is not the one that it says: the answer does not tell which (A18).
func badClient(basic bool) error {
	return &refusal{status: http.StatusUnauthorized, Code: "invalid_client", Detail: "client authentication failed", basic: basic}
}

// Failures counts failed authentications of an address: wait returns why it is refused before anything is looked up, fail counts one.
type Failures interface {
	Blocked(r *http.Request) error
	Failed(r *http.Request) error
}

// Token answers a request for a token (RFC 6749 §4.4).
func (s *Service) Token(w http.ResponseWriter, r *http.Request, at Place, f Failures) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "application/json")
	answer, err := s.token(r, at, f)
	if err == nil {
		_ = json.MarshalWrite(w, answer)
		return
	}
	var no *refusal
	var limited *access.Error
	switch {
	case errors.As(err, &no):
		if no.basic {
			h.Set("WWW-Authenticate", `Basic realm="muster"`)
		}
	case errors.As(err, &limited) && limited.Status == http.StatusTooManyRequests:
		h.Set("Retry-After", "60")
		no = &refusal{status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Detail: limited.Detail()}
	default:
		s.o.Log.ErrorContext(r.Context(), "a token could not be made", "err", err)
		h.Set("Retry-After", "1")
		no = &refusal{status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Detail: "try again later"}
	}
	w.WriteHeader(no.status)
	_ = json.MarshalWrite(w, no)
}

type tokenAnswer struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
}

func (s *Service) token(r *http.Request, at Place, f Failures) (*tokenAnswer, error) {
	if r.Method != http.MethodPost {
		return nil, &refusal{status: http.StatusMethodNotAllowed, Code: "invalid_request", Detail: "ask with POST"}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, refuse("invalid_request", "the body is a form: application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, refuse("invalid_request", "parameters stand in the body, not in the URL")
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, refuse("invalid_request", "the body is no form")
	}
	form := r.PostForm
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return nil, refuse("invalid_request", "a parameter is there twice")
		}
	}
	if err := f.Blocked(r); err != nil {
		return nil, err
	}
	c, bound, err := s.authenticateClient(r, form, at)
	if err != nil {
		var no *refusal
		if errors.As(err, &no) && no.Code == "invalid_client" {
			if limited := f.Failed(r); isLimited(limited) {
				return nil, limited
			}
		}
		return nil, err
	}
	if g := form.Get("grant_type"); g != grantType {
		return nil, refuse("unsupported_grant_type", "the grant_type is "+grantType)
	}
	for _, resource := range form["resource"] { // RFC 8707
		if strings.TrimSuffix(resource, "/") != at.Audience {
			return nil, refuse("invalid_target", "the resource is "+at.Audience)
		}
	}
	own := access.Scopes(strings.Fields(c.Scopes))
	scopes := own
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 {
		for _, name := range asked {
			if !slices.Contains(access.ScopeNames(), name) || !own.All() && !slices.Contains(own, name) {
				return nil, refuse("invalid_scope", "the client may have "+own.String())
			}
		}
		scopes = asked
	}
	if !bound {
		at.Certificate = ""
	}
	token, err := s.sign(r.Context(), c, scopes, at)
	if err != nil {
		return nil, err
	}
	return &tokenAnswer{token, "Bearer", int(tokenLife.Seconds()), scopes.String()}, nil
}

func isLimited(err error) bool {
	e, ok := errors.AsType[*access.Error](err)
	return ok && e.Status == http.StatusTooManyRequests
}

// authenticateClient finds out who asks. bound says that it came with its certificate, to which the token is bound then.
func (s *Service) authenticateClient(r *http.Request, form url.Values, at Place) (c *Client, bound bool, err error) {
	id, password, basic := r.BasicAuth()
	if basic { // form-encoded inside (RFC 6749 §2.3.1)
		var badID, badPassword error
		id, badID = url.QueryUnescape(id)
		password, badPassword = url.QueryUnescape(password)
		if badID != nil || badPassword != nil {
			return nil, false, badClient(true)
		}
	}
	ways := 0
	for _, given := range []bool{basic, form.Get("client_secret") != "", form.Get("client_assertion") != ""} {
		if given {
			ways++
		}
	}
	if ways > 1 || len(r.Header.Values("Authorization")) > 1 {
		return nil, false, refuse("invalid_request", "a client authenticates in one way at a time")
	}
	assertion := form.Get("client_assertion")
	switch {
	case basic:
		if other := form.Get("client_id"); other != "" && other != id {
			return nil, false, badClient(true)
		}
	case assertion != "":
		if form.Get("client_assertion_type") != assertionType {
			return nil, false, refuse("invalid_request", "the client_assertion_type is "+assertionType)
		}
		if !isJWT(assertion) {
			return nil, false, badClient(false)
		}
		if id, err = peek(assertion); err != nil {
			return nil, false, badClient(false)
		}
		if other := form.Get("client_id"); other != "" && other != id {
			return nil, false, badClient(false)
		}
	default:
		id, password = form.Get("client_id"), form.Get("client_secret")
	}
	if id == "" || len(id) > 256 {
		return nil, false, badClient(basic)
	}
	c, err = s.client(r.Context(), id)
	if err != nil {
		return nil, false, err
	}
	if c == nil {
		c = &Client{} // takes the time that one who is there takes
	}
	good := false
	switch {
	case assertion != "":
		if len(c.Keys) == 0 {
			break
		}
		err := s.asserted(r.Context(), c, assertion, []string{at.Issuer, at.Issuer + TokenPath})
		if err != nil && !isInvalid(err) {
			return nil, false, err
		}
		good = err == nil
	case password != "":
		good = c.knows(password, s.now())
	default:
		good = c.Certificate != "" && c.Certificate == at.Certificate
		bound = good
	}
	if !good || c.Tenant != at.Tenant || !c.live(s.now()) {
		return nil, false, badClient(basic)
	}
	return c, bound, nil
}

// Metadata answers what the server can do (RFC 8414).
func (s *Service) Metadata(w http.ResponseWriter, at Place) {
	writeJSON(w, map[string]any{
		"issuer": at.Issuer, "token_endpoint": at.Issuer + TokenPath, "jwks_uri": at.Issuer + JWKSPath,
		"grant_types_supported": []string{grantType}, "response_types_supported": []string{},
		"token_endpoint_auth_methods_supported":            []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"},
		"token_endpoint_auth_signing_alg_values_supported": algorithms,
		"scopes_supported":                                 access.ScopeNames(),
		"tls_client_certificate_bound_access_tokens":       true,
	})
}

// Resource answers where tokens for the SCIM endpoint come from (RFC 9728).
func (s *Service) Resource(w http.ResponseWriter, at Place) {
	writeJSON(w, map[string]any{
		"resource": at.Audience, "authorization_servers": []string{at.Issuer}, "scopes_supported": access.ScopeNames(),
		"bearer_methods_supported": []string{"header"}, "tls_client_certificate_bound_access_tokens": true,
	})
}

// PublicKeys answers with the public halves of our signing keys.
func (s *Service) PublicKeys(w http.ResponseWriter, r *http.Request) {
	set, err := s.jwks(r.Context())
	if err != nil {
		s.o.Log.ErrorContext(r.Context(), "our signing keys are not to be had", "err", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, set)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, v, json.Deterministic(true)) // a client that has gone is no fault
}
