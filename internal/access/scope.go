package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/muster-id/muster/internal/store"
)

// Scopes are what a credential may do (AUTH-71). They are compared as whole segments, so that scim.users does not grant
// scim.users-admin. The zero Scopes grant nothing.
type Scopes []string

// ScopeAll grants everything that a source may do.
const ScopeAll = "scim"

// scopes are those that there are, with what they grant.
var scopes = []struct{ name, grants string }{
	{ScopeAll, "everything that a source may do"},
	{"scim.read", "reading resources of every type"},
	{"scim.write", "creating, changing and deleting resources of every type"},
	{"scim.users.read", "reading users"},
	{"scim.users.write", "creating, changing and deleting users"},
	{"scim.groups.read", "reading groups"},
	{"scim.groups.write", "creating, changing and deleting groups"},
	{"scim.bulk", "bulk requests; each operation needs the scope of what it does as well"},
}

// ScopeNames returns the scopes that there are.
func ScopeNames() []string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = s.name
	}
	return names
}

// ParseScopes reads scopes separated by blanks or commas. None means ScopeAll.
func ParseScopes(text string) (Scopes, error) {
	list := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	for _, name := range list {
		if !slices.Contains(ScopeNames(), name) {
			return nil, fmt.Errorf("there is no scope %q; there are %s", name, strings.Join(ScopeNames(), ", "))
		}
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) == 0 {
		return Scopes{ScopeAll}, nil
	}
	return list, nil
}

// String returns the scopes as OAuth writes them.
func (s Scopes) String() string { return strings.Join(s, " ") }

// Permission is what one request, or one operation of it, needs. The zero Permission needs no more than to be known.
type Permission struct {
	Verb Verb
	Type string // resource type; empty: every type
}

// Verb is what is done.
type Verb string

// The verbs.
const (
	Known Verb = ""
	Read  Verb = "read"
	Write Verb = "write"
	Bulk  Verb = "bulk"
)

// Scope names the narrowest scope that grants the permission.
func (p Permission) Scope() string {
	switch {
	case p.Verb == Known:
		return ScopeAll
	case p.Verb == Bulk:
		return "scim.bulk"
	case p.Type == store.TypeUser:
		return "scim.users." + string(p.Verb)
	case p.Type == store.TypeGroup:
		return "scim.groups." + string(p.Verb)
	}
	return "scim." + string(p.Verb)
}

// Allow reports whether the scopes grant a permission.
func (s Scopes) Allow(p Permission) bool {
	if p.Verb == Known || slices.Contains(s, ScopeAll) || slices.Contains(s, p.Scope()) {
		return true
	}
	return p.Verb != Bulk && slices.Contains(s, "scim."+string(p.Verb))
}

// All reports whether nothing is refused.
func (s Scopes) All() bool { return slices.Contains(s, ScopeAll) }

// errScopes refuses a token of a person that is narrowed: what it may do is narrow already.
var errScopes = errors.New("a token that speaks for one person has no scopes: it reads and changes that person")
