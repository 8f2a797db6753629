package audit_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
)

// BenchmarkVerify verifies 50,000 records, in the database and in an export. The figure that a million has to reach is 30 s, which is
// 30,000 ns a record.
func BenchmarkVerify(b *testing.B) {
	const n = 50_000
	d := newDesk(b)
	acts := make([]*store.Act, 0, 1000)
	for i := range n {
		acts = append(acts, &store.Act{
			At: began.Add(time.Duration(i) * time.Millisecond), Action: "update", Result: audit.Done, Actor: "01a23199-12e1-7c71-91e1-48c6ab88c027", Source: 1, Address: "192.0.2.17",
			Request: "01a23196-b8d6-783d-8ed9-84054859f482", Type: "User", ID: fmt.Sprintf("01a23196-b8d6-7def-9904-%012d", i), Version: 2, Change: store.Seq(i + 1),
			Digest: make([]byte, 16), Events: store.EventUpdated, Attrs: []string{"displayName", "name.familyName", "emails"},
		})
		if len(acts) == cap(acts) {
			assert.NoError(b, d.Write(b.Context(), store.Default, acts...))
			_, err := d.Checkpoint(b.Context(), store.Default)
			assert.NoError(b, err)
			acts = acts[:0]
		}
	}
	text := d.exported(audit.Query{})
	for name, verify := range map[string]func() (audit.Verdict, error){
		"database": func() (audit.Verdict, error) { return d.Verify(b.Context(), store.Default) },
		"export":   func() (audit.Verdict, error) { return audit.VerifyExport(bytes.NewReader(text), d.Public()) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				v, err := verify()
				assert.NoError(b, err)
				assert.Equal(b, v.Bad, (*audit.BadError)(nil))
				assert.Equal(b, v.Records, int64(n))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
		})
	}
}
