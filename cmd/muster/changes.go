package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
)

func newChanges() *cobra.Command {
	var hub hubFlags
	var after string
	var follow, asJSON bool
	cmd := &cobra.Command{
		Use:   "changes",
		Short: "Print the feed: every change, in order, without gaps",
		Long: `Changes prints what was changed, by whom, and what it means, oldest first. With --follow it goes on and prints
each change as it is committed.

With --json each line is one change with its position, its events and the document before and after it. A reader that
keeps the last position and hands it to --after misses nothing and sees nothing twice.`,
		Example: `  muster changes --follow
  muster changes --json --after 1-1042 | jq .events`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				for line, err := range c.Changes(cmd.Context(), after, follow) {
					if err != nil {
						return err
					}
					if err := printChange(cmd.OutOrStdout(), line, asJSON); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().StringVar(&after, "after", "", "print what follows this position (default: from the beginning)")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with changes as they happen, until interrupted")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// shownChange is what a line for people has of a change.
type shownChange struct {
	Position     string    `json:"position"`
	At           time.Time `json:"at"`
	ResourceType string    `json:"resourceType"`
	ID           string    `json:"id"`
	Source       string    `json:"source"`
	Changed      []string  `json:"changed"`
	Events       []struct {
		Type   string `json:"type"`
		Member *struct {
			ID string `json:"id"`
		} `json:"member"`
	} `json:"events"`
	Before, After struct {
		UserName    string `json:"userName"`
		DisplayName string `json:"displayName"`
	}
}

func printChange(w io.Writer, line []byte, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(w, "%s\n", line)
		return err
	}
	var c shownChange
	if err := json.Unmarshal(line, &c, json.MatchCaseInsensitiveNames(true)); err != nil {
		return errors.Join(errors.New("the hub sent what is no change"), err)
	}
	name := firstOf(c.After.UserName, c.After.DisplayName, c.Before.UserName, c.Before.DisplayName, c.ID)
	events := make([]string, 0, len(c.Events))
	for _, e := range c.Events {
		s := e.Type
		if e.Member != nil {
			s += " " + e.Member.ID
		}
		events = append(events, s)
	}
	what := strings.Join(events, ", ")
	if what == "" {
		what = "no event"
	}
	if len(c.Changed) > 0 {
		what += faint.Render(" (" + strings.Join(c.Changed, ", ") + ")")
	}
	_, err := lipgloss.Fprintln(w, fmt.Sprintf("%s  %s  %s  %s  %s",
		faint.Render(c.At.Local().Format("15:04:05.000")), faint.Render(fmt.Sprintf("%-8s", c.Position)), printable(name), what, faint.Render("by "+printable(c.Source))))
	return err
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
