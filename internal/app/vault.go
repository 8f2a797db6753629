package app

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"

	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/keyring"
	"github.com/muster-id/muster/internal/vault"
)

// Keyring says where the keys that seal secrets are. The zero value: where the environment says, else in the data directory.
type Keyring struct {
	// File is the keyring's file.
	File string
	// Command wraps the keys of the file: a program that talks to a key-management service. Defaults to none.
	Command []string
}

// Where commands without a configuration learn of the keyring, and a hub whose configuration names none.
const (
	keysVariable = "MUSTER_KEYRING" // the keys themselves
	fileVariable = "MUSTER_KEYRING_FILE"
)

// openKeyring returns the keyring of a data directory.
func openKeyring(ctx context.Context, dir datadir.Dir, k Keyring) (ring *keyring.Keyring, made bool, err error) {
	if text := os.Getenv(keysVariable); text != "" && k.File == "" {
		ring, err := keyring.Parse(text)
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", keysVariable, err)
		}
		return ring, false, nil
	}
	if k.File == "" {
		k.File = os.Getenv(fileVariable)
	}
	if k.File == "" {
		k.File = dir.Keyring()
	}
	var wrap keyring.Wrapper
	if len(k.Command) > 0 {
		wrap = keyring.Command(k.Command)
	}
	return keyring.Open(ctx, k.File, wrap)
}

// openVault opens the secrets of the hub, and takes from them the keys that its parts need.
func (a *App) openVault(ctx context.Context) error {
	dir, err := datadir.Open(a.o.Data)
	if err != nil {
		return err
	}
	ring, made, err := openKeyring(ctx, dir, a.o.Keyring)
	if err != nil {
		return err
	}
	if a.vault, err = vault.New(ctx, a.store, ring); err != nil {
		return err
	}
	if made {
		a.log.WarnContext(ctx, "a keyring was made: it opens what the database seals, so keep a copy of it, and not beside the database", "file", ring.File())
	}
	documents, err := a.vault.Random(ctx, "document key")
	if err != nil {
		return err
	}
	a.documents.Use(documents)
	if a.cursorKey, err = a.vault.Random(ctx, "cursor key"); err != nil {
		return err
	}
	seed, err := a.vault.Random(ctx, "checkpoint key")
	if err != nil {
		return err
	}
	a.checkpointKey = ed25519.NewKeyFromSeed(seed)
	return nil
}
