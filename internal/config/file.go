package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Keys of a target that would hold a secret if there were such keys, and what to
// use in their place.
var literalSecrets = map[string]string{
	"secret":   "secret_file or secret_env",
	"token":    "token_file or token_env",
	"password": "token_file or token_env",
}

// readFile decodes the file over c, and notes where each value stands. It reports
// whether the file could be understood far enough to look for more problems.
func (c *Config) readFile(ps *problems, path string, text []byte) bool {
	f := &file{name: path, c: c, ps: ps, values: map[token.Position]string{}}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		f.syntax(err)
		return false
	}
	if len(tree.Docs) > 1 {
		ps.list = append(ps.list, Problem{
			Origin: f.at(tree.Docs[1].GetToken()),
			Text:   "a second document begins here (---); the configuration is one",
		})
		return false
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil || tree.Docs[0].Body.Type() == ast.CommentType {
		return true // nothing but comments
	}
	body := tree.Docs[0].Body
	f.index(body, "", reflect.TypeFor[Config]())

	// The index has reported unknown keys, all of them and with suggestions. Strict
	// is the belt to those braces, for what hides behind an alias.
	var options []yaml.DecodeOption
	if len(ps.list) == 0 {
		options = append(options, yaml.Strict())
	}
	if err := yaml.NodeToValue(body, c, options...); err != nil {
		if len(ps.list) > 0 {
			return false // it may be about what was reported
		}
		f.decoding(err)
		return false
	}
	for i := range c.Targets {
		c.Targets[i].withDefaults(func(key string) bool {
			_, given := c.origins[fmt.Sprintf("targets[%d].%s", i, key)]
			return given
		})
	}
	return true
}

// A file is a configuration file while it is read.
type file struct {
	name   string
	c      *Config
	ps     *problems
	values map[token.Position]string // path of the value that stands there
}

func (f *file) at(t *token.Token) Origin {
	o := Origin{Source: FromFile, Name: f.name, Line: 1, Column: 1}
	if t != nil && t.Position != nil {
		o.Line, o.Column = t.Position.Line, t.Position.Column
	}
	return o
}

// index notes where the values below node stand and reports keys that a value of
// type t does not have.
func (f *file) index(node ast.Node, path string, t reflect.Type) {
	if tk := node.GetToken(); tk != nil && tk.Position != nil {
		f.values[*tk.Position] = path
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		f.index(n.Value, path, t)
	case *ast.TagNode:
		f.index(n.Value, path, t)
	case *ast.MappingNode:
		for _, entry := range n.Values {
			f.entry(entry, path, t)
		}
	case *ast.MappingValueNode:
		f.entry(n, path, t)
	case *ast.SequenceNode:
		for i, item := range n.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			f.c.origins[at] = f.at(first(item))
			if t.Kind() == reflect.Slice {
				f.index(item, at, t.Elem())
			}
		}
	}
}

// first is the token a node begins with: that of a mapping is its first colon.
func first(node ast.Node) *token.Token {
	switch n := node.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return node.GetToken()
}

func (f *file) entry(entry *ast.MappingValueNode, path string, t reflect.Type) {
	if entry.Key.IsMergeKey() {
		// The library takes a key that overrides a merged one for a duplicate, and the
		// line of a merged value would be another target's.
		f.ps.list = append(f.ps.list, Problem{
			Origin: f.at(entry.Key.GetToken()), Path: path, Text: "merge keys (<<) are not read; write the keys out",
		})
		return
	}
	if t.Kind() != reflect.Struct {
		return // decoding will say what is wrong
	}
	key := entry.Key.GetToken().Value
	at := key
	if path != "" {
		at = path + "." + key
	}
	field, known := fieldOf(t, key)
	if known {
		f.c.origins[at] = f.at(entry.Key.GetToken())
		f.index(entry.Value, at, field.Type)
		return
	}
	p := Problem{Origin: f.at(entry.Key.GetToken()), Path: at}
	instead, literal := literalSecrets[key]
	if literal && t == reflect.TypeFor[Target]() {
		p.Text = fmt.Sprintf("secrets are not written in this file; put it into a file or an environment variable and name that with %s", instead)
	} else {
		p.Text = fmt.Sprintf("unknown key in column %d; %s", p.Origin.Column, suggest(key, keysOf(t)))
	}
	f.ps.list = append(f.ps.list, p)
}

// syntax reports that the file is not YAML.
func (f *file) syntax(err error) {
	p := Problem{Origin: Origin{Source: FromFile, Name: f.name, Line: 1, Column: 1}, Text: "is not YAML"}
	if e, ok := errors.AsType[yaml.Error](err); ok {
		p.Origin = f.at(e.GetToken())
		p.Text = fmt.Sprintf("is not YAML from column %d on: %s", p.Origin.Column, e.GetMessage())
	}
	f.ps.list = append(f.ps.list, p)
}

// decoding reports that a value is not of its type. The library's own texts show
// values and the names of Go types: only what it says about keys is passed on.
func (f *file) decoding(err error) {
	p := Problem{Origin: Origin{Source: FromFile, Name: f.name, Line: 1, Column: 1}, Text: "cannot be read"}
	if e, ok := errors.AsType[yaml.Error](err); ok {
		p.Origin = f.at(e.GetToken())
		p.Path = f.values[*e.GetToken().Position]
	}
	switch e, ok := errors.AsType[*yaml.UnknownFieldError](err); {
	case ok:
		p.Text = e.GetMessage()
	case p.Path != "":
		p.Text = fmt.Sprintf("is not %s", want(typeAt(p.Path)))
	default:
		p.Text = "is not " + want(reflect.TypeFor[Config]())
	}
	f.ps.list = append(f.ps.list, p)
}

// typeAt returns the type of the value at a path that the index knows.
func typeAt(path string) reflect.Type {
	t := reflect.TypeFor[Config]()
	for key := range strings.SplitSeq(path, ".") {
		name, index, _ := strings.Cut(key, "[")
		if field, ok := fieldOf(t, name); ok {
			t = field.Type
		}
		if index != "" && t.Kind() == reflect.Slice {
			t = t.Elem()
		}
	}
	return t
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for field := range t.Fields() {
		if tag := field.Tag.Get("yaml"); tag == key && tag != "-" {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for field := range t.Fields() {
		if tag := field.Tag.Get("yaml"); tag != "" && tag != "-" {
			keys = append(keys, tag)
		}
	}
	return keys
}

// suggest says which key was meant, or which there are.
func suggest(key string, keys []string) string {
	near := slices.MinFunc(keys, func(a, b string) int { return distance(key, a) - distance(key, b) })
	if distance(key, near) <= 2 {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "there are " + strings.Join(keys, ", ")
}

// distance counts the insertions, deletions and replacements from a to b
// (Levenshtein), bytes for letters: keys are ASCII.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
