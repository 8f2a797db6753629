package client

// User is a user with the Enterprise extension (RFC 7643 §4.1, §4.3), for [Of]. What is empty is not sent. What a server
// has beyond it stays when it is changed with [Resources.Save] or [Resources.Update].
type User struct {
	ExternalID        string          `scim:"externalId"`
	UserName          string          `scim:"userName"`
	Name              Name            `scim:"name"`
	DisplayName       string          `scim:"displayName"`
	NickName          string          `scim:"nickName"`
	ProfileURL        string          `scim:"profileUrl"`
	Title             string          `scim:"title"`
	UserType          string          `scim:"userType"`
	PreferredLanguage string          `scim:"preferredLanguage"`
	Locale            string          `scim:"locale"`
	Timezone          string          `scim:"timezone"`
	Active            *bool           `scim:"active"`   // nil: the server decides
	Password          string          `scim:"password"` // never read
	Emails            []Labelled      `scim:"emails"`
	PhoneNumbers      []Labelled      `scim:"phoneNumbers"`
	IMs               []Labelled      `scim:"ims"`
	Photos            []Labelled      `scim:"photos"`
	Addresses         []Address       `scim:"addresses"`
	Groups            []Member        `scim:"groups"` // only read: membership is changed through Group (RFC 7643 §4.1.2)
	Entitlements      []Labelled      `scim:"entitlements"`
	Roles             []Labelled      `scim:"roles"`
	X509Certificates  []Labelled      `scim:"x509Certificates"` // DER in base64
	Enterprise        *EnterpriseUser `scim:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

// Name is the parts of a user's name (RFC 7643 §4.1.1).
type Name struct {
	Formatted       string `scim:"formatted"`
	FamilyName      string `scim:"familyName"`
	GivenName       string `scim:"givenName"`
	MiddleName      string `scim:"middleName"`
	HonorificPrefix string `scim:"honorificPrefix"`
	HonorificSuffix string `scim:"honorificSuffix"`
}

// Labelled is an element of a multi-valued attribute (RFC 7643 §2.4).
type Labelled struct {
	Value   string `scim:"value"`
	Display string `scim:"display"`
	Type    string `scim:"type"`
	Primary bool   `scim:"primary"`
}

// Address is a physical mailing address (RFC 7643 §4.1.2).
type Address struct {
	Formatted     string `scim:"formatted"`
	StreetAddress string `scim:"streetAddress"`
	Locality      string `scim:"locality"`
	Region        string `scim:"region"`
	PostalCode    string `scim:"postalCode"`
	Country       string `scim:"country"` // ISO 3166-1 alpha-2
	Type          string `scim:"type"`
	Primary       bool   `scim:"primary"`
}

// EnterpriseUser is the Enterprise extension of a user (RFC 7643 §4.3).
type EnterpriseUser struct {
	EmployeeNumber string  `scim:"employeeNumber"`
	CostCenter     string  `scim:"costCenter"`
	Organization   string  `scim:"organization"`
	Division       string  `scim:"division"`
	Department     string  `scim:"department"`
	Manager        Manager `scim:"manager"`
}

// Manager refers to the user who is the manager (RFC 7643 §4.3).
type Manager struct {
	Value       string `scim:"value"` // id
	Ref         string `scim:"$ref"`
	DisplayName string `scim:"displayName"`
}

// Group is a group (RFC 7643 §4.2), for [Of]. Large groups are better changed by [Patch.AddMembers] and
// [Patch.RemoveMembers], and read without their members: [Want].
type Group struct {
	ExternalID  string   `scim:"externalId"`
	DisplayName string   `scim:"displayName"`
	Members     []Member `scim:"members"`
}

// Member refers to a member of a group, or to a group of a user (RFC 7643 §4.1.2, §4.2).
type Member struct {
	Value   string `scim:"value"` // id
	Ref     string `scim:"$ref"`
	Display string `scim:"display"`
	Type    string `scim:"type"`
}
