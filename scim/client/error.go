package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// What an [Error] is, for errors.Is. It can be several.
var (
	ErrNotModified   = errors.New("the resource has not changed")             // 304
	ErrUnauthorized  = errors.New("the token is not accepted")                // 401
	ErrForbidden     = errors.New("the token does not allow it")              // 403
	ErrNotFound      = errors.New("there is no such resource")                // 404
	ErrConflict      = errors.New("it clashes with what is there")            // 409
	ErrUniqueness    = errors.New("another resource has the value")           // 409, or scimType uniqueness
	ErrPrecondition  = errors.New("the resource has another version")         // 412
	ErrPayload       = errors.New("the request is too large")                 // 413
	ErrThrottled     = errors.New("there were too many requests")             // 429
	ErrTooMany       = errors.New("there are more results than are computed") // scimType tooMany
	ErrUnsupported   = errors.New("the server does not know how")             // 405, 501
	ErrUnavailable   = errors.New("the server cannot answer now")             // 500, 502, 503, 504
	ErrRedirect      = errors.New("the server sends us elsewhere")            // 3xx but 304
	ErrExpiredCursor = errors.New("the cursor has expired")                   // scimType expiredCursor
	ErrAccepted      = errors.New("the server will do it later")              // 202 to RespondAsync
)

// ErrAnswer is what is wrapped by an [Error] of an answer that says success and
// cannot be used: no JSON object, or another resource than was asked for.
var ErrAnswer = errors.New("the answer is not what it should be")

// Why an answer is an [ErrAnswer].
var (
	ErrTooLarge  = fmt.Errorf("%w: it is too large", ErrAnswer)
	ErrWebPage   = fmt.Errorf("%w: it is a web page, perhaps one to sign in; is the base URL right, and the token?", ErrAnswer)
	ErrEmpty     = fmt.Errorf("%w: it is empty", ErrAnswer)
	ErrTruncated = fmt.Errorf("%w: it ends in the middle", ErrAnswer)
)

// scimTypes of RFC 9865 §2.1.
const (
	invalidCursor scim.ErrorType = "invalidCursor"
	expiredCursor scim.ErrorType = "expiredCursor"
	invalidCount  scim.ErrorType = "invalidCount"
)

// maxExcerpt is how much of an answer is shown.
const maxExcerpt = 1 << 10

// Error is an answer that is no success: a refusal, or a 2xx that cannot be used.
type Error struct {
	Status     int            // of the answer
	Method     string         // of the request
	Endpoint   string         // of the request, without id and query: "/Users"
	Type       scim.ErrorType // scimType; empty: none was sent
	Detail     string         // what the server says, on one line, escaped and cut to 1 KiB; its tongue, not ours
	RetryAfter string         // the header as it was sent: seconds or a date; see Wait
	Txn        string         // Set-Txn of an answer that is ErrAccepted (RFC 9967 §3)
	Header     http.Header    // of the answer, such as X-RateLimit-Remaining; not to be altered
	Err        error          // why a 2xx cannot be used; nil otherwise
}

// Error says what was asked and what was answered.
func (e *Error) Error() string {
	s := "answered " + strconv.Itoa(e.Status)
	if e.Method != "" {
		s = e.Method + " " + e.Endpoint + ": " + s
	}
	if why := e.Why(); why != "" {
		s += ": " + why
	}
	return s
}

// Why is the text of the error without request and status.
func (e *Error) Why() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Type != "" && e.Detail != "":
		return string(e.Type) + ": " + e.Detail
	default:
		return string(e.Type) + e.Detail
	}
}

// Unwrap returns why a 2xx cannot be used.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the refusal is one of the errors of this package.
func (e *Error) Is(target error) bool {
	if e.Err != nil {
		return false // a success
	}
	s := e.Status
	switch target {
	case ErrNotModified:
		return s == http.StatusNotModified
	case ErrUnauthorized:
		return s == http.StatusUnauthorized
	case ErrForbidden:
		return s == http.StatusForbidden
	case ErrNotFound:
		return s == http.StatusNotFound
	case ErrConflict:
		return s == http.StatusConflict
	case ErrUniqueness: // RFC 7644 §3.3; on update some say 400
		return e.Type == scim.Uniqueness || s == http.StatusConflict && e.Type == ""
	case ErrPrecondition:
		return s == http.StatusPreconditionFailed
	case ErrPayload:
		return s == http.StatusRequestEntityTooLarge
	case ErrThrottled:
		return s == http.StatusTooManyRequests
	case ErrTooMany:
		return e.Type == scim.TooMany
	case ErrUnsupported: // RFC 7644 §3.12 says 501; most say 405
		return s == http.StatusMethodNotAllowed || s == http.StatusNotImplemented
	case ErrUnavailable:
		return s == http.StatusInternalServerError || s >= http.StatusBadGateway && s <= http.StatusGatewayTimeout
	case ErrRedirect:
		return s >= 300 && s <= 399 && s != http.StatusNotModified
	case ErrExpiredCursor:
		return e.Type == expiredCursor
	}
	return false
}

// Temporary reports whether the same request may succeed later: the server is busy, or down.
func (e *Error) Temporary() bool {
	return e.Is(ErrUnavailable) || e.Is(ErrThrottled) || e.Err == nil && e.Status == http.StatusRequestTimeout
}

// Wait returns how long the server asks to wait; ok is false if it does not say.
func (e *Error) Wait(now time.Time) (d time.Duration, ok bool) {
	return ParseRetryAfter(e.RetryAfter, now)
}

// refusal reads the error of an answer (RFC 7644 §3.12). The status of the answer counts, never the
// one in the body: servers write it as string or number, or something else there.
func refusal(r *call, resp *http.Response, body []byte, secret string) *Error {
	e := &Error{
		Status: resp.StatusCode, Method: r.method, Endpoint: endpointOf(r.path),
		RetryAfter: resp.Header.Get("Retry-After"), Header: resp.Header,
	}
	doc, err := parse(body)
	if err != nil {
		e.Detail = excerpt(string(body), secret)
		return e
	}
	e.explain(doc, secret)
	return e
}

// explain takes scimType and detail out of the body of a refusal.
func (e *Error) explain(doc Document, secret string) {
	// SCIM 1.1, and some servers that say they are 2.0, put the errors into a list.
	if list, ok := doc.Value("Errors").([]any); ok && doc.Value("detail") == nil {
		if first, ok := list[0].(schema.Object); ok {
			doc = Document(first)
		}
	}
	if t := scim.ErrorType(doc.String("scimType")); known(t) {
		e.Type = t
	}
	for _, name := range []string{"detail", "description", "message", "error_description", "error"} {
		if e.Detail = excerpt(doc.String(name), secret); e.Detail != "" {
			break
		}
	}
}

// known reports whether a scimType is one of RFC 7644 table 9 or RFC 9865 §2.1. No other says anything to a program.
func known(t scim.ErrorType) bool {
	return slices.Contains([]scim.ErrorType{
		scim.InvalidFilter, scim.TooMany, scim.Uniqueness, scim.Mutability, scim.InvalidSyntax,
		scim.InvalidPath, scim.NoTarget, scim.InvalidValue, scim.InvalidVers, scim.Sensitive,
		invalidCursor, expiredCursor, invalidCount,
	}, t)
}

// excerpt makes a text of the server fit for people and logs. A server may send back what it
// was sent, the token with it.
func excerpt(s, secret string) string {
	if secret != "" {
		s = strings.ReplaceAll(s, secret, "[redacted]")
	}
	cut := ""
	if len(s) > maxExcerpt {
		s, cut = s[:maxExcerpt], "..."
	}
	quoted := strconv.Quote(strings.TrimSpace(s))
	return quoted[1:len(quoted)-1] + cut
}

// parse reads an object. The error says what it is instead.
func parse(b []byte) (Document, error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	v, err := schema.Parse(b)
	if err != nil {
		return nil, unreadable(b, err)
	}
	o, ok := v.(schema.Object)
	if !ok {
		return nil, fmt.Errorf("%w: it is not a JSON object", ErrAnswer)
	}
	return Document(o), nil
}

// unreadable says why a body is no JSON.
func unreadable(b []byte, err error) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0:
		return ErrEmpty
	case webPage(b):
		return ErrWebPage
	case truncated(b):
		return ErrTruncated
	}
	detail := "it cannot be read"
	if e := scim.AsError(err); e != nil {
		detail = e.Detail
	}
	return fmt.Errorf("%w: %s", ErrAnswer, detail)
}

// webPage reports whether a body, without blanks in front, is HTML.
func webPage(b []byte) bool {
	head := strings.ToLower(string(b[:min(len(b), 16)]))
	return strings.HasPrefix(head, "<html") || strings.HasPrefix(head, "<!doctype html")
}

// truncated reports whether a body is the beginning of JSON.
func truncated(b []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		if _, err := dec.ReadToken(); err != nil {
			return errors.Is(err, io.ErrUnexpectedEOF)
		}
	}
}
