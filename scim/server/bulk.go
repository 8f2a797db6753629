package server

import (
	"net/http"

	"github.com/muster-id/muster/scim"
)

// bulk is POST on /Bulk (RFC 7644 §3.7).
func (c *call) bulk() error {
	return scim.Errorf(http.StatusNotImplemented, "bulk requests are not supported; send single requests")
}
