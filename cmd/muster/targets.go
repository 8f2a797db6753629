package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newTargets() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "targets",
		Short: "Show how the targets of a running hub are doing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.Targets(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, t := range all {
					rows[i] = []string{
						t.Name, t.Tenant, t.Kind, t.State, strconv.FormatInt(t.Lag, 10), time.Duration(t.Age * float64(time.Second)).Round(time.Second).String(),
						strconv.FormatInt(t.Parked, 10), printable(t.Problem),
					}
				}
				return printTable(cmd.OutOrStdout(), []string{"NAME", "TENANT", "KIND", "STATE", "BEHIND", "OLDEST", "PARKED", "LAST PROBLEM"}, rows)
			})
		},
	}
	hub.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
