package scim

import (
	"iter"
	"slices"
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

	// NeedPath refuses a PATCH operation without path (IOP-15). The interoperability profile.
	NeedPath
	// SwapComplex lets a PATCH replace of a whole complex attribute swap it, where RFC 7644
	// §3.5.2.3 merges (IOP-18, AMB-12). The interoperability profile.
	SwapComplex
	// RefuseUnknown refuses what the type does not define, where else it is dropped: attributes
	// in a body, in a PATCH value and as a PATCH path (IOP-05, AMB-03). The interoperability profile.
	RefuseUnknown
	// HideCredentials takes passwords, and whatever else is never returned, for attributes that there are not (IPS-13). IPSIE.
	HideCredentials

	// QuietPatch answers every PATCH with 204, unless it asks for attributes (AMB-51). Test suites
	// such as scimono's; in no preset.
	QuietPatch
	// DiscoveryFilter ignores a filter on /Schemas and /ResourceTypes instead of refusing it
	// (AMB-34). Test suites; in no preset.
	DiscoveryFilter
	// NeedVersion refuses a PUT, PATCH or DELETE under SCIM 1.1 without If-Match (V1-48). In no preset.
	NeedVersion
	// NewerFilter takes ne, ew, not and attribute[…] in filters under SCIM 1.1, whose grammar has
	// none of them (V1-24). In no preset.
	NewerFilter

	// LooseCountry takes a country that is no code of two letters (S-4.1.2-05): directories hold
	// names and codes of three letters. All providers.
	LooseCountry

	switchCount
)

// A preset is a bit of the table: the profile that has it.
type preset uint8

const (
	compat preset = 1 << iota
	entra
	okta
	interop
	ipsie
	scim1

	providers = compat | entra | okta
	industry  = interop | ipsie
)

// table is every switch: its name in configuration and metrics, and the presets that have it on.
// Who needs it stands at its constant.
var table = [switchCount]struct {
	name string
	in   preset
}{
	StringBooleans:     {"string-booleans", compat | entra | scim1},
	AddByFilter:        {"add-by-filter", compat},
	DottedKeys:         {"dotted-keys", providers},
	BareExtension:      {"bare-extension", compat | entra | scim1},
	LooseReference:     {"loose-reference", compat | entra | scim1},
	CreateByFilter:     {"create-by-filter", compat | entra | scim1}, // in scim1 it is how an element is added or merged
	IgnoreReadOnly:     {"ignore-read-only", providers | scim1},
	KeepOnPut:          {"keep-on-put", compat | okta}, // V1-32: a PUT of SCIM 1.1 clears what it leaves out
	MissingSchemas:     {"missing-schemas", providers | scim1},
	UnknownSchemas:     {"unknown-schemas", providers | scim1},
	SingleForArray:     {"single-for-array", compat | entra | scim1},
	StringForComplex:   {"string-for-complex", compat | entra | scim1},
	LooseFilter:        {"loose-filter", compat | entra | scim1},
	LooseComparison:    {"loose-comparison", compat | entra | scim1},
	UnknownMembers:     {"unknown-members", providers | scim1},
	UniqueGroups:       {"unique-groups", providers | industry | scim1},
	QuietGroupPatch:    {"quiet-group-patch", providers | scim1},
	BothProjections:    {"both-projections", compat},
	IgnoreSchemasPatch: {"ignore-schemas-patch", compat},
	UnknownAttributes:  {"unknown-attributes", providers | scim1},
	EmptyStrings:       {"empty-strings", compat | scim1},
	NeedPath:           {"need-path", industry},
	SwapComplex:        {"swap-complex", industry},
	RefuseUnknown:      {"refuse-unknown", industry},
	HideCredentials:    {"hide-credentials", ipsie},
	QuietPatch:         {"quiet-patch", 0},
	DiscoveryFilter:    {"discovery-filter", 0},
	NeedVersion:        {"need-version", 0},
	NewerFilter:        {"newer-filter", 0},
	LooseCountry:       {"loose-country", providers | scim1},
}

// String returns the name of the switch as it stands in configuration and metrics.
func (s Switch) String() string {
	if s < switchCount {
		return table[s].name
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

// AllSwitches returns every switch there is.
func AllSwitches() Switches { return 1<<switchCount - 1 }

// A Profile is a named preset of switches, a property of a credential.
type Profile struct {
	Name     string
	Switches Switches
}

// Compat accepts what Entra ID, Okta, OneLogin, JumpCloud, Google and Ping send. It is the default.
func Compat() Profile { return profile("compat", compat) }

// Strict follows the RFCs to the letter; it is what a conformance test wants.
func Strict() Profile { return Profile{Name: "strict"} }

// Entra forgives what Microsoft Entra ID sends and nothing else.
func Entra() Profile { return profile("entra", entra) }

// Okta forgives what Okta sends and nothing else.
func Okta() Profile { return profile("okta", okta) }

// Interop follows the SCIM interoperability profile (draft-zollner-scim-interop-profile), which is
// stricter than the RFCs and in one place contradicts them (SwapComplex).
func Interop() Profile { return profile("interop", interop) }

// IPSIE follows the IPSIE account lifecycle profile for SCIM: Interop, and no credentials in the schema.
func IPSIE() Profile { return profile("ipsie", ipsie) }

// SCIM1 is the dialect of SCIM 1.1 (package scim1).
func SCIM1() Profile { return profile("scim1", scim1) }

// Profiles returns the presets, the default first.
func Profiles() []Profile {
	return []Profile{Compat(), Strict(), Entra(), Okta(), Interop(), IPSIE(), SCIM1()}
}

func profile(name string, p preset) Profile {
	var on Switches
	for s := range switchCount {
		if table[s].in&p != 0 {
			on = on.With(s)
		}
	}
	return Profile{Name: name, Switches: on}
}

// InteropConformant reports whether the profile keeps all rules of the interoperability profile: whether
// ServiceProviderConfig may say so (IOP-01). Switches that its rules leave open do not count.
func (p Profile) InteropConformant() bool {
	const open = 1<<HideCredentials | 1<<QuietPatch | 1<<QuietGroupPatch | 1<<NeedVersion | 1<<NewerFilter
	return p.Switches&^open == Interop().Switches
}

// presets are Profiles, made once: every request names its own.
var presets = Profiles()

// ProfileByName returns the profile of a name, in any case: that of a preset, or of a preset with
// single switches turned on and, behind "no-", off, such as "compat,quiet-patch,no-keep-on-put".
// The Name of the result is the name in lower case.
func ProfileByName(name string) (Profile, bool) {
	name = strings.ToLower(name)
	base, changes, changed := strings.Cut(name, ",")
	i := slices.IndexFunc(presets, func(p Profile) bool { return p.Name == base })
	if i < 0 {
		return Profile{}, false
	}
	p := presets[i]
	p.Name = name
	for changed {
		var change string
		change, changes, changed = strings.Cut(changes, ",")
		change, off := strings.CutPrefix(change, "no-")
		s, known := switchByName(change)
		switch {
		case !known:
			return Profile{}, false
		case off:
			p.Switches &^= 1 << s
		default:
			p.Switches = p.Switches.With(s)
		}
	}
	return p, true
}

func switchByName(name string) (Switch, bool) {
	for s := range switchCount {
		if table[s].name == name {
			return s, true
		}
	}
	return 0, false
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
