package outbound

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Caps of answer bodies (security requirements, section 0).
const (
	MaxWebhookBody = 64 << 10
	MaxSCIMBody    = 10 << 20
)

// maxExcerpt is how much of an answer is ever shown (G08).
const maxExcerpt = 1 << 10

// ReadBody reads the whole body of an answer, at most limit bytes, and closes it.
// The error is an [*Error]: a longer or compressed body is a failed attempt
// whatever the status says.
func ReadBody(resp *http.Response, limit int64) ([]byte, error) {
	defer func() {
		// What could be read was read; closing only gives the connection back.
		_ = resp.Body.Close()
	}()
	fail := func(reason Reason, format string, args ...any) error {
		return &Error{Retry: true, Fault: FaultTheirs, Reason: reason, Status: resp.StatusCode, Err: fmt.Errorf(format, args...)}
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, fail(ReasonEncoding, "the body is compressed although we did not ask for it")
	}
	if resp.ContentLength > limit {
		return nil, fail(ReasonTooLarge, "the body is over %d bytes", limit)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		e := classifyError(err)
		e.Status = resp.StatusCode
		return nil, e
	}
	if int64(len(body)) > limit {
		return nil, fail(ReasonTooLarge, "the body is over %d bytes", limit)
	}
	return body, nil
}

// Excerpt returns the beginning of a body for a person to read: at most 1 KiB of
// it, on one line, with everything that is not printable escaped.
func Excerpt(body []byte) string {
	cut := ""
	if len(body) > maxExcerpt {
		body, cut = body[:maxExcerpt], "..."
	}
	quoted := strconv.Quote(string(body))
	return quoted[1:len(quoted)-1] + cut
}
