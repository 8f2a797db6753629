package scimtest

import (
	"net/http"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// NewService returns a service of users and groups as RFC 7643 defines them, with nobody in it.
func NewService(base string, p scim.Profile) *server.Service {
	var options []schema.Option
	if p.Switches.Has(scim.UniqueGroups) {
		options = append(options, schema.UniqueGroups())
	}
	return ServiceOf(schema.Core(nil, options...), base, p)
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
