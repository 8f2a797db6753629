package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A rule forbids imports from some packages to others. It binds code outside
// tests, and tests too where it says so.
type rule struct {
	from, to []string
	except   []string // of from
	tests    bool
	why      string
}

var rules = []rule{
	{
		from: []string{"scim/...", "examples/..."},
		to:   []string{"internal/...", "cmd/..."},
		why:  "the library is for other people's programs, where internal packages cannot be imported",
	},
	{
		from: []string{"scim/schema", "scim/filter", "scim/patch"},
		to: []string{
			"context", "crypto/rand", "database/...", "log/...", "math/rand/...", "net", "os/...",
			"syscall", "scim/server", "scim/client", "scim/scimtest", "scim/conformance",
		},
		why: "definitions, filters and patches are pure: the same input gives the same output, " +
			"without I/O, clock, randomness or anything to wait for",
	},
	{
		from: []string{"scim/server", "scim/scim1"},
		to:   []string{"scim/client", "scim/scimtest", "scim/conformance"},
		why:  "a product that serves SCIM does not carry a client",
	},
	{
		from: []string{"scim/server"},
		to:   []string{"scim/scim1"},
		why:  "SCIM 1.1 is a face in front of the server, which knows nothing of it",
	},
	{
		from: []string{"scim/client"},
		to:   []string{"scim/server", "scim/scimtest", "scim/conformance"},
		why:  "a program that calls SCIM does not carry a server",
	},
	{
		from: []string{"internal/directory/...", "internal/mapping/..."},
		to: []string{
			"database/...", "net", "os/...", "syscall", "internal/outbound/...",
			"internal/store/sqlite", "internal/store/postgres", "internal/store/relational",
		},
		why: "the domain decides and does no I/O of its own: a decision runs again with its whole batch, " +
			"and only something without side effects can",
	},
	{
		from:   []string{"internal/...", "cmd/..."},
		to:     []string{"internal/store/sqlite/...", "internal/store/postgres/...", "internal/store/relational/..."},
		except: append([]string{"internal/app/...", "internal/store/sqlite/...", "internal/store/postgres/...", "internal/store/relational/..."}, forTests...),
		why:    "services see the store's contract, never a driver: only app chooses one",
	},
	{
		from: []string{"internal/target/..."},
		to:   []string{"internal/store/...", "internal/directory/...", "internal/delivery/..."},
		why:  "a kind of target sends what it is handed; what to send, when and whether again is decided above it",
	},
	{
		from:   []string{"internal/...", "cmd/...", "scim/..."},
		to:     []string{"internal/app/..."},
		except: append([]string{"cmd/...", "internal/demo", "internal/app/..."}, forTests...),
		why:    "app wires everything, so whatever imports it imports everything",
	},
	{
		from:   []string{"internal/...", "cmd/...", "scim/..."},
		to:     append([]string{"testing/..."}, forTests...),
		except: append([]string{"scim/scimtest", "scim/conformance/..."}, forTests...),
		why:    "what exists for tests stays out of the binary (importing testing also adds its flags)",
	},
	{
		from: []string{"..."},
		to:   []string{"encoding/json"},
		why: "it accepts duplicate names, invalid UTF-8 and names in the wrong case; " +
			"github.com/go-json-experiment/json does not, and becomes encoding/json/v2",
	},
	{
		from:  []string{"..."},
		to:    []string{"expvar", "net/http/pprof"},
		tests: true,
		why:   "importing it opens a route on the default mux; profiles are mounted by hand on the listener for metrics (security row F13)",
	},
	{
		from:  []string{"..."},
		to:    []string{"unsafe", "C", "plugin"},
		tests: true,
		why:   "one static binary of memory-safe Go (security row L09)",
	},
}

func TestForbiddenArrows(t *testing.T) {
	t.Parallel()
	report(t, checkRules(load(t), rules))
}

func checkRules(pkgs []*pkg, rules []rule) (findings []string) {
	for _, p := range pkgs {
		for _, r := range rules {
			if !matches(p.path, r.from...) || matches(p.path, r.except...) {
				continue
			}
			imports := p.imports
			if r.tests {
				imports = slices.Concat(p.imports, p.testImports)
			}
			for _, to := range imports {
				if to != p.path && matches(to, r.to...) {
					findings = append(findings, fmt.Sprintf("%s imports %s: %s", p.path, to, r.why))
				}
			}
		}
	}
	return findings
}

// TestKindsStandAlone: each kind of target or source is one folder that can be
// read, added and removed without looking at another.
func TestKindsStandAlone(t *testing.T) {
	t.Parallel()
	report(t, checkKinds(load(t)))
}

func checkKinds(pkgs []*pkg) (findings []string) {
	for _, p := range pkgs {
		for _, family := range []string{"internal/target/", "internal/source/"} {
			own := kind(p.path, family)
			if own == "" || matches(p.path, forTests...) {
				continue
			}
			for _, to := range slices.Concat(p.imports, p.testImports) {
				if other := kind(to, family); other != "" && other != own && !matches(to, forTests...) {
					findings = append(findings, fmt.Sprintf(
						"%s imports %s: two kinds never know each other; what they share belongs to %s",
						p.path, to, strings.TrimSuffix(family, "/")))
				}
			}
		}
	}
	return findings
}

// kind is "webhook" for internal/target/webhook and all below it.
func kind(path, family string) string {
	rest, ok := strings.CutPrefix(path, family)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestCheckRules(t *testing.T) {
	t.Parallel()
	expect(t, checkRules([]*pkg{
		{path: "scim/filter", imports: []string{"strings", "net"}, testImports: []string{"net"}},
		{path: "scim/server", imports: []string{"net/http", "scim/filter"}, testImports: []string{"internal/assert"}},
		{path: "internal/app", imports: []string{"internal/store/sqlite"}},
		{path: "internal/feed", imports: []string{"internal/store/sqlite"}, testImports: []string{"internal/store/sqlite"}},
		{path: "internal/id", imports: []string{"internal/assert"}, testImports: []string{"internal/assert", "unsafe"}},
		{path: "internal/target/webhook", imports: []string{"internal/store"}},
		{path: "internal/console", imports: []string{"internal/store", "encoding/json"}},
	}, rules),
		"internal/console imports encoding/json",
		"internal/feed imports internal/store/sqlite",
		"internal/id imports internal/assert",
		"internal/id imports unsafe",
		"internal/target/webhook imports internal/store",
		"scim/filter imports net")
}

func TestCheckKinds(t *testing.T) {
	t.Parallel()
	expect(t, checkKinds([]*pkg{
		{path: "internal/target/webhook", imports: []string{"internal/target", "internal/outbound"}},
		{path: "internal/target/webhook/sign", imports: []string{"internal/target/webhook"}},
		{path: "internal/target/http", imports: []string{"internal/target/webhook"}},
		{path: "internal/source/ldap", testImports: []string{"internal/source/csv"}},
	}),
		"internal/source/ldap imports internal/source/csv",
		"internal/target/http imports internal/target/webhook")
}
