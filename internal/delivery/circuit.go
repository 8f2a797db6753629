package delivery

import "time"

// State is what a target as a whole is in. See the package comment.
type State string

// The states of a target.
const (
	Open     State = "open"
	Slowed   State = "slowed"
	Tripped  State = "tripped"
	Paused   State = "paused"
	Disabled State = "disabled"
	// Suspended is not of the circuit: nothing may be sent at the moment, whatever the target would say.
	Suspended State = "suspended"
	// Elsewhere is that of a target that another node delivers to. No walker is in it.
	Elsewhere State = "elsewhere"
)

const (
	tripAfter  = 5
	firstProbe = 30 * time.Second
	lastProbe  = 10 * time.Minute
	pauseProbe = 5 * time.Minute
	askAgain   = time.Second // whether anything may be sent
)

// circuit decides whether anything may be sent to a target. It has no clock of its own.
type circuit struct {
	state    State
	since    time.Time
	until    time.Time // no probe before
	failures int       // in a row, of the target
	wait     time.Duration
	probing  bool
	wins     int // successes so far: whether the target has worked since some moment
}

// allows reports whether one more call may be made now, besides those running.
func (c *circuit) allows(now time.Time) bool {
	switch c.state {
	case Open:
		return true
	case Disabled:
		return false
	default:
		return !c.probing && !now.Before(c.until)
	}
}

// sent notes a call that allows let through.
func (c *circuit) sent() {
	if c.state != Open {
		c.probing = true
	}
}

// alive notes an answer that shows the target to be well, whatever it said about one resource. It reports
// whether the target was not open before.
func (c *circuit) alive(now time.Time) (recovered bool) {
	c.wins++
	if c.state == Disabled {
		return false // a call that was on its way when the receiver said goodbye
	}
	recovered = c.state != Open
	if recovered {
		c.since = now
	}
	c.state, c.failures, c.wait, c.probing, c.until = Open, 0, 0, false, time.Time{}
	return recovered
}

// failed notes a failure that may be the target's. It reports whether the circuit opened by it.
func (c *circuit) failed(now time.Time, r float64) (tripped bool) {
	c.failures++
	if c.state == Open && c.failures < tripAfter {
		return false
	}
	return c.leave(Tripped, 0, now, r)
}

// leave puts the target into a state other than open for a while; 0: as long as the circuit says. It
// reports whether the state is another one now. A call that was on its way when the target left open
// already can make the time longer, and tells nothing else: the state is the probe's to change.
func (c *circuit) leave(s State, d time.Duration, now time.Time, r float64) (entered bool) {
	if c.state == Disabled {
		return false
	}
	if late := c.state != Open && !c.probing && s != Disabled; !late {
		entered = c.state != s
		if entered {
			c.state, c.since = s, now
		}
		c.probing = false
		c.wait = min(max(2*c.wait, firstProbe), lastProbe)
		if d == 0 {
			d = jitter(c.wait, r)
		}
	}
	if until := now.Add(min(d, maxWait)); until.After(c.until) {
		c.until = until
	}
	return entered
}
