package admin

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
)

// AuditQuery says which records of the audit are meant, and how they are wanted.
type AuditQuery struct {
	Installation bool // of the installation itself, not of a tenant
	Since, Until time.Time
	Actor        string // id of a token, or a component
	Resource     string // id of a resource or a person
	Action       string
	After        int64  // only records with a greater number
	Limit        int    // the last ones, so many of them; 0: all. Not for an export
	Format       string // of an export
	OCSFVersion  string // of an export as OCSF
}

func (q AuditQuery) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Installation {
		v.Set("installation", "true")
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	if !q.Until.IsZero() {
		v.Set("until", q.Until.UTC().Format(time.RFC3339Nano))
	}
	set("actor", q.Actor)
	set("resource", q.Resource)
	set("action", q.Action)
	set("format", q.Format)
	set("ocsfVersion", q.OCSFVersion)
	v.Set("after", strconv.FormatInt(q.After, 10))
	v.Set("limit", strconv.Itoa(q.Limit))
	return v
}

// parseAuditQuery is the inverse of values.
func parseAuditQuery(v url.Values) (q AuditQuery, err error) {
	q = AuditQuery{
		Installation: v.Get("installation") == "true", Actor: v.Get("actor"), Resource: v.Get("resource"), Action: v.Get("action"), Format: v.Get("format"),
		OCSFVersion: v.Get("ocsfVersion"),
	}
	for name, to := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if text := v.Get(name); text != "" && err == nil {
			*to, err = time.Parse(time.RFC3339Nano, text)
		}
	}
	if text := v.Get("after"); text != "" && err == nil {
		q.After, err = strconv.ParseInt(text, 10, 64)
	}
	if text := v.Get("limit"); text != "" && err == nil {
		q.Limit, err = strconv.Atoi(text)
	}
	return q, err
}

func (q AuditQuery) query() audit.Query {
	return audit.Query{After: q.After, Since: q.Since, Until: q.Until, Actor: q.Actor, Resource: q.Resource, Action: q.Action, OCSF: q.OCSFVersion}
}

// details are what the record of a search says about it.
func (q AuditQuery) details() (list []store.Detail) {
	v := q.values()
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if name != "installation" && v.Get(name) != "0" {
			list = append(list, store.Detail{Name: name, Value: v.Get(name)})
		}
	}
	return list
}

// AuditRecord is a record as it is shown: what the chain is made over, with the names that its numbers have now.
type AuditRecord struct {
	Record jsontext.Value `json:"record"`
	Source string         `json:"source,omitzero"` // name of the source
	Actor  string         `json:"actor,omitzero"`  // name of the token
	Events []string       `json:"events,omitempty"`
}

// VerifyRequest asks for a verification or for a checkpoint.
type VerifyRequest struct {
	Installation bool                    `json:"installation,omitzero"`
	Values       bool                    `json:"values,omitzero"`       // compare the values of changes, too
	Checkpoints  []audit.CheckpointShown `json:"checkpoints,omitempty"` // that were kept elsewhere
}

// EraseRequest asks for the erasure of a resource that was deleted.
type EraseRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitzero"`
}

// chainOf returns whose chain is meant.
func chainOf(r *http.Request, installation bool) store.Tenant {
	if installation {
		return store.System
	}
	return tenantOf(r)
}

// asked reads the query of a request, and records that somebody reads the audit (K09). Without that record nothing is shown.
func (h handler) asked(w http.ResponseWriter, r *http.Request, action string) (q AuditQuery, ok bool) {
	q, err := parseAuditQuery(r.URL.Query())
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return q, false
	}
	if action == "audit.export" {
		if err := audit.CheckOCSF(q.OCSFVersion); err != nil {
			h.fail(w, r, http.StatusBadRequest, err)
			return q, false
		}
		switch f := audit.Format(q.Format); f {
		case audit.JSONL, audit.OCSF, audit.CEF:
		default:
			h.fail(w, r, http.StatusBadRequest, fmt.Errorf("there is no format %q; there are %s, %s and %s", f, audit.JSONL, audit.OCSF, audit.CEF))
			return q, false
		}
	}
	act := &store.Act{Action: action, Result: audit.Done, Actor: store.Operator, Details: q.details()}
	if err := h.Audit.Write(r.Context(), chainOf(r, q.Installation), act); err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return q, false
	}
	return q, true
}

func (h handler) readAudit(w http.ResponseWriter, r *http.Request) {
	t := chainOf(r, r.URL.Query().Get("installation") == "true")
	end, err := h.Audit.Last(r.Context(), t)
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	q, ok := h.asked(w, r, "audit.read")
	if !ok {
		return
	}
	names, err := h.namesOf(r, t)
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriter(w)
	show := func(rec *audit.Record) error {
		line := AuditRecord{Record: rec.Verbatim, Source: names.sources[rec.Source], Actor: names.tokens[rec.Actor], Events: rec.EventNames()}
		if err := json.MarshalWrite(out, line, jsontext.EscapeForHTML(false)); err != nil {
			return err
		}
		return out.WriteByte('\n')
	}
	var last []*audit.Record // a ring of the last Limit ones
	seen := 0
	err = h.Audit.Read(r.Context(), t, q.query(), func(rec *audit.Record) error {
		switch {
		case rec.N > end: // that of this reading
			return nil
		case q.Limit <= 0:
			return show(rec)
		case len(last) < q.Limit:
			last = append(last, rec)
		default:
			last[seen%q.Limit] = rec
		}
		seen++
		return nil
	})
	for i := range last {
		if err == nil {
			err = show(last[(seen+i)%len(last)])
		}
	}
	if err == nil {
		err = out.Flush()
	}
	h.cut(r, err)
}

// cut breaks an answer off after a failure, so that nobody takes what there is for all.
func (h handler) cut(r *http.Request, err error) {
	if err != nil && r.Context().Err() == nil {
		h.Log.ErrorContext(r.Context(), "reading the audit failed", "err", err)
		panic(http.ErrAbortHandler)
	}
}

// auditNames are the names of what records call by number or id.
type auditNames struct {
	sources map[store.Source]string
	tokens  map[string]string
}

func (h handler) namesOf(r *http.Request, t store.Tenant) (n auditNames, err error) {
	n = auditNames{map[store.Source]string{}, map[string]string{}}
	if t == store.System {
		return n, nil
	}
	sources, err := h.Tenants.Sources(r.Context(), t)
	if err != nil {
		return n, err
	}
	for _, s := range sources {
		n.sources[s.Source] = s.Name
	}
	tokens, err := h.Tokens.List(r.Context(), t)
	for _, k := range tokens {
		n.tokens[k.ID] = k.Name
	}
	return n, err
}

func (h handler) exportAudit(w http.ResponseWriter, r *http.Request) {
	q, ok := h.asked(w, r, "audit.export")
	if !ok {
		return
	}
	t, name := chainOf(r, q.Installation), r.Header.Get(tenantHeader)
	switch {
	case t == store.System:
		name = ""
	case name == "":
		name = "default"
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	h.cut(r, h.Audit.Export(r.Context(), w, t, name, audit.Format(q.Format), q.query()))
}

func (h handler) verifyAudit(w http.ResponseWriter, r *http.Request) {
	var req VerifyRequest
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	t := chainOf(r, req.Installation)
	var kept []store.Checkpoint
	for _, s := range req.Checkpoints {
		if s.Tenant != int64(t) {
			h.fail(w, r, http.StatusBadRequest, fmt.Errorf("the checkpoint of record %d is one of another tenant", s.N))
			return
		}
		c, err := s.Parse()
		if err != nil {
			h.fail(w, r, http.StatusBadRequest, err)
			return
		}
		kept = append(kept, c)
	}
	v, err := h.Audit.Verify(r.Context(), t, kept...)
	if err == nil && v.Bad == nil && req.Values {
		err = h.Audit.VerifyValues(r.Context(), t, &v)
	}
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	h.answer(w, r, http.StatusOK, v)
}

func (h handler) checkpoint(w http.ResponseWriter, r *http.Request) {
	var req VerifyRequest
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	t := chainOf(r, req.Installation)
	c, err := h.Audit.Checkpoint(r.Context(), t)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	h.answer(w, r, http.StatusOK, audit.Show(t, c, h.Audit.Public()))
}

func (h handler) erase(w http.ResponseWriter, r *http.Request) {
	var req EraseRequest
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	switch err := h.Audit.Erase(r.Context(), tenantOf(r), req.ID, req.Reason); {
	case errors.Is(err, store.ErrNotFound):
		h.fail(w, r, http.StatusNotFound, fmt.Errorf("nobody has or had the id %q", req.ID))
	case errors.Is(err, store.ErrAlive):
		h.fail(w, r, http.StatusConflict, fmt.Errorf("%s is still there: let its source delete it, and the targets follow, and erase it then", req.ID))
	case err != nil:
		h.fail(w, r, http.StatusInternalServerError, err)
	default:
		h.Log.InfoContext(r.Context(), "erased", "resource", req.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}
