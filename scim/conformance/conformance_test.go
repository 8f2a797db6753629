package conformance_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// TestOurOwn: our server passes every check, strict and compat, without a warning that strict would not give.
func TestOurOwn(t *testing.T) {
	for _, profile := range []scim.Profile{scim.Strict(), scim.Compat()} {
		t.Run(profile.Name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewUnstartedServer(nil)
			base := "http://" + srv.Listener.Addr().String() + "/scim/v2"
			srv.Config.Handler = server.Handler(scimtest.Open(scimtest.NewService(base, profile)), server.Options{Prefix: "/scim/v2"})
			srv.Start()
			t.Cleanup(srv.Close)
			conformance.Test(t, conformance.Options{URL: base})
		})
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range conformance.All() {
		if seen[c.Name] || c.Group() == c.Name || c.Title == "" || c.Fix == "" || len(c.Rows) == 0 || !strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s is there twice, or lacks a group, rows, title or fix", c.Name)
		}
		seen[c.Name] = true
	}
}
