package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/config"
	"github.com/muster-id/muster/internal/telemetry"
	"github.com/muster-id/muster/internal/version"
)

// drainTime is how long requests and deliveries that have begun may take after SIGTERM.
const drainTime = 25 * time.Second

func newServe() *cobra.Command {
	var flags configFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a hub",
		Long: `Serve runs a hub. Without any configuration it keeps its data in ./muster-data, listens on loopback, and
prints once the SCIM base URL, a first token and a curl line to try.

A configuration file is read from --config, or from muster.yaml in the working directory if there is one. A flag wins
over an environment variable (MUSTER_…), which wins over the file. Targets are in the file only.`,
		Example: `  muster serve
  muster serve --data /var/lib/muster --listen 127.0.0.1:8443 --config /etc/muster.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.load(cmd)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags.add(cmd)
	return cmd
}

// gcPercent lets the heap grow to four times what lives before it is collected, unless GOGC says otherwise. What
// lives in a hub is small (about 10 MiB): a quarter more writes a second cost a few MiB.
const gcPercent = 300

func serve(ctx context.Context, c *config.Config, out, errOut io.Writer) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return usageError{err} // config has checked it
	}
	log := telemetry.Logger(errOut, telemetry.Format(c.Log.Format), level)
	a, err := app.New(ctx, app.FromConfig(c, log))
	if err != nil {
		return err
	}
	err = a.Start(ctx)
	if err == nil {
		err = greet(out, a, c)
	}
	if err == nil {
		select {
		case <-ctx.Done():
			a.Drain(context.WithoutCancel(ctx))
			log.InfoContext(ctx, "stopping: requests and deliveries that have begun come to their end", "limit", drainTime)
		case err = <-a.Failed():
		}
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err = errors.Join(err, a.Stop(drain))
	if err == nil {
		log.InfoContext(ctx, "stopped")
	}
	return err
}

// greet tells the person who started the hub how to use it. The token is shown this once.
func greet(w io.Writer, a *app.App, c *config.Config) error {
	line := func(format string, args ...any) string { return fmt.Sprintf(format, args...) + "\n" }
	label := func(s string) string { return faint.Render(fmt.Sprintf("  %-15s", s)) }
	var text strings.Builder
	text.WriteString("\n" + line("%s %s", bold.Render("Muster"), faint.Render(version.Get().Version+" is running")) + "\n" +
		line("%s%s", label("SCIM base URL"), cyan.Render(a.Base())) +
		line("%s%s", label("Data"), cmp.Or(c.Database.URL, c.Data)))
	if metrics := a.MetricsURL(); metrics != "" {
		text.WriteString(line("%s%s", label("Metrics"), metrics))
	}
	for i, t := range c.Targets {
		name := ""
		if i == 0 {
			name = "Targets"
		}
		text.WriteString(line("%s%s %s", label(name), t.Name, faint.Render("("+t.Type+")")))
	}
	if token, isNew := a.FirstToken(); isNew {
		text.WriteString(line("%s%s", label("First token"), green.Render(token.Reveal())) +
			line("%s%s", label(""), yellow.Render("shown only this once: it is stored as a hash")) + "\n" +
			line("  Try it:") + "\n" +
			line("  curl -H 'Authorization: Bearer %s' %s/Users", token.Reveal(), a.Base()))
	} else {
		text.WriteString(line("%s%s", label("More tokens"), "muster token create --data "+c.Data+" --name NAME"))
	}
	text.WriteString("\n" + faint.Render("  Stop with Ctrl-C."))
	_, err := lipgloss.Fprintln(w, text.String())
	return err
}

// configFlags are the flags of commands that read the configuration.
type configFlags struct {
	file, data, database, listen, baseURL, metrics, logLevel, logFormat string
	insecureHTTP                                                        bool
}

func (f *configFlags) add(cmd *cobra.Command) {
	d := config.Default()
	fs := cmd.Flags()
	fs.StringVar(&f.file, "config", "", "configuration file (default: "+config.DefaultFile+" if it is there)")
	fs.StringVar(&f.data, "data", d.Data, "data directory (environment: MUSTER_DATA)")
	fs.StringVar(&f.database, "database", "", "URL of a PostgreSQL database (default: the embedded one in the data directory)")
	fs.StringVar(&f.listen, "listen", d.Listen, "address of the SCIM listener; port 0 takes a free one")
	fs.StringVar(&f.baseURL, "base-url", "", "how clients reach the listener, without /scim/v2 (default: http:// and the address)")
	fs.StringVar(&f.metrics, "metrics", d.Metrics, "address of the metrics listener; \"\" or off for none")
	fs.StringVar(&f.logLevel, "log-level", d.Log.Level, "least level that is logged: debug, info, warn, error")
	fs.StringVar(&f.logFormat, "log-format", d.Log.Format, "text, json, or auto: text on a terminal")
	fs.BoolVar(&f.insecureHTTP, "insecure-http", false, "listen on other than loopback addresses without TLS; something in front must do it")
}

// load reads the configuration. What is wrong with it is a usageError.
func (f *configFlags) load(cmd *cobra.Command) (*config.Config, error) {
	given := func(name string, v *string) *string {
		if cmd.Flags().Changed(name) {
			return v
		}
		return nil
	}
	o := config.Overrides{
		Data: given("data", &f.data), Database: given("database", &f.database), Listen: given("listen", &f.listen), BaseURL: given("base-url", &f.baseURL),
		Metrics: given("metrics", &f.metrics), LogLevel: given("log-level", &f.logLevel), LogFormat: given("log-format", &f.logFormat),
	}
	if cmd.Flags().Changed("insecure-http") {
		o.InsecureHTTP = &f.insecureHTTP
	}
	file := f.file
	if file == "" {
		if _, err := os.Stat(config.DefaultFile); !errors.Is(err, fs.ErrNotExist) {
			file = config.DefaultFile
		}
	}
	c, err := config.Load(file, o)
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}
