package client

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// ErrAnswer is what is wrapped by an [Error] of an answer that says success and
// cannot be used: no JSON object, or another resource than was asked for.
var ErrAnswer = errors.New("the answer is not what it should be")

// ErrTooLarge is an [ErrAnswer] whose body is over the limit.
var ErrTooLarge = fmt.Errorf("%w: it is too large", ErrAnswer)

// maxExcerpt is how much of an answer is shown.
const maxExcerpt = 1 << 10

// Error is an answer that is no success: a refusal, or a 2xx that cannot be used.
type Error struct {
	Status     int            // of the answer
	Type       scim.ErrorType // scimType; empty: none was sent
	Detail     string         // what the server says, on one line, escaped and cut to 1 KiB; its tongue, not ours
	RetryAfter string         // the header as it was sent: seconds or a date
	Err        error          // why a 2xx cannot be used; nil otherwise
}

// Error says what was answered.
func (e *Error) Error() string {
	s := "answered " + strconv.Itoa(e.Status)
	if why := e.Why(); why != "" {
		s += ": " + why
	}
	return s
}

// Why is the text of the error without the status.
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

// refusal reads the error of an answer (RFC 7644 §3.12). The status of the answer counts, never the
// one in the body: servers write it as string or number, or something else there.
func refusal(resp *http.Response, body []byte, secret string) *Error {
	e := &Error{Status: resp.StatusCode, RetryAfter: resp.Header.Get("Retry-After")}
	doc, err := parse(body)
	if err != nil {
		e.Detail = excerpt(string(body), secret)
		return e
	}
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
	return e
}

// known reports whether a scimType is one of RFC 7644 table 9. No other says anything to a program.
func known(t scim.ErrorType) bool {
	switch t {
	case scim.InvalidFilter, scim.TooMany, scim.Uniqueness, scim.Mutability, scim.InvalidSyntax,
		scim.InvalidPath, scim.NoTarget, scim.InvalidValue, scim.InvalidVers, scim.Sensitive:
		return true
	}
	return false
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
