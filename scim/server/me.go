package server

import (
	"net/http"

	"github.com/muster-id/muster/scim"
)

// me answers on /Me, which stands for the resource of whoever sends the request (RFC 7644 §3.11). The request is served
// directly: a redirect would lose its body or credentials with many clients. Location is always the permanent one.
func (c *call) me() error {
	me := c.svc.Me
	if me == nil {
		// Of a credential that speaks for no person.
		return scim.Errorf(http.StatusNotImplemented, "/Me is not supported for this credential; use the resource's own URL")
	}
	t := c.svc.Schemas.Type(me.Type)
	if t == nil || c.svc.Stores[t.Name] == nil {
		return noEndpoint()
	}
	store := c.svc.Stores[t.Name]
	e := endpoint{call: c, typ: t, store: store, features: features(store), id: me.Value}
	switch method := c.method(); {
	case method == http.MethodPost && e.id == "":
		return e.create()
	case method == http.MethodPost:
		return &scim.Error{Status: http.StatusConflict, Type: scim.Uniqueness, Detail: "your resource exists already; use PUT or PATCH"}
	case e.id == "":
		return scim.Errorf(http.StatusNotFound, "you have no resource yet; POST makes one")
	case method == http.MethodDelete:
		v, err := e.view(t, e.features, nil, nil)
		if err != nil {
			return err
		}
		// RFC 7644 §3.11: in any response. The other methods send it with the resource.
		c.w.Header()["Location"] = []string{v.location(e.id)}
		return e.remove()
	case method == http.MethodGet, method == http.MethodPut, method == http.MethodPatch:
		return e.route()
	}
	return c.refuse("GET, HEAD, POST, PUT, PATCH, DELETE")
}
