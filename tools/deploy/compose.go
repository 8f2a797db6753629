package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// load reads a compose file as `docker compose config` does.
func load(path string) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithWorkingDirectory(filepath.Dir(path)))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}

// printEnvironment prints the variables that the first node is given.
func printEnvironment(path string) error {
	project, err := load(path)
	if err != nil {
		return err
	}
	for key, value := range project.Services["node-1"].Environment {
		if value != nil {
			fmt.Fprintf(os.Stdout, "%s=%s\n", key, *value)
		}
	}
	return nil
}

// checkCompose checks a compose file: two nodes that may do nothing but serve, and no secret.
func checkCompose(path string) error {
	project, err := load(path)
	if err != nil {
		return err
	}
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	nodes := 0
	for name, s := range project.Services {
		if s.Image == "" {
			add("service %s has no image", name)
		}
		for key, value := range s.Environment {
			if value != nil && secretIn(key, *value) {
				add("service %s: the variable %s has a secret in it", name, key)
			}
		}
		if s.HealthCheck == nil && name == "database" {
			add("service %s says nothing of its health", name)
		}
		if s.Build == nil {
			continue
		}
		nodes++
		if !s.ReadOnly || len(s.CapDrop) == 0 || s.CapDrop[0] != "ALL" || len(s.SecurityOpt) == 0 || s.Privileged {
			add("service %s may do more than it has to: read_only, cap_drop: [ALL], no-new-privileges", name)
		}
		if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) <= endTime*time.Second {
			add("service %s is killed before it has drained: stop_grace_period", name)
		}
	}
	if nodes < 2 {
		add("%d nodes of the hub; two were promised", nodes)
	}
	for name, s := range project.Secrets {
		if s.File == "" && s.Environment == "" && !bool(s.External) {
			add("secret %s is in the file", name)
		}
	}
	return errors.Join(problems...)
}
