package archtest

import (
	"fmt"
	"testing"
)

// layers are the floors of the building, from the top. A package may import
// from its own floor and from those below, never from above: what is below can
// then be read, tested and replaced without what is above.
var layers = [][]string{
	{"cmd/..."},
	{"internal/demo/..."}, // two hubs and a story
	{"internal/app/..."},
	{"internal/admin/...", "internal/console/..."},
	{"internal/nodes/..."}, // which of them delivers
	{"internal/targets/...", "internal/delivery/...", "internal/source/...", "internal/target/..."},
	{"internal/report/...", "internal/verify/..."}, // of what those below hold
	{"internal/schemas/...", "internal/directory/...", "internal/mapping/...", "internal/access/...", "internal/audit/...", "internal/tenants/...", "internal/vault/...", "internal/guard/...", "internal/oauth/..."},
	{"internal/feed/...", "internal/store/..."},
	// The ground: small packages that know nothing of the domain and that
	// everybody may use. Every package of internal/ that no line above names
	// stands here (config, id, outbound, secret, telemetry, …), and so may
	// import others of the ground and the library, nothing else.
	{"internal/..."},
	{"scim/..."},
}

// floor is the index of a package's layer, or -1 if it is in none.
func floor(path string) int {
	for i, patterns := range layers {
		if matches(path, patterns...) {
			return i
		}
	}
	return -1
}

func TestImportsPointDownwards(t *testing.T) {
	t.Parallel()
	report(t, checkLayers(load(t)))
}

func checkLayers(pkgs []*pkg) (findings []string) {
	for _, p := range pkgs {
		from := floor(p.path)
		if from < 0 || matches(p.path, forTests...) {
			continue
		}
		for _, to := range p.imports {
			if f := floor(to); f >= 0 && f < from {
				findings = append(findings, fmt.Sprintf(
					"%s imports %s, which is above it: let the lower one declare the interface it needs, "+
						"or name its floor in layers if it is no small ground package", p.path, to))
			}
		}
	}
	return findings
}

func TestCheckLayers(t *testing.T) {
	t.Parallel()
	expect(t, checkLayers([]*pkg{
		{path: "cmd/muster", imports: []string{"internal/app", "scim", "os"}},
		{path: "internal/app", imports: []string{"internal/console", "internal/id"}},
		{path: "internal/delivery", imports: []string{"internal/target", "internal/feed"}},
		{path: "internal/feed", imports: []string{"internal/directory"}},
		{path: "internal/id", imports: []string{"internal/store"}},
		{path: "internal/store/storetest", imports: []string{"internal/app"}},
		{path: "scim/server", imports: []string{"scim/filter", "internal/id"}},
	}),
		"internal/feed imports internal/directory",
		"internal/id imports internal/store",
		"scim/server imports internal/id")
}
