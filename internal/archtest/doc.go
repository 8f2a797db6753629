// Package archtest keeps the architecture true. It has no code of its own; its
// tests read the import graph (`go list -json ./...`) and the source files and
// compare them with tables in which every rule has its reason:
//
//	layers_test.go    imports point downwards: cmd → app → … → scim
//	arrows_test.go    single arrows that are forbidden, whatever the layer
//	modules_test.go   which package of ours may import which third-party module
//	source_test.go    what no import shows: literals, clocks, goroutines, SQL, docs
//	paths_test.go     nothing in the repository names the machine it was built on
//
// A failure is a design question, not a lint finding. Either the new import is
// in the wrong place, or the design has changed; then change the table, its
// reason and docs/architecture.md in the same commit.
//
// Rules may name packages that do not exist (yet). Each checker has a test of
// its own that shows it failing on a made-up graph.
package archtest
