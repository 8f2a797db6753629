package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newGuard() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "guard",
		Short: "Look at mass changes that are held, and approve or reject them",
		Long: `When a source deactivates, deletes, renames or empties more than is usual within 24 hours, what is beyond is stored, but not
sent to targets before a person has looked at it. Everything else goes on. "muster tenant set NAME guard.people=50" and the other
guard keys move the limits.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newGuardList(), newGuardShow(), newGuardDecide("approve"), newGuardDecide("reject"),
		newGuardProtect(), newGuardUnprotect(), newGuardProtected())
	return cmd
}

var theHold = exactly("the number of a hold, as \"muster guard list\" shows it")

func newGuardList() *cobra.Command {
	var hub hubFlags
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what is held",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				list, err := c.Holds(cmd.Context(), all)
				if err != nil {
					return err
				}
				out := cmd.OutOrStdout()
				if asJSON {
					return printJSON(out, list)
				}
				if len(list) == 0 {
					_, err := fmt.Fprintln(out, "nothing is held")
					return err
				}
				rows := make([][]string, len(list))
				for i, h := range list {
					rows[i] = []string{
						strconv.FormatInt(h.ID, 10), h.State, h.Reason, h.Source, strconv.FormatInt(h.Resources, 10),
						h.Opened.Local().Format(time.DateTime), cmp.Or(printable(h.Note), "-"),
					}
				}
				return printTable(out, []string{"HOLD", "STATE", "REASON", "SOURCE", "RESOURCES", "SINCE", "NOTE"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&all, "all", false, "also those that were decided")
	return cmd
}

func newGuardShow() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show HOLD",
		Short: "Show every change that a hold concerns",
		Args:  theHold,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				h, err := c.Hold(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), h)
				}
				return printHold(cmd.OutOrStdout(), h)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printHold(w io.Writer, h admin.Hold) error {
	if _, err := fmt.Fprintf(w, "hold %d is %s: %s by the source %s, %d resources, %d changes since %s\n\n",
		h.ID, h.State, h.Reason, h.Source, h.Resources, h.Changes, h.Opened.Local().Format(time.DateTime)); err != nil {
		return err
	}
	rows := make([][]string, len(h.Held))
	for i, c := range h.Held {
		what := c.Action
		if c.Removed > 0 {
			what += fmt.Sprintf(", -%d members", c.Removed)
		}
		if c.Added > 0 {
			what += fmt.Sprintf(", +%d members", c.Added)
		}
		rows[i] = []string{c.At.Local().Format(time.TimeOnly), c.Type, cmp.Or(printable(c.Name), c.ID), what, c.ID}
	}
	return printTable(w, []string{"AT", "TYPE", "NAME", "CHANGE", "ID"}, rows)
}

func newGuardDecide(action string) *cobra.Command {
	var hub hubFlags
	var d admin.Decision
	var asJSON bool
	short, long := "Send on what a hold holds", "Exactly what is held is sent to the targets, in order. What the source does from then on is counted anew."
	if action == "reject" {
		short = "Put back what a hold concerns, and never send it on"
		long = `Every resource is put back to what it was before the hold: who was deactivated is active, who was deleted is there again under
the same id, members are members again. What was held is never sent. What cannot be put back, because somebody else has the name by now,
is listed. The source itself is not told: mend it, or it does the same again.`
	}
	cmd := &cobra.Command{
		Use: action + " HOLD", Short: short, Long: long, Args: theHold,
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				h, err := c.DecideHold(cmd.Context(), args[0], action, d)
				if err != nil {
					return err
				}
				out := cmd.OutOrStdout()
				if asJSON {
					return printJSON(out, h)
				}
				if _, err := fmt.Fprintf(out, "hold %d is %s\n", h.ID, h.State); err != nil || action != "reject" {
					return err
				}
				if _, err := fmt.Fprintf(out, "%d resources were put back\n", h.Repaired); err != nil {
					return err
				}
				for _, p := range h.Problems {
					if _, err := fmt.Fprintln(out, "  "+printable(p)); err != nil {
						return err
					}
				}
				if len(h.Problems) > 0 {
					return fmt.Errorf("%d resources need your attention", len(h.Problems))
				}
				return nil
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&d.Note, "note", "", "why, for the audit")
	return cmd
}

// shield are the flags that name what is protected.
type shield struct{ group, user string }

func (s *shield) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.group, "group", "", "displayName of a group")
	cmd.Flags().StringVar(&s.user, "user", "", "userName of an account")
}

func (s *shield) what() (typ, name string, err error) {
	switch {
	case (s.group == "") == (s.user == ""):
		return "", "", usageError{errors.New("name a --group or a --user")}
	case s.group != "":
		return "Group", s.group, nil
	}
	return "User", s.user, nil
}

func newGuardProtect() *cobra.Command {
	var hub hubFlags
	var what shield
	var source string
	cmd := &cobra.Command{
		Use:   "protect --group NAME | --user NAME",
		Short: "Hold every change of a privileged group or a break-glass account",
		Long: `Who is in a protected group, and what it is called, is sent on only after a person has approved it, unless the source that
is named made the change. A protected account is never deactivated, deleted or renamed downstream without approval.`,
		Example: `  muster guard protect --group "Domain Admins" --source hr
  muster guard protect --user breakglass@example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			typ, name, err := what.what()
			if err != nil {
				return err
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				return c.Protect(cmd.Context(), admin.ProtectRequest{Type: typ, Name: name, Source: source})
			})
		},
	}
	hub.addTenant(cmd)
	what.add(cmd)
	cmd.Flags().StringVar(&source, "source", "", "the source whose changes are sent on all the same (default: none)")
	return cmd
}

func newGuardUnprotect() *cobra.Command {
	var hub hubFlags
	var what shield
	cmd := &cobra.Command{
		Use:   "unprotect --group NAME | --user NAME",
		Short: "End the protection of a group or an account",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			typ, name, err := what.what()
			if err != nil {
				return err
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error { return c.Unprotect(cmd.Context(), typ, name) })
		},
	}
	hub.addTenant(cmd)
	what.add(cmd)
	return cmd
}

func newGuardProtected() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "protected",
		Short: "List what is protected",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.Protected(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all))
				for i, p := range all {
					rows[i] = []string{p.Type, printable(p.Name), cmp.Or(p.Source, "-"), p.Since.Format(time.DateOnly)}
				}
				return printTable(cmd.OutOrStdout(), []string{"TYPE", "NAME", "BUT FOR SOURCE", "SINCE"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
