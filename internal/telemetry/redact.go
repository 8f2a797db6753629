package telemetry

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
)

const redacted = "[redacted]"

// secretKeys are attribute keys whose values are never written. "token" is not
// among them: it is the id of a token, and a token itself is known by its form.
var secretKeys = map[string]bool{
	"authorization": true, "proxy-authorization": true, "cookie": true, "set-cookie": true, "bearer": true,
	"secret": true, "password": true, "signature": true, "credential": true, "credentials": true,
	"api_key": true, "private_key": true, "access_token": true, "refresh_token": true,
}

// secretSuffixes are those of keys such as token_secret and client_secret.
var secretSuffixes = []string{"_secret", "_password", "_api_key"}

// secretForms are texts that are secrets wherever they stand: our tokens, signing
// secrets and keys, and what follows a bearer scheme. Errors carry such texts without meaning to.
var secretForms = regexp.MustCompile(`(?i)(\bbearer\s+)\S+|\b(mst_|whsec_|whsk_)[A-Za-z0-9+/_=-]+`)

// isSecret reports whether a key says that its value is a secret.
func isSecret(key string) bool {
	key = strings.ToLower(key)
	if secretKeys[key] {
		return true
	}
	for _, suffix := range secretSuffixes {
		if strings.HasSuffix(key, suffix) {
			return true
		}
	}
	return false
}

// redact replaces what is a secret by the key of the attribute, or by its form.
func redact(a slog.Attr) slog.Attr {
	if isSecret(a.Key) {
		return slog.String(a.Key, redacted)
	}
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(scrub(a.Value.String()))
	case slog.KindAny:
		a.Value = slog.StringValue(scrub(fmt.Sprint(a.Value.Any())))
	default:
		// Numbers, times and durations hold no text; a group's members come by themselves.
	}
	return a
}

// scrub replaces texts that have the form of a secret.
func scrub(s string) string {
	// Every form has a "_" or a blank in it. Ids, names and numbers have neither: do not
	// start the expression for them.
	if !strings.ContainsAny(s, "_ \t") {
		return s
	}
	return secretForms.ReplaceAllString(s, "${1}${2}"+redacted)
}

// spell writes out characters that a terminal or a reader of JSON lines acts on
// and that a JSON encoder lets through: DEL, C1 controls, bidirectional overrides (C15).
func spell(s string) string {
	acts := func(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }
	if !strings.ContainsFunc(s, acts) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if acts(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
