package clienttest_test

import (
	"net/http/httptest"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/client/clienttest"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

func TestLifecycle(t *testing.T) {
	t.Parallel()
	for _, p := range []scim.Profile{scim.Strict(), scim.Compat()} {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(server.Handler(scimtest.Open(scimtest.NewService("https://id.example", p)), server.Options{}))
			defer srv.Close()
			c, err := client.New(srv.URL, client.Options{HTTP: srv.Client()})
			if err != nil {
				t.Fatal(err)
			}
			err = clienttest.Lifecycle(t.Context(), c, clienttest.Options{Prefix: "muster", Logf: t.Logf})
			if err != nil {
				t.Fatal(err)
			}
			for _, endpoint := range []string{"/Users", "/Groups"} {
				for doc, err := range c.All(t.Context(), endpoint, client.Query{}) {
					t.Errorf("left behind at %s: %v, %v", endpoint, doc.ID(), err)
				}
			}
		})
	}
}
