package main

import (
	"github.com/spf13/cobra"
)

func newConfig() *cobra.Command {
	var flags configFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration and show it with the origin of each value",
		Long: `Config reads the configuration as "muster serve" would, with the same flags, and shows every value and where it came
from: a flag, an environment variable, a line of the file, or the default. Secrets are not shown. It exits with 2 if
"muster serve" would refuse to start.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.load(cmd)
			if err != nil {
				return err
			}
			values := c.Values()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), values)
			}
			rows := make([][]string, len(values))
			for i, v := range values {
				rows[i] = []string{v.Path, printable(v.Value), v.Origin}
			}
			return printTable(cmd.OutOrStdout(), []string{"KEY", "VALUE", "FROM"}, rows)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
