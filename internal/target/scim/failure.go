package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/scim/client"
)

// failure makes of an error of the client the one that delivery decides by. Errors
// of Directory and Links pass as they are: they are not the peer's.
func failure(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*outbound.Error](err); ok {
		return err
	}
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	if e.Err != nil {
		return unusable(e)
	}
	out := outbound.Classify(&http.Response{StatusCode: e.Status, Header: http.Header{"Retry-After": {e.RetryAfter}}}, nil)
	if why := e.Why(); why != "" && out.Err == nil {
		out.Err = brief{err, why}
	}
	if out.Reason == outbound.ReasonConflict {
		out.Retry = true // whoever holds the name may be about to give it up: its own change is on the way
	}
	return out
}

// unusable is a success whose answer could not be read.
func unusable(e *client.Error) error {
	switch {
	case errors.Is(e, client.ErrTooLarge):
		return &outbound.Error{Retry: true, Fault: outbound.FaultTheirs, Reason: outbound.ReasonTooLarge, Status: e.Status, Err: brief{e, e.Why()}}
	case errors.Is(e, client.ErrAnswer):
		return &outbound.Error{Retry: true, Fault: outbound.FaultTheirs, Reason: outbound.ReasonProtocol, Status: e.Status, Err: brief{e, e.Why()}}
	default: // the connection broke within it
		out := outbound.Classify(nil, e.Err)
		out.Status = e.Status
		return out
	}
}

// brief is an error with a text that does not repeat the status.
type brief struct {
	error
	text string
}

func (b brief) Error() string { return b.text }
func (b brief) Unwrap() error { return b.error }

// lies is a peer whose answer says success and something else.
func lies(format string, args ...any) error {
	return &outbound.Error{Retry: true, Fault: outbound.FaultTheirs, Reason: outbound.ReasonProtocol, Err: fmt.Errorf(format, args...)}
}

// conflict is an account about which a person has to decide.
func conflict(format string, args ...any) error {
	return &outbound.Error{Fault: outbound.FaultOurs, Reason: outbound.ReasonConflict, Err: fmt.Errorf(format, args...)}
}

// status returns the status of an answer that is no success; 0: the error is another one.
func status(err error) int {
	if e, ok := errors.AsType[*client.Error](err); ok && e.Err == nil {
		return e.Status
	}
	return 0
}

// gone reports whether the peer says that it has no such resource.
func gone(err error) bool {
	s := status(err)
	return s == http.StatusNotFound || s == http.StatusGone
}

// trouble reports whether an error is about the peer as a whole or about us, so that it would come again for
// the next resource.
func trouble(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	e, ok := errors.AsType[*outbound.Error](err)
	return ok && (e.Reason == outbound.ReasonAuth || e.Reason == outbound.ReasonRateLimited || e.Retry && e.Fault == outbound.FaultNetwork)
}
