package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newReport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Report what is held on a person, or who was in a group",
		Long: `A report answers a question of an auditor or of a person: everything that is held on somebody and where each value is from, what
somebody was at some time, who was in a group. Asking leaves a record in the audit.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newReportPerson(), newReportGroup())
	return cmd
}

func newReportPerson() *cobra.Command {
	var hub hubFlags
	var at string
	cmd := &cobra.Command{
		Use:   "person ID",
		Short: "Export everything that is held on a person",
		Long: `Person prints as JSON what is held on a person, deleted or not, or on another resource: the document with the source of each
attribute, the groups, every change, what targets have, tokens, and the records of the audit. With --at it prints what the person
was at that time, and in which groups.`,
		Example: `  muster report person 5b0c4f0e-6f7a-4f0e-9d43-1d6f1c1f2a30
  muster report person 5b0c4f0e-6f7a-4f0e-9d43-1d6f1c1f2a30 --at 2026-03-01T12:00:00Z`,
		Args: exactly("the id of a person"),
		RunE: func(cmd *cobra.Command, args []string) error {
			when, err := parseWhen(at, time.Now())
			if err != nil {
				return usageError{fmt.Errorf("--at: %w", err)}
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				v, err := c.ReportPerson(cmd.Context(), args[0], when)
				if err != nil {
					return err
				}
				if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", v)
				return err
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().StringVar(&at, "at", "", "what it was then: 2026-03-01, 2026-03-01T09:00:00Z, or how long ago: 24h, 30d")
	return cmd
}

func newReportGroup() *cobra.Command {
	var hub hubFlags
	var since, until string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "group ID",
		Short:   "Show who was a direct member of a group, and when",
		Example: `  muster report group 0f2b6f0e-11aa-4f0e-9d43-1d6f1c1f2a30 --since 2026-01-01 --until 2026-04-01`,
		Args:    exactly("the id of a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := parseWhen(since, time.Now())
			if err != nil {
				return usageError{fmt.Errorf("--since: %w", err)}
			}
			to, err := parseWhen(until, time.Now())
			if err != nil {
				return usageError{fmt.Errorf("--until: %w", err)}
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				list, err := c.ReportGroup(cmd.Context(), args[0], from, to)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), list)
				}
				rows := make([][]string, len(list))
				for i, m := range list {
					end := "-"
					if !m.Until.IsZero() {
						end = m.Until.Local().Format(time.DateTime)
					}
					rows[i] = []string{m.ID, m.Type, m.From.Local().Format(time.DateTime), end, m.Added, cmp.Or(m.Removed, "-")}
				}
				return printTable(cmd.OutOrStdout(), []string{"MEMBER", "TYPE", "FROM", "UNTIL", "ADDED BY", "REMOVED BY"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().StringVar(&since, "since", "", "only who was a member at some time from then on; written like --at of report person")
	cmd.Flags().StringVar(&until, "until", "", "only who was a member before that")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
