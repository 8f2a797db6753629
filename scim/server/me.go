package server

import (
	"net/http"

	"github.com/muster-id/muster/scim"
)

// me answers on /Me, which stands for the resource of whoever sends the request (RFC 7644 §3.11).
func (c *call) me() error {
	return scim.Errorf(http.StatusNotImplemented, "/Me is not supported; use the resource's own URL")
}
