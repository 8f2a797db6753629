package scimtest

import (
	"net/http"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// NewService returns a service of users and groups as RFC 7643 defines them, with nobody in it.
func NewService(base string, p scim.Profile) *server.Service {
	return ServiceOf(coreSet(p), base, p)
}

// coreSet returns users and groups as the profile wants them.
func coreSet(p scim.Profile) *schema.Set {
	var options []schema.Option
	if p.Switches.Has(scim.UniqueGroups) {
		options = append(options, schema.UniqueGroups())
	}
	return schema.Core(nil, options...)
}

// ServiceOf returns a service of the resource types of a set, with nobody in it.
func ServiceOf(set *schema.Set, base string, p scim.Profile) *server.Service {
	return &server.Service{
		Base: base, Schemas: set, Profile: p, Subject: "test",
		Stores: NewMemory(set).Stores(),
	}
}

// Open returns a server.Open that lets everybody in.
func Open(s *server.Service) server.Open {
	return func(*http.Request) (*server.Service, error) { return s, nil }
}
