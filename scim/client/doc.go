// Package client calls SCIM 2.0 service providers (RFC 7644), strict in what it
// sends and tolerant in what it reads: servers differ far more than the RFC allows.
//
// # What is tolerated
//
//	null, [], {} and an absent attribute are one state          RFC 7643 §2.5
//	names in any case                                           RFC 7643 §2.1
//	an error's status as string or number, or no SCIM error     RFC 7644 §3.12
//	an answer to a write without a body, or with an odd one     the Document is nil
//	pages that are shorter than asked, totals that are wrong    RFC 7644 §3.4.2.4
//	no ServiceProviderConfig, or one that cannot be read        the defaults of [Config]
//	a byte order mark in front of the JSON
//
// JSON itself is read strictly, by package schema: a name that stands twice has no
// meaning that could be tolerated.
//
// # What it does not do
//
// It makes one attempt: whoever calls decides whether and when to try again, for
// which an [Error] has status, scimType and Retry-After. It has no clock, no cache, no
// log and no goroutine. It follows no redirects unless the [Doer] does. Of what the
// server sends nothing is ever made into a path but an id, escaped; a Location is
// not read. There is no bulk, and lists are paged by index only.
//
// # Invariants
//
//   - Every request goes below the base URL, and only there is the token sent.
//   - An id of a server is bounded, valid UTF-8 and no dot segment (see [CheckID]).
//   - No error holds the token, and none more than 1 KiB of an answer, escaped.
//   - An answer is read up to [Options.MaxBody] and never decompressed.
package client
