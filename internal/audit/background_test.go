package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
)

// TestSec_K02_ABrokenChainIsLoud: the hub finds it by itself, says which record it is, and goes on writing.
func TestSec_K02_ABrokenChainIsLoud(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.acts(2500)
	_, err := d.Checkpoint(t.Context(), store.Default)
	assert.NoError(t, err)
	for range 10 { // several times around
		assert.NoError(t, d.VerifySome(t.Context()))
	}
	assert.Equal(t, d.Broken(), (*audit.Broken)(nil))
	d.tamper("UPDATE audit SET body = replace(body, 'test.act', 'test.fact') WHERE n = 2100")
	for range 10 {
		assert.NoError(t, d.VerifySome(t.Context()))
	}
	b := d.Broken()
	if b == nil || b.Tenant != store.Default || b.N != 2100 {
		t.Fatalf("found %+v", b)
	}
	if n := strings.Count(d.out.String(), "the audit is broken"); n != 1 {
		t.Errorf("the log says so %d times", n)
	}
	d.acts(1)
}

// TestSec_K06_PruningIsNoAlarm: a chain that is pruned in the middle of its verification is verified anew.
func TestSec_K06_PruningIsNoAlarm(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for range 3 {
		d.acts(900)
		_, err := d.Checkpoint(t.Context(), store.Default)
		assert.NoError(t, err)
	}
	assert.NoError(t, d.VerifySome(t.Context())) // has read 1,000 of them
	d.now = began.Add(500 * 24 * time.Hour)
	assert.NoError(t, d.Prune(t.Context()))
	assert.Equal(t, d.records(audit.Query{})[0].N, int64(2701))
	for range 5 {
		assert.NoError(t, d.VerifySome(t.Context()))
	}
	assert.Equal(t, d.Broken(), (*audit.Broken)(nil))
}

// TestSec_A18_E08_AFloodIsSampled: while attempts of more kinds than can be told apart go on, records are written every ten
// seconds, and the counts are complete.
func TestSec_A18_E08_AFloodIsSampled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const seconds, each = 30, 1000
	for s := range seconds {
		for i := range each {
			d.Refused(audit.Refusal{Tenant: store.Tenant(1 + i%500), Status: 401, Reason: "unknown", Address: strings.Repeat("x", 1+i%700), Type: string(rune('a' + s%5))}, "r")
		}
		assert.NoError(t, d.FlushNow(t.Context()))
	}
	assert.NoError(t, d.Flush(t.Context()))
	records := 0
	for _, chain := range []store.Tenant{store.System, store.Default} {
		assert.NoError(t, d.Read(t.Context(), chain, audit.Query{}, func(*audit.Record) error { records++; return nil }))
	}
	if records > 4*400 {
		t.Errorf("%d records of %d attempts", records, seconds*each)
	}
}

// TestSec_K02_GrownChainsAreSigned: those that have grown, each once, and no others.
func TestSec_K02_GrownChainsAreSigned(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const tenants = 150
	assert.NoError(t, d.db.Write(t.Context(), store.System, &store.Op{Heavy: true, Decide: func(v store.View) (*store.Rows, error) {
		rows := &store.Rows{}
		for i := range tenants {
			rows.Tenants = append(rows.Tenants, &store.TenantRecord{Tenant: store.Tenant(v.NextNum()), Name: fmt.Sprint("t", i), State: store.TenantActive})
		}
		return rows, nil
	}}))
	for n := range tenants {
		assert.NoError(t, d.Write(t.Context(), store.Tenant(2+n), &store.Act{Action: "test.act"}))
	}
	for range 2 {
		assert.NoError(t, d.Sign(t.Context(), 1))
	}
	heads, err := d.db.AuditHeads(t.Context(), 1)
	assert.NoError(t, err)
	assert.Equal(t, len(heads), 0)
	for n := range tenants {
		all, err := d.db.Checkpoints(t.Context(), store.Tenant(2+n), 0, 10)
		assert.NoError(t, err)
		assert.Equal(t, len(all), 1)
	}
	none, err := d.db.Checkpoints(t.Context(), store.Default, 0, 10)
	assert.NoError(t, err)
	assert.Equal(t, len(none), 0)
}
