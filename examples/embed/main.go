// Command embed makes a product's users table a SCIM 2.0 service provider: Okta, Entra ID and their like can then
// create, change and deactivate its users. users.go is all there is to it; this file is what the product does anyway.
//
//	SCIM_TOKEN=$(openssl rand -hex 32) go run ./examples/embed
package main

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"time"
)

//go:embed users.sql
var table string

func main() {
	if err := run(os.Getenv("SCIM_TOKEN")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run opens the product's database and serves HTTP.
func run(token string) error {
	db, err := sql.Open("sqlite", "file:users.db?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), table); err != nil {
		return err
	}
	h, err := Handler(db, "http://localhost:8080/scim/v2", token)
	if err != nil {
		return err
	}
	srv := &http.Server{Addr: "localhost:8080", Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute}
	return srv.ListenAndServe()
}
