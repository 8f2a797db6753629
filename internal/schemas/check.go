package schemas

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim/schema"
)

var (
	// schemaID has no slash: the definition has to be found at /Schemas/{id}, and paths with encoded slashes are refused.
	schemaID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*:[A-Za-z0-9._~:%+-]+$`)
	typeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	// reserved are the paths of the protocol, which no resource type may have.
	reserved = []string{"/Bulk", "/Me", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/.search"}
)

// The most that a tenant may define, so that discovery and every document stay small.
const (
	maxSchemas    = 100
	maxTypes      = 50
	maxAttributes = 1000
)

// check finds what the hub cannot do with definitions that are right by themselves. The error names everything.
func check(defs *schema.Definitions) error {
	var c checker
	if len(defs.Schemas) > maxSchemas || len(defs.Types) > maxTypes {
		c.problem("%d schemas and %d resource types are defined; %d and %d are allowed", len(defs.Schemas), len(defs.Types), maxSchemas, maxTypes)
	}
	for _, t := range defs.Types {
		if !typeName.MatchString(t.Name) {
			c.problem("resource type %q: a name is a letter followed by up to 63 letters, digits, - and _", t.Name)
		}
		if slices.ContainsFunc(reserved, func(path string) bool { return strings.EqualFold(path, t.Endpoint) }) {
			c.problem("resource type %q: the endpoint %s is one of the protocol", t.Name, t.Endpoint)
		}
	}
	for i, t := range defs.Types {
		for _, other := range defs.Types[:i] {
			if t.Name != other.Name && strings.EqualFold(t.Name, other.Name) {
				c.problem("resource types %q and %q differ in case only", other.Name, t.Name)
			}
		}
	}
	for _, s := range defs.Schemas {
		c.base = isBase(defs, s.ID)
		if len(s.Attributes) > maxAttributes {
			c.problem("schema %s has %d attributes; %d are allowed", s.ID, len(s.Attributes), maxAttributes)
		}
		for _, a := range s.Attributes {
			c.attribute(s.ID+": attribute "+a.Name, a)
		}
	}
	return errors.Join(c.problems...)
}

// checkIDs finds ids of added schemas that would not do among all: those that /Schemas/{id} cannot serve, and those that
// a filter cannot tell from an attribute. What is stored is not asked: a hub starts with what it once took.
func checkIDs(added, all *schema.Definitions) error {
	var c checker
	full := fullNames(all)
	for _, s := range added.Schemas {
		if !schemaID.MatchString(s.ID) {
			c.problem("schema %q: its id is not a URN such as urn:example:params:scim:schemas:extension:badge:1.0:User, of letters, digits and -._~:%%+", s.ID)
		}
		if full[strings.ToLower(s.ID)] {
			c.problem("schema %s: its id is the full name of an attribute too, so that a filter could mean either", s.ID)
		}
	}
	return errors.Join(c.problems...)
}

// fullNames returns the names behind URNs of all attributes that are defined or built in, in small letters.
func fullNames(defs *schema.Definitions) map[string]bool {
	list := slices.Clone(defs.Schemas)
	for _, t := range []*schema.ResourceType{schema.User(), schema.Group()} {
		list = append(list, t.Schema)
		for _, e := range t.Extensions {
			list = append(list, e.Schema)
		}
	}
	names := map[string]bool{}
	for _, s := range list {
		for _, a := range s.Attributes {
			names[strings.ToLower(s.ID+":"+a.Name)] = true
		}
	}
	return names
}

type checker struct {
	problems []error
	base     bool // the schema is one of a resource type, not an extension
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

func (c *checker) attribute(at string, a *schema.Attribute) {
	kept := a.Type != schema.Complex && a.Returned != schema.ReturnedNever
	if a.Indexed && !kept {
		c.problem("%s: what is complex or never returned cannot be indexed; mark the sub-attribute that is searched", at)
	}
	if unique(a) && !kept {
		c.problem("%s: what is never returned is not stored, so it cannot be kept unique", at)
	}
	if a.Relation && !(c.base && a.Name == "groups" && a.Mutability == schema.ReadOnly) {
		c.problem("%s: the only relation that a definition can have is a readOnly attribute groups in the schema of a resource type", at)
	}
	for _, s := range a.SubAttributes {
		c.attribute(at+"."+s.Name, s)
	}
}

func unique(a *schema.Attribute) bool {
	return a.Uniqueness == schema.UniqueServer || a.Uniqueness == schema.UniqueGlobal
}
