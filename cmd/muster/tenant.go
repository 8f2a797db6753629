package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/tenants"
)

func newTenant() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant",
		Short: "Create, set, suspend and delete tenants",
		Long: `A tenant is a world of its own: its people, groups, sources, tokens, schemas, targets and feed are seen by nobody else.
Its SCIM endpoint is /t/NAME/scim/v2, or /scim/v2 at a host name of its own; /scim/v2 elsewhere is that of the tenant "default".
All commands work while the hub runs and while it does not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTenantCreate(), newTenantList(), newTenantShow(), newTenantSet(), newTenantSuspend(), newTenantResume(), newTenantDelete())
	return cmd
}

var theTenant = exactly("the name of a tenant, as \"muster tenant list\" shows it")

func newTenantCreate() *cobra.Command {
	var hub hubFlags
	var req admin.TenantRequest
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a tenant",
		Example: `  muster tenant create acme
  muster tenant create acme --host scim.acme.example
  muster token create --tenant acme --name okta`,
		Args: exactly("a name: a-z, 0-9 and hyphens"),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				t, err := c.CreateTenant(cmd.Context(), req)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "tenant %s is there: its SCIM endpoint is %s\n", t.Name, t.Path)
				return err
			})
		},
	}
	hub.add(cmd)
	cmd.Flags().StringSliceVar(&req.Hosts, "host", nil, "a host name that stands for the tenant; may be given again")
	return cmd
}

func newTenantList() *cobra.Command {
	var hub hubFlags
	var asJSON, purged bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tenants, or those that were purged",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				if purged {
					return listPurged(cmd, c, asJSON)
				}
				all, err := c.Tenants(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, t := range all {
					rows[i] = []string{
						t.Name, stateOf(t), strconv.FormatInt(t.Users, 10), strconv.FormatInt(t.Groups, 10),
						t.Created.Format(time.DateOnly), t.Path, cmp.Or(strings.Join(t.Hosts, ","), "-"),
					}
				}
				return printTable(cmd.OutOrStdout(), []string{"NAME", "STATE", "USERS", "GROUPS", "CREATED", "PATH", "HOSTS"}, rows)
			})
		},
	}
	hub.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&purged, "purged", false, "list what was purged instead, with the proof that nothing is left")
	return cmd
}

func stateOf(t admin.Tenant) string {
	if t.Purge.IsZero() || t.State != "deleted" {
		return t.State
	}
	return "deleted, purged " + t.Purge.Local().Format("2006-01-02 15:04")
}

func listPurged(cmd *cobra.Command, c *admin.Client, asJSON bool) error {
	all, err := c.Purged(cmd.Context())
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), all)
	}
	rows := make([][]string, len(all))
	for i, p := range all {
		rows[i] = []string{p.Name, strconv.FormatInt(p.Number, 10), p.Ended.Local().Format(time.DateTime), strconv.FormatInt(p.Rows, 10), strconv.FormatInt(p.Left, 10)}
	}
	return printTable(cmd.OutOrStdout(), []string{"NAME", "NUMBER", "PURGED", "ROWS REMOVED", "ROWS LEFT"}, rows)
}

func newTenantShow() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a tenant with its sources and settings",
		Args:  theTenant,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				t, err := c.ShowTenant(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), t)
				}
				return printTenant(cmd.OutOrStdout(), t)
			})
		},
	}
	hub.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printTenant(w io.Writer, t admin.Tenant) error {
	var sources []string
	for _, s := range t.Sources {
		sources = append(sources, s.Name)
	}
	rows := [][]string{
		{"name", t.Name},
		{"state", stateOf(t) + " since " + t.Since.Local().Format(time.DateTime)},
		{"path", t.Path},
		{"hosts", cmp.Or(strings.Join(t.Hosts, ", "), "-")},
		{"sources", strings.Join(sources, ", ")},
		{"users", strconv.FormatInt(t.Users, 10)},
		{"groups", strconv.FormatInt(t.Groups, 10)},
	}
	for _, s := range t.Settings {
		rows = append(rows, []string{s.Key, cmp.Or(printable(s.Value), "default")})
	}
	return printTable(w, []string{"KEY", "VALUE"}, rows)
}

func newTenantSet() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use:   "set NAME KEY=VALUE...",
		Short: "Change settings of a tenant",
		Long: `Set changes the keys that "muster tenant show" lists, all of them or none. An empty value puts the default back. The key
hosts takes all host names of the tenant, separated by commas. It is in force everywhere within five seconds.`,
		Example: `  muster tenant set acme title="Acme Ltd." hosts=scim.acme.example`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError{fmt.Errorf("%s takes the name of a tenant and settings as KEY=VALUE", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				_, err := c.SetTenant(cmd.Context(), args[0], args[1:])
				return err
			})
		},
	}
	hub.add(cmd)
	return cmd
}

func newTenantSuspend() *cobra.Command {
	return newTenantAction("suspend", "Answer nothing and send nothing for a tenant until it is resumed",
		"Suspend takes effect everywhere within five seconds. Nothing is lost: what was not sent is sent after \"muster tenant resume\".")
}

func newTenantResume() *cobra.Command {
	return newTenantAction("resume", "End a suspension, or bring a deleted tenant back before it is purged", "")
}

func newTenantAction(action, short, long string) *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use: action + " NAME", Short: short, Long: long, Args: theTenant,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				_, err := c.ActOnTenant(cmd.Context(), args[0], action, admin.TenantRequest{})
				return err
			})
		},
	}
	hub.add(cmd)
	return cmd
}

func newTenantDelete() *cobra.Command {
	var hub hubFlags
	var grace time.Duration
	var confirm string
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Stop a tenant at once, and remove everything of it after a grace period",
		Long: `Delete stops the tenant within five seconds: its tokens are refused, its targets get nothing. Until the grace is over,
"muster tenant resume" brings it back as it was. Then everything of it is removed, in slices, by a hub that runs; "muster tenant
list --purged" has the report. There is no way back from there.`,
		Example: `  muster tenant delete acme --confirm acme
  muster tenant delete acme --confirm acme --grace 0s`,
		Args: theTenant,
		RunE: func(cmd *cobra.Command, args []string) error {
			if confirm != args[0] {
				return usageError{errors.New("say the name of the tenant once more with --confirm, so that nobody deletes one by mistake")}
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				t, err := c.ActOnTenant(cmd.Context(), args[0], "delete", admin.TenantRequest{Grace: int64(grace.Seconds())})
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "tenant %s is stopped; it is purged %s\n", t.Name, t.Purge.Local().Format(time.DateTime))
				return err
			})
		},
	}
	hub.add(cmd)
	cmd.Flags().DurationVar(&grace, "grace", tenants.Grace, "how long it can be brought back")
	cmd.Flags().StringVar(&confirm, "confirm", "", "the name of the tenant, once more")
	return cmd
}
