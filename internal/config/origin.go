package config

import (
	"fmt"
	"strings"
)

// Source is the kind of place a value came from.
type Source string

// The sources, the strongest last.
const (
	FromDefault     Source = "default"
	FromFile        Source = "file"
	FromEnvironment Source = "environment"
	FromFlag        Source = "flag"
)

// An Origin says where a value came from.
type Origin struct {
	Source Source
	Name   string // the file's path, the variable or the flag; empty for a default
	Line   int    // in the file, from 1
	Column int    // in the file, from 1
}

// String returns "muster.yaml:14", "MUSTER_LISTEN", "--listen" or "default".
func (o Origin) String() string {
	switch o.Source {
	case FromFile:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	case FromEnvironment, FromFlag:
		return o.Name
	default:
		return string(FromDefault)
	}
}

// Origin says where the value at a path came from: "listen", "log.level",
// "targets[1].url".
func (c *Config) Origin(path string) Origin {
	if o, ok := c.origins[path]; ok {
		return o
	}
	return Origin{Source: FromDefault}
}

// nearest is the origin of a path, or of the innermost thing around it that has
// one: a missing url is a problem of the target that misses it.
func (c *Config) nearest(path string) Origin {
	for {
		if o, ok := c.origins[path]; ok {
			return o
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return Origin{Source: FromDefault}
		}
		path = path[:i]
	}
}
