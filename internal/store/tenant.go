package store

import (
	"context"
	"time"
)

// System is the number under which the installation keeps what belongs to no tenant. It has a head and nothing that the
// outside world could ask for: no sources, no tokens, no resources. Tenants are made, altered and taken away by its Ops,
// so that two of them never interleave, and its numbers are those of tenants: they grow and are never given again.
const System Tenant = 0

// TenantState is how far a tenant is in its life.
type TenantState uint8

// The states of a tenant.
const (
	// TenantActive answers requests and sends changes on.
	TenantActive TenantState = 1
	// TenantSuspended does neither, and loses nothing.
	TenantSuspended TenantState = 2
	// TenantDeleted does neither, and comes back only until its Purge.
	TenantDeleted TenantState = 3
	// TenantPurging is being removed; there is no way back.
	TenantPurging TenantState = 4
)

// TenantRecord is the row of a tenant.
type TenantRecord struct {
	Tenant   Tenant
	Name     string // unique; a segment of URLs
	State    TenantState
	Hosts    []string  // names of hosts that stand for it, each of one tenant only; in lower case, without port, sorted
	Settings []byte    // in the form of whoever writes it; nil: none
	Created  time.Time // instants are kept in whole milliseconds
	Since    time.Time // of its state
	Purge    time.Time // of a deleted one: when its removal begins; else zero
	Rev      int64     // of the row when it was read; the store counts. Another one in the store: ErrStale
}

// SourceRecord is the row of a source.
type SourceRecord struct {
	Source  Source
	Name    string // unique in its tenant
	Created time.Time
}

// PurgeReport says that a tenant was removed.
type PurgeReport struct {
	Number       Tenant // it had
	Name         string
	Began, Ended time.Time
	Rows         int64 // removed
	Left         int64 // found afterwards; 0, or something is wrong
}

// Tenants reads the tenants. They are written as Rows.Tenants of an Op of System, their sources as Rows.Sources of an Op of
// theirs.
type Tenants interface {
	// Tenant returns a tenant by number, or ErrNotFound.
	Tenant(ctx context.Context, t Tenant) (TenantRecord, error)
	// TenantByName returns a tenant by name, or ErrNotFound.
	TenantByName(ctx context.Context, name string) (TenantRecord, error)
	// TenantByHost returns the tenant that a host stands for, or ErrNotFound.
	TenantByHost(ctx context.Context, host string) (TenantRecord, error)
	// Tenants returns up to limit tenants with a number beyond after, in order of number.
	Tenants(ctx context.Context, after Tenant, limit int) ([]TenantRecord, error)
	// Sources returns the sources of a tenant in order of number.
	Sources(ctx context.Context, t Tenant) ([]SourceRecord, error)
	// Busy returns the tenants that have something to Sweep, references that had expired by then included unless that is zero,
	// and those with resources that a Work of their schemas waits for.
	Busy(ctx context.Context, expired time.Time) (sweep, work []Tenant, err error)
	// Totals are the Stats of all tenants together.
	Totals(ctx context.Context) (Stats, error)
}

// Purger removes what is left of a tenant in state TenantPurging.
type Purger interface {
	// Purge removes up to about limit rows and returns how many; 0: nothing was left, and the tenant itself has gone with it.
	// It never removes anything of a tenant in another state: ErrNotFound.
	Purge(ctx context.Context, t Tenant, limit int) (int, error)
	// Purged returns the reports of the purges, the latest first.
	Purged(ctx context.Context) ([]PurgeReport, error)
	// Remains counts the rows that carry the tenant's number, by table; tables without any are left out. It looks at every
	// table that the database has, whether this program knows it or not.
	Remains(ctx context.Context, t Tenant) (map[string]int64, error)
}
