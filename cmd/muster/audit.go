package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/audit"
)

func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show, export and verify what was done and refused, and by whom",
		Long: `The audit has a record of every write and of every refused attempt. The records of a tenant are a chain: each has the hash of
the one before it in its own, and the end is signed every minute. So what is altered or removed later is found.
With --installation a command is about the hub itself: its tenants, and attempts that belong to none.
All commands work while the hub runs and while it does not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditShow(), newAuditExport(), newAuditVerify(), newAuditCheckpoint())
	return cmd
}

// auditFlags say which records are meant.
type auditFlags struct {
	hub          hubFlags
	q            admin.AuditQuery
	since, until string
}

func (f *auditFlags) add(cmd *cobra.Command) {
	f.hub.addTenant(cmd)
	addInstallation(cmd, &f.q.Installation)
	cmd.Flags().StringVar(&f.since, "since", "", "only records from then on: 2026-03-01, 2026-03-01T09:00:00Z, or how long ago: 24h, 30d")
	cmd.Flags().StringVar(&f.until, "until", "", "only records before that, written like --since")
	cmd.Flags().StringVar(&f.q.Actor, "actor", "", "only what this token did, by its id; or operator, or muster")
	cmd.Flags().StringVar(&f.q.Resource, "resource", "", "only what was done to this resource, by its id")
	cmd.Flags().StringVar(&f.q.Action, "action", "", "only this: create, update, delete, request; or token, tenant and the like with all that follows")
	cmd.Flags().Int64Var(&f.q.After, "after", 0, "only records with a greater number")
}

func addInstallation(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "installation", false, "the records of the hub itself instead of those of a tenant")
}

// query completes the query.
func (f *auditFlags) query(now time.Time) (q admin.AuditQuery, err error) {
	q = f.q
	if q.Since, err = parseWhen(f.since, now); err != nil {
		return q, usageError{fmt.Errorf("--since: %w", err)}
	}
	if q.Until, err = parseWhen(f.until, now); err != nil {
		return q, usageError{fmt.Errorf("--until: %w", err)}
	}
	return q, nil
}

// parseWhen reads an instant: a date, a time, or how long before now; empty: none.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateOnly, time.DateTime, "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-03-01, 2026-03-01T09:00:00Z, or how long ago: 24h, 30d", s)
}

func newAuditShow() *cobra.Command {
	var f auditFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the last records",
		Long:  "Show prints the last records that match, oldest first. With --json each line is the record as the chain has it. Reading leaves a record, too.",
		Example: `  muster audit show --since 24h --action request
  muster audit show --resource 5b0c4f0e-6f7a-4f0e-9d43-1d6f1c1f2a30 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query(time.Now())
			if err != nil {
				return err
			}
			return f.hub.with(cmd.Context(), func(c *admin.Client) error {
				for r, err := range c.Audit(cmd.Context(), q) {
					if err == nil && asJSON {
						_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", r.Record)
					} else if err == nil {
						err = printRecord(cmd.OutOrStdout(), r)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&f.q.Limit, "limit", 50, "how many; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// printRecord prints a record as one line for people.
func printRecord(w io.Writer, r admin.AuditRecord) error {
	var rec audit.Record
	if err := json.Unmarshal(r.Record, &rec); err != nil {
		return errors.Join(errors.New("the hub sent what is no record"), err)
	}
	var what []string
	add := func(format string, args ...any) { what = append(what, fmt.Sprintf(format, args...)) }
	if rec.ID != "" {
		add("%s %s", rec.Type, printable(rec.ID))
	} else if rec.Type != "" {
		add("%s", rec.Type)
	}
	if len(r.Events) > 0 {
		add("%s", strings.Join(r.Events, ", "))
	}
	if len(rec.Attrs) > 0 {
		add("(%s)", printable(strings.Join(rec.Attrs, ", ")))
	}
	if rec.Added > 0 {
		add("+%d", rec.Added)
	}
	if rec.Removed > 0 {
		add("-%d", rec.Removed)
	}
	if rec.Reason != "" {
		add("%s", printable(rec.Reason))
	}
	for _, name := range slices.Sorted(maps.Keys(rec.Details)) {
		add("%s=%s", name, printable(rec.Details[name]))
	}
	if rec.Count > 1 {
		add("%d times", rec.Count)
	}
	who := firstOf(r.Actor, rec.Actor, "somebody")
	if r.Source != "" {
		who += " for " + r.Source
	}
	if rec.Address != "" {
		who += " from " + rec.Address
	}
	result := ""
	if rec.Result != audit.Done {
		result = yellow.Render(rec.Result) + "  "
	}
	_, err := lipgloss.Fprintln(w, fmt.Sprintf("%s  %s  %s  %s%s  %s",
		faint.Render(rec.At.Local().Format(time.DateTime)), faint.Render(fmt.Sprintf("%6d", rec.N)), bold.Render(rec.Action), result,
		strings.Join(what, " "), faint.Render("by "+printable(who))))
	return err
}

func newAuditExport() *cobra.Command {
	var f auditFlags
	var out, schema string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Export records as JSON lines, OCSF or CEF",
		Long: `Export writes records for somebody else to keep or to search.

jsonl has the records with their hashes, the checkpoints and a signed end. "muster audit verify FILE" verifies it without the
hub, unless only some records were asked for; --after NUMBER goes on where an earlier export ended.
ocsf has one event of the Open Cybersecurity Schema Framework a line, cef one of the Common Event Format.`,
		Example: `  muster audit export --output audit.jsonl
  muster audit export --after 120000 --output more.jsonl
  muster audit export --format ocsf --since 24h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query(time.Now())
			if err != nil {
				return err
			}
			if schema != "" {
				if q.Format != string(audit.OCSF) {
					return usageError{errors.New("--ocsf-version goes with --format ocsf")}
				}
				q.OCSFVersion = schema
			}
			return f.hub.with(cmd.Context(), func(c *admin.Client) error {
				return writeTo(cmd, out, func(w io.Writer) error { return c.ExportAudit(cmd.Context(), w, q) })
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.q.Format, "format", string(audit.JSONL), "jsonl, ocsf or cef")
	cmd.Flags().StringVar(&schema, "ocsf-version", "", "version of OCSF that the receiver speaks, 1.1.0 or later (default "+audit.DefaultOCSF+")")
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write, for its owner alone (default: the terminal)")
	return cmd
}

// writeTo hands do a file, which appears only if it succeeds, or standard output.
func writeTo(cmd *cobra.Command, path string, do func(io.Writer) error) error {
	if path == "" {
		return do(cmd.OutOrStdout())
	}
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = do(f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, path)
}

func newAuditVerify() *cobra.Command {
	var hub hubFlags
	var installation, values, asJSON bool
	var kept []string
	var key string
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify the chain of the hub, or an export of it",
		Long: `Verify reads every record and says whether all of them are what was written, or names the first one that is not.

Without FILE that is the chain of the hub. FILE is an export as jsonl, which is verified without a hub. Somebody who can
rewrite everything, signatures included, is found only by what he cannot reach: give a checkpoint that was kept elsewhere
with --checkpoint, and for an export the public key with --key. "muster audit checkpoint" shows both, the log has them, too.`,
		Example: `  muster audit verify
  muster audit verify audit.jsonl --key key.pub --checkpoint kept.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			checkpoints, err := readCheckpoints(kept)
			if err != nil {
				return usageError{err}
			}
			var v audit.Verdict
			if len(args) == 1 && values {
				err = usageError{errors.New("--values is for the hub; an export has none")}
			} else if len(args) == 1 {
				v, err = verifyFile(args[0], key, checkpoints)
			} else if key != "" {
				err = usageError{errors.New("--key is for an export; the hub has its own")}
			} else {
				err = hub.with(cmd.Context(), func(c *admin.Client) (err error) {
					v, err = c.VerifyAudit(cmd.Context(), admin.VerifyRequest{Installation: installation, Values: values, Checkpoints: checkpoints})
					return err
				})
			}
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), v); err != nil {
					return err
				}
			}
			if v.Bad != nil {
				return fmt.Errorf("the audit is broken: %w", v.Bad)
			}
			if asJSON {
				return nil
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d records are as they were written, up to number %d; %d checkpoints were met\n", v.Records, v.Last, v.Checkpoints)
			if err == nil && values {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d changes have the values of their records; those of %d are erased\n", v.Values, v.Erased)
			}
			return err
		},
	}
	hub.addTenant(cmd)
	addInstallation(cmd, &installation)
	cmd.Flags().BoolVar(&values, "values", false, "also compare the values in the feed with the digests of the records")
	cmd.Flags().StringSliceVar(&kept, "checkpoint", nil, "file with checkpoints that were kept elsewhere; may be given again")
	cmd.Flags().StringVar(&key, "key", "", "public key that the checkpoints of an export have to be signed with, or the file it is in")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func verifyFile(path, key string, kept []audit.CheckpointShown) (audit.Verdict, error) {
	var public []byte
	if key != "" {
		text := key
		if b, err := os.ReadFile(key); err == nil {
			text = string(b)
		}
		var err error
		if public, err = audit.ParseKey(text); err != nil {
			return audit.Verdict{}, usageError{fmt.Errorf("--key: %w", err)}
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return audit.Verdict{}, err
	}
	defer func() { _ = f.Close() }()
	v, err := audit.VerifyExport(f, public, kept...)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return v, err
}

// readCheckpoints reads files with one checkpoint or several, one behind the other.
func readCheckpoints(paths []string) (all []audit.CheckpointShown, err error) {
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		list, err := audit.ParseCheckpoints(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

func newAuditCheckpoint() *cobra.Command {
	var hub hubFlags
	var installation bool
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Sign the end of the chain, to be kept elsewhere",
		Long: `Checkpoint signs how far the chain has come and prints that as JSON. Keep it where nobody who can write to the hub's machine
can: "muster audit verify --checkpoint" then finds any rewriting of what was before it.`,
		Example: `  muster audit checkpoint > 2026-03-01.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				s, err := c.AuditCheckpoint(cmd.Context(), installation)
				if err != nil {
					return err
				}
				return printJSON(cmd.OutOrStdout(), s)
			})
		},
	}
	hub.addTenant(cmd)
	addInstallation(cmd, &installation)
	return cmd
}
