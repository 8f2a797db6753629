package delivery

import (
	"time"

	"github.com/muster-id/muster/internal/feed"
)

// Status is what a walker is doing, for people and metrics.
type Status struct {
	Target  string
	State   State
	Since   time.Time     // of State
	Probe   time.Time     // when the target is tried again; zero unless State is slowed, tripped or paused
	Cursor  feed.Position // everything up to here is settled or behind
	Head    feed.Position
	Lag     int64         // changes of the feed beyond the cursor
	Age     time.Duration // of the oldest change in the window that is not settled
	Window  int           // unsettled changes in the window
	Running int           // calls under way
	Behind  int           // resources that failed and are tried again later
	// Reason and LastError are of the last failure; empty after a success.
	Reason, LastError string

	oldest time.Time
}

// Status returns what the walker is doing.
func (w *Walker) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	if !s.oldest.IsZero() {
		s.Age = max(time.Since(s.oldest), 0)
	}
	return s
}

// publish makes the state of the walker's goroutine visible to others.
func (w *Walker) publish() {
	s := Status{
		Target:    w.o.Name,
		State:     w.circuit.state,
		Since:     w.circuit.since,
		Cursor:    feed.Position{Epoch: w.head.Epoch, Seq: w.cursor},
		Head:      feed.Position{Epoch: w.head.Epoch, Seq: w.head.Seq},
		Lag:       int64(max(w.head.Seq-w.cursor, 0)),
		Window:    w.held,
		Running:   w.running,
		Behind:    w.behind,
		Reason:    w.lastReason,
		LastError: w.lastError,
	}
	if s.State != Open && s.State != Disabled {
		s.Probe = w.circuit.until
	}
	if w.suspended {
		s.State, s.Probe = Suspended, time.Time{}
	}
	w.low() // leaves an unsettled change in front
	if len(w.window) > 0 {
		s.oldest = w.window[0].at
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = s
}

func (w *Walker) setError(reason, text string) { w.lastReason, w.lastError = reason, text }
