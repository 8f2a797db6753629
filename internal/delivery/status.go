package delivery

import (
	"time"

	"github.com/muster-id/muster/internal/feed"
)

// Status is what a walker is doing, for people and metrics.
type Status struct {
	Target   string
	State    State
	Since    time.Time // of State
	Probe    time.Time // when the target is tried again; zero unless State is another one than open
	Cursor   feed.Position
	Head     feed.Position
	Lag      int64     // changes of the feed beyond the cursor
	Oldest   time.Time // commit of the oldest change in the window that is not settled; zero: none
	Running  int       // calls under way
	Window   int       // unsettled changes in the window
	Detours  int       // resources behind: parked or being tried again
	Failures int       // of the target, in a row
	// Reason and Detail are of the last failure; empty after a success.
	Reason, Detail string
}

// Status returns what the walker is doing.
func (w *Walker) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// publish makes the state of the walker's goroutine visible to others.
func (w *Walker) publish() {
	s := Status{
		Target:   w.o.Name,
		State:    w.circuit.state,
		Since:    w.circuit.since,
		Cursor:   feed.Position{Epoch: w.head.Epoch, Seq: w.cursor},
		Head:     feed.Position{Epoch: w.head.Epoch, Seq: w.head.Seq},
		Lag:      int64(max(w.head.Seq-w.cursor, 0)),
		Running:  w.running,
		Window:   w.held,
		Detours:  w.behind,
		Failures: w.circuit.failures,
		Reason:   w.lastReason,
		Detail:   w.lastDetail,
	}
	if s.State != Open && s.State != Disabled {
		s.Probe = w.circuit.until
	}
	for _, e := range w.window {
		if e.lane != nil {
			s.Oldest = e.at
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = s
}

func (w *Walker) setError(reason, detail string) { w.lastReason, w.lastDetail = reason, detail }
