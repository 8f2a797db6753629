package access_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/access"
)

func TestParseBearer(t *testing.T) {
	t.Parallel()
	plain, _, _ := access.NewToken()
	token := plain.Reveal()
	atCap := strings.Repeat("a", access.MaxBearerBytes-len("Bearer "))
	for _, c := range []struct{ name, header, want string }{
		{"as written in the RFC", "Bearer " + token, token},
		{"AUTH-01 lower case", "bearer " + token, token},
		{"AUTH-01 upper case", "BEARER " + token, token},
		{"several blanks", "Bearer   " + token, token},
		{"blanks around", " Bearer " + token + "\t", token},
		{"AUTH-11 without scheme", token, token},
		{"another form", "Bearer abc.def-_~+/=", "abc.def-_~+/="},
		{"as long as allowed", "Bearer " + atCap, atCap},
	} {
		got, err := access.ParseBearer(c.header)
		if err != nil || got != c.want {
			t.Errorf("%s: ParseBearer(%q) = %q, %v, want %q", c.name, c.header, got, err, c.want)
		}
	}
}

func TestSec_A03_EmptyCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		reason access.Reason
	}{
		{"", access.ReasonMissing},
		{" \t ", access.ReasonMissing},
		{"Bearer", access.ReasonMissing},
		{"Bearer ", access.ReasonMissing},
		{"bearer  ", access.ReasonMissing},
		{"Bearer \t", access.ReasonMissing},
		{"Basic dXNlcjpwYXNz", access.ReasonMissing},
		{"token-without-scheme", access.ReasonMissing},
		{"Bearermst_x", access.ReasonMissing},
		{"Bearer a b", access.ReasonMalformed},
		{"Bearer a\tb", access.ReasonMalformed},
		{"Bearer a,Bearer b", access.ReasonMalformed},
		{"Bearer a\x00", access.ReasonMalformed},
		{"Bearer \u00e9", access.ReasonMalformed},
		{"Bearer " + strings.Repeat("a", access.MaxBearerBytes), access.ReasonMalformed},
	} {
		token, err := access.ParseBearer(c.header)
		e, ok := errors.AsType[*access.Error](err)
		if !ok || token != "" || e.Status != http.StatusUnauthorized || e.Reason != c.reason {
			t.Errorf("ParseBearer(%.30q) = %q, %v, want 401 %s", c.header, token, err, c.reason)
		}
	}
}
