package conformance

import (
	_ "embed"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonReport is a report as JSON. Its members stay from version to version; new ones may come.
type jsonReport struct {
	URL     string         `json:"url"`
	Seconds float64        `json:"seconds"`
	Counts  map[string]int `json:"counts"`
	Grades  []jsonGrade    `json:"grades"`
	Left    []string       `json:"left,omitempty"`
	Checks  []jsonResult   `json:"checks"`
}

type jsonGrade struct {
	Provider string   `json:"provider"`
	Works    bool     `json:"works"`
	Known    bool     `json:"known"`
	Against  []string `json:"against,omitempty"`
}

type jsonResult struct {
	Name      string         `json:"name"`
	Rows      []string       `json:"rows"`
	Title     string         `json:"title"`
	Verdict   Verdict        `json:"verdict"`
	Findings  []string       `json:"findings,omitempty"`
	Fix       string         `json:"fix,omitempty"`
	Exchanges []jsonExchange `json:"exchanges,omitempty"`
}

type jsonExchange struct {
	Method   string `json:"method"`
	URL      string `json:"url"`
	Request  string `json:"request,omitempty"`
	Status   int    `json:"status"`
	Response string `json:"response,omitempty"`
}

// verdicts in the order in which reports count them.
var verdicts = []Verdict{Pass, Fail, Warn, NotOffered, NotSeen, Skipped, Broken}

// WriteJSON writes the report for machines. Exchanges come with what did not pass.
func (r *Report) WriteJSON(w io.Writer) error {
	out := jsonReport{URL: r.URL, Seconds: r.Took.Seconds(), Counts: map[string]int{}, Left: r.Left}
	for _, v := range verdicts {
		out.Counts[string(v)] = r.Count(v)
	}
	for _, g := range r.Grades() {
		j := jsonGrade{Provider: g.Provider, Works: g.Works, Known: g.Known}
		for _, res := range g.Against {
			j.Against = append(j.Against, res.Check.Name)
		}
		out.Grades = append(out.Grades, j)
	}
	for _, res := range r.Results {
		j := jsonResult{Name: res.Check.Name, Rows: res.Check.Rows, Title: res.Check.Title, Verdict: res.Verdict, Findings: res.Findings}
		if res.bad() {
			j.Fix = res.Check.Fix
			for _, e := range res.Exchanges {
				j.Exchanges = append(j.Exchanges, jsonExchange{e.Method, e.URL, e.RequestBody, e.Status, e.ResponseBody})
			}
		}
		out.Checks = append(out.Checks, j)
	}
	if err := json.MarshalWrite(w, out, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r Result) bad() bool { return r.Verdict == Fail || r.Verdict == Warn || r.Verdict == Broken }

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as JUnit XML, a suite for each group. A warning is a pass with output.
func (r *Report) WriteJUnit(w io.Writer) error {
	var out junitSuites
	for _, g := range r.groups() {
		suite := junitSuite{Name: g.Name}
		for _, res := range g.Results {
			c := junitCase{Class: "scim." + g.Name, Name: res.Check.Name, Time: fmt.Sprintf("%.3f", res.Took.Seconds())}
			findings := clean(strings.Join(res.Findings, "\n"))
			message := &junitMessage{Message: clean(res.Check.Title), Text: findings}
			suite.Tests++
			switch res.Verdict {
			case Fail:
				suite.Failures++
				c.Failure = message
			case Broken:
				suite.Errors++
				c.Error = message
			case Skipped, NotOffered, NotSeen:
				suite.Skipped++
				c.Skipped = message
			default:
				c.Out = findings
			}
			suite.Cases = append(suite.Cases, c)
		}
		out.Suites = append(out.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// clean leaves out what XML cannot hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, s)
}

// group is the results of one group of checks.
type group struct {
	Name    string
	Results []Result
}

// Count returns how many results of the group have the verdict.
func (g group) Count(v Verdict) int {
	n := 0
	for _, r := range g.Results {
		if r.Verdict == v {
			n++
		}
	}
	return n
}

// Tally returns how many results have each verdict that occurs.
func (g group) Tally() []tally {
	var list []tally
	for _, v := range verdicts {
		if n := g.Count(v); n > 0 {
			list = append(list, tally{v, n})
		}
	}
	return list
}

// Rest is how many results need no attention.
func (g group) Rest() int {
	n := 0
	for _, r := range g.Results {
		if !r.bad() {
			n++
		}
	}
	return n
}

// tally is how many results have a verdict.
type tally struct {
	Verdict Verdict
	N       int
}

func (r *Report) groups() []group {
	var list []group
	at := map[string]int{}
	for _, res := range r.Results {
		name := res.Check.Group()
		i, ok := at[name]
		if !ok {
			i = len(list)
			at[name], list = i, append(list, group{Name: name})
		}
		list[i].Results = append(list[i].Results, res)
	}
	return list
}

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"class": func(v Verdict) string { return strings.ReplaceAll(string(v), " ", "-") },
	"join":  func(list []string) string { return strings.Join(list, " ") },
	"bad":   Result.bad,
}).Parse(page))

// WriteHTML writes the report as one page without anything outside it, to be sent to whoever runs the provider. What clients
// and servers said is shown as text, whatever it is.
func (r *Report) WriteHTML(w io.Writer) error {
	var counts []tally
	for _, v := range verdicts {
		if n := r.Count(v); n > 0 {
			counts = append(counts, tally{v, n})
		}
	}
	return pageTemplate.Execute(w, map[string]any{
		"URL": r.URL, "Took": r.Took.Seconds(), "Counts": counts, "Grades": r.Grades(), "Groups": r.groups(), "Left": r.Left, "Total": len(r.Results),
	})
}
