package scim

import (
	"iter"
	"strings"
	"sync/atomic"
)

// A Switch is one deviation from the letter of the RFC, or one choice where the
// RFC leaves several. Every forgiveness the library knows is in the table below,
// with the clients that need it; the code that forgives asks for it by name.
type Switch uint8

// The switches. F numbers are those of the project's list of what identity
// providers send, AMB numbers those of its list of ambiguities in the RFCs.
const (
	// StringBooleans takes "True" and "false" in any case, and in PATCH a
	// one-element array, for a boolean (F2, AMB-18). Entra ID, OneLogin.
	StringBooleans Switch = iota
	// AddByFilter lets an add with path members[value eq "x"] and no value add x (F4). OneLogin.
	AddByFilter
	// DottedKeys expands keys such as "name.givenName" or "urn:…:User:department"
	// in a PATCH value without path (F5, AMB-16). Entra ID, Okta.
	DottedKeys
	// BareExtension resolves manager, department and the like without their URN in
	// a PATCH path, a PATCH value and a filter (F6, AMB-48). Entra ID.
	BareExtension
	// LooseReference takes a single complex attribute that refers to a resource (manager) as
	// string, array, object or 1.x managerId; blank clears (F7). Entra ID, OneLogin.
	LooseReference
	// CreateByFilter lets a value path that matches nothing create the element from
	// the filter's eq terms (F8, AMB-09). Entra ID.
	CreateByFilter
	// IgnoreReadOnly drops readOnly attributes inside PATCH values (F10, AMB-19). Okta, authentik.
	IgnoreReadOnly
	// KeepOnPut keeps active, externalId and members when a PUT leaves them out
	// (F12, AMB-11). Okta, OneLogin.
	KeepOnPut
	// MissingSchemas accepts bodies and messages without schemas (F13, AMB-01). OneLogin.
	MissingSchemas
	// UnknownSchemas accepts foreign and missing extension URNs in schemas (F13, AMB-03). Entra ID.
	UnknownSchemas
	// SingleForArray takes one value where an array belongs (F13). OneLogin.
	SingleForArray
	// StringForComplex takes a string for an element of a multi-valued complex
	// attribute as its value (AMB-24). Entra ID.
	StringForComplex
	// LooseFilter accepts unquoted values, blanks where the grammar has none,
	// missing blanks, emails[type eq "work"].value eq "x", and values that are percent-encoded
	// twice (F14, AMB-08, AMB-44). authentik, Entra ID.
	LooseFilter
	// LooseComparison lets the strings "true" and "false" match booleans in filters (AMB-43). Entra ID.
	LooseComparison
	// UnknownMembers applies the known members of a request and remembers the
	// others (F20, AMB-21). Okta.
	UnknownMembers
	// UniqueGroups keeps Group.displayName unique (F17, AMB-25). Entra ID.
	UniqueGroups
	// QuietGroupPatch answers a PATCH of a group with 204 (AMB-51). Entra ID.
	QuietGroupPatch
	// BothProjections lets attributes and excludedAttributes stand together,
	// attributes first (AMB-29).
	BothProjections
	// IgnoreSchemasPatch ignores a PATCH of schemas (AMB-47). authentik.
	IgnoreSchemasPatch
	// UnknownAttributes drops unknown attributes inside PATCH values; in a resource
	// body they are dropped in every dialect (F13, AMB-03). Entra ID, OneLogin.
	UnknownAttributes
	// EmptyStrings takes "" for a string that is not required as no value, and drops
	// elements whose value is "": templates send it for what a person lacks. OneLogin.
	EmptyStrings

	switchCount
)

var switchNames = [switchCount]string{
	"string-booleans", "add-by-filter", "dotted-keys", "bare-extension", "loose-reference",
	"create-by-filter", "ignore-read-only", "keep-on-put", "missing-schemas", "unknown-schemas",
	"single-for-array", "string-for-complex", "loose-filter", "loose-comparison", "unknown-members",
	"unique-groups", "quiet-group-patch", "both-projections", "ignore-schemas-patch", "unknown-attributes",
	"empty-strings",
}

// String returns the name of the switch as it stands in configuration and metrics.
func (s Switch) String() string {
	if s < switchCount {
		return switchNames[s]
	}
	return "unknown"
}

// Switches is a set of switches.
type Switches uint64

// Has reports whether s is in the set.
func (ss Switches) Has(s Switch) bool { return ss&(1<<s) != 0 }

// With returns the set with the switches added.
func (ss Switches) With(add ...Switch) Switches {
	for _, s := range add {
		ss |= 1 << s
	}
	return ss
}

// All yields the switches of the set in the order of their declaration.
func (ss Switches) All() iter.Seq[Switch] {
	return func(yield func(Switch) bool) {
		for s := range switchCount {
			if ss.Has(s) && !yield(s) {
				return
			}
		}
	}
}

// A Profile is a named preset of switches, a property of a credential.
type Profile struct {
	Name     string
	Switches Switches
}

// Compat accepts what Entra ID, Okta, OneLogin, JumpCloud, Google and Ping send. It is the default.
func Compat() Profile { return Profile{Name: "compat", Switches: 1<<switchCount - 1} }

// Strict follows the RFCs to the letter; it is what a conformance test wants.
func Strict() Profile { return Profile{Name: "strict"} }

// ProfileByName returns the profile of that name, in any case.
func ProfileByName(name string) (Profile, bool) {
	for _, p := range []Profile{Compat(), Strict()} {
		if strings.EqualFold(p.Name, name) {
			return p, true
		}
	}
	return Profile{}, false
}

// A Dialect is a profile as one request meets it: it remembers which switches the
// request needed, so that an operator sees what a client really relies on. A nil
// Dialect is strict. It is safe for concurrent use.
type Dialect struct {
	profile Profile
	used    atomic.Uint64
}

// NewDialect returns a dialect of the profile with no switch used yet.
func NewDialect(p Profile) *Dialect { return &Dialect{profile: p} }

// Allows reports whether the switch is on, without recording a use. It is for
// choices that are not forgiveness, such as the status of an answer.
func (d *Dialect) Allows(s Switch) bool { return d != nil && d.profile.Switches.Has(s) }

// Forgives reports whether the switch is on and, if so, records that the request
// needed it. Ask only where the strict answer would have been another one.
func (d *Dialect) Forgives(s Switch) bool {
	if !d.Allows(s) {
		return false
	}
	d.used.Or(1 << s)
	return true
}

// Used returns the switches that were needed so far.
func (d *Dialect) Used() Switches {
	if d == nil {
		return 0
	}
	return Switches(d.used.Load())
}

// Profile returns the profile the dialect was made from; strict for nil.
func (d *Dialect) Profile() Profile {
	if d == nil {
		return Strict()
	}
	return d.profile
}
