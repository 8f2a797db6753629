package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newNodes() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "List the processes that serve the hub's database",
		Long: `With PostgreSQL several nodes may serve one database. Each says every few seconds that it is there; one that has not for
15 seconds counts as dead, and the others deliver to its targets. Nodes that were not seen for a day are not listed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.Nodes(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, n := range all {
					state := "alive"
					if !n.Alive {
						state = "gone"
					}
					rows[i] = []string{
						n.ID, printable(n.Name), printable(n.Address), printable(n.Version), state, n.Started.Local().Format(time.DateTime),
						n.Seen.Local().Format(time.DateTime), strconv.Itoa(n.Targets),
					}
				}
				return printTable(cmd.OutOrStdout(), []string{"ID", "MACHINE", "LISTENS", "VERSION", "STATE", "STARTED", "SEEN", "TARGETS"}, rows)
			})
		},
	}
	hub.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
