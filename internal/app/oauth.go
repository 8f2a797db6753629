package app

import (
	"context"
	"net/http"
	"strings"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/oauth"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/tenants"
	"github.com/muster-id/muster/internal/transport"
)

// Where it is published what there is (RFC 8414, RFC 9728). What names a resource or an issuer stands behind it.
const (
	serverMetadata   = "/.well-known/oauth-authorization-server"
	resourceMetadata = "/.well-known/oauth-protected-resource"
)

// openOAuth makes the service. Issuers are called like everything else outside.
func (a *App) openOAuth() error {
	client, err := outbound.New(a.o.Outbound)
	if err != nil {
		return err
	}
	a.onStop("close the client of issuers", func(context.Context) error { client.Close(); return nil })
	a.oauth = oauth.New(a.store, a.vault, oauth.Options{Do: client.Do, NewID: id.New, Log: a.log})
	return nil
}

// foreign authenticates what is no token of ours.
func (a *App) foreign(ctx context.Context, token string, t store.Tenant, certificate string) (access.Principal, error) {
	return a.oauth.Authenticate(ctx, token, a.oauthPlace(requestOf(ctx).root, t, certificate))
}

func (a *App) oauthPlace(root string, t store.Tenant, certificate string) oauth.Place {
	return oauth.Place{Tenant: t, Issuer: root, Audience: root + Prefix, Certificate: certificate}
}

// challenge tells a client without good credentials where to get them (RFC 9728 §5.1).
func (a *App) challenge(q *request, e *access.Error) string {
	text := `resource_metadata="` + a.root + resourceMetadata + strings.TrimPrefix(q.root, a.root) + Prefix + `"`
	if !strings.HasPrefix(q.root, a.root) { // a host of its own
		text = `resource_metadata="` + q.root + resourceMetadata + Prefix + `"`
	}
	if e.Reason != access.ReasonMissing {
		text = `error="invalid_token", ` + text
	}
	return text
}

// oauthPath answers a request that is about OAuth, and reports whether it was one.
func (a *App) oauthPath(w http.ResponseWriter, r *http.Request, at place) bool {
	path := r.URL.Path
	for _, well := range []string{serverMetadata, resourceMetadata} {
		rest, ok := strings.CutPrefix(path, well)
		if !ok || at.name != "" || rest != "" && rest[0] != '/' {
			continue
		}
		if well == resourceMetadata {
			if rest, ok = strings.CutSuffix(rest, Prefix); !ok {
				return false
			}
		}
		if name, tenant := strings.CutPrefix(rest, tenantPrefix); tenant && tenants.CheckForm(name) == nil {
			at = place{name: name}
		} else if rest != "" {
			return false
		}
		a.observed(a.oauthHandler(func(w http.ResponseWriter, _ *http.Request, p oauth.Place) {
			if well == serverMetadata {
				a.oauth.Metadata(w, p)
			} else {
				a.oauth.Resource(w, p)
			}
		}), w, r, at)
		return true
	}
	switch path {
	case oauth.TokenPath:
		a.observed(a.oauthHandler(func(w http.ResponseWriter, r *http.Request, p oauth.Place) { a.oauth.Token(w, r, p, failures{a}) }), w, r, at)
	case oauth.JWKSPath:
		a.observed(a.oauthHandler(func(w http.ResponseWriter, r *http.Request, _ oauth.Place) { a.oauth.PublicKeys(w, r) }), w, r, at)
	default:
		return false
	}
	return true
}

// oauthHandler finds the tenant of a request. Whether there is one shows in nothing but that nobody authenticates there.
func (a *App) oauthHandler(answer func(http.ResponseWriter, *http.Request, oauth.Place)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		q := requestOf(r.Context())
		t, root, err := a.tenant(r.Context(), q.place)
		if err != nil {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		q.tenant, q.root = max(t, store.System), root
		answer(w, r, a.oauthPlace(root, t, transport.Thumbprint(r)))
	})
}

// failures counts failed authentications of clients with those of tokens.
type failures struct{ a *App }

// Blocked implements oauth.Failures.
func (f failures) Blocked(r *http.Request) error {
	return f.a.auth.Blocked(addrOf(requestOf(r.Context())))
}

// Failed implements oauth.Failures.
func (f failures) Failed(r *http.Request) error {
	q := requestOf(r.Context())
	q.reason = "client"
	return f.a.auth.Failed(addrOf(q), access.ReasonUnknown)
}
