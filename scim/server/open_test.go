package server_test

import (
	"net/http"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

func TestBearer(t *testing.T) {
	t.Parallel()
	svc := scimtest.NewService(base, scim.Strict())
	open := server.Bearer(server.Static(svc), "new", "old", "")
	for header, in := range map[string]bool{
		"Bearer new":     true,
		"bearer old":     true, // RFC 9110 §11.1: schemes have no case
		"Bearer  new":    true,
		"Bearer NEW":     false,
		"Bearer new2":    false,
		"Bearer":         false,
		"Bearer ":        false,
		"Basic new":      false,
		"new":            false,
		"":               false,
		"Bearer new old": false,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", header)
		got, err := open(r)
		if e := scim.AsError(err); in && got != svc || !in && (e == nil || e.Status != http.StatusUnauthorized) {
			t.Errorf("%q: got %v, %v, want in: %t", header, got, err, in)
		}
	}
	if _, err := server.Bearer(server.Static(svc))(&http.Request{Header: http.Header{"Authorization": {"Bearer "}}}); err == nil {
		t.Error("without tokens somebody was let in")
	}
}
