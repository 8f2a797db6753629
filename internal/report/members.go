package report

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// Membership is a time for which somebody was a direct member of a group.
type Membership struct {
	ID    string    `json:"id"`   // of the group, or of the member where a group is reported on
	Type  string    `json:"type"` // of what ID names
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"` // zero: it goes on
	Added string    `json:"added"`          // id of the token that said so
	// Removed is the id of the token that ended it.
	Removed string `json:"removed,omitzero"`

	num   store.Num
	begun store.Seq
	ended store.Seq
}

// during reports whether it was so at some instant from since on and before until; zero: whenever.
func (m *Membership) during(since, until time.Time) bool {
	return (until.IsZero() || m.From.Before(until)) && (since.IsZero() || m.Until.IsZero() || m.Until.After(since))
}

// Members reports who was a direct member of a group at some time between two instants.
func (r *Reporter) Members(ctx context.Context, t store.Tenant, id string, since, until time.Time) ([]Membership, error) {
	row, err := r.store.Former(ctx, t, id)
	if err != nil {
		return nil, err
	}
	var all []Membership
	open := map[store.Num]int{} // places in all
	end := func(n store.Num, c *store.Change) {
		if i, ok := open[n]; ok {
			all[i].Until, all[i].Removed, all[i].ended = c.At, c.Actor, c.Seq
			delete(open, n)
		}
	}
	err = r.history(ctx, t, row.Num, 1, func(c *store.Change) (bool, error) {
		for _, e := range c.Edges {
			// Who comes in again was deleted meanwhile, which ends a membership without a change of the group: cut finds out when.
			end(e.Child, c)
			if !e.Removed {
				open[e.Child] = len(all)
				all = append(all, Membership{ID: e.ChildID, Type: e.ChildType, From: c.At, Added: c.Actor, num: e.Child, begun: c.Seq})
			}
		}
		if c.Kind == store.Deleted {
			for n := range open {
				end(n, c)
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return r.cut(ctx, t, all, since, until)
}

// groups returns the groups that a resource is or was in; only those at an instant unless that is zero.
func (r *Reporter) groups(ctx context.Context, t store.Tenant, n store.Num, at time.Time) ([]Membership, error) {
	moves, err := r.store.EdgeHistory(ctx, t, store.Members, n)
	if err != nil || len(moves) == 0 {
		return nil, err
	}
	var ends []*store.Change // of the resource itself: nobody who was deleted is in a group
	err = r.history(ctx, t, n, 1, func(c *store.Change) (bool, error) {
		if c.Kind == store.Deleted {
			ends = append(ends, c)
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	var all []Membership
	open := map[store.Num]int{}
	for _, m := range moves {
		if i, is := open[m.Parent]; is { // as in Members
			all[i].Until, all[i].Removed, all[i].ended = m.At, m.Actor, m.Seq
			delete(open, m.Parent)
		}
		if !m.Removed {
			open[m.Parent] = len(all)
			all = append(all, Membership{ID: m.ParentID, Type: m.ParentType, From: m.At, Added: m.Actor, num: m.Parent, begun: m.Seq})
		}
	}
	for i := range all {
		for _, c := range ends {
			all[i].endAt(c)
		}
	}
	if at.IsZero() {
		return r.cut(ctx, t, all, at, at)
	}
	return r.cut(ctx, t, all, at, at.Add(1)) // from at on, and begun before the next instant
}

// endAt ends a membership at a deletion that came before its end.
func (m *Membership) endAt(c *store.Change) {
	if c.Seq > m.begun && (m.ended == 0 || c.Seq < m.ended) {
		m.Until, m.Removed, m.ended = c.At, c.Actor, c.Seq
	}
}

// cut ends memberships where the other end was deleted, and leaves out those of other times.
func (r *Reporter) cut(ctx context.Context, t store.Tenant, all []Membership, since, until time.Time) ([]Membership, error) {
	var list []Membership
	for _, m := range all {
		if !m.during(since, until) {
			continue // the deletion could only make it shorter
		}
		err := r.history(ctx, t, m.num, m.begun, func(c *store.Change) (bool, error) {
			if c.Kind == store.Deleted {
				m.endAt(c)
			}
			return c.Kind != store.Deleted && (m.ended == 0 || c.Seq < m.ended), nil
		})
		if err != nil {
			return nil, err
		}
		if m.during(since, until) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b Membership) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.begun, b.begun), cmp.Compare(a.num, b.num))
	})
	return list, nil
}
