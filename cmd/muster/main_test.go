package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"muster":   func() { os.Exit(run()) },
		"wait-for": waitFor,
	})
}

// TestScripts runs the command line as a user types it; see testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}

// waitFor is a command of the scripts: it waits until a file is there.
func waitFor() {
	for range 1000 {
		if _, err := os.Stat(os.Args[1]); err == nil {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, "there is no", os.Args[1])
	os.Exit(1)
}
