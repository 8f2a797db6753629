package secret_test

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"

	"github.com/muster-id/muster/internal/secret"
)

const marker = "hunter2-marker"

type holder struct {
	Open   secret.String
	closed secret.String
	Nested struct{ Deep *secret.String }
}

func hold() holder {
	s := secret.New(marker)
	h := holder{Open: s, closed: s}
	h.Nested.Deep = &s
	return h
}

func TestSec_K04_SecretPrintsNowhere(t *testing.T) {
	t.Parallel()
	s, h := secret.New(marker), hold()

	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t"} {
		out["secret "+verb] = fmt.Sprintf(verb, s)
		out["pointer "+verb] = fmt.Sprintf(verb, &s)
		out["struct "+verb] = fmt.Sprintf(verb, h)
		out["slice "+verb] = fmt.Sprintf(verb, []secret.String{s})
		out["map "+verb] = fmt.Sprintf(verb, map[string]any{"k": s})
	}
	out["concatenated"] = s.String() + s.GoString()
	out["error"] = fmt.Errorf("wrap %w", fmt.Errorf("use %v", h)).Error()

	for name, encode := range map[string]func(any) ([]byte, error){
		"json": func(v any) ([]byte, error) { return json.Marshal(v) },
		"yaml": func(v any) ([]byte, error) { return yaml.Marshal(v) },
		"gob": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
	} {
		for kind, v := range map[string]any{"secret": s, "struct": struct{ Open secret.String }{s}} {
			b, err := encode(v)
			if err != nil {
				t.Fatalf("%s of a %s: %v", name, kind, err)
			}
			if !strings.Contains(string(b), secret.Redacted) {
				t.Errorf("%s of a %s = %q, want it to hold %q", name, kind, b, secret.Redacted)
			}
			out[name+" "+kind] = string(b)
		}
	}

	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("logged", "secret", s, "struct", h, "pointer", &s)
	}
	out["slog"] = log.String()

	for name, text := range out {
		if strings.Contains(text, marker) || strings.Contains(text, fmt.Sprintf("%x", marker)) {
			t.Errorf("%s shows the secret: %s", name, text)
		}
	}
}

func TestRevealAndEmpty(t *testing.T) {
	t.Parallel()
	var zero, read secret.String
	if err := read.UnmarshalText([]byte(marker)); err != nil {
		t.Fatal(err)
	}
	if got := read.Reveal(); got != marker {
		t.Errorf("Reveal = %q, want %q", got, marker)
	}
	if got := zero.Reveal(); got != "" {
		t.Errorf("zero Reveal = %q, want none", got)
	}
	if !zero.Empty() || !secret.New("").Empty() || read.Empty() {
		t.Error("Empty is wrong for the zero value, the empty text or a text")
	}
}

func TestSec_A07_EqualComparesTexts(t *testing.T) {
	t.Parallel()
	a := secret.New(marker)
	for other, want := range map[string]bool{
		marker: true, marker + "x": false, marker[1:]: false, "": false, strings.ToUpper(marker): false,
	} {
		if got := a.Equal(secret.New(other)); got != want {
			t.Errorf("Equal(%q) = %t, want %t", other, got, want)
		}
	}
	if !new(secret.String).Equal(secret.New("")) {
		t.Error("two empty secrets differ")
	}
}
