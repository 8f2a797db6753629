package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newTarget() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "target",
		Short: "Add, change and remove the targets of a tenant while the hub runs",
		Long: `Targets are in the configuration file, or, added here, in the database: per tenant, their credentials sealed, without a restart.
"muster targets" shows how all of them are doing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTargetAdd(), newTargetSet(), newTargetList(), newTargetRotateSecret(),
		newTargetAction("pause", "Send nothing to a target until it is resumed; nothing is lost"),
		newTargetAction("resume", "Go on with a target that was paused"), newTargetRemove())
	return cmd
}

var theTarget = exactly("the name of a target, as \"muster target list\" shows it")

// targetFlags are what a target is like.
type targetFlags struct {
	url, secretFile, ca string
	events              []string
	concurrency         int
	rate                float64
	insecure            bool
}

func (f *targetFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.url, "url", "", "endpoint of the webhook, or SCIM base URL of the application")
	f.addSecret(cmd)
	fs.StringSliceVar(&f.events, "event", nil, "an event that a webhook gets; may be given again (default: all)")
	fs.IntVar(&f.concurrency, "concurrency", 4, "resources sent at once")
	fs.Float64Var(&f.rate, "rate", 0, "requests a second at most; 0 for no limit")
	fs.BoolVar(&f.insecure, "insecure-http", false, "let the URL be http to an address in outbound.allow")
	fs.StringVar(&f.ca, "ca-file", "", "file with the authorities to trust instead of the system's, PEM")
}

func (f *targetFlags) addSecret(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.secretFile, "secret-file", "", "file with the signing secret of a webhook, or the token of an application; - for standard input")
}

// secret reads the credential. It never stands on the command line, where others of the machine could read it.
func (f *targetFlags) secret(stdin io.Reader) (string, error) {
	if f.secretFile == "" {
		return "", nil
	}
	text, err := []byte(nil), error(nil)
	if f.secretFile == "-" {
		text, err = io.ReadAll(io.LimitReader(stdin, 64<<10))
	} else {
		text, err = os.ReadFile(f.secretFile)
	}
	if err == nil && strings.TrimSpace(string(text)) == "" {
		err = errors.New("the secret is empty")
	}
	return strings.TrimSpace(string(text)), err
}

// request has what was given.
func (f *targetFlags) request(cmd *cobra.Command) (r admin.TargetRequest, err error) {
	given := cmd.Flags().Changed
	if given("url") {
		r.URL = &f.url
	}
	if given("event") {
		r.Events = &f.events
	}
	if given("concurrency") {
		r.Concurrency = &f.concurrency
	}
	if given("rate") {
		r.Rate = &f.rate
	}
	if given("insecure-http") {
		r.InsecureHTTP = &f.insecure
	}
	if given("ca-file") {
		text := ""
		if f.ca != "" {
			b, err := os.ReadFile(f.ca)
			if err != nil {
				return r, err
			}
			text = string(b)
		}
		r.CA = &text
	}
	r.Credential, err = f.secret(cmd.InOrStdin())
	return r, err
}

func newTargetAdd() *cobra.Command {
	var hub hubFlags
	var f targetFlags
	var typ, start string
	cmd := &cobra.Command{
		Use:   "add NAME --type TYPE --url URL --secret-file FILE",
		Short: "Add a target; a running hub sends to it at once",
		Example: `  echo "whsec_$(openssl rand -base64 32)" > hook.secret
  muster target add audit-trail --type webhook --url https://hooks.example/muster --secret-file hook.secret
  muster target add wiki --type scim --url https://wiki.example/scim/v2 --secret-file - --tenant acme`,
		Args: exactly("a name: a-z, 0-9 and hyphens"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := f.request(cmd)
			if err != nil {
				return err
			}
			if typ == "" || f.url == "" || r.Credential == "" {
				return usageError{errors.New("a target needs a --type, a --url and a --secret-file")}
			}
			r.Name, r.Type, r.Start = args[0], typ, start
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				t, err := c.AddTarget(cmd.Context(), r)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "target %s is there; its secret is %s\n", t.Name, t.Fingerprint)
				return err
			})
		},
	}
	hub.addTenant(cmd)
	f.add(cmd)
	cmd.Flags().StringVar(&typ, "type", "", "webhook or scim")
	cmd.Flags().StringVar(&start, "start", "beginning", "where it begins: at the beginning of the feed, or now")
	return cmd
}

func newTargetSet() *cobra.Command {
	var hub hubFlags
	var f targetFlags
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change a target; what is not given stays",
		Long:  `A URL at another host, port or scheme needs the secret for that place: the one there is is never sent to somebody else.`,
		Args:  theTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := f.request(cmd)
			if err != nil {
				return err
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				_, err := c.ChangeTarget(cmd.Context(), args[0], r)
				return err
			})
		},
	}
	hub.addTenant(cmd)
	f.add(cmd)
	return cmd
}

func newTargetList() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the targets in the database",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.StoredTargets(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, t := range all {
					state := "sends"
					if t.Paused {
						state = "paused"
					}
					rows[i] = []string{t.Name, t.Type, printable(t.URL), state, cmp.Or(t.Fingerprint, "NONE"), t.Changed.Local().Format(time.DateTime)}
				}
				return printTable(cmd.OutOrStdout(), []string{"NAME", "TYPE", "URL", "STATE", "SECRET", "CHANGED"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newTargetRotateSecret() *cobra.Command {
	var hub hubFlags
	var f targetFlags
	cmd := &cobra.Command{
		Use:   "rotate-secret NAME --secret-file FILE",
		Short: "Give a target another secret; a webhook signs with the old one too until the next rotation",
		Args:  theTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, err := f.secret(cmd.InOrStdin())
			if err != nil {
				return err
			}
			if secret == "" {
				return usageError{errors.New("the new secret is in a --secret-file")}
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				t, err := c.ActOnTarget(cmd.Context(), args[0], "rotate-secret", admin.TargetRequest{Credential: secret})
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "the secret of %s is %s\n", t.Name, t.Fingerprint)
				return err
			})
		},
	}
	hub.addTenant(cmd)
	f.addSecret(cmd)
	return cmd
}

func newTargetAction(action, short string) *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use: action + " NAME", Short: short, Args: theTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error { return c.PauseTarget(cmd.Context(), args[0], action) })
		},
	}
	hub.addTenant(cmd)
	return cmd
}

func newTargetRemove() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a target and destroy its secret; its place in the feed is kept under the name",
		Args:  theTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error { return c.RemoveTarget(cmd.Context(), args[0]) })
		},
	}
	hub.addTenant(cmd)
	return cmd
}
