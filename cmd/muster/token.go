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

	"github.com/muster-id/muster/internal/admin"
)

func newToken() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Create, list and revoke the tokens of identity providers",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokenCreate(), newTokenList(), newTokenRevoke())
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
					}
					rows[i] = []string{t.ID, t.Name, t.Hint, t.Source, t.Profile, cmp.Or(t.User, "-"), state, needed(t.Uses)}
				}
				return printTable(out, []string{"ID", "NAME", "TOKEN", "SOURCE", "PROFILE", "USER", "STATE", "NEEDED"}, rows)
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
