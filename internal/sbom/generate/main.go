// Command generate prints the CycloneDX list of a Go binary, of whatever platform it is: generate FILE [VERSION].
package main

import (
	"debug/buildinfo"
	"fmt"
	"os"

	"github.com/muster-id/muster/internal/sbom"
)

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: generate FILE [VERSION]")
		os.Exit(2)
	}
	version := ""
	if len(os.Args) == 3 {
		version = os.Args[2]
	}
	if err := show(os.Args[1], version); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func show(file, version string) error {
	build, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	list, err := sbom.CycloneDX(build, version)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%s\n", list)
	return err
}
