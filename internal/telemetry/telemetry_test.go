package telemetry_test

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/telemetry"
)

func TestTextIsOneLineWhateverIsLogged(t *testing.T) {
	var b bytes.Buffer
	log := telemetry.Logger(&b, telemetry.Text, slog.LevelInfo)
	ctx := telemetry.WithRequest(t.Context(), &telemetry.Request{ID: "r-1"})
	log.With("target", "app").InfoContext(ctx, "delivered\n", "err", "a\r\n{\"level\":\"error\"}\x1b[31m", "took", 3*time.Millisecond,
		slog.Group("http", "status", 200), "empty", "")
	line := b.String()
	if strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\r\x1b") {
		t.Fatalf("not one plain line: %q", line)
	}
	for _, want := range []string{"INFO ", "target=app", "took=3ms", "http.status=200", `empty=""`, "request=r-1", `err="a\r\n`} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in %q", want, line)
		}
	}
}

func TestSecretsAreRedactedInBothFormats(t *testing.T) {
	for _, f := range []telemetry.Format{telemetry.Text, telemetry.JSON, telemetry.Auto} {
		t.Run(string(f), func(t *testing.T) {
			var b bytes.Buffer
			telemetry.Logger(&b, f, slog.LevelInfo).Info("request", "Authorization", "Bearer marker", slog.Group("g", "password", "marker"))
			if strings.Contains(b.String(), "marker") {
				t.Error(b.String())
			}
		})
	}
}

func TestDurationsAreSecondsInJSON(t *testing.T) {
	var b bytes.Buffer
	telemetry.Logger(&b, telemetry.JSON, slog.LevelInfo).Info("request", "took", 2500*time.Microsecond)
	if !strings.Contains(b.String(), `"took":0.0025`) {
		t.Error(b.String())
	}
}

func TestLevelHoldsBack(t *testing.T) {
	var b bytes.Buffer
	telemetry.Logger(&b, telemetry.Text, slog.LevelWarn).Info("not this")
	if b.Len() > 0 {
		t.Error(b.String())
	}
}

func TestMetricsAreServed(t *testing.T) {
	m := telemetry.NewMetrics()
	m.Request("GET", "User", 404, time.Millisecond)
	m.Commit(3, time.Millisecond)
	m.Switch("default", "string-booleans")
	m.Attempt("app", "failed", "timeout", time.Second)
	m.Denied("unknown")
	m.Gauge("muster_feed_head", "Last change.", func() float64 { return 42 }, "tenant", "default")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`muster_http_requests_total{method="GET",resource="User",status="4xx"} 1`,
		`muster_store_batch_size_count 1`,
		`muster_dialect_uses_total{source="default",switch="string-booleans"} 1`,
		`muster_target_attempts_total{outcome="failed",reason="timeout",target="app"} 1`,
		`muster_feed_head{tenant="default"} 42`,
		`go_goroutines`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is not served", want)
		}
	}
}
