package client

// User is a user with the Enterprise extension (RFC 7643 §4.1, §4.3), for [Of]. What is empty is not sent. What a server
// has beyond it stays when it is changed with [Resources.Save] or [Resources.Update].
type User struct {
	ExternalID        string          `json:"externalId,omitzero"`
	UserName          string          `json:"userName,omitzero"`
	Name              Name            `json:"name,omitzero"`
	DisplayName       string          `json:"displayName,omitzero"`
	NickName          string          `json:"nickName,omitzero"`
	ProfileURL        string          `json:"profileUrl,omitzero"`
	Title             string          `json:"title,omitzero"`
	UserType          string          `json:"userType,omitzero"`
	PreferredLanguage string          `json:"preferredLanguage,omitzero"`
	Locale            string          `json:"locale,omitzero"`
	Timezone          string          `json:"timezone,omitzero"`
	Active            *bool           `json:"active,omitzero"`   // nil: the server decides
	Password          string          `json:"password,omitzero"` // never read
	Emails            []Labelled      `json:"emails,omitempty"`
	PhoneNumbers      []Labelled      `json:"phoneNumbers,omitempty"`
	IMs               []Labelled      `json:"ims,omitempty"`
	Photos            []Labelled      `json:"photos,omitempty"`
	Addresses         []Address       `json:"addresses,omitempty"`
	Groups            []Member        `json:"groups,omitempty"` // only read: membership is changed through Group (RFC 7643 §4.1.2)
	Entitlements      []Labelled      `json:"entitlements,omitempty"`
	Roles             []Labelled      `json:"roles,omitempty"`
	X509Certificates  []Labelled      `json:"x509Certificates,omitempty"` // DER in base64
	Enterprise        *EnterpriseUser `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User,omitzero"`
}

// Name is the parts of a user's name (RFC 7643 §4.1.1).
type Name struct {
	Formatted       string `json:"formatted,omitzero"`
	FamilyName      string `json:"familyName,omitzero"`
	GivenName       string `json:"givenName,omitzero"`
	MiddleName      string `json:"middleName,omitzero"`
	HonorificPrefix string `json:"honorificPrefix,omitzero"`
	HonorificSuffix string `json:"honorificSuffix,omitzero"`
}

// Labelled is an element of a multi-valued attribute (RFC 7643 §2.4).
type Labelled struct {
	Value   string `json:"value,omitzero"`
	Display string `json:"display,omitzero"`
	Type    string `json:"type,omitzero"`
	Primary bool   `json:"primary,omitzero"`
}

// Address is a physical mailing address (RFC 7643 §4.1.2).
type Address struct {
	Formatted     string `json:"formatted,omitzero"`
	StreetAddress string `json:"streetAddress,omitzero"`
	Locality      string `json:"locality,omitzero"`
	Region        string `json:"region,omitzero"`
	PostalCode    string `json:"postalCode,omitzero"`
	Country       string `json:"country,omitzero"` // ISO 3166-1 alpha-2
	Type          string `json:"type,omitzero"`
	Primary       bool   `json:"primary,omitzero"`
}

// EnterpriseUser is the Enterprise extension of a user (RFC 7643 §4.3).
type EnterpriseUser struct {
	EmployeeNumber string  `json:"employeeNumber,omitzero"`
	CostCenter     string  `json:"costCenter,omitzero"`
	Organization   string  `json:"organization,omitzero"`
	Division       string  `json:"division,omitzero"`
	Department     string  `json:"department,omitzero"`
	Manager        Manager `json:"manager,omitzero"`
}

// Manager refers to the user who is the manager (RFC 7643 §4.3).
type Manager struct {
	Value       string `json:"value,omitzero"` // id
	Ref         string `json:"$ref,omitzero"`
	DisplayName string `json:"displayName,omitzero"`
}

// Group is a group (RFC 7643 §4.2), for [Of]. Large groups are better changed by [Patch.AddMembers] and
// [Patch.RemoveMembers], and read without their members: [Want].
type Group struct {
	ExternalID  string   `json:"externalId,omitzero"`
	DisplayName string   `json:"displayName,omitzero"`
	Members     []Member `json:"members,omitempty"`
}

// Member refers to a member of a group, or to a group of a user (RFC 7643 §4.1.2, §4.2).
type Member struct {
	Value   string `json:"value,omitzero"` // id
	Ref     string `json:"$ref,omitzero"`
	Display string `json:"display,omitzero"`
	Type    string `json:"type,omitzero"`
}
