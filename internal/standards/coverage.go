package standards

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Place is where a row is named: a file, and the test function in it if there is one.
type Place struct{ File, Test string }

// Coverage is the places of each row, by id.
type Coverage map[string][]Place

var (
	rowName = regexp.MustCompile(`\b[A-Z][A-Z0-9]*-[0-9A-Za-z.]*[0-9A-Za-z](?:-[0-9A-Za-z]+)*(?:…[0-9]+)?`)
	testFun = regexp.MustCompile(`^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
)

// Find reads the module at root and finds the rows that its tests, test scripts and checks name. "P-3.8-02…04" names
// three rows.
func Find(root string, rows []Row) (Coverage, error) {
	known := make(map[string]bool, len(rows))
	for _, r := range rows {
		known[r.ID] = true
	}
	found := Coverage{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") || rel == "internal/standards" || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if !covers(rel) {
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // a file of the module
		if err != nil {
			return err
		}
		return found.read(rel, string(text), known)
	})
	return found, err
}

// covers reports whether a row that a file names is covered by it.
func covers(file string) bool {
	switch {
	case strings.HasSuffix(file, "_test.go"), strings.HasPrefix(file, "interop/") && !strings.HasSuffix(file, ".json"):
		return true
	case strings.HasPrefix(file, "scim/conformance/") && strings.HasSuffix(file, ".go"):
		return true
	}
	return strings.Contains(file, "/testdata/script/") || strings.HasSuffix(file, ".txtar")
}

func (c Coverage) read(file, text string, known map[string]bool) error {
	test := ""
	for line := range strings.Lines(text) {
		if m := testFun.FindStringSubmatch(line); m != nil {
			test = m[1]
		} else if strings.HasPrefix(line, "}") || strings.HasPrefix(line, "func ") {
			test = ""
		}
		for _, name := range rowName.FindAllString(strings.ReplaceAll(line, "_", "-"), -1) {
			ids, err := expand(name)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			for _, id := range ids {
				p := Place{file, test}
				if known[id] && !slices.Contains(c[id], p) {
					c[id] = append(c[id], p)
				}
			}
		}
	}
	return nil
}

// expand returns the ids that a name with an ellipsis stands for.
func expand(name string) ([]string, error) {
	first, last, ok := strings.Cut(name, "…")
	if !ok {
		return []string{name}, nil
	}
	i := strings.LastIndexByte(first, '-') + 1
	from, err := strconv.Atoi(first[i:])
	if err != nil {
		return nil, fmt.Errorf("%s: a range begins with a number", name)
	}
	to, err := strconv.Atoi(last)
	if err != nil || to < from || to-from > 100 {
		return nil, fmt.Errorf("%s: a range ends with a larger number", name)
	}
	var ids []string
	for n := from; n <= to; n++ {
		ids = append(ids, fmt.Sprintf("%s%0*d", first[:i], len(first)-i, n))
	}
	return ids, nil
}
