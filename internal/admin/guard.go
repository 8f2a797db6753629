package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/guard"
	"github.com/muster-id/muster/internal/store"
)

// operator is whoever has the command socket.
const operator = "operator"

// Hold is what the guard holds, as it is shown.
type Hold struct {
	ID        int64     `json:"id"`
	State     string    `json:"state"` // open, approved, rejected, being rejected
	Reason    string    `json:"reason"`
	Source    string    `json:"source"`
	Opened    time.Time `json:"opened"`
	Resources int64     `json:"resources"`
	Changes   int64     `json:"changes"`
	Decided   time.Time `json:"decided,omitzero"`
	By        string    `json:"by,omitzero"`
	Note      string    `json:"note,omitzero"`
	// Held are the changes; only where one hold is shown.
	Held []HeldChange `json:"held,omitempty"`
	// Repaired and Problems are in the answer to a rejection.
	Repaired int      `json:"repaired,omitzero"`
	Problems []string `json:"problems,omitempty"`
}

// HeldChange is one change that is held.
type HeldChange struct {
	Seq     int64     `json:"change"`
	At      time.Time `json:"at"`
	Type    string    `json:"type"`
	ID      string    `json:"id"`
	Name    string    `json:"name,omitzero"`
	Action  string    `json:"action"` // create, update, delete
	Added   int       `json:"membersAdded,omitzero"`
	Removed int       `json:"membersRemoved,omitzero"`
	Actor   string    `json:"actor"`
	Request string    `json:"request,omitzero"`
}

// Decision decides a hold.
type Decision struct {
	Note string `json:"note,omitzero"`
}

// Protected is what is protected, as it is shown.
type Protected struct {
	Type   string    `json:"type"`
	Name   string    `json:"name"`            // folded, as it is compared
	Source string    `json:"source,omitzero"` // whose changes are sent on all the same
	Since  time.Time `json:"since"`
}

// ProtectRequest protects something.
type ProtectRequest struct {
	Type   string `json:"type"` // Group or User
	Name   string `json:"name"` // displayName or userName
	Source string `json:"source,omitzero"`
}

func (h handler) sourceNames(ctx context.Context, t store.Tenant) (func(store.Source) string, error) {
	all, err := h.Tenants.Sources(ctx, t)
	if err != nil {
		return nil, err
	}
	return func(s store.Source) string {
		for _, known := range all {
			if known.Source == s {
				return known.Name
			}
		}
		return ""
	}, nil
}

func shownHold(hold store.Hold, name func(store.Source) string) Hold {
	return Hold{
		ID: hold.Num, State: guard.StateName(hold.State), Reason: hold.Reason, Source: name(hold.Source), Opened: hold.Opened,
		Resources: hold.Resources, Changes: hold.Changes, Decided: hold.Decided, By: hold.By, Note: hold.Note,
	}
}

func (h handler) holds(w http.ResponseWriter, r *http.Request) {
	t := tenantOf(r)
	name, err := h.sourceNames(r.Context(), t)
	var all []store.Hold
	if err == nil {
		all, err = h.Guard.List(r.Context(), t, r.URL.Query().Get("all") == "true")
	}
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]Hold, len(all))
	for i, hold := range all {
		list[i] = shownHold(hold, name)
	}
	h.answer(w, r, http.StatusOK, list)
}

// holdOf reads the number in the path.
func (h handler) holdOf(w http.ResponseWriter, r *http.Request) (int64, bool) {
	n, err := strconv.ParseInt(r.PathValue("num"), 10, 64)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, fmt.Errorf("%q is no number of a hold: \"muster guard list\" shows them", r.PathValue("num")))
	}
	return n, err == nil
}

func holdStatus(err error) int {
	if errors.Is(err, guard.ErrNoHold) {
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}

func (h handler) showHold(w http.ResponseWriter, r *http.Request) {
	n, ok := h.holdOf(w, r)
	if !ok {
		return
	}
	t := tenantOf(r)
	hold, err := h.Guard.Hold(r.Context(), t, n)
	if err != nil {
		h.fail(w, r, holdStatus(err), err)
		return
	}
	name, err := h.sourceNames(r.Context(), t)
	shown := Hold{}
	if err == nil {
		shown = shownHold(hold, name)
		var nums []store.Num
		err = h.Guard.Changes(r.Context(), t, n, func(c *store.Change) error {
			held := HeldChange{Seq: int64(c.Seq), At: c.At, Type: c.Type, ID: c.ID, Action: actionName(c.Kind), Actor: c.Actor, Request: c.RequestID}
			for _, e := range c.Edges {
				if e.Removed {
					held.Removed++
				} else {
					held.Added++
				}
			}
			shown.Held, nums = append(shown.Held, held), append(nums, c.Num)
			return nil
		})
		if err == nil {
			err = h.nameHeld(r.Context(), t, shown.Held, nums)
		}
	}
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	h.answer(w, r, http.StatusOK, shown)
}

// nameHeld adds what people call the resources.
func (h handler) nameHeld(ctx context.Context, t store.Tenant, held []HeldChange, nums []store.Num) error {
	names := map[store.Num]string{}
	rows, err := h.Rows(ctx, t, nums)
	if err != nil {
		return err
	}
	for _, row := range rows {
		var doc struct {
			UserName    string `json:"userName"`
			DisplayName string `json:"displayName"`
		}
		if row.Body != nil && json.Unmarshal(row.Body, &doc) == nil {
			names[row.Num] = doc.UserName
			if doc.UserName == "" {
				names[row.Num] = doc.DisplayName
			}
		}
	}
	for i := range held {
		held[i].Name = names[nums[i]]
	}
	return nil
}

func actionName(k store.Kind) string {
	switch k {
	case store.Created:
		return "create"
	case store.Deleted:
		return "delete"
	case store.Updated:
	}
	return "update"
}

func (h handler) decideHold(w http.ResponseWriter, r *http.Request) {
	n, ok := h.holdOf(w, r)
	if !ok {
		return
	}
	var d Decision
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &d); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	t := tenantOf(r)
	name, err := h.sourceNames(r.Context(), t)
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	// Whoever asked may go away: a decision that has begun ends.
	ctx := context.WithoutCancel(r.Context())
	var shown Hold
	switch action := r.PathValue("action"); action {
	case "approve":
		var hold store.Hold
		hold, err = h.Guard.Approve(ctx, t, n, operator, d.Note)
		shown = shownHold(hold, name)
	case "reject":
		var done guard.Rejected
		done, err = h.Guard.Reject(ctx, t, n, operator, d.Note)
		shown = shownHold(done.Hold, name)
		shown.Repaired, shown.Problems = done.Repaired, done.Problems
	default:
		err = fmt.Errorf("a hold cannot be %q: approve or reject it", action)
	}
	if err != nil {
		h.fail(w, r, holdStatus(err), err)
		return
	}
	h.Log.WarnContext(ctx, "hold decided", "hold", n, "state", shown.State)
	h.answer(w, r, http.StatusOK, shown)
}

func (h handler) protected(w http.ResponseWriter, r *http.Request) {
	t := tenantOf(r)
	name, err := h.sourceNames(r.Context(), t)
	var all []store.Protected
	if err == nil {
		all, err = h.Guard.Protected(r.Context(), t)
	}
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]Protected, len(all))
	for i, p := range all {
		list[i] = Protected{p.Type, p.Key, name(p.Source), p.Since}
	}
	h.answer(w, r, http.StatusOK, list)
}

func (h handler) protect(w http.ResponseWriter, r *http.Request) {
	var req ProtectRequest
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	var source store.SourceRecord
	var err error
	if req.Source != "" {
		source, err = h.Tenants.Source(r.Context(), tenantOf(r), req.Source)
	}
	if err == nil {
		err = h.Guard.Protect(r.Context(), tenantOf(r), req.Type, req.Name, source.Source, operator)
	}
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h handler) unprotect(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if err := h.Guard.Unprotect(r.Context(), tenantOf(r), q.Get("type"), q.Get("name"), operator); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
