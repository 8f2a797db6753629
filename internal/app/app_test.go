package app_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/datadir"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o app.Options) *app.App {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	a, err := app.New(t.Context(), o)
	assert.NoError(t, err)
	t.Cleanup(func() { stop(t, a) })
	assert.NoError(t, a.Start(t.Context()))
	return a
}

func stop(t *testing.T, a *app.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	assert.NoError(t, a.Stop(ctx))
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	assert.NoError(t, err)
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	assert.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	assert.NoError(t, err)
	return resp.StatusCode, string(b)
}

func TestSec_L08_TwoHubsLiveInOneProcess(t *testing.T) {
	dir := t.TempDir()
	a := start(t, app.Options{Data: filepath.Join(dir, "a")})
	b := start(t, app.Options{Data: filepath.Join(dir, "b"), MetricsListen: "127.0.0.1:0"})
	for _, base := range []string{a.Base(), b.Base()} {
		for path, want := range map[string]string{"/healthz": `"ok"`, "/readyz": `"ok"`} {
			status, body := get(t, strings.TrimSuffix(base, app.Prefix)+path)
			if status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	}
	assert.Equal(t, a.MetricsURL(), "")
	_, figures := get(t, b.MetricsURL())
	for _, want := range []string{"muster_users 0", "muster_feed_head 0", "muster_store_log_bytes "} {
		assert.Contains(t, figures, want)
	}
}

func TestOneDirectoryOneHub(t *testing.T) {
	dir := t.TempDir()
	a := start(t, app.Options{Data: dir})
	token, isNew := a.FirstToken()
	if !isNew || token.Reveal() == "" {
		t.Error("a new hub has no first token")
	}
	_, err := app.New(t.Context(), app.Options{Data: dir, Listen: "127.0.0.1:0"})
	if _, inUse := errors.AsType[*datadir.InUseError](err); !inUse {
		t.Errorf("second hub: %v, want an InUseError", err)
	}
	stop(t, a)
	stop(t, a) // may be called again
	b := start(t, app.Options{Data: dir})
	if _, isNew := b.FirstToken(); isNew {
		t.Error("a hub that has a token makes another one")
	}
}

func TestWhatCannotOpenLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	_, err := app.New(t.Context(), app.Options{Data: dir, Listen: "256.0.0.1:1"})
	assert.ErrorContains(t, err, "--listen")
	a := start(t, app.Options{Data: dir}) // the directory was given back
	if _, isNew := a.FirstToken(); !isNew {
		t.Error("the first token was made by a hub that did not start, and nobody saw it")
	}
}
