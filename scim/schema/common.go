package schema

// Names of the attributes that every resource has (RFC 7643 §3, §3.1).
const (
	attrSchemas    = "schemas"
	attrID         = "id"
	attrExternalID = "externalId"
	attrMeta       = "meta"
)

// Names of sub-attributes with a standard meaning (RFC 7643 §2.4).
const (
	subValue   = "value"
	subRef     = "$ref"
	subType    = "type"
	subDisplay = "display"
	subPrimary = "primary"
)

// maxIdentifier is the limit of names by which resources are found, in characters.
const maxIdentifier = 1024

// common returns the attributes of RFC 7643 §3 and §3.1, which all types have and
// no schema lists. They are defined per set, because linking alters definitions.
func common() []*Attribute {
	return []*Attribute{
		{
			Name: attrSchemas, MultiValued: true, Required: true, Returned: ReturnedAlways,
			Description: "URIs of the schemas that the resource has attributes of.",
		},
		{
			Name: attrID, CaseExact: true, Mutability: ReadOnly, Returned: ReturnedAlways, Uniqueness: UniqueServer, derived: true,
			Description: "The service provider's identifier of the resource.",
		},
		{
			Name: attrExternalID, CaseExact: true, MaxLength: maxIdentifier, Identifier: true,
			Description: "The client's identifier of the resource.",
		},
		{
			Name: attrMeta, Type: Complex, Mutability: ReadOnly, derived: true,
			Description: "What the service provider says about the resource.",
			SubAttributes: []*Attribute{
				{Name: "resourceType", CaseExact: true, Mutability: ReadOnly, Description: "Name of the resource type."},
				{Name: "created", Type: DateTime, Mutability: ReadOnly, Description: "When the resource was added."},
				{Name: "lastModified", Type: DateTime, Mutability: ReadOnly, Description: "When the resource was last changed."},
				{
					Name: "location", Type: Reference, CaseExact: true, Mutability: ReadOnly, ReferenceTypes: []string{"uri"},
					Description: "URI of the resource.",
				},
				{Name: "version", CaseExact: true, Mutability: ReadOnly, Description: "Version of the resource; equals its ETag."},
			},
		},
	}
}
