package schema

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/muster-id/muster/scim"
)

// simple reads a value of any type but complex; nil is unassigned. same says that the
// value comes back as it was.
func (r *reader) simple(a *Attribute, v any) (x any, same bool, f *fault) {
	switch a.Type {
	case Boolean:
		_, same = v.(bool)
		x, f = r.boolean(v)
		return x, same, f
	case Integer:
		x, f = integer(v)
		return x, false, f
	case Decimal:
		x, f = decimal(v)
		return x, false, f
	default:
		s, ok := v.(string)
		if !ok {
			return nil, false, mistyped("a string", v)
		}
		if s == "" && !a.Required && r.d.Forgives(scim.EmptyStrings) {
			return nil, false, nil
		}
		if a.country && !isCountry(s) && !r.d.Forgives(scim.LooseCountry) {
			return nil, false, invalid("must be a country code of two letters such as US")
		}
		return v, true, text(a, s) // v, not s, whose way into an interface is an allocation
	}
}

// boolean takes true and false, and in any case "true" and "false" if the dialect
// forgives it (F2). No other string ever means true.
func (r *reader) boolean(v any) (any, *fault) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		if equalFold(v, "true") && r.d.Forgives(scim.StringBooleans) {
			return true, nil
		}
		if equalFold(v, "false") && r.d.Forgives(scim.StringBooleans) {
			return false, nil
		}
	}
	return nil, mistyped("true or false", v)
}

// integer takes a number without fraction and exponent (RFC 7643 §2.3.4).
func integer(v any) (any, *fault) {
	n, ok := v.(Number)
	if !ok {
		return nil, mistyped("an integer", v)
	}
	if strings.ContainsAny(string(n), ".eE") {
		return nil, invalid("must be an integer without fraction and exponent")
	}
	i, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		return nil, invalid("is beyond the integers of 64 bits")
	}
	return i, nil
}

// decimal takes a number (RFC 7643 §2.3.3).
func decimal(v any) (any, *fault) {
	n, ok := v.(Number)
	if !ok {
		return nil, mistyped("a number", v)
	}
	x, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return nil, invalid("is beyond the numbers of 64 bits")
	}
	if x == 0 {
		return 0.0, nil // -0 is written like any other zero
	}
	return x, nil
}

// text checks a string against the rules of its attribute.
func text(a *Attribute, s string) *fault {
	if len(s) > maxString {
		return invalid("is longer than %d bytes", maxString) // only a hand-made Object gets here
	}
	if f := form(a.Type, s); f != nil {
		return f
	}
	if a.MaxLength > 0 && len(s) > a.MaxLength && utf8.RuneCountInString(s) > a.MaxLength {
		return invalid("is longer than %d characters", a.MaxLength)
	}
	if a.Identifier && strings.ContainsFunc(s, unicode.IsControl) {
		return invalid("contains a control character")
	}
	if a.NoBlanks && strings.ContainsFunc(s, unicode.IsSpace) {
		return invalid("contains white space")
	}
	if a.pattern != nil && !a.pattern.MatchString(s) {
		return invalid("must match %s", a.Pattern)
	}
	return nil
}

// isCountry reports whether s has the form of an ISO 3166-1 alpha-2 code. Which codes
// are given out changes, so it need not be one of countries.
func isCountry(s string) bool {
	return len(s) == 2 && 'a' <= lower(s[0]) && lower(s[0]) <= 'z' && 'a' <= lower(s[1]) && lower(s[1]) <= 'z'
}

// form checks a string against the form of its type.
func form(t Type, s string) *fault {
	if t == DateTime && !validDateTime(s) {
		return invalid("must be a date and time such as 2006-01-02T15:04:05Z")
	}
	if t == Binary && !validBase64(s) {
		return invalid("must be base64 without line breaks")
	}
	if t == Reference && !validReference(s) {
		return invalid("must be a URI, without blanks and with other special characters escaped")
	}
	return nil
}

// validBase64 reports whether s is base64 in the standard alphabet, with or without
// its padding (RFC 7643 §2.3.6).
func validBase64(s string) bool {
	body := strings.TrimRight(s, "=")
	if pad := len(s) - len(body); pad > 2 || pad > 0 && len(s)%4 != 0 {
		return false
	}
	for i := range len(body) {
		c := lower(body[i])
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return len(body)%4 != 1
}

// validReference reports whether s can be an absolute or relative URI (RFC 3986);
// characters outside ASCII may stand unescaped, as they do in practice.
func validReference(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c == 0x7f, strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return false
		case c == '%' && !(i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])):
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	c = lower(c)
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f'
}
