package server

import "net/http"

// get is GET on a resource (RFC 7644 §3.4.1). Parameters of queries mean nothing here.
func (e *endpoint) get() error {
	v, err := e.projected()
	if err != nil {
		return err
	}
	r, err := e.store.Get(e.r.Context(), e.id, v.want())
	if err != nil {
		return err
	}
	if v.versions && notModified(e.r.Header, r.Version) {
		e.headers(v, r)
		e.empty(http.StatusNotModified)
		return nil
	}
	return e.answer(http.StatusOK, v, r)
}

// remove is DELETE on a resource (RFC 7644 §3.6).
func (e *endpoint) remove() error {
	cond, err := condition(e.r.Header, e.features)
	if err != nil {
		return err
	}
	if err := e.store.Delete(e.r.Context(), e.id, cond); err != nil {
		return err
	}
	e.empty(http.StatusNoContent)
	return nil
}
