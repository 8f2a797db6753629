package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/muster-id/muster/internal/store"
)

func (h handler) keys(w http.ResponseWriter, r *http.Request) {
	all, err := h.Vault.Keys(r.Context())
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	list := make([]Key, len(all))
	for i, k := range all {
		list[i] = Key{fmt.Sprintf("%08x", k.ID), k.Made, k.Active, k.Secrets}
	}
	h.answer(w, r, http.StatusOK, list)
}

func (h handler) rotateKey(w http.ResponseWriter, r *http.Request) {
	n, err := h.Vault.Rotate(r.Context(), time.Now())
	if err == nil {
		err = h.Audit.Write(r.Context(), store.System, &store.Act{
			Action: "key.rotate", Result: "ok", Actor: store.Operator, Details: []store.Detail{{Name: "secrets", Value: strconv.Itoa(n)}},
		})
	}
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	h.keys(w, r)
}

func (h handler) retireKey(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 16, 32)
	if err == nil {
		err = h.Vault.Retire(r.Context(), uint32(id))
	}
	if err == nil {
		err = h.Audit.Write(r.Context(), store.System, &store.Act{Action: "key.retire", Result: "ok", Actor: store.Operator, ID: r.PathValue("id")})
	}
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
