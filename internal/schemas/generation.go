package schemas

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// generation is one generation of a tenant's definitions, built. It does not change.
type generation struct {
	number  int
	at      time.Time
	defs    *schema.Definitions // as they are stored; in no set
	dropped []directory.Dropped
	work    []store.Work
	dir     *directory.Directory
}

// stored is the form of store.Schema.Body.
type stored struct {
	Definitions jsontext.Value `json:"definitions"`
	Dropped     []dropped      `json:"dropped,omitempty"`
}

// dropped is a directory.Dropped as it is stored.
type dropped struct {
	Type   string `json:"type"`
	Before int    `json:"before"`
	Schema string `json:"schema"`
	Attr   string `json:"attribute,omitempty"`
	Sub    string `json:"subAttribute,omitempty"`
}

// read makes the generation that the store has in force.
func (r *Registry) read(ctx context.Context, t store.Tenant) (*generation, error) {
	s, err := r.store.Schema(ctx, t)
	if err != nil {
		return nil, err
	}
	if s.Gen == r.plain.number && s.Body == nil && len(s.Work) == 0 {
		return r.plain, nil
	}
	g := &generation{number: s.Gen, at: s.At, work: s.Work, defs: &schema.Definitions{}}
	if s.Body != nil {
		if err := g.decode(s.Body); err != nil {
			return nil, fmt.Errorf("stored definitions of generation %d: %w", s.Gen, err)
		}
	}
	if err := g.build(r.base); err != nil {
		return nil, fmt.Errorf("stored definitions of generation %d: %w", s.Gen, err)
	}
	return g, nil
}

func (g *generation) decode(body []byte) error {
	var s stored
	if err := json.Unmarshal(body, &s); err != nil {
		return err
	}
	var err error
	if g.defs, _, err = schema.Load(s.Definitions); err != nil {
		return err
	}
	for _, d := range s.Dropped {
		g.dropped = append(g.dropped, directory.Dropped(d))
	}
	return nil
}

// encode is the inverse of decode.
func (g *generation) encode() ([]byte, error) {
	s := stored{Definitions: g.defs.JSON()}
	for _, d := range g.dropped {
		s.Dropped = append(s.Dropped, dropped(d))
	}
	return json.Marshal(s)
}

// build makes the directory of the generation.
func (g *generation) build(base *directory.Directory) error {
	set, err := newSet(g.defs)
	if err != nil {
		return err
	}
	s := directory.Schemas{Gen: g.number, Set: set, Dropped: g.dropped}
	building := slices.ContainsFunc(g.work, func(w store.Work) bool { return !w.Unique })
	if building {
		// Entries are written for all indexes, searches use those that are complete.
		s.Index = set
		if s.Set, err = newSet(g.defs); err != nil {
			return err
		}
	}
	for _, w := range g.work {
		if w.Unique {
			s.Claiming = append(s.Claiming, w)
			continue
		}
		if p, ok := find(s.Set, w); ok {
			p.Leaf().Indexed = false
		}
	}
	g.dir = base.With(s)
	return nil
}

// find returns the attribute that work is for.
func find(set *schema.Set, w store.Work) (schema.Path, bool) {
	t := set.Type(w.Type)
	if t == nil {
		return schema.Path{}, false
	}
	p, err := t.Resolve(w.Attr, nil)
	return p, err == nil && p.Attr != nil
}

// newSet builds the set of definitions as the hub has it: strings folded by directory.Fold, Group.displayName unique.
func newSet(defs *schema.Definitions) (*schema.Set, error) {
	if err := check(defs); err != nil {
		return nil, err
	}
	set, err := schema.Build(directory.Fold, withGroups(defs))
	if err != nil {
		return nil, err
	}
	group := set.Type(store.TypeGroup)
	schema.UniqueGroups()(nil, group)
	admit(group, set)
	return set, nil
}

// withGroups returns the definitions with the attribute groups of resource types made one that is derived from
// memberships, as that of users is: nobody else could ever give it a value.
func withGroups(defs *schema.Definitions) *schema.Definitions {
	out := &schema.Definitions{Types: defs.Types}
	for _, s := range defs.Schemas {
		s = s.Clone()
		for _, a := range s.Attributes {
			if a.Name == "groups" && a.Mutability == schema.ReadOnly && a.MultiValued && refersToGroups(a) && isBase(defs, s.ID) {
				a.Relation = true
			}
		}
		out.Schemas = append(out.Schemas, s)
	}
	return out
}

// refersToGroups reports whether the values of an attribute that is in no set yet name groups.
func refersToGroups(a *schema.Attribute) bool {
	has := func(name string, ok func(*schema.Attribute) bool) bool {
		return slices.ContainsFunc(a.SubAttributes, func(s *schema.Attribute) bool { return s.Name == name && ok(s) })
	}
	return has("value", func(*schema.Attribute) bool { return true }) &&
		has("$ref", func(s *schema.Attribute) bool { return slices.Contains(s.ReferenceTypes, store.TypeGroup) })
}

// isBase reports whether a schema is that of a resource type, not an extension.
func isBase(defs *schema.Definitions, id string) bool {
	return slices.ContainsFunc(defs.Types, func(t schema.TypeDefinition) bool { return strings.EqualFold(t.Schema, id) })
}

// admit lets everything be a member of groups that says which groups it is in, as devices do (RFC 9944).
func admit(group *schema.ResourceType, set *schema.Set) {
	members := group.Schema.Attribute("members")
	for _, t := range set.Types {
		groups := t.Schema.Attribute("groups")
		if groups == nil || !groups.Relation || slices.Contains(members.Sub("$ref").ReferenceTypes, t.Name) {
			continue
		}
		members.Sub("$ref").ReferenceTypes = append(members.Sub("$ref").ReferenceTypes, t.Name)
		members.Sub("type").CanonicalValues = append(members.Sub("type").CanonicalValues, t.Name)
	}
}
