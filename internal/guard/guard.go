// Package guard keeps what a source does beyond what is usual from being sent on before a person has looked at it.
//
// The store judges each change where it numbers it (see package store, GuardLimits): what a client wrote is always stored and
// answered truthfully, but a change that is held is not sent on, and its resource is frozen for targets from there on. Everything
// else goes on: other people, additions, single leavers. A person approves, and exactly what was held is sent; or rejects, and
// every resource is put back to what it was, by changes of its own, while what was held is left out for good.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
)

// Store is what a Guard needs of a store.
type Store interface {
	store.Writer
	store.Reader
	store.Feed
	store.Guard
	store.Tenants
}

// Options are the parts of a Guard that have a default.
type Options struct {
	// Directory returns that of a tenant. Required.
	Directory func(ctx context.Context, t store.Tenant) (*directory.Directory, error)
	// Wake is told that what was held may go on. Defaults to nobody.
	Wake func(t store.Tenant)
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// Log takes what an operator should know. Defaults to nothing.
	Log *slog.Logger
}

// Guard shows and decides holds. It is safe for concurrent use.
type Guard struct {
	store Store
	o     Options
}

// New returns a guard.
func New(st Store, o Options) *Guard {
	if o.Wake == nil {
		o.Wake = func(store.Tenant) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Guard{st, o}
}

// ErrNoHold says that there is no such hold to decide.
var ErrNoHold = errors.New("there is no such hold")

// maxHolds bounds a list of holds.
const maxHolds = 1000

// List returns the holds of a tenant, the latest first.
func (g *Guard) List(ctx context.Context, t store.Tenant, all bool) ([]store.Hold, error) {
	return g.store.Holds(ctx, t, !all, maxHolds)
}

// Hold returns one hold.
func (g *Guard) Hold(ctx context.Context, t store.Tenant, num int64) (store.Hold, error) {
	h, err := g.store.Hold(ctx, t, num)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("hold %d: %w", num, ErrNoHold)
	}
	return h, err
}

const page = 500

// Changes hands the changes of a hold to emit, in order.
func (g *Guard) Changes(ctx context.Context, t store.Tenant, num int64, emit func(*store.Change) error) error {
	for after := store.Seq(0); ; {
		list, err := g.store.HeldChanges(ctx, t, num, after, page)
		if err != nil {
			return err
		}
		for _, c := range list {
			after = c.Seq
			if err := emit(c); err != nil {
				return err
			}
		}
		if len(list) < page {
			return nil
		}
	}
}

// Approve lets go what a hold holds.
func (g *Guard) Approve(ctx context.Context, t store.Tenant, num int64, by, note string) (store.Hold, error) {
	h, err := g.open(ctx, t, num)
	if err != nil {
		return h, err
	}
	if err := g.decide(ctx, t, h, store.HoldApproved, by, note); err != nil {
		return h, err
	}
	g.o.Wake(t)
	return g.Hold(ctx, t, num)
}

// Rejected is what came of a rejection.
type Rejected struct {
	store.Hold
	Repaired int      // resources
	Problems []string // what could not be put back, and why
}

// Reject puts back what a hold concerns. If it is cut off, Resume or another Reject goes on.
func (g *Guard) Reject(ctx context.Context, t store.Tenant, num int64, by, note string) (r Rejected, err error) {
	h, err := g.Hold(ctx, t, num)
	if err != nil {
		return r, err
	}
	if h.State != store.HoldRejecting {
		if h, err = g.open(ctx, t, num); err != nil {
			return r, err
		}
		// From here on what was held is left out, and what comes for these resources is sent on again.
		if err := g.decide(ctx, t, h, store.HoldRejecting, by, note); err != nil {
			return r, err
		}
	} else {
		by, note = h.By, h.Note
	}
	return g.repair(ctx, t, h, by, note)
}

func (g *Guard) open(ctx context.Context, t store.Tenant, num int64) (store.Hold, error) {
	h, err := g.Hold(ctx, t, num)
	if err == nil && h.State != store.HoldOpen {
		err = fmt.Errorf("hold %d is %s already, by %s", num, StateName(h.State), h.By)
	}
	return h, err
}

func (g *Guard) decide(ctx context.Context, t store.Tenant, h store.Hold, state store.HoldState, by, note string) error {
	now := g.o.Now().UTC().Truncate(time.Millisecond)
	act := &store.Act{
		At: now, Action: "guard." + strings.ReplaceAll(StateName(state), " ", "-"), Result: "ok", Reason: note, Actor: by, Source: h.Source,
		Details: []store.Detail{{Name: "hold", Value: fmt.Sprint(h.Num)}, {Name: "resources", Value: fmt.Sprint(h.Resources)}},
	}
	d := &store.Decision{Hold: h.Num, State: state, At: now, By: by, Note: note}
	err := g.store.Write(ctx, t, &store.Op{Heavy: true, Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Decisions: []*store.Decision{d}, Audit: []*store.Act{act}}, nil
	}})
	if err != nil {
		return fmt.Errorf("decide hold %d: %w", h.Num, err)
	}
	return nil
}

// wreck is a resource that has to be put back.
type wreck struct {
	first *store.Change
	edges map[edge]bool // net of what was held: true if it was removed
	order []edge
}

type edge struct {
	rel   store.Rel
	child store.Num
}

func (g *Guard) repair(ctx context.Context, t store.Tenant, h store.Hold, by, note string) (r Rejected, err error) {
	wrecks, order := map[store.Num]*wreck{}, []store.Num(nil)
	err = g.Changes(ctx, t, h.Num, func(c *store.Change) error {
		w := wrecks[c.Num]
		if w == nil {
			w = &wreck{first: c, edges: map[edge]bool{}}
			wrecks[c.Num] = w
			order = append(order, c.Num)
		}
		for _, e := range c.Edges {
			k := edge{e.Rel, e.Child}
			if was, there := w.edges[k]; there && was != e.Removed { // back to where it was
				delete(w.edges, k)
				continue
			}
			w.edges[k] = e.Removed
			w.order = append(w.order, k)
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	dir, err := g.o.Directory(ctx, t)
	if err != nil {
		return r, err
	}
	for _, n := range order {
		problem, err := g.putBack(ctx, dir, t, n, wrecks[n])
		if err != nil {
			return r, err
		}
		if problem != "" {
			r.Problems = append(r.Problems, problem)
		} else {
			r.Repaired++
		}
	}
	if len(r.Problems) > 0 {
		note = strings.TrimSpace(note + fmt.Sprintf(" (%d could not be put back)", len(r.Problems)))
	}
	if err := g.decide(ctx, t, h, store.HoldRejected, by, note); err != nil {
		return r, err
	}
	g.o.Wake(t)
	r.Hold, err = g.Hold(ctx, t, h.Num)
	return r, err
}

// putBack puts one resource back. What cannot be is a problem for people, not an error.
func (g *Guard) putBack(ctx context.Context, dir *directory.Directory, t store.Tenant, n store.Num, w *wreck) (problem string, err error) {
	rows, err := g.store.ByNum(ctx, t, []store.Num{n})
	if err != nil || len(rows) == 0 {
		return "", err
	}
	before, _, err := g.store.Documents(ctx, t, w.first)
	if err != nil {
		return "", err
	}
	u := directory.Undo{Num: n, Type: w.first.Type, ID: rows[0].ID, Owner: w.first.Source, Created: w.first.Kind == store.Created, Before: before}
	if !u.Created && before == nil {
		return fmt.Sprintf("%s %s: what it was before is not known any more", u.Type, u.ID), nil
	}
	for _, k := range w.order {
		if removed, there := w.edges[k]; there && !slices.Contains(u.Edges, store.EdgeChange{Rel: k.rel, Child: k.child, Removed: removed}) {
			u.Edges = append(u.Edges, store.EdgeChange{Rel: k.rel, Child: k.child, Removed: removed})
		}
	}
	err = dir.Undo(ctx, t, "guard", u)
	e := scim.AsError(err)
	if e != nil && e.Type == scim.Uniqueness {
		u.KeepNames = true
		if again := scim.AsError(dir.Undo(ctx, t, "guard", u)); again != nil {
			return fmt.Sprintf("%s %s: %s", u.Type, u.ID, again.Detail), nil
		}
		return fmt.Sprintf("%s %s: put back, but for its name: %s", u.Type, u.ID, e.Detail), nil
	}
	switch {
	case e != nil && e.Status == 404:
		return "", nil // what was created is gone already
	case e != nil && e.Status < 500:
		return fmt.Sprintf("%s %s: %s", u.Type, u.ID, e.Detail), nil
	}
	return "", err
}

// Resume ends rejections that were cut off.
func (g *Guard) Resume(ctx context.Context) error {
	for after := store.System; ; {
		list, err := g.store.Tenants(ctx, after, page)
		if err != nil {
			return err
		}
		for _, t := range list {
			after = t.Tenant
			holds, err := g.store.Holds(ctx, t.Tenant, true, maxHolds)
			if err != nil {
				return err
			}
			for _, h := range holds {
				if h.State == store.HoldRejecting {
					if _, err := g.Reject(ctx, t.Tenant, h.Num, h.By, h.Note); err != nil {
						return err
					}
				}
			}
		}
		if len(list) < page {
			return nil
		}
	}
}

// Protect has all changes of who is in a group, or that would harm an account, held; but for those of a source, if it is not 0.
func (g *Guard) Protect(ctx context.Context, t store.Tenant, typ, name string, source store.Source, by string) error {
	key, err := keyOf(typ, name)
	if err != nil {
		return err
	}
	p := &store.Protected{Type: typ, Key: key, Source: source, Since: g.o.Now().UTC().Truncate(time.Millisecond), By: by}
	return g.write(ctx, t, "guard.protect", by, p, &store.Rows{Protect: []*store.Protected{p}})
}

// Unprotect ends that.
func (g *Guard) Unprotect(ctx context.Context, t store.Tenant, typ, name, by string) error {
	key, err := keyOf(typ, name)
	if err != nil {
		return err
	}
	list, err := g.store.Protected(ctx, t)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(p store.Protected) bool { return p.Type == typ && p.Key == key }) {
		return fmt.Errorf("no %s called %q is protected", strings.ToLower(typ), name)
	}
	p := &store.Protected{Type: typ, Key: key}
	return g.write(ctx, t, "guard.unprotect", by, p, &store.Rows{Unprotect: []*store.Protected{p}})
}

func (g *Guard) write(ctx context.Context, t store.Tenant, action, by string, p *store.Protected, rows *store.Rows) error {
	rows.Audit = []*store.Act{{
		At: g.o.Now().UTC().Truncate(time.Millisecond), Action: action, Result: "ok", Actor: by, Type: p.Type, Source: p.Source,
	}}
	return g.store.Write(ctx, t, &store.Op{Heavy: true, Decide: func(store.View) (*store.Rows, error) { return rows, nil }})
}

// Protected lists what is protected.
func (g *Guard) Protected(ctx context.Context, t store.Tenant) ([]store.Protected, error) {
	return g.store.Protected(ctx, t)
}

// keyOf returns what a group or an account is found by.
func keyOf(typ, name string) (string, error) {
	if typ != store.TypeGroup && typ != store.TypeUser {
		return "", fmt.Errorf("a %s cannot be protected: a User by its userName or a Group by its displayName can", typ)
	}
	key := directory.NameKey(typ, name)
	if key == "" {
		return "", errors.New("what is protected needs a name")
	}
	return key, nil
}

// StateName is what people call a state.
func StateName(s store.HoldState) string {
	switch s {
	case store.HoldOpen:
		return "open"
	case store.HoldApproved:
		return "approved"
	case store.HoldRejected:
		return "rejected"
	case store.HoldRejecting:
		return "being rejected"
	case store.NotHeld:
	}
	return "not held"
}
