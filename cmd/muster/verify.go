package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/verify"
)

// verified is the outcome of "muster verify" as JSON.
type verified struct {
	Checked  verify.Checked   `json:"checked"`
	Problems []verify.Problem `json:"problems"`
	Seconds  float64          `json:"seconds"`
}

func newVerify() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Look through the whole hub for damage and contradictions",
		Long: `Verify reads everything that the hub has, of all tenants, and names what cannot be: a damaged file, a gap in the feed, an index
that does not say what the documents say, a membership that leads nowhere, a wrong count, an altered audit record. It
changes nothing, and may run while the hub does. It exits with 1 if it finds something.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := verified{Problems: []verify.Problem{}}
			show := newStatusLine(cmd.ErrOrStderr())
			began := time.Now()
			err := hub.with(cmd.Context(), func(c *admin.Client) (err error) {
				out.Checked, err = c.Verify(cmd.Context(), func(e verify.Event) error {
					if e.Problem != nil {
						out.Problems = append(out.Problems, *e.Problem)
					}
					if e.Checked != nil {
						show.set(fmt.Sprintf("%s: %d resources, %d changes, %d audit records", e.Tenant, e.Checked.Resources, e.Checked.Changes, e.Checked.Records))
					}
					return nil
				})
				return err
			})
			show.clear()
			if err != nil {
				return err
			}
			out.Seconds = time.Since(began).Seconds()
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), out)
			} else {
				err = out.print(cmd.OutOrStdout())
			}
			if err == nil && len(out.Problems) > 0 {
				err = errors.New("the hub is not as it should be; docs/operation.md says what to do about each rule")
			}
			return err
		},
	}
	hub.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (v *verified) print(w io.Writer) error {
	if len(v.Problems) > 0 {
		rows := make([][]string, len(v.Problems))
		for i, p := range v.Problems {
			rows[i] = []string{printable(p.Tenant), p.Rule, printable(p.What)}
		}
		if err := printTable(w, []string{"TENANT", "RULE", "WHAT IS WRONG"}, rows); err != nil {
			return err
		}
	}
	c := v.Checked
	_, err := fmt.Fprintf(w, "%d tenants, %d resources, %d rows of the index, %d memberships, %d changes, %d audit records in %.1f s: ",
		c.Tenants, c.Resources, c.Entries, c.Edges, c.Changes, c.Records, v.Seconds)
	if err != nil {
		return err
	}
	if len(v.Problems) == 0 {
		_, err = fmt.Fprintln(w, "nothing is wrong")
	} else {
		_, err = fmt.Fprintf(w, "%d problems\n", len(v.Problems))
	}
	return err
}
