// Package server is a SCIM 2.0 service provider (RFC 7644) as an http.Handler over
// a Store: it speaks HTTP, the Store keeps resources.
//
// # One request
//
//	path ─▶ Open ─▶ route ─▶ media types ─▶ body ─▶ schema, patch, filter ─▶ Store ─▶ answer
//
// A path in an odd spelling is refused before anything looks at it. Open
// authenticates and says what the caller sees; nothing but ServiceProviderConfig
// is answered without it. The request is read within its limits, brought into
// canonical form by package schema, patch or filter, and handed to the Store of
// the resource type. The answer is written from the canonical bytes that the store
// keeps wherever no rule forbids, with id, meta and relations added on the way.
//
// # Bulk requests
//
// A bulk request (RFC 7644 §3.7) is cut into operations that are prepared as single
// requests are, and handed to Service.Do in slices, or to the Stores one by one where
// there is no Do. Options.Jobs takes those that are to be answered before they are
// carried out (RFC 9967).
//
// # What it does not do
//
// It has no users, tokens or tenants: Open has. It decides no uniqueness and no
// referential rule: the Store does, in the transaction that writes. It does not
// limit rates or connections, and sets no time-outs: the http.Server around it
// does.
//
// Mount it where paths arrive as the client sent them. http.ServeMux redirects
// paths with doubled slashes or dots before a handler sees them, so a mux in front
// should match by prefix and pass the request on untouched.
//
// # Invariants
//
//   - Every limit that is advertised is the value that is enforced.
//   - Every answer that is not 2xx or 304 is a SCIM Error, with an id of a log line
//     instead of the cause where the fault is ours.
//   - Nothing is redirected and no location depends on the Host header.
//   - Answers are streamed: memory is bounded by one chunk, not by a page or a group.
//   - Nothing is kept between pages: a cursor holds all that it needs, sealed.
//   - An answer that fails halfway is cut off, never ended as if it were whole.
package server
