package scim1

import (
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
)

// maxError is how much is read of the server's own refusals, which are short.
const maxError = 64 << 10

// notXML is the refusal of the one format that 1.1 has and this server has not.
func notXML() *scim.Error {
	return scim.Errorf(http.StatusNotAcceptable, "answers are application/json; XML is not offered, as ServiceProviderConfigs says")
}

// numbered is what a refusal of a PATCH begins with: the number of an operation that the
// client never sent.
var numbered = regexp.MustCompile(`^operation [0-9]+: `)

// describe returns the text of a refusal in the words of 1.1.
func describe(detail string) string {
	return wording.Replace(numbered.ReplaceAllString(detail, ""))
}

// appendErrors appends the body of an error (A3.9). The code is a string.
func appendErrors(b []byte, status int, description string) []byte {
	b = append(b, `{"Errors":[{"description":`...)
	b = appendString(b, description)
	b = append(b, `,"code":"`...)
	b = strconv.AppendInt(b, int64(status), 10)
	return append(b, `"}]}`...)
}

// refuse answers a request that the server does not see.
func (x *exchange) refuse(e *scim.Error) {
	h := x.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	out := output{w: x.w, status: e.Status}
	out.buf = appendErrors(out.buf, e.Status, describe(e.Detail))
	out.finish()
}

// refusal is what is read of the server's Error (RFC 7644 §3.12).
type refusal struct {
	Detail string `json:"detail"`
}

// descriptionOf returns the text of an Error of the server, of the status if it has none.
func descriptionOf(body []byte, status int) string {
	var e refusal
	if err := json.Unmarshal(body, &e); err != nil || e.Detail == "" {
		return http.StatusText(status)
	}
	return describe(e.Detail)
}
