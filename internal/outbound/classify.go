package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxAfter caps Retry-After (R32): whoever asks for more gets a day.
const maxAfter = 24 * time.Hour

// Classify says what became of an attempt, from what [Client.Do] or [ReadBody]
// returned; nil means that it succeeded with a 2xx. It does not touch the body.
//
//	status                retry  fault   reason        what a target does about it (R34)
//	2xx                   -      -       -             done
//	3xx                   yes    theirs  redirect      wait; the URL has moved
//	400 413 422           no     ours    invalid       few tries, then dead letter
//	401 403 407           no     ours    auth          pause the target, alarm
//	404                   no     theirs  not_found     create again, or fail
//	408 423 425           yes    theirs  busy
//	409 412               no     ours    conflict      look the resource up
//	410                   no     theirs  gone          disable a webhook
//	429                   yes    theirs  rate_limited  slow the whole target
//	5xx                   yes    theirs  server
//	any other             no     theirs  status
//
// Retry-After, in seconds or as a date, is honoured up to a day on every answer
// that may be retried.
//
// Keep the result in a variable of its own type: a nil *Error in an error is not nil.
func Classify(resp *http.Response, err error) *Error {
	if err != nil {
		return classifyError(err)
	}
	e := &Error{Fault: FaultTheirs, Status: resp.StatusCode}
	switch code := resp.StatusCode; {
	case code >= 200 && code <= 299:
		return nil
	case code >= 300 && code <= 399:
		e.Retry, e.Reason = true, ReasonRedirect
		e.Err = errors.New("redirects are not followed; configure the URL it leads to")
	case code >= 500 && code <= 599:
		e.Retry, e.Reason = true, ReasonServer
	default:
		switch code {
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			e.Fault, e.Reason = FaultOurs, ReasonInvalid
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
			e.Fault, e.Reason = FaultOurs, ReasonAuth
		case http.StatusNotFound:
			e.Reason = ReasonNotFound
		case http.StatusConflict, http.StatusPreconditionFailed:
			e.Fault, e.Reason = FaultOurs, ReasonConflict
		case http.StatusGone:
			e.Reason = ReasonGone
		case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly:
			e.Retry, e.Reason = true, ReasonBusy
		case http.StatusTooManyRequests:
			e.Retry, e.Reason = true, ReasonRateLimited
		default:
			e.Reason = ReasonStatus
		}
	}
	if e.Retry {
		e.After = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return e
}

// classifyError explains an attempt that brought no answer, or half of one. Only a
// wrong request of ours is not retried: the rest can mend itself.
func classifyError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	// url.Error repeats the URL with its query; keep what it wraps, and remember
	// that the client's own deadline shows only there.
	timeout := errors.Is(err, context.DeadlineExceeded)
	if u, ok := errors.AsType[*url.Error](err); ok {
		timeout = timeout || u.Timeout()
		err = u.Err
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		timeout = true
	}
	e := &Error{Retry: true, Fault: FaultNetwork, Err: err}
	switch {
	case errors.Is(err, context.Canceled) && !timeout:
		e.Fault, e.Reason = FaultOurs, ReasonCanceled
	case isDNS(err):
		e.Reason = ReasonDNS
	case timeout:
		e.Reason, e.Fault = ReasonTimeout, FaultTheirs
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			e.Fault = FaultNetwork
		}
		e.Err = errTimeout{err}
	case isTLS(err):
		e.Reason, e.Fault = ReasonTLS, FaultTheirs
	case isConnection(err):
		e.Reason = ReasonConnect
	default:
		e.Reason, e.Fault = ReasonProtocol, FaultTheirs
	}
	return e
}

// errTimeout gives the many wordings of a passed deadline one text.
type errTimeout struct{ cause error }

func (e errTimeout) Error() string { return "no complete answer in time" }
func (e errTimeout) Unwrap() error { return e.cause }

func isDNS(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return true
	}
	// crypto/tls reports a peer's alert as an operation of this name.
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "remote error" || op.Op == "local error")
}

func isConnection(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// retryAfter reads the header (RFC 9110 §10.2.3): seconds or a date. What cannot
// be read, or lies in the past, counts as not sent.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0
	}
	if strings.Trim(header, "0123456789") == "" {
		n, err := strconv.ParseInt(header, 10, 64)
		if err != nil || n > int64(maxAfter/time.Second) {
			return maxAfter
		}
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxAfter)
}
