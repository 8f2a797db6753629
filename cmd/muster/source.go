package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newSource() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Create and list the sources of a tenant",
		Long: `A source is a system that tells Muster about people and groups: an identity provider, an HR system. Each token speaks for
one. What a source creates is its own: other sources of the tenant see it and may name it, such as in a group, but not change it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSourceCreate(), newSourceList())
	return cmd
}

func newSourceCreate() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a source",
		Example: `  muster source create hr --tenant acme
  muster token create --tenant acme --source hr --name workday`,
		Args: exactly("a name: a-z, 0-9 and hyphens"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				s, err := c.CreateSource(cmd.Context(), admin.SourceRequest{Name: args[0]})
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "source %s is there\n", s.Name)
				return err
			})
		},
	}
	hub.addTenant(cmd)
	return cmd
}

func newSourceList() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sources of a tenant",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.Sources(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, s := range all {
					rows[i] = []string{s.Name, s.Created.Format(time.DateOnly)}
				}
				return printTable(cmd.OutOrStdout(), []string{"NAME", "CREATED"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
