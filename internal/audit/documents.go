package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/muster-id/muster/internal/keyring"
	"github.com/muster-id/muster/internal/store"
)

// Documents seals the documents that changes keep, under keys made of the installation's, the tenant's number and the resource's
// own: whoever has two of them has nothing. It implements store.Sealer.
type Documents struct {
	master []byte

	mu      sync.RWMutex // guards tenants
	tenants map[store.Tenant][]byte
}

var _ store.Sealer = (*Documents)(nil)

// Use sets the installation's key, before anything is sealed.
func (d *Documents) Use(master []byte) { d.master, d.tenants = master, map[store.Tenant][]byte{} }

// maxTenants bounds the keys of tenants that are kept; one is made in a microsecond.
const maxTenants = 20_000

func (d *Documents) tenant(t store.Tenant) []byte {
	d.mu.RLock()
	k := d.tenants[t]
	d.mu.RUnlock()
	if k != nil {
		return k
	}
	k = keyring.Subkey(d.master, "tenant "+string(binary.BigEndian.AppendUint64(nil, uint64(t))))
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.tenants) >= maxTenants {
		clear(d.tenants)
	}
	d.tenants[t] = k
	return k
}

// derive makes the key of a resource for a purpose.
func (d *Documents) derive(t store.Tenant, purpose byte, key []byte) []byte {
	h := hmac.New(sha256.New, d.tenant(t))
	h.Write([]byte{purpose})
	h.Write(key)
	return h.Sum(nil)
}

const (
	forSealing byte = 1
	forDigests byte = 2
)

func (d *Documents) aead(t store.Tenant, key []byte) cipher.AEAD {
	block, err := aes.NewCipher(d.derive(t, forSealing, key))
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCMWithRandomNonce(block); err == nil {
			return aead
		}
	}
	panic(err) // only for lengths that this one is not
}

// Seal implements store.Sealer.
func (d *Documents) Seal(t store.Tenant, key, document []byte) []byte {
	return d.aead(t, key).Seal(nil, nil, document, nil) //nolint:gosec // NewGCMWithRandomNonce makes a nonce of its own
}

var errDocument = errors.New("it was altered, or sealed with another key")

// Open implements store.Sealer.
func (d *Documents) Open(t store.Tenant, key, sealed []byte) ([]byte, error) {
	doc, err := d.aead(t, key).Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, errDocument
	}
	return doc, nil
}

// digestBytes is what is kept of a digest.
const digestBytes = 16

// Digest implements store.Sealer.
func (d *Documents) Digest(t store.Tenant, key []byte, documents ...[]byte) []byte {
	h := hmac.New(sha256.New, d.derive(t, forDigests, key))
	for _, doc := range documents {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(doc))))
		h.Write(doc)
	}
	return h.Sum(nil)[:digestBytes]
}
