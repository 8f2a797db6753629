package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// commandTimeout is how long a command may take.
const commandTimeout = 30 * time.Second

// Command is a [Wrapper] that runs a program, such as the command line of a key-management service: "wrap" or "unwrap" is its last
// argument, it gets base64 on standard input and prints base64.
type Command []string

// Wrap implements Wrapper.
func (c Command) Wrap(ctx context.Context, key []byte) ([]byte, error) {
	return c.run(ctx, "wrap", key)
}

// Unwrap implements Wrapper.
func (c Command) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	return c.run(ctx, "unwrap", wrapped)
}

func (c Command) run(ctx context.Context, what string, in []byte) ([]byte, error) {
	if len(c) == 0 {
		return nil, errors.New("no command")
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c[0], append(c[1:len(c):len(c)], what)...) //nolint:gosec // the operator names it
	cmd.Stdin = strings.NewReader(base64.StdEncoding.EncodeToString(in) + "\n")
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %.200s", c[0], what, err, problem.String())
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(out.String()))
	if err != nil {
		return nil, fmt.Errorf("%s %s: what it printed is not base64", c[0], what)
	}
	return b, nil
}
