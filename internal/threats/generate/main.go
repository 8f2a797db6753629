// Command generate writes docs/security.md of the module at the given root.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/muster-id/muster/internal/threats"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate ROOT")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	list, err := threats.Read(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs", "security.md"), []byte(threats.Page(list)), 0o644) //nolint:gosec // a page of the documentation
}
