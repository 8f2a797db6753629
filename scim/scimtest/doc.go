// Package scimtest is SCIM service providers for the tests of other programs: a good one in memory, and the same with
// any of more than a hundred faults that real servers have.
//
//	srv := scimtest.New(t, scimtest.Options{})      // users, groups and everything that package server can do
//	call(srv.URL, srv.Token)                        // what is under test, over real HTTP
//	ada, _ := srv.Memory.Get("User", id)            // what has become of it
//	srv.Requests()                                  // what was sent
//	srv.Misbehave("patch-active-ignored", "slow")   // and now?
//	srv.Script(2, "POST", "/Users", handler)        // or answers of your own
//
// Each [Fault] is deterministic, has a name, says which real server was seen with it, and names the few rows of
// requirements that it violates: a checker is proven by finding each, a client by living with it.
//
// # What it keeps
//
// A [Memory] keeps what the contract of server.Store asks for: uniqueness, versions that change with every effective
// change and only then, references between resources of which none dangles, derived groups, conditions and edits in
// one atomic step. It finds by looking at every resource and keeps nothing on disk.
//
// # What it does not do
//
// It limits no rates, forgets nothing by itself, and knows two tenants with one token each. Of times it knows only now.
package scimtest
