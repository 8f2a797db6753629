package scim

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/target"
)

// digest is what a link remembers of an account: a hash for each field that was last written, never a value, and
// what is still to be done for its memberships. Its form is JSON; what cannot be read is a digest that knows
// nothing, which costs one reading of the account.
type digest struct {
	// ID is the outside name that the resource had when it was linked. A person who was deleted and came back has another
	// one, and the account is that of the time before.
	ID string `json:"i,omitempty"`
	// Fields has the hash of every field that was written, by key; empty: in doubt. nil: unknown, so that
	// the peer has to be asked.
	Fields map[string]string `json:"f,omitempty"`
	// Foreign says that the account was not made by us: of what is unknown, nothing is removed.
	Foreign bool `json:"x,omitempty"`
	// Fill says that the members beyond After have not been written yet.
	Fill  bool       `json:"m,omitempty"`
	After target.Num `json:"a,omitempty"`
	// Prune says that members which are none of ours have not been looked for yet.
	Prune bool `json:"p,omitempty"`
	// Missing are members that had no link.
	Missing []target.Num `json:"l,omitempty"`
}

// maxMissing bounds Missing. Beyond it all members are gone through again.
const maxMissing = 10_000

func decodeDigest(b []byte) digest {
	var d digest
	if err := json.Unmarshal(b, &d); err != nil || d.After < 0 {
		return digest{Fill: true, Prune: true}
	}
	return d
}

// former reports whether the link was made before the resource was deleted and came back as id.
func (d *digest) former(id string) bool { return d.ID != "" && d.ID != id }

func (d *digest) encode() []byte {
	b, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return nil // a struct of maps, numbers and strings of our own always encodes; nil is read as unknown
	}
	return b
}

// wrote notes that the peer has taken these fields, and no others that we know of.
func (d *digest) wrote(fields []field) {
	d.Fields, d.Foreign = make(map[string]string, len(fields)), false
	for _, f := range fields {
		d.Fields[f.key()] = f.hash()
	}
}

// doubt notes, before fields are written, that nobody knows what they are. If the answer is lost or we are
// killed, the directory may take the change back before the next attempt: the fields then equal what
// was written last, and would stay at the peer as they should not be.
func (d *digest) doubt(all, sets []field, removes []string) {
	if d.Fields == nil {
		if !d.Foreign {
			return // unknown altogether, and so read again
		}
		d.wrote(all)
	}
	for _, f := range sets {
		d.Fields[f.key()] = ""
	}
	for _, key := range removes {
		d.Fields[key] = ""
	}
}

// hash is equal for equal values; 96 bits.
func (f field) hash() string {
	b, err := json.Marshal(f.value, json.Deterministic(true))
	if err != nil {
		return "" // not for canonical values; equals no hash, so the field is written
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
