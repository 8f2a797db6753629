// Package interop asks other people's judgement: it runs SCIM software that we
// did not write against Muster, and our client against theirs. It has no code of
// its own; its tests need Go, Python, Java with Maven, and Node.js with npm, and so
// carry the build tag interop and run by
//
//	make interop
//
// # What runs
//
//	tester_test.go      scim2-tester (PyPI), every check, against Muster
//	clients_test.go     scim2-client (PyPI) and the UnboundID SCIM 2 SDK (Maven Central): a working life in Muster
//	lifecycle_test.go   scim/client: a working life in scim2-server (PyPI), scimmy-routers (npm) and Apache SCIMple (Maven Central)
//	faults_test.go      what those three servers do against the RFCs, and our client lives with
//	acme_test.go        pebble (Go modules), an ACME authority: the hub gets its certificates there
//	check_test.go       muster check against those three servers: it fails what testdata/check-*.txt lists, and nothing else
//
// python/, java/, scimple/ and node/ hold the drivers, and what they need, pinned
// with hashes: requirements.txt, pom.xml with jars.sha256, package-lock.json.
// pebble/ is a Go module of its own, with go.sum.
//
// # Invariants
//
//   - Packages come by the clients of the registries, into the user's cache
//     directory (muster-interop), once for each content of the pins.
//   - After that nothing leaves loopback.
//   - Nothing is skipped: a tool that cannot be installed or started is a failure.
//   - What a tool or a server gets wrong is a list with reasons, and a test fails
//     as soon as that list is longer or shorter than the truth.
package interop
