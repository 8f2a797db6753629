package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

var directoryCaller = directory.Caller{Tenant: store.Default, Source: store.DefaultSource, Actor: "token-1"}

// TestSec_K01_ModelOfRecords: whatever is written, in whatever order, refused and failed writes included, each change has exactly one
// record that says the same, and nothing else has one.
func TestSec_K01_ModelOfRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t)
		var ids []string
		users, dialect := d.users(), scim.NewDialect(scim.Compat())
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			pick := func() string {
				if len(ids) == 0 {
					return "nobody"
				}
				return rapid.SampledFrom(ids).Draw(rt, "id")
			}
			var err error
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				var r *server.Resource
				name := fmt.Sprint("u", rapid.IntRange(0, 9).Draw(rt, "name"))
				if r, err = users.Create(t.Context(), &server.Resource{Attrs: schema.Object{"userName": name}}, dialect); err == nil {
					ids = append(ids, r.ID)
				}
			case 1, 2:
				title := fmt.Sprint(rapid.IntRange(0, 2).Draw(rt, "title"))
				_, err = users.Update(t.Context(), pick(), &server.Edit{Dialect: dialect, Apply: func(r *server.Resource) (*server.Resource, error) {
					next := *r
					next.Attrs = schema.Object{"userName": r.Attrs["userName"], "title": title}
					return &next, nil
				}})
			case 3:
				err = users.Delete(t.Context(), pick(), server.Cond{})
			}
			if err != nil && scim.AsError(err) == nil {
				rt.Fatal(err)
			}
		}
		records := d.records(audit.Query{})
		changes, err := d.db.Changes(t.Context(), store.Default, 0, 1000)
		assert.NoError(t, err)
		assert.Equal(t, len(records), len(changes))
		for i, c := range changes {
			r := records[i]
			action := map[store.Kind]string{store.Created: "create", store.Updated: "update", store.Deleted: "delete"}[c.Kind]
			if r.Change != c.Seq || r.Action != action || r.ID != c.ID || r.Version != c.Version || r.Events != c.Events || r.Actor != c.Actor || !r.At.Equal(c.At) {
				rt.Fatalf("change %+v has the record %s", c, r.Verbatim)
			}
		}
		v := audit.Verdict{}
		assert.NoError(t, d.VerifyValues(t.Context(), store.Default, &v))
		if v.Bad != nil || v.Values != int64(len(changes)) {
			rt.Fatalf("values: %+v of %d changes", v, len(changes))
		}
	})
}

// TestSec_K01_A503: a client is told that nothing was stored, and to try again.
func TestSec_K01_A503(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ada := d.create(schema.Object{"userName": "ada", "title": "x"})
	d.tamper("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no record'); END")
	for name, write := range map[string]func() error{
		"create": func() error {
			_, err := d.users().Create(t.Context(), &server.Resource{Attrs: schema.Object{"userName": "eve"}}, scim.NewDialect(scim.Compat()))
			return err
		},
		"delete": func() error { return d.users().Delete(t.Context(), ada.ID, server.Cond{}) },
		"act":    func() error { return d.Write(t.Context(), store.Default, &store.Act{Action: "test.act"}) },
	} {
		err := write()
		if !errors.Is(err, store.ErrAudit) {
			t.Errorf("%s: %v", name, err)
		}
		if e := scim.AsError(err); name != "act" && (e == nil || e.Status != http.StatusServiceUnavailable || e.RetryAfter == 0) {
			t.Errorf("%s: a client is told %v", name, err)
		}
	}
	head, err := d.db.Head(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, head.Seq, store.Seq(1))
	d.tamper("DROP TRIGGER full")
	d.remove(ada.ID)
	v, err := d.Verify(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, v.Bad, (*audit.BadError)(nil))
	assert.Equal(t, v.Records, int64(2))
}

// TestSec_K02_ValuesAgainstRecords: who alters the feed and leaves the audit alone is found by the digests.
func TestSec_K02_ValuesAgainstRecords(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]int64{
		"UPDATE change SET before = (SELECT before FROM change WHERE seq = 3) WHERE seq = 2": 1, // what it left is the next one's before
		"UPDATE resource SET body = replace(body, '\"three\"', '\"drei\"')":                  3,
		"UPDATE change SET actor = 'somebody else' WHERE seq = 2":                            2,
		"DELETE FROM change WHERE seq = 2":                                                   1, // whose values it had
	} {
		d := newDesk(t)
		ada := d.create(schema.Object{"userName": "ada", "title": "one"})
		for _, title := range []string{"two", "three"} {
			d.update(ada.ID, func(o schema.Object) { o["title"] = title })
		}
		// A record that only names a change says nothing of its values.
		assert.NoError(t, d.Write(t.Context(), store.Default, &store.Act{Action: "guard.hold", Result: audit.Done, Actor: "guard", Change: 2}))
		var v audit.Verdict
		assert.NoError(t, d.VerifyValues(t.Context(), store.Default, &v))
		assert.Equal(t, v, audit.Verdict{Values: 3})
		d.tamper(query)
		assert.NoError(t, d.VerifyValues(t.Context(), store.Default, &v))
		if v.Bad == nil || v.Bad.N != want {
			t.Errorf("%s: %+v, want record %d", query, v.Bad, want)
		}
		chain, err := d.Verify(t.Context(), store.Default)
		assert.NoError(t, err)
		assert.Equal(t, chain.Bad, (*audit.BadError)(nil))
	}
}

// TestSec_K06_EachSliceEndsAtACheckpoint: a chain that is pruned in many slices verifies after each of them.
func TestSec_K06_EachSliceEndsAtACheckpoint(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for range 5 {
		d.acts(7)
		_, err := d.Checkpoint(t.Context(), store.Default)
		assert.NoError(t, err)
	}
	d.acts(3)
	d.now = began.Add(time.Hour)
	d.acts(5)
	_, err := d.Checkpoint(t.Context(), store.Default)
	assert.NoError(t, err)
	var slices []int
	for {
		n, err := d.db.PruneAudit(t.Context(), store.Default, began, 10, func(upto int64) *store.Act {
			return &store.Act{Action: "audit.prune", Details: []store.Detail{{Name: "upto", Value: fmt.Sprint(upto)}}}
		})
		assert.NoError(t, err)
		v, err := d.Verify(t.Context(), store.Default)
		assert.NoError(t, err)
		assert.Equal(t, v.Bad, (*audit.BadError)(nil))
		if n == 0 {
			break
		}
		slices = append(slices, n)
	}
	assert.Equal(t, slices, []int{7, 7, 7, 7, 7}) // not the three behind the last checkpoint
	assert.Equal(t, d.records(audit.Query{})[0].N, int64(36))
}

// TestSec_K06_HoldKeepsAll: a hold, or a time that cannot be told, removes nothing.
func TestSec_K06_HoldKeepsAll(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.acts(5)
	_, err := d.Checkpoint(t.Context(), store.Default)
	assert.NoError(t, err)
	d.now = began.Add(10_000 * 24 * time.Hour)
	clock := func() time.Time { return d.now }
	hold := audit.New(d.db, audit.Options{Now: clock, Keep: func(context.Context, store.Tenant) time.Duration { return 0 }})
	assert.NoError(t, hold.Prune(t.Context()))
	assert.Equal(t, len(d.records(audit.Query{})), 5)
	assert.NoError(t, audit.New(d.db, audit.Options{Now: clock}).Prune(t.Context())) // 400 days by default
	left := d.records(audit.Query{})
	assert.Equal(t, len(left), 1)
	assert.Equal(t, left[0].Action, "audit.prune")
}

// TestErase: by an id of before a rehire too; never somebody who is still there.
func TestErase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ada := d.create(schema.Object{"userName": "ada", "externalId": "e1"})
	assert.ErrorIs(t, d.Erase(t.Context(), store.Default, ada.ID, ""), store.ErrAlive)
	d.remove(ada.ID)
	again := d.create(schema.Object{"userName": "ada", "externalId": "e1"})
	assert.ErrorIs(t, d.Erase(t.Context(), store.Default, ada.ID, ""), store.ErrAlive) // the same person, back
	d.remove(again.ID)
	assert.ErrorIs(t, d.Erase(t.Context(), store.Default, "nobody", ""), store.ErrNotFound)
	assert.ErrorIs(t, d.Erase(t.Context(), store.Default+1, ada.ID, ""), store.ErrNotFound)
	assert.NoError(t, d.Erase(t.Context(), store.Default, ada.ID, "request 1"))
	var v audit.Verdict
	assert.NoError(t, d.VerifyValues(t.Context(), store.Default, &v))
	assert.Equal(t, v, audit.Verdict{Erased: 4})
	last := d.records(audit.Query{Action: "person.erase"})
	assert.Equal(t, len(last), 1)
	assert.Equal(t, last[0].ID, again.ID)
	assert.Equal(t, last[0].Person, ada.ID)
}

func TestParseCheckpoints(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.acts(1)
	c, err := d.Checkpoint(t.Context(), store.Default)
	assert.NoError(t, err)
	var b bytes.Buffer
	for range 2 {
		fmt.Fprintf(&b, `{"tenant":1,"n":%d,"at":%q,"hash":"%x","key":%q,"signature":"%x"}`+"\n", c.N, c.At.Format(time.RFC3339Nano), c.Hash, c.Key, c.Signature)
	}
	all, err := audit.ParseCheckpoints(b.Bytes())
	assert.NoError(t, err)
	assert.Equal(t, all, []audit.CheckpointShown{audit.Show(store.Default, c, nil), audit.Show(store.Default, c, nil)})
	for _, bad := range []string{"", "{", `{"n":1}`, strings.Replace(b.String(), `"hash":"`, `"hash":"z`, 1)} {
		if _, err := audit.ParseCheckpoints([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestSec_K07_NothingIsLeftInFreePages: documents that grew, shrank, moved from page to page and overflowed leave nothing behind,
// neither in the database nor in its log.
func TestSec_K07_NothingIsLeftInFreePages(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const marker = "Zanzibar-Quux-4711"
	var others []string
	for i := range 300 {
		others = append(others, d.create(schema.Object{"userName": fmt.Sprint("user", i), "title": strings.Repeat("x", i*7%900)}).ID)
	}
	ada := d.create(schema.Object{"userName": marker, "externalId": marker + "-ext", "emails": []any{schema.Object{"value": marker + "@x.example"}}})
	for i := range 60 {
		size := []int{1, 5000, 30, 900, 20_000, 2}[i%6]
		d.update(ada.ID, func(o schema.Object) {
			o["title"] = fmt.Sprint(marker, i)
			o["nickName"] = strings.Repeat(marker, size/len(marker))
			o["displayName"] = fmt.Sprint(marker, i%3)
		})
		d.update(others[i*5], func(o schema.Object) { o["nickName"] = strings.Repeat("y", 3000-size%2900) })
		if i%10 == 0 {
			d.remove(others[i*5])
		}
	}
	d.remove(ada.ID)
	assert.NoError(t, d.Erase(t.Context(), store.Default, ada.ID, ""))
	for _, file := range []string{d.path, d.path + "-wal"} {
		b, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		assert.NoError(t, err)
		for _, text := range []string{marker, strings.ToLower(marker)} {
			if i := bytes.Index(b, []byte(text)); i >= 0 {
				t.Errorf("%s: %s at %d, on page %d of %d", filepath.Base(file), text, i, i/4096+1, len(b)/4096)
			}
		}
	}
}

// TestSec_K02_MembersAgainstRecords: who came into a group is part of the digest.
func TestSec_K02_MembersAgainstRecords(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ada := d.create(schema.Object{"userName": "ada"})
	d.create(schema.Object{"userName": "eve"})
	groups, dialect := d.dir.Stores(directoryCaller)["Group"], scim.NewDialect(scim.Compat())
	g, err := groups.Create(t.Context(), &server.Resource{Attrs: schema.Object{"displayName": "all"}}, dialect)
	assert.NoError(t, err)
	_, err = groups.Update(t.Context(), g.ID, &server.Edit{Dialect: dialect, Links: []server.LinkEdit{{Relation: "members", Op: patch.LinkAdd, Refs: []patch.Ref{{Value: ada.ID}}}}})
	assert.NoError(t, err)
	var v audit.Verdict
	assert.NoError(t, d.VerifyValues(t.Context(), store.Default, &v))
	assert.Equal(t, v, audit.Verdict{Values: 4})
	d.tamper("UPDATE change_edge SET child = 2")
	assert.NoError(t, d.VerifyValues(t.Context(), store.Default, &v))
	if v.Bad == nil || v.Bad.N != 4 {
		t.Errorf("%+v", v.Bad)
	}
}

// TestSec_K06_MoreThanWasPruned: who removes old records up to a checkpoint, as pruning does, but without the record of it, is found.
func TestSec_K06_MoreThanWasPruned(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for range 3 {
		d.acts(10)
		_, err := d.Checkpoint(t.Context(), store.Default)
		assert.NoError(t, err)
		d.now = d.now.Add(190 * 24 * time.Hour)
	}
	assert.NoError(t, d.Prune(t.Context()))
	assert.Equal(t, d.records(audit.Query{})[0].N, int64(11))
	verify := func() *audit.BadError {
		t.Helper()
		v, err := d.Verify(t.Context(), store.Default)
		assert.NoError(t, err)
		export, err := audit.VerifyExport(bytes.NewReader(d.exported(audit.Query{})), d.Public())
		assert.NoError(t, err)
		assert.Equal(t, export.Bad, v.Bad)
		return v.Bad
	}
	assert.Equal(t, verify(), (*audit.BadError)(nil))
	d.tamper("DELETE FROM audit WHERE n <= 20")
	d.tamper("DELETE FROM audit_checkpoint WHERE n < 20")
	if bad := verify(); bad == nil || bad.N != 11 {
		t.Errorf("found %+v", bad)
	}
}
