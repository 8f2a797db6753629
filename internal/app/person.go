package app

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// personal narrows a service to what the one person sees whom a token speaks for, and makes /Me stand for them. The
// person is looked up for each request: an inactive one is refused, of one who is gone there is nothing left to see.
func (a *App) personal(ctx context.Context, p access.Principal, dir *directory.Directory, svc *server.Service) (*server.Service, error) {
	inactive, err := dir.Inactive(ctx, p.Tenant, p.User)
	if err != nil {
		return svc, err
	}
	if inactive {
		return &server.Service{Base: svc.Base}, a.denied(requestOf(ctx), &access.Error{Status: http.StatusUnauthorized, Reason: access.ReasonInactive})
	}
	users := svc.Stores[store.TypeUser]
	if svc.Schemas, err = a.self.of(svc.Schemas); err != nil {
		return svc, err
	}
	svc.Stores = map[string]server.Store{store.TypeUser: directory.Self(users, p.User)}
	svc.Do, svc.NewID = nil, nil // which would pass by that store
	svc.Subject += "/" + p.User
	svc.Me = &server.Ref{Type: store.TypeUser, Value: p.User}
	return svc, nil
}

// selfSchemas keeps the schemas for people that were made of the schemas asked for last: they change seldom.
type selfSchemas struct {
	mu       sync.Mutex // guards what follows
	set, own *schema.Set
}

func (s *selfSchemas) of(set *schema.Set) (*schema.Set, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set != set {
		own, err := directory.SelfSchemas(set)
		if err != nil {
			return nil, fmt.Errorf("make the schemas of a person: %w", err)
		}
		s.set, s.own = set, own
	}
	return s.own, nil
}
