// Package vault keeps the secrets that Muster itself needs in the database, sealed with the keyring: the keys of cursors, documents
// and checkpoints, and the credentials of targets. Nothing that a database or a backup of it holds is of use without the keyring,
// and nothing is ever shown again: people see a fingerprint.
package vault

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/muster-id/muster/internal/keyring"
	"github.com/muster-id/muster/internal/store"
)

// Store is what a vault needs of a store.
type Store interface {
	store.Writer
	store.Secrets
}

// Vault is the secrets of a hub. It is safe for concurrent use.
type Vault struct {
	store Store
	ring  *keyring.Keyring
}

// New returns a vault, or an error if what the database holds is sealed with keys that are not in the keyring.
func New(ctx context.Context, st Store, ring *keyring.Keyring) (*Vault, error) {
	v := &Vault{st, ring}
	if _, err := v.Random(ctx, "check"); err != nil {
		return nil, fmt.Errorf("the keyring does not fit the database: %w; bring back the keyring that belongs to it", err)
	}
	return v, nil
}

func place(t store.Tenant, name string) keyring.Place {
	return keyring.Place{Tenant: int64(t), Table: "secret", Row: name, Column: "value"}
}

// Random returns 32 bytes that belong to the installation under that name. The first who asks makes them.
func (v *Vault) Random(ctx context.Context, name string) ([]byte, error) {
	fresh := make([]byte, 32)
	rand.Read(fresh) // never fails
	at := place(store.System, name)
	sealed, err := v.store.FirstSecret(ctx, store.System, name, v.ring.Seal(at, fresh))
	if err != nil {
		return nil, fmt.Errorf("read the secret %q: %w", name, err)
	}
	value, err := v.ring.Open(at, sealed)
	if err != nil {
		return nil, fmt.Errorf("open the secret %q: %w", name, err)
	}
	return value, nil
}

// Get returns a secret of a tenant, or store.ErrNotFound.
func (v *Vault) Get(ctx context.Context, t store.Tenant, name string) ([]byte, error) {
	sealed, err := v.store.Secret(ctx, t, name)
	if err != nil {
		return nil, err
	}
	value, err := v.ring.Open(place(t, name), sealed)
	if err != nil {
		return nil, fmt.Errorf("open the secret %q: %w", name, err)
	}
	return value, nil
}

// Seal returns the row of a secret, for Rows.Secrets of an Op of the tenant.
func (v *Vault) Seal(t store.Tenant, name string, value []byte) *store.Secret {
	return &store.Secret{Tenant: t, Name: name, Value: v.ring.Seal(place(t, name), value)}
}

// Fingerprint is how people tell secrets apart: the first bytes of a SHA-256 of it, and its last four characters if it is long
// enough for that to give nothing away.
func Fingerprint(value []byte) string {
	sum := sha256.Sum256(append([]byte("muster fingerprint"), value...))
	f := hex.EncodeToString(sum[:4])
	if len(value) >= 24 {
		f += "…" + string(value[len(value)-4:])
	}
	return f
}

// Key is a key of the keyring, and how many secrets are sealed with it.
type Key struct {
	keyring.Key
	Secrets int
}

const page = 200

// each visits all secrets.
func (v *Vault) each(ctx context.Context, visit func(store.Secret) error) error {
	t, name := store.System, ""
	for {
		list, err := v.store.Secrets(ctx, t, name, page)
		if err != nil {
			return err
		}
		for _, s := range list {
			if err := visit(s); err != nil {
				return err
			}
			t, name = s.Tenant, s.Name
		}
		if len(list) < page {
			return nil
		}
	}
}

// Keys lists the keys.
func (v *Vault) Keys(ctx context.Context) ([]Key, error) {
	used := map[uint32]int{}
	err := v.each(ctx, func(s store.Secret) error {
		id, _ := keyring.KeyOf(s.Value)
		used[id]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []Key
	for _, k := range v.ring.Keys() {
		list = append(list, Key{k, used[k.ID]})
		delete(used, k.ID)
	}
	for id, n := range used {
		return nil, fmt.Errorf("%d secrets are sealed with the key %08x, which is not in the keyring", n, id)
	}
	return list, nil
}

// Rotate makes a fresh key and seals everything anew with it, while everything goes on. It returns how many secrets that were. If it
// is cut off, Reseal goes on. Where the keys come from the environment, whoever keeps them there has added one, and the rest is ours.
func (v *Vault) Rotate(ctx context.Context, now time.Time) (int, error) {
	_, fixed := v.ring.Rotate(ctx, now)
	if fixed != nil && !errors.Is(fixed, keyring.ErrFixed) {
		return 0, fixed
	}
	n, err := v.Reseal(ctx)
	if err == nil && n == 0 {
		err = fixed
	}
	return n, err
}

// Reseal seals with the active key what is sealed with another.
func (v *Vault) Reseal(ctx context.Context) (n int, err error) {
	err = v.each(ctx, func(s store.Secret) error {
		if id, _ := keyring.KeyOf(s.Value); id == v.ring.Active() {
			return nil
		}
		value, err := v.ring.Open(place(s.Tenant, s.Name), s.Value)
		if err != nil {
			return fmt.Errorf("open the secret %q of tenant %d: %w", s.Name, s.Tenant, err)
		}
		next := v.Seal(s.Tenant, s.Name, value)
		next.If = s.Value // somebody may replace it meanwhile
		n++
		return v.store.Write(ctx, s.Tenant, &store.Op{Decide: func(store.View) (*store.Rows, error) {
			return &store.Rows{Secrets: []*store.Secret{next}}, nil
		}})
	})
	return n, err
}

// Retire removes a key that nothing is sealed with.
func (v *Vault) Retire(ctx context.Context, id uint32) error {
	keys, err := v.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == id && k.Secrets > 0 {
			return fmt.Errorf("%d secrets are sealed with the key %08x: \"muster key rotate\" seals them anew", k.Secrets, id)
		}
	}
	if len(keys) == 0 {
		return errors.New("there are no keys")
	}
	return v.ring.Retire(ctx, id)
}
