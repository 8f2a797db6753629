package schema

import "github.com/muster-id/muster/scim"

// Group returns a new definition of the Group type, to be altered before it goes
// into a set.
func Group() *ResourceType {
	return &ResourceType{Name: "Group", Description: "Group", Endpoint: "/Groups", Schema: groupSchema()}
}

// groupSchema is RFC 7643 §4.2 and §8.7.1, with errata 5368 (displayName is
// required) and 6011 (members have display).
func groupSchema() *Schema {
	return &Schema{
		ID: scim.GroupSchema, Name: "Group", Description: "Group",
		Attributes: []*Attribute{
			{
				Name: "displayName", Required: true, MaxLength: maxIdentifier, Identifier: true,
				Description: "The name of the group.",
			},
			{
				Name: "members", Type: Complex, MultiValued: true, Relation: true, Description: "Members of the group.",
				SubAttributes: []*Attribute{
					{Name: subValue, CaseExact: true, Mutability: Immutable, Description: "The id of the member."},
					{
						Name: subRef, Type: Reference, CaseExact: true, Mutability: Immutable, ReferenceTypes: []string{"User", "Group"},
						Description: "URI of the member.",
					},
					{
						Name: subType, Mutability: Immutable, CanonicalValues: []string{"User", "Group"},
						Description: "The resource type of the member.",
					},
					{Name: subDisplay, Mutability: ReadOnly, Description: "The name of the member."},
				},
			},
		},
	}
}
