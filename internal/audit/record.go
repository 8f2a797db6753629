package audit

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/store"
)

// Record is a record as it is read. docs/audit.md is the dictionary of its fields.
type Record struct {
	N        int64             `json:"n"`
	At       time.Time         `json:"at"`
	Action   string            `json:"action"`
	Result   string            `json:"result"`
	Reason   string            `json:"reason"`
	Actor    string            `json:"actor"`
	Source   store.Source      `json:"source"`
	Address  string            `json:"address"`
	Request  string            `json:"request"`
	Type     string            `json:"type"`
	ID       string            `json:"id"`
	Person   string            `json:"person"`
	Version  int64             `json:"version"`
	Change   store.Seq         `json:"change"`
	Digest   string            `json:"digest"`
	Events   store.Events      `json:"events"`
	Lane     store.Lane        `json:"lane"`
	Attrs    []string          `json:"attrs"`
	Added    int               `json:"added"`
	Removed  int               `json:"removed"`
	Count    int64             `json:"count"`
	Details  map[string]string `json:"details"`
	Hash     [32]byte          `json:"-"`
	Verbatim jsontext.Value    `json:"-"` // what the chain is made over
}

// What Result says.
const (
	Done    = "ok"
	Refused = "refused"
)

// Decode reads a stored record.
func Decode(r store.AuditRecord) (*Record, error) {
	rec := &Record{Hash: r.Hash, Verbatim: r.Body}
	if err := json.Unmarshal(r.Body, rec); err != nil {
		return nil, fmt.Errorf("record %d: %w", r.N, err)
	}
	return rec, nil
}

// OfChange reports whether it is the record of a change. Others, such as that of a hold, may name a change too.
func (r *Record) OfChange() bool {
	return r.Change != 0 && (r.Action == "create" || r.Action == "update" || r.Action == "delete")
}

// eventNames are the names of the events of a change, in the order of their bits.
var eventNames = []string{"created", "updated", "activated", "deactivated", "reactivated", "rehired", "deleted"}

// EventNames returns the events of a record, without the type of the resource: "deactivated".
func (r *Record) EventNames() []string {
	var names []string
	for i, name := range eventNames {
		if r.Events&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
