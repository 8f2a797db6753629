package app_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store/relational"
	"github.com/muster-id/muster/internal/testenv"
)

// TestMigrateThereAndBack moves a hub from the embedded database to a server and back: it is the same hub, its tokens
// work, and nothing is copied over what is there.
func TestMigrateThereAndBack(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	first, last := t.TempDir(), t.TempDir()
	ring := filepath.Join(t.TempDir(), "keyring")
	start := func(data, database string) *app.App {
		t.Helper()
		a, err := app.New(t.Context(), app.Options{Data: data, Database: database, Listen: "127.0.0.1:0", Keyring: app.Keyring{File: ring}})
		assert.NoError(t, err)
		assert.NoError(t, a.Start(t.Context()))
		return a
	}
	request := func(a *app.App, token, method, path, body string) (int, string) {
		t.Helper()
		h := &house{t: t, http: &http.Client{}}
		status, _, text := h.do(call{method: method, url: a.Base() + path, token: token, body: body})
		return status, strings.ReplaceAll(text, a.Base(), "")
	}
	none := func(string, int64, int64) {}

	a := start(first, "")
	secret, _ := a.FirstToken()
	token := secret.Reveal()
	for _, name := range []string{"ada", "bob", "eve"} {
		status, _ := request(a, token, http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"`+name+`","emails":[{"value":"`+name+`@acme.test"}]}`)
		assert.Equal(t, status, http.StatusCreated)
	}
	_, before := request(a, token, http.MethodGet, "/Users?attributes=userName,emails,meta.version", "")
	_, err := app.Migrate(t.Context(), "sqlite://"+first, url, none)
	assert.ErrorContains(t, err, "in use")
	assert.NoError(t, a.Stop(t.Context()))

	there, err := app.Migrate(t.Context(), "sqlite://"+first, url, none)
	assert.NoError(t, err)
	_, err = app.Migrate(t.Context(), "sqlite://"+first, url, none)
	assert.ErrorIs(t, err, relational.ErrNotEmpty)

	b := start(t.TempDir(), url)
	status, _ := request(b, token, http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`)
	assert.Equal(t, status, http.StatusConflict)
	_, err = app.Migrate(t.Context(), url, "sqlite://"+last, none)
	assert.ErrorIs(t, err, relational.ErrInUse)
	assert.NoError(t, b.Stop(t.Context()))

	back, err := app.Migrate(t.Context(), url, "sqlite://"+last, none)
	assert.NoError(t, err)
	assert.True(t, back >= there && back < there+5, assert.Sprintf("%d rows there, %d back", there, back)) // the refused request is in the audit
	c := start(last, "")
	defer func() { assert.NoError(t, c.Stop(t.Context())) }()
	status, after := request(c, token, http.MethodGet, "/Users?attributes=userName,emails,meta.version", "")
	assert.Equal(t, status, http.StatusOK)
	assert.Equal(t, after, before)
}
