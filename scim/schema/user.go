package schema

import "github.com/muster-id/muster/scim"

// User returns a new definition of the User type with the Enterprise extension, to
// be altered before it goes into a set.
func User() *ResourceType {
	return &ResourceType{
		Name: "User", Description: "User Account", Endpoint: "/Users",
		Schema:     userSchema(),
		Extensions: []Extension{{Schema: enterpriseUserSchema()}},
	}
}

// userSchema is RFC 7643 §4.1 and §8.7.1.
func userSchema() *Schema {
	return &Schema{
		ID: scim.UserSchema, Name: "User", Description: "User Account",
		Attributes: []*Attribute{
			{
				Name: "userName", Required: true, Uniqueness: UniqueServer, MaxLength: maxIdentifier, Identifier: true,
				Description: "Name by which the user signs in; unique without regard to case.",
			},
			{
				Name: "name", Type: Complex, Description: "The parts of the user's name.",
				SubAttributes: []*Attribute{
					{Name: "formatted", Description: "The full name, formatted for display."},
					{Name: "familyName", Description: "The family name or last name."},
					{Name: "givenName", Description: "The given name or first name."},
					{Name: "middleName", Description: "The middle names."},
					{Name: "honorificPrefix", Description: "The title in front of the name, such as Dr."},
					{Name: "honorificSuffix", Description: "The title behind the name, such as III."},
				},
			},
			{
				Name: "displayName", MaxLength: maxIdentifier, Identifier: true,
				Description: "The name of the user as it is shown.",
			},
			{Name: "nickName", Description: "The casual name of the user."},
			{
				Name: "profileUrl", Type: Reference, CaseExact: true, ReferenceTypes: []string{"external"},
				Description: "URL of the user's online profile.",
			},
			{Name: "title", Description: "The user's title, such as Vice President."},
			{Name: "userType", Description: "How the user relates to the organization, such as Employee."},
			{Name: "preferredLanguage", Description: "The preferred languages, in the form of an Accept-Language header."},
			{Name: "locale", NoBlanks: true, Description: "The user's language tag for formats and currency, such as en-US."},
			{Name: "timezone", Description: "The user's time zone in IANA form, such as America/Los_Angeles."},
			{Name: "active", Type: Boolean, Description: "Whether the user may use the service."},
			{
				Name: "password", CaseExact: true, Mutability: WriteOnly, Returned: ReturnedNever,
				Description: "The clear text password; accepted but never returned.",
			},
			labelled("emails", "E-mail addresses.", "work", "home", "other"),
			labelled("phoneNumbers", "Phone numbers.", "work", "home", "mobile", "fax", "pager", "other"),
			labelled("ims", "Instant messaging addresses.",
				"aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo", "other"),
			{
				Name: "photos", Type: Complex, MultiValued: true, Description: "URLs of photos of the user.",
				SubAttributes: labels(&Attribute{
					Name: subValue, Type: Reference, CaseExact: true, ReferenceTypes: []string{"external"},
					Description: "URL of an image file.",
				}, "photo", "thumbnail"),
			},
			{
				Name: "addresses", Type: Complex, MultiValued: true, Description: "Physical mailing addresses.",
				SubAttributes: []*Attribute{
					{Name: "formatted", Description: "The full address, formatted for display or a label."},
					{Name: "streetAddress", Description: "Street, house number, post office box and the like."},
					{Name: "locality", Description: "The city."},
					{Name: "region", Description: "The state or region."},
					{Name: "postalCode", Description: "The postal code."},
					{Name: "country", country: true, CanonicalValues: countries, Description: "The country as an ISO 3166-1 alpha-2 code."},
					{Name: subType, CanonicalValues: []string{"work", "home", "other"}, Description: "What the address is for."},
					{Name: subPrimary, Type: Boolean, Description: "Whether this is the preferred address."},
				},
			},
			{
				Name: "groups", Type: Complex, MultiValued: true, Mutability: ReadOnly, Relation: true,
				Description: "Groups that the user belongs to, directly or through other groups.",
				SubAttributes: []*Attribute{
					{Name: subValue, CaseExact: true, Mutability: ReadOnly, Description: "The id of the group."},
					{
						Name: subRef, Type: Reference, CaseExact: true, Mutability: ReadOnly, ReferenceTypes: []string{"Group"},
						Description: "URI of the group.",
					},
					{Name: subDisplay, Mutability: ReadOnly, Description: "The name of the group."},
					{
						Name: subType, Mutability: ReadOnly, CanonicalValues: []string{"direct", "indirect"},
						Description: "Whether the user is a member of the group itself or of one inside it.",
					},
				},
			},
			labelled("entitlements", "Things that the user has a right to."),
			labelled("roles", "Roles of the user."),
			{
				Name: "x509Certificates", Type: Complex, MultiValued: true, Description: "Certificates issued to the user.",
				SubAttributes: labels(&Attribute{
					Name: subValue, Type: Binary, CaseExact: true, Description: "One DER certificate in base64.",
				}),
			},
		},
	}
}

// labelled returns a multi-valued attribute of strings with the sub-attributes of RFC 7643 §2.4.
func labelled(name, description string, types ...string) *Attribute {
	return &Attribute{
		Name: name, Type: Complex, MultiValued: true, Description: description,
		SubAttributes: labels(&Attribute{Name: subValue, Description: "The value."}, types...),
	}
}

// labels returns value with the sub-attributes that describe it (RFC 7643 §2.4).
func labels(value *Attribute, types ...string) []*Attribute {
	return []*Attribute{
		value,
		{Name: subDisplay, Description: "The value as it is shown."},
		{Name: subType, CanonicalValues: types, Description: "What the value is for."},
		{Name: subPrimary, Type: Boolean, Description: "Whether this is the preferred value; true at most once."},
	}
}

// enterpriseUserSchema is RFC 7643 §4.3, with erratum 8472.
func enterpriseUserSchema() *Schema {
	return &Schema{
		ID: scim.EnterpriseUserSchema, Name: "EnterpriseUser", Description: "Enterprise User",
		Attributes: []*Attribute{
			{Name: "employeeNumber", Description: "Identifier that the organization gave the user."},
			{Name: "costCenter", Description: "Name of the cost center."},
			{Name: "organization", Description: "Name of the organization."},
			{Name: "division", Description: "Name of the division."},
			{Name: "department", Description: "Name of the department."},
			{
				Name: "manager", Type: Complex, Description: "The user's manager.",
				SubAttributes: []*Attribute{
					{Name: subValue, CaseExact: true, Description: "The id of the manager's user resource."},
					{
						Name: subRef, Type: Reference, CaseExact: true, ReferenceTypes: []string{"User"},
						Description: "URI of the manager's user resource.",
					},
					{Name: "displayName", Mutability: ReadOnly, Description: "The name of the manager as it is shown."},
				},
			},
		},
	}
}
