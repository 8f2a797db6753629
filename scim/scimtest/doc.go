// Package scimtest is a SCIM service provider in memory, for tests: of clients that
// need somebody to talk to, and of package server itself.
//
//	svc := scimtest.NewService("https://example.com/scim/v2", scim.Compat())
//	srv := httptest.NewServer(server.Handler(scimtest.Open(svc), server.Options{Prefix: "/scim/v2"}))
//
// It keeps what the Store contract asks for: uniqueness, versions that change with
// every effective change and only then, references between resources of which none
// dangles, derived groups, conditions and edits in one atomic step. It keeps nothing on
// disk, finds by looking at every resource, and knows neither tenants nor credentials.
package scimtest
