package outbound

import (
	"fmt"
	"time"
)

// Fault says who has to do something about a failed attempt.
type Fault string

// The faults.
const (
	FaultOurs    Fault = "ours"    // our request, credential or configuration
	FaultTheirs  Fault = "theirs"  // the program at the other end
	FaultNetwork Fault = "network" // something between
)

// Reason classifies a failed attempt. It is a metric label: the set is closed.
type Reason string

// The reasons.
const (
	ReasonRefused     Reason = "refused"      // the guard forbids the address or URL
	ReasonDNS         Reason = "dns"          // the name has no address
	ReasonConnect     Reason = "connect"      // no connection, or it broke
	ReasonTLS         Reason = "tls"          // handshake or certificate
	ReasonTimeout     Reason = "timeout"      // the total deadline passed
	ReasonCanceled    Reason = "canceled"     // our own caller gave up
	ReasonProtocol    Reason = "protocol"     // the answer is not HTTP as we speak it
	ReasonTooLarge    Reason = "too_large"    // the answer's body is over the cap
	ReasonEncoding    Reason = "encoding"     // the answer is compressed although nobody asked
	ReasonRedirect    Reason = "redirect"     // 3xx
	ReasonAuth        Reason = "auth"         // 401, 403, 407
	ReasonNotFound    Reason = "not_found"    // 404
	ReasonConflict    Reason = "conflict"     // 409, 412
	ReasonGone        Reason = "gone"         // 410
	ReasonInvalid     Reason = "invalid"      // 400, 413, 422
	ReasonBusy        Reason = "busy"         // 408, 423, 425
	ReasonRateLimited Reason = "rate_limited" // 429
	ReasonServer      Reason = "server"       // 5xx
	ReasonStatus      Reason = "status"       // any other status
)

// Reasons lists all reasons, for whoever fills a metric in advance.
func Reasons() []Reason {
	return []Reason{
		ReasonRefused, ReasonDNS, ReasonConnect, ReasonTLS, ReasonTimeout, ReasonCanceled,
		ReasonProtocol, ReasonTooLarge, ReasonEncoding, ReasonRedirect, ReasonAuth, ReasonNotFound,
		ReasonConflict, ReasonGone, ReasonInvalid, ReasonBusy, ReasonRateLimited, ReasonServer, ReasonStatus,
	}
}

// An Error is a failed attempt: what happened, and what to do about it.
type Error struct {
	Retry  bool          // the same request may succeed later without a person doing anything
	After  time.Duration // not before this long from now; zero: as the caller's own schedule says
	Fault  Fault
	Reason Reason
	Status int   // of the answer; zero if there was none
	Err    error // the cause; nil if the status says it all
}

// Error says what happened, without URL, headers or body.
func (e *Error) Error() string {
	switch {
	case e.Err != nil && e.Status != 0:
		return fmt.Sprintf("answered %d: %v", e.Status, e.Err)
	case e.Err != nil:
		return e.Err.Error()
	default:
		return fmt.Sprintf("answered %d", e.Status)
	}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refusedf returns the guard's refusal. It may be retried: a name can move to an
// address that is allowed, and an operator can mend the allow-list.
func refusedf(format string, args ...any) *Error {
	return &Error{Retry: true, Fault: FaultOurs, Reason: ReasonRefused, Err: fmt.Errorf(format, args...)}
}
