package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/conformance/clientcheck"
)

// brokenError is a run that could not be carried out: it says nothing of the provider.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

// tokenEnv is where muster check looks for a token that no flag gives.
const tokenEnv = "MUSTER_CHECK_TOKEN"

type checkFlags struct {
	conformance.Options
	tokenFile             string
	json, junit, html     string
	baseline, newBaseline string
	verbose               bool
	client                clientFlags
}

func newCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check URL | --client",
		Short: "Check whether a SCIM server, or a client, does what the RFCs ask",
		Long: `Check asks a SCIM 2.0 service provider over HTTP whether it does what RFC 7643, 7644 and 9865 say, and whether Okta and Entra ID
would work with it. It needs the base URL and a bearer token, changes only what it made itself (every name begins with "muster-check-"),
and removes that at the end.

With --client it is the server: it serves an empty directory, looks at every request of the client that is pointed at it, plays
scenes (429, short pages, somebody who exists already) to see what the client does, and reports when it is interrupted.

Exit codes: 0 no check failed, 1 checks failed, 2 the command line is wrong, 4 the check could not be carried out.`,
		Example: `  muster check https://app.example.com/scim/v2 --token-file token.txt
  MUSTER_CHECK_TOKEN=… muster check https://app.example.com/scim/v2 --html report.html
  muster check https://app.example.com/scim/v2 --only patch,groups/nested --verbose
  muster check --client --idle 30s --junit client.xml`,
		Args: func(cmd *cobra.Command, args []string) error { return f.checkArgs(args, cmd.Flags().Changed) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.client.on {
				return f.runClient(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			f.URL = args[0]
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Token, "token", "", "bearer token; better in a file or in "+tokenEnv+", which other users of this machine cannot see")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the bearer token")
	flags.BoolVar(&f.ReadOnly, "read-only", false, "make and change nothing: leave out every check that writes")
	flags.BoolVar(&f.Quick, "quick", false, "only what shows quickly whether it works at all")
	flags.StringSliceVar(&f.Only, "only", nil, "run only these checks or groups")
	flags.StringSliceVar(&f.Skip, "skip", nil, "leave out these checks or groups")
	flags.Float64Var(&f.Rate, "rate", 0, "requests a second at most; Retry-After is always followed")
	flags.DurationVar(&f.Settle, "settle", 0, "how long a read may lag behind a write (default 2s)")
	flags.StringVar(&f.json, "json", "", "write the report as JSON to this file, - for standard output")
	flags.StringVar(&f.junit, "junit", "", "write the report as JUnit XML to this file")
	flags.StringVar(&f.html, "html", "", "write the report as one HTML page to this file")
	flags.StringVar(&f.baseline, "baseline", "", "file with the names of checks that are known to fail")
	flags.StringVar(&f.newBaseline, "write-baseline", "", "write the names of the checks that fail to this file")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show warnings in full, and the requests and answers of what failed")
	f.addClient(cmd)
	return cmd
}

func (f *checkFlags) run(ctx context.Context, out, errOut io.Writer) error {
	if err := f.readToken(); err != nil {
		return usageError{err}
	}
	if f.Rate < 0 || f.Settle < 0 {
		return usageError{errors.New("--rate and --settle are not negative")}
	}
	known, err := readBaseline(f.baseline)
	if err != nil {
		return usageError{err}
	}
	if err := knownNames(slices.Concat(f.Only, f.Skip)); err != nil {
		return usageError{err}
	}
	found, err := conformance.Probe(ctx, f.Options)
	if err != nil {
		return brokenError{err}
	}
	if strings.TrimRight(f.URL, "/") != found {
		fmt.Fprintf(errOut, "There is no SCIM server at %s, but there is one at %s.\n", f.URL, found)
	}
	f.URL = found
	if f.json == "-" {
		out = io.Discard
	}
	progress := newProgress(errOut, len(conformance.All()))
	f.Progress = progress.step
	report, err := conformance.Run(ctx, f.Options)
	progress.end()
	if report == nil {
		return brokenError{err}
	}
	if writeErr := f.write(report); writeErr != nil {
		return brokenError{writeErr}
	}
	if printErr := f.print(out, report, known); printErr != nil {
		return brokenError{printErr}
	}
	if err != nil { // interrupted; what was made is removed
		return brokenError{err}
	}
	return verdictOf(report, known)
}

func (f *checkFlags) readToken() error {
	if f.Token != "" && f.tokenFile != "" {
		return errors.New("--token and --token-file exclude each other")
	}
	if f.tokenFile != "" {
		b, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return err
		}
		f.Token = strings.TrimSpace(string(b))
	}
	f.Token = cmp.Or(f.Token, os.Getenv(tokenEnv))
	return nil
}

// knownNames refuses a name that is neither a check nor a group.
func knownNames(names []string) error {
	for _, n := range names {
		if !slices.ContainsFunc(slices.Concat(conformance.All(), clientcheck.All()), func(c *conformance.Check) bool { return c.Name == n || c.Group() == strings.TrimSuffix(n, "/") }) {
			return fmt.Errorf("there is no check and no group %q", n)
		}
	}
	return nil
}

// readBaseline reads names of checks, one a line; what follows a # is a remark.
func readBaseline(path string) (map[string]bool, error) {
	known := map[string]bool{}
	if path == "" {
		return known, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sc := bufio.NewScanner(bytes.NewReader(b))
	for sc.Scan() {
		name, _, _ := strings.Cut(sc.Text(), "#")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if err := knownNames([]string{name}); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		known[name] = true
	}
	return known, sc.Err()
}

// write writes the files that were asked for.
func (f *checkFlags) write(r *conformance.Report) error {
	for _, o := range []struct {
		path  string
		write func(io.Writer) error
	}{{f.json, r.WriteJSON}, {f.junit, r.WriteJUnit}, {f.html, r.WriteHTML}, {f.newBaseline, func(w io.Writer) error { return writeBaseline(w, r) }}} {
		switch o.path {
		case "":
		case "-":
			if err := o.write(os.Stdout); err != nil {
				return err
			}
		default:
			var b bytes.Buffer
			if err := o.write(&b); err != nil {
				return err
			}
			if err := os.WriteFile(o.path, b.Bytes(), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeBaseline(w io.Writer, r *conformance.Report) error {
	for _, res := range r.Results {
		if res.Verdict == conformance.Fail {
			if _, err := fmt.Fprintf(w, "%s # %s\n", res.Check.Name, strings.Join(res.Check.Rows, " ")); err != nil {
				return err
			}
		}
	}
	return nil
}

var red = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))

// print prints the report for people.
func (f *checkFlags) print(w io.Writer, r *conformance.Report, known map[string]bool) error {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, res := range r.Results {
		switch {
		case res.Verdict == conformance.Fail && !known[res.Check.Name], res.Verdict == conformance.Broken:
			say("%s  %s", red.Bold(true).Render(strings.ToUpper(string(res.Verdict))), bold.Render(res.Check.Name))
			say("      %s", res.Check.Title)
			for _, finding := range res.Findings {
				say("      %s", red.Render(printable(finding)))
			}
			say("      %s", faint.Render("To do: "+res.Check.Fix+"  ("+strings.Join(res.Check.Rows, ", ")+")"))
			if f.verbose {
				for _, e := range res.Exchanges {
					say("      %s", faint.Render(printable(e.Method+" "+e.URL+" "+e.RequestBody)))
					say("      %s", faint.Render(printable(fmt.Sprintf("→ %d %s", e.Status, e.ResponseBody))))
				}
			}
			say("")
		case res.Verdict == conformance.Warn && f.verbose:
			say("%s  %s", yellow.Render("WARN"), res.Check.Name)
			for _, finding := range res.Findings {
				say("      %s", printable(finding))
			}
		case known[res.Check.Name] && res.Verdict != conformance.Fail && res.Verdict != conformance.Skipped && res.Verdict != conformance.NotSeen:
			say("%s  %s is in the baseline and does not fail any more", green.Render("FIXED"), res.Check.Name)
		}
	}
	for _, g := range r.Grades() {
		switch {
		case !g.Known:
			say("Would %s work?  not tried", g.Provider)
		case g.Works:
			say("Would %s work?  %s", g.Provider, green.Render("yes"))
		default:
			var against []string
			for _, res := range g.Against {
				against = append(against, res.Check.Name)
			}
			say("Would %s work?  %s: %s", g.Provider, red.Render("no"), strings.Join(against, ", "))
		}
	}
	for _, path := range r.Left {
		say("%s %s was made by the check and could not be removed", red.Render("LEFT"), printable(path))
	}
	say("%s", summary(r, known))
	_, err := lipgloss.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func summary(r *conformance.Report, known map[string]bool) string {
	parts := []string{fmt.Sprintf("%d checks of %s in %.1f s:", len(r.Results), r.URL, r.Took.Seconds())}
	counts := []string{fmt.Sprintf("%d pass", r.Count(conformance.Pass))}
	unexpected, expected := failures(r, known)
	for _, c := range []struct {
		n    int
		word string
	}{
		{unexpected, "fail"},
		{expected, "fail as known"},
		{r.Count(conformance.Broken), "could not be carried out"},
		{r.Count(conformance.Warn), "warn"},
		{r.Count(conformance.NotOffered), "not offered"},
		{r.Count(conformance.NotSeen), "not seen"},
		{r.Count(conformance.Skipped), "skipped"},
	} {
		if c.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", c.n, c.word))
		}
	}
	return strings.Join(append(parts, strings.Join(counts, ", ")), " ")
}

func failures(r *conformance.Report, known map[string]bool) (unexpected, expected int) {
	for _, res := range r.Results {
		if res.Verdict == conformance.Fail {
			if known[res.Check.Name] {
				expected++
			} else {
				unexpected++
			}
		}
	}
	return unexpected, expected
}

// verdictOf is the error of a run that was carried out.
func verdictOf(r *conformance.Report, known map[string]bool) error {
	if unexpected, _ := failures(r, known); unexpected > 0 {
		return fmt.Errorf("%d checks failed", unexpected)
	}
	if n := r.Count(conformance.Broken); n > 0 {
		return brokenError{fmt.Errorf("%d checks could not be carried out", n)}
	}
	if len(r.Left) > 0 {
		return brokenError{fmt.Errorf("%d resources could not be removed", len(r.Left))}
	}
	return nil
}

// progress tells on a terminal how far a run is.
type progress struct {
	line  statusLine
	total int
	done  int
}

func newProgress(w io.Writer, total int) *progress {
	return &progress{line: newStatusLine(w), total: total}
}

func (p *progress) step(r conformance.Result) {
	p.done++
	p.line.set(fmt.Sprintf("%4d of %d  %s", p.done, p.total, r.Check.Name))
}

func (p *progress) end() { p.line.clear() }
