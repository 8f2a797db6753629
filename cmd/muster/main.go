// Command muster is an identity sync hub: SCIM in, durable, every change out.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/version"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // the command could not do what it was asked to
	exitUsage    = 2 // the command line or the configuration is wrong
	exitOccupied = 3 // another process has the data directory
	exitBroken   = 4 // a check could not be carried out
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second signal ends the process at once, by the default the first one has given back.
	context.AfterFunc(ctx, stop)
	root := newRoot()
	begun := false // the command line was understood
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	if err := root.ExecuteContext(ctx); err != nil {
		if !begun {
			err = usageError{err}
		}
		fmt.Fprintf(root.ErrOrStderr(), "muster: %v\n", err)
		return exitCode(err)
	}
	return exitOK
}

// usageError is a command that was given wrongly.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	if _, ok := errors.AsType[*datadir.InUseError](err); ok {
		return exitOccupied
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[brokenError](err); ok {
		return exitBroken
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "muster",
		Short: "Identity sync hub: SCIM in, durable, every change out",
		Long: `Muster takes people and groups from identity providers over SCIM 2.0, keeps them
durably, and makes every application follow: over outbound SCIM and signed webhooks.

  muster serve   starts a hub with no configuration at all
  muster demo    shows a whole working life in a minute, on this machine only`,
		Version:       version.Get().String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see \"%s --help\"", err, cmd.CommandPath())}
	})
	root.AddCommand(newServe(), newTenant(), newSource(), newToken(), newOAuth(), newGuard(), newTarget(), newKey(), newSchema(), newChanges(), newAudit(), newErase(), newReport(), newTargets(), newNodes(), newVerify(), newMigrate(), newCheck(), newDemo(), newConfig(), newVersion())
	return root
}
