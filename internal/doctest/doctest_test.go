package doctest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/muster-id/muster/internal/config"
	"github.com/muster-id/muster/scim"
)

const root = "../.."

// read returns a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pages are the documents for people, by path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) < 4 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			path := filepath.ToSlash(strings.TrimPrefix(filepath.Clean(file), filepath.Clean(root)+string(filepath.Separator)))
			all[path] = read(t, path)
		}
	}
	return all
}

// rows are the table rows of a page by each name in backquotes in their first cell.
func rows(page string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(page) {
		if cells := strings.SplitN(line, "|", 3); len(cells) == 3 && cells[0] == "" {
			for _, name := range submatches("`([^`]+)`", cells[1]) {
				all[name] = cells[2]
			}
		}
	}
	return all
}

// submatches returns the first group of each match, sorted, each once.
func submatches(pattern, text string) []string {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// documented fails for each name that the page says nothing of. There must be at least so many, lest a pattern
// that matches nothing any more makes the test pass.
func documented(t *testing.T, page, where, what string, least int, names []string) {
	t.Helper()
	if len(names) < least {
		t.Fatalf("found fewer than %d %ss: %q", least, what, names)
	}
	for _, name := range names {
		if !regexp.MustCompile(`(^|[^\w.-])` + regexp.QuoteMeta(name) + `($|[^\w-])`).MatchString(page) {
			t.Errorf("%s does not name the %s %s", where, what, name)
		}
	}
}

func TestEveryFlagIsDocumented(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/configuration.md")
	known := rows(page)
	files, err := filepath.Glob(filepath.Join(root, "cmd/muster/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	// Commands with a page of their own.
	own := map[string]string{"check.go": "docs/check.md", "checkclient.go": "docs/check.md", "schema.go": "docs/schemas.md"}
	for _, file := range files {
		file = "cmd/muster/" + filepath.Base(file)
		if where := own[filepath.Base(file)]; where != "" {
			var flags []string
			for _, m := range submatches(`\w+VarP?\(&?[\w.]+, "([a-z-]+)"`, read(t, file)) {
				flags = append(flags, "--"+m)
			}
			documented(t, read(t, where), where, "flag", 1, flags)
			continue
		}
		for _, name := range submatches(`\w+VarP?\((?:\(\*string\)\()?&?[\w.]+\)?, "([a-z-]+)"`, read(t, file)) {
			all = append(all, "--"+name)
			if _, ok := known["--"+name]; !ok && file == "cmd/muster/serve.go" {
				t.Errorf("docs/configuration.md has no row for --%s", name)
			}
		}
	}
	documented(t, page, "docs/configuration.md", "flag", 14, all)
}

// TestKeysAndDefaults: each key has a row with its variable and its default, and the example has all of them.
func TestKeysAndDefaults(t *testing.T) {
	t.Parallel()
	known := rows(read(t, "docs/configuration.md"))
	example, limits := read(t, "examples/muster.yaml"), read(t, "docs/compatibility.md")
	for _, v := range config.Default().Values() {
		row, ok := known[v.Path]
		variable := "`MUSTER_" + strings.ToUpper(strings.ReplaceAll(v.Path, ".", "_")) + "`"
		if !ok || !strings.Contains(row, variable) || v.Value != "" && !strings.Contains(row, "`"+v.Value+"`") {
			t.Errorf("docs/configuration.md has no row for `%s` with %s and default `%s`", v.Path, variable, v.Value)
		}
		if strings.HasPrefix(v.Path, "limits.") && !regexp.MustCompile(`\| `+v.Value+`\b[^|]*\| `+"`"+v.Path+"`").MatchString(limits) {
			t.Errorf("docs/compatibility.md has no limit of %s for `%s`", v.Value, v.Path)
		}
		leaf := v.Path[strings.LastIndex(v.Path, ".")+1:]
		if v.Value != "" && !strings.Contains(example, leaf+": "+v.Value) || !strings.Contains(example, leaf+":") {
			t.Errorf("examples/muster.yaml has no %s: %s", v.Path, v.Value)
		}
	}
	for field := range reflect.TypeFor[config.Target]().Fields() {
		key := field.Tag.Get("yaml")
		if key == "-" {
			continue
		}
		if _, ok := known["targets[]."+key]; !ok {
			t.Errorf("docs/configuration.md has no row for `targets[].%s`", key)
		}
		if other := strings.NewReplacer("_file", "_env", "_env", "_file").Replace(key); !strings.Contains(example, key+":") && !strings.Contains(example, other+":") {
			t.Errorf("examples/muster.yaml has no %s", key)
		}
	}
}

func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	const pattern = `\b(muster_[a-z]+(?:_[a-z]+)*)\b`
	names := submatches(`"`+pattern+`"`, read(t, "internal/telemetry/metrics.go")+read(t, "internal/app/status.go")+read(t, "internal/app/targets.go"))
	known := slices.Collect(maps.Keys(rows(read(t, "docs/operation.md"))))
	documented(t, strings.Join(known, " "), "the first column of docs/operation.md", "metric", 15, names)
	for path, page := range pages(t) {
		for _, name := range submatches(pattern, page) {
			if !slices.Contains(names, name) {
				t.Errorf("%s names the metric %s, which there is not", path, name)
			}
		}
	}
}

func TestEverySwitchIsDocumented(t *testing.T) {
	t.Parallel()
	_, page, _ := strings.Cut(read(t, "docs/compatibility.md"), "\n## Switches")
	page, _, _ = strings.Cut(page, "\n## ")
	var want []string
	known := rows(page)
	for s := range scim.AllSwitches().All() {
		want = append(want, s.String())
		for _, p := range scim.Profiles() {
			switch {
			case p.Name == scim.Compat().Name: // has a table of its own
			case strings.Contains(known[s.String()], "`"+p.Name+"`") != p.Switches.Has(s):
				t.Errorf("docs/compatibility.md is wrong about %s in the profile %s", s, p.Name)
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(known))); diff != "" {
		t.Errorf("the switches in docs/compatibility.md (-there are +documented)\n%s", diff)
	}
}

// TestWireFormats: what leaves the hub as JSON is explained field by field, and each event.
func TestWireFormats(t *testing.T) {
	t.Parallel()
	targets, feed := read(t, "docs/targets.md"), read(t, "docs/feed.md")
	events := submatches(`"((?:user|group)\.[a-z_]+)"`, read(t, "internal/config/validate.go"))
	documented(t, targets, "docs/targets.md", "event", 12, events)
	documented(t, feed, "docs/feed.md", "event", 12, events)
	var fields []string
	_, data, _ := strings.Cut(read(t, "internal/target/webhook/message.go"), "type data struct {")
	data, _, _ = strings.Cut(data, "\n}")
	for _, name := range submatches(`json:"(\w+)`, data) {
		fields = append(fields, "data."+name)
	}
	documented(t, targets, "docs/targets.md", "field", 15, fields)
	documented(t, feed, "docs/feed.md", "field", 15, submatches(`w\.(?:text|number|value|token\(jsontext\.String)\("(\w+)"`, read(t, "internal/feed/json.go")))
	documented(t, targets, "docs/targets.md", "field of muster targets --json", 7,
		submatches(`json:"(name|kind|state|lag|ageSeconds|parked|problem)\b`, read(t, "internal/admin/handler.go")))
}

// TestLinks follows every relative link, to a file and to a heading in it.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for path, page := range all {
		for _, link := range submatches(`\]\(([^)\s]+)\)`, page) {
			if strings.Contains(link, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(link, "#")
			to := path
			if file != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(path), file))
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s, which is not there", path, link)
			} else if anchor != "" && !slices.Contains(headings(all[to]), anchor) {
				t.Errorf("%s links to %s, and there is no such heading", path, link)
			}
		}
	}
}

// headings returns the anchors of a page's headings.
func headings(page string) (anchors []string) {
	for _, h := range submatches(`(?m)^#+ (.+)$`, page) {
		h = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(h), "")
		anchors = append(anchors, strings.ReplaceAll(h, " ", "-"))
	}
	return anchors
}

// TestBlocks: Go is code that the tests compile and run, here or as examples of the packages; JSON is JSON, YAML with keys
// of ours is a configuration.
func TestBlocks(t *testing.T) {
	t.Parallel()
	code := ""
	for _, pattern := range []string{"internal/doctest/*_test.go", "scim/*/*_test.go", "examples/*/*.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			path, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			code += read(t, path)
		}
	}
	for path, page := range pages(t) {
		for i, m := range regexp.MustCompile("(?ms)^```(go|json|yaml)\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
			where := fmt.Sprintf("%s, block %d (%s)", path, i+1, m[1])
			switch block := m[2]; {
			case m[1] == "go" && !strings.Contains(code, block):
				t.Errorf("%s is not in internal/doctest, an example of scim/… or examples/…", where)
			case m[1] == "json":
				v := jsontext.Value(block)
				if err := v.Compact(); err != nil {
					t.Errorf("%s: %v", where, err)
				}
			case strings.HasPrefix(block, "baseURL:"): // values of the Helm chart, which .ci/deploy-check renders
			case m[1] == "yaml" && !strings.HasPrefix(block, "- alert"):
				file := filepath.Join(t.TempDir(), "muster.yaml")
				if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := config.Load(file, config.Overrides{})
				for line := range strings.Lines(fmt.Sprint(err)) { // that the secrets are not here is no fault of the page
					if err != nil && !strings.Contains(line, "does not exist") && !strings.Contains(line, "is not set") {
						t.Errorf("%s: %s", where, line)
					}
				}
			}
		}
	}
}
