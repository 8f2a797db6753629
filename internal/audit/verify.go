package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/muster-id/muster/internal/store"
)

// Message is what a checkpoint of a tenant's chain signs.
func Message(t store.Tenant, c store.Checkpoint) []byte {
	b := []byte("muster audit checkpoint 1\n")
	b = binary.BigEndian.AppendUint64(b, uint64(t))
	b = binary.BigEndian.AppendUint64(b, uint64(c.N))
	b = binary.BigEndian.AppendUint64(b, uint64(c.At.UnixMilli()))
	return append(b, c.Hash[:]...)
}

// KeyName names a public key: the first bytes of its SHA-256 in hexadecimal.
func KeyName(k ed25519.PublicKey) string {
	sum := sha256.Sum256(k)
	return hex.EncodeToString(sum[:8])
}

// actPrune is the action of the record that says which records were removed with their time.
const actPrune = "audit.prune"

var pruneMark = []byte(`"action":"` + actPrune + `"`)

// BadError is the first place at which a chain is not what was written.
type BadError struct {
	N       int64  `json:"n"` // of the record
	Problem string `json:"problem"`
}

func (e *BadError) Error() string { return fmt.Sprintf("record %d: %s", e.N, e.Problem) }

// Chain verifies the records of a tenant one after the other.
type Chain struct {
	Tenant store.Tenant
	// Keys are the public keys that checkpoints may be signed with, by name. Without any, signatures are not looked at.
	Keys map[string]ed25519.PublicKey

	// Whole says that the chain begins with record 1, or where pruning has left it, and not where a part of it does.
	Whole bool

	begun   bool
	from    int64 // the records up to this one are not there
	pruned  int64 // those up to this one were pruned, as a record says
	n       int64
	hash    [sha256.Size]byte
	pending []store.Checkpoint // that are still to come, in order
	records int64
	met     int64 // checkpoints
}

// Expect adds checkpoints that the chain has to pass, in order of their numbers. One that lies directly before the first record
// is where a pruned chain begins.
func (c *Chain) Expect(list ...store.Checkpoint) error {
	for _, p := range list {
		if err := c.signed(p); err != nil {
			return err
		}
		c.pending = append(c.pending, p)
	}
	return nil
}

func (c *Chain) signed(p store.Checkpoint) error {
	if len(c.Keys) == 0 {
		return nil
	}
	key, ok := c.Keys[p.Key]
	if !ok {
		return &BadError{p.N, "its checkpoint is signed with the unknown key " + p.Key}
	}
	if !ed25519.Verify(key, Message(c.Tenant, p), p.Signature) {
		return &BadError{p.N, "the signature of its checkpoint is wrong"}
	}
	return nil
}

// Add verifies the next record.
func (c *Chain) Add(r store.AuditRecord) error {
	if !c.begun {
		if err := c.begin(r); err != nil {
			return err
		}
	}
	if r.N != c.n+1 {
		return &BadError{c.n + 1, fmt.Sprintf("is missing: record %d comes next", r.N)}
	}
	if sum := store.Chain(c.hash, r.Body); sum != r.Hash {
		return &BadError{r.N, "is not what was written: its hash does not follow from the record before it and its text"}
	}
	if n, ok := numberOf(r.Body); !ok || n != r.N {
		return &BadError{r.N, "names another number in its text"}
	}
	c.n, c.hash = r.N, r.Hash
	c.records++
	if bytes.Contains(r.Body, pruneMark) {
		if rec, err := Decode(r); err == nil && rec.Action == actPrune {
			upto, _ := strconv.ParseInt(rec.Details["upto"], 10, 64)
			c.pruned = max(c.pruned, upto)
		}
	}
	return c.pass()
}

// begin finds what comes before the first record.
func (c *Chain) begin(r store.AuditRecord) error {
	c.begun = true
	if r.N == 1 {
		return nil
	}
	for i, p := range c.pending {
		if p.N == r.N-1 {
			c.n, c.hash, c.pending, c.from = p.N, p.Hash, c.pending[i+1:], p.N
			c.met++
			return nil
		}
	}
	return &BadError{1, fmt.Sprintf("is missing: the chain begins with record %d, and no checkpoint says that what was before it was pruned", r.N)}
}

// pass compares the checkpoints at the place that is reached.
func (c *Chain) pass() error {
	for len(c.pending) > 0 && c.pending[0].N <= c.n {
		p := c.pending[0]
		c.pending = c.pending[1:]
		if p.N == c.n {
			if p.Hash != c.hash {
				return &BadError{p.N, "is not the one that its checkpoint has signed: it, or one before it, was rewritten"}
			}
			c.met++
		}
	}
	return nil
}

// numberOf reads the number that a canonical record begins with.
func numberOf(body []byte) (n int64, ok bool) {
	const begin = `{"n":`
	if len(body) < len(begin) || string(body[:len(begin)]) != begin {
		return 0, false
	}
	for _, d := range body[len(begin):] {
		if d < '0' || d > '9' {
			break
		}
		n, ok = n*10+int64(d-'0'), true
	}
	return n, ok
}

// Verdict is what a verification found.
type Verdict struct {
	Records     int64     `json:"records"`         // that are as they were written
	Last        int64     `json:"last"`            // number of the last of them
	Hash        string    `json:"hash"`            // of the last of them
	Checkpoints int64     `json:"checkpoints"`     // that were met
	Values      int64     `json:"values,omitzero"` // changes whose values are those of their record
	Erased      int64     `json:"erased,omitzero"` // changes whose values are gone with a person
	Bad         *BadError `json:"bad,omitzero"`
}

// End says that there are no more records, and what the end has to be; a negative number: it is not known.
func (c *Chain) End(n int64, hash [sha256.Size]byte) error {
	switch {
	case c.Whole && c.from > c.pruned:
		return &BadError{c.pruned + 1, fmt.Sprintf("is missing: the chain begins with record %d, and no record says that what was before it was pruned", c.from+1)}
	case n > c.n:
		return &BadError{c.n + 1, fmt.Sprintf("is missing: there were %d records, and the last ones are gone", n)}
	case n >= 0 && (n != c.n || hash != c.hash):
		return &BadError{c.n, "is not the last one that was written"}
	case len(c.pending) > 0 && c.pending[0].N > c.n:
		return &BadError{c.n + 1, fmt.Sprintf("is missing: a checkpoint names record %d", c.pending[0].N)}
	}
	return nil
}

// Verdict returns what was found up to now.
func (c *Chain) Verdict() Verdict {
	return Verdict{Records: c.records, Last: c.n, Hash: hex.EncodeToString(c.hash[:]), Checkpoints: c.met}
}
