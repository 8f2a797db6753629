// Command deploy reads what is in deploy/ as those who run it would, without any of them being there: the container file with
// BuildKit's parser and linter, which are those of `docker build --check`, the compose file with the loader of Docker Compose, the
// rendered Helm chart with the types of the Kubernetes API, unknown fields refused. Then it asks of each what we promise of it: no
// root, nothing writable, no secret in it.
//
//	deploy container|compose|manifests FILE
//	deploy steps CONTAINERFILE   what fills the image
//	deploy config MANIFESTS      the hub's configuration in them
//	deploy environment COMPOSE   the variables of a node
//
// It is a module of its own, so that neither the hub nor the other tools inherit what it needs.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: deploy container|compose|manifests|steps|config|environment FILE")
	}
	check := map[string]func(string) error{
		"container": checkContainer, "compose": checkCompose, "manifests": checkManifests,
		"steps": printSteps, "config": printConfig, "environment": printEnvironment,
	}[args[0]]
	if check == nil {
		return fmt.Errorf("there is no check of %q", args[0])
	}
	if err := check(args[1]); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	return nil
}
