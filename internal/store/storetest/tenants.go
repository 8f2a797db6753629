package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// makeTenant makes a tenant, or alters one that has a number.
func (f *fixture) makeTenant(r *store.TenantRecord) error {
	return f.Write(f.t.Context(), store.System, &store.Op{Heavy: true, Decide: func(v store.View) (*store.Rows, error) {
		if r.Tenant == 0 {
			r.Tenant = store.Tenant(v.NextNum())
		}
		return &store.Rows{Tenants: []*store.TenantRecord{r}}, nil
	}})
}

func newTenant(name string, hosts ...string) *store.TenantRecord {
	return &store.TenantRecord{Name: name, State: store.TenantActive, Hosts: hosts, Created: began, Since: began}
}

func testTenants(t *testing.T, open OpenFunc) {
	dir := t.TempDir()
	f := reopen(t, open, dir)
	ctx := t.Context()

	first, err := f.Tenant(ctx, store.Default)
	assert.NoError(t, err)
	assert.Equal(t, first.Name, "default")
	assert.Equal(t, first.State, store.TenantActive)

	a, b := newTenant("acme", "a.example", "scim.acme.example"), newTenant("beta")
	b.Settings = []byte(`{"x":1}`)
	assert.NoError(t, f.makeTenant(a))
	assert.NoError(t, f.makeTenant(b))
	if a.Tenant <= store.Default || b.Tenant <= a.Tenant {
		t.Fatalf("numbers %d and %d: they grow, and begin behind the first tenant's", a.Tenant, b.Tenant)
	}
	for _, want := range []*store.TenantRecord{a, b} {
		got, err := f.Tenant(ctx, want.Tenant)
		assert.NoError(t, err)
		assert.Equal(t, got, *want)
		got, err = f.TenantByName(ctx, want.Name)
		assert.NoError(t, err)
		assert.Equal(t, got, *want)
		sources, err := f.Sources(ctx, want.Tenant)
		assert.NoError(t, err)
		assert.Equal(t, sources, []store.SourceRecord{{Source: store.DefaultSource, Name: "default", Created: began}})
		head, err := f.Head(ctx, want.Tenant)
		assert.NoError(t, err)
		assert.Equal(t, head, store.Head{Epoch: 1})
	}
	got, err := f.TenantByHost(ctx, "scim.acme.example")
	assert.NoError(t, err)
	assert.Equal(t, got.Name, "acme")
	list, err := f.Tenants(ctx, store.Default, 1)
	assert.NoError(t, err)
	assert.Equal(t, list, []store.TenantRecord{*a})

	t.Run("unknown", func(t *testing.T) {
		for name, find := range map[string]func() (store.TenantRecord, error){
			"number": func() (store.TenantRecord, error) { return f.Tenant(ctx, 99) },
			"system": func() (store.TenantRecord, error) { return f.Tenant(ctx, store.System) },
			"name":   func() (store.TenantRecord, error) { return f.TenantByName(ctx, "ACME") },
			"host":   func() (store.TenantRecord, error) { return f.TenantByHost(ctx, "b.example") },
		} {
			if _, err := find(); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
	})
	t.Run("taken", func(t *testing.T) {
		clash := newTenant("acme")
		if err := f.makeTenant(clash); !errors.Is(err, store.ErrTaken) {
			t.Errorf("the name of another: %v", err)
		}
		if err := f.makeTenant(newTenant("gamma", "g.example", "a.example")); !errors.Is(err, store.ErrTaken) {
			t.Errorf("the host of another: %v", err)
		}
		if _, err := f.TenantByHost(ctx, "g.example"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("half a tenant was written: %v", err)
		}
	})
	t.Run("only the system writes tenants", func(t *testing.T) {
		err := f.Write(ctx, store.Default, op(store.Keys{}, func(store.View) (*store.Rows, error) {
			return &store.Rows{Tenants: []*store.TenantRecord{newTenant("mine")}}, nil
		}))
		if err == nil {
			t.Error("a tenant wrote a tenant")
		}
	})
	t.Run("altered", func(t *testing.T) {
		a.Name, a.State, a.Hosts, a.Since, a.Purge = "acme2", store.TenantDeleted, []string{"b.example"}, began.Add(time.Hour), began.Add(2*time.Hour)
		assert.NoError(t, f.makeTenant(a))
		got, err := f.TenantByName(ctx, "acme2")
		assert.NoError(t, err)
		assert.Equal(t, got, *a)
		if _, err := f.TenantByHost(ctx, "a.example"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a host that was given up: %v", err)
		}
	})
	t.Run("sources", func(t *testing.T) {
		hr := &store.SourceRecord{Source: 2, Name: "hr", Created: began}
		write := func(tenant store.Tenant, s *store.SourceRecord) error {
			return f.Write(ctx, tenant, &store.Op{Heavy: true, Decide: func(store.View) (*store.Rows, error) {
				return &store.Rows{Sources: []*store.SourceRecord{s}}, nil
			}})
		}
		assert.NoError(t, write(b.Tenant, hr))
		if err := write(b.Tenant, &store.SourceRecord{Source: 3, Name: "hr"}); !errors.Is(err, store.ErrTaken) {
			t.Errorf("the name of another source: %v", err)
		}
		assert.NoError(t, write(store.Default, &store.SourceRecord{Source: 2, Name: "hr"})) // of another tenant
		sources, err := f.Sources(ctx, b.Tenant)
		assert.NoError(t, err)
		assert.Equal(t, sources[1:], []store.SourceRecord{*hr})
	})
	t.Run("owner", func(t *testing.T) {
		r := f.resource("User", schema.Object{"userName": "ada"})
		r.Source = 2
		f.write(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, r), nil })
		f.write(store.Keys{IDs: []string{r.ID}}, func(v store.View) (*store.Rows, error) {
			assert.Equal(t, v.ByID(r.ID).Source, store.Source(2))
			assert.Equal(t, v.ByID(r.ID).Index.Active, store.Absent)
			return nil, nil
		})
	})
	t.Run("reopened", func(t *testing.T) {
		again := newTenant("delta")
		assert.NoError(t, f.makeTenant(again))
		if again.Tenant <= b.Tenant {
			t.Errorf("number %d was given before", again.Tenant)
		}
	})
}

func testPurge(t *testing.T, open OpenFunc) {
	f := newFixture(t, open)
	ctx := t.Context()
	gone, stays := newTenant("gone", "gone.example"), newTenant("stays", "stays.example")
	for _, r := range []*store.TenantRecord{gone, stays} {
		assert.NoError(t, f.makeTenant(r))
		f.fill(r.Tenant)
	}
	before, err := f.Remains(ctx, stays.Tenant)
	assert.NoError(t, err)
	if len(before) < 15 {
		t.Fatalf("rows in %d tables only: %v", len(before), before)
	}

	if _, err := f.Purge(ctx, gone.Tenant, 10); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("purge of an active tenant: %v", err)
	}
	gone.State = store.TenantPurging
	assert.NoError(t, f.makeTenant(gone))
	calls := 0
	for {
		n, err := f.Purge(ctx, gone.Tenant, 10)
		assert.NoError(t, err)
		if n > 10 {
			t.Fatalf("%d rows at once, want at most 10", n)
		}
		if calls++; n == 0 {
			break
		}
		// Whoever still holds the tenant cannot write behind the broom.
		err = f.Write(ctx, gone.Tenant, op(store.Keys{}, func(v store.View) (*store.Rows, error) {
			return created(v, f.resource("User", schema.Object{"userName": fmt.Sprint(calls)})), nil
		}))
		if !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("write while it is purged: %v, want ErrNotFound", err)
		}
	}
	if calls < 3 {
		t.Errorf("done in %d slices, want several", calls)
	}
	left, err := f.Remains(ctx, gone.Tenant)
	assert.NoError(t, err)
	assert.Equal(t, left, map[string]int64{})
	after, err := f.Remains(ctx, stays.Tenant)
	assert.NoError(t, err)
	assert.Equal(t, after, before)

	// The name is free, the number is not.
	again := newTenant("gone", "gone.example")
	assert.NoError(t, f.makeTenant(again))
	if again.Tenant <= stays.Tenant {
		t.Errorf("number %d was given before", again.Tenant)
	}
	head, err := f.Head(ctx, again.Tenant)
	assert.NoError(t, err)
	assert.Equal(t, head.Seq, store.Seq(0))
}

// fill writes something of every kind for a tenant.
func (f *fixture) fill(t store.Tenant) {
	f.t.Helper()
	write := func(op *store.Op) {
		f.t.Helper()
		op.Source = store.DefaultSource
		assert.NoError(f.t, f.Write(f.t.Context(), t, op))
	}
	var group store.Num
	write(&store.Op{Decide: func(v store.View) (*store.Rows, error) {
		rows := created(v, f.resource("Group", schema.Object{"displayName": "all"}))
		group = rows.Resources[0].Num
		for i := range 5 {
			name := fmt.Sprintf("u%d@example.com", i)
			u := created(v, f.resource("User", schema.Object{"userName": name, "emails": []any{schema.Object{"value": name}}}))
			n := u.Resources[0].Num
			rows.Resources = append(rows.Resources, u.Resources...)
			rows.Records = append(rows.Records, u.Records...)
			rows.Changes = append(rows.Changes, u.Changes...)
			rows.Claim = append(rows.Claim, store.Claim{ClaimKey: store.ClaimKey{Scope: "userName", Key: name}, Num: n})
			rows.Link = append(rows.Link, store.Edge{Rel: store.Members, Parent: group, Child: n, Source: store.DefaultSource})
			rows.Changes = append(rows.Changes, &store.Change{
				Num: group, Type: "Group", Kind: store.Updated, Version: int64(i + 2), SameDoc: true, At: began,
				Edges: []store.EdgeChange{{Rel: store.Members, Child: n}},
			})
		}
		rows.Pend = []store.Pending{{Source: store.DefaultSource, Value: "later", Rel: store.Members, Parent: group, Expires: began.AddDate(1, 0, 0)}}
		rows.Swept = []store.Num{group}
		rows.Cursors = []store.Cursor{{Target: "app", Seq: 1}}
		rows.Detours = []store.Detour{{DetourKey: store.DetourKey{Target: "app", Num: group}, From: 1}}
		rows.Links = []store.Link{{LinkKey: store.LinkKey{Target: "app", Num: group}, Type: "Group", RemoteID: "r"}}
		rows.Tokens = []*store.Token{{Tenant: t, ID: "t", Source: store.DefaultSource, Name: "n", Hash: [32]byte{byte(t), 7}}}
		return rows, nil
	}})
	write(&store.Op{Heavy: true, Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Schema: &store.NewSchema{Schema: store.Schema{
			Gen: 2, At: began, Body: []byte(`{}`), Work: []store.Work{{Type: "User", Attr: "nickName"}},
		}}}, nil
	}})
}
