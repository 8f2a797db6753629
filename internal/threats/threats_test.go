package threats_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muster-id/muster/internal/threats"
)

const root = "../.."

func read(t *testing.T) []threats.Status {
	t.Helper()
	list, err := threats.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSec_L10_EveryRow: each threat is named by a test or a rule, or the page says why not.
func TestSec_L10_EveryRow(t *testing.T) {
	t.Parallel()
	for _, s := range read(t) {
		if s.Missing() {
			t.Errorf("%s (%s): no test is named TestSec_%s_…, and reasons.tsv does not say why", s.Row.ID, s.Row.Threat, s.Row.ID)
		}
	}
}

// TestNamesAreRows: a test that is named after a row is named after one that there is.
func TestNamesAreRows(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, s := range read(t) {
		if known[s.Row.ID] {
			t.Errorf("%s is there twice", s.Row.ID)
		}
		known[s.Row.ID] = true
	}
	found, err := threats.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	for id, places := range found {
		if !known[id] {
			t.Errorf("%v is about %s, which is no row", places, id)
		}
	}
	reasons, err := threats.Reasons()
	if err != nil {
		t.Fatal(err)
	}
	for id := range reasons {
		if !known[id] {
			t.Errorf("reasons.tsv: %s is no row", id)
		}
	}
}

// TestPage: the page is the one that would be generated now.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != threats.Page(read(t)) {
		t.Error("docs/security.md is not current: run go generate ./internal/threats")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go":      "func TestSec_A01_B02_Both(t *testing.T) {\n// TestSec_C03_InAComment\n}\nfunc FuzzSec_C16_Body(f *testing.F) {}\nfunc TestSecret(t *testing.T) {}\n// security row C01\n",
		"b.go":           "func TestSec_A02_NotATest(t *testing.T) {}\n// security row A03\n",
		".golangci.yaml": "# security rows L08 and L09\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := threats.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	both := threats.Place{File: "a_test.go", Test: "TestSec_A01_B02_Both"}
	want := threats.Coverage{
		"A01": {both}, "B02": {both}, "C16": {{File: "a_test.go", Test: "FuzzSec_C16_Body"}},
		"L08": {{File: ".golangci.yaml"}}, "L09": {{File: ".golangci.yaml"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}
