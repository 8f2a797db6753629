package audit_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
)

// TestSec_K02_VerificationIsFast: a million records take less than 30 s, in the database and in an export. MUSTER_AUDIT_RECORDS sets
// how many there are; a test of everyday takes a twentieth, and a twentieth of the time.
func TestSec_K02_VerificationIsFast(t *testing.T) {
	n := 50_000
	if s := os.Getenv("MUSTER_AUDIT_RECORDS"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		assert.NoError(t, err)
	}
	limit := time.Duration(n) * 30 * time.Second / 1_000_000
	d := newDesk(t)
	acts := make([]*store.Act, 0, 1000)
	for i := range n {
		acts = append(acts, &store.Act{
			At: began.Add(time.Duration(i) * time.Millisecond), Action: "update", Result: audit.Done, Actor: "01a23199-12e1-7c71-91e1-48c6ab88c027", Source: 1, Address: "192.0.2.17",
			Request: "01a23196-b8d6-783d-8ed9-84054859f482", Type: "User", ID: fmt.Sprintf("01a23196-b8d6-7def-9904-%012d", i), Version: 2, Change: store.Seq(i + 1),
			Digest: make([]byte, 16), Events: store.EventUpdated, Attrs: []string{"displayName", "name.familyName", "emails"},
		})
		if len(acts) == cap(acts) || i == n-1 {
			assert.NoError(t, d.Write(t.Context(), store.Default, acts...))
			_, err := d.Checkpoint(t.Context(), store.Default)
			assert.NoError(t, err)
			acts = acts[:0]
		}
	}
	for name, verify := range map[string]func() (audit.Verdict, error){
		"database": func() (audit.Verdict, error) { return d.Verify(t.Context(), store.Default) },
		"export": func() (audit.Verdict, error) {
			text := d.exported(audit.Query{})
			began := time.Now()
			v, err := audit.VerifyExport(bytes.NewReader(text), d.Public())
			t.Logf("export of %d MiB: verified in %v", len(text)>>20, time.Since(began))
			return v, err
		},
	} {
		began := time.Now()
		v, err := verify()
		took := time.Since(began)
		assert.NoError(t, err)
		assert.Equal(t, v.Bad, (*audit.BadError)(nil))
		assert.Equal(t, v.Records, int64(n))
		t.Logf("%s: %d records in %v", name, n, took)
		if took > limit {
			t.Errorf("%s: %d records took %v, more than %v", name, n, took, limit)
		}
	}
}
