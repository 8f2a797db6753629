package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong with a configuration.
type Problem struct {
	Origin Origin // where
	Path   string // of the value: "targets[1].url"; empty if the file as a whole is meant
	Text   string // what is wrong and, behind a semicolon, how to mend it
}

// String returns the problem on one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Origin.Source != FromDefault {
		fmt.Fprintf(&b, "%s: ", p.Origin)
	}
	if p.Path != "" {
		fmt.Fprintf(&b, "%s: ", p.Path)
	}
	b.WriteString(p.Text)
	return b.String()
}

// An Error is a configuration that cannot be used, with all that is wrong with it
// in the order of the file.
type Error struct{ Problems []Problem }

// Error returns one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong with c.
type problems struct {
	c    *Config
	list []Problem
}

// add notes a problem of the value at path.
func (ps *problems) add(path, format string, args ...any) {
	ps.list = append(ps.list, Problem{Origin: ps.c.nearest(path), Path: path, Text: fmt.Sprintf(format, args...)})
}

// err returns the problems as an error, in the order of the file; nil if there are none.
func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Origin.Line, b.Origin.Line), cmp.Compare(a.Origin.Column, b.Origin.Column))
	})
	return &Error{Problems: ps.list}
}
