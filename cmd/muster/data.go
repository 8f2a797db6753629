package main

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/datadir"
)

// dataFlag is the data directory of the hub that a command is for.
type dataFlag string

func (f *dataFlag) add(cmd *cobra.Command) {
	def := os.Getenv("MUSTER_DATA")
	if def == "" {
		def = app.DefaultData
	}
	cmd.Flags().StringVar((*string)(f), "data", def, "data directory of the hub (environment: MUSTER_DATA)")
}

// with calls do with a client of the hub, which may run or not.
func (f *dataFlag) with(ctx context.Context, do func(*admin.Client) error) error {
	dir, err := datadir.Existing(string(*f))
	if err != nil {
		return err
	}
	c, err := admin.Dial(ctx, dir, func() (http.Handler, func() error, error) { return app.Offline(ctx, dir) })
	if err != nil {
		return err
	}
	return errors.Join(do(c), c.Close())
}
