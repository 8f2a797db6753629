// Package packs holds definitions of resource types that are standards or drafts, for
// schema.Build. None of them is part of any set unless somebody asks for it.
//
//	devices       Device and EndpointApp with their extensions (RFC 9944)
//	agents-wzdk   Agent (draft-wzdk-scim-agent-resource-00)
//	agents-abbey  Agent and AgenticApplication (draft-abbey-scim-agent-extension-00)
//
// Devices follow the schemas that the working group published for machines at its last
// draft. The text of the RFC may spell two of its URNs differently: those of FIDO device
// onboarding and of endpoint applications. Where the published JSON leaves the vocabulary
// of RFC 7643, the pack has what is meant, and addresses have to have the form that the
// prose gives them. That certificateInfo and clientToken, or irk and
// separateBroadcastAddress, exclude each other is said but not enforced. What the
// descriptions call a secret is readable all the same, as RFC 9944 has it: whoever
// stores or logs such resources treats it like a password.
//
// The two agent drafts define the same URN differently, so a set has one of them at
// most. Drafts change; so may these packs, until they are RFCs.
package packs

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim/schema"
)

//go:embed *.json
var files embed.FS

// Pack describes definitions that Load loads.
type Pack struct {
	Name        string // for Load, configuration and commands
	Description string // one line
}

var list = []Pack{
	{"agents-abbey", "software agents and agentic applications (draft-abbey-scim-agent-extension-00)"},
	{"agents-wzdk", "software agents (draft-wzdk-scim-agent-resource-00)"},
	{"devices", "devices with BLE, DPP, Ethernet MAB, FDO and Zigbee, and the applications that reach them (RFC 9944)"},
}

// List returns the packs there are, ordered by name.
func List() []Pack { return slices.Clone(list) }

// Load returns a new copy of the definitions of a pack. An unknown name is an error
// that lists the known ones.
func Load(name string) (*schema.Definitions, error) {
	if !slices.ContainsFunc(list, func(p Pack) bool { return p.Name == name }) {
		names := make([]string, len(list))
		for i, p := range list {
			names[i] = p.Name
		}
		return nil, fmt.Errorf("no schema pack %q; there are %s", name, strings.Join(names, ", "))
	}
	data, err := files.ReadFile(name + ".json")
	if err != nil {
		return nil, fmt.Errorf("schema pack %s: %w", name, err)
	}
	defs, _, err := schema.Load(data) // without warnings, as the tests say
	if err != nil {
		return nil, fmt.Errorf("schema pack %s: %w", name, err)
	}
	return defs, nil
}
