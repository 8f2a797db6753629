package schemas

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// Overview is what a tenant's schemas are now.
type Overview struct {
	Generation int
	Since      time.Time // zero: nothing was ever defined
	Schemas    []Listed
}

// Listed is a schema in an overview.
type Listed struct {
	ID          string
	Name        string
	Description string
	Added       bool     // by the tenant; else built in
	Of          []string // resource types whose schema it is
	Extends     []string // resource types that it is an extension of
	Indexing    []string // attributes whose index is being made
}

// List returns the schemas of a tenant, those of the protocol itself left out.
func (r *Registry) List(ctx context.Context, number store.Tenant) (Overview, error) {
	t, err := r.tenant(ctx, number)
	if err != nil {
		return Overview{}, err
	}
	g := t.now.Load()
	o := Overview{Generation: g.number, Since: g.at}
	set := g.dir.Set()
	for _, s := range set.Schemas() {
		l := g.listed(set, s)
		if len(l.Of)+len(l.Extends) > 0 {
			o.Schemas = append(o.Schemas, l)
		}
	}
	for _, s := range g.defs.Schemas {
		if set.Schema(s.ID) == nil { // no resource type uses it
			o.Schemas = append(o.Schemas, g.listed(set, s))
		}
	}
	return o, nil
}

func (g *generation) listed(set *schema.Set, s *schema.Schema) Listed {
	l := Listed{ID: s.ID, Name: s.Name, Description: s.Description, Added: definedIn(g.defs, s.ID) != nil}
	for _, t := range set.Types {
		if t.Schema == s {
			l.Of = append(l.Of, t.Name)
		}
		if slices.ContainsFunc(t.Extensions, func(e schema.Extension) bool { return e.Schema == s }) {
			l.Extends = append(l.Extends, t.Name)
		}
	}
	for _, w := range g.work {
		if p, ok := find(set, w); ok && !w.Unique && definitionOf(s, set.Type(w.Type), p) != nil {
			l.Indexing = append(l.Indexing, w.Attr)
		}
	}
	return l
}

func definedIn(defs *schema.Definitions, urn string) *schema.Schema {
	i := slices.IndexFunc(defs.Schemas, func(s *schema.Schema) bool { return strings.EqualFold(s.ID, urn) })
	if i < 0 {
		return nil
	}
	return defs.Schemas[i]
}

// Show returns the definition of a schema, and those of the resource types that use it, as Add takes them.
func (r *Registry) Show(ctx context.Context, number store.Tenant, urn string) ([]byte, error) {
	t, err := r.tenant(ctx, number)
	if err != nil {
		return nil, err
	}
	g := t.now.Load()
	s := definedIn(g.defs, urn)
	if s == nil {
		s = g.dir.Set().Schema(urn)
	}
	if s == nil {
		return nil, fmt.Errorf("schema %s: %w", urn, store.ErrNotFound)
	}
	out := &schema.Definitions{Schemas: []*schema.Schema{s.Clone()}}
	for _, d := range g.defs.Types {
		extension := slices.ContainsFunc(d.Extensions, func(e schema.ExtensionDefinition) bool { return strings.EqualFold(e.Schema, urn) })
		if extension || strings.EqualFold(d.Schema, urn) {
			out.Types = append(out.Types, d)
		}
	}
	return out.JSON(), nil
}
