package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// desk is an audit over a real store, with a directory to have something to audit.
type desk struct {
	testing.TB
	audits
	path string
	db   *sqlite.DB
	dir  *directory.Directory
	key  ed25519.PrivateKey
	now  time.Time
	out  bytes.Buffer
}

// audits is the audit, whose name is also that of a method of tests.
type audits = *audit.Log

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{TB: t, path: filepath.Join(t.TempDir(), "muster.db"), now: began}
	docs := &audit.Documents{}
	docs.Use(bytes.Repeat([]byte{7}, 32))
	var err error
	d.db, err = sqlite.Open(t.Context(), d.path, sqlite.Options{Sealer: docs})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.db.Close()) })
	d.key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	clock := func() time.Time { return d.now }
	d.audits = audit.New(d.db, audit.Options{Now: clock, Key: d.key, Log: slog.New(slog.NewTextHandler(&d.out, nil))})
	d.dir = directory.New(d.db, directory.NewSet(), directory.Options{Now: clock})
	return d
}

func (d *desk) users() server.Store {
	return d.dir.Stores(directory.Caller{Tenant: store.Default, Source: store.DefaultSource, Actor: "token-1"})["User"]
}

func (d *desk) create(doc schema.Object) *server.Resource {
	d.Helper()
	r, err := d.users().Create(d.Context(), &server.Resource{Attrs: doc}, scim.NewDialect(scim.Compat()))
	assert.NoError(d, err)
	return r
}

func (d *desk) update(id string, change func(schema.Object)) {
	d.Helper()
	_, err := d.users().Update(d.Context(), id, &server.Edit{Dialect: scim.NewDialect(scim.Compat()), Apply: func(r *server.Resource) (*server.Resource, error) {
		next := *r
		next.Attrs = schema.Object{}
		maps.Copy(next.Attrs, r.Attrs)
		change(next.Attrs)
		return &next, nil
	}})
	assert.NoError(d, err)
}

func (d *desk) remove(id string) {
	d.Helper()
	assert.NoError(d, d.users().Delete(d.Context(), id, server.Cond{}))
}

func (d *desk) records(q audit.Query) (all []*audit.Record) {
	d.Helper()
	assert.NoError(d, d.Read(d.Context(), store.Default, q, func(r *audit.Record) error {
		all = append(all, r)
		return nil
	}))
	return all
}

// tamper does to the database what somebody with its file can.
func (d *desk) tamper(query string) {
	d.Helper()
	raw, err := sql.Open("sqlite", d.path)
	assert.NoError(d, err)
	_, err = raw.ExecContext(d.Context(), query)
	assert.NoError(d, err)
	assert.NoError(d, raw.Close())
	// A commit of its own makes the readers look again.
	_, err = d.db.FirstSecret(d.Context(), store.System, "tampered", []byte{1})
	assert.NoError(d, err)
}

// acts writes n records that are no changes.
func (d *desk) acts(n int) {
	d.Helper()
	for i := range n {
		assert.NoError(d, d.Write(d.Context(), store.Default, &store.Act{Action: "test.act", Result: "ok", Actor: "operator", Details: []store.Detail{{Name: "i", Value: fmt.Sprint(i)}}}))
	}
}

// TestSec_K01_K05_EveryChangeHasItsRecord: one for each change, in its order, saying who, what and from where.
//
// Rows: AUTH-76.
func TestSec_K01_K05_EveryChangeHasItsRecord(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ada := d.create(schema.Object{"userName": "ada", "title": "x", "name": schema.Object{"familyName": "Lovelace"}})
	d.update(ada.ID, func(o schema.Object) {
		o["title"] = "y"
		o["active"] = false
		o["name"] = schema.Object{"familyName": "Byron"}
	})
	d.update(ada.ID, func(schema.Object) {}) // changes nothing, and is no change
	d.remove(ada.ID)
	all := d.records(audit.Query{})
	changes, err := d.db.Changes(t.Context(), store.Default, 0, 100)
	assert.NoError(t, err)
	assert.Equal(t, len(all), len(changes))
	for i, r := range all {
		c := changes[i]
		assert.Equal(t, r.N, int64(i+1))
		assert.Equal(t, r.Change, c.Seq)
		assert.Equal(t, r.ID, c.ID)
		assert.Equal(t, r.Version, c.Version)
		assert.Equal(t, r.Actor, "token-1")
		assert.Equal(t, r.Source, store.DefaultSource)
		assert.Equal(t, r.At, c.At)
		assert.Equal(t, r.Result, "ok")
		if len(r.Digest) != 32 {
			t.Errorf("digest %q", r.Digest)
		}
	}
	assert.Equal(t, []string{all[0].Action, all[1].Action, all[2].Action}, []string{"create", "update", "delete"})
	attrs := slices.Clone(all[1].Attrs)
	slices.Sort(attrs)
	assert.Equal(t, attrs, []string{"active", "name.familyName", "title"})
	assert.Equal(t, all[1].EventNames(), []string{"updated", "deactivated"})
	for _, r := range all {
		for _, value := range []string{"Lovelace", "Byron", `"ada"`} { // a digest may have ada in it
			if bytes.Contains(r.Verbatim, []byte(value)) {
				t.Errorf("a value in %s", r.Verbatim)
			}
		}
	}
}

// TestSec_K01_NoRecordNoChange: what cannot be recorded does not happen.
func TestSec_K01_NoRecordNoChange(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.create(schema.Object{"userName": "ada"})
	// The next record's place is taken: its insert fails.
	d.tamper("INSERT INTO audit (tenant, n, at, hash, body) VALUES (1, 2, 0, x'00', x'00')")
	_, err := d.users().Create(t.Context(), &server.Resource{Attrs: schema.Object{"userName": "eve"}}, scim.NewDialect(scim.Compat()))
	assert.True(t, err != nil)
	head, err := d.db.Head(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, head.Seq, store.Seq(1))
	stats, err := d.db.Stats(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, stats.Users, int64(1))
}

// exported returns an export, and where its lines begin.
func (d *desk) exported(q audit.Query) []byte {
	d.Helper()
	var b bytes.Buffer
	assert.NoError(d, d.Export(d.Context(), &b, store.Default, "default", audit.JSONL, q))
	return b.Bytes()
}

// TestSec_K02_WhateverIsAltered: one flipped bit, a removed, a repeated, a swapped record or a lost tail is found, in the database
// and in an export, and the first bad record is named.
func TestSec_K02_WhateverIsAltered(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.acts(20)
	_, err := d.Checkpoint(t.Context(), store.Default)
	assert.NoError(t, err)
	d.acts(20)
	whole := d.exported(audit.Query{})
	v, err := audit.VerifyExport(bytes.NewReader(whole), nil)
	assert.NoError(t, err)
	assert.Equal(t, v.Bad, (*audit.BadError)(nil))
	assert.Equal(t, v.Records, int64(40))
	assert.Equal(t, v.Checkpoints, int64(2))

	lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
	bad := func(t testing.TB, lines [][]byte) int64 {
		t.Helper()
		v, err := audit.VerifyExport(bytes.NewReader(bytes.Join(lines, nil)), d.Public())
		if err != nil {
			return -1 // it is no export any more, which is seen too
		}
		if v.Bad == nil {
			t.Fatalf("not seen: %+v", v)
		}
		return v.Bad.N
	}
	t.Run("a bit", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(1, 40).Draw(rt, "record")
			copied := slices.Clone(lines)
			b := bytes.Clone(lines[n])
			i := rapid.IntRange(0, len(b)-2).Draw(rt, "byte")
			b[i] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			if b[i] == '\n' {
				rt.Skip()
			}
			copied[n] = b
			v, err := audit.VerifyExport(bytes.NewReader(bytes.Join(copied, nil)), d.Public())
			// What JSON does not mean, such as the case of a name of the line itself, changes no record.
			if err == nil && v.Bad == nil {
				rt.Fatalf("not seen in %s", b)
			}
			if err == nil && v.Bad.N != int64(n) && v.Bad.N != int64(n)+1 {
				rt.Fatalf("record %d was altered, %d is named: %s", n, v.Bad.N, v.Bad.Problem)
			}
		})
	})
	t.Run("removed", func(t *testing.T) {
		for n := 1; n <= 40; n++ {
			assert.Equal(t, bad(t, slices.Delete(slices.Clone(lines), n, n+1)), int64(n))
		}
	})
	t.Run("swapped", func(t *testing.T) {
		for n := 1; n < 40; n++ {
			s := slices.Clone(lines)
			s[n], s[n+1] = s[n+1], s[n]
			assert.Equal(t, bad(t, s), int64(n))
		}
	})
	t.Run("repeated", func(t *testing.T) {
		assert.Equal(t, bad(t, slices.Insert(slices.Clone(lines), 7, lines[7])), int64(8))
	})
	t.Run("tail", func(t *testing.T) {
		for n := 1; n <= 40; n++ {
			cut := append(slices.Clone(lines[:n]), lines[len(lines)-1]) // the end stays
			assert.Equal(t, bad(t, cut), int64(n))
			assert.Equal(t, bad(t, lines[:n]), int64(n))
		}
	})
	t.Run("in the database", func(t *testing.T) {
		for query, want := range map[string]int64{
			"UPDATE audit SET body = replace(body, 'test', 'fest') WHERE n = 17":                           17,
			"DELETE FROM audit WHERE n = 23":                                                               23,
			"DELETE FROM audit WHERE n > 38":                                                               39,
			"UPDATE head SET audit_n = 38, audit = (SELECT hash FROM audit WHERE n = 38) WHERE tenant = 1": 39,
		} {
			d := newDesk(t)
			d.acts(40)
			_, err := d.Checkpoint(t.Context(), store.Default)
			assert.NoError(t, err)
			v, err := d.Verify(t.Context(), store.Default)
			assert.NoError(t, err)
			assert.Equal(t, v.Bad, (*audit.BadError)(nil))
			d.tamper(query)
			v, err = d.Verify(t.Context(), store.Default)
			assert.NoError(t, err)
			if v.Bad == nil || v.Bad.N != want {
				t.Errorf("%s: %+v, want record %d", query, v.Bad, want)
			}
		}
	})
}

// TestSec_K03_RewrittenWhole: who rewrites everything, with a key of his own, contradicts a checkpoint that was kept elsewhere.
func TestSec_K03_RewrittenWhole(t *testing.T) {
	t.Parallel()
	d, forged := newDesk(t), newDesk(t)
	d.acts(10)
	kept, err := d.Checkpoint(t.Context(), store.Default)
	assert.NoError(t, err)
	if !strings.Contains(d.out.String(), fmt.Sprintf("%x", kept.Hash)) {
		t.Errorf("the checkpoint is not in the log: %s", d.out.String())
	}
	forged.now = began.Add(time.Second)
	forged.acts(12)
	text := forged.exported(audit.Query{})
	v, err := audit.VerifyExport(bytes.NewReader(text), nil)
	assert.NoError(t, err)
	assert.Equal(t, v.Bad, (*audit.BadError)(nil)) // by itself it is whole
	v, err = audit.VerifyExport(bytes.NewReader(text), nil, audit.Show(store.Default, kept, nil))
	assert.NoError(t, err)
	if v.Bad == nil || v.Bad.N != 10 {
		t.Errorf("against the checkpoint: %+v", v.Bad)
	}
	other := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	if v, err = audit.VerifyExport(bytes.NewReader(text), other); err != nil || v.Bad == nil {
		t.Errorf("against the key that is trusted: %+v, %v", v.Bad, err)
	}
	live, err := forged.Verify(t.Context(), store.Default, kept)
	assert.NoError(t, err)
	if live.Bad == nil || live.Bad.N != 10 {
		t.Errorf("in the database: %+v", live.Bad)
	}
}

// TestSec_K06_PrunedChainsVerify: what was kept long enough goes up to a checkpoint, and the rest verifies.
func TestSec_K06_PrunedChainsVerify(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.acts(10)
	_, err := d.Checkpoint(t.Context(), store.Default)
	assert.NoError(t, err)
	d.now = began.Add(100 * 24 * time.Hour)
	d.acts(10)
	_, err = d.Checkpoint(t.Context(), store.Default)
	assert.NoError(t, err)
	d.now = d.now.Add(time.Hour)
	d.acts(5)

	keep := audit.New(d.db, audit.Options{Now: func() time.Time { return d.now }, Key: d.key, Keep: func(context.Context, store.Tenant) time.Duration { return 90 * 24 * time.Hour }})
	assert.NoError(t, keep.Prune(t.Context()))
	all := d.records(audit.Query{})
	assert.Equal(t, all[0].N, int64(11))
	assert.Equal(t, len(all), 16)
	assert.Equal(t, all[15].Action, "audit.prune")
	v, err := d.Verify(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, v.Bad, (*audit.BadError)(nil))
	assert.Equal(t, v.Records, int64(16))
	v, err = audit.VerifyExport(bytes.NewReader(d.exported(audit.Query{})), d.Public())
	assert.NoError(t, err)
	assert.Equal(t, v.Bad, (*audit.BadError)(nil))
	// An export that goes on from an earlier one verifies too.
	v, err = audit.VerifyExport(bytes.NewReader(d.exported(audit.Query{After: 17})), d.Public())
	assert.NoError(t, err)
	assert.Equal(t, v.Bad, (*audit.BadError)(nil))
	assert.Equal(t, v.Records, int64(9))

	d.tamper("DELETE FROM audit WHERE n = 11")
	v, err = d.Verify(t.Context(), store.Default)
	assert.NoError(t, err)
	if v.Bad == nil {
		t.Error("more than was pruned is gone, and nobody sees it")
	}
}

// TestSec_K07_ErasedForGood: no table and no file has a value of somebody who was erased, the chain verifies, and whoever comes
// back begins anew.
func TestSec_K07_ErasedForGood(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const marker = "Zanzibar-Quux-4711"
	stays := d.create(schema.Object{"userName": "stays", "title": "Remains-0815"})
	ada := d.create(schema.Object{"userName": marker, "externalId": marker + "-ext", "title": marker, "emails": []any{schema.Object{"value": marker + "@x.example"}}})
	d.update(ada.ID, func(o schema.Object) { o["title"] = marker + "-2" })
	d.update(stays.ID, func(o schema.Object) { o["title"] = "Remains-4242" })
	rows, err := d.db.Changes(t.Context(), store.Default, 0, 10)
	assert.NoError(t, err)
	num := rows[1].Num
	act := &store.Act{At: d.now, Action: "person.erase", Result: "ok", Actor: "operator", Type: "User", ID: ada.ID}
	if err := d.db.Erase(t.Context(), store.Default, num, act); err == nil {
		t.Fatal("somebody who is still there was erased")
	}
	d.remove(ada.ID)
	raw, err := sql.Open("sqlite", d.path)
	assert.NoError(t, err)
	var sealed, shown int
	assert.NoError(t, raw.QueryRowContext(t.Context(), "SELECT count(before), coalesce(sum(instr(before, ?) > 0), 0) FROM change", []byte(marker)).Scan(&sealed, &shown))
	assert.NoError(t, raw.Close())
	if sealed < 3 || shown != 0 {
		t.Errorf("%d documents are kept, %d of them open", sealed, shown)
	}
	if before, _, err := d.db.Documents(t.Context(), store.Default, rows[2]); err != nil || !bytes.Contains(before, []byte(marker)) {
		t.Fatalf("before the erasure: %s, %v", before, err)
	}
	for range 2 { // again is no harm
		assert.NoError(t, d.db.Erase(t.Context(), store.Default, num, act))
	}
	before, after, err := d.db.Documents(t.Context(), store.Default, rows[2])
	assert.NoError(t, err)
	assert.Equal(t, len(before)+len(after), 0)
	for _, file := range []string{d.path, d.path + "-wal"} {
		b, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		assert.NoError(t, err)
		for _, text := range []string{marker, strings.ToLower(marker)} {
			if bytes.Contains(b, []byte(text)) {
				t.Errorf("%s in %s", text, filepath.Base(file))
			}
		}
	}
	v, err := d.Verify(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, v.Bad, (*audit.BadError)(nil))
	// Others keep what they have.
	stay, err := d.db.Changes(t.Context(), store.Default, 0, 10)
	assert.NoError(t, err)
	before, _, err = d.db.Documents(t.Context(), store.Default, stay[3])
	assert.NoError(t, err)
	assert.True(t, bytes.Contains(before, []byte("Remains-0815")))
	// By the same labels somebody new comes, not the same person.
	again := d.create(schema.Object{"userName": marker, "externalId": marker + "-ext"})
	last := d.records(audit.Query{Resource: again.ID})
	assert.Equal(t, last[0].Action, "create")
	assert.Equal(t, last[0].Person, "") // the same as its id: a new person
}

func TestSec_A18_E08_RefusalsAreGathered(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for i := range 100_000 {
		d.Refused(audit.Refusal{Tenant: store.Default, Status: 401, Reason: "unknown", Address: fmt.Sprintf("192.0.%d.%d", i/250%250, i%250), Method: "GET"}, "r")
	}
	for range 30 {
		d.Refused(audit.Refusal{Tenant: store.System, Status: 401, Reason: "tenant", Address: "192.0.2.1", Method: "GET"}, "r")
	}
	assert.NoError(t, d.Flush(t.Context()))
	all := d.records(audit.Query{})
	if len(all) > 250 {
		t.Errorf("%d records of one second", len(all))
	}
	var sum int64
	for _, r := range all {
		assert.Equal(t, r.Result, "refused")
		sum += r.Count
	}
	assert.Equal(t, sum, int64(100_000))
	assert.NoError(t, d.Flush(t.Context())) // nothing is written twice
	assert.Equal(t, len(d.records(audit.Query{})), len(all))
}

// TestSec_K08_Formats: golden lines, and what would break a parser stays inside its field.
func TestSec_K08_Formats(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	assert.NoError(t, d.Write(t.Context(), store.Default, &store.Act{
		Action: "update", Result: "refused", Reason: "a=b\\c\nd|e", Actor: "t1", Address: "192.0.2.1", Type: "User", ID: "u1", Change: 3,
		Events: store.EventUpdated | store.EventDeactivated, Attrs: []string{"active"}, Request: "r1",
	}))
	read := func(f audit.Format) string {
		var b bytes.Buffer
		assert.NoError(t, d.Export(t.Context(), &b, store.Default, "acme", f, audit.Query{}))
		return b.String()
	}
	assert.Equal(t, read(audit.CEF), `CEF:0|Muster|Muster|1|update|User update|5|rt=1772355600000 outcome=failure reason=a\=b\\c\nd|e suid=t1 `+
		`src=192.0.2.1 duid=u1 cs1Label=tenant cs1=acme cs2Label=record cs2=1 cs3Label=attributes cs3=active externalId=r1 cnt=1`+"\n")
	var e map[string]any
	assert.NoError(t, json.Unmarshal([]byte(read(audit.OCSF)), &e))
	for key, want := range map[string]any{
		"class_uid": 3007.0, "category_uid": 3.0, "activity_id": 5.0, "type_uid": 300705.0, "status_id": 2.0, "time": 1772355600000.0,
	} {
		assert.Equal(t, e[key], want, assert.Sprintf("%s", key))
	}
	assert.NoError(t, d.Write(t.Context(), store.Default, &store.Act{Action: "user|x\\y\nz", Result: audit.Done}))
	if text := read(audit.CEF); !strings.Contains(text, `CEF:0|Muster|Muster|1|user\|x\\y z|user\|x\\y z|3|rt=`) {
		t.Errorf("the header is not escaped: %s", text)
	}
	if err := d.Export(t.Context(), &bytes.Buffer{}, store.Default, "acme", "xml", audit.Query{}); err == nil {
		t.Error("xml was written")
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ada := d.create(schema.Object{"userName": "ada"})
	d.now = began.Add(time.Hour)
	eve := d.create(schema.Object{"userName": "eve"})
	d.update(ada.ID, func(o schema.Object) { o["title"] = "x" })
	d.acts(3)
	for _, c := range []struct {
		q    audit.Query
		want int
	}{
		{audit.Query{}, 6},
		{audit.Query{Resource: ada.ID}, 2},
		{audit.Query{Resource: eve.ID}, 1},
		{audit.Query{Actor: "token-1"}, 3},
		{audit.Query{Actor: "operator"}, 3},
		{audit.Query{Since: began.Add(time.Minute)}, 5},
		{audit.Query{Until: began.Add(time.Minute)}, 1},
		{audit.Query{Action: "test"}, 3},
		{audit.Query{Action: "create"}, 2},
		{audit.Query{Limit: 4}, 4},
		{audit.Query{After: 4}, 2},
	} {
		assert.Equal(t, len(d.records(c.q)), c.want, assert.Sprintf("%+v", c.q))
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, err := audit.ParseKey(base64.StdEncoding.EncodeToString(d.Public()) + "\n")
	assert.NoError(t, err)
	assert.Equal(t, audit.KeyName(k), audit.KeyName(d.Public()))
	if _, err := audit.ParseKey("AAAA"); err == nil {
		t.Error("three bytes are a key")
	}
}
