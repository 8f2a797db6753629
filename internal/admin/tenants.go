package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/tenants"
)

// tenantHeader names the tenant that a request is about.
const tenantHeader = "Muster-Tenant"

type tenantKey struct{}

// forTenant finds the tenant that a request is about.
func (h handler) forTenant(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get(tenantHeader)
		if name == "" {
			next.ServeHTTP(w, r)
			return
		}
		t, err := h.Tenants.ByName(r.Context(), name)
		switch {
		case errors.Is(err, store.ErrNotFound):
			h.fail(w, r, http.StatusNotFound, fmt.Errorf("there is no tenant %q; \"muster tenant list\" shows those there are", name))
		case err != nil:
			h.fail(w, r, http.StatusInternalServerError, err)
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tenantKey{}, t.Tenant)))
		}
	})
}

// tenantOf returns the tenant that a request is about.
func tenantOf(r *http.Request) store.Tenant {
	if t, ok := r.Context().Value(tenantKey{}).(store.Tenant); ok {
		return t
	}
	return store.Default
}

// Tenant is a tenant as it is shown.
type Tenant struct {
	Name     string            `json:"name"`
	Number   int64             `json:"number"`
	State    string            `json:"state"` // active, suspended, deleted, being purged
	Since    time.Time         `json:"since"` // of the state
	Created  time.Time         `json:"created"`
	Purge    time.Time         `json:"purge,omitzero"` // of a deleted one: when it is gone for good
	Hosts    []string          `json:"hosts,omitempty"`
	Path     string            `json:"path"` // of its SCIM endpoint
	Users    int64             `json:"users"`
	Groups   int64             `json:"groups"`
	Settings []tenants.Setting `json:"settings,omitempty"`
	Sources  []Source          `json:"sources,omitempty"`
}

// Source is a source as it is shown.
type Source struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

// Purged says that nothing of a tenant is left.
type Purged struct {
	Name   string    `json:"name"`
	Number int64     `json:"number"`
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended"`
	Rows   int64     `json:"rows"` // that were removed
	Left   int64     `json:"left"` // that were found afterwards; 0, or something is wrong
}

// TenantRequest asks for a tenant, for settings as key=value, or for a deletion.
type TenantRequest struct {
	Name  string   `json:"name,omitzero"`
	Hosts []string `json:"hosts,omitempty"`
	Set   []string `json:"set,omitempty"`
	Grace int64    `json:"graceSeconds,omitzero"` // of a deletion
}

// SourceRequest asks for a source.
type SourceRequest struct {
	Name string `json:"name"`
}

func (h handler) shown(ctx context.Context, t *tenants.Tenant) (Tenant, error) {
	s, err := h.Stats(ctx, t.Tenant)
	if errors.Is(err, store.ErrNotFound) { // being purged
		err = nil
	}
	path := "/t/" + t.Name + "/scim/v2"
	if t.Tenant == store.Default {
		path = "/scim/v2"
	}
	return Tenant{
		Name: t.Name, Number: int64(t.Tenant), State: tenants.StateName(t.State), Since: t.Since, Created: t.Created, Purge: t.Purge,
		Hosts: t.Hosts, Path: path, Users: s.Users, Groups: s.Groups,
	}, err
}

func (h handler) listTenants(w http.ResponseWriter, r *http.Request) {
	all, err := h.Tenants.List(r.Context())
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]Tenant, len(all))
	for i, t := range all {
		if list[i], err = h.shown(r.Context(), t); err != nil {
			h.fail(w, r, http.StatusInternalServerError, err)
			return
		}
	}
	h.answer(w, r, http.StatusOK, list)
}

func (h handler) showTenant(w http.ResponseWriter, r *http.Request) {
	t, err := h.Tenants.ByName(r.Context(), r.PathValue("name"))
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("there is no tenant %q", r.PathValue("name"))
		h.fail(w, r, http.StatusNotFound, err)
		return
	}
	h.tenant(w, r, t, err)
}

// tenant answers with everything that there is to say about a tenant.
func (h handler) tenant(w http.ResponseWriter, r *http.Request, t *tenants.Tenant, err error) {
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	shown, err := h.shown(r.Context(), t)
	var sources []store.SourceRecord
	if err == nil {
		sources, err = h.Tenants.Sources(r.Context(), t.Tenant)
	}
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	for _, s := range sources {
		shown.Sources = append(shown.Sources, Source{s.Name, s.Created})
	}
	shown.Settings = t.Settings.List()
	h.answer(w, r, http.StatusOK, shown)
}

func (h handler) tenantRequest(w http.ResponseWriter, r *http.Request) (req TenantRequest, ok bool) {
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return req, false
	}
	return req, true
}

func (h handler) createTenant(w http.ResponseWriter, r *http.Request) {
	req, ok := h.tenantRequest(w, r)
	if !ok {
		return
	}
	t, err := h.Tenants.Create(r.Context(), req.Name, req.Hosts)
	if err == nil {
		h.Log.InfoContext(r.Context(), "tenant created", "tenant", t.Name)
	}
	h.tenant(w, r, t, err)
}

func (h handler) setTenant(w http.ResponseWriter, r *http.Request) {
	req, ok := h.tenantRequest(w, r)
	if !ok {
		return
	}
	t, err := h.Tenants.Set(r.Context(), r.PathValue("name"), req.Set)
	h.tenant(w, r, t, err)
}

func (h handler) actOnTenant(w http.ResponseWriter, r *http.Request) {
	req, ok := h.tenantRequest(w, r)
	if !ok {
		return
	}
	name := r.PathValue("name")
	var t *tenants.Tenant
	var err error
	switch action := r.PathValue("action"); action {
	case "suspend":
		t, err = h.Tenants.Suspend(r.Context(), name)
	case "resume":
		t, err = h.Tenants.Resume(r.Context(), name)
	case "delete":
		t, err = h.Tenants.Delete(r.Context(), name, time.Duration(req.Grace)*time.Second)
	default:
		err = fmt.Errorf("a tenant cannot be %q", action)
	}
	if err == nil {
		h.Log.InfoContext(r.Context(), "tenant changed", "tenant", t.Name, "state", tenants.StateName(t.State))
	}
	h.tenant(w, r, t, err)
}

func (h handler) purged(w http.ResponseWriter, r *http.Request) {
	all, err := h.Tenants.Purged(r.Context())
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]Purged, len(all))
	for i, p := range all {
		list[i] = Purged{p.Name, int64(p.Number), p.Began, p.Ended, p.Rows, p.Left}
	}
	h.answer(w, r, http.StatusOK, list)
}

func (h handler) sources(w http.ResponseWriter, r *http.Request) {
	all, err := h.Tenants.Sources(r.Context(), tenantOf(r))
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]Source, len(all))
	for i, s := range all {
		list[i] = Source{s.Name, s.Created}
	}
	h.answer(w, r, http.StatusOK, list)
}

func (h handler) createSource(w http.ResponseWriter, r *http.Request) {
	var req SourceRequest
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	s, err := h.Tenants.CreateSource(r.Context(), tenantOf(r), req.Name)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	h.Log.InfoContext(r.Context(), "source created", "source", s.Name)
	h.answer(w, r, http.StatusCreated, Source{s.Name, s.Created})
}
