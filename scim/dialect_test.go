package scim_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
)

func TestEverySwitchHasAName(t *testing.T) {
	seen := make(map[string]bool)
	for s := range scim.Compat().Switches.All() {
		if name := s.String(); name == "" || name == "unknown" || seen[name] {
			t.Errorf("switch %d is called %q", s, name)
		} else {
			seen[name] = true
		}
	}
	if !seen["empty-strings"] || !seen["string-booleans"] {
		t.Errorf("the first or the last switch is missing: %v", seen)
	}
}

func TestDialectRemembersWhatItForgave(t *testing.T) {
	d := scim.NewDialect(scim.Compat())
	if !d.Allows(scim.KeepOnPut) || d.Used() != 0 {
		t.Error("Allows counts as a use")
	}
	if !d.Forgives(scim.KeepOnPut) || !d.Used().Has(scim.KeepOnPut) || d.Used().Has(scim.DottedKeys) {
		t.Errorf("used %b", d.Used())
	}
	strict := scim.NewDialect(scim.Strict())
	if strict.Forgives(scim.KeepOnPut) || strict.Used() != 0 {
		t.Error("strict forgives")
	}
	var none *scim.Dialect
	if none.Forgives(scim.KeepOnPut) || none.Used() != 0 || none.Profile().Name != "strict" {
		t.Error("no dialect is not strict")
	}
}

func TestProfileByName(t *testing.T) {
	if p, ok := scim.ProfileByName("COMPAT"); !ok || p != scim.Compat() {
		t.Errorf("got %v, %v", p, ok)
	}
	if _, ok := scim.ProfileByName("other"); ok {
		t.Error("an unknown profile was found")
	}
}

func TestQuoteEscapesAndCuts(t *testing.T) {
	if got := scim.Quote("a\n\x1b\"é"); got != `"a\n\x1b\"é"` {
		t.Errorf("got %s", got)
	}
	for n, want := range map[int]int{64: 66, 65: 69, 10_000: 69} {
		if got := scim.Quote(strings.Repeat("x", n)); len(got) != want {
			t.Errorf("%d characters became %d bytes: %s", n, len(got), got)
		}
	}
}
