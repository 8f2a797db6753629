// Package sbom lists what a Go binary is made of, as CycloneDX 1.6 JSON. The list is the build information that the
// Go command puts into every binary, so it is that of the very file and not of a checkout that may be another.
//
// It knows modules, not packages or files, and nothing of licences: the build information has none.
package sbom

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type document struct {
	Format     string       `json:"bomFormat"`
	Spec       string       `json:"specVersion"`
	Version    int          `json:"version"`
	Metadata   metadata     `json:"metadata"`
	Components []component  `json:"components"`
	Depends    []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitzero"`
	PURL       string     `json:"purl,omitzero"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// CycloneDX returns the list. version is that of the release; empty: the main module's own. The same build gives the same
// bytes: there is no time and no serial number in them.
func CycloneDX(build *debug.BuildInfo, version string) ([]byte, error) {
	if build == nil || build.Main.Path == "" {
		return nil, fmt.Errorf("the binary has no build information: build it with modules")
	}
	main := build.Main
	main.Version = cmp.Or(version, main.Version)
	root := module("application", &main)
	for _, s := range build.Settings {
		switch s.Key {
		case "GOOS", "GOARCH", "CGO_ENABLED", "vcs.revision", "vcs.modified":
			root.Properties = append(root.Properties, property{"go:" + s.Key, s.Value})
		}
	}
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{root}}
	std := strings.TrimPrefix(build.GoVersion, "go")
	d.Components = append(d.Components, component{
		Type: "library", Ref: "pkg:golang/std@" + std, Name: "std", Version: build.GoVersion, PURL: "pkg:golang/std@" + std,
	})
	for _, m := range build.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		d.Components = append(d.Components, module("library", m))
	}
	slices.SortFunc(d.Components, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	all := dependency{Ref: root.Ref}
	for _, c := range d.Components {
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	d.Depends = []dependency{all} // who needs whom among them the build information does not say
	return json.Marshal(d, jsontext.WithIndent("  "), json.Deterministic(true))
}

func module(kind string, m *debug.Module) component {
	purl := "pkg:golang/" + m.Path
	if m.Version != "" {
		purl += "@" + url.PathEscape(m.Version)
	}
	c := component{Type: kind, Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	// go.sum's h1 is the SHA-256 of a list of files and their hashes, not of one file: it says so in its name.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && m.Sum != "" {
		c.Properties = []property{{"go:sum", m.Sum}, {"go:sum:sha256", hex.EncodeToString(sum)}}
	}
	return c
}
