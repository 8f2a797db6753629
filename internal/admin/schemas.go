package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// maxDefinitions bounds a request with definitions, in bytes.
const maxDefinitions = 4 << 20

// Schemas is what is defined.
type Schemas struct {
	Generation int       `json:"generation"`
	Since      time.Time `json:"since,omitzero"` // of the generation
	Schemas    []Schema  `json:"schemas"`
}

// Schema is a schema in a list.
type Schema struct {
	ID          string   `json:"id"`
	Name        string   `json:"name,omitzero"`
	Description string   `json:"description,omitzero"`
	Added       bool     `json:"added"`              // else built in
	Of          []string `json:"of,omitempty"`       // resource types whose schema it is
	Extends     []string `json:"extends,omitempty"`  // resource types that it extends
	Indexing    []string `json:"indexing,omitempty"` // attributes whose index is being made
}

// SchemasRequest adds definitions.
type SchemasRequest struct {
	Definitions jsontext.Value `json:"definitions"`
	DryRun      bool           `json:"dryRun,omitzero"` // only say what would be
	Force       bool           `json:"force,omitzero"`  // ignore values that stand against it
}

// SchemasResult is what a change of definitions came to.
type SchemasResult struct {
	Generation int      `json:"generation"`
	Changes    []string `json:"changes,omitempty"`  // none: everything was so already
	Indexing   []string `json:"indexing,omitempty"` // attributes whose index is made in the background
	Warnings   []string `json:"warnings,omitempty"` // what was read otherwise than it was written
}

func (h handler) listSchemas(w http.ResponseWriter, r *http.Request) {
	o, err := h.Schemas.List(r.Context(), tenantOf(r))
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	shown := Schemas{Generation: o.Generation, Since: o.Since, Schemas: make([]Schema, len(o.Schemas))}
	for i, s := range o.Schemas {
		shown.Schemas[i] = Schema(s)
	}
	h.answer(w, r, http.StatusOK, shown)
}

func (h handler) showSchema(w http.ResponseWriter, r *http.Request) {
	b, err := h.Schemas.Show(r.Context(), tenantOf(r), r.PathValue("urn"))
	switch {
	case errors.Is(err, store.ErrNotFound):
		h.fail(w, r, http.StatusNotFound, err)
	case err != nil:
		h.fail(w, r, http.StatusInternalServerError, err)
	default:
		h.answer(w, r, http.StatusOK, jsontext.Value(b))
	}
}

func (h handler) addSchemas(w http.ResponseWriter, r *http.Request) {
	var req SchemasRequest
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxDefinitions), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	defs, warnings, err := schema.Load(req.Definitions)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	result, err := h.Schemas.Add(r.Context(), tenantOf(r), defs, schemas.Mode{DryRun: req.DryRun, Force: req.Force})
	h.changed(w, r, result, warnings, err)
}

func (h handler) removeSchemas(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	mode := schemas.Mode{DryRun: q.Get("dryRun") == "true", Force: q.Get("force") == "true"}
	result, err := h.Schemas.Remove(r.Context(), tenantOf(r), q["urn"], mode)
	h.changed(w, r, result, nil, err)
}

func (h handler) changed(w http.ResponseWriter, r *http.Request, result *schemas.Result, warnings []string, err error) {
	if err != nil {
		status := http.StatusBadRequest
		if _, refused := errors.AsType[*schemas.RefusedError](err); refused {
			status = http.StatusConflict
		}
		h.fail(w, r, status, err)
		return
	}
	h.answer(w, r, http.StatusOK, SchemasResult{
		Generation: result.Generation, Changes: result.Changes, Indexing: result.Indexing, Warnings: warnings,
	})
}
