package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/opencontainers/go-digest"
)

// checkContainer lints a container file. Its last stage has to be made from nothing and to run as somebody without a name.
func checkContainer(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	source := llb.NewSourceMap(nil, path, "Dockerfile", text)
	source.Definition = &llb.Definition{}
	options := dockerfile2llb.ConvertOpt{SourceMap: source, MetaResolver: noRegistry{}}
	found, err := dockerfile2llb.DockerfileLint(context.Background(), text, options)
	if err != nil {
		return err
	}
	var problems []error
	if found.Error != nil {
		problems = append(problems, errors.New(found.Error.Message))
	}
	for _, w := range found.Warnings {
		problems = append(problems, fmt.Errorf("%s: %s", w.RuleName, w.Detail))
	}

	file, err := parser.Parse(strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	stages, _, err := instructions.Parse(file.AST, linter.New(&linter.Config{}))
	if err != nil {
		return err
	}
	last := stages[len(stages)-1]
	if last.BaseName != "scratch" {
		problems = append(problems, fmt.Errorf("the image is made from %s, not from scratch", last.BaseName))
	}
	user := ""
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.RunCommand:
			problems = append(problems, errors.New("RUN in the image, in which there is nothing to run it"))
		}
	}
	// Kubernetes believes runAsNonRoot of numbers only.
	if uid, _, _ := strings.Cut(user, ":"); uid == "" || uid == "0" || strings.Trim(uid, "0123456789") != "" {
		problems = append(problems, fmt.Errorf("the user is %q, not the number of one who is not root", user))
	}
	return errors.Join(problems...)
}

// printSteps prints the commands that fill the image, one a line, as a shell would run them in the checkout.
func printSteps(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := parser.Parse(strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	stages, _, err := instructions.Parse(file.AST, linter.New(&linter.Config{}))
	if err != nil {
		return err
	}
	for _, command := range stages[0].Commands {
		if c, ok := command.(*instructions.RunCommand); ok {
			fmt.Fprintln(os.Stdout, strings.Join(c.CmdLine, " "))
		}
	}
	return nil
}

// noRegistry knows nothing of any base image: what is checked is the file.
type noRegistry struct{}

func (noRegistry) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"architecture":"amd64","os":"linux"}`), nil
}
