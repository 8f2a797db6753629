package main

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/sbom"
	"github.com/muster-id/muster/internal/version"
)

func newVersion() *cobra.Command {
	var asJSON, asSBOM bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print version and commit of this binary",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case asJSON && asSBOM:
				return usageError{errors.New("--json and --sbom are two answers: take one")}
			case asJSON:
				return printJSON(cmd.OutOrStdout(), version.Get())
			case asSBOM:
				build, _ := debug.ReadBuildInfo() // nil without modules, which is said
				list, err := sbom.CycloneDX(build, version.Get().Version)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", list)
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version.Get())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&asSBOM, "sbom", false, "print the modules that it is made of, as CycloneDX JSON")
	return cmd
}
