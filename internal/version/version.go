// Package version says which build of Muster this is: what `muster version`
// prints, what the User-Agent of outbound calls carries and what a bug report
// should quote.
//
// The facts come from the build information that the Go command puts into
// every binary. A build without a checkout (a source archive, a container
// layer without .git) has none about the commit, so a release sets them:
//
//	go build -ldflags "-X github.com/muster-id/muster/internal/version.version=v1.2.3 \
//	                   -X github.com/muster-id/muster/internal/version.commit=4f2c9e1…"
//
// What was set wins over what was found. What nobody knows is "unknown",
// never a guess.
package version

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"sync"
)

// unknown stands for every fact that the build does not carry.
const unknown = "unknown"

// version and commit are set by the linker; see the package documentation.
var version, commit string

// Info is what a binary knows about its own build.
type Info struct {
	// Version is the release ("v1.2.3"), a Go pseudo-version, or "devel" for
	// a build from a working tree without a tag.
	Version string `json:"version"`
	// Commit is the full id of the commit, or "unknown".
	Commit string `json:"commit"`
	// Modified is true when the working tree had changes that are not in
	// Commit.
	Modified bool `json:"modified"`
	// Go is the toolchain ("go1.26.8").
	Go string `json:"go"`
	// Platform is what the binary runs on ("linux/amd64").
	Platform string `json:"platform"`
}

// Get returns the facts about the running binary.
var Get = sync.OnceValue(func() Info {
	build, _ := debug.ReadBuildInfo() // nil in a binary built without modules
	return read(build, version, commit)
})

// String returns the facts about the running binary in one line.
func String() string { return Get().String() }

// String is the line that `muster version` prints:
// "v1.2.3 (commit 4f2c9e1a0b7d, go1.26.8, linux/amd64)".
func (i Info) String() string {
	short := i.Commit[:min(len(i.Commit), 12)]
	if i.Modified {
		short += "+changes"
	}
	return fmt.Sprintf("%s (commit %s, %s, %s)", i.Version, short, i.Go, i.Platform)
}

// read merges the build information, which may be nil, with what the linker
// set.
func read(build *debug.BuildInfo, version, commit string) Info {
	settings := map[string]string{}
	info := Info{Version: version, Commit: commit, Go: unknown, Platform: unknown}
	if build != nil {
		for _, s := range build.Settings {
			settings[s.Key] = s.Value
		}
		info.Go = cmp.Or(build.GoVersion, unknown)
		if build.Main.Version != "(devel)" {
			info.Version = cmp.Or(version, build.Main.Version)
		}
	}
	info.Version = cmp.Or(info.Version, "devel")
	// A commit given by the linker describes a release build; the state of
	// some checkout around it says nothing about that commit.
	info.Modified = commit == "" && settings["vcs.modified"] == "true"
	info.Commit = cmp.Or(commit, settings["vcs.revision"], unknown)
	if settings["GOOS"] != "" {
		info.Platform = settings["GOOS"] + "/" + settings["GOARCH"]
	}
	return info
}
