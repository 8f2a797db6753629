// Package scim1 is the SCIM 1.1 face of a service provider (REST API 1.1 and Core Schema
// 1.1 of July 2012): an http.Handler that says in SCIM 2.0 what a 1.1 client asks, lets
// scim/server do it, and says the answer in 1.1 again. JSON only.
//
//	1.1 request ─▶ path, method, query, body ─▶ scim/server ─▶ headers, status, body ─▶ 1.1 answer
//
// Nothing is kept in another form for it: who is created here is there in SCIM 2.0 under
// the same id, and a change made here is the same change.
//
//	1.1                                              2.0
//	urn:scim:schemas:core:1.0                        the type's own URN; of messages none
//	urn:scim:schemas:extension:enterprise:1.0        …:enterprise:2.0:User
//	manager.managerId                                manager.value
//	en_US in locale and preferredLanguage            en-US
//	"emails": ["a@example.com"]                      "emails": [{"value": "a@example.com"}]
//	PATCH of a partial resource, meta.attributes     PatchOp
//	/ServiceProviderConfigs                          /ServiceProviderConfig
//	endpoint in the Schema resource                  /ResourceTypes
//	X-HTTP-Method-Override on a POST                 the method itself
//	DELETE answered 200                              204
//	{"Errors": [{"description": …, "code": "404"}]}  Error message
//	bulk status {"code": …, "description": …}        string
//
// # What it does not do
//
// It offers no XML: 415 and 406 say so. What only SCIM 2.0 has (/Me, /ResourceTypes,
// /.search, queries of the base URL, excludedAttributes, cursors, asynchronous answers) is
// not there.
//
// # Invariants
//
//   - Stored data is the same whichever version wrote it. Only in language tags is _ taken
//     for -.
//   - Whoever has no access learns nothing more here than there: a request that is not
//     let in is handed on as it is refused.
//   - Answers are translated as they come: what is held of one is the largest single value
//     in it, not the page or the group. Request bodies are bounded, alone and together.
//   - An answer that fails halfway is cut off, never ended as if it were whole.
package scim1
