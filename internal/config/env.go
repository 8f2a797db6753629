package config

import (
	"errors"
	"reflect"
	"time"

	"github.com/caarlos0/env/v11"
)

// envPrefix begins the names of our environment variables.
const envPrefix = "MUSTER_"

// A variable is a value that the environment can set.
type variable struct {
	name  string // MUSTER_LOG_LEVEL
	path  string // log.level
	field string // Level
	want  string // what it must be: "true or false"
}

// variables lists what the environment can set, from the tags of Config.
var variables = variablesOf(reflect.TypeFor[Config](), "", envPrefix)

func variablesOf(t reflect.Type, path, prefix string) []variable {
	var all []variable
	for f := range t.Fields() {
		at := path + f.Tag.Get("yaml")
		if nested, ok := f.Tag.Lookup("envPrefix"); ok {
			all = append(all, variablesOf(f.Type, at+".", prefix+nested)...)
		} else if name := f.Tag.Get("env"); name != "" && name != "-" {
			all = append(all, variable{prefix + name, at, f.Name, want(f.Type)})
		}
	}
	return all
}

// want says in words what a value of a type has to be.
func want(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration, such as 10s"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	default:
		return "a mapping of keys to values"
	}
}

// readEnvironment lays the variables over c.
func (c *Config) readEnvironment(ps *problems, environ map[string]string) {
	for _, v := range variables {
		if environ[v.name] != "" {
			c.origins[v.path] = Origin{Source: FromEnvironment, Name: v.name}
		}
	}
	err := env.ParseWithOptions(c, env.Options{Environment: environ, Prefix: envPrefix})
	if err == nil {
		return
	}
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		ps.add("", "the environment cannot be read: %v", err)
		return
	}
	for _, err := range all.Errors {
		parse, ok := errors.AsType[env.ParseError](err)
		for _, v := range variables {
			// Field names are unique among the variables; a test says so.
			if ok && v.field == parse.Name {
				ps.add(v.path, "is not %s", v.want)
			}
		}
	}
}
