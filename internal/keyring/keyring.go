// Package keyring holds the keys that secrets in the database are sealed with, outside the database.
//
// A keyring has one active key, which seals, and older ones, which only open. A sealed value is
//
//	1 byte version · 4 bytes key id · nonce and ciphertext of AES-256-GCM
//
// and is bound to the place it stands at ([Place]): moved to another row, tenant or column it does not open (security row A06).
//
// Where the keys come from: a file with mode 0600, made at the first start; an environment variable; or, through [Wrapper],
// a file whose keys are wrapped by a key-management service, which a command of the operator's talks to.
package keyring

import (
	"bufio"
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// KeyBytes is the length of a key.
const KeyBytes = 32

// Place is where a sealed value stands.
type Place struct {
	Tenant             int64 // 0: the installation
	Table, Row, Column string
}

func (p Place) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.Tenant))
	for _, s := range []string{p.Table, p.Row, p.Column} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// ErrSealed says that a value does not open: it was altered, stands at another place, or its key is not in the keyring.
var ErrSealed = errors.New("the sealed value does not open")

// Key is a key as it is shown.
type Key struct {
	ID     uint32
	Made   time.Time
	Active bool
}

type key struct {
	id     uint32
	made   time.Time
	secret []byte
	aead   cipher.AEAD
}

// Keyring is a set of keys. It is safe for concurrent use.
type Keyring struct {
	file string // empty: it cannot be changed here
	wrap Wrapper

	mu   sync.RWMutex // guards keys
	keys []key        // the active one last
}

// File is where the keys are kept; "" if they come otherwise.
func (r *Keyring) File() string { return r.file }

// Wrapper is a key-management service that wraps keys: the file holds only what it returns.
type Wrapper interface {
	// Wrap returns the key in a form that only Unwrap can undo.
	Wrap(ctx context.Context, key []byte) ([]byte, error)
	// Unwrap is the inverse of Wrap.
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}

// plain wraps nothing: the file itself is the secret.
type plain struct{}

func (plain) Wrap(_ context.Context, k []byte) ([]byte, error)   { return k, nil }
func (plain) Unwrap(_ context.Context, w []byte) ([]byte, error) { return w, nil }

// Parse reads keys from a text that was handed in otherwise than by a file, such as in an environment variable: keys in base64,
// separated by blanks or commas, the active one last.
func Parse(text string) (*Keyring, error) {
	r := &Keyring{wrap: plain{}}
	for i, field := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' }) {
		secret, err := base64.StdEncoding.DecodeString(field)
		if err != nil || len(secret) != KeyBytes {
			return nil, fmt.Errorf("key %d is not %d random bytes in base64: make one with \"openssl rand -base64 %d\"", i+1, KeyBytes, KeyBytes)
		}
		if err := r.add(idOf(secret), time.Time{}, secret); err != nil {
			return nil, err
		}
	}
	if len(r.keys) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return r, nil
}

// idOf names a key that nobody has numbered. It tells keys apart and says nothing about them.
func idOf(secret []byte) uint32 {
	sum := sha256.Sum256(append([]byte("muster key id"), secret...))
	return binary.BigEndian.Uint32(sum[:])
}

// Open reads the keyring of a file, or makes one with a fresh key if there is none; made says so. With wrap nil the keys
// stand in the file as they are, and nobody but its owner may be able to read it.
func Open(ctx context.Context, file string, wrap Wrapper) (r *Keyring, made bool, err error) {
	r = &Keyring{file: file, wrap: wrap}
	if wrap == nil {
		r.wrap = plain{}
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := r.Rotate(ctx, time.Now())
		return r, true, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("keyring: %w", err)
	}
	if info, err := os.Stat(file); err != nil {
		return nil, false, fmt.Errorf("keyring: %w", err)
	} else if mode := info.Mode().Perm(); wrap == nil && mode&0o077 != 0 && os.PathSeparator == '/' {
		return nil, false, fmt.Errorf("keyring %s has mode %04o: others can read it; chmod 600 it", file, mode)
	}
	if err := r.read(ctx, text); err != nil {
		return nil, false, fmt.Errorf("keyring %s: %w", file, err)
	}
	return r, false, nil
}

// The first line of a file.
const header = "# muster keyring 1: id, time, key; the last one seals. Whoever has this file can open what the database seals."

func (r *Keyring) read(ctx context.Context, text []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			return fmt.Errorf("line %d is not an id, a time and a key", n)
		}
		id, err := strconv.ParseUint(f[0], 16, 32)
		if err != nil {
			return fmt.Errorf("line %d: the id is not hexadecimal", n)
		}
		made, err := time.Parse(time.RFC3339, f[1])
		if err != nil {
			return fmt.Errorf("line %d: the time is not one as 2026-01-31T12:00:00Z", n)
		}
		wrapped, err := base64.StdEncoding.DecodeString(f[2])
		if err != nil {
			return fmt.Errorf("line %d: the key is not in base64", n)
		}
		secret, err := r.wrap.Unwrap(ctx, wrapped)
		if err != nil {
			return fmt.Errorf("line %d: unwrap: %w", n, err)
		}
		if len(secret) != KeyBytes {
			return fmt.Errorf("line %d: the key has %d bytes, not %d", n, len(secret), KeyBytes)
		}
		if err := r.add(uint32(id), made, secret); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if len(r.keys) == 0 {
		return errors.New("there is no key in it")
	}
	return nil
}

func (r *Keyring) add(id uint32, made time.Time, secret []byte) error {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return err
	}
	for _, k := range r.keys {
		if k.id == id {
			return fmt.Errorf("the key %08x is there twice", id)
		}
	}
	r.keys = append(r.keys, key{id, made, secret, aead})
	return nil
}

// Keys lists the keys, the active one last.
func (r *Keyring) Keys() []Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]Key, len(r.keys))
	for i, k := range r.keys {
		list[i] = Key{k.id, k.made, i == len(r.keys)-1}
	}
	return list
}

const sealedVersion = 1

// Seal seals a value for a place with the active key.
func (r *Keyring) Seal(at Place, value []byte) []byte {
	r.mu.RLock()
	k := r.keys[len(r.keys)-1]
	r.mu.RUnlock()
	sealed := binary.BigEndian.AppendUint32([]byte{sealedVersion}, k.id)
	return k.aead.Seal(sealed, nil, value, at.bytes()) //nolint:gosec // the AEAD makes the nonce (NewGCMWithRandomNonce)
}

// Open opens a value that Seal has sealed for the same place; ErrSealed if it does not open.
func (r *Keyring) Open(at Place, sealed []byte) ([]byte, error) {
	id, ok := KeyOf(sealed)
	if !ok {
		return nil, ErrSealed
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.keys {
		if k.id == id {
			value, err := k.aead.Open(nil, nil, sealed[5:], at.bytes())
			if err != nil {
				return nil, ErrSealed
			}
			return value, nil
		}
	}
	return nil, fmt.Errorf("%w: its key %08x is not in the keyring", ErrSealed, id)
}

// KeyOf returns the id of the key that a value is sealed with.
func KeyOf(sealed []byte) (uint32, bool) {
	if len(sealed) < 5 || sealed[0] != sealedVersion {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:]), true
}

// Active returns the id of the key that seals.
func (r *Keyring) Active() uint32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keys[len(r.keys)-1].id
}

// ErrFixed says that the keys are not ours to change.
var ErrFixed = errors.New("the keys come from the environment: add the new one there, behind the old one, and restart")

// Rotate adds a fresh key, which seals from now on.
func (r *Keyring) Rotate(ctx context.Context, now time.Time) (Key, error) {
	if r.file == "" {
		return Key{}, ErrFixed
	}
	secret := make([]byte, KeyBytes)
	rand.Read(secret) // never fails
	id := idOf(secret)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.add(id, now.UTC().Truncate(time.Second), secret); err != nil {
		return Key{}, err
	}
	if err := r.save(ctx); err != nil {
		r.keys = r.keys[:len(r.keys)-1]
		return Key{}, err
	}
	return Key{id, now, true}, nil
}

// Retire removes a key that is not active. Whatever is sealed with it does not open any more: look first.
func (r *Keyring) Retire(ctx context.Context, id uint32) error {
	if r.file == "" {
		return ErrFixed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, k := range r.keys {
		switch {
		case k.id != id:
		case i == len(r.keys)-1:
			return fmt.Errorf("the key %08x is the active one: rotate first", id)
		default:
			before := r.keys
			r.keys = append(append([]key{}, before[:i]...), before[i+1:]...)
			if err := r.save(ctx); err != nil {
				r.keys = before
				return err
			}
			return nil
		}
	}
	return fmt.Errorf("there is no key %08x", id)
}

// save writes the file anew: whole or not at all.
func (r *Keyring) save(ctx context.Context) error {
	text := []byte(header + "\n")
	for _, k := range r.keys {
		wrapped, err := r.wrap.Wrap(ctx, k.secret)
		if err != nil {
			return fmt.Errorf("wrap the key %08x: %w", k.id, err)
		}
		text = fmt.Appendf(text, "%08x %s %s\n", k.id, k.made.Format(time.RFC3339), base64.StdEncoding.EncodeToString(wrapped))
	}
	f, err := os.CreateTemp(filepath.Dir(r.file), ".keyring-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write keyring: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if all went well
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), r.file)
	}
	if err != nil {
		return fmt.Errorf("write keyring: %w", err)
	}
	return nil
}

// Subkey derives a key for one purpose from a secret, so that no key serves two.
func Subkey(secret []byte, purpose string) []byte {
	k, err := hkdf.Key(sha256.New, secret, nil, purpose, KeyBytes)
	if err != nil {
		panic(err) // only for lengths that this one is not
	}
	return k
}
