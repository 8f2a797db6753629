package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A doubt is a way to get somebody else's code without knowing which.
type doubt struct {
	pattern *regexp.Regexp
	why     string
}

var doubts = []doubt{
	{regexp.MustCompile(`(?:curl|wget)\b[^\n]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b`), "a download goes into a shell unseen"},
	{regexp.MustCompile(`(?:\$\(|<\()(?:curl|wget)\b`), "a download becomes a command"},
	{regexp.MustCompile(`\bgo (?:install|run|get)\b[^\n]*@(?:latest|master|main|upgrade)\b`), "the version is whatever is newest today"},
	{regexp.MustCompile(`\bgo (?:install|run) [a-z0-9.-]+\.[a-z]+/[^\n]*@`), "tools are pinned in tools/go.mod, with their sums"},
	{regexp.MustCompile(`\bGO(?:NOSUMDB|NOSUMCHECK|INSECURE)\b|GOFLAGS=\S*-mod=mod|GONOSUMDB|GOSUMDB=off`), "sums of modules are not checked"},
	{regexp.MustCompile(`\bnpm (?:install|i)\b|\bnpx\b`), "npm ci takes what package-lock.json names; npm install takes what is newest"},
	{regexp.MustCompile(`\buses:\s*[^\s@]+@v?[0-9.]+\s`), "an action is pinned by its digest: a tag can move"},
	{regexp.MustCompile(`\bcurl\b[^\n]* (?:-k|--insecure)\b|--no-check-certificate|--trusted-host`), "whoever answers is believed"},
}

// TestSec_L03_WhatIsDownloadedIsKnown reads the files that get other people's code while we build and test.
func TestSec_L03_WhatIsDownloadedIsKnown(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	files := []string{filepath.Join(dir, "Makefile")}
	for _, pattern := range []string{".ci/*", ".github/workflows/*", "internal/interop/*_test.go", "bench/*.sh"} {
		more, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	if len(files) < 5 {
		t.Fatalf("only %q: the files have moved", files)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if d := doubtful(line); d != "" {
				t.Errorf("%s:%d: %s: %s", path, i+1, d, strings.TrimSpace(line))
			}
		}
	}

	// What a registry gives is compared with a digest that is committed.
	for file, want := range map[string]string{
		"internal/interop/python/requirements.txt": "--hash=sha256:",
		"internal/interop/node/package-lock.json":  `"integrity": "sha512-`,
		"go.sum":       " h1:",
		"tools/go.sum": " h1:",
	} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s has no %q: what is downloaded is compared with nothing", file, want)
		}
	}
}

func doubtful(line string) string {
	for _, d := range doubts {
		if d.pattern.MatchString(line) {
			return d.why
		}
	}
	return ""
}

// TestDoubtful: the rule sees what it is there for, and nothing else.
func TestDoubtful(t *testing.T) {
	t.Parallel()
	for line, bad := range map[string]bool{
		"curl -sSL https://get.example/x.sh | sh":               true,
		"wget -O- https://get.example/x.sh | sudo bash":         true,
		`bash -c "$(curl -fsSL https://get.example/x)"`:         true,
		"bash <(curl https://get.example/x)":                    true,
		"go install golang.org/x/tools/cmd/stringer@latest":     true,
		"go install golang.org/x/tools/cmd/stringer@v0.1.0":     true,
		"GOFLAGS=-mod=mod go build ./...":                       true,
		"GONOSUMDB=* go mod download":                           true,
		"npm install --prefix x":                                true,
		"      - uses: actions/checkout@v4 ":                    true,
		"pip install --trusted-host example scim2":              true,
		"npm ci --prefix x":                                     false,
		"go install ./cmd/muster":                               false,
		"go tool -modfile=tools/go.mod govulncheck ./...":       false,
		"      - uses: actions/checkout@8e5e7e5ab8b370d6c329ec": false,
		"curl -o x https://get.example/x.tar.gz":                false,
	} {
		if got := doubtful(line) != ""; got != bad {
			t.Errorf("%q: bad %v, want %v", line, got, bad)
		}
	}
}

// TestSec_L06_WhereToReport: whoever finds a weakness finds whom to tell, and what happens then.
func TestSec_L06_WhereToReport(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## Reporting", "privately", "## Supported versions", "within 90 days", "advisory", "CVE", "docs/releases.md", "docs/security.md",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("SECURITY.md does not have %q", want)
		}
	}
}
