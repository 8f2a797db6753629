package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A ban forbids names of another package. What a linter can see by itself (calls
// of http.Get, time.Sleep, …) is in .golangci.yaml; here is what depends on the
// place or on the form.
type ban struct {
	pkg    string
	names  []string
	allBut string   // instead of names: every name that does not begin so
	form   form     // which uses of the name
	in     []string // packages that the ban binds
	except []string // packages and files
	why    string
}

// A form is a way to use a name.
type form int

const (
	mentioned form = iota // any
	built                 // T{…} or new(T): a value is made, not only passed on
	called                // F(…): not the function as a value, such as the default of a clock
)

// pure are the packages in which the same input must give the same output.
var pure = []string{"scim/schema", "scim/filter", "scim/patch", "internal/directory/...", "internal/mapping/..."}

var bans = []ban{
	{
		pkg: "net/http", names: []string{"Client", "Transport"}, form: built,
		in: []string{"..."}, except: append([]string{
			"internal/outbound",
			"internal/admin/client.go", // the command socket in the data directory: no network
			"internal/demo/ends.go",    // plays the identity provider, which is outside
			"scim/conformance",         // a person names the server that is asked, and waits for the answer
		}, forTests...),
		why: "internal/outbound makes the clients, so that every call out is guarded (security row G01)",
	},
	{
		pkg: "net", names: []string{"Dialer"}, form: built,
		in: []string{"..."}, except: append([]string{"internal/outbound"}, forTests...),
		why: "internal/outbound is the only place that dials out (security row G01)",
	},
	{
		pkg: "net/http", names: []string{"Server"}, form: built,
		in: []string{"scim/...", "internal/...", "cmd/..."}, except: append([]string{
			"internal/app",
			"internal/demo/ends.go",     // plays the webhook receiver, which is outside
			"cmd/muster/checkclient.go", // plays the service provider that a client is pointed at
		}, forTests...),
		why: "a server is built where its time-outs are (security row E01); everything else is an http.Handler",
	},
	{
		pkg: module + "/internal/store", names: []string{"Store", "Writer", "Reader", "Feed", "Deliveries", "Tokens", "View", "Op", "Rows"},
		in: []string{"internal/admin/...", "internal/console/..."},
		why: "faces call services, which hold the rules, and show the plain values that they return; " +
			"a face with a store in its hands would get around them",
	},
	{
		pkg: "net/http", allBut: "Status",
		in:  []string{"scim/schema", "scim/filter", "scim/patch"},
		why: "of HTTP the pure packages know the numbers of a SCIM error, nothing else",
	},
	{
		pkg: "time", names: []string{"Now", "Since", "Until", "After", "NewTimer", "NewTicker", "AfterFunc"}, form: called,
		in: pure, except: []string{"internal/directory/sweeper.go"}, // a loop that tidies up behind decisions and takes none
		why: "a decision may run again and must come out the same: the time is handed in",
	},
}

func TestBannedNames(t *testing.T) {
	t.Parallel()
	report(t, checkBans(load(t), bans))
}

func checkBans(pkgs []*pkg, bans []ban) (findings []string) {
	for _, p := range pkgs {
		for _, f := range p.files {
			names := importNames(f.tree)
			for _, b := range bans {
				if !matches(p.path, b.in...) || matches(p.path, b.except...) || matches(f.name, b.except...) {
					continue
				}
				ast.Inspect(f.tree, func(n ast.Node) bool {
					sel, ok := b.form.of(n).(*ast.SelectorExpr)
					if !ok {
						return true
					}
					if x, ok := sel.X.(*ast.Ident); ok && names[x.Name] == b.pkg && b.forbids(sel.Sel.Name) {
						findings = append(findings, f.at(sel, "%s.%s: %s", x.Name, sel.Sel.Name, b.why))
					}
					return true
				})
			}
		}
	}
	return findings
}

func (b ban) forbids(name string) bool {
	if b.allBut != "" {
		return !strings.HasPrefix(name, b.allBut)
	}
	return slices.Contains(b.names, name)
}

// of returns the expression in n that is used in this form, or nil.
func (f form) of(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if f == built {
			return n.Type
		}
	case *ast.CallExpr:
		if f == called {
			return n.Fun
		}
		if name, ok := n.Fun.(*ast.Ident); ok && f == built && name.Name == "new" && len(n.Args) == 1 {
			return n.Args[0]
		}
	case *ast.SelectorExpr:
		if f == mentioned {
			return n
		}
	}
	return nil
}

// importNames maps the names under which a file knows packages to their paths.
func importNames(tree *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range tree.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has checked it
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

// at is a finding at a place in the file.
func (f *file) at(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: ", f.name, f.fset.Position(n.Pos()).Line) + fmt.Sprintf(format, args...)
}

// sqlStart is how a statement begins; keywords are upper case by house style,
// which is what makes this findable.
var sqlStart = regexp.MustCompile(`^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|CREATE|DROP|ALTER|PRAGMA|EXPLAIN)\s`)

// sqlCompilers build statements from a checked tree of closed sets of column
// names, with every value bound. Nothing else does (security row D06).
var sqlCompilers = []string{"internal/store/relational/compile.go"}

// TestForms checks the forms of code that are wrong wherever they stand.
func TestForms(t *testing.T) {
	t.Parallel()
	var findings []string
	for _, p := range load(t) {
		for _, f := range p.files {
			findings = append(findings, checkForms(p, f)...)
		}
	}
	report(t, findings)
}

func checkForms(p *pkg, f *file) (findings []string) {
	add := func(n ast.Node, format string, args ...any) {
		findings = append(findings, f.at(n, format, args...))
	}
	names := importNames(f.tree)
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if matches(p.path, pure...) {
				add(n, "a goroutine in a package of pure functions")
			}
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				add(n, "func init: importing a package must do nothing; what exists is built and handed in")
			}
		case *ast.Ident:
			// The fields themselves, and passing one on, are in app and in the store.
			if (n.Name == "NoAccess" || n.Name == "NoAudit") && !matches(p.path, "bench/...", "internal/app/...", "internal/store/relational/...") {
				add(n, "a hub without %s is for the benchmark alone", map[string]string{"NoAccess": "authentication", "NoAudit": "audit"}[n.Name])
			}
			if n.Name == "InsecureSkipVerify" {
				add(n, "certificates are always verified; a target may have a CA of its own (security row G17)")
			}
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Sprintf", "Fprintf", "Appendf"}, sel.Sel.Name) {
				break
			}
			if x, ok := sel.X.(*ast.Ident); !ok || names[x.Name] != "fmt" || slices.Contains(sqlCompilers, f.name) {
				break
			}
			for _, arg := range n.Args {
				if text, ok := literal(arg); ok && sqlStart.MatchString(text) {
					add(n, "SQL made by formatting: bind the values, or compile it where columns come from a closed set (security row D06)")
				}
			}
		}
		return true
	})
	return findings
}

// literal returns the beginning of a string expression, if it is written there.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		return literal(e.X)
	}
	return "", false
}

// TestEveryPackageHasADoc: the first thing that a reader asks of a package is
// what it does, and what it does not.
func TestEveryPackageHasADoc(t *testing.T) {
	t.Parallel()
	report(t, checkDocs(load(t)))
}

func checkDocs(pkgs []*pkg) (findings []string) {
	for _, p := range pkgs {
		name, doc := "", p.doc
		switch {
		case len(p.files) > 0:
			name = p.files[0].tree.Name.Name
		case len(p.testFiles) > 0: // nothing but tests: one of them says what they prove
			name = strings.TrimSuffix(p.testFiles[0].tree.Name.Name, "_test")
			for _, f := range p.testFiles {
				doc = cmp.Or(doc, f.tree.Doc.Text())
			}
		}
		start := "Package " + name + " "
		if name == "main" {
			start = "Command " + p.path[strings.LastIndex(p.path, "/")+1:] + " "
		}
		if first, _, _ := strings.Cut(doc, "\n"); !strings.HasPrefix(first+" ", start) {
			findings = append(findings, fmt.Sprintf("%s: the package comment begins %q, want %q", p.path, first, start+"…"))
		}
	}
	return findings
}

// TestExportedNamesHaveDocs: a name that others use has a sentence that begins
// with it. Methods that only satisfy a well-known interface say nothing that
// the interface does not.
func TestExportedNamesHaveDocs(t *testing.T) {
	t.Parallel()
	var findings []string
	for _, p := range load(t) {
		for _, f := range p.files {
			if f.tree.Name.Name != "main" {
				findings = append(findings, checkExported(f)...)
			}
		}
	}
	report(t, findings)
}

// wellKnown are methods whose meaning an interface of the standard library, of
// the JSON module or of the SQL driver has already said.
var wellKnown = regexp.MustCompile(`^(Error|Unwrap|Is|As|String|GoString|Format|LogValue|Len|Less|Swap|Read|Write|Close|ServeHTTP|` +
	`(Unm|M)arshal(JSON|JSONTo|JSONFrom|Text|YAML|Binary)|Scan|Value|Set|Type|Enabled|Handle|WithAttrs|WithGroup|Collect|Describe|RoundTrip)$`)

func checkExported(f *file) (findings []string) {
	add := func(n ast.Node, name string) {
		findings = append(findings, f.at(n, "exported %s has no doc comment", name))
	}
	for _, d := range f.tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			method := d.Recv != nil
			if !d.Name.IsExported() || d.Doc.Text() != "" ||
				method && (!exportedReceiver(d) || wellKnown.MatchString(d.Name.Name)) {
				continue
			}
			add(d, d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" {
						add(s, s.Name.Name)
					}
				case *ast.ValueSpec:
					// A comment on the group, above or behind the line is enough:
					// lists of constants explain each other.
					if s.Names[0].IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" && s.Comment.Text() == "" {
						add(s, s.Names[0].Name)
					}
				}
			}
		}
	}
	return findings
}

func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// parse makes a package of one file for the checkers' own tests.
func parse(t *testing.T, path, source string) *pkg {
	t.Helper()
	f := &file{name: path + "/x.go", fset: token.NewFileSet()}
	var err error
	if f.tree, err = parser.ParseFile(f.fset, f.name, source, parser.ParseComments); err != nil {
		t.Fatal(err)
	}
	return &pkg{path: path, doc: f.tree.Doc.Text(), files: []*file{f}}
}

func TestCheckBans(t *testing.T) {
	t.Parallel()
	const source = `package x
import (
	web "net/http"
	"time"
)
func f(c *web.Client, t time.Time) {
	_ = web.Client{}
	_ = &web.Transport{}
	_ = new(web.Client)
	_ = []*web.Client{c}
	_ = time.Now()
	clock := time.Now
	_ = web.StatusOK
}`
	expect(t, checkBans([]*pkg{parse(t, "internal/access", source)}, bans),
		"x.go:7: web.Client", "x.go:8: web.Transport", "x.go:9: web.Client")
	expect(t, checkBans([]*pkg{parse(t, "internal/directory", source)}, bans),
		"x.go:11: time.Now", "x.go:7: web.Client", "x.go:8: web.Transport", "x.go:9: web.Client")
	expect(t, checkBans([]*pkg{parse(t, "internal/outbound", source)}, bans))

	face := parse(t, "internal/admin", `package admin
import "github.com/muster-id/muster/internal/store"
func f(store.Token, store.Store) {}`)
	expect(t, checkBans([]*pkg{face}, bans), "x.go:3: store.Store")

	status := parse(t, "scim/schema", "package schema\nimport \"net/http\"\nvar a, b = http.StatusOK, http.Get")
	expect(t, checkBans([]*pkg{status}, bans), "x.go:3: http.Get")
	except := []ban{{pkg: "net/http", names: []string{"Get"}, in: []string{"..."}, except: []string{"scim/schema/x.go"}}}
	expect(t, checkBans([]*pkg{status}, except))
}

func TestCheckForms(t *testing.T) {
	t.Parallel()
	const source = `package x
import "fmt"
func init() {}
type T struct{}
func (T) init() { go T.init(T{}) }
func f(c struct{ InsecureSkipVerify bool }, column string) {
	_ = fmt.Sprintf("SELECT %s FROM resource", column)
	_ = fmt.Sprintf("\nUPDATE " + "resource SET %s", column)
	_ = fmt.Sprintf("cannot UPDATE %s", column)
}`
	p := parse(t, "internal/feed", source)
	expect(t, checkForms(p, p.files[0]),
		"x.go:3: func init", "x.go:6: certificates", "x.go:7: SQL", "x.go:8: SQL")
	p = parse(t, "scim/patch", "package x\nfunc f() { go f() }")
	expect(t, checkForms(p, p.files[0]), "x.go:2: a goroutine")
	const measured = "package x\nvar _ = options{\nNoAccess: true}"
	p = parse(t, "cmd/muster", measured)
	expect(t, checkForms(p, p.files[0]), "x.go:3: a hub without authentication")
	p = parse(t, "bench/hub", measured)
	expect(t, checkForms(p, p.files[0]))
}

func TestCheckDocs(t *testing.T) {
	t.Parallel()
	expect(t, checkDocs([]*pkg{
		parse(t, "internal/good", "// Package good is.\npackage good"),
		parse(t, "internal/none", "package none"),
		parse(t, "internal/wrong", "// Package other is.\npackage wrong"),
		parse(t, "cmd/muster", "// Command muster is.\npackage main"),
		parse(t, "cmd/other", "// Package main is.\npackage main"),
		{path: "internal/e2e", testFiles: parse(t, "internal/e2e", "// Package e2e is.\npackage e2e").files},
		{path: "internal/tests", testFiles: parse(t, "internal/tests", "package tests_test").files},
	}), "cmd/other", "internal/none", "internal/tests", "internal/wrong")
}

func TestCheckExported(t *testing.T) {
	t.Parallel()
	const source = `package x
type A int
// B is.
type B[T any] int
func (B[T]) String() string { return "" }
func (b *B[T]) Other() {}
func (a hidden) Open() {}
type hidden int
func C() {}
func d() {}
const E = 1
// Sizes of things.
const (
	F = 1
	G = 2
)
var (
	H = 1
	I = 2 // I is.
)`
	expect(t, checkExported(parse(t, "x", source).files[0]),
		"x.go:11: exported E", "x.go:18: exported H", "x.go:2: exported A", "x.go:6: exported Other", "x.go:9: exported C")
}
