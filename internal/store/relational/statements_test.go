package relational

import (
	"go/ast"
	goconstant "go/constant"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
)

// acrossTenants are the statements that are not about one tenant: they find the tenant of a token, a host or a client, or
// belong to the installation. Whoever adds one here says why.
var acrossTenants = map[string]string{
	"auditHeads":     "the checkpoints of all tenants are due together",
	"allItems":       "the hub runs the targets of all tenants",
	"itemByKey":      "finds the tenant of a client",
	"tokenByHash":    "finds the tenant of a token",
	"selectExpiring": "the operator is warned of the tokens of all tenants",
	"expireItems":    "what has expired is nobody's any more",
	"sweepTenants":   "which tenants have something to sweep",
	"workTenants":    "which tenants have something to index",
	"sumCounts":      "the figures of the hub",
	"sumHolds":       "the figures of the hub",
	"selectNodes":    "nodes belong to the installation",
	"generations":    "the schemas of the tenants that a node knows, by their numbers",
	"anyResource":    "is a database empty",
	"anyTenant":      "is a database empty",
	"anyToken":       "is a database empty",
	"anyRecord":      "is a database empty",
	"movedHeads":     "the heads of those for whom somebody waits, by their numbers",
	"ownerOfName":    "the names of tenants are unique among them",
	"ownerOfHost":    "so are the hosts",
	"tenantByName":   "finds a tenant",
	"tenantByHost":   "finds a tenant",
	"selectTenants":  "lists the tenants",
}

var (
	sqlVerb      = regexp.MustCompile(`^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM)\s`)
	ofOneTenant  = regexp.MustCompile(`\btenant = (\?|[a-z]\.tenant)|\((?:[a-z_]+, )*tenant, |\(tenant\b`)
	sqlSubselect = regexp.MustCompile(`\b(FROM|JOIN|UPDATE|INTO)\s+([a-z_]+)`)
)

// TestSec_B01_EveryStatementNamesTheTenant reads the statements out of the source: each one on a table that has a column
// tenant compares it, once for every such table in it.
func TestSec_B01_EveryStatementNamesTheTenant(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), Options{})
	defer db.Close()
	var tables []string
	assert.NoError(t, db.read(t.Context(), func(c Conn) error {
		list, err := tenantTables(c, db.engine)
		for _, table := range list {
			tables = append(tables, table.Name)
		}
		return err
	}))
	checked := 0
	for name, text := range constants(t) {
		if !sqlVerb.MatchString(text) || acrossTenants[name] != "" {
			continue
		}
		used := 0
		for _, m := range sqlSubselect.FindAllStringSubmatch(text, -1) {
			if slices.Contains(tables, m[2]) {
				used++
			}
		}
		if used == 0 {
			continue
		}
		checked++
		if got := len(ofOneTenant.FindAllString(text, -1)); got < used {
			t.Errorf("%s uses %d tables of tenants and names the tenant %d times:\n%s", name, used, got, text)
		}
	}
	assert.True(t, checked > 80, assert.Sprintf("only %d statements were found", checked))
}

// constants returns the constants of the package that are texts. One without a name has its place as one.
func constants(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	assert.NoError(t, err)
	set := token.NewFileSet()
	specs := map[string]ast.Expr{}
	var trees []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		assert.NoError(t, err)
		trees = append(trees, f)
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.ValueSpec); ok {
				for i, v := range s.Values {
					specs[s.Names[i].Name] = v
				}
			}
			return true
		})
	}
	var eval func(e ast.Expr) (string, bool)
	eval = func(e ast.Expr) (string, bool) {
		switch e := e.(type) {
		case *ast.BasicLit:
			if e.Kind != token.STRING {
				return "", false
			}
			return goconstant.StringVal(goconstant.MakeFromLiteral(e.Value, e.Kind, 0)), true
		case *ast.Ident:
			if spec, ok := specs[e.Name]; ok {
				return eval(spec)
			}
		case *ast.BinaryExpr:
			x, okX := eval(e.X)
			y, okY := eval(e.Y)
			if !okX && okY {
				x = "x" // what is not constant is the name of an index, of a column, or a condition
			}
			if okX && !okY {
				y = "x"
			}
			return x + y, okX || okY
		}
		return "", false
	}
	found := map[string]string{}
	inSpec := map[ast.Expr]bool{}
	for name, e := range specs {
		inSpec[e] = true
		if text, ok := eval(e); ok {
			found[name] = text
		}
	}
	for _, f := range trees {
		ast.Inspect(f, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			if inSpec[e] {
				return false
			}
			text, ok := eval(e)
			if _, named := e.(*ast.Ident); ok && !named {
				found[set.Position(e.Pos()).String()] = text
				return false
			}
			return true
		})
	}
	return found
}
