package id_test

import (
	"regexp"
	"testing"

	"github.com/muster-id/muster/internal/id"
)

func TestSec_B04_IDsAreUniqueAndCannotBeGuessed(t *testing.T) {
	t.Parallel()
	v7 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	const n = 10_000
	ids, tails := make(map[string]bool, n), make(map[string]bool, n)
	for range n {
		got := id.New()
		if !v7.MatchString(got) {
			t.Fatalf("New() = %q, want a version 7 UUID", got)
		}
		ids[got] = true
		tails[got[19:]] = true // what follows the time: all random
	}
	if len(ids) != n || len(tails) != n {
		t.Errorf("%d ids with %d different random parts, want %d of both", len(ids), len(tails), n)
	}
}
