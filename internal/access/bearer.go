package access

import (
	"net/http"
	"strings"
)

// MaxBearerBytes bounds the Authorization header (section 0).
const MaxBearerBytes = 16 << 10

// ParseBearer returns the token of an Authorization header (RFC 6750 §2.1, AUTH-01).
// The scheme is taken in any case. A token of ours also stands alone: Okta's header
// mode sends what the administrator typed (AUTH-11). The error is an [*Error] with
// [ReasonMissing] or [ReasonMalformed].
func ParseBearer(header string) (string, error) {
	if len(header) > MaxBearerBytes {
		return "", &Error{Status: http.StatusUnauthorized, Reason: ReasonMalformed}
	}
	header = strings.Trim(header, " \t")
	scheme, token, found := strings.Cut(header, " ")
	switch {
	case header == "":
		return "", &Error{Status: http.StatusUnauthorized, Reason: ReasonMissing}
	case !found && strings.HasPrefix(header, tokenPrefix):
		token = header
	case !strings.EqualFold(scheme, "Bearer"):
		return "", &Error{Status: http.StatusUnauthorized, Reason: ReasonMissing}
	}
	token = strings.TrimLeft(token, " ")
	if token == "" {
		return "", &Error{Status: http.StatusUnauthorized, Reason: ReasonMissing}
	}
	for _, c := range []byte(token) {
		if c <= ' ' || c >= 0x7f {
			return "", &Error{Status: http.StatusUnauthorized, Reason: ReasonMalformed}
		}
	}
	return token, nil
}

// bearer returns the token of a request. Two Authorization headers are a request
// that two programs read differently (AUTH-03).
func bearer(r *http.Request) (string, error) {
	switch values := r.Header.Values("Authorization"); len(values) {
	case 0:
		return "", &Error{Status: http.StatusUnauthorized, Reason: ReasonMissing}
	case 1:
		return ParseBearer(values[0])
	default:
		return "", &Error{Status: http.StatusBadRequest, Reason: ReasonMalformed}
	}
}
