package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/conformance/clientcheck"
)

// clientFlags are those of muster check --client.
type clientFlags struct {
	on        bool
	listen    string
	published string
	lasts     time.Duration
	idle      time.Duration
	clientcheck.Options
}

func (f *checkFlags) addClient(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.client.on, "client", false, "be the server, and check the client that is pointed at it")
	flags.StringVar(&f.client.listen, "listen", "127.0.0.1:0", "with --client: address to listen on")
	flags.StringVar(&f.client.published, "published", "", "with --client: base URL as the client sees it, for locations (default: the address, and /scim/v2)")
	flags.DurationVar(&f.client.lasts, "for", 0, "with --client: report after this time (default: on Ctrl-C)")
	flags.DurationVar(&f.client.idle, "idle", 0, "with --client: report this time after the last request")
	flags.DurationVar(&f.client.Pause, "pause", 0, "with --client: what Retry-After asks for (default 2s)")
	flags.BoolVar(&f.client.People, "people", false, "with --client: users are at /People, which /ResourceTypes says")
	flags.BoolVar(&f.client.NoCursors, "no-cursors", false, "with --client: offer paging by index only")
	flags.BoolVar(&f.client.Plain, "plain", false, "with --client: only look on, play no scenes")
}

// forServers are the flags that mean nothing to a client.
var forServers = []string{"read-only", "quick", "only", "skip", "rate", "settle"}

// runClient serves a provider until the time is over, then reports on whoever called it. Interrupting it is how it usually ends.
func (f *checkFlags) runClient(ctx context.Context, out, errOut io.Writer) error {
	if err := f.readToken(); err != nil {
		return usageError{err}
	}
	if f.client.lasts < 0 || f.client.idle < 0 || f.client.Pause < 0 {
		return usageError{errors.New("--for, --idle and --pause are not negative")}
	}
	known, err := readBaseline(f.baseline)
	if err != nil {
		return usageError{err}
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.client.listen)
	if err != nil {
		return usageError{err}
	}
	base := f.client.published
	if base == "" {
		base = "http://" + ln.Addr().String() + "/scim/v2"
	}
	f.client.Token = f.Token
	if f.json != "-" {
		f.client.Progress = func(e clientcheck.Event) { tellEvent(out, e) }
	}
	c, err := clientcheck.New(base, f.client.Options)
	if err != nil {
		_ = ln.Close()
		return usageError{err}
	}
	srv := &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	introduce(errOut, c, f.client.lasts, f.client.idle)

	wait := ctx
	if f.client.lasts > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, f.client.lasts)
		defer cancel()
	}
	c.Wait(wait, f.client.idle)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if srv.Shutdown(stop) != nil {
		_ = srv.Close() // somebody keeps a request open
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return brokenError{err}
	}
	return f.reportClient(out, c, known)
}

func (f *checkFlags) reportClient(out io.Writer, c *clientcheck.Checker, known map[string]bool) error {
	report := c.Report()
	if f.json == "-" {
		out = io.Discard
	}
	if err := f.write(report); err != nil {
		return brokenError{err}
	}
	if err := f.print(out, report, known); err != nil {
		return brokenError{err}
	}
	if n, _ := c.Requests(); n == 0 {
		return brokenError{errors.New("no client came")}
	}
	return verdictOf(report, known)
}

// introduce says what to do.
func introduce(w io.Writer, c *clientcheck.Checker, lasts, idle time.Duration) {
	ends := "Press Ctrl-C for the report."
	switch {
	case lasts > 0 && idle > 0:
		ends = fmt.Sprintf("The report comes after %s, or %s after the last request.", lasts, idle)
	case lasts > 0:
		ends = fmt.Sprintf("The report comes after %s.", lasts)
	case idle > 0:
		ends = fmt.Sprintf("The report comes %s after the last request.", idle)
	}
	_, _ = fmt.Fprintf(w, `Point a SCIM client at this service provider, with people who do not exist:

  Base URL  %s
  Token     %s

Let it create at least three users and a group, change a user and the members, list everybody, deactivate one user and delete two.
%s

`, c.URL(), c.Token(), ends)
}

// tellEvent prints one line of progress.
func tellEvent(w io.Writer, e clientcheck.Event) {
	word := cmp.Or(string(e.Verdict), "scene")
	if e.Verdict == conformance.Fail {
		word = "FAIL"
	}
	_, _ = fmt.Fprintf(w, "%7s  %-24s %s\n", word, e.Check.Name, printable(e.Text))
}

// checkArgs checks what stands behind muster check: a URL, or nothing with --client.
func (f *checkFlags) checkArgs(args []string, changed func(string) bool) error {
	if !f.client.on {
		if len(args) != 1 {
			return errors.New("check takes the base URL of a SCIM server")
		}
		for _, name := range []string{"listen", "published", "for", "idle", "pause", "people", "no-cursors", "plain"} {
			if changed(name) {
				return fmt.Errorf("--%s goes with --client only", name)
			}
		}
		return nil
	}
	if len(args) != 0 {
		return errors.New("check --client takes no URL: it is the server")
	}
	if i := slices.IndexFunc(forServers, changed); i >= 0 {
		return fmt.Errorf("--%s does not go with --client", forServers[i])
	}
	return nil
}
