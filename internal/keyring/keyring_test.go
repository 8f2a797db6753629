package keyring_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/keyring"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func open(t *testing.T, file string) *keyring.Keyring {
	t.Helper()
	r, _, err := keyring.Open(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSec_A06_SealedValuesStayAtTheirPlace(t *testing.T) {
	t.Parallel()
	r := open(t, filepath.Join(t.TempDir(), "keyring"))
	at := keyring.Place{Tenant: 1, Table: "target", Row: "app", Column: "token"}
	sealed := r.Seal(at, []byte("s3cret"))
	if bytes.Contains(sealed, []byte("s3cret")) || bytes.Equal(sealed, r.Seal(at, []byte("s3cret"))) {
		t.Error("the value shows, or equal values are sealed alike")
	}
	if got, err := r.Open(at, sealed); err != nil || string(got) != "s3cret" {
		t.Fatalf("%q, %v", got, err)
	}
	for name, other := range map[string]keyring.Place{
		"tenant": {2, "target", "app", "token"},
		"table":  {1, "setting", "app", "token"},
		"row":    {1, "target", "app2", "token"},
		"column": {1, "target", "app", "secret"},
		"shift":  {1, "target", "apptoken", ""},
	} {
		if _, err := r.Open(other, sealed); !errors.Is(err, keyring.ErrSealed) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := r.Open(at, bad); !errors.Is(err, keyring.ErrSealed) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := r.Open(at, sealed[:i]); !errors.Is(err, keyring.ErrSealed) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keyring")
	r, made, err := keyring.Open(t.Context(), file, nil)
	if err != nil || !made {
		t.Fatalf("made %v, %v", made, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	at := keyring.Place{Table: "x"}
	old := r.Seal(at, []byte("v"))
	first := r.Active()
	if _, err := r.Rotate(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	again := open(t, file)
	if again.Active() == first || len(again.Keys()) != 2 {
		t.Errorf("keys %v", again.Keys())
	}
	if _, err := again.Open(at, old); err != nil {
		t.Errorf("a value of the older key: %v", err)
	}
	if err := again.Retire(t.Context(), again.Active()); err == nil {
		t.Error("the active key was retired")
	}
	if err := again.Retire(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, file).Open(at, old); !errors.Is(err, keyring.ErrSealed) || !strings.Contains(err.Error(), fmt.Sprintf("%08x", first)) {
		t.Errorf("a value of a retired key: %v", err)
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	good := "0a0b0c0d 2026-01-01T00:00:00Z " + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for text, want := range map[string]string{
		"":                                   "no key",
		"# nothing\n":                        "no key",
		"x":                                  "line 1",
		"zz 2026-01-01T00:00:00Z AAAA":       "hexadecimal",
		"0a0b0c0d yesterday AAAA":            "time",
		"0a0b0c0d 2026-01-01T00:00:00Z !":    "base64",
		"0a0b0c0d 2026-01-01T00:00:00Z AAA=": "2 bytes",
		good + "\n" + good:                   "twice",
	} {
		file := filepath.Join(t.TempDir(), "keyring")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := keyring.Open(t.Context(), file, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "keyring")
	if err := os.WriteFile(file, []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := keyring.Open(t.Context(), file, nil); err == nil || !strings.Contains(err.Error(), "0644") {
		t.Errorf("a file that others can read: %v", err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	a, b := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)), base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32))
	old, err := keyring.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	sealed := old.Seal(keyring.Place{}, []byte("v"))
	both, err := keyring.Parse(a + "," + b)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := both.Open(keyring.Place{}, sealed); err != nil || string(got) != "v" || both.Active() == old.Active() {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := both.Rotate(t.Context(), now); err == nil {
		t.Error("keys of the environment were rotated")
	}
	for _, bad := range []string{"", "short", a + " " + a, base64.StdEncoding.EncodeToString(make([]byte, 16))} {
		if _, err := keyring.Parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// marked is a service that puts a mark before what it wraps, and opens nothing without it.
type marked struct{}

func (marked) Wrap(_ context.Context, k []byte) ([]byte, error) {
	return append([]byte("WRAPPED"), k...), nil
}

func (marked) Unwrap(_ context.Context, w []byte) ([]byte, error) {
	k, ok := bytes.CutPrefix(w, []byte("WRAPPED"))
	if !ok {
		return nil, errors.New("not wrapped here")
	}
	return k, nil
}

func TestWrappedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := marked{}
	file := filepath.Join(dir, "keyring")
	r, _, err := keyring.Open(t.Context(), file, w)
	if err != nil {
		t.Fatal(err)
	}
	sealed := r.Seal(keyring.Place{}, []byte("v"))
	again, _, err := keyring.Open(t.Context(), file, w)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(keyring.Place{}, sealed); err != nil || string(got) != "v" {
		t.Errorf("%q, %v", got, err)
	}
	if _, _, err := keyring.Open(t.Context(), file, nil); err == nil {
		t.Error("wrapped keys were taken as they are")
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "kms")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n[ \"$2\" = wrap ] || [ \"$2\" = unwrap ] || exit 1\ncat\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := keyring.Command{script, "key-1"}
	for _, f := range []func() ([]byte, error){
		func() ([]byte, error) { return c.Wrap(t.Context(), []byte("k")) },
		func() ([]byte, error) { return c.Unwrap(t.Context(), []byte("k")) },
	} {
		if got, err := f(); err != nil || string(got) != "k" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := (keyring.Command{"/bin/false"}).Wrap(t.Context(), nil); err == nil {
		t.Error("a command that failed was believed")
	}
	if _, err := (keyring.Command{"/bin/sh", "-c", "echo '***'; true"}).Wrap(t.Context(), nil); err == nil {
		t.Error("what is not base64 was believed")
	}
}

func BenchmarkSeal(b *testing.B) {
	r, err := keyring.Parse(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 1500)
	at := keyring.Place{Tenant: 1, Table: "change", Row: "1", Column: "before"}
	for b.Loop() {
		r.Seal(at, value)
	}
}
