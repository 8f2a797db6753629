package archtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const module = "github.com/muster-id/muster"

// platforms are those that releases are built for. Their import graphs are
// merged: an arrow in a file for Windows is an arrow.
var platforms = []string{"linux", "darwin", "windows"}

// A pkg is one package of the module. Import paths of our own packages are
// relative to the module ("internal/store"); all others are as written
// ("net/http"). The two cannot be confused: neither "internal" nor "scim" is
// the start of a path that we could import from anybody else.
type pkg struct {
	path        string
	doc         string
	imports     []string
	testImports []string
	files       []*file // without tests
	testFiles   []*file
}

// A file is one Go source file, parsed.
type file struct {
	name string // relative to the module's root
	fset *token.FileSet
	tree *ast.File
}

// root returns the directory of the module: two levels above this package, where
// `go test` starts the test binary.
func root() (string, error) { return filepath.Abs(filepath.Join("..", "..")) }

// load returns all packages of the module, sorted by path.
func load(tb testing.TB) []*pkg {
	tb.Helper()
	pkgs, err := loadOnce()
	if err != nil {
		tb.Fatal(err)
	}
	return pkgs
}

var loadOnce = sync.OnceValues(func() ([]*pkg, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	byPath := map[string]*pkg{}
	sources, tests := map[string][]string{}, map[string][]string{}
	for _, goos := range platforms {
		listed, err := goList(dir, goos)
		if err != nil {
			return nil, err
		}
		for _, l := range listed {
			p := byPath[l.ImportPath]
			if p == nil {
				p = &pkg{path: relative(l.ImportPath)}
				byPath[l.ImportPath] = p
			}
			p.doc = cmp.Or(p.doc, l.Doc)
			p.imports = union(p.imports, l.Imports)
			p.testImports = union(p.testImports, l.TestImports, l.XTestImports)
			for _, f := range slices.Concat(l.GoFiles, l.CgoFiles) {
				sources[l.ImportPath] = append(sources[l.ImportPath], filepath.Join(l.Dir, f))
			}
			for _, f := range slices.Concat(l.TestGoFiles, l.XTestGoFiles) {
				tests[l.ImportPath] = append(tests[l.ImportPath], filepath.Join(l.Dir, f))
			}
		}
	}
	var pkgs []*pkg
	for importPath, p := range byPath {
		if p.files, err = parseFiles(dir, sources[importPath]); err != nil {
			return nil, err
		}
		if p.testFiles, err = parseFiles(dir, tests[importPath]); err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
	slices.SortFunc(pkgs, func(a, b *pkg) int { return strings.Compare(a.path, b.path) })
	return pkgs, nil
})

// listedPackage is the part of `go list -json` that we read.
type listedPackage struct {
	Dir, ImportPath, Doc               string
	GoFiles, CgoFiles                  []string
	TestGoFiles, XTestGoFiles          []string
	Imports, TestImports, XTestImports []string
}

func goList(dir, goos string) ([]listedPackage, error) {
	// -e: a package that does not build is reported by the compiler, better.
	cmd := exec.Command("go", "list", "-e",
		"-json=Dir,ImportPath,Doc,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go list for %s: %w\n%s", goos, err, &stderr)
	}
	var listed []listedPackage
	for dec := jsontext.NewDecoder(&stdout); ; {
		var l listedPackage
		err := json.UnmarshalDecode(dec, &l)
		if errors.Is(err, io.EOF) {
			return listed, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read go list for %s: %w", goos, err)
		}
		listed = append(listed, l)
	}
}

func parseFiles(dir string, names []string) ([]*file, error) {
	slices.Sort(names)
	var files []*file
	for _, name := range slices.Compact(names) {
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return nil, err
		}
		f := &file{name: filepath.ToSlash(rel), fset: token.NewFileSet()}
		if f.tree, err = parser.ParseFile(f.fset, name, nil, parser.ParseComments); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// relative turns an import path of ours into one relative to the module.
func relative(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func union(have []string, more ...[]string) []string {
	for _, importPath := range slices.Concat(more...) {
		have = append(have, relative(importPath))
	}
	slices.Sort(have)
	return slices.Compact(have)
}

// ours reports whether a path, as a pkg holds it, is a package of this module.
func ours(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return slices.Contains([]string{".", "scim", "internal", "cmd", "examples", "bench", "docs", "deploy"}, first)
}

// standard reports whether a path is in the standard library: only there does
// the first element have no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !ours(path) && !strings.Contains(first, ".")
}

// matches reports whether a path is meant by one of the patterns: "a/b" is that
// package, "a/b/..." that one and all below it, "..." everything.
func matches(path string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if pattern == "..." {
			return true
		}
		if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
			return path == dir || strings.HasPrefix(path, dir+"/")
		}
		return path == pattern
	})
}

// forTests are the packages that exist to test others. They may import what
// they like, and only tests and each other may import them.
var forTests = []string{
	"internal/archtest", "internal/assert", "internal/e2e/...", "internal/interop",
	"internal/store/storetest", "internal/target/targettest", "internal/testenv/...", "bench/...",
}

// report fails the test with every finding, sorted.
func report(t *testing.T, findings []string) {
	t.Helper()
	slices.Sort(findings)
	for _, f := range slices.Compact(findings) {
		t.Error(f)
	}
}

// expect compares what a checker found in a made-up graph.
func expect(t *testing.T, findings []string, want ...string) {
	t.Helper()
	if len(findings) != len(want) {
		t.Fatalf("got %d findings, want %d:\n%s", len(findings), len(want), strings.Join(findings, "\n"))
	}
	slices.Sort(findings)
	for i, part := range want {
		if !strings.Contains(findings[i], part) {
			t.Errorf("got %q, want it to contain %q", findings[i], part)
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, pattern string
		want          bool
	}{
		{"internal/store", "internal/store", true},
		{"internal/store", "internal/store/...", true},
		{"internal/store/sqlite", "internal/store/...", true},
		{"internal/store/sqlite", "internal/store", false},
		{"internal/storekeeper", "internal/store/...", false},
		{"net/http", "...", true},
	} {
		if got := matches(c.path, c.pattern); got != c.want {
			t.Errorf("matches(%q, %q) = %v, want %v", c.path, c.pattern, got, c.want)
		}
	}
}
