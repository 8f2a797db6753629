// Package verify looks through a whole hub for what cannot be: files that are damaged, a feed with gaps, an index that does not
// say what the documents say, edges that lead nowhere, counts that are wrong, an audit chain that was altered. It changes
// nothing, and may run while the hub does.
package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
)

// Problem is something that cannot be.
type Problem struct {
	Tenant string `json:"tenant,omitzero"` // empty: the database as a whole
	Rule   string `json:"rule"`            // what is broken: "file", "feed", "index", "index row", "edge", "count", "audit", …
	What   string `json:"what"`
}

// Checked is what was looked at.
type Checked struct {
	Tenants   int   `json:"tenants"`
	Resources int64 `json:"resources"`
	Entries   int64 `json:"indexRows"`
	Edges     int64 `json:"edges"`
	Changes   int64 `json:"changes"`
	Records   int64 `json:"auditRecords"`
}

// Event is told while it goes on: a problem, or how far it is.
type Event struct {
	Problem *Problem `json:"problem,omitempty"`
	Checked *Checked `json:"checked,omitempty"` // so far
	Tenant  string   `json:"tenant,omitzero"`   // the one that is looked at
	Done    bool     `json:"done,omitzero"`
}

// Store is what is verified.
type Store interface {
	store.Checker
	store.Tenants
}

// Options say what is needed beside the store.
type Options struct {
	// Directory returns the directory of a tenant, which knows the documents.
	Directory func(ctx context.Context, t store.Tenant) (*directory.Directory, error)
	// Audit verifies the chains.
	Audit *audit.Log
	// Tell is called for each problem, and every now and then. An error of it ends the run.
	Tell func(Event) error
}

const (
	// every is how many resources are looked at between two reports of progress.
	every = 50_000
	page  = 500
)

// run is one run.
type run struct {
	st      Store
	o       Options
	checked Checked
	tenant  string
	failed  error // of Tell
}

// Run verifies everything. The error is one of the database, or of Tell; problems are told.
func Run(ctx context.Context, st Store, o Options) (Checked, error) {
	r := &run{st: st, o: o}
	found, err := st.Intact(ctx)
	if err != nil {
		return r.checked, err
	}
	for _, what := range found {
		r.problem("file", what)
	}
	for after := store.Tenant(0); r.failed == nil; {
		list, err := st.Tenants(ctx, after, page)
		if err != nil {
			return r.checked, err
		}
		if len(list) == 0 {
			break
		}
		for _, t := range list {
			after = t.Tenant
			if t.State == store.TenantPurging {
				continue // half of it is gone
			}
			if err := r.check(ctx, t.Tenant, t.Name); err != nil {
				return r.checked, err
			}
		}
	}
	r.tenant = ""
	if err := r.chain(ctx, store.System); err != nil { // of the installation
		return r.checked, err
	}
	return r.checked, r.failed
}

func (r *run) tell(e Event) {
	if r.failed == nil && r.o.Tell != nil {
		r.failed = r.o.Tell(e)
	}
}

func (r *run) problem(rule, what string) {
	r.tell(Event{Problem: &Problem{Tenant: r.tenant, Rule: rule, What: what}})
}

func (r *run) progress() {
	c := r.checked
	r.tell(Event{Checked: &c, Tenant: r.tenant})
}

func (r *run) check(ctx context.Context, t store.Tenant, name string) error {
	r.tenant = name
	dir, err := r.o.Directory(ctx, t)
	if err != nil {
		r.problem("schemas", err.Error())
		return nil
	}
	before, began := r.checked, time.Now()
	index := func(res *store.Resource) (store.Index, error) {
		if r.failed != nil {
			return store.Index{}, r.failed
		}
		if r.checked.Resources++; r.checked.Resources%every == 0 || time.Since(began) > time.Second {
			began = time.Now()
			r.progress()
		}
		return dir.IndexOf(res)
	}
	c, err := r.st.Check(ctx, t, index, r.problem)
	if err != nil {
		return fmt.Errorf("tenant %s: %w", name, err)
	}
	r.checked.Tenants++
	r.checked.Resources = before.Resources + c.Resources
	r.checked.Entries += c.Entries
	r.checked.Edges += c.Edges
	r.checked.Changes += c.Changes
	r.progress()
	return r.chain(ctx, t)
}

// chain verifies the audit of a tenant.
func (r *run) chain(ctx context.Context, t store.Tenant) error {
	v, err := r.o.Audit.Verify(ctx, t)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it is being taken away
	}
	if err != nil {
		return err
	}
	if v.Bad != nil {
		r.problem("audit", v.Bad.Error())
	}
	r.checked.Records += v.Records
	r.progress()
	return nil
}
