package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// fixture is one recorded conversation of an identity provider; the format is
// explained in testdata/replay/conventions.json.
type fixture struct {
	ID      string            `json:"id"`
	Headers map[string]string `json:"headers"`
	Vars    map[string]string `json:"vars"`
	Steps   []step            `json:"steps"`
}

type step struct {
	ID      string `json:"id"`
	Note    string `json:"note"`
	Request struct {
		Method       string            `json:"method"`
		Path         string            `json:"path"`
		Query        jsontext.Value    `json:"query"` // ordered
		RawQuery     string            `json:"rawQuery"`
		Headers      map[string]string `json:"headers"`
		UnsetHeaders []string          `json:"unsetHeaders"`
		Body         jsontext.Value    `json:"body"`
	} `json:"request"`
	Expect struct {
		Status      []int       `json:"status"`
		ContentType string      `json:"contentType"`
		EmptyBody   bool        `json:"emptyBody"`
		JSON        []assertion `json:"json"`
		JSONIfBody  []assertion `json:"jsonIfBody"`
	} `json:"expect"`
	Capture       map[string]string `json:"capture"`
	ParallelGroup string            `json:"parallelGroup"`
	Outcome       *struct {
		Events      []string   `json:"events"`
		EventsAnyOf [][]string `json:"eventsAnyOf"`
	} `json:"outcome"`
}

type assertion struct {
	Path        string         `json:"path"`
	Eq          jsontext.Value `json:"eq"`
	Ne          jsontext.Value `json:"ne"`
	Exists      *bool          `json:"exists"`
	Type        string         `json:"type"`
	Len         *int           `json:"len"`
	LenOrAbsent *int           `json:"lenOrAbsent"`
	Contains    jsontext.Value `json:"contains"`
	NotContains jsontext.Value `json:"notContains"`
}

// fixtures reads every recorded conversation in the folder.
func fixtures(t *testing.T) []fixture {
	t.Helper()
	files, err := filepath.Glob("testdata/replay/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []fixture
	for _, file := range files {
		if filepath.Base(file) == "conventions.json" {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var f fixture
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		t.Fatal("no fixtures")
	}
	return all
}

// names are the placeholders known so far.
type names map[string]string

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

// fill replaces placeholders. Values may hold placeholders of their own. With quoted, the
// text is JSON and values are escaped for a place inside a JSON string.
func (n names) fill(s string, quoted bool) (string, error) {
	var missing error
	for range 3 {
		if !strings.Contains(s, "${") {
			return s, nil
		}
		s = placeholder.ReplaceAllStringFunc(s, func(p string) string {
			v, ok := n[p[2:len(p)-1]]
			if !ok {
				missing = fmt.Errorf("unresolved placeholder %s", p)
				return ""
			}
			if quoted && !strings.Contains(v, "${") {
				q, err := jsontext.AppendQuote(nil, v)
				if err != nil {
					missing = err
				}
				return string(q[1 : len(q)-1])
			}
			return v
		})
		if missing != nil {
			return "", missing
		}
	}
	return s, nil
}

// query encodes an ordered JSON object as a query string, in the way of the conventions.
func (n names) query(v jsontext.Value) (string, error) {
	if len(v) == 0 {
		return "", nil
	}
	var parts []string
	dec := jsontext.NewDecoder(strings.NewReader(string(v)))
	if _, err := dec.ReadToken(); err != nil {
		return "", err
	}
	for dec.PeekKind() != '}' {
		k, err := dec.ReadToken()
		if err != nil {
			return "", err
		}
		key := k.String()
		val, err := dec.ReadToken()
		if err != nil {
			return "", err
		}
		s, err := n.fill(val.String(), false)
		if err != nil {
			return "", err
		}
		parts = append(parts, escape(key)+"="+escape(s))
	}
	return strings.Join(parts, "&"), nil
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// check holds the body against the assertions and returns what is wrong, a line each.
func check(body any, as []assertion, n names) []string {
	var wrong []string
	for _, a := range as {
		got, found := lookup(body, a.Path)
		if got == nil {
			found = false // null counts as absent
		}
		complain := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("%s: "+format, append([]any{a.Path}, args...)...))
		}
		want := func(v jsontext.Value) any {
			s, err := n.fill(string(v), true)
			if err != nil {
				complain("%v", err)
				return nil
			}
			var w any
			if err := json.Unmarshal([]byte(s), &w); err != nil {
				complain("%v", err)
			}
			return w
		}
		if a.Eq != nil {
			if w := want(a.Eq); !found || !cmp.Equal(got, w) {
				complain("got %v, want %v", got, w)
			}
		}
		if a.Ne != nil {
			if w := want(a.Ne); cmp.Equal(got, w) {
				complain("got %v, want anything else", got)
			}
		}
		if a.Exists != nil && found != *a.Exists {
			complain("exists: %v (%v), want %v", found, got, *a.Exists)
		}
		if a.Type != "" && !isType(got, a.Type) {
			complain("got %T %v, want %s", got, got, a.Type)
		}
		list, isList := got.([]any)
		if a.Len != nil && (!isList || len(list) != *a.Len) {
			complain("got %v, want %d elements", got, *a.Len)
		}
		if a.LenOrAbsent != nil && found && (!isList || len(list) != *a.LenOrAbsent) {
			complain("got %v, want %d elements or nothing", got, *a.LenOrAbsent)
		}
		if a.Contains != nil {
			if w := want(a.Contains); !slices.ContainsFunc(list, func(e any) bool { return covers(e, w) }) {
				complain("got %v, want it to contain %v", got, w)
			}
		}
		if a.NotContains != nil {
			if w := want(a.NotContains); slices.ContainsFunc(list, func(e any) bool { return covers(e, w) }) {
				complain("got %v, want it not to contain %v", got, w)
			}
		}
	}
	return wrong
}

// covers reports whether got equals want or, for objects, is a superset of it.
func covers(got, want any) bool {
	w, ok := want.(map[string]any)
	if !ok {
		return cmp.Equal(got, want)
	}
	g, _ := got.(map[string]any)
	for k, v := range w {
		if gv, ok := g[k]; !ok || !covers(gv, v) {
			return false
		}
	}
	return g != nil
}

func isType(v any, name string) bool {
	switch v := v.(type) {
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	case float64:
		return name == "integer" && v == float64(int64(v))
	}
	return false
}

var segment = regexp.MustCompile(`\.([A-Za-z0-9_$-]+)|\['([^']+)'\]|\[(\d+)\]`)

// lookup follows a path such as $.emails[0].value or $['urn:…'].department. Names
// match without case, but for URNs.
func lookup(v any, path string) (any, bool) {
	for _, m := range segment.FindAllStringSubmatch(path, -1) {
		if m[3] != "" {
			i, _ := strconv.Atoi(m[3])
			list, ok := v.([]any)
			if !ok || i >= len(list) {
				return nil, false
			}
			v = list[i]
			continue
		}
		o, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		name := m[1] + m[2]
		found := false
		for k, e := range o {
			if k == name || !strings.Contains(k, ":") && strings.EqualFold(k, name) {
				v, found = e, true
				break
			}
		}
		if !found {
			return nil, false
		}
	}
	return v, true
}
