package client_test

import (
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim/client"
)

func TestC04_Config(t *testing.T) {
	t.Parallel()
	unknown := client.Config{Patch: true, Filter: true, Index: true}
	for _, c := range []struct {
		name, body string
		status     int
		want       client.Config
	}{
		{"all", `{"patch":{"supported":false},"filter":{"supported":true,"maxResults":50},"sort":{"supported":true},"etag":{"supported":true}}`, 200, client.Config{Known: true, Filter: true, Index: true, Sort: true, ETag: true, MaxResults: 50}},
		{"in strings", `{"Patch":{"Supported":"False"},"filter":{"maxResults":"many"}}`, 200, client.Config{Known: true, Filter: true, Index: true}},
		{"nothing", `{}`, 200, unknown},
		{"HTML", `<html>`, 200, unknown},
		{"not served", ``, 404, unknown},
		{"not for us", ``, 403, unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := open(t, answering(c.status, c.body)).Config(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, got, c.want)
		})
	}
	for _, status := range []int{0, 401, 429, 500, 503} {
		if _, err := open(t, answering(status, "")).Config(t.Context()); err == nil {
			t.Errorf("%d says what the server can do", status)
		}
	}
}
