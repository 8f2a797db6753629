package delivery

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// detoursOf returns the rows of the resources of a page, as they are or are about to be.
func (w *Walker) detoursOf(ctx context.Context, page []*store.Change) (map[store.Num]*store.Detour, error) {
	nums := make([]store.Num, 0, len(page))
	seen := make(map[store.Num]bool, len(page))
	for _, c := range page {
		if !seen[c.Num] {
			seen[c.Num] = true
			nums = append(nums, c.Num)
		}
	}
	return w.rowsOf(ctx, nums)
}

func (w *Walker) rowsOf(ctx context.Context, nums []store.Num) (map[store.Num]*store.Detour, error) {
	list, err := w.db.DetoursOf(ctx, w.tenant, w.o.Name, nums)
	if err != nil {
		return nil, fmt.Errorf("read detours of a page: %w", err)
	}
	rows := make(map[store.Num]*store.Detour, len(list))
	for i := range list {
		rows[list[i].Num] = &list[i]
	}
	for _, n := range nums {
		if row, ok := w.rows[n]; ok {
			rows[n] = row
		}
	}
	return rows, nil
}

// loadDue makes lanes of the rows behind whose time has come.
func (w *Walker) loadDue(ctx context.Context, now time.Time) error {
	w.moreDue, w.nextDue = false, time.Time{}
	if w.active >= w.o.Window {
		w.leftDue = true
		return nil
	}
	if len(w.rows) > 0 {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	// Rows in lanes keep their time until they are settled or fail again, and so come first.
	limit := w.active + w.o.Window
	due, err := w.db.DueDetours(ctx, w.tenant, w.o.Name, limit)
	if err != nil {
		return fmt.Errorf("read due detours: %w", err)
	}
	for i := range due {
		row := &due[i]
		if w.lanes[row.Num] != nil {
			continue
		}
		if row.Next.After(now) {
			w.nextDue = row.Next
			return nil
		}
		if w.active >= w.o.Window {
			w.leftDue = true
			return nil
		}
		w.begin(row, false)
	}
	w.leftDue = len(due) == limit
	return nil
}

// begin makes the lane of a row behind, and makes it ready; ends: it ends somebody's access.
func (w *Walker) begin(row *store.Detour, ends bool) *lane {
	l := w.lane(row.Num, row.From-1)
	l.row, l.attempts = row, row.Attempts
	l.dirty = w.isState() // also when nothing more is known than that it is dirty
	if targetReason(row.Reason) {
		l.struck = 0
	}
	w.active++
	w.reach(l, max(w.walked, row.Upto))
	l.urgent = ends
	w.enqueue(l)
	return l
}

// setRow covers a lane with a row behind, so that the window can go on without it.
func (w *Walker) setRow(l *lane, row store.Detour) {
	row.DetourKey = store.DetourKey{Target: w.o.Name, Num: l.num}
	row.From, row.Upto, row.Attempts = l.from+1, l.upto, l.attempts
	if l.row == nil {
		w.behind++
		w.active++
	}
	l.row = &row
	l.partial, l.changes = true, nil
	w.rows[l.num] = &row
	delete(w.passing, l.num)
	w.held -= l.release()
}

// park ends a lane that is covered by a row, until the row's time has come.
func (w *Walker) park(l *lane) {
	if w.nextDue.IsZero() || l.row.Next.Before(w.nextDue) {
		w.nextDue = l.row.Next
	}
	w.forget(l)
}

// settled ends a lane that has nothing left to do. What it has settled beyond the cursor is kept, so
// that a restart does not go over it again from before what the target has seen last.
func (w *Walker) settled(l *lane) {
	if l.row != nil {
		w.behind--
	}
	low := w.low()
	switch {
	case l.from > low && (l.row != nil || l.from > w.walked):
		row := store.Detour{DetourKey: store.DetourKey{Target: w.o.Name, Num: l.num}, Ahead: true, Upto: l.from}
		w.rows[l.num] = &row
		delete(w.passing, l.num)
		if l.from <= w.walked {
			w.passing[l.num] = l.from
		}
	case l.row != nil:
		w.rows[l.num] = nil
	}
	w.forget(l)
}

// forget takes a lane out of memory.
func (w *Walker) forget(l *lane) {
	if l.row != nil {
		w.active--
		if w.leftDue && w.active <= w.o.Window/2 {
			w.leftDue, w.moreDue = false, true
		}
	}
	if l.beyond {
		w.ahead--
	}
	l.queued = false
	delete(w.lanes, l.num)
}

// dirtyRows reports whether there is anything to write.
func (w *Walker) dirtyRows() bool {
	return len(w.rows) > 0 || len(w.links) > 0 || w.low() > w.cursor
}

// flush writes the cursor and the rows that it counts on in one transaction.
func (w *Walker) flush(ctx context.Context) error {
	low := w.low()
	rows := &store.Rows{}
	if low > w.cursor {
		rows.Cursors = append(rows.Cursors, store.Cursor{Target: w.o.Name, Seq: low})
	}
	for n, upto := range w.passing {
		if upto <= low {
			w.rows[n] = nil
		}
	}
	for n, row := range w.rows {
		if row == nil {
			rows.Undetours = append(rows.Undetours, store.DetourKey{Target: w.o.Name, Num: n})
		} else {
			rows.Detours = append(rows.Detours, *row)
		}
	}
	for _, l := range w.links {
		if l.put != nil {
			rows.Links = append(rows.Links, *l.put)
		} else {
			rows.Unlinks = append(rows.Unlinks, store.LinkKey{Target: w.o.Name, Num: l.num})
		}
	}
	err := w.write(ctx, rows)
	if w.refused = err != nil; w.refused {
		return fmt.Errorf("write cursor and detours: %w", err)
	}
	w.cursor, w.flushed = max(w.cursor, low), time.Now()
	clear(w.rows)
	maps.DeleteFunc(w.passing, func(_ store.Num, upto store.Seq) bool { return upto <= low })
	for _, l := range w.links {
		l.reply <- nil
	}
	w.links = nil
	return nil
}

// write commits rows of the walker's own. Others' contexts do not end it half-way: it is short, and
// what it says is true.
func (w *Walker) write(ctx context.Context, rows *store.Rows) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	rows.Fence = w.o.Fence
	return w.db.Write(ctx, w.tenant, &store.Op{Decide: func(store.View) (*store.Rows, error) { return rows, nil }})
}
