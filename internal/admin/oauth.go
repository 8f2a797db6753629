package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/oauth"
	"github.com/muster-id/muster/internal/store"
)

// OAuthClient is a client as it is shown.
type OAuthClient struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Secret  string    `json:"secret,omitzero"` // in the answers to its creation and rotation only
	Hint    string    `json:"hint,omitzero"`
	Method  string    `json:"method"` // how it authenticates
	Source  string    `json:"source"`
	Profile string    `json:"profile"`
	Scopes  string    `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
}

// OAuthClientRequest asks for a client.
type OAuthClientRequest struct {
	Name        string         `json:"name"`
	Source      string         `json:"source,omitzero"`
	Profile     string         `json:"profile,omitzero"`
	Scopes      string         `json:"scopes,omitzero"`
	Days        int            `json:"days,omitzero"`
	Keys        jsontext.Value `json:"keys,omitempty"`
	Certificate string         `json:"certificate,omitzero"`
}

// OAuthRotateRequest asks for another secret of a client.
type OAuthRotateRequest struct {
	Overlap int64 `json:"overlapSeconds"`
}

// OAuthIssuer is an issuer as it is shown, and as it is added.
type OAuthIssuer struct {
	oauth.Issuer
	SourceName string `json:"sourceName,omitzero"`
	Entra      string `json:"entra,omitzero"`  // in a request: the id of an Entra tenant, whose preset fills in the rest
	Secret     string `json:"secret,omitzero"` // in a request: of introspection
}

func (h handler) oauthRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/oauth/clients", h.oauthClients)
	mux.HandleFunc("POST /v1/oauth/clients", h.createOAuthClient)
	mux.HandleFunc("POST /v1/oauth/clients/{id}/rotate", h.rotateOAuthClient)
	mux.HandleFunc("DELETE /v1/oauth/clients/{id}", h.revokeOAuthClient)
	mux.HandleFunc("GET /v1/oauth/issuers", h.oauthIssuers)
	mux.HandleFunc("POST /v1/oauth/issuers", h.addOAuthIssuer)
	mux.HandleFunc("DELETE /v1/oauth/issuers/{name}", h.removeOAuthIssuer)
	mux.HandleFunc("POST /v1/oauth/issuers/{name}/test", h.testOAuthIssuer)
	mux.HandleFunc("GET /v1/oauth/keys", h.oauthKeys)
	mux.HandleFunc("POST /v1/oauth/keys", h.rotateOAuthKeys)
}

func shownClient(c oauth.Client, name func(store.Source) string) OAuthClient {
	s := OAuthClient{
		ID: c.ID, Name: c.Name, Method: "client_secret", Source: name(c.Source), Profile: c.Profile, Scopes: c.Scopes,
		Created: c.Created, Expires: c.Expires, Revoked: c.Revoked,
	}
	switch {
	case len(c.Keys) > 0:
		s.Method = "private_key_jwt"
	case c.Certificate != "":
		s.Method = "tls_client_auth"
	case len(c.Secrets) > 0:
		s.Hint = c.Secrets[0].Hint
	}
	return s
}

// decode reads a request of this interface.
func decode[T any](h handler, w http.ResponseWriter, r *http.Request) (v T, ok bool) {
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &v); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return v, false
	}
	return v, true
}

// sourceOf returns the number of a source by its name; "" is the first one.
func (h handler) sourceOf(r *http.Request, name string) (store.Source, error) {
	if name == "" {
		return store.DefaultSource, nil
	}
	s, err := h.Tenants.Source(r.Context(), tenantOf(r), name)
	return s.Source, err
}

func (h handler) oauthClients(w http.ResponseWriter, r *http.Request) {
	name, err := h.sourceNames(r.Context(), tenantOf(r))
	var all []oauth.Client
	if err == nil {
		all, err = h.OAuth.Clients(r.Context(), tenantOf(r))
	}
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]OAuthClient, len(all))
	for i, c := range all {
		list[i] = shownClient(c, name)
	}
	h.answer(w, r, http.StatusOK, list)
}

func (h handler) createOAuthClient(w http.ResponseWriter, r *http.Request) {
	req, ok := decode[OAuthClientRequest](h, w, r)
	if !ok {
		return
	}
	source, err := h.sourceOf(r, req.Source)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	plain, c, err := h.OAuth.CreateClient(r.Context(), tenantOf(r), oauth.ClientSpec{
		Name: req.Name, Source: source, Profile: req.Profile, Scopes: req.Scopes, Life: time.Duration(req.Days) * 24 * time.Hour,
		Keys: req.Keys, Certificate: req.Certificate,
	})
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	h.showClient(w, r, c, plain.Reveal())
}

func (h handler) showClient(w http.ResponseWriter, r *http.Request, c oauth.Client, secret string) {
	name, err := h.sourceNames(r.Context(), tenantOf(r))
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	shown := shownClient(c, name)
	shown.Secret = secret
	h.answer(w, r, http.StatusCreated, shown)
}

func clientStatus(err error) int {
	if errors.Is(err, oauth.ErrNoClient) {
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}

func (h handler) rotateOAuthClient(w http.ResponseWriter, r *http.Request) {
	req, ok := decode[OAuthRotateRequest](h, w, r)
	if !ok {
		return
	}
	plain, c, err := h.OAuth.RotateClient(r.Context(), tenantOf(r), r.PathValue("id"), time.Duration(req.Overlap)*time.Second)
	if err != nil {
		h.fail(w, r, clientStatus(err), err)
		return
	}
	h.showClient(w, r, c, plain.Reveal())
}

func (h handler) revokeOAuthClient(w http.ResponseWriter, r *http.Request) {
	if err := h.OAuth.RevokeClient(r.Context(), tenantOf(r), r.PathValue("id")); err != nil {
		h.fail(w, r, clientStatus(err), err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h handler) oauthIssuers(w http.ResponseWriter, r *http.Request) {
	name, err := h.sourceNames(r.Context(), tenantOf(r))
	var all []oauth.Issuer
	if err == nil {
		all, err = h.OAuth.Issuers(r.Context(), tenantOf(r))
	}
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]OAuthIssuer, len(all))
	for i, issuer := range all {
		list[i] = OAuthIssuer{Issuer: issuer, SourceName: name(issuer.Source)}
	}
	h.answer(w, r, http.StatusOK, list)
}

func (h handler) addOAuthIssuer(w http.ResponseWriter, r *http.Request) {
	req, ok := decode[OAuthIssuer](h, w, r)
	if !ok {
		return
	}
	issuer := req.Issuer
	var err error
	if req.Entra != "" {
		if issuer, err = oauth.Entra(req.Entra); err != nil {
			h.fail(w, r, http.StatusBadRequest, err)
			return
		}
		if req.Name != "" {
			issuer.Name = req.Name
		}
	}
	if issuer.Source, err = h.sourceOf(r, req.SourceName); err == nil {
		issuer, err = h.OAuth.AddIssuer(r.Context(), tenantOf(r), issuer, req.Secret)
	}
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	h.answer(w, r, http.StatusCreated, OAuthIssuer{Issuer: issuer})
}

func (h handler) removeOAuthIssuer(w http.ResponseWriter, r *http.Request) {
	if err := h.OAuth.RemoveIssuer(r.Context(), tenantOf(r), r.PathValue("name")); err != nil {
		h.fail(w, r, http.StatusNotFound, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h handler) testOAuthIssuer(w http.ResponseWriter, r *http.Request) {
	tried, err := h.OAuth.TryIssuer(r.Context(), tenantOf(r), r.PathValue("name"))
	if err != nil {
		h.fail(w, r, http.StatusBadGateway, err)
		return
	}
	h.answer(w, r, http.StatusOK, tried)
}

func (h handler) oauthKeys(w http.ResponseWriter, r *http.Request) {
	keys, err := h.OAuth.Keys(r.Context())
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	h.answer(w, r, http.StatusOK, keys)
}

func (h handler) rotateOAuthKeys(w http.ResponseWriter, r *http.Request) {
	if err := h.OAuth.RotateKeys(r.Context()); err != nil {
		h.fail(w, r, http.StatusInternalServerError, fmt.Errorf("rotate the signing keys: %w", err))
		return
	}
	h.oauthKeys(w, r)
}
