package directory

import (
	"slices"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// kind is a resource type with what the rules of the domain say about it.
type kind struct {
	*schema.ResourceType
	set     *schema.Set
	indexed *schema.ResourceType // the same with all indexes that are asked for; see Schemas.Index

	person    bool        // a person: may be rehired
	lifecycle bool        // has active, whose change has events of its own
	unique    []unique    // attributes kept unique by a claim
	members   *relation   // the edges of which it is the parent; nil: none
	groups    *relation   // the edges of which it is the child, derived; nil: none
	manager   schema.Path // a reference to a User kept in the document; Attr nil: none

	gen      int // of the schemas
	dropped  []Dropped
	readable int // documents of this generation on hold nothing that was dropped
}

// relation is an attribute that is kept as edges.
type relation struct {
	name string
	rel  store.Rel
	of   []string // resource types at the other end; empty: any
}

// unique is an attribute that no two live resources of a tenant share.
type unique struct {
	scope string
	path  schema.Path
	// optional: only dialects with UniqueGroups insist on it (AMB-25).
	optional bool
	// claiming: older resources have no claims yet; see Schemas.Claiming.
	claiming bool
}

func newKind(s *Schemas, t *schema.ResourceType) *kind {
	k := &kind{ResourceType: t, set: s.Set, gen: s.Gen, indexed: s.Index.Type(t.Name), person: t.Name == store.TypeUser}
	for _, a := range t.Schema.Attributes {
		k.learn(schema.Path{Attr: a})
	}
	for _, e := range t.Extensions {
		for _, a := range e.Schema.Attributes {
			k.learn(schema.Path{Extension: e.Schema, Attr: a})
		}
	}
	for i := range k.unique {
		u := &k.unique[i]
		u.claiming = slices.Contains(s.Claiming, store.Work{Type: t.Name, Attr: u.path.String(), Unique: true})
	}
	k.learnDropped(s.Dropped)
	return k
}

// index returns what a resource with this document is found by.
func (k *kind) index(doc schema.Object) store.Index {
	return store.MakeIndex(k.indexed.Set(), k.indexed, doc)
}

func (k *kind) learn(p schema.Path) {
	a := p.Attr
	if a.Relation {
		r := &relation{name: a.Name, rel: store.Members, of: endTypes(a)}
		if a.Mutability == schema.ReadOnly {
			k.groups = r
		} else {
			k.members = r
		}
		return
	}
	if p.Extension == nil && a.Name == "active" && a.Type == schema.Boolean && !a.MultiValued {
		k.lifecycle = true
	}
	if u, ok := uniqueness(k.Name, p); ok {
		k.unique = append(k.unique, u)
	}
	for _, sub := range a.SubAttributes {
		p := schema.Path{Extension: p.Extension, Attr: a, Sub: sub}
		if u, ok := uniqueness(k.Name, p); ok {
			k.unique = append(k.unique, u)
		}
	}
	if p.Extension != nil && p.Extension.ID == scim.EnterpriseUserSchema && a.Name == "manager" {
		k.manager = p
	}
}

// uniqueness returns the rule of an attribute that is unique. userName and the displayName
// of groups have short names: they are in stored claims.
func uniqueness(typ string, p schema.Path) (unique, bool) {
	name := p.String()
	switch {
	case typ == store.TypeUser && name == userName:
		return unique{scope: "userName", path: p}, true
	case typ == store.TypeGroup && name == "displayName":
		return unique{scope: "groupName", path: p, optional: true}, true
	case p.Attr.Uniqueness == schema.UniqueServer || p.Attr.Uniqueness == schema.UniqueGlobal:
		return unique{scope: Scope(typ, name), path: p}, true
	}
	return unique{}, false
}

// Scope names the claims of an attribute of a resource type, given by its path.
func Scope(typ, path string) string { return typ + ":" + path }

// endTypes returns the resource types that the values of a relation may name.
func endTypes(a *schema.Attribute) []string {
	if ref := a.Sub("$ref"); ref != nil {
		return ref.ReferenceTypes
	}
	return nil
}

// allows reports whether a resource of that type may be at the other end.
func (r *relation) allows(typ string) bool {
	return len(r.of) == 0 || slices.Contains(r.of, typ)
}
