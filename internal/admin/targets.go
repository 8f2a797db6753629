package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/muster-id/muster/internal/targets"
)

// StoredTarget is a target of the database, as it is shown.
type StoredTarget struct {
	targets.Spec
	Fingerprint string `json:"fingerprint"` // of its credential; empty: it has none
}

// TargetRequest adds a target, or changes one: what is nil stays.
type TargetRequest struct {
	Name         string    `json:"name,omitzero"`
	Type         string    `json:"type,omitzero"`
	URL          *string   `json:"url,omitzero"`
	Events       *[]string `json:"events,omitzero"`
	Start        string    `json:"start,omitzero"`
	Concurrency  *int      `json:"concurrency,omitzero"`
	Rate         *float64  `json:"rate,omitzero"`
	InsecureHTTP *bool     `json:"insecureHTTP,omitzero"`
	CA           *string   `json:"ca,omitzero"`
	Credential   string    `json:"credential,omitzero"`
}

// apply alters a target.
func (r *TargetRequest) apply(s *targets.Spec) {
	set(&s.URL, r.URL)
	set(&s.Events, r.Events)
	set(&s.Concurrency, r.Concurrency)
	set(&s.Rate, r.Rate)
	set(&s.InsecureHTTP, r.InsecureHTTP)
	set(&s.CA, r.CA)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (h handler) targetRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/stored-targets", h.storedTargets)
	mux.HandleFunc("POST /v1/stored-targets", h.addTarget)
	mux.HandleFunc("PATCH /v1/stored-targets/{name}", h.changeTarget)
	mux.HandleFunc("POST /v1/stored-targets/{name}/{action}", h.actOnTarget)
	mux.HandleFunc("DELETE /v1/stored-targets/{name}", h.removeTarget)
	mux.HandleFunc("GET /v1/keys", h.keys)
	mux.HandleFunc("POST /v1/keys", h.rotateKey)
	mux.HandleFunc("DELETE /v1/keys/{id}", h.retireKey)
}

func targetStatus(err error) int {
	if errors.Is(err, targets.ErrNoTarget) {
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}

func (h handler) storedTargets(w http.ResponseWriter, r *http.Request) {
	all, err := h.Stored.List(r.Context(), tenantOf(r))
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]StoredTarget, len(all))
	for i, t := range all {
		list[i] = StoredTarget(t)
	}
	h.answer(w, r, http.StatusOK, list)
}

func (h handler) target(w http.ResponseWriter, r *http.Request, status int, t targets.Listed, err error) {
	if err != nil {
		h.fail(w, r, targetStatus(err), err)
		return
	}
	h.answer(w, r, status, StoredTarget(t))
}

func (h handler) addTarget(w http.ResponseWriter, r *http.Request) {
	req, ok := decode[TargetRequest](h, w, r)
	if !ok {
		return
	}
	s := targets.Spec{Name: req.Name, Type: req.Type, Start: req.Start}
	req.apply(&s)
	t, err := h.Stored.Add(r.Context(), tenantOf(r), s, req.Credential)
	h.target(w, r, http.StatusCreated, t, err)
}

func (h handler) changeTarget(w http.ResponseWriter, r *http.Request) {
	req, ok := decode[TargetRequest](h, w, r)
	if !ok {
		return
	}
	t, err := h.Stored.Change(r.Context(), tenantOf(r), r.PathValue("name"), req.Credential, req.apply)
	h.target(w, r, http.StatusOK, t, err)
}

func (h handler) actOnTarget(w http.ResponseWriter, r *http.Request) {
	req, ok := decode[TargetRequest](h, w, r)
	if !ok {
		return
	}
	name := r.PathValue("name")
	switch action := r.PathValue("action"); action {
	case "rotate-secret":
		t, err := h.Stored.RotateSecret(r.Context(), tenantOf(r), name, req.Credential)
		h.target(w, r, http.StatusOK, t, err)
	case "pause", "resume":
		if err := h.Stored.Pause(r.Context(), tenantOf(r), name, action == "pause"); err != nil {
			h.fail(w, r, targetStatus(err), err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		h.fail(w, r, http.StatusNotFound, errors.New("a target can be paused, resumed, or get another secret"))
	}
}

func (h handler) removeTarget(w http.ResponseWriter, r *http.Request) {
	if err := h.Stored.Remove(r.Context(), tenantOf(r), r.PathValue("name")); err != nil {
		h.fail(w, r, targetStatus(err), err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Key is a key of the keyring, as it is shown.
type Key struct {
	ID      string    `json:"id"`
	Made    time.Time `json:"made,omitzero"`
	Active  bool      `json:"active"` // it seals
	Secrets int       `json:"secrets"`
}
