package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/store"
)

// Format is a form in which records leave.
type Format string

// The formats.
const (
	JSONL Format = "jsonl" // as they are, with their hashes: what Verify of a file reads
	OCSF  Format = "ocsf"  // Open Cybersecurity Schema Framework, identity and access management
	CEF   Format = "cef"   // ArcSight Common Event Format
)

// Query says which records are meant. The zero value is all of them.
type Query struct {
	After        int64 // only those with a greater number
	Since, Until time.Time
	Actor        string // id of a token, or a component
	Resource     string // id of a resource or person
	Action       string
	Limit        int    // 0: all
	OCSF         string // version of OCSF that is wanted. Defaults to DefaultOCSF
}

func (q *Query) has(r *Record) bool {
	return (q.Since.IsZero() || !r.At.Before(q.Since)) && (q.Until.IsZero() || r.At.Before(q.Until)) &&
		(q.Actor == "" || r.Actor == q.Actor) && (q.Resource == "" || r.ID == q.Resource || r.Person == q.Resource) &&
		(q.Action == "" || r.Action == q.Action || strings.HasPrefix(r.Action, q.Action+"."))
}

// whole reports whether the records that match are a chain without holes.
func (q *Query) whole() bool {
	return q.Since.IsZero() && q.Until.IsZero() && q.Actor == "" && q.Resource == "" && q.Action == ""
}

// Read hands the records that match to emit, in order.
func (l *Log) Read(ctx context.Context, t store.Tenant, q Query, emit func(*Record) error) error {
	rows := store.AuditQuery{After: q.After, Since: q.Since, Until: q.Until, Match: q.Resource} // a text that is in every body that matches
	if rows.Match == "" {
		rows.Match = q.Actor
	}
	for left := q.Limit; ; {
		page, err := l.store.AuditRecords(ctx, t, rows, readPage)
		if err != nil {
			return err
		}
		for _, r := range page {
			rows.After = r.N
			rec, err := Decode(r)
			if err != nil {
				return err
			}
			if !q.has(rec) {
				continue
			}
			if err := emit(rec); err != nil {
				return err
			}
			if left--; left == 0 {
				return nil
			}
		}
		if len(page) < readPage {
			return nil
		}
	}
}

// line is a line of an export as JSON lines: one of the three.
type line struct {
	Begin  *exportBegin   `json:"begin,omitzero"`
	Hash   string         `json:"hash,omitzero"`
	Record jsontext.Value `json:"record,omitzero"`
	End    *exportEnd     `json:"end,omitzero"`
}

type exportBegin struct {
	Format      string            `json:"format"`
	Tenant      int64             `json:"tenant"`
	Name        string            `json:"name"`
	At          time.Time         `json:"at"`
	Whole       bool              `json:"whole"`            // a chain without holes, so it can be verified
	After       int64             `json:"after,omitzero"`   // the records up to this one are in an earlier export
	Keys        map[string]string `json:"keys"`             // public keys by name, in base64
	Sources     map[string]string `json:"sources,omitzero"` // names by number
	Checkpoints []CheckpointShown `json:"checkpoints,omitempty"`
}

// exportEnd is the manifest: what was exported, signed.
type exportEnd struct {
	Records int64           `json:"records"`
	Last    int64           `json:"last"`
	Signed  CheckpointShown `json:"signed"` // the end of the chain at the time of the export
}

const exportFormat = "muster audit 1"

// CheckpointShown is a checkpoint in text.
type CheckpointShown struct {
	Tenant    int64     `json:"tenant"`
	N         int64     `json:"n"`
	At        time.Time `json:"at"`
	Hash      string    `json:"hash"`
	Key       string    `json:"key"`
	PublicKey string    `json:"publicKey,omitzero"`
	Signature string    `json:"signature"`
}

// Show returns a checkpoint in text.
func Show(t store.Tenant, c store.Checkpoint, key ed25519.PublicKey) CheckpointShown {
	s := CheckpointShown{
		Tenant: int64(t), N: c.N, At: c.At, Hash: hex.EncodeToString(c.Hash[:]), Key: c.Key, Signature: hex.EncodeToString(c.Signature),
	}
	if key != nil {
		s.PublicKey = base64.StdEncoding.EncodeToString(key)
	}
	return s
}

// Parse reads a checkpoint from text.
func (s CheckpointShown) Parse() (c store.Checkpoint, err error) {
	c = store.Checkpoint{N: s.N, At: s.At.UTC(), Key: s.Key}
	if c.Hash, err = ParseHash(s.Hash); err == nil {
		c.Signature, err = hex.DecodeString(s.Signature)
	}
	if err != nil {
		return c, fmt.Errorf("checkpoint of record %d: %w", s.N, err)
	}
	return c, nil
}

// ParseCheckpoints reads checkpoints as JSON, one behind the other.
func ParseCheckpoints(text []byte) (all []CheckpointShown, err error) {
	in := jsontext.NewDecoder(bytes.NewReader(text))
	for in.PeekKind() != 0 {
		var s CheckpointShown
		if err := json.UnmarshalDecode(in, &s); err != nil {
			return nil, err
		}
		if _, err := s.Parse(); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, errors.New("no checkpoint is in it")
	}
	return all, nil
}

// Export writes the records that match. name is that of the tenant.
func (l *Log) Export(ctx context.Context, w io.Writer, t store.Tenant, name string, f Format, q Query) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var err error
	switch f {
	case JSONL:
		err = l.exportLines(ctx, out, t, name, q)
	case OCSF:
		var o *ocsf
		if o, err = newOCSF(q.OCSF, name); err == nil {
			err = l.Read(ctx, t, q, func(r *Record) error {
				member, err := l.member(ctx, t, r)
				if err != nil {
					return err
				}
				return writeLine(out, o.event(r, member))
			})
		}
	case CEF:
		err = l.Read(ctx, t, q, func(r *Record) error {
			_, err := io.WriteString(out, cef(r, name)+"\n")
			return err
		})
	default:
		err = fmt.Errorf("there is no format %q; there are %s, %s and %s", f, JSONL, OCSF, CEF)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func writeLine(w *bufio.Writer, v any) error {
	if err := json.MarshalWrite(w, v, json.Deterministic(true)); err != nil {
		return err
	}
	return w.WriteByte('\n')
}

func (l *Log) exportLines(ctx context.Context, w *bufio.Writer, t store.Tenant, name string, q Query) error {
	l.reading.RLock()
	defer l.reading.RUnlock()
	signed, err := l.Checkpoint(ctx, t)
	if err != nil {
		return err
	}
	begin := exportBegin{Format: exportFormat, Tenant: int64(t), Name: name, At: l.now(), Whole: q.whole(), After: q.After, Keys: map[string]string{}}
	if t != store.System {
		sources, err := l.store.Sources(ctx, t)
		if err != nil {
			return err
		}
		begin.Sources = map[string]string{}
		for _, s := range sources {
			begin.Sources[strconv.FormatInt(int64(s.Source), 10)] = s.Name
		}
	}
	for k, public := range l.keys() {
		begin.Keys[k] = base64.StdEncoding.EncodeToString(public)
	}
	all, err := l.store.Checkpoints(ctx, t, q.After, 1_000_000)
	if err != nil {
		return err
	}
	if q.After > 0 { // an export that goes on begins where a signature says what was before
		from, err := l.at(ctx, t, q.After)
		if err != nil {
			return err
		}
		all = append([]store.Checkpoint{from}, all...)
	}
	for _, c := range all {
		begin.Checkpoints = append(begin.Checkpoints, Show(t, c, nil))
	}
	if err := writeLine(w, line{Begin: &begin}); err != nil {
		return err
	}
	end := exportEnd{Last: q.After, Signed: Show(t, signed, nil)}
	err = l.Read(ctx, t, q, func(r *Record) error {
		if r.N > signed.N {
			return errEnough
		}
		end.Records, end.Last = end.Records+1, r.N
		return writeLine(w, line{Hash: hex.EncodeToString(r.Hash[:]), Record: r.Verbatim})
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return writeLine(w, line{End: &end})
}

// at signs the place of a record.
func (l *Log) at(ctx context.Context, t store.Tenant, n int64) (c store.Checkpoint, err error) {
	page, err := l.store.AuditRecords(ctx, t, store.AuditQuery{After: n - 1}, 1)
	if err != nil {
		return c, err
	}
	if len(page) == 0 || page[0].N != n {
		return c, fmt.Errorf("there is no record %d (any more)", n)
	}
	c = store.Checkpoint{N: n, At: l.now(), Hash: page[0].Hash, Key: KeyName(l.Public())}
	c.Signature = ed25519.Sign(l.o.Key, Message(t, c))
	return c, nil
}

var errEnough = errors.New("enough")

// VerifyExport verifies an export as JSON lines, without any database. trusted are checkpoints that were kept elsewhere, and key
// the public key that the reader trusts; without it, the one in the export is taken, which proves only that the file is whole.
func VerifyExport(r io.Reader, key ed25519.PublicKey, trusted ...CheckpointShown) (Verdict, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	var c Chain
	var end *exportEnd
	verdict := func(err error) (Verdict, error) {
		v := c.Verdict()
		if bad, ok := errors.AsType[*BadError](err); ok {
			v.Bad = bad
			return v, nil
		}
		return v, err
	}
	for n := 1; lines.Scan(); n++ {
		var ln line
		if err := json.Unmarshal(lines.Bytes(), &ln); err != nil {
			if n > 1 { // somebody touched it
				return verdict(&BadError{c.n + 1, "is not JSON"})
			}
			return Verdict{}, fmt.Errorf("line %d: %w", n, err)
		}
		switch {
		case n == 1:
			if err := c.open(ln.Begin, key, trusted); err != nil {
				return verdict(err)
			}
		case end != nil:
			return verdict(&BadError{c.n + 1, "stands behind the end"})
		case ln.End != nil:
			end = ln.End
		default:
			hash, err := ParseHash(ln.Hash)
			if err != nil {
				return verdict(&BadError{c.n + 1, "has no hash"})
			}
			num, _ := numberOf(ln.Record)
			if err := c.Add(store.AuditRecord{N: num, Hash: hash, Body: ln.Record}); err != nil {
				return verdict(err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return Verdict{}, err
	}
	if end == nil {
		return verdict(&BadError{c.n + 1, "is missing: the export has no end"})
	}
	signed, err := end.Signed.Parse()
	if err != nil {
		return verdict(&BadError{end.Signed.N, err.Error()})
	}
	if err := c.signed(signed); err != nil {
		return verdict(err)
	}
	return verdict(c.End(signed.N, signed.Hash))
}

// open begins the verification of an export.
func (c *Chain) open(b *exportBegin, key ed25519.PublicKey, trusted []CheckpointShown) error {
	if b == nil || b.Format != exportFormat {
		return fmt.Errorf("this is no export of an audit as %s", JSONL)
	}
	if !b.Whole {
		return errors.New("the export has only some of the records, as it was asked for: only a whole one can be verified")
	}
	c.Tenant, c.Keys, c.Whole = store.Tenant(b.Tenant), map[string]ed25519.PublicKey{}, b.After == 0
	if key != nil {
		c.Keys[KeyName(key)] = key
	} else {
		for name, text := range b.Keys {
			k, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(k) != ed25519.PublicKeySize {
				return fmt.Errorf("the key %s in the export is none", name)
			}
			c.Keys[name] = k
		}
	}
	var own, kept []store.Checkpoint
	for i, s := range append(append([]CheckpointShown{}, b.Checkpoints...), trusted...) {
		p, err := s.Parse()
		if err != nil {
			return err
		}
		if i < len(b.Checkpoints) {
			own = append(own, p)
		} else {
			kept = append(kept, p)
		}
	}
	return c.Expect(merge(own, kept)...)
}

// ParseKey reads a public key in base64.
func ParseKey(text string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, errors.New("not an ed25519 public key in base64, as \"muster audit checkpoint\" shows it")
	}
	return b, nil
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

var (
	cefHeader = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\n", " ", "\r", " ")
	cefValue  = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\n", `\n`, "\r", `\r`)
)

// cef makes a line of the Common Event Format.
func cef(r *Record, tenant string) string {
	severity := "3"
	if r.Result != "ok" {
		severity = "5"
	}
	var b strings.Builder
	b.WriteString("CEF:0|Muster|Muster|1|" + cefHeader.Replace(r.Action) + "|" + cefHeader.Replace(title(r)) + "|" + severity + "|")
	field := func(name, value string) {
		if value == "" {
			return
		}
		if s := b.String(); s[len(s)-1] != '|' {
			b.WriteByte(' ')
		}
		b.WriteString(name + "=" + cefValue.Replace(value))
	}
	field("rt", strconv.FormatInt(r.At.UnixMilli(), 10))
	field("outcome", map[bool]string{true: "success", false: "failure"}[r.Result == "ok"])
	field("reason", r.Reason)
	field("suid", r.Actor)
	field("src", r.Address)
	field("duid", r.ID)
	field("cs1Label", "tenant")
	field("cs1", tenant)
	field("cs2Label", "record")
	field("cs2", strconv.FormatInt(r.N, 10))
	if len(r.Attrs) > 0 {
		field("cs3Label", "attributes")
		field("cs3", strings.Join(r.Attrs, ","))
	}
	field("externalId", r.Request)
	field("cnt", strconv.FormatInt(max(r.Count, 1), 10))
	return b.String()
}

func title(r *Record) string {
	if r.Type == "" {
		return r.Action
	}
	return r.Type + " " + r.Action
}
