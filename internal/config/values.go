package config

import (
	"fmt"
	"reflect"
	"strings"
)

// A Value is one value of a configuration as `muster config` shows it. Secrets are
// not among them: only where they come from is.
type Value struct {
	Path   string `json:"key"`   // "log.level"
	Value  string `json:"value"` // empty if there is none
	Origin string `json:"from"`  // as Origin.String says it
}

// Values returns every value in the order of the documentation.
func (c *Config) Values() []Value {
	return c.values(nil, "", reflect.ValueOf(c).Elem())
}

func (c *Config) values(to []Value, prefix string, v reflect.Value) []Value {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		path, f := prefix+name, v.Field(i)
		switch {
		case f.Kind() == reflect.Struct:
			to = c.values(to, path+".", f)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			for j := range f.Len() {
				to = c.values(to, fmt.Sprintf("%s[%d].", path, j), f.Index(j))
			}
		case f.Kind() == reflect.Slice:
			items := make([]string, f.Len())
			for j := range items {
				items[j] = fmt.Sprint(f.Index(j))
			}
			to = append(to, Value{path, strings.Join(items, ", "), c.Origin(path).String()})
		default:
			to = append(to, Value{path, fmt.Sprint(f), c.Origin(path).String()})
		}
	}
	return to
}
