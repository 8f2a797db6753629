package scim

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrorType is the scimType of an error (RFC 7644 table 9).
type ErrorType string

// The values of scimType that RFC 7644 §3.12 defines.
const (
	InvalidFilter ErrorType = "invalidFilter"
	TooMany       ErrorType = "tooMany"
	Uniqueness    ErrorType = "uniqueness"
	Mutability    ErrorType = "mutability"
	InvalidSyntax ErrorType = "invalidSyntax"
	InvalidPath   ErrorType = "invalidPath"
	NoTarget      ErrorType = "noTarget"
	InvalidValue  ErrorType = "invalidValue"
	InvalidVers   ErrorType = "invalidVers"
	Sensitive     ErrorType = "sensitive"
)

// The values of scimType that RFC 9865 §2.1 adds for paging by cursor.
const (
	InvalidCursor ErrorType = "invalidCursor"
	ExpiredCursor ErrorType = "expiredCursor"
	InvalidCount  ErrorType = "invalidCount"
)

// Error is a refusal as the client sees it (RFC 7644 §3.12): an HTTP status, an
// optional scimType and a sentence that says what was wrong, where, and what to
// do. Detail is sent as it is: it holds no secret, no internals, and input only
// through Quote.
type Error struct {
	Status     int           // HTTP status code
	Type       ErrorType     // empty: none
	Detail     string        // one sentence, safe for clients
	RetryAfter time.Duration // above 0: sent as Retry-After in whole seconds, rounded up
	// Challenge is sent in WWW-Authenticate, behind the scheme Bearer and the realm: error="insufficient_scope", scope="…"
	// (RFC 6750 §3). Defaults to what a status 401 needs, and nothing for others.
	Challenge string
	Err       error // the cause, for the log only
}

// Error returns status, scimType and detail, followed by the cause if there is one.
func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s", e.Status, e.Detail)
	if e.Type != "" {
		s = fmt.Sprintf("%d %s: %s", e.Status, e.Type, e.Detail)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// BadRequest returns a 400 with a scimType.
func BadRequest(t ErrorType, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: t, Detail: fmt.Sprintf(format, args...)}
}

// Errorf returns an error of any status without a scimType.
func Errorf(status int, format string, args ...any) *Error {
	return &Error{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// Taken returns the 409 of a value that another resource holds (RFC 7644 §3.3).
func Taken(attribute string) *Error {
	return &Error{Status: http.StatusConflict, Type: Uniqueness, Detail: attribute + " is taken by another resource"}
}

// NotFound returns the 404 of an unknown resource. It never says whether the id
// exists elsewhere.
func NotFound(id string) *Error {
	return &Error{Status: http.StatusNotFound, Detail: "resource " + Quote(id) + " not found"}
}

// AsError returns err as an *Error, or nil if it is not one.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// Quote prints input for a detail: escaped, in double quotes, cut to 64 characters.
func Quote(s string) string {
	n := 0
	for i := range s {
		if n == 64 {
			return fmt.Sprintf("%q", s[:i]+"…")
		}
		n++
	}
	return fmt.Sprintf("%q", s)
}
