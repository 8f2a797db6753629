package standards_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/muster-id/muster/internal/standards"
)

const root = "../.."

// TestEveryRow: what has to be tested is named by a test or a check, or the page says why not.
func TestEveryRow(t *testing.T) {
	list, err := standards.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Missing() {
			t.Errorf("%s (%s): no test or check names it, and reasons.tsv does not say why", s.Row.ID, s.Row.Requirement)
		}
	}
}

// TestReasons: a reason is about a row, and only about rows that are not covered.
func TestReasons(t *testing.T) {
	list, err := standards.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := standards.Reasons()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reasons {
		if !slices.ContainsFunc(list, func(s standards.Status) bool { return r.Matches(s.Row.ID) && s.Reason == r.Why }) {
			t.Errorf("reasons.tsv: %s: every row of it is covered by now, or there is none", r.Pattern)
		}
	}
}

// TestPage: the page is the one that would be generated now.
func TestPage(t *testing.T) {
	list, err := standards.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != standards.Page(list) {
		t.Error("docs/conformance.md is not current: run go generate ./internal/standards")
	}
}

func TestRowsAreDistinct(t *testing.T) {
	rows, err := standards.Rows()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.ID] {
			t.Errorf("%s is there twice", r.ID)
		}
		seen[r.ID] = true
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	text := "package x\n\nfunc TestOne(t *testing.T) {\n\t// P-3.8-02…04 and X-1-01\n}\n\n// S-2-01\n"
	for name, content := range map[string]string{"a_test.go": text, "b.go": "// P-3.8-01\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := standards.Rows()
	if err != nil {
		t.Fatal(err)
	}
	got, err := standards.Find(dir, rows)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][]standards.Place{
		"P-3.8-01": nil,
		"P-3.8-02": {{File: "a_test.go", Test: "TestOne"}},
		"P-3.8-04": {{File: "a_test.go", Test: "TestOne"}},
		"P-3.8-05": nil,
		"S-2-01":   {{File: "a_test.go"}},
		"X-1-01":   nil,
	} {
		if !slices.Equal(got[id], want) {
			t.Errorf("%s is found at %v, want %v", id, got[id], want)
		}
	}
}
