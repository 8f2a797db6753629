// Package threats holds every threat that Muster answers as a row with an id, finds the tests that are named
// after it, and makes docs/security.md of both.
//
// A row is covered by a function TestSec_<id>_<what> or FuzzSec_<id>_<what> (several ids may stand one behind the other:
// TestSec_D10_J07_Members), by a step of the gate or a linter rule whose comment names it as "security row <id>". What is
// not covered has a line in reasons.tsv that says why; the package's test fails for a row that has neither, and for a
// reason that is no longer true.
//
// The rows are data: nothing at run time depends on them.
package threats

import (
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:generate go run ./generate ../..

// Row is one threat and what we owe.
type Row struct {
	ID        string // "A01"
	Threat    string
	Behaviour string
}

// Section is the letter that the row's id begins with.
func (r Row) Section() string { return r.ID[:1] }

// sections are the titles of the page, by letter.
var sections = []struct{ letter, title string }{
	{"A", "Authentication and tokens"},
	{"B", "Tenants and access to objects"},
	{"C", "Input: JSON, text, numbers"},
	{"D", "SCIM semantics that become holes"},
	{"E", "Availability under attack"},
	{"F", "Console and command line"},
	{"G", "Calls out: addresses, webhooks, applications, queues, event tokens"},
	{"H", "Files and directories that are read"},
	{"J", "Abuse by a trusted source"},
	{"K", "Audit, privacy, compliance"},
	{"L", "Supply chain and release"},
}

//go:embed rows.tsv
var rowData string

// Rows returns all rows in order.
func Rows() ([]Row, error) {
	var rows []Row
	for i, line := range lines(rowData) {
		f := strings.Split(line, "\t")
		if len(f) != 3 || !isID.MatchString(f[0]) {
			return nil, fmt.Errorf("rows.tsv:%d: want id, threat and behaviour: %q", i+1, line)
		}
		rows = append(rows, Row{f[0], f[1], f[2]})
	}
	return rows, nil
}

//go:embed reasons.tsv
var reasonData string

// Reasons returns why a row is not covered, by id.
func Reasons() (map[string]string, error) {
	reasons := map[string]string{}
	for i, line := range lines(reasonData) {
		id, why, ok := strings.Cut(line, "\t")
		if !ok || why == "" || !isID.MatchString(id) || reasons[id] != "" {
			return nil, fmt.Errorf("reasons.tsv:%d: want the id of a row, once, and a reason: %q", i+1, line)
		}
		reasons[id] = why
	}
	return reasons, nil
}

func lines(s string) []string {
	s = strings.TrimRight(s, "\n")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

var (
	isID     = regexp.MustCompile(`^[A-Z][0-9]{2}$`)
	testName = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)Sec((?:_[A-Z][0-9]{2})+)_\w+)\(`)
	ruleName = regexp.MustCompile(`(?i:security rows?) ((?:[A-Z][0-9]{2}(?:, | and )?)+)`)
	oneID    = regexp.MustCompile(`[A-Z][0-9]{2}`)
)

// rules are the files whose comments say which rows a rule or a step is there for, beside the import rules.
var rules = []string{".golangci.yaml", ".ci/run", ".ci/fuzz", "Makefile"}

// Place is where a row is covered: a file, and the test in it if it is one.
type Place struct{ File, Test string }

// Coverage is the places of each row, by id.
type Coverage map[string][]Place

// Find reads the tests and rules of the module at root.
func Find(root string) (Coverage, error) {
	found := Coverage{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && rel != ".ci" && strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		isRule := slices.Contains(rules, rel) || strings.HasPrefix(rel, "internal/archtest/")
		if !isRule && !strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // a file of the module
		if err != nil {
			return err
		}
		found.read(rel, string(text), isRule)
		return nil
	})
	return found, err
}

func (c Coverage) read(file, text string, isRule bool) {
	for _, m := range testName.FindAllStringSubmatch(text, -1) {
		for _, id := range oneID.FindAllString(m[2], -1) {
			c.add(id, Place{file, m[1]})
		}
	}
	if !isRule {
		return
	}
	for _, m := range ruleName.FindAllStringSubmatch(text, -1) {
		for _, id := range oneID.FindAllString(m[1], -1) {
			c.add(id, Place{File: file})
		}
	}
}

func (c Coverage) add(id string, p Place) {
	if !slices.Contains(c[id], p) {
		c[id] = append(c[id], p)
	}
}
