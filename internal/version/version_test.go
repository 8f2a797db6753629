package version

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/muster-id/muster/internal/assert"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const sha = "4f2c9e1a0b7d4f2c9e1a0b7d4f2c9e1a0b7d4f2c"
	build := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{
			GoVersion: "go1.26.8",
			Main:      debug.Module{Version: version},
			Settings: append([]debug.BuildSetting{
				{Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"},
			}, settings...),
		}
	}
	for _, c := range []struct {
		name            string
		build           *debug.BuildInfo
		version, commit string
		want            Info
		wantLine        string
	}{
		{
			name:     "a checkout with changes",
			build:    build("(devel)", debug.BuildSetting{Key: "vcs.revision", Value: sha}, debug.BuildSetting{Key: "vcs.modified", Value: "true"}),
			want:     Info{Version: "devel", Commit: sha, Modified: true, Go: "go1.26.8", Platform: "linux/arm64"},
			wantLine: "devel (commit 4f2c9e1a0b7d+changes, go1.26.8, linux/arm64)",
		},
		{
			name:     "go install of a tagged version",
			build:    build("v0.3.0"),
			want:     Info{Version: "v0.3.0", Commit: unknown, Go: "go1.26.8", Platform: "linux/arm64"},
			wantLine: "v0.3.0 (commit unknown, go1.26.8, linux/arm64)",
		},
		{
			name:    "the linker wins over the checkout",
			build:   build("v0.3.0", debug.BuildSetting{Key: "vcs.revision", Value: sha}, debug.BuildSetting{Key: "vcs.modified", Value: "true"}),
			version: "v1.2.3", commit: "abc",
			want:     Info{Version: "v1.2.3", Commit: "abc", Go: "go1.26.8", Platform: "linux/arm64"},
			wantLine: "v1.2.3 (commit abc, go1.26.8, linux/arm64)",
		},
		{
			name:     "no build information at all",
			want:     Info{Version: "devel", Commit: unknown, Go: unknown, Platform: unknown},
			wantLine: "devel (commit unknown, unknown, unknown)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := read(c.build, c.version, c.commit)
			assert.Equal(t, got, c.want)
			assert.Equal(t, got.String(), c.wantLine)
		})
	}
}

func TestGetDescribesTheRunningBinary(t *testing.T) {
	t.Parallel()
	got := Get()
	assert.Equal(t, got.Go, runtime.Version())
	assert.Equal(t, got.Platform, runtime.GOOS+"/"+runtime.GOARCH)
	assert.NotContains(t, got.Version, "(")
	assert.Equal(t, String(), got.String())
}
