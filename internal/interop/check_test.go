//go:build interop

package interop

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/assert"
)

const (
	// updateEnv makes TestCheck write the lists instead of comparing them.
	updateEnv = "MUSTER_UPDATE"
	checkTime = 90 * time.Second // far above what a run takes
	mostMiB   = 100              // of memory for a run
)

// checkReport is what this test reads of the JSON of muster check.
type checkReport struct {
	Left   []string `json:"left"`
	Checks []struct {
		Name     string   `json:"name"`
		Rows     []string `json:"rows"`
		Verdict  string   `json:"verdict"`
		Findings []string `json:"findings"`
	} `json:"checks"`
}

// TestCheck: muster check finds in servers that we did not write what testdata/check-<server>.txt lists, and nothing
// else. Each line there was confirmed by hand (docs/interoperability.md). Nothing is left behind on the server, every
// check is carried out, and the memory is bounded.
func TestCheck(t *testing.T) {
	t.Parallel()
	muster, err := buildMuster()
	assert.NoError(t, err)
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.start(t)
			before := p.listings(t)
			cmd := command(t, []string{"MUSTER_CHECK_TOKEN=" + p.token}, muster, "check", p.base, "--json", "-")
			report := runCheck(t, cmd)
			assert.Equal(t, p.listings(t), before, assert.Sprintf("the run left something behind"))
			assert.Equal(t, report.Left, nil)
			if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" {
				t.Logf("%d MiB, %v", usage.Maxrss>>10, cmd.ProcessState.UserTime())
				assert.True(t, usage.Maxrss>>10 < mostMiB, assert.Sprintf("%d MiB", usage.Maxrss>>10))
			}
			compareFailures(t, "testdata/check-"+s.name+".txt", report)
		})
	}
}

// runCheck runs muster check, which ends with 1 where checks failed.
func runCheck(t *testing.T, cmd *exec.Cmd) checkReport {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	tooLong := time.AfterFunc(checkTime, func() { _ = cmd.Process.Kill() })
	defer tooLong.Stop()
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("%s: %v\n%s", cmd, err, &errOut)
	}
	var report checkReport
	assert.NoError(t, json.Unmarshal(out.Bytes(), &report))
	return report
}

// listings is what the server has: all its people and groups.
func (p peer) listings(t *testing.T) (all [2]string) {
	t.Helper()
	for i, endpoint := range []string{users, groups} {
		a := p.send(t, step{Request: "GET " + endpoint}, strings.NewReplacer())
		assert.Equal(t, a.status, http.StatusOK)
		all[i] = a.body
	}
	return all
}

// compareFailures compares the names of the checks that failed with those of a list, or writes the list anew. What is
// said of a failure is for readers, and its remarks, lines that begin with #, are kept.
func compareFailures(t *testing.T, path string, report checkReport) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	remarks, known := map[string]string{}, map[string]bool{}
	remark := ""
	for line := range strings.Lines(string(text)) {
		if name, _, found := strings.Cut(line, " | "); found && !strings.HasPrefix(line, "#") {
			remarks[name], known[name], remark = remark, true, ""
		} else {
			remark += line
		}
	}
	var list strings.Builder
	verdict := map[string]string{}
	for _, c := range report.Checks {
		verdict[c.Name] = c.Verdict
		assert.NotEqual(t, c.Verdict, "broken", assert.Sprintf("%s could not be carried out: %q", c.Name, c.Findings))
		if c.Verdict != "fail" {
			continue
		}
		line := fmt.Sprintf("%s | %s | %s", c.Name, strings.Join(c.Rows, " "), brief(c.Findings[0]))
		fmt.Fprintf(&list, "%s%s\n", remarks[c.Name], line)
		if !known[c.Name] && os.Getenv(updateEnv) == "" {
			t.Errorf("a new failure, not in %s: see whether it is the server's fault (%s=1 make interop writes the list anew)\n%s", path, updateEnv, line)
		}
	}
	if os.Getenv(updateEnv) != "" {
		assert.NoError(t, os.WriteFile(path, []byte(list.String()), 0o600))
		return
	}
	for name := range known {
		if v := cmp.Or(verdict[name], "gone"); v != "fail" {
			t.Errorf("%s is in %s, but the check is %s now: has the server been mended, or the check weakened?", name, path, v)
		}
	}
}

var (
	ofOneRun = regexp.MustCompile(`(?i)\d{4}-\d\d-\d\dT[\d:]+\.\d+|[\w+/]{43}=|(muster-check)-[a-z2-7]{8}(-\d+)?|[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|127\.0\.0\.1:\d+`)
	escaped  = strings.NewReplacer("%20", " ", "%22", `"`, "%3A", ":", "%28", "(", "%29", ")", "%5B", "[", "%5D", "]", "%40", "@", "%5C", `\`, "\n", " ")
)

// brief is a finding without what differs from run to run.
func brief(finding string) string {
	return ofOneRun.ReplaceAllString(escaped.Replace(finding), "…")
}
