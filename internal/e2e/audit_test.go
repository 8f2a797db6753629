package e2e

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// hasRecords checks that the audit has exactly one record for each change of the feed, in its order, and that chain and values
// verify (K01).
func hasRecords(t *testing.T, h *hub, feed []change) (wrong []string) {
	t.Helper()
	n := 0
	for line := range bytes.Lines([]byte(muster(t, "audit", "show", "--data", h.dir, "--json", "--limit", "0"))) {
		var r struct {
			Action string `json:"action"`
			Change int64  `json:"change"`
			ID     string `json:"id"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if r.Action != "create" && r.Action != "update" && r.Action != "delete" {
			continue
		}
		if n >= len(feed) || r.Change != feed[n].Seq || r.ID != feed[n].ID {
			return append(wrong, fmt.Sprintf("the audit has %s, which is not change %d of the feed", line, n+1))
		}
		n++
	}
	if n != len(feed) {
		wrong = append(wrong, fmt.Sprintf("%d changes, %d records of changes", len(feed), n))
	}
	var v struct {
		Values int            `json:"values"`
		Bad    jsontext.Value `json:"bad"`
	}
	out := muster(t, "audit", "verify", "--data", h.dir, "--values", "--json")
	if err := json.Unmarshal([]byte(out), &v); err != nil || v.Bad != nil || v.Values != n {
		wrong = append(wrong, "the audit does not verify: "+out)
	}
	return wrong
}
