package directory

import (
	"context"
	"net/http"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// A credential may speak for one person alone. Whoever has it sees a directory in which there is nobody else, and
// changes of it what people say of themselves: the rest is readOnly (P-3.11-05), in one list for every way to write.

// ownWords are the attributes of a User that the person may change: what they are called and how they are reached. Names
// by which others know, find or trust them, what they may do and where they belong are said by their source.
var ownWords = map[string]bool{
	"displayName": true, "nickName": true, "profileUrl": true, "photos": true,
	"preferredLanguage": true, "locale": true, "timezone": true,
	"phoneNumbers": true, "ims": true, "addresses": true,
}

// SelfSchemas returns the schemas of a set as a person meets them: all of User but ownWords is readOnly.
func SelfSchemas(set *schema.Set) (*schema.Set, error) {
	clones := map[*schema.Schema]*schema.Schema{}
	clone := func(s *schema.Schema) *schema.Schema {
		if clones[s] == nil {
			clones[s] = s.Clone()
		}
		return clones[s]
	}
	types := make([]*schema.ResourceType, len(set.Types))
	for i, t := range set.Types {
		c := &schema.ResourceType{Name: t.Name, Description: t.Description, Endpoint: t.Endpoint, Schema: clone(t.Schema)}
		for _, x := range t.Extensions {
			c.Extensions = append(c.Extensions, schema.Extension{Schema: clone(x.Schema), Required: x.Required})
		}
		types[i] = c
		if t.Name != store.TypeUser {
			continue
		}
		for _, a := range c.Schema.Attributes {
			if !ownWords[a.Name] {
				a.Mutability = schema.ReadOnly
			}
		}
		for _, x := range c.Extensions {
			for _, a := range x.Schema.Attributes {
				a.Mutability = schema.ReadOnly
			}
		}
	}
	return schema.NewSet(set.Fold, types...)
}

// Self returns the users of a directory as the person of that id sees them.
func Self(users server.Store, id string) server.Store { return &self{users, id} }

// self is a server.Store with one resource, or none once that is gone.
type self struct {
	server.Store
	id string
}

var _ server.Describer = (*self)(nil)

// Features implements server.Describer.
func (s *self) Features() server.Features {
	return server.Features{Versions: true, Sort: true, Cursors: true}
}

// Get implements server.Store.
func (s *self) Get(ctx context.Context, id string, w *server.Want) (*server.Resource, error) {
	if id != s.id {
		return nil, scim.NotFound(id)
	}
	return s.Store.Get(ctx, id, w)
}

// Find implements server.Store.
func (s *self) Find(ctx context.Context, q *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	r, err := s.Store.Get(ctx, s.id, q.Reads())
	gone := isNotFound(err)
	return q.Scan(func(yield func(*server.Resource, error) bool) {
		if !gone {
			yield(r, err)
		}
	}, emit)
}

func isNotFound(err error) bool {
	e := scim.AsError(err)
	return e != nil && e.Status == http.StatusNotFound
}

// Create implements server.Store.
func (s *self) Create(context.Context, *server.Resource, *scim.Dialect) (*server.Resource, error) {
	return nil, scim.Errorf(http.StatusForbidden, "this credential speaks for one person and creates nobody")
}

// Update implements server.Store. The schemas of SelfSchemas have refused or dropped what the person may not change; this
// is the lock behind that door, such as for a PATCH of schemas, which takes a whole extension away.
func (s *self) Update(ctx context.Context, id string, e *server.Edit) (*server.Resource, error) {
	if id != s.id {
		return nil, scim.NotFound(id)
	}
	if len(e.Links) > 0 {
		return nil, notOwn("members")
	}
	guarded := *e
	guarded.Apply = func(cur *server.Resource) (*server.Resource, error) {
		next, err := e.Apply(cur)
		if err != nil || next == cur {
			return next, err
		}
		for _, doc := range []schema.Object{cur.Attrs, next.Attrs} {
			for name := range doc {
				if !ownWords[name] && !schema.Equal(cur.Attrs[name], next.Attrs[name]) {
					return nil, notOwn(name)
				}
			}
		}
		return next, nil
	}
	return s.Store.Update(ctx, id, &guarded)
}

func notOwn(name string) error {
	return scim.BadRequest(scim.Mutability, "%s is not yours to change", scim.Quote(name))
}

// Delete implements server.Store.
func (s *self) Delete(ctx context.Context, id string, c server.Cond) error {
	if id != s.id {
		return scim.NotFound(id)
	}
	return s.Store.Delete(ctx, id, c)
}

// Person returns the id of the User of that id or userName, or a 404.
func (d *Directory) Person(ctx context.Context, t store.Tenant, name string) (string, error) {
	row, err := d.store.Get(ctx, t, store.TypeUser, name)
	if err == nil {
		return row.ID, nil
	}
	users, none := d.kind(store.TypeUser), scim.Errorf(http.StatusNotFound, "there is no user with the userName or id %s", scim.Quote(name))
	if name == "" {
		return "", none
	}
	path, err := users.Resolve(userName, nil)
	if err != nil {
		return "", err
	}
	id := ""
	_, err = d.store.Find(ctx, t, &store.Query{
		Type: users.ResourceType, Start: 1, Count: 1,
		Filter: &filter.Compare{Name: userName, Op: filter.Eq, Value: name, Path: path},
	}, func(row *store.Resource) error {
		id = row.ID
		return nil
	})
	switch {
	case err != nil:
		return "", translate(err)
	case id == "":
		return "", none
	}
	return id, nil
}

// Inactive reports whether the User of that id is there and inactive.
func (d *Directory) Inactive(ctx context.Context, t store.Tenant, id string) (bool, error) {
	row, err := d.store.Get(ctx, t, store.TypeUser, id)
	if err != nil {
		if err = translate(err); isNotFound(err) {
			return false, nil
		}
		return false, err
	}
	doc, err := d.Document(row)
	return err == nil && doc["active"] == false, err
}
