package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
)

// reported reads the parameters of a report and records that somebody asks for it (K09): without that record there is none.
func (h handler) reported(w http.ResponseWriter, r *http.Request, action string, names ...string) (id string, at []time.Time, ok bool) {
	q := r.URL.Query()
	id = q.Get("id")
	act := &store.Act{Action: action, Result: audit.Done, Actor: store.Operator, ID: id}
	for _, name := range names {
		var t time.Time
		if text := q.Get(name); text != "" {
			var err error
			if t, err = time.Parse(time.RFC3339Nano, text); err != nil {
				h.fail(w, r, http.StatusBadRequest, err)
				return "", nil, false
			}
			act.Details = append(act.Details, store.Detail{Name: name, Value: text})
		}
		at = append(at, t)
	}
	if err := h.Audit.Write(r.Context(), tenantOf(r), act); err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return "", nil, false
	}
	return id, at, true
}

// report answers with a report.
func (h handler) report(w http.ResponseWriter, r *http.Request, id string, v any, err error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		h.fail(w, r, http.StatusNotFound, fmt.Errorf("nothing has or had the id %q", id))
	case err != nil:
		h.fail(w, r, http.StatusInternalServerError, err)
	default:
		h.answer(w, r, http.StatusOK, v)
	}
}

func (h handler) reportPerson(w http.ResponseWriter, r *http.Request) {
	if id, at, ok := h.reported(w, r, "report.person", "at"); ok {
		p, err := h.Report.Person(r.Context(), tenantOf(r), id, at[0])
		h.report(w, r, id, p, err)
	}
}

func (h handler) reportGroup(w http.ResponseWriter, r *http.Request) {
	if id, at, ok := h.reported(w, r, "report.group", "since", "until"); ok {
		list, err := h.Report.Members(r.Context(), tenantOf(r), id, at[0], at[1])
		h.report(w, r, id, list, err)
	}
}
