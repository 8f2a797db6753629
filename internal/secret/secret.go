// Package secret holds the type of values that must not be shown.
//
// A [String] prints as "[redacted]" by every door Go prints through: fmt with any
// verb, log/slog, JSON, YAML and text encoders, and inside another struct. The
// only way to the value is [String.Reveal], which is easy to search for.
//
// The package hides values from people and logs. It does not lock or wipe memory,
// and it does not encrypt: secrets at rest are another package's work.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what stands in the place of a secret.
const Redacted = "[redacted]"

// A String is a secret text. The zero value is the empty secret.
//
// The text is held behind a pointer for two reasons: fmt cannot call methods on
// unexported fields, and so would print the text of a String inside another
// struct, but prints only the address of a pointer there; and == on two Strings
// compares addresses, so it never leaks by timing and is never taken for an
// equality that works. Compare with [String.Equal].
type String struct{ text *string }

var (
	_ fmt.Formatter  = String{}
	_ fmt.GoStringer = String{}
	_ slog.LogValuer = String{}
)

// New returns text as a secret.
func New(text string) String {
	if text == "" {
		return String{}
	}
	return String{&text}
}

// Reveal returns the text. Call it where the text is used, as late as possible.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether there is no text.
func (s String) Empty() bool { return s.Reveal() == "" }

// Equal reports whether both hold the same text, in a time that tells nothing
// about where they differ nor how long they are.
func (s String) Equal(other String) bool {
	a, b := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(other.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// String returns "[redacted]".
func (s String) String() string { return Redacted }

// GoString returns "[redacted]".
func (s String) GoString() string { return Redacted }

// Format writes "[redacted]" for every verb and flag; %x of a secret is a secret.
func (s String) Format(f fmt.State, _ rune) {
	// A State that cannot be written to has nowhere to report it.
	_, _ = io.WriteString(f, Redacted)
}

// LogValue returns "[redacted]".
func (s String) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns "[redacted]".
func (s String) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (s String) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalBinary returns "[redacted]"; encoding/gob asks for it.
func (s String) MarshalBinary() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText takes the text as the secret, for configuration decoders.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
