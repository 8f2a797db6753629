//go:build interop

package interop

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/muster-id/muster/internal/assert"
)

// profiles are those that a stranger may be given.
var profiles = []string{"strict", "compat"}

// Steps of a working life, in the words that the drivers print.
const (
	untilGroups = "ok discovery\nok joiner\nok filters\nok pages\nok cursors\nok mover\nok etags\nok groups\n"
	withBulk    = untilGroups + "ok bulk\nok leaver\n"
	withoutBulk = untilGroups + "ok leaver\n"
)

// TestClients: client libraries of other people lead somebody's working life in
// Muster, from the first day to the last. Each checks what it is answered by its
// own idea of the RFCs, on top of what its driver asks for. The SDK knows no bulk.
func TestClients(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		name    string
		steps   string
		command func(t *testing.T, p peer) *exec.Cmd
	}{
		{"scim2-client", withBulk, func(t *testing.T, p peer) *exec.Cmd {
			return pythonDriver(t, p, "lifecycle.py")
		}},
		{"UnboundID SCIM 2 SDK", withoutBulk, func(t *testing.T, p peer) *exec.Cmd {
			jars := filepath.Join(java.open(t), "*")
			return command(t, []string{"SCIM_TOKEN=" + p.token}, "java", "-cp", jars, "java/Lifecycle.java", p.base)
		}},
	} {
		for _, profile := range profiles {
			t.Run(client.name+"/"+profile, func(t *testing.T) {
				t.Parallel()
				assert.Equal(t, run(t, client.command(t, startMuster(t, profile))), client.steps)
			})
		}
	}
}

// pythonDriver is a command of python/ that is told about a server.
func pythonDriver(t *testing.T, p peer, name string, args ...string) *exec.Cmd {
	env := []string{"PYTHONPATH=" + python.open(t), "SCIM_TOKEN=" + p.token}
	return command(t, env, "python3", append([]string{filepath.Join("python", name), p.base}, args...)...)
}
