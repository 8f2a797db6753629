package relational

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/store"
)

const (
	hasHead      = "SELECT 1 FROM head WHERE tenant = ?"
	insertTenant = "INSERT INTO tenant (tenant, name, created, since) VALUES (?, ?, ?, ?) ON CONFLICT (tenant) DO NOTHING"
	insertHead   = "INSERT INTO head (tenant, epoch, seq, next_num, at, users, groups) VALUES (?, 1, 0, ?, 0, 0, 0) ON CONFLICT (tenant) DO NOTHING"
	insertSource = "INSERT INTO source (tenant, source, name, created) VALUES (?, ?, ?, ?) ON CONFLICT (tenant, source) DO NOTHING"
)

// defaultName is the name of the tenant that exists from the start, and of the source that each tenant begins with.
const defaultName = "default"

// bootstrap makes the installation's own head, the tenant that exists from the start, and its source. Another node may do
// so at the same time.
func bootstrap(c Conn, now time.Time) error {
	first, at := int64(store.Default), toMillis(now)
	type step struct {
		query string
		args  []any
	}
	heads := []struct {
		tenant store.Tenant
		steps  []step
	}{
		// Its numbers are those of tenants, and the first one has its own.
		{store.System, []step{{insertHead, []any{int64(store.System), first + 1}}}},
		{store.Default, []step{
			{insertTenant, []any{first, defaultName, at, at}},
			{insertSource, []any{first, int64(store.DefaultSource), defaultName, at}},
			{insertHead, []any{first, int64(1)}},
		}},
	}
	var steps []step
	for _, h := range heads {
		found, err := c.One(func(Row) {}, hasHead, int64(h.tenant))
		if err != nil {
			return err
		}
		if !found {
			steps = append(steps, h.steps...)
		}
	}
	for _, s := range steps {
		if err := c.Do(s.query, s.args...); err != nil {
			return fmt.Errorf("make the first tenant: %w", err)
		}
	}
	return nil
}

const (
	tenantColumns = `t.tenant, t.name, t.state, t.created, t.since, t.purge, t.settings, t.rev,
	(SELECT json_group_array(h.host ORDER BY h.host) FROM tenant_host h INDEXED BY tenant_host_tenant WHERE h.tenant = t.tenant)`
	tenantByNumber = "SELECT " + tenantColumns + " FROM tenant t WHERE t.tenant = ?"
	tenantByName   = "SELECT " + tenantColumns + " FROM tenant t WHERE t.name = ?"
	tenantByHost   = "SELECT " + tenantColumns + " FROM tenant_host k CROSS JOIN tenant t ON t.tenant = k.tenant WHERE k.host = ?"
	selectTenants  = "SELECT " + tenantColumns + " FROM tenant t WHERE t.tenant > ? ORDER BY t.tenant LIMIT ?"
	selectSources  = "SELECT source, name, created FROM source WHERE tenant = ? ORDER BY source"
)

func readTenant(r Row) (t store.TenantRecord, err error) {
	t = store.TenantRecord{
		Tenant:   store.Tenant(r.Int(0)),
		Name:     r.Text(1),
		State:    store.TenantState(r.Int(2)),
		Created:  fromMillis(r.Int(3)),
		Since:    fromMillis(r.Int(4)),
		Purge:    fromMillis(r.Int(5)),
		Settings: r.Blob(6),
		Rev:      r.Int(7),
	}
	if hosts := r.Text(8); hosts != "[]" {
		err = json.Unmarshal([]byte(hosts), &t.Hosts)
	}
	return t, err
}

func (db *DB) tenant(ctx context.Context, query string, key any) (t store.TenantRecord, err error) {
	var bad error
	err = db.find(ctx, func(r Row) { t, bad = readTenant(r) }, query, key)
	if err == nil {
		err = bad
	}
	return t, err
}

// Tenant implements store.Tenants.
func (db *DB) Tenant(ctx context.Context, t store.Tenant) (store.TenantRecord, error) {
	return db.tenant(ctx, tenantByNumber, int64(t))
}

// TenantByName implements store.Tenants.
func (db *DB) TenantByName(ctx context.Context, name string) (store.TenantRecord, error) {
	return db.tenant(ctx, tenantByName, name)
}

// TenantByHost implements store.Tenants.
func (db *DB) TenantByHost(ctx context.Context, host string) (store.TenantRecord, error) {
	return db.tenant(ctx, tenantByHost, host)
}

// Tenants implements store.Tenants.
func (db *DB) Tenants(ctx context.Context, after store.Tenant, limit int) (list []store.TenantRecord, err error) {
	var bad error
	err = db.each(ctx, func(r Row) {
		t, err := readTenant(r)
		if list = append(list, t); err != nil {
			bad = err
		}
	}, selectTenants, int64(after), int64(limit))
	if err == nil {
		err = bad
	}
	return list, err
}

// Sources implements store.Tenants.
func (db *DB) Sources(ctx context.Context, t store.Tenant) (list []store.SourceRecord, err error) {
	err = db.each(ctx, func(r Row) {
		list = append(list, store.SourceRecord{Source: store.Source(r.Int(0)), Name: r.Text(1), Created: fromMillis(r.Int(2))})
	}, selectSources, int64(t))
	return list, err
}

const (
	// The first table is empty nearly always; nothing expires before 1970.
	sweepTenants = "SELECT tenant FROM sweep UNION SELECT tenant FROM pending WHERE expires < ?"
	workTenants  = "SELECT DISTINCT tenant FROM schema_work"
	sumCounts    = "SELECT coalesce(sum(users), 0), coalesce(sum(groups), 0) FROM head"
)

// Busy implements store.Tenants.
func (db *DB) Busy(ctx context.Context, expired time.Time) (sweep, work []store.Tenant, err error) {
	err = db.each(ctx, func(r Row) { sweep = append(sweep, store.Tenant(r.Int(0))) }, sweepTenants, toMillis(expired))
	if err == nil {
		err = db.each(ctx, func(r Row) { work = append(work, store.Tenant(r.Int(0))) }, workTenants)
	}
	return sweep, work, err
}

const (
	ownerOfName = "SELECT tenant FROM tenant WHERE name = ?"
	ownerOfHost = "SELECT tenant FROM tenant_host WHERE host = ?"
)

// checkNames refuses a name or a host that is another tenant's, before it takes the whole batch down.
func (l *ledger) checkNames(c Conn, rows *store.Rows) (answer, err error) {
	taken := false
	owner := func(query string, self int64, args ...any) error {
		if err != nil {
			return err
		}
		_, err = c.One(func(r Row) { taken = taken || r.Int(0) != self }, query, args...)
		return err
	}
	for _, t := range rows.Tenants {
		if l.tenant != store.System {
			return fmt.Errorf("tenant %d cannot write tenants", l.tenant), nil
		}
		rev := int64(0)
		if _, err = c.One(func(r Row) { rev = r.Int(0) }, "SELECT rev FROM tenant WHERE tenant = ?", int64(t.Tenant)); err == nil && rev != t.Rev {
			return store.ErrStale, nil
		}
		err = owner(ownerOfName, int64(t.Tenant), t.Name)
		for _, h := range t.Hosts {
			err = owner(ownerOfHost, int64(t.Tenant), h)
		}
	}
	for _, s := range rows.Sources {
		err = owner("SELECT source FROM source WHERE tenant = ? AND name = ?", int64(s.Source), int64(l.tenant), s.Name)
	}
	if err == nil && taken {
		answer = store.ErrTaken
	}
	return answer, err
}

const (
	upsertTenant = `INSERT INTO tenant (tenant, name, state, created, since, purge, settings, rev) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant) DO UPDATE SET name = excluded.name, state = excluded.state, since = excluded.since,
	purge = excluded.purge, settings = excluded.settings, rev = excluded.rev`
	dropHosts    = "DELETE FROM tenant_host WHERE tenant = ?"
	insertHost   = "INSERT INTO tenant_host (tenant, host) VALUES (?, ?)"
	upsertSource = `INSERT INTO source (tenant, source, name, created) VALUES (?, ?, ?, ?)
	ON CONFLICT (tenant, source) DO UPDATE SET name = excluded.name`
)

func writeTenants(c Conn, tenant store.Tenant, rows *store.Rows) error {
	for _, t := range rows.Tenants {
		n := int64(t.Tenant)
		if err := c.Do(upsertTenant, n, t.Name, int64(t.State), toMillis(t.Created), toMillis(t.Since), toMillis(t.Purge),
			document(t.Settings), t.Rev+1); err != nil {
			return err
		}
		if err := c.Do(dropHosts, n); err != nil {
			return err
		}
		for _, h := range t.Hosts {
			if err := c.Do(insertHost, n, h); err != nil {
				return err
			}
		}
		known, err := c.One(func(Row) {}, hasHead, n)
		if err != nil {
			return err
		}
		if known {
			continue
		}
		if err := c.Do(insertHead, n, int64(1)); err != nil {
			return err
		}
		if err := c.Do(insertSource, n, int64(store.DefaultSource), defaultName, toMillis(t.Created)); err != nil {
			return err
		}
	}
	for _, p := range rows.Purged {
		if err := c.Do(insertPurged, int64(p.Number), p.Name, toMillis(p.Began), toMillis(p.Ended), p.Rows, p.Left); err != nil {
			return err
		}
	}
	for _, s := range rows.Sources {
		if err := c.Do(upsertSource, int64(tenant), int64(s.Source), s.Name, toMillis(s.Created)); err != nil {
			return err
		}
	}
	return nil
}
