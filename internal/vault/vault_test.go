package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/keyring"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/internal/vault"
)

func open(t *testing.T, dir string) (*vault.Vault, *sqlite.DB) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "muster.db"), sqlite.Options{})
	assert.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	ring, _, err := keyring.Open(t.Context(), filepath.Join(dir, "keyring"), nil)
	assert.NoError(t, err)
	v, err := vault.New(t.Context(), db, ring)
	assert.NoError(t, err)
	return v, db
}

func put(t *testing.T, v *vault.Vault, db *sqlite.DB, name, value string) {
	t.Helper()
	s := v.Seal(store.Default, name, []byte(value))
	assert.NoError(t, db.Write(t.Context(), store.Default, &store.Op{Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Secrets: []*store.Secret{s}}, nil
	}}))
}

func TestRandomIsTheSameForEverybody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, db := open(t, dir)
	a, err := v.Random(t.Context(), "cursor")
	assert.NoError(t, err)
	assert.NoError(t, db.Close())
	again, _ := open(t, dir)
	b, err := again.Random(t.Context(), "cursor")
	assert.NoError(t, err)
	assert.Equal(t, b, a)
	other, err := again.Random(t.Context(), "other")
	assert.NoError(t, err)
	if bytes.Equal(other, a) || len(a) != 32 {
		t.Error("two names have one secret")
	}
}

func TestAnotherKeyringIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, db := open(t, dir)
	fresh, _, err := keyring.Open(t.Context(), filepath.Join(t.TempDir(), "keyring"), nil)
	assert.NoError(t, err)
	if _, err := vault.New(t.Context(), db, fresh); !errors.Is(err, keyring.ErrSealed) {
		t.Errorf("a keyring of another hub: %v", err)
	}
}

// TestSec_A06_RotationWhileSecretsAreUsed: everything is sealed anew, nobody waits, and the old key can go.
func TestSec_A06_RotationWhileSecretsAreUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, db := open(t, dir)
	for i := range 500 {
		put(t, v, db, fmt.Sprintf("target/%d", i), fmt.Sprintf("plain-secret-%d", i))
	}
	before, err := v.Keys(t.Context())
	assert.NoError(t, err)
	old := before[0].ID
	assert.Equal(t, before[0].Secrets, 501)
	if err := v.Retire(t.Context(), old); err == nil {
		t.Fatal("a key that is in use was retired")
	}

	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			name := fmt.Sprintf("target/%d", i%500)
			if got, err := v.Get(t.Context(), store.Default, name); err != nil || string(got) != fmt.Sprintf("plain-secret-%d", i%500) {
				t.Errorf("%s: %q, %v", name, got, err)
				return
			}
		}
	})
	n, err := v.Rotate(t.Context(), time.Now())
	cancel()
	wg.Wait()
	assert.NoError(t, err)
	assert.Equal(t, n, 501)
	assert.NoError(t, v.Retire(t.Context(), old))
	got, err := v.Get(t.Context(), store.Default, "target/7")
	assert.NoError(t, err)
	assert.Equal(t, string(got), "plain-secret-7")
	if _, err := v.Get(t.Context(), 2, "target/7"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of another tenant: %v", err)
	}
	for _, file := range []string{"muster.db", "muster.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		assert.NoError(t, err)
		if bytes.Contains(b, []byte("plain-secret")) {
			t.Errorf("a secret in %s", file)
		}
	}
}

// Keys of the environment are changed there; what is sealed follows.
func TestRotationOfKeysInTheEnvironment(t *testing.T) {
	t.Parallel()
	const one, two = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI="
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "muster.db"), sqlite.Options{})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	with := func(keys string) *vault.Vault {
		ring, err := keyring.Parse(keys)
		assert.NoError(t, err)
		v, err := vault.New(t.Context(), db, ring)
		assert.NoError(t, err)
		return v
	}
	put(t, with(one), db, "target/app", "plain-secret")
	if _, err := with(one).Rotate(t.Context(), time.Now()); !errors.Is(err, keyring.ErrFixed) {
		t.Errorf("with nothing to seal anew: %v", err)
	}
	n, err := with(one+" "+two).Rotate(t.Context(), time.Now())
	assert.NoError(t, err)
	assert.Equal(t, n, 2)
	got, err := with(two).Get(t.Context(), store.Default, "target/app")
	assert.NoError(t, err)
	assert.Equal(t, string(got), "plain-secret")
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	a, b := vault.Fingerprint([]byte("short")), vault.Fingerprint([]byte("a-long-secret-of-30-characters"))
	if len(a) != 8 || bytes.Contains([]byte(a), []byte("hort")) {
		t.Errorf("of a short one: %s", a)
	}
	if !bytes.HasSuffix([]byte(b), []byte("…ters")) {
		t.Errorf("of a long one: %s", b)
	}
}
