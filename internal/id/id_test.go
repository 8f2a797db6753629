package id_test

import (
	"regexp"
	"testing"

	"github.com/muster-id/muster/internal/id"
)

func TestSec_B04_ResourceIDsAreRandomAndUnique(t *testing.T) {
	t.Parallel()
	v4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	const n = 10_000
	seen := make(map[string]bool, n)
	rising := 0
	for last := ""; len(seen) < n; {
		got := id.New()
		if !v4.MatchString(got) {
			t.Fatalf("New() = %q, want a version 4 UUID", got)
		}
		if seen[got] {
			t.Fatalf("New() = %q twice", got)
		}
		seen[got] = true
		if got > last {
			rising++
		}
		last = got
	}
	if rising > n*6/10 {
		t.Errorf("%d of %d ids were greater than the one before: they tell the order of creation", rising, n)
	}
}

func TestRequestIDsSortByTime(t *testing.T) {
	t.Parallel()
	last := ""
	for range 1_000 {
		got := id.Request()
		if got <= last {
			t.Fatalf("Request() = %q after %q, want rising ids", got, last)
		}
		last = got
	}
}
