package delivery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
)

// touchedSize bounds the set that keeps Touched from naming a member twice.
const touchedSize = 1 << 16

// sync makes one resource so at a state target. All changes read of it until now are settled by that.
func (w *Walker) sync(ctx context.Context, t target.State, j job) (settled store.Seq, err error) {
	if held, err := w.isHeld(ctx, j.holds, j.num); err != nil || held {
		return j.from, err
	}
	work := call{w: w, num: j.num}
	r, err := work.Resource(ctx, target.Num(j.num))
	if err != nil {
		return j.from, err
	}
	if r == nil {
		return j.from, fmt.Errorf("resource %d is not in the store", j.num)
	}
	var oldest time.Time
	if len(j.changes) > 0 {
		oldest = j.changes[0].At
	}
	err = w.attempt(oldest, func() error {
		return t.Sync(ctx, &target.Work{
			Resource: r, Attempt: j.attempt, Touched: w.touched(ctx, j), Directory: work, Links: work, Ensure: work.ensure,
		})
	})
	if err != nil {
		return j.from, err
	}
	return j.upto, nil
}

// isHeld returns errHeld for a resource that is frozen: a target goes on with what it was before.
func (w *Walker) isHeld(ctx context.Context, holds bool, n store.Num) (bool, error) {
	if !holds {
		return false, nil
	}
	hold, _, err := w.db.HeldBy(ctx, w.tenant, n)
	if err != nil {
		return false, storeFault(ctx, "read what is held", err)
	}
	if hold != 0 {
		return true, errHeld
	}
	return false, nil
}

// touched yields the members that the changes of a job added or removed.
func (w *Walker) touched(ctx context.Context, j job) iter.Seq2[target.Num, error] {
	return func(yield func(target.Num, error) bool) {
		seen := map[store.Num]struct{}{}
		for from := j.from; from < j.upto; {
			page := j.changes
			if !j.whole {
				var err error
				if page, err = w.db.ChangesOf(ctx, w.tenant, j.num, from+1, j.upto, loadSize); err != nil {
					yield(0, storeFault(ctx, "read membership changes", err))
					return
				}
			}
			for _, c := range page {
				from = c.Seq
				for _, e := range c.Edges {
					if _, twice := seen[e.Child]; twice || e.Rel != store.Members {
						continue
					}
					if len(seen) >= touchedSize {
						clear(seen)
					}
					seen[e.Child] = struct{}{}
					if !yield(target.Num(e.Child), nil) {
						return
					}
				}
			}
			if j.whole || len(page) < loadSize {
				return
			}
		}
	}
}

// call is what the work on one resource may ask for.
type call struct {
	w    *Walker
	num  store.Num // the resource worked on
	bare bool
}

var (
	_ target.Directory = call{}
	_ target.Links     = call{}
)

// Resource implements [target.Directory].
func (c call) Resource(ctx context.Context, n target.Num) (*target.Resource, error) {
	rows, err := c.w.db.ByNum(ctx, c.w.tenant, []store.Num{store.Num(n)})
	if err != nil {
		return nil, storeFault(ctx, "read a resource", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return c.resource(rows[0])
}

// Lookup implements [target.Directory].
func (c call) Lookup(ctx context.Context, id string) (*target.Resource, error) {
	row, err := c.w.db.Get(ctx, c.w.tenant, "", id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, storeFault(ctx, "look up a resource", err)
	}
	return c.resource(row)
}

func (c call) resource(row *store.Resource) (*target.Resource, error) {
	r := &target.Resource{
		Num: target.Num(row.Num), Type: row.Type, ID: row.ID, Person: row.Person, Version: row.Version, Live: !row.Deleted,
	}
	if row.Deleted {
		return r, nil
	}
	var err error
	if r.Document, err = c.w.o.Schemas.Document(row); err != nil {
		return nil, fmt.Errorf("decode the document of resource %d: %w", row.Num, err)
	}
	return r, nil
}

// Members implements [target.Directory].
func (c call) Members(ctx context.Context, group, after target.Num) iter.Seq2[target.Num, error] {
	return func(yield func(target.Num, error) bool) {
		for ref, err := range c.w.db.Children(ctx, c.w.tenant, store.Members, store.Num(group), store.Num(after)) {
			if err != nil {
				yield(0, storeFault(ctx, "read the members of a group", err))
				return
			}
			if !yield(target.Num(ref.Num), nil) {
				return
			}
		}
	}
}

// IsMember implements [target.Directory].
func (c call) IsMember(ctx context.Context, group target.Num, members []target.Num) (map[target.Num]bool, error) {
	nums := make([]store.Num, len(members))
	for i, n := range members {
		nums[i] = store.Num(n)
	}
	found, err := c.w.db.IsChild(ctx, c.w.tenant, store.Members, store.Num(group), nums)
	if err != nil {
		return nil, storeFault(ctx, "read memberships", err)
	}
	is := make(map[target.Num]bool, len(found))
	for n, yes := range found {
		is[target.Num(n)] = yes
	}
	return is, nil
}

// Get implements [target.Links].
func (c call) Get(ctx context.Context, n target.Num) (*target.Link, error) {
	return link(ctx)(c.w.db.Link(ctx, c.w.tenant, c.w.o.Name, store.Num(n)))
}

// ByRemote implements [target.Links].
func (c call) ByRemote(ctx context.Context, typ, remoteID string) (*target.Link, error) {
	return link(ctx)(c.w.db.LinkByRemote(ctx, c.w.tenant, c.w.o.Name, typ, remoteID))
}

func link(ctx context.Context) func(store.Link, error) (*target.Link, error) {
	return func(l store.Link, err error) (*target.Link, error) {
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, storeFault(ctx, "read a link", err)
		}
		return &target.Link{Num: target.Num(l.Num), Type: l.Type, RemoteID: l.RemoteID, Digest: l.Digest}, nil
	}
}

// Put implements [target.Links]. A link that is new, or leads elsewhere than before, goes through the
// walker, which marks in the same transaction what has become dirty by it.
func (c call) Put(ctx context.Context, l *target.Link) error {
	row := store.Link{
		LinkKey: store.LinkKey{Target: c.w.o.Name, Num: store.Num(l.Num)}, Type: l.Type, RemoteID: l.RemoteID, Digest: l.Digest,
	}
	old, err := c.w.db.Link(ctx, c.w.tenant, c.w.o.Name, row.Num)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
	case err == nil && old.Type == row.Type && old.RemoteID == row.RemoteID:
		err = c.w.write(ctx, &store.Rows{Links: []store.Link{row}})
	default:
		err = c.relink(ctx, row.Num, &row)
	}
	if _, taken := errors.AsType[*outbound.Error](err); taken {
		return err
	}
	if err != nil {
		return storeFault(ctx, "write a link", err)
	}
	return nil
}

// Delete implements [target.Links]. Who refers to the resource is dirty by it, as with Put.
func (c call) Delete(ctx context.Context, n target.Num) error {
	if err := c.relink(ctx, store.Num(n), nil); err != nil {
		return storeFault(ctx, "remove a link", err)
	}
	return nil
}
