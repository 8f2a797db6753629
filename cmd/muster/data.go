package main

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/config"
	"github.com/muster-id/muster/internal/datadir"
)

// hubFlags say which hub a command is for, and which tenant of it.
type hubFlags struct{ data, tenant string }

func (f *hubFlags) add(cmd *cobra.Command) {
	def := os.Getenv("MUSTER_DATA")
	if def == "" {
		def = app.DefaultData
	}
	cmd.Flags().StringVar(&f.data, "data", def, "data directory of the hub (environment: MUSTER_DATA)")
}

// addTenant adds the flags of a command that is about one tenant.
func (f *hubFlags) addTenant(cmd *cobra.Command) {
	f.add(cmd)
	cmd.Flags().StringVar(&f.tenant, "tenant", "default", "name of the tenant")
}

// with calls do with a client of the hub, which may run or not.
func (f *hubFlags) with(ctx context.Context, do func(*admin.Client) error) error {
	dir, err := datadir.Existing(f.data)
	if err != nil {
		return err
	}
	database, err := databaseURL()
	if err != nil {
		return err
	}
	c, err := admin.Dial(ctx, dir, func() (http.Handler, func() error, error) { return app.Offline(ctx, dir, database) })
	if err != nil {
		return err
	}
	c.Tenant = f.tenant
	return errors.Join(do(c), c.Close())
}

// databaseURL returns where the database of a hub is that does not run, for commands, which read no configuration; empty for
// the embedded one.
func databaseURL() (string, error) {
	c, err := config.Load("", config.Overrides{})
	if err != nil {
		return "", usageError{err}
	}
	return c.Database.Source(), nil
}
