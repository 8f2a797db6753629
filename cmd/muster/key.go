package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newKey() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "The keys that seal secrets in the database: list, rotate, retire",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeys("list", "List the keys, and how many secrets each seals"),
		newKeys("rotate", "Make another key, and seal every secret anew with it, while the hub runs"), newKeyRetire())
	return cmd
}

func newKeys(use, short string) *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.Keys(cmd.Context(), use == "rotate")
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, k := range all {
					made, state := "-", "opens only"
					if !k.Made.IsZero() {
						made = k.Made.Local().Format(time.DateTime)
					}
					if k.Active {
						state = "seals"
					}
					rows[i] = []string{k.ID, made, state, strconv.Itoa(k.Secrets)}
				}
				return printTable(cmd.OutOrStdout(), []string{"KEY", "MADE", "STATE", "SECRETS"}, rows)
			})
		},
	}
	hub.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newKeyRetire() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use:   "retire KEY",
		Short: "Remove a key that seals nothing any more from the keyring",
		Long:  "Backups of the database from before its rotation need it still: keep a copy as long as you keep them.",
		Args:  exactly("a key, as \"muster key list\" shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				if err := c.RetireKey(cmd.Context(), args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "key %s is retired\n", args[0])
				return err
			})
		},
	}
	hub.add(cmd)
	return cmd
}
