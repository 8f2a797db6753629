package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/telemetry"
)

var formats = []telemetry.Format{telemetry.Text, telemetry.JSON}

// logged returns what one record with the attributes is written as.
func logged(f telemetry.Format, message string, attrs ...any) string {
	var b bytes.Buffer
	telemetry.Logger(&b, f, slog.LevelDebug).Info(message, attrs...)
	return b.String()
}

func TestSec_K04_SecretsAreKnownByKeyAndByForm(t *testing.T) {
	t.Parallel()
	const token = "mst_marker0123456789marker0123456789marker0123456789abc"
	for name, attrs := range map[string][]any{
		"key":                {"Authorization", "marker"},
		"key with suffix":    {"client_secret", "marker"},
		"number under a key": {"password", 471147114711},
		"token":              {"detail", "token " + token + " is unknown"},
		"signing secret":     {"detail", "whsec_marker+/marker=="},
		"header":             {"detail", "got Authorization: bearer marker.marker, refused"},
		"error":              {"err", fmt.Errorf("send: %w", errors.New("Bearer marker"))},
		"list":               {"all", []string{token}},
		"secret type":        {"s", secret.New("marker")},
		"struct":             {"s", struct{ S secret.String }{secret.New("marker")}},
		"in a group":         {slog.Group("g", "password", "marker", "detail", token)},
	} {
		for _, f := range formats {
			if got := logged(f, "phrase", attrs...); strings.Contains(got, "marker") || strings.Contains(got, "4711471") || !strings.Contains(got, "[redacted]") {
				t.Errorf("%s as %s: %s", name, f, got)
			}
		}
	}
	for _, f := range formats {
		if got := logged(f, "refused "+token); strings.Contains(got, "marker") {
			t.Errorf("message as %s: %s", f, got)
		}
		// What an operator needs stays: the id of a token, names, counts.
		got := logged(f, "phrase", "token", "0b6e", "secret_file", "/run/x", "err", errors.New("user_name is b"))
		for _, want := range []string{"0b6e", "/run/x", "user_name is b"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing as %s: %s", want, f, got)
			}
		}
	}
}

func TestSec_C15_LogsCannotBeForged(t *testing.T) {
	t.Parallel()
	const evil = "a\r\n{\"level\":\"ERROR\"}\x00\x1b[2J\x7f\u009b31m\u202egnp.exe\u2028\xff"
	for _, f := range formats {
		got := logged(f, evil, "filter", evil, "err", errors.New(evil), slog.Group("g", "k", evil), "list", []string{evil})
		if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") {
			t.Errorf("%s: not one line: %q", f, got)
		}
		if i := strings.IndexFunc(got[:len(got)-1], func(r rune) bool {
			return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\u2028'
		}); i >= 0 {
			t.Errorf("%s: a control character at %d: %q", f, i, got)
		}
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(logged(telemetry.JSON, "phrase", "filter", evil)), &record); err != nil || record["level"] != "INFO" {
		t.Errorf("the JSON line is %v, %v", record, err)
	}
}

func BenchmarkJSON(b *testing.B) {
	log := telemetry.Logger(discard{}, telemetry.JSON, slog.LevelInfo)
	ctx := telemetry.WithRequest(b.Context(), &telemetry.Request{ID: "r-1"})
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("method", "GET"), slog.String("resource", "User"), slog.Int("status", 200), slog.Duration("took", 1500))
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
