package schema

import "github.com/muster-id/muster/scim"

// discovery returns the schemas of the discovery resources (RFC 7643 §5 to §8.7.2,
// with errata 5607, 7522, 8011, 8415 and 8417), in the order in which they are listed.
func discovery() []*Schema {
	return []*Schema{serviceProviderConfigSchema(), resourceTypeSchema(), schemaSchema()}
}

// serviceProviderConfigSchema is RFC 7643 §5 with the pagination of RFC 9865 §4.
func serviceProviderConfigSchema() *Schema {
	supported := func() *Attribute {
		return &Attribute{Name: "supported", Type: Boolean, Required: true, Description: "Whether the service offers it."}
	}
	feature := func(name, description string, more ...*Attribute) *Attribute {
		return &Attribute{
			Name: name, Type: Complex, Required: true, Description: description,
			SubAttributes: append([]*Attribute{supported()}, more...),
		}
	}
	return readOnly(&Schema{
		ID: scim.ServiceProviderConfigSchema, Name: "ServiceProviderConfig",
		Description: "What the service provider offers.",
		Attributes: []*Attribute{
			{
				Name: "documentationUri", Type: Reference, CaseExact: true, ReferenceTypes: []string{"external"},
				Description: "URL of the service's documentation.",
			},
			{
				Name: "interopProfileConformant", Type: Boolean,
				Description: "Whether the service keeps the SCIM interoperability profile towards this client.",
			},
			feature("patch", "PATCH requests."),
			feature("bulk", "Bulk requests.",
				&Attribute{Name: "maxOperations", Type: Integer, Required: true, Description: "Most operations of one request."},
				&Attribute{Name: "maxPayloadSize", Type: Integer, Required: true, Description: "Most bytes of one request."},
			),
			feature("filter", "Filters.",
				&Attribute{Name: "maxResults", Type: Integer, Required: true, Description: "Most resources of one answer."},
			),
			feature("changePassword", "Changes of the password."),
			feature("sort", "Sorting."),
			feature("etag", "Versions of resources."),
			{
				Name: "pagination", Type: Complex, Description: "How lists are paged.",
				SubAttributes: []*Attribute{
					{Name: "cursor", Type: Boolean, Required: true, Description: "Whether lists are paged by cursor."},
					{Name: "index", Type: Boolean, Required: true, Description: "Whether lists are paged by index."},
					{
						Name: "defaultPaginationMethod", CanonicalValues: []string{"cursor", "index"},
						Description: "How lists are paged if the client does not say.",
					},
					{Name: "defaultPageSize", Type: Integer, Description: "Resources of a page if the client does not say."},
					{Name: "maxPageSize", Type: Integer, Description: "Most resources of a page."},
					{Name: "cursorTimeout", Type: Integer, Description: "Seconds for which a cursor is valid."},
				},
			},
			{
				Name: "authenticationSchemes", Type: Complex, MultiValued: true, Required: true,
				Description: "How clients authenticate.",
				SubAttributes: []*Attribute{
					{
						Name: subType, Required: true,
						CanonicalValues: []string{"oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"},
						Description:     "The kind of authentication.",
					},
					{Name: "name", Required: true, Description: "The name of the scheme as it is shown."},
					{Name: "description", Required: true, Description: "What the scheme is."},
					{
						Name: "specUri", Type: Reference, CaseExact: true, ReferenceTypes: []string{"external"},
						Description: "URL of the scheme's specification.",
					},
					{
						Name: "documentationUri", Type: Reference, CaseExact: true, ReferenceTypes: []string{"external"},
						Description: "URL of the scheme's documentation.",
					},
					{Name: subPrimary, Type: Boolean, Description: "Whether this is the preferred scheme."},
				},
			},
		},
	})
}

// resourceTypeSchema is RFC 7643 §6.
func resourceTypeSchema() *Schema {
	return readOnly(&Schema{
		ID: scim.ResourceTypeSchema, Name: "ResourceType", Description: "A kind of resource.",
		Attributes: []*Attribute{
			{Name: attrID, CaseExact: true, Description: "The identifier of the resource type; equals its name."},
			{Name: "name", CaseExact: true, Required: true, Description: "The name of the resource type."},
			{Name: "description", Description: "What resources of the type are."},
			{
				Name: "endpoint", Type: Reference, CaseExact: true, Required: true, ReferenceTypes: []string{"uri"},
				Description: "Where resources of the type are found, relative to the base URL.",
			},
			{
				Name: "schema", Type: Reference, CaseExact: true, Required: true, ReferenceTypes: []string{"uri"},
				Description: "URI of the base schema.",
			},
			{
				Name: "schemaExtensions", Type: Complex, MultiValued: true, Description: "Extensions of the base schema.",
				SubAttributes: []*Attribute{
					{
						Name: "schema", Type: Reference, CaseExact: true, Required: true, ReferenceTypes: []string{"uri"},
						Description: "URI of the extension.",
					},
					{
						Name: "required", Type: Boolean, Required: true,
						Description: "Whether every resource of the type has the extension.",
					},
				},
			},
		},
	})
}

// schemaSchema is RFC 7643 §7. Only here does a complex attribute hold another
// (erratum 8415): the attributes that it describes.
func schemaSchema() *Schema {
	characteristics := func(types ...Type) []*Attribute {
		return []*Attribute{
			{Name: "name", CaseExact: true, Required: true, Description: "The name of the attribute."},
			{Name: "type", Required: true, CanonicalValues: texts(types), Description: "The data type of the attribute."},
			{Name: "multiValued", Type: Boolean, Required: true, Description: "Whether the attribute has many values."},
			{Name: "description", Description: "What the attribute means."},
			{Name: "required", Type: Boolean, Description: "Whether a resource must have the attribute."},
			{Name: "canonicalValues", MultiValued: true, CaseExact: true, Description: "Values that are suggested."},
			{Name: "caseExact", Type: Boolean, Description: "Whether case matters when values are compared."},
			{
				Name: "mutability", CanonicalValues: texts([]Mutability{ReadOnly, ReadWrite, Immutable, WriteOnly}),
				Description: "Who may change the attribute, and when.",
			},
			{
				Name: "returned", CanonicalValues: texts([]Returned{ReturnedAlways, ReturnedNever, ReturnedDefault, ReturnedRequest}),
				Description: "When the attribute is returned.",
			},
			{
				Name: "uniqueness", CanonicalValues: texts([]Uniqueness{UniqueNone, UniqueServer, UniqueGlobal}),
				Description: "Where a value may stand only once.",
			},
			{
				Name: "referenceTypes", MultiValued: true, CaseExact: true,
				Description: "Resource types that a reference may point at, or uri or external.",
			},
		}
	}
	sub := &Attribute{
		Name: "subAttributes", Type: Complex, MultiValued: true, Description: "The sub-attributes of a complex attribute.",
		SubAttributes: characteristics(String, Boolean, Decimal, Integer, DateTime, Binary, Reference),
	}
	return readOnly(&Schema{
		ID: scim.SchemaSchema, Name: "Schema", Description: "A set of attributes.",
		Attributes: []*Attribute{
			{
				Name: attrID, CaseExact: true, Required: true, Returned: ReturnedAlways,
				Description: "The URI of the schema.",
			},
			{Name: "name", Required: true, Description: "The name of the schema as it is shown."},
			{Name: "description", Description: "What the schema describes."},
			{
				Name: "attributes", Type: Complex, MultiValued: true, Required: true, Description: "The attributes of the schema.",
				SubAttributes: append(characteristics(String, Boolean, Decimal, Integer, DateTime, Binary, Reference, Complex), sub),
			},
		},
	})
}

// readOnly makes every attribute of s readOnly, as all of discovery is.
func readOnly(s *Schema) *Schema {
	var lock func([]*Attribute)
	lock = func(attrs []*Attribute) {
		for _, a := range attrs {
			a.Mutability = ReadOnly
			lock(a.SubAttributes)
		}
	}
	lock(s.Attributes)
	return s
}

// texts returns names of a string type as strings.
func texts[T ~string](names []T) []string {
	s := make([]string, len(names))
	for i, n := range names {
		s[i] = string(n)
	}
	return s
}
