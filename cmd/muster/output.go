package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/term"
)

// The styles of what people read. lipgloss leaves colour out where the output is no
// terminal or the environment asks for none.
var (
	bold   = lipgloss.NewStyle().Bold(true)
	faint  = lipgloss.NewStyle().Faint(true)
	green  = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	yellow = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	cyan   = lipgloss.NewStyle().Foreground(lipgloss.Color("6"))
)

// printTable prints aligned columns.
func printTable(w io.Writer, head []string, rows [][]string) error {
	t := table.New().Headers(head...).Rows(rows...).
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).BorderColumn(false).BorderHeader(false).
		StyleFunc(func(row, _ int) lipgloss.Style {
			s := lipgloss.NewStyle().PaddingRight(3)
			if row == table.HeaderRow {
				s = s.Faint(true)
			}
			return s
		})
	var lines []string
	for line := range strings.Lines(t.Render()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	_, err := lipgloss.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// printJSON prints a value for machines.
func printJSON(w io.Writer, v any) error {
	if err := json.MarshalWrite(w, v, jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// printable spells out what a terminal would act on: names come from outside.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// statusLine is one line on a terminal that is overwritten while something takes its time. Elsewhere nothing is shown.
type statusLine struct{ w io.Writer }

func newStatusLine(w io.Writer) statusLine {
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		w = nil
	}
	return statusLine{w}
}

func (l statusLine) set(text string) {
	if l.w != nil {
		_, _ = fmt.Fprint(l.w, "\r\x1b[K"+printable(text))
	}
}

func (l statusLine) clear() {
	if l.w != nil {
		_, _ = fmt.Fprint(l.w, "\r\x1b[K")
	}
}
