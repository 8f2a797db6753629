package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/admin"
)

func newToken() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Create, list, rotate and revoke the tokens of identity providers",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokenCreate(), newTokenList(), newTokenRotate(), newTokenRevoke())
	return cmd
}

func newTokenCreate() *cobra.Command {
	var hub hubFlags
	var req admin.TokenRequest
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Create a token and print it, this once",
		Long: `Create prints the new token and nothing else on standard output. It is stored as a hash: it cannot be shown again.
It works while the hub runs and while it does not.

With --user the token speaks for that person alone: it sees and changes /Me, and nothing of anybody else.`,
		Example: `  muster token create --name okta
  muster token create --name "Ada's phone" --user ada@example.com --days 30
  muster token create --name conformance --profile strict --days 7`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if req.Name == "" {
				return usageError{errors.New("a token needs a --name that tells later who uses it")}
			}
			if req.Days < 1 {
				return usageError{fmt.Errorf("--days %d: a token lives at least a day", req.Days)}
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				t, err := c.CreateToken(cmd.Context(), req)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), t.Secret)
				return err
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().StringVar(&req.Name, "name", "", "what the token is called, such as the identity provider that uses it")
	cmd.Flags().StringVar(&req.Profile, "profile", "compat", "preset of compatibility switches: compat (what identity providers send), strict (the RFCs to the letter), entra, okta, interop, ipsie or scim1; single switches may follow: compat,quiet-patch,no-keep-on-put")
	cmd.Flags().IntVar(&req.Days, "days", 365, "how long it lives")
	cmd.Flags().StringVar(&req.Source, "source", "default", "the source that it speaks for, as \"muster source list\" shows it")
	cmd.Flags().StringVar(&req.Scopes, "scopes", "scim", "what it may do, separated by commas: "+strings.Join(access.ScopeNames(), ", "))
	cmd.Flags().StringVar(&req.Allow, "allow", "", "addresses and networks that it may be used from, separated by commas (default: all)")
	cmd.Flags().StringVar(&req.User, "user", "", "userName or id of the one person whom it speaks for")
	return cmd
}

func newTokenList() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tokens: who they are for, how long they live and which forgiveness they needed",
		Long: `List prints the tokens. NEEDED are the switches of its profile without which requests would have been refused since the
hub started, the most frequent first; --json has their numbers.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.Tokens(cmd.Context())
				if err != nil {
					return err
				}
				out := cmd.OutOrStdout()
				if asJSON {
					return printJSON(out, all)
				}
				rows := make([][]string, len(all))
				for i, t := range all {
					state := "live until " + t.Expires.Format(time.DateOnly)
					switch {
					case !t.Revoked.IsZero():
						state = "revoked " + t.Revoked.Format(time.DateOnly)
					case !t.Expires.IsZero() && t.Expires.Before(time.Now()):
						state = "expired " + t.Expires.Format(time.DateOnly)
					case !t.Expires.IsZero() && time.Until(t.Expires) < 48*time.Hour:
						state = "ENDS " + t.Expires.Local().Format("2006-01-02 15:04")
					case !t.Expires.IsZero() && time.Until(t.Expires) < 30*24*time.Hour:
						state = fmt.Sprintf("ends in %d days: rotate it", int(time.Until(t.Expires).Hours()/24))
					}
					used := "never"
					if !t.Used.IsZero() {
						used = t.Used.Local().Format("2006-01-02 15:04") + " " + t.From
					}
					rows[i] = []string{t.ID, t.Name, t.Hint, t.Source, t.Profile, cmp.Or(t.User, "-"), t.Scopes, state, used, needed(t.Uses)}
				}
				return printTable(out, []string{"ID", "NAME", "TOKEN", "SOURCE", "PROFILE", "USER", "SCOPES", "STATE", "LAST USED", "NEEDED"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// needed lists switches, the one that was needed most often first.
func needed(uses map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(uses), func(a, b string) int {
		return cmp.Or(cmp.Compare(uses[b], uses[a]), cmp.Compare(a, b))
	})
	return cmp.Or(strings.Join(names, ","), "-")
}

func newTokenRotate() *cobra.Command {
	var hub hubFlags
	var req admin.RotateRequest
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Make another token like one, which works on for a while",
		Long: `Rotate prints a new token with the name, source, profile, scopes and networks of the old one. The old one works until the overlap
is over, so that no request is lost while you put the new one into the identity provider.`,
		Example: `  muster token rotate 520266ce-e124-4122-8ef0-c3f35bb2056e --overlap 72h`,
		Args:    exactly("the id of a token, as \"muster token list\" shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if req.Days < 1 || overlap < 0 {
				return usageError{errors.New("a token lives at least a day, and an overlap is not negative")}
			}
			req.Overlap = int64(overlap.Seconds())
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				t, err := c.RotateToken(cmd.Context(), args[0], req)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), t.Secret)
				return err
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().DurationVar(&overlap, "overlap", access.DefaultOverlap, "how long the old token works on")
	cmd.Flags().IntVar(&req.Days, "days", 365, "how long the new one lives")
	return cmd
}

func newTokenRevoke() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token: it is refused within five seconds",
		Args:  exactly("the id of a token, as \"muster token list\" shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error { return c.RevokeToken(cmd.Context(), args[0]) })
		},
	}
	hub.addTenant(cmd)
	return cmd
}

// exactly asks for one argument and says what it is.
func exactly(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("%s takes %s", cmd.CommandPath(), what)}
		}
		return nil
	}
}
