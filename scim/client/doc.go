// Package client calls SCIM 2.0 service providers (RFC 7644), strict in what it
// sends and tolerant in what it reads: servers differ far more than the RFC allows.
//
//	c, err := client.New("https://app.example/scim/v2", client.Options{
//		HTTP:  &http.Client{Timeout: 30 * time.Second},
//		Token: func(context.Context) (string, error) { return token, nil },
//		Retry: client.Retry{Attempts: 4},
//	})
//	users := client.Of[client.User](c, "User")
//	ada, err := users.Create(ctx, client.User{UserName: "ada"})
//
// Resources come typed, as structs ([Of]), or as they are ([Document], [Client.Get]). Lists are sequences that go from
// page to page ([Client.All]). Changes are patches ([Patch]), replaces, edits of what is there ([Client.Update]), or many
// at once ([Bulk]).
//
// # What is tolerated
//
//	null, [], {} and an absent attribute are one state          RFC 7643 §2.5
//	names in any case, booleans and numbers in strings          RFC 7643 §2.1, §2.3
//	an error's status as string or number, or no SCIM error     RFC 7644 §3.12
//	an answer to a write without a body, or with an odd one     the Document is nil; see [ReadBack]
//	pages shorter than asked, totals that are wrong, pages that
//	come again, resources that come and go between pages        RFC 7644 §3.4.2.4
//	cursors that nobody asked for, promised, or expired         RFC 9865
//	no ServiceProviderConfig, or one that cannot be read        the defaults of [Config]
//	a feature that is promised and not there, or the reverse    [Client.Can]: what was shown counts
//	results of a bulk without bulkId, in another order, with a
//	status as string, number or object                          RFC 7644 §3.7.3
//	a version in the ETag alone, or without its quotes          RFC 7644 §3.14
//	a byte order mark in front of the JSON
//
// JSON itself is read strictly, by package schema: a name that stands twice has no
// meaning that could be tolerated. A web page is an error, also as the answer to a write: somebody else answered.
//
// # What it does not do
//
// It makes one attempt unless [Options.Retry] says more, and then only what can do no harm twice. It has no log and no
// goroutine. It compares no documents: what a server made of a value (case, form, order) is for the caller to judge, who
// should compare with what the server showed, never with what was sent. It gets no tokens and does no OAuth: that is
// [Options.Token]. Redirects are not followed, unless within the origin and asked for ([Options.FollowRedirects]).
// Of what the server sends nothing is ever made into a path but an id, escaped, an endpoint of one segment, and the last
// segment of the Location of what was just made, if it lies at its endpoint.
//
// # Invariants
//
//   - Every request goes to the origin of the base URL, and only there is the token sent; over http only to this
//     machine, unless [Options.Cleartext] is set.
//   - An id of a server is bounded, valid UTF-8 and no dot segment (see [CheckID]).
//   - No error holds the token; none adds an id or a filter to what the server says, of which it holds 1 KiB, escaped.
//   - An answer is read up to [Options.MaxBody] and never decompressed.
//   - Every loop ends: attempts, redirects, pages, restarts, halvings and edits are bounded, and all end with the context.
package client
