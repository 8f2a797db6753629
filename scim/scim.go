// Package scim holds what every part of the SCIM library shares: the URNs of
// RFC 7643 and RFC 7644, the protocol error, and the dialect: which deviations
// from the RFC one credential is forgiven.
//
// The packages below it do the work: schema (definitions, validation), filter
// (filter and path grammar, evaluation), patch (RFC 7644 §3.5.2), server (an
// http.Handler over a Store) and client. None of them does I/O of its own but
// server and client, and none imports anything but the standard library and the
// JSON module.
package scim

// Schema and message URNs (RFC 7643 §10.3, RFC 7644 §8.2).
const (
	UserSchema                  = "urn:ietf:params:scim:schemas:core:2.0:User"
	EnterpriseUserSchema        = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	GroupSchema                 = "urn:ietf:params:scim:schemas:core:2.0:Group"
	ServiceProviderConfigSchema = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	ResourceTypeSchema          = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	SchemaSchema                = "urn:ietf:params:scim:schemas:core:2.0:Schema"

	ListResponseMessage  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SearchRequestMessage = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	PatchOpMessage       = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	BulkRequestMessage   = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseMessage  = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
	ErrorMessage         = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// MediaType is the content type of SCIM bodies (RFC 7644 §8.1).
const MediaType = "application/scim+json"
