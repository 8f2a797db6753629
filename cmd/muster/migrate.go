package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/muster-id/muster/internal/app"
)

func newMigrate() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "migrate --from URL --to URL",
		Short: "Move a hub between the embedded database and PostgreSQL",
		Long: `Migrate copies all that a hub has to another, empty database, in one transaction: after an error nothing is there. The hub must
not run meanwhile. A database is sqlite://DIRECTORY, the data directory of a hub, or postgres://user@host/name; the password
of the latter comes from the variable PGPASSWORD or a .pgpass file. What is sealed stays sealed: the hub needs the same
keyring there. The old database is left as it was.`,
		Example: `  muster migrate --from sqlite:///var/lib/muster --to postgres://muster@db.example.com/muster
  muster migrate --from postgres://muster@db.example.com/muster --to sqlite:///var/lib/muster`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || to == "" {
				return usageError{errors.New("migrate needs --from and --to")}
			}
			show := newStatusLine(cmd.ErrOrStderr())
			total, err := app.Migrate(cmd.Context(), from, to, func(table string, rows, total int64) {
				show.set(fmt.Sprintf("%s: %d rows, %d in all", table, rows, total))
			})
			show.clear()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d rows were copied. Give the hub the same keyring, start it on the new database, and run \"muster verify\".\n", total)
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "database to copy, sqlite://DIRECTORY or postgres://…")
	cmd.Flags().StringVar(&to, "to", "", "empty database to copy it to")
	return cmd
}
