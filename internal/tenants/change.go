package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// Grace is how long a deleted tenant can be brought back unless something else is asked for.
const Grace = 7 * 24 * time.Hour

// Create makes a tenant. Errors say what is wrong with the name or the hosts.
func (r *Registry) Create(ctx context.Context, name string, hosts []string) (*Tenant, error) {
	if err := CheckName("tenant", name); err != nil {
		return nil, err
	}
	hosts = tidy(hosts)
	if err := checkHosts(hosts); err != nil {
		return nil, err
	}
	now := r.now()
	rec := store.TenantRecord{Name: name, State: store.TenantActive, Hosts: hosts, Created: now, Since: now}
	act := r.act("tenant.create", rec.Name)
	if len(hosts) > 0 {
		act.Details = []store.Detail{{Name: "hosts", Value: strings.Join(hosts, ",")}}
	}
	if err := r.write(ctx, &rec, act); err != nil {
		return nil, err
	}
	return decode(rec)
}

// tidy brings hosts into the order and form in which they are kept.
func tidy(hosts []string) []string {
	var list []string
	for _, h := range hosts {
		if h = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(h), ".")); h != "" {
			list = append(list, h)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// List returns all tenants in order of number.
func (r *Registry) List(ctx context.Context) ([]*Tenant, error) {
	var all []*Tenant
	for after := store.System; ; {
		page, err := r.store.Tenants(ctx, after, 500)
		if err != nil {
			return nil, fmt.Errorf("list tenants: %w", err)
		}
		for _, rec := range page {
			t, err := decode(rec)
			if err != nil {
				return nil, fmt.Errorf("tenant %s: %w", rec.Name, err)
			}
			all = append(all, t)
			after = rec.Tenant
		}
		if len(page) < 500 {
			return all, nil
		}
	}
}

// Set alters settings of a tenant, each given as key=value; the key hosts takes a list of host names. All of them or none.
func (r *Registry) Set(ctx context.Context, name string, changes []string) (*Tenant, error) {
	return r.change(ctx, name, r.act("tenant.set", name, settings(changes)...), func(t *Tenant) error {
		for _, c := range changes {
			key, value, ok := strings.Cut(c, "=")
			if !ok {
				return fmt.Errorf("%q is no setting: write it as key=value", c)
			}
			if key == "hosts" {
				t.Hosts = tidy(strings.Split(value, ","))
				if err := checkHosts(t.Hosts); err != nil {
					return err
				}
				continue
			}
			if err := t.Settings.Set(key, value); err != nil {
				return err
			}
		}
		return nil
	})
}

// Suspend makes a tenant answer nothing and send nothing until Resume.
func (r *Registry) Suspend(ctx context.Context, name string) (*Tenant, error) {
	return r.change(ctx, name, r.act("tenant.suspend", name), func(t *Tenant) error {
		if t.State != store.TenantActive {
			return fmt.Errorf("the tenant %s is %s", name, StateName(t.State))
		}
		return r.enter(t, store.TenantSuspended, time.Time{})
	})
}

// Resume ends a suspension, or a deletion whose grace is not over.
func (r *Registry) Resume(ctx context.Context, name string) (*Tenant, error) {
	return r.change(ctx, name, r.act("tenant.resume", name), func(t *Tenant) error {
		switch t.State {
		case store.TenantActive:
			return fmt.Errorf("the tenant %s is active", name)
		case store.TenantPurging:
			return fmt.Errorf("the tenant %s is being purged: there is no way back", name)
		case store.TenantSuspended, store.TenantDeleted:
		}
		return r.enter(t, store.TenantActive, time.Time{})
	})
}

// Delete stops a tenant at once and has it purged after the grace, until which Resume brings it back.
func (r *Registry) Delete(ctx context.Context, name string, grace time.Duration) (*Tenant, error) {
	if grace < 0 {
		return nil, errors.New("a grace period cannot be negative")
	}
	purge := r.now().Add(grace)
	act := r.act("tenant.delete", name, store.Detail{Name: "purge", Value: purge.Format(time.RFC3339)})
	t, err := r.change(ctx, name, act, func(t *Tenant) error {
		if t.State == store.TenantPurging {
			return fmt.Errorf("the tenant %s is being purged already", name)
		}
		return r.enter(t, store.TenantDeleted, purge)
	})
	r.poke()
	return t, err
}

func (r *Registry) enter(t *Tenant, state store.TenantState, purge time.Time) error {
	if t.Tenant == store.Default && state != store.TenantActive {
		return errDefault
	}
	t.State, t.Since, t.Purge = state, r.now(), purge
	return nil
}

// StateName is what people call a state.
func StateName(s store.TenantState) string {
	switch s {
	case store.TenantActive:
		return "active"
	case store.TenantSuspended:
		return "suspended"
	case store.TenantDeleted:
		return "deleted"
	case store.TenantPurging:
		return "being purged"
	}
	return "unknown"
}

// Sources returns the sources of a tenant.
func (r *Registry) Sources(ctx context.Context, t store.Tenant) ([]store.SourceRecord, error) {
	return r.store.Sources(ctx, t)
}

// CreateSource makes a source of a tenant.
func (r *Registry) CreateSource(ctx context.Context, t store.Tenant, name string) (store.SourceRecord, error) {
	if err := CheckName("source", name); err != nil {
		return store.SourceRecord{}, err
	}
	all, err := r.store.Sources(ctx, t)
	if err != nil {
		return store.SourceRecord{}, err
	}
	s := store.SourceRecord{Source: store.DefaultSource, Name: name, Created: r.now()}
	for _, other := range all {
		s.Source = max(s.Source, other.Source+1)
	}
	err = r.store.Write(ctx, t, &store.Op{Heavy: true, Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Sources: []*store.SourceRecord{&s}, Audit: []*store.Act{{
			At: s.Created, Action: "source.create", Result: "ok", Actor: store.Operator, Type: "Source", ID: s.Name,
		}}}, nil
	}})
	if errors.Is(err, store.ErrTaken) {
		err = fmt.Errorf("there is a source %q already", name)
	}
	return s, err
}

// Source returns the source of a name.
func (r *Registry) Source(ctx context.Context, t store.Tenant, name string) (store.SourceRecord, error) {
	all, err := r.store.Sources(ctx, t)
	if err != nil {
		return store.SourceRecord{}, err
	}
	var names []string
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return store.SourceRecord{}, fmt.Errorf("there is no source %q; there are %s", name, strings.Join(names, ", "))
}

// change alters the row of a tenant. Somebody else may do so at the same time: then it is read again.
func (r *Registry) change(ctx context.Context, name string, act *store.Act, edit func(*Tenant) error) (*Tenant, error) {
	for {
		rec, err := r.store.TenantByName(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("there is no tenant %q: %w", name, err)
		}
		if err != nil {
			return nil, err
		}
		t, err := decode(rec)
		if err != nil {
			return nil, err
		}
		if err := edit(t); err != nil {
			return nil, err
		}
		if t.TenantRecord.Settings, err = t.Settings.Encode(); err != nil {
			return nil, err
		}
		switch err := r.write(ctx, &t.TenantRecord, act); {
		case errors.Is(err, store.ErrStale):
			continue
		case err != nil:
			return nil, err
		}
		return t, nil
	}
}

// act is the record of something that an operator does to a tenant. It stands in the audit of the installation, so that it
// outlives the tenant.
func (r *Registry) act(action, name string, details ...store.Detail) *store.Act {
	return &store.Act{At: r.now(), Action: action, Result: "ok", Actor: store.Operator, Type: "Tenant", ID: name, Details: details}
}

// maxDetail bounds what a record says of one setting, in bytes.
const maxDetail = 200

// settings are the details of settings that are changed. No setting is a secret: those are in the vault.
func settings(changes []string) (list []store.Detail) {
	for _, c := range changes {
		key, value, _ := strings.Cut(c, "=")
		if len(value) > maxDetail {
			value = strings.ToValidUTF8(value[:maxDetail], "") + "..."
		}
		list = append(list, store.Detail{Name: key, Value: value})
	}
	return list
}

// write puts a row, with the record of why; a new one gets its number.
func (r *Registry) write(ctx context.Context, rec *store.TenantRecord, act *store.Act) error {
	next := *rec
	err := r.store.Write(ctx, store.System, &store.Op{Heavy: true, Decide: func(v store.View) (*store.Rows, error) {
		next = *rec // may run again
		if next.Tenant == store.System {
			next.Tenant = store.Tenant(v.NextNum())
		}
		return &store.Rows{Tenants: []*store.TenantRecord{&next}, Audit: []*store.Act{act}}, nil
	}})
	r.forget()
	if errors.Is(err, store.ErrTaken) {
		return fmt.Errorf("a tenant has the name %q already, or one of the hosts: %w", rec.Name, err)
	}
	*rec = next
	return err
}

func (r *Registry) now() time.Time { return r.o.Now().UTC().Truncate(time.Millisecond) }
