package sbom_test

import (
	"debug/buildinfo"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/sbom"
)

// TestSec_L05_EveryModuleIsListed: the list of a binary has each module that its build information has, with its version.
func TestSec_L05_EveryModuleIsListed(t *testing.T) {
	t.Parallel()
	file, err := os.Executable() // this test is a Go binary like another
	assert.NoError(t, err)
	build, err := buildinfo.ReadFile(file)
	assert.NoError(t, err)
	b, err := sbom.CycloneDX(build, "v1.2.3")
	assert.NoError(t, err)
	var got struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component struct{ Name, Version string } `json:"component"`
		} `json:"metadata"`
		Components []struct {
			Ref     string `json:"bom-ref"`
			Name    string `json:"name"`
			Version string `json:"version"`
			PURL    string `json:"purl"`
		} `json:"components"`
		Dependencies []struct {
			DependsOn []string `json:"dependsOn"`
		} `json:"dependencies"`
	}
	assert.NoError(t, json.Unmarshal(b, &got, json.MatchCaseInsensitiveNames(true)))
	assert.Equal(t, got.Format, "CycloneDX")
	assert.Equal(t, got.Metadata.Component.Name, build.Main.Path)
	assert.Equal(t, got.Metadata.Component.Version, "v1.2.3")
	versions := map[string]string{}
	for _, c := range got.Components {
		versions[c.Name] = c.Version
		if !strings.HasPrefix(c.PURL, "pkg:golang/"+c.Name) || c.Ref == "" {
			t.Errorf("component %+v", c)
		}
	}
	for _, m := range build.Deps {
		if versions[m.Path] != m.Version {
			t.Errorf("%s is listed with version %q, want %q", m.Path, versions[m.Path], m.Version)
		}
	}
	assert.Equal(t, versions["std"], build.GoVersion)
	assert.Equal(t, len(got.Dependencies[0].DependsOn), len(build.Deps)+1)
	again, err := sbom.CycloneDX(build, "v1.2.3")
	assert.NoError(t, err)
	assert.Equal(t, string(again), string(b))
}

func TestNoBuildInformation(t *testing.T) {
	t.Parallel()
	for _, build := range []*debug.BuildInfo{nil, {}} {
		if _, err := sbom.CycloneDX(build, ""); err == nil || !strings.Contains(err.Error(), "build information") {
			t.Errorf("%v: %v", build, err)
		}
	}
}

func TestReplacedModule(t *testing.T) {
	t.Parallel()
	b, err := sbom.CycloneDX(&debug.BuildInfo{
		Main: debug.Module{Path: "example.com/a"},
		Deps: []*debug.Module{{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/c", Version: "v2.0.0"}}},
	}, "")
	assert.NoError(t, err)
	if text := string(b); strings.Contains(text, "example.com/b") || !strings.Contains(text, "pkg:golang/example.com/c@v2.0.0") {
		t.Errorf("what was built in is what replaced it:\n%s", text)
	}
}
