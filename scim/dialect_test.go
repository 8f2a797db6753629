package scim_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
)

func TestEverySwitchHasAName(t *testing.T) {
	seen := make(map[string]bool)
	for s := range scim.AllSwitches().All() {
		if name := s.String(); name == "" || name == "unknown" || seen[name] {
			t.Errorf("switch %d is called %q", s, name)
		} else {
			seen[name] = true
		}
	}
	if !seen["loose-country"] || !seen["string-booleans"] {
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
	for _, p := range scim.Profiles() {
		if got, ok := scim.ProfileByName(p.Name); !ok || got != p {
			t.Errorf("%s: got %v, %v", p.Name, got, ok)
		}
	}
	for _, name := range []string{"", "other", "compat,", "compat,other", "compat,no-", ",quiet-patch", "quiet-patch", "compat quiet-patch", "compat,no-no-keep-on-put"} {
		if _, ok := scim.ProfileByName(name); ok {
			t.Errorf("a profile %q was found", name)
		}
	}
}

func TestProfileWithSingleSwitches(t *testing.T) {
	p, ok := scim.ProfileByName("Strict,quiet-patch,string-booleans,no-string-booleans,no-keep-on-put")
	if want := scim.Switches(0).With(scim.QuietPatch); !ok || p.Switches != want || p.Name != "strict,quiet-patch,string-booleans,no-string-booleans,no-keep-on-put" {
		t.Errorf("got %v, %v", p, ok)
	}
	p, ok = scim.ProfileByName("compat,no-keep-on-put")
	if !ok || p.Switches.With(scim.KeepOnPut) != scim.Compat().Switches || p.Switches.Has(scim.KeepOnPut) {
		t.Errorf("got %v, %v", p, ok)
	}
}

func TestPresets(t *testing.T) {
	forgiven := scim.Compat().Switches
	for _, p := range []scim.Profile{scim.Entra(), scim.Okta()} {
		if p.Switches&^forgiven != 0 || p.Switches == forgiven {
			t.Errorf("%s is not a part of compat: %b", p.Name, p.Switches)
		}
	}
	for name, conformant := range map[string]bool{
		"compat": false, "strict": false, "entra": false, "okta": false, "interop": true, "ipsie": true, "scim1": false,
		"interop,quiet-patch": true, "interop,no-need-path": false, "interop,missing-schemas": false, "interop,loose-filter": false,
	} {
		if p, ok := scim.ProfileByName(name); !ok || p.InteropConformant() != conformant {
			t.Errorf("%s: conformant is not %v", name, conformant)
		}
	}
	for _, s := range []scim.Switch{scim.QuietPatch, scim.DiscoveryFilter, scim.NeedVersion, scim.NewerFilter} {
		for _, p := range scim.Profiles() {
			if p.Switches.Has(s) {
				t.Errorf("%s has %s, which nobody needs", p.Name, s)
			}
		}
	}
	if scim.Entra().Switches.Has(scim.KeepOnPut) || scim.SCIM1().Switches.Has(scim.KeepOnPut) {
		t.Error("AMB-11: a PUT clears what it leaves out")
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
