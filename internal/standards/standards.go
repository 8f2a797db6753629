// Package standards holds every requirement that Muster owes as numbered rows, finds the tests and checks that
// name them, and makes docs/conformance.md of both.
//
// A row is covered where its id stands in a test, in a test script, or in a check of scim/conformance. What is to be
// tested and is not has a line in reasons.tsv that says why; the package's test fails for a row that has neither.
//
// The rows are our own words for RFC 7643, 7644, 9865, 9944 and 9967, SCIM 1.1, and what we follow for
// authentication, security events and webhooks. They are data: nothing at run time depends on them.
package standards

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:generate go run ./generate ../..

// Row is one requirement.
type Row struct {
	Document    string // "scim-protocol"
	ID          string // "P-3.5.2-04"
	Level       string // "MUST"; empty: a choice of ours between readings
	Mark        string // "A": testable over HTTP; "A (client)": of our client; "F": needs a fixture; "I": for information
	Requirement string
}

// Tested reports whether a test or a check has to name the row.
func (r Row) Tested() bool { return strings.HasPrefix(r.Mark, "A") || r.Mark == "F" }

// Title is the name of a document for people.
func Title(document string) string { return titles[document] }

var titles = map[string]string{
	"scim-core-schema":     "Core schema (RFC 7643)",
	"scim-protocol":        "Protocol (RFC 7644)",
	"scim-extensions":      "Extensions (RFC 9865, 9944, 9967, profiles and drafts)",
	"scim-1.1":             "SCIM 1.1",
	"auth":                 "Authentication",
	"security-events":      "Security events (SET, SSF, CAEP)",
	"webhooks-cloudevents": "Webhooks and CloudEvents",
}

//go:embed rows.tsv
var rowData string

// Rows returns all rows, document by document.
func Rows() ([]Row, error) {
	var rows []Row
	for i, line := range lines(rowData) {
		f := strings.Split(line, "\t")
		if len(f) != 5 || titles[f[0]] == "" {
			return nil, fmt.Errorf("rows.tsv:%d: want document, id, level, mark and requirement: %q", i+1, line)
		}
		rows = append(rows, Row{f[0], f[1], f[2], f[3], f[4]})
	}
	return rows, nil
}

//go:embed reasons.tsv
var reasonData string

// Reason is why the rows of a pattern are not tested.
type Reason struct {
	Pattern string // an id, or the beginning of ids and a star
	Why     string
}

// Matches reports whether the reason is about the row.
func (r Reason) Matches(id string) bool {
	if prefix, ok := strings.CutSuffix(r.Pattern, "*"); ok {
		return strings.HasPrefix(id, prefix)
	}
	return r.Pattern == id
}

// Reasons returns the reasons in the order in which they apply: the first that matches.
func Reasons() ([]Reason, error) {
	var list []Reason
	for i, line := range lines(reasonData) {
		pattern, why, ok := strings.Cut(line, "\t")
		if !ok || why == "" {
			return nil, fmt.Errorf("reasons.tsv:%d: want a row and a reason: %q", i+1, line)
		}
		list = append(list, Reason{pattern, why})
	}
	return list, nil
}

func lines(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") }
