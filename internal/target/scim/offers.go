package scim

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/target"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// Every application is taken to have User, with the Enterprise extension, and Group. What a tenant has defined beside
// these goes only to an application that lists it in its ResourceTypes, and else is left out in silence.

// builtIn reports whether a type is one that every application is taken to have.
func builtIn(typ string) bool { return typ == "User" || typ == "Group" }

// offered returns the resource without what the application does not have; nil: it has none such at all.
func (t *Target) offered(ctx context.Context, typ *schema.ResourceType, r *target.Resource) (*target.Resource, error) {
	var own []string // extensions that the document has and that are not built in
	for _, e := range typ.Extensions {
		if _, there := r.Document[e.Schema.ID]; there && e.Schema.ID != protocol.EnterpriseUserSchema {
			own = append(own, e.Schema.ID)
		}
	}
	if builtIn(typ.Name) && len(own) == 0 {
		return r, nil
	}
	types, err := t.peer.resourceTypes(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(types, func(o client.ResourceType) bool {
		return strings.EqualFold(o.Schema, typ.Schema.ID) && o.Endpoint == typ.Endpoint
	})
	if i < 0 && !builtIn(typ.Name) {
		return nil, nil
	}
	known := func(id string) bool {
		return i >= 0 && slices.ContainsFunc(types[i].Extensions, func(e client.SchemaExtension) bool { return strings.EqualFold(e.Schema, id) })
	}
	out := *r
	out.Document = maps.Clone(r.Document)
	for _, id := range own {
		if !known(id) {
			delete(out.Document, id)
		}
	}
	return &out, nil
}

// resourceTypes returns what the application says that it has, for an hour; nothing where it says nothing.
func (p *peer) resourceTypes(ctx context.Context) ([]client.ResourceType, error) {
	p.mu.Lock()
	types, known := p.types, time.Now().Before(p.typesUntil)
	p.mu.Unlock()
	if known {
		return types, nil
	}
	types, err := p.client.ResourceTypes(ctx)
	valid := knownFor
	if e, ok := errors.AsType[*client.Error](err); ok && e.Status != 0 && e.Status != http.StatusUnauthorized && e.Status != http.StatusTooManyRequests {
		// Many applications have no discovery. One that fails at it for now may do better in a minute.
		if e.Status >= http.StatusInternalServerError {
			valid = guessedFor
		}
		types, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.types, p.typesUntil = types, time.Now().Add(valid)
	return types, nil
}
