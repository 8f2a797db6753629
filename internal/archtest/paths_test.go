package archtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// homes are paths that exist on one person's machine only. (The home directories
// of macOS are not here: /Users/{id} is a SCIM path.)
var homes = regexp.MustCompile(before + `(/home/[\w.-]+/|/root/[\w.-]|[A-Z]:\\Users\\)`)

// before is what stands in front of a path: not another part of one, nor of a
// URL.
const before = `(?:^|[^\w.~/-])`

// TestNoPathOfABuildMachine: a path of the machine that something was made on is
// of no use to anybody else, hides a step that they are missing, and tells who
// made it.
func TestNoPathOfABuildMachine(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	here := regexp.MustCompile(before + "(" + strings.Join(machinePaths(t, dir), "|") + ")")
	var findings []string
	for _, name := range repositoryFiles(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) { // deleted, not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, checkPaths(name, content, homes, here)...)
	}
	report(t, findings)
}

func checkPaths(name string, content []byte, patterns ...*regexp.Regexp) (findings []string) {
	if bytes.IndexByte(content, 0) >= 0 { // binary
		return nil
	}
	n := 0
	for line := range bytes.Lines(content) {
		n++
		for _, pattern := range patterns {
			if found := pattern.FindSubmatch(line); found != nil {
				findings = append(findings, fmt.Sprintf("%s:%d: %s is a path of a build machine", name, n, found[1]))
			}
		}
	}
	return findings
}

// machinePaths are patterns for the directories of this machine: where the
// module lies and what lies beside it, and the caches of the Go command.
func machinePaths(t *testing.T, dir string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	paths := append(strings.Fields(string(out)), dir)
	// Everybody has these, so a mention of them gives nothing away.
	shared := []string{"/", "/app", "/builds", "/go", "/go/src", "/home", "/opt", "/src", "/srv", "/tmp", "/usr/src", "/var"}
	if parent := filepath.Dir(dir); !slices.Contains(shared, filepath.ToSlash(parent)) {
		paths = append(paths, parent)
	}
	for i, p := range paths {
		paths[i] = regexp.QuoteMeta(p + string(filepath.Separator))
	}
	return paths
}

// repositoryFiles lists what is, or would be, committed. Outside a checkout (a
// source archive) that is every file.
func repositoryFiles(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = dir
	if out, err := cmd.Output(); err == nil {
		return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	}
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git":
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestCheckPaths(t *testing.T) {
	t.Parallel()
	// Put together here, so that this file passes its own test.
	home, super := "/home"+"/jane/x", "/root"+"/go/pkg"
	for _, c := range []struct {
		name, content string
		want          bool
	}{
		{"a home directory", "see " + home, true},
		{"at the start of a line", "a\n" + home, true},
		{"in quotes", `"` + super + `"`, true},
		{"inside a URL", "https://example.com" + home, false},
		{"a SCIM path", "GET /Users/2819c223/x", false},
		{"inside another path", "/var" + home, false},
		{"a binary file", "\x00 " + home, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := checkPaths("f", []byte(c.content), homes); (len(got) > 0) != c.want {
				t.Errorf("%q: got %q, want a finding: %v", c.content, got, c.want)
			}
		})
	}
}
