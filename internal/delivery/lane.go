package delivery

import (
	"time"

	"github.com/muster-id/muster/internal/store"
)

// lane is one resource on its way: what of it is settled and what is to be. It lives while there is
// something to do now; what waits for a time is a row only.
type lane struct {
	num  store.Num
	from store.Seq // everything of the resource up to here is settled
	upto store.Seq // everything up to here is to be settled

	changes []*store.Change // all that is between from and upto, unless partial
	partial bool            // they have to be loaded
	entries []*entry        // of the window, that count as unsettled until this lane has settled them

	row      *store.Detour // the row behind that covers the resource; nil: none
	parked   bool          // its row waits for a time; the lane only serves an Ensure
	beyond   bool          // upto is further than the walker has read
	attempts int           // failures counted
	dirty    bool          // to be synced whatever changed
	urgent   bool          // ends somebody's access
	queued   bool
	place    class // where it is queued
	running  bool
	started  time.Time

	struck   int // the circuit's wins when this lane last put the target out of open; -1: never
	waitsFor store.Num
	waiters  []*acquire
	owed     bool // an Ensure ended in a circle: once more
}

// entry is a change in the window.
type entry struct {
	seq  store.Seq
	at   time.Time
	lane *lane // nil: settled, or left to a row
}

// settle notes that everything up to seq is settled, and returns how many entries of the window that frees.
func (l *lane) settle(seq store.Seq) (freed int) {
	l.from = max(l.from, seq)
	for len(l.changes) > 0 && l.changes[0].Seq <= l.from {
		l.changes = l.changes[1:]
	}
	for freed < len(l.entries) && l.entries[freed].seq <= l.from {
		l.entries[freed].lane = nil
		freed++
	}
	l.entries = l.entries[freed:]
	return freed
}

// release lets the window go on without this lane, because a row covers it, and returns how many
// entries that frees.
func (l *lane) release() (freed int) {
	for _, e := range l.entries {
		e.lane = nil
	}
	freed, l.entries = len(l.entries), nil
	return freed
}

// pending reports whether there is anything left to do.
func (l *lane) pending() bool { return !l.parked && (l.from < l.upto || l.dirty) }

// class is the order in which lanes get slots.
type class uint8

const (
	urgent class = iota // ends somebody's access
	retry               // covered by a row behind; at most half of the slots
	normal
	classes
)

// queue is the lanes that are ready, first in first out in each class.
type queue [classes][]*lane

// push adds a lane, or moves it to a more urgent class.
func (q *queue) push(l *lane, c class) {
	if l.running || l.parked || l.queued && l.place <= c {
		return
	}
	l.queued, l.place = true, c
	q[c] = append(q[c], l)
}

// peek returns the next lane of a class, or nil.
func (q *queue) peek(c class) *lane {
	for len(q[c]) > 0 {
		// A lane that was moved to another class left its old place behind.
		if l := q[c][0]; l.queued && l.place == c {
			return l
		}
		q[c] = q[c][1:]
	}
	return nil
}

// pop takes the lane that peek returned.
func (q *queue) pop(c class) *lane {
	l := q.peek(c)
	if l != nil {
		q[c] = q[c][1:]
		l.queued = false
	}
	return l
}
