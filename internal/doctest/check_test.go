package doctest

import (
	"net/http/httptest"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

func TestSCIM(t *testing.T) {
	url, token := startApplication(t) // yours, on loopback
	conformance.Test(t, conformance.Options{URL: url, Token: token, Only: []string{"create", "patch"}})
}

func startApplication(t *testing.T) (url, token string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	url = "http://" + srv.Listener.Addr().String() + "/scim/v2"
	srv.Config.Handler = server.Handler(scimtest.Open(scimtest.NewService(url, scim.Strict())), server.Options{Prefix: "/scim/v2"})
	srv.Start()
	t.Cleanup(srv.Close)
	return url, "unused"
}
