//go:build race

package report_test

import "flag"

// Each round has a database of its own, which is many times slower under the race detector, and what is random in it is no schedule.
func init() {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
}
