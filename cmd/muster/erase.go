package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newErase() *cobra.Command {
	var hub hubFlags
	var req admin.EraseRequest
	var confirm string
	cmd := &cobra.Command{
		Use:   "erase ID",
		Short: "Destroy what is kept of somebody who was deleted",
		Long: `Erase destroys for good what is still kept of a person, or of another resource, after its deletion: the documents of its
changes together with the key they are sealed with, its external ids, what targets said of it. The audit keeps that something was
done, when and by whom, but no value of the person, and its chain verifies as before. There is no way back; backups that were
made before have to expire.`,
		Example: `  muster erase 5b0c4f0e-6f7a-4f0e-9d43-1d6f1c1f2a30 --confirm 5b0c4f0e-6f7a-4f0e-9d43-1d6f1c1f2a30 --reason "request 4711"`,
		Args:    exactly("the id of somebody who was deleted"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if confirm != args[0] {
				return usageError{errors.New("say the id once more with --confirm, so that nobody is erased by mistake")}
			}
			req.ID = args[0]
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				if err := c.Erase(cmd.Context(), req); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is erased\n", printable(req.ID))
				return err
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().StringVar(&confirm, "confirm", "", "the id, once more")
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the audit: a number, no name")
	return cmd
}
