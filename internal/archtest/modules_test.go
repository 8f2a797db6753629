package archtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An owner says which packages of ours import a third-party module. There is
// one each, which hides it: its types appear in no exported API of ours, and
// replacing it is the change of one package. Exceptions say why.
//
// Tests may import every module of this table; a module without owners is for
// tests and for the packages that exist to test others.
type owner struct {
	module string
	by     []string
	why    string
}

var owners = []owner{
	{"github.com/go-jose/go-jose/v4", []string{"internal/oauth"}, "signatures and keys of JWTs; the caller names the algorithms"},
	{"github.com/go-json-experiment/json", []string{"..."}, "it is encoding/json/v2 before Go 1.27 ships it; an import to rewrite, not an API to hide"},
	{"golang.org/x/sync", []string{"..."}, "errgroup and semaphore are vocabulary, as sync is"},

	{"charm.land/lipgloss/v2", []string{"cmd/muster"}, "how the terminal looks"},
	{"code.dny.dev/ssrf", []string{"internal/outbound"}, "the guard of the only dialer"},
	{"github.com/caarlos0/env/v11", []string{"internal/config"}, "environment variables into configuration"},
	{"github.com/goccy/go-yaml", []string{"internal/config"}, "the configuration file"},
	{"github.com/google/uuid", []string{"internal/id"}, "Go 1.27 has uuid in the standard library: one file to change"},
	{"github.com/jackc/pgx/v5", []string{"internal/store/postgres"}, "the driver of PostgreSQL: batches in one round trip"},
	{"github.com/pressly/goose/v3", []string{"internal/store/sqlite", "internal/store/postgres"}, "migrations, one dialect in each adapter"},
	{"github.com/prometheus/client_golang", []string{"internal/telemetry"}, "one registry, bounded labels"},
	{"github.com/schollz/progressbar/v3", []string{"cmd/muster"}, "progress on a terminal"},
	{"github.com/spf13/cobra", []string{"cmd/muster"}, "the command line"},
	{"golang.org/x/crypto", []string{"internal/transport"}, "certificates by ACME"},
	{"golang.org/x/sys", []string{"internal/datadir"}, "the lock of the data directory, where the standard library has none"},
	{"golang.org/x/term", []string{"cmd/muster", "internal/telemetry"}, "is this a terminal: asked for what commands print and for how logs look"},
	{"golang.org/x/text", []string{"internal/directory"}, "PRECIS folding, by the same profile when written and when asked"},
	{"golang.org/x/time", []string{"internal/outbound"}, "rate limits"},
	{"modernc.org/sqlite", []string{"internal/store/sqlite", "examples/embed"}, "the driver of the embedded store"},

	{"github.com/google/go-cmp", nil, "comparison, behind internal/assert"},
	{"github.com/rogpeppe/go-internal", nil, "testscript: the command line as a user types it"},
	{"github.com/standard-webhooks/standard-webhooks/libraries", nil, "the public library verifies our signatures"},
	{"go.uber.org/goleak", nil, "goroutines that nobody waited for"},
	{"pgregory.net/rapid", nil, "properties and models"},
}

func TestEachModuleHasOneOwner(t *testing.T) {
	t.Parallel()
	report(t, checkOwners(load(t), owners))
}

func checkOwners(pkgs []*pkg, owners []owner) (findings []string) {
	find := func(path string) *owner {
		i := slices.IndexFunc(owners, func(o owner) bool { return matches(path, o.module+"/...") })
		if i < 0 {
			return nil
		}
		return &owners[i]
	}
	for _, p := range pkgs {
		testing := matches(p.path, forTests...)
		for _, path := range slices.Concat(p.imports, p.testImports) {
			if standard(path) || ours(path) {
				continue
			}
			o := find(path)
			switch {
			case o == nil:
				findings = append(findings, fmt.Sprintf(
					"%s imports %s, which has no row in owners: see CONTRIBUTING.md, \"Adding a dependency\"", p.path, path))
			case testing || !slices.Contains(p.imports, path) || matches(p.path, o.by...):
			case len(o.by) == 0:
				findings = append(findings, fmt.Sprintf("%s imports %s, which is for tests only (%s)", p.path, path, o.why))
			default:
				findings = append(findings, fmt.Sprintf("%s imports %s, which only %s may (%s)",
					p.path, path, strings.Join(o.by, " and "), o.why))
			}
		}
	}
	return findings
}

// TestLibraryImportsStandardLibraryOnly: whoever embeds scim/… takes on the JSON
// module and nothing else, ever.
func TestLibraryImportsStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	report(t, checkLibrary(load(t)))
}

func checkLibrary(pkgs []*pkg) (findings []string) {
	for _, p := range pkgs {
		if !matches(p.path, "scim/...") {
			continue
		}
		for _, to := range p.imports {
			if !standard(to) && !matches(to, "scim/...", "github.com/go-json-experiment/json/...") {
				findings = append(findings, fmt.Sprintf(
					"%s imports %s: the library imports the standard library and the JSON module, nothing else", p.path, to))
			}
		}
	}
	return findings
}

// TestLibcIsTheDriversOwn: the SQLite driver is C translated against one exact
// version of modernc.org/libc. With any other it compiles and then corrupts
// memory or fails in obscure ways, so no upgrade of something else may move it.
func TestLibcIsTheDriversOwn(t *testing.T) {
	t.Parallel()
	driver := goListModule(t, "{{.GoMod}}", "modernc.org/sqlite")
	wanted, err := os.ReadFile(driver)
	if err != nil {
		t.Fatal(err)
	}
	want, err := requirement(string(wanted), "modernc.org/libc")
	if err != nil {
		t.Fatalf("%s: %v", driver, err)
	}
	if got := goListModule(t, "{{.Version}}", "modernc.org/libc"); got != want {
		t.Errorf("the build selects modernc.org/libc %s, but the SQLite driver was made for %s: "+
			"undo the upgrade that raised it (go mod graph | grep modernc.org/libc@)", got, want)
	}
}

func goListModule(t *testing.T, format, path string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", format, path).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", path, err)
	}
	return filepath.FromSlash(strings.TrimSpace(string(out)))
}

// requirement finds the version that a go.mod file requires of a module.
func requirement(gomod, path string) (string, error) {
	line := regexp.MustCompile(`(?m)^\s*(?:require\s+)?` + regexp.QuoteMeta(path) + `\s+(v\S+)`)
	found := line.FindStringSubmatch(gomod)
	if found == nil {
		return "", fmt.Errorf("no requirement of %s", path)
	}
	return found[1], nil
}

func TestCheckOwners(t *testing.T) {
	t.Parallel()
	expect(t, checkOwners([]*pkg{
		{path: "cmd/muster", imports: []string{"os", "github.com/spf13/cobra", "github.com/spf13/cobra/doc", "internal/app"}},
		{path: "internal/app", imports: []string{"github.com/spf13/cobra", "golang.org/x/sync/errgroup"}},
		{path: "internal/assert", imports: []string{"github.com/google/go-cmp/cmp"}},
		{path: "internal/feed", imports: []string{"github.com/google/go-cmp/cmp"}, testImports: []string{"pgregory.net/rapid"}},
		{path: "internal/id", imports: []string{"example.com/left/pad"}, testImports: []string{"example.com/left/pad/test"}},
	}, owners),
		"internal/app imports github.com/spf13/cobra, which only cmd/muster may",
		"internal/feed imports github.com/google/go-cmp/cmp, which is for tests only",
		"internal/id imports example.com/left/pad, which has no row",
		"internal/id imports example.com/left/pad/test, which has no row")
}

func TestCheckLibrary(t *testing.T) {
	t.Parallel()
	expect(t, checkLibrary([]*pkg{
		{path: "scim/schema", imports: []string{"iter", "github.com/go-json-experiment/json/jsontext", "scim"}},
		{path: "scim/server", imports: []string{"net/http", "golang.org/x/text/cases"}, testImports: []string{"pgregory.net/rapid"}},
		{path: "internal/id", imports: []string{"github.com/google/uuid"}},
	}), "scim/server imports golang.org/x/text/cases")
}

func TestRequirement(t *testing.T) {
	t.Parallel()
	const gomod = "module m\n\nrequire example.com/b v0.9.0\n\nrequire (\n\texample.com/a v1.2.3\n\texample.com/ab v4.5.6 // indirect\n)\n"
	for _, c := range []struct{ path, want string }{
		{"example.com/a", "v1.2.3"}, {"example.com/ab", "v4.5.6"}, {"example.com/b", "v0.9.0"}, {"example.com/c", ""},
	} {
		if got, err := requirement(gomod, c.path); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("requirement(%s) = %q, %v, want %q", c.path, got, err, c.want)
		}
	}
}
