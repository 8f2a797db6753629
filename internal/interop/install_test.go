//go:build interop

package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// A toolbox is what the drivers of one directory need, from the registry of their language.
type toolbox struct {
	pins []string // files that say what, with versions and hashes
	fill func(dir string) error

	once sync.Once
	dir  string
	err  error
}

var (
	python = &toolbox{
		pins: []string{"python/requirements.txt"},
		fill: func(dir string) error {
			return install("python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
				"--root-user-action=ignore", "--only-binary=:all:", "--require-hashes", "--no-deps",
				"--target", dir, "--requirement", "python/requirements.txt")
		},
	}
	java    = maven("java")
	scimple = maven("scimple")
	node    = &toolbox{
		pins: []string{"node/package.json", "node/package-lock.json"},
		fill: func(dir string) error {
			for _, name := range []string{"package.json", "package-lock.json"} {
				b, err := os.ReadFile(filepath.Join("node", name))
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
					return err
				}
			}
			return install("npm", "ci", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
		},
	}
	// A module of its own, so that nobody who builds Muster gets what it needs.
	pebble = &toolbox{
		pins: []string{"pebble/go.mod", "pebble/go.sum"},
		fill: func(dir string) error {
			return install("go", "-C", "pebble", "build", "-mod=readonly", "-o", dir+string(filepath.Separator), "tool")
		},
	}
)

// maven is the toolbox of the pom.xml in a directory. Maven has no lock file: the
// poms are immutable, and the jars are compared with jars.sha256.
func maven(language string) *toolbox {
	pom, sums := language+"/pom.xml", language+"/jars.sha256"
	return &toolbox{
		pins: []string{pom, sums},
		fill: func(dir string) error {
			err := install("mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", pom,
				"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory="+dir)
			if err != nil {
				return err
			}
			return checkSums(dir, sums)
		},
	}
}

// open returns the directory of the tools, filled.
func (b *toolbox) open(tb testing.TB) string {
	tb.Helper()
	b.once.Do(func() { b.dir, b.err = b.find() })
	if b.err != nil {
		tb.Fatal(b.err)
	}
	return b.dir
}

// find returns the directory for these pins. It is filled under another name,
// so that what was interrupted is never taken for complete.
func (b *toolbox) find() (string, error) {
	sum := sha256.New()
	for _, pin := range b.pins {
		content, err := os.ReadFile(pin)
		if err != nil {
			return "", err
		}
		sum.Write(content)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "muster-interop")
	language := filepath.Dir(b.pins[0])
	dir := filepath.Join(cache, language+"-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(cache, language+"-part-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(part) }() // gone already if all went well
	if err := b.fill(part); err != nil {
		return "", err
	}
	if err := os.Rename(part, dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // or somebody else was faster
			return "", err
		}
	}
	return dir, nil
}

// install runs the client of a registry. The network may need another try;
// nothing after this does.
func install(name string, args ...string) error {
	var out []byte
	var err error
	for range 3 {
		if out, err = exec.Command(name, args...).CombinedOutput(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("install by %s: %w\n%s", name, err, out)
}

// checkSums compares the files of a directory with a list as sha256sum writes it.
func checkSums(dir, list string) error {
	want, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return err
	}
	var got bytes.Buffer
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&got, "%x  %s\n", sha256.Sum256(content), e.Name())
	}
	if !bytes.Equal(got.Bytes(), want) {
		return fmt.Errorf("the jars are not those of %s; these came:\n%s", list, &got)
	}
	return nil
}
