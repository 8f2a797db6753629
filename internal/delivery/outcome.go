package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/store"
)

// Reasons of our own, beside those of package outbound. They stand in rows and metric labels.
const (
	reasonSlow     = "slow"     // the call runs for longer than a second
	reasonPanic    = "panic"    // the code of a kind of target has a bug
	reasonInternal = "internal" // an error that is not an outbound.Error
	reasonDirty    = "dirty"    // something that it refers to, or that refers to it, has changed
	reasonWaiting  = "waiting"  // two resources wait for each other
	reasonStore    = "store"    // the store failed during the call
	reasonHeld     = "held"     // a person has to decide first; see package guard
)

// errHeld ends a turn at a change that the guard holds.
var errHeld = errors.New("the guard holds it")

// heldWait is how long something held waits before it is looked at again. A decision wakes it at once, in this process.
const heldWait = time.Minute

// errStore marks a failure of the store in the middle of a call: nobody's attempt.
var errStore = errors.New("the store failed")

// blame says whom a failure tells something about.
type blame uint8

const (
	blameResource blame = iota // this resource; the target has answered and is well
	blameEither                // the resource or the target: counted for both
	blameSlow                  // the target asks for time
	blamePause                 // the target refuses our credential
	blameDisable               // the target is gone
	blameStore                 // our store
	blameNobody                // we have cut the call off
)

// verdict is what follows from an error.
type verdict struct {
	blame  blame
	retry  bool
	after  time.Duration
	reason string
	detail string
	answer bool // the target has answered, so it is well
}

// judge reads the error of a call.
func judge(err error, stream bool) verdict {
	if errors.Is(err, errStore) {
		return verdict{blame: blameStore, reason: reasonStore, retry: true}
	}
	e, ok := errors.AsType[*outbound.Error](err)
	if !ok {
		reason := reasonInternal
		switch {
		case errors.Is(err, context.Canceled):
			return verdict{blame: blameNobody, detail: cut(err.Error())}
		case errors.Is(err, errPanic):
			reason = reasonPanic
		case errors.Is(err, errCircle):
			reason = reasonWaiting
		}
		return verdict{blame: blameResource, retry: true, reason: reason, detail: cut(err.Error())}
	}
	v := verdict{
		blame: blameResource, retry: e.Retry, after: min(e.After, maxWait),
		reason: string(e.Reason), detail: cut(err.Error()), answer: e.Status != 0,
	}
	switch {
	case e.Reason == outbound.ReasonCanceled:
		v.blame = blameNobody
	case e.Reason == outbound.ReasonAuth:
		v.blame = blamePause
	case e.Reason == outbound.ReasonGone && stream:
		v.blame = blameDisable
	case e.Reason == outbound.ReasonRateLimited, e.Reason == outbound.ReasonServer && e.After > 0:
		v.blame = blameSlow
	case e.Retry && e.Reason != outbound.ReasonBusy && e.Reason != outbound.ReasonConflict:
		v.blame = blameEither
	}
	return v
}

// targetReason reports whether a row's reason is of the kind that puts the whole target out of open.
func targetReason(reason string) bool {
	return reason == string(outbound.ReasonAuth) || reason == string(outbound.ReasonRateLimited)
}

// maxDetail bounds the text of an error that is kept in a row.
const maxDetail = 512

func cut(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	n := maxDetail
	for n > 0 && s[n]&0xC0 == 0x80 { // not in the middle of a character
		n--
	}
	return s[:n] + "…"
}

// finish takes in what came of a job.
func (w *Walker) finish(ctx context.Context, r result) {
	w.running--
	if r.class == retry {
		w.retries--
	}
	w.conclude(ctx, r)
}

// conclude takes in what came of a call for a lane, made by a job or by an Ensure.
func (w *Walker) conclude(ctx context.Context, r result) {
	l := r.lane
	l.running, l.waitsFor = false, 0
	now := time.Now()
	if r.settled > l.from {
		l.attempts = 0
		if r.err != nil {
			w.well(ctx, now) // what failed is another change than before
		}
	}
	w.held -= l.settle(r.settled)
	w.note(l.num, r.note)
	if r.err == nil && l.owed {
		r.err = errCircle
	}
	l.owed = false
	if r.err == nil {
		w.well(ctx, now)
		w.setError("", "")
		l.attempts, l.struck = 0, -1
	} else {
		w.fail(ctx, l, r.err, now)
	}
	w.hand(l)
}

// note remembers how much of a change has been delivered.
func (w *Walker) note(n store.Num, note note) {
	switch {
	case note.done == 0:
		delete(w.notes, n)
	case len(w.notes) < maxNotes:
		w.notes[n] = note
	}
}

// well notes that the target works.
func (w *Walker) well(ctx context.Context, now time.Time) {
	if w.circuit.alive(now) {
		w.log.LogAttrs(ctx, slog.LevelInfo, "target is well again")
	}
}

// fail decides what becomes of a lane and of the target after a failure.
func (w *Walker) fail(ctx context.Context, l *lane, err error, now time.Time) {
	if errors.Is(err, errHeld) { // nobody's failure
		w.circuit.probing = false
		w.setRow(l, store.Detour{Next: now.Add(heldWait), Reason: reasonHeld, Detail: "it waits for a decision: muster guard list"})
		l.parked = true
		return
	}
	v := judge(err, !w.isState())
	w.setError(v.reason, v.detail)
	// The same resource has put the target out of open before, and others have succeeded since.
	if (v.blame == blameSlow || v.blame == blamePause) && l.struck >= 0 && w.circuit.wins > l.struck {
		v.blame = blameResource
	}
	if v.blame == blameNobody && !w.draining {
		// Nobody has cut it off but itself.
		v = verdict{blame: blameResource, retry: true, reason: reasonInternal, detail: v.detail}
	}
	out := w.circuit.state != Open
	switch v.blame {
	case blameNobody, blameStore:
		// As if it had not been begun.
		w.circuit.probing = false
		l.dirty = l.dirty || w.isState()
		if v.blame == blameStore {
			w.fault(ctx, err)
		}
		return
	case blameDisable:
		if w.circuit.leave(Disabled, 0, now, 0) {
			w.log.LogAttrs(ctx, slog.LevelError, "target is disabled: the receiver says that it is gone for good",
				slog.String("err", v.detail))
		}
	case blamePause:
		if w.circuit.leave(Paused, jitter(pauseProbe, w.random()), now, w.random()) {
			w.log.LogAttrs(ctx, slog.LevelError, "target is paused: it refuses our credential", slog.String("err", v.detail))
		}
	case blameSlow:
		w.circuit.failures++
		if w.circuit.leave(Slowed, v.after, now, w.random()) {
			w.log.LogAttrs(ctx, slog.LevelWarn, "target is slowed down: it asks for time", slog.Duration("after", v.after))
		}
	case blameEither:
		if w.circuit.failed(now, w.random()) {
			w.log.LogAttrs(ctx, slog.LevelWarn, "target is tripped: too many failures in a row",
				slog.String("reason", v.reason), slog.String("err", v.detail))
		}
	case blameResource:
		if v.answer {
			w.well(ctx, now)
		} else if out {
			w.circuit.leave(w.circuit.state, 0, now, w.random()) // a probe that told nothing
		}
		out = false
	}
	if out || v.blame > blameEither {
		// Not the resource's fault: it goes to the end of the queue, so that the next probe is another one.
		l.struck, l.dirty = w.circuit.wins, l.dirty || w.isState()
		return
	}
	l.attempts++
	level := slog.LevelDebug
	if l.attempts == 1 {
		level = slog.LevelWarn
	}
	tries := l.attempts
	if v.retry && v.reason == string(outbound.ReasonConflict) {
		tries -= conflictTries - 1
	}
	wait := max(jitter(rung(tries, v.retry), w.random()), v.after)
	w.log.LogAttrs(ctx, level, "resource takes a detour",
		slog.Int64("resource", int64(l.num)), slog.Int64("seq", int64(l.from+1)), slog.Int("attempt", l.attempts),
		slog.Duration("wait", wait), slog.String("reason", v.reason), slog.String("err", v.detail))
	w.setRow(l, store.Detour{Next: now.Add(wait), Reason: v.reason, Detail: v.detail})
	l.parked = true
}

// hand gives a lane that is free to whoever is next: a call that waits for it, a slot, or nobody.
func (w *Walker) hand(l *lane) {
	if len(l.waiters) > 0 {
		a := l.waiters[0]
		l.waiters = l.waiters[1:]
		w.grant(l, a)
		return
	}
	switch {
	case l.parked:
		w.park(l)
	case l.pending():
		w.enqueue(l)
	default:
		w.settled(l)
	}
}
