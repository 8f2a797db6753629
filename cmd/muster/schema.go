package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/scim/schema/packs"
)

func newSchema() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Extend users and groups, and add resource types",
		Long: `Definitions are JSON as SCIM servers publish them at /Schemas and /ResourceTypes. What is added is in force at
once for new requests, and stays. All commands work while the hub runs and while it does not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSchemaList(), newSchemaShow(), newSchemaAdd(), newSchemaRemove(), newSchemaPacks())
	return cmd
}

func newSchemaList() *cobra.Command {
	var hub hubFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List schemas, and what they are for",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				all, err := c.Schemas(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, len(all.Schemas))
				for i, s := range all.Schemas {
					origin := "built in"
					switch {
					case len(s.Indexing) > 0:
						origin = "added, indexing " + strings.Join(s.Indexing, ", ")
					case s.Added:
						origin = "added"
					}
					rows[i] = []string{s.ID, printable(s.Name), use(s), origin}
				}
				return printTable(cmd.OutOrStdout(), []string{"SCHEMA", "NAME", "USE", "ORIGIN"}, rows)
			})
		},
	}
	hub.addTenant(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// use says what a schema is for.
func use(s admin.Schema) string {
	var parts []string
	if len(s.Of) > 0 {
		parts = append(parts, "resource type "+strings.Join(s.Of, ", "))
	}
	if len(s.Extends) > 0 {
		parts = append(parts, "extends "+strings.Join(s.Extends, ", "))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "; ")
}

func newSchemaShow() *cobra.Command {
	var hub hubFlags
	cmd := &cobra.Command{
		Use:   "show URN",
		Short: "Print a definition, in the form in which it can be changed and added again",
		Args:  exactly("the URN of a schema, as \"muster schema list\" shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				v, err := c.Schema(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return printJSON(cmd.OutOrStdout(), v)
			})
		},
	}
	hub.addTenant(cmd)
	return cmd
}

// modeFlags are those of commands that change schemas.
type modeFlags struct{ dryRun, force bool }

func (f *modeFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "check, say what would change, and change nothing")
	cmd.Flags().BoolVar(&f.force, "force", false, "go on although resources have values that will be ignored then")
}

func newSchemaAdd() *cobra.Command {
	var hub hubFlags
	var mode modeFlags
	var pack string
	cmd := &cobra.Command{
		Use:   "add FILE | add --pack NAME",
		Short: "Add definitions, or change those that are there",
		Long: `Add reads schemas and resource types from a file (- for standard input) or from a pack that comes with Muster. A schema
that is there already is replaced by the new definition.

Definitions are checked first, and against the resources that there are. New attributes, extensions and types
are always possible; what would make values unreadable is refused, unless --force says that they may be ignored.`,
		Example: `  muster schema add badge.json --dry-run
  muster schema add badge.json
  muster schema add --pack devices`,
		RunE: func(cmd *cobra.Command, args []string) error {
			definitions, err := readDefinitions(cmd.InOrStdin(), pack, args)
			if err != nil {
				return err
			}
			return hub.with(cmd.Context(), func(c *admin.Client) error {
				result, err := c.AddSchemas(cmd.Context(), admin.SchemasRequest{Definitions: definitions, DryRun: mode.dryRun, Force: mode.force})
				if err != nil {
					return err
				}
				return printResult(cmd.OutOrStdout(), result, mode)
			})
		},
	}
	hub.addTenant(cmd)
	mode.add(cmd)
	cmd.Flags().StringVar(&pack, "pack", "", "a pack that \"muster schema packs\" lists, instead of a file")
	return cmd
}

// readDefinitions returns the definitions that a command line names.
func readDefinitions(stdin io.Reader, pack string, args []string) (jsontext.Value, error) {
	switch {
	case (pack == "") == (len(args) == 0) || len(args) > 1:
		return nil, usageError{errors.New("muster schema add takes one file (- for standard input), or --pack NAME")}
	case pack != "":
		defs, err := packs.Load(pack)
		if err != nil {
			return nil, usageError{err}
		}
		return defs.JSON(), nil
	}
	var b []byte
	var err error
	if args[0] == "-" {
		b, err = io.ReadAll(stdin)
	} else {
		b, err = os.ReadFile(args[0])
	}
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	v := jsontext.Value(b)
	if !v.IsValid() {
		return nil, fmt.Errorf("%s is not JSON, or has a name twice in one object", args[0])
	}
	return v, nil
}

func newSchemaRemove() *cobra.Command {
	var hub hubFlags
	var mode modeFlags
	cmd := &cobra.Command{
		Use:   "remove URN...",
		Short: "Remove schemas, and the resource types that are nothing without them",
		Long: `Remove takes schemas away. An extension of which resources have values needs --force; the values are not
deleted, but nobody sees them any more. A resource type goes with its schema, once all resources of it are deleted.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("%s takes the URNs of schemas, as \"muster schema list\" shows them", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return hub.with(cmd.Context(), func(c *admin.Client) error { return removeSchemas(cmd.Context(), cmd.OutOrStdout(), c, args, mode) })
		},
	}
	hub.addTenant(cmd)
	mode.add(cmd)
	return cmd
}

func removeSchemas(ctx context.Context, w io.Writer, c *admin.Client, urns []string, mode modeFlags) error {
	result, err := c.RemoveSchemas(ctx, urns, mode.dryRun, mode.force)
	if err != nil {
		return err
	}
	return printResult(w, result, mode)
}

func newSchemaPacks() *cobra.Command {
	return &cobra.Command{
		Use:   "packs",
		Short: "List the packs that come with Muster",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := packs.List()
			rows := make([][]string, len(list))
			for i, p := range list {
				rows[i] = []string{p.Name, p.Description}
			}
			return printTable(cmd.OutOrStdout(), []string{"PACK", "WHAT IT DEFINES"}, rows)
		},
	}
}

// printResult tells what a change of schemas came to.
func printResult(w io.Writer, r admin.SchemasResult, mode modeFlags) error {
	var text strings.Builder
	for _, warning := range r.Warnings {
		text.WriteString(yellow.Render("warning: ") + printable(warning) + "\n")
	}
	for _, change := range r.Changes {
		text.WriteString(printable(change) + "\n")
	}
	switch {
	case len(r.Changes) == 0:
		text.WriteString("nothing changes: everything is defined so already\n")
	case mode.dryRun:
		text.WriteString("nothing was changed: this was a dry run\n")
	default:
		fmt.Fprintf(&text, "in force: generation %d\n", r.Generation)
		for _, attr := range r.Indexing {
			text.WriteString(faint.Render("being indexed in the background while the hub runs: ") + attr + "\n")
		}
	}
	_, err := lipgloss.Fprint(w, text.String())
	return err
}
