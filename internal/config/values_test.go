package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/muster-id/muster/internal/config"
)

func TestValuesNameTheirOriginAndNoSecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "muster.yaml")
	token := filepath.Join(dir, "token")
	for name, text := range map[string]string{
		file:  "listen: 127.0.0.1:7000\noutbound:\n  allow: [127.0.0.0/8]\ntargets:\n  - name: app\n    type: scim\n    url: http://127.0.0.1:9/scim/v2\n    token_file: token\n",
		token: "marker-marker-marker-marker-marker",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	level := "warn"
	c, err := config.Load(file, config.Overrides{LogLevel: &level})
	if err != nil {
		t.Fatal(err)
	}
	values := c.Values()
	for _, want := range []config.Value{
		{Path: "listen", Value: "127.0.0.1:7000", Origin: file + ":1"},
		{Path: "log.level", Value: "warn", Origin: "--log-level"},
		{Path: "log.format", Value: "auto", Origin: "default"},
		{Path: "targets[0].token_file", Value: token, Origin: file + ":8"},
		{Path: "targets[0].concurrency", Value: "4", Origin: "default"},
	} {
		if !slices.Contains(values, want) {
			t.Errorf("%+v is not among %+v", want, values)
		}
	}
	for _, v := range values {
		if v.Value == "marker-marker-marker-marker-marker" {
			t.Errorf("the token is shown: %+v", v)
		}
	}
}
