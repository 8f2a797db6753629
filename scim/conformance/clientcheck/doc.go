// Package clientcheck checks a SCIM client. It is a service provider (RFC 7644) that a client is pointed at: it serves users
// and groups from memory, looks at every request, and now and then plays a scene to see what the client does about it: an
// answer of 429, a page that is shorter than asked, somebody who exists already. It is the engine of muster check --client,
// and of a Go test:
//
//	c := clientcheck.Start(t, clientcheck.Options{})
//	provision(c.URL(), c.Token()) // what is under test
//	clientcheck.Test(t, c)
//
// # What comes of it
//
// A conformance.Report with one result for each of [All]: pass with the number of requests that showed it, fail or warn with the
// request, or not seen, because the client never did what it is about. Rules (groups http, url, query, create, put, patch,
// bulk, …) hold for every request. Scenes have names that begin with "scene/"; each is played once, on the first request that
// fits, at most one on a request, and never on the repeat of a request that one was played on.
//
// # What it judges by
//
// Requests are judged by the strict reading of the RFC, by the parsers of this library without any forgiveness; they are
// answered with all of it, so that one mistake does not hide the next.
//
// # What it does not see
//
// TLS, what a client does inside, and redirects. Requests are answered one at a time, so it measures no speed. What
// it serves is kept in memory until the end, and findings quote requests: point a client with invented people at it.
package clientcheck
