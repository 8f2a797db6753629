package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// records returns the chain of a tenant, and checks that it is one.
func (f *fixture) records(t store.Tenant) []store.AuditRecord {
	f.t.Helper()
	list, err := f.AuditRecords(f.t.Context(), t, store.AuditQuery{}, 1_000_000)
	assert.NoError(f.t, err)
	var last [32]byte
	for i, r := range list {
		assert.Equal(f.t, r.N, int64(i+1))
		last = store.Chain(last, r.Body)
		assert.Equal(f.t, r.Hash, last)
		if begin := fmt.Appendf(nil, `{"n":%d,"at":"`, r.N); !bytes.HasPrefix(r.Body, begin) {
			f.t.Errorf("record %d is %s", r.N, r.Body)
		}
	}
	h, err := f.AuditHead(f.t.Context(), t)
	assert.NoError(f.t, err)
	assert.Equal(f.t, h, store.AuditHead{Tenant: t, N: int64(len(list)), Hash: last, Checked: h.Checked})
	return list
}

func act(name string) *store.Act {
	return &store.Act{At: began, Action: name, Result: "ok", Actor: "operator"}
}

func testAudit(t *testing.T, open OpenFunc) {
	t.Run("a change has a record, in the order of decisions", func(t *testing.T) {
		f := newFixture(t, open)
		a, b := f.resource(store.TypeUser, schema.Object{"userName": "a"}), f.resource(store.TypeUser, schema.Object{"userName": "b"})
		errs := f.together(
			op(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, a), nil }),
			op(store.Keys{}, func(store.View) (*store.Rows, error) {
				return &store.Rows{Audit: []*store.Act{act("one"), act("two")}}, nil
			}),
			op(store.Keys{}, func(store.View) (*store.Rows, error) { return nil, errors.New("refused") }),
			op(store.Keys{}, func(v store.View) (*store.Rows, error) {
				rows := created(v, b)
				rows.Audit = []*store.Act{act("three")}
				return rows, nil
			}),
		)
		assert.Equal(t, len(errs), 4)
		var got []string
		for _, r := range f.records(store.Default) {
			for _, name := range []string{"create", "one", "two", "three"} {
				if bytes.Contains(r.Body, []byte(`"action":"`+name+`"`)) {
					got = append(got, name)
				}
			}
		}
		assert.Equal(t, got, []string{"create", "one", "two", "create", "three"})
	})
	t.Run("a decision that is refused has none", func(t *testing.T) {
		f := newFixture(t, open)
		err := f.Write(t.Context(), store.Default, op(store.Keys{}, func(v store.View) (*store.Rows, error) {
			rows := created(v, f.resource(store.TypeUser, schema.Object{"userName": "a"}))
			rows.Resources[0].Num = 99 // was never given out
			rows.Audit = []*store.Act{act("one")}
			return rows, nil
		}))
		assert.True(t, err != nil)
		assert.Equal(t, len(f.records(store.Default)), 0)
	})
	t.Run("tenants have chains of their own", func(t *testing.T) {
		f := newFixture(t, open)
		f.user("a")
		assert.NoError(t, f.Write(t.Context(), store.System, op(store.Keys{}, func(store.View) (*store.Rows, error) {
			return &store.Rows{Audit: []*store.Act{act("one")}}, nil
		})))
		assert.Equal(t, len(f.records(store.Default)), 1)
		assert.Equal(t, len(f.records(store.System)), 1)
		_, err := f.AuditHead(t.Context(), 77)
		assert.ErrorIs(t, err, store.ErrNotFound)
		other, err := f.AuditRecords(t.Context(), 77, store.AuditQuery{}, 10)
		assert.NoError(t, err)
		assert.Equal(t, len(other), 0)
	})
	t.Run("queries", func(t *testing.T) {
		f := newFixture(t, open)
		for i := range 10 {
			a := act(fmt.Sprint("act", i%2))
			a.At = began.Add(time.Duration(i) * time.Hour)
			f.rows(store.Rows{Audit: []*store.Act{a}})
		}
		for _, c := range []struct {
			q    store.AuditQuery
			want int
		}{
			{store.AuditQuery{}, 10},
			{store.AuditQuery{After: 4}, 6},
			{store.AuditQuery{Since: began.Add(3 * time.Hour)}, 7},
			{store.AuditQuery{Until: began.Add(3 * time.Hour)}, 3},
			{store.AuditQuery{Match: "act1"}, 5},
			{store.AuditQuery{Match: "act1", After: 2, Since: began, Until: began.Add(8 * time.Hour)}, 3},
			{store.AuditQuery{Match: "nothing"}, 0},
		} {
			list, err := f.AuditRecords(t.Context(), store.Default, c.q, 100)
			assert.NoError(t, err)
			assert.Equal(t, len(list), c.want, assert.Sprintf("%+v", c.q))
		}
		list, err := f.AuditRecords(t.Context(), store.Default, store.AuditQuery{Match: "act1"}, 2)
		assert.NoError(t, err)
		assert.Equal(t, []int64{list[0].N, list[1].N}, []int64{2, 4})
	})
	t.Run("checkpoints and pruning", func(t *testing.T) {
		f := newFixture(t, open)
		var signed []store.Checkpoint
		for i := range 12 {
			a := act("act")
			a.At = began.Add(time.Duration(i) * time.Hour)
			f.rows(store.Rows{Audit: []*store.Act{a}})
			if i%3 == 2 {
				h, err := f.AuditHead(t.Context(), store.Default)
				assert.NoError(t, err)
				c := store.Checkpoint{N: h.N, At: a.At, Hash: h.Hash, Key: "k", Signature: []byte{1, 2}}
				signed = append(signed, c)
				f.rows(store.Rows{Checkpoint: &c})
			}
		}
		got, err := f.Checkpoints(t.Context(), store.Default, 0, 10)
		assert.NoError(t, err)
		assert.Equal(t, got, signed)
		heads, err := f.AuditHeads(t.Context(), 1)
		assert.NoError(t, err)
		assert.Equal(t, len(heads), 0)
		heads, err = f.AuditHeads(t.Context(), 0)
		assert.NoError(t, err)
		assert.Equal(t, len(heads), 1) // the installation's has no record
		assert.Equal(t, []int64{heads[0].N, heads[0].Checked}, []int64{12, 12})
		whole := f.records(store.Default)

		// The instant is that of record 8, whose checkpoint before is at 6; the slice is so small that it takes one at a time.
		for _, want := range []int{3, 3, 0} {
			n, err := f.PruneAudit(t.Context(), store.Default, began.Add(7*time.Hour), 2, func(upto int64) *store.Act { return act(fmt.Sprint("pruned", upto)) })
			assert.NoError(t, err)
			assert.Equal(t, n, want)
		}
		left, err := f.AuditRecords(t.Context(), store.Default, store.AuditQuery{}, 100)
		assert.NoError(t, err)
		assert.Equal(t, left[:6], whole[6:])
		for i, want := range []string{"pruned3", "pruned6"} {
			if !bytes.Contains(left[6+i].Body, []byte(want)) {
				t.Errorf("%s, want %s", left[6+i].Body, want)
			}
		}
		assert.Equal(t, len(left), 8)
		got, err = f.Checkpoints(t.Context(), store.Default, 0, 10)
		assert.NoError(t, err)
		assert.Equal(t, got, signed[1:]) // the chain begins behind the first of them
	})
	t.Run("digests and erasure", func(t *testing.T) {
		f := newFixture(t, open)
		a := f.create(f.resource(store.TypeUser, schema.Object{"userName": "a", "externalId": "e"}))
		g := f.group("g")
		f.link(g, a)
		before := f.feed()
		digest, err := f.ChangeDigest(t.Context(), store.Default, before[0])
		assert.NoError(t, err)
		if len(digest) == 0 {
			t.Fatal("the store under test seals nothing")
		}
		for _, c := range before {
			d, err := f.ChangeDigest(t.Context(), store.Default, c)
			assert.NoError(t, err)
			if r := f.records(store.Default)[c.Seq-1]; !bytes.Contains(r.Body, fmt.Appendf(nil, `"digest":"%x"`, d)) {
				t.Errorf("digest %x of %s", d, r.Body)
			}
		}
		assert.ErrorIs(t, f.Erase(t.Context(), store.Default, a.Num, act("person.erase")), store.ErrAlive)
		assert.ErrorIs(t, f.Erase(t.Context(), store.Default, 99, act("person.erase")), store.ErrNotFound)
		f.delete(a.ID)
		last := f.feed()[3]
		doc, _, err := f.Documents(t.Context(), store.Default, last)
		assert.NoError(t, err)
		assert.Equal(t, doc, a.Body)
		former, err := f.Former(t.Context(), store.Default, a.ID)
		assert.NoError(t, err)
		assert.Equal(t, []any{former.Num, former.Deleted}, []any{a.Num, true})
		for range 2 {
			assert.NoError(t, f.Erase(t.Context(), store.Default, a.Num, act("person.erase")))
		}
		doc, _, err = f.Documents(t.Context(), store.Default, last)
		assert.NoError(t, err)
		assert.Equal(t, len(doc), 0)
		digest, err = f.ChangeDigest(t.Context(), store.Default, last)
		assert.NoError(t, err)
		assert.Equal(t, len(digest), 0)
		assert.Equal(t, len(f.records(store.Default)), 6)
		// What a rehire is found by is gone.
		f.write(store.Keys{Former: []store.FormerKey{{Type: store.TypeUser, ExternalID: "e"}}}, func(v store.View) (*store.Rows, error) {
			if r := v.Former(store.FormerKey{Type: store.TypeUser, ExternalID: "e"}); r != nil {
				t.Errorf("found %+v", r)
			}
			return nil, nil
		})
		_, err = f.Former(t.Context(), store.Default, "nobody")
		assert.ErrorIs(t, err, store.ErrNotFound)
	})
	t.Run("they survive a restart", func(t *testing.T) {
		dir := t.TempDir()
		f := reopen(t, open, dir)
		f.user("a")
		want := f.records(store.Default)
		assert.NoError(t, f.Close())
		f = reopen(t, open, dir)
		assert.Equal(t, f.records(store.Default), want)
		f.user("b")
		assert.Equal(t, len(f.records(store.Default)), 2)
	})
}
