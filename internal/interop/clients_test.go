//go:build interop

package interop

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/muster-id/muster/internal/assert"
)

// profiles are those that a stranger may be given.
var profiles = []string{"strict", "compat"}

// steps are those of a working life, in the words that the drivers print.
var steps = []string{"discovery", "joiner", "filters", "pages", "mover", "etags", "groups", "leaver"}

// TestClients: client libraries of other people lead somebody's working life in
// Muster, from the first day to the last. Each checks what it is answered by its
// own idea of the RFCs, on top of what its driver asks for.
func TestClients(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		name    string
		steps   []string
		command func(t *testing.T, p peer) *exec.Cmd
	}{
		{"scim2-client", slices.Concat(steps, []string{}), func(t *testing.T, p peer) *exec.Cmd {
			return pythonDriver(t, p, "lifecycle.py")
		}},
		{"UnboundID SCIM 2 SDK", steps, func(t *testing.T, p peer) *exec.Cmd {
			jars := filepath.Join(java.open(t), "*")
			return command(t, []string{"SCIM_TOKEN=" + p.token}, "java", "-cp", jars, "java/Lifecycle.java", p.base)
		}},
	} {
		for _, profile := range profiles {
			t.Run(client.name+"/"+profile, func(t *testing.T) {
				t.Parallel()
				var want string
				for _, step := range client.steps {
					want += "ok " + step + "\n"
				}
				assert.Equal(t, run(t, client.command(t, startMuster(t, profile))), want)
			})
		}
	}
}

// pythonDriver is a command of python/ that is told about a server.
func pythonDriver(t *testing.T, p peer, name string, args ...string) *exec.Cmd {
	env := []string{"PYTHONPATH=" + python.open(t), "SCIM_TOKEN=" + p.token}
	return command(t, env, "python3", append([]string{filepath.Join("python", name), p.base}, args...)...)
}
