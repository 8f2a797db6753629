package access

import (
	"fmt"
	"net/http"
	"time"
)

// Reason says why a request was not authenticated. It is for metrics and the
// audit, never for the client, which gets the same answer for all of a status.
type Reason string

// The reasons.
const (
	ReasonMissing     Reason = "missing"     // no bearer credential
	ReasonMalformed   Reason = "malformed"   // not the form of a token
	ReasonUnknown     Reason = "unknown"     // no such token, or revoked
	ReasonTenant      Reason = "tenant"      // a token of another tenant, or no such tenant
	ReasonExpired     Reason = "expired"     // its time is over
	ReasonCertificate Reason = "certificate" // bound to a certificate that was not shown
	ReasonAddress     Reason = "address"     // used from an address that is not allowed
	ReasonInactive    Reason = "inactive"    // the person it speaks for may not use the service
	ReasonLimited     Reason = "limited"     // the address failed too often
	ReasonUnavailable Reason = "unavailable" // the look-up itself failed
)

// An Error is a request that was not authenticated.
type Error struct {
	Status     int           // 400, 401, 429 or 503
	Reason     Reason        // for metrics and the audit, not for the client
	RetryAfter time.Duration // for 429 and 503, at least a second
	Err        error         // the cause, for the log; nil unless the look-up failed
}

// Error says what happened, for the log.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("authenticate: %s: %v", e.Reason, e.Err)
	}
	return fmt.Sprintf("authenticate: %s", e.Reason)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Detail is what the client is told: how to mend it, and not which part failed.
func (e *Error) Detail() string {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return "too many failed authentications from this address; try again later"
	case e.Status == http.StatusServiceUnavailable:
		return "credentials cannot be checked at the moment; try again later"
	case e.Status == http.StatusBadRequest:
		return "the request has more than one Authorization header"
	case e.Reason == ReasonMissing:
		return "send the header Authorization: Bearer <token>"
	default:
		return "the bearer token is not valid"
	}
}

// Challenge is the WWW-Authenticate header of a 401 (RFC 6750 §3, AUTH-04): the
// error code only if a token was presented. It is empty for other statuses.
func (e *Error) Challenge() string {
	switch {
	case e.Status != http.StatusUnauthorized:
		return ""
	case e.Reason == ReasonMissing:
		return `Bearer realm="Muster"`
	default:
		return `Bearer realm="Muster", error="invalid_token"`
	}
}
