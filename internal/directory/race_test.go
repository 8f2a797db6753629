//go:build race

package directory_test

import "flag"

// The race detector makes the store ten times slower, and finds what it finds in the first
// rounds. -rapid.checks on the command line still counts.
func init() {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
}
