package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Act is one thing that was done, or refused, as the audit of a tenant keeps it. It holds no value of an attribute: a change
// is named by its number, its values by a digest that nobody can make without the person's key. Of a change, the store makes
// the Act itself and writes it in the same transaction; of everything else, whoever does it hands it in as Rows.Audit.
type Act struct {
	At       time.Time
	Action   string // "create", "update" and "delete" of resources; else noun and verb: "token.create"
	Result   string // "ok" or "refused"
	Reason   string // why: of a refusal its kind, else a rule, a plan, the words of a person
	Actor    string // id of the token, or the component: "operator", "guard"
	Source   Source // on whose behalf; 0: nobody's
	Address  string // of the client
	Request  string // id of the request
	Type, ID string // of what it was done to; ID by outside name
	Person   string // of a resource: the id that stays over a rehire
	Version  int64  // of a resource afterwards
	Change   Seq    // the change of the feed; 0: none
	Digest   []byte // of its values
	Events   Events
	Lane     Lane
	Attrs    []string // names of the attributes that came, went or changed
	Added    int      // edges
	Removed  int
	Count    int64 // how many equal refusals this stands for; 0: one
	Details  []Detail
}

// Who acts without a token: the person at the command line of the hub, and the hub by itself.
const (
	Operator = "operator"
	Self     = "muster"
)

// Detail is one more fact about an Act, without personal data.
type Detail struct{ Name, Value string }

// AuditRecord is an Act in its place in the chain of a tenant.
type AuditRecord struct {
	N    int64 // from 1, without gaps
	Hash [sha256.Size]byte
	Body []byte // what Act.Append makes
}

// Append appends the canonical form of the record number n: JSON with the names in this order, without those that have no value.
// It is what the chain is made over, so it never changes for what is written.
func (a *Act) Append(b []byte, n int64) []byte {
	w := bodyWriter{append(b, '{')}
	w.number("n", n)
	w.text("at", a.At.UTC().Format("2006-01-02T15:04:05.000Z"))
	w.text("action", a.Action)
	w.text("result", a.Result)
	w.text("reason", a.Reason)
	w.text("actor", a.Actor)
	w.number("source", int64(a.Source))
	w.text("address", a.Address)
	w.text("request", a.Request)
	w.text("type", a.Type)
	w.text("id", a.ID)
	if a.Person != a.ID {
		w.text("person", a.Person)
	}
	w.number("version", a.Version)
	w.number("change", int64(a.Change))
	w.text("digest", hex.EncodeToString(a.Digest))
	w.number("events", int64(a.Events))
	w.number("lane", int64(a.Lane))
	if len(a.Attrs) > 0 {
		w.name("attrs")
		for i, name := range a.Attrs {
			w.b = append(w.b, "[,"[min(i, 1)])
			w.quote(name)
		}
		w.b = append(w.b, ']')
	}
	w.number("added", int64(a.Added))
	w.number("removed", int64(a.Removed))
	w.number("count", a.Count)
	if len(a.Details) > 0 {
		w.name("details")
		w.b = append(w.b, '{')
		for i, d := range a.Details {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.quote(d.Name)
			w.b = append(w.b, ':')
			w.quote(d.Value)
		}
		w.b = append(w.b, '}')
	}
	return append(w.b, '}')
}

type bodyWriter struct{ b []byte }

func (w *bodyWriter) name(s string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), s...), '"', ':')
}

// quote appends a string; the error is that of invalid UTF-8, which is replaced.
func (w *bodyWriter) quote(s string) { w.b, _ = jsontext.AppendQuote(w.b, s) }

func (w *bodyWriter) text(name, s string) {
	if s != "" {
		w.name(name)
		w.quote(s)
	}
}

func (w *bodyWriter) number(name string, n int64) {
	if n != 0 {
		w.name(name)
		w.b = strconv.AppendInt(w.b, n, 10)
	}
}

// Chain returns the hash of a record: that of the one before it and its body. The first record follows 32 zero bytes.
func Chain(before [sha256.Size]byte, body []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(before[:])
	h.Write(body)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}

// AuditHead is the end of a tenant's chain.
type AuditHead struct {
	Tenant  Tenant
	N       int64 // of the last record; 0: none
	Hash    [sha256.Size]byte
	Checked int64 // of the last checkpoint
}

// Checkpoint is a signed place of a chain. Records up to it may be pruned; the chain is then verified from its hash on.
type Checkpoint struct {
	N         int64
	At        time.Time
	Hash      [sha256.Size]byte
	Key       string // names the key that signed
	Signature []byte
}

// AuditQuery says which records are read.
type AuditQuery struct {
	After        int64     // only those with a greater number
	Since, Until time.Time // only those at or after the one, and before the other; zero: whenever
	Match        string    // only those whose body has this text somewhere
}

// Audit reads and prunes the chains. They grow by Rows.
type Audit interface {
	// AuditHead returns the end of a tenant's chain.
	AuditHead(ctx context.Context, t Tenant) (AuditHead, error)
	// AuditHeads returns the ends of the chains that have at least so many records behind their last checkpoint; 0: of all that
	// have any record.
	AuditHeads(ctx context.Context, behind int64) ([]AuditHead, error)
	// AuditRecords returns up to limit records, in order.
	AuditRecords(ctx context.Context, t Tenant, q AuditQuery, limit int) ([]AuditRecord, error)
	// Checkpoints returns the checkpoints of a tenant beyond after, in order.
	Checkpoints(ctx context.Context, t Tenant, after int64, limit int) ([]Checkpoint, error)
	// PruneAudit removes the oldest records, about limit of them, but always up to and including one that a checkpoint has signed
	// and that is not younger than the instant; and the checkpoints before that one. It returns how many records; 0: none is left
	// to remove. The Act that act makes of the last number that is removed is written in the same transaction.
	PruneAudit(ctx context.Context, t Tenant, before time.Time, limit int, act func(upto int64) *Act) (int, error)
	// ChangeDigest computes the digest of a change, as the feed returns it, from what is kept of it now; nil: it was erased, or nothing
	// is sealed here.
	ChangeDigest(ctx context.Context, t Tenant, c *Change) ([]byte, error)
	// Former returns a resource by an outside id that it has or had, tombstones included; ErrNotFound.
	Former(ctx context.Context, t Tenant, id string) (*Resource, error)
	// Erase destroys the key of a resource that is deleted, and every value that changes keep of it, and writes the Act in the same
	// transaction. It may be called again. The files hold nothing of the values afterwards, unless a reader kept them from
	// being rewritten: then that is the error, and another call tries again. One that is not deleted: ErrAlive.
	Erase(ctx context.Context, t Tenant, n Num, act *Act) error
}

// Sealer seals the documents that changes keep. Each resource has a key, made by the store, which is in no other place than its
// row; what is sealed under it is lost with it.
type Sealer interface {
	Seal(t Tenant, key, document []byte) []byte
	Open(t Tenant, key, sealed []byte) ([]byte, error)
	// Digest returns a digest of documents that tells nothing without the key.
	Digest(t Tenant, key []byte, documents ...[]byte) []byte
}

// PersonKey is the length of a resource's key, in bytes.
const PersonKey = 32
