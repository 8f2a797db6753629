package scimtest

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// Memory keeps the resources of all types of a set. It is safe for concurrent use.
type Memory struct {
	set *schema.Set

	mu      sync.Mutex // guards what follows
	last    int        // number of the resource created last
	rows    []*row     // in order of creation
	byID    map[string]*row
	quirks  quirks
	gone    []*row                   // deleted ones that quirks still know
	waiting map[string]chan struct{} // by id: an update that waits for a second one, see quirks.lostUpdates
}

// row is one resource. Its document is never altered, only replaced.
type row struct {
	typ      *schema.ResourceType
	id       string
	version  int
	created  time.Time
	modified time.Time
	doc      schema.Object
	raw      []byte
	links    map[string][]*row // by relation, in the order in which they were added
}

// NewMemory returns an empty memory for the types of a set.
func NewMemory(set *schema.Set) *Memory {
	return &Memory{set: set, byID: make(map[string]*row), waiting: make(map[string]chan struct{})}
}

// Stores returns a store for every type, all on this memory, with versions and sorting.
func (m *Memory) Stores() map[string]server.Store {
	return m.StoresWith(server.Features{Versions: true, Sort: true})
}

// StoresWith returns a store for every type, all on this memory, that says it can do this and no more; it can do
// everything.
func (m *Memory) StoresWith(f server.Features) map[string]server.Store {
	stores := make(map[string]server.Store, len(m.set.Types))
	for _, t := range m.set.Types {
		stores[t.Name] = &store{m, t, f}
	}
	return stores
}

// store is the resources of one type.
type store struct {
	*Memory
	typ      *schema.ResourceType
	features server.Features
}

var (
	_ server.Store     = (*store)(nil)
	_ server.Describer = (*store)(nil)
)

// Features implements server.Describer.
func (s *store) Features() server.Features { return s.features }

// Get implements server.Store.
func (s *store) Get(_ context.Context, id string, w *server.Want) (*server.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	return s.resource(r, w), nil
}

// Find implements server.Store. What is emitted is how things were when it began.
func (s *store) Find(ctx context.Context, q *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	snapshot := s.snapshot(q.Reads())
	return q.Scan(func(yield func(*server.Resource, error) bool) {
		for _, r := range snapshot {
			if !yield(r, ctx.Err()) {
				return
			}
		}
	}, emit)
}

func (s *store) snapshot(w *server.Want) []*server.Resource {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*server.Resource
	for _, r := range s.rows {
		if r.typ == s.typ {
			all = append(all, s.resource(r, w))
		}
	}
	return all
}

// Create implements server.Store.
func (s *store) Create(_ context.Context, in *server.Resource, d *scim.Dialect) (*server.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &row{typ: s.typ, version: 1, created: now()}
	r.modified = r.created
	r.set(in.Attrs)
	if err := s.checkUnique(r); err != nil {
		return nil, err
	}
	var edits []server.LinkEdit
	for name, refs := range in.Relations {
		edit, err := linkSet(name, refs)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit)
	}
	links, err := s.linksAfter(r, edits, d)
	if err != nil {
		return nil, err
	}
	r.links, r.id = links, s.newID(in.ID, r)
	s.rows = append(s.rows, r)
	s.byID[r.id] = r
	return s.resource(r, nil), nil
}

// newID returns the id of a new row: the one that is given, or the next.
func (s *store) newID(given string, r *row) string {
	if given != "" {
		return given
	}
	if id := s.formerID(r); id != "" {
		return id
	}
	s.last++
	return strings.ToLower(s.typ.Name) + "-" + strconv.Itoa(s.last)
}

// Update implements server.Store. Apply runs while everything else waits.
func (s *store) Update(ctx context.Context, id string, e *server.Edit) (*server.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	before := *r
	if err := s.pair(ctx, id); err != nil {
		return nil, err
	}
	if s.quirks.lostUpdates {
		r = &before
	}
	cur := s.resource(r, &server.Want{})
	if err := e.If.Check(cur.Version); err != nil {
		return nil, err
	}
	next, err := e.Apply(cur)
	if err != nil {
		return nil, err
	}
	links, err := s.linksAfter(r, e.Links, e.Dialect)
	if err != nil {
		return nil, err
	}
	changed := *r
	if next != cur {
		changed.set(next.Attrs)
		if err := s.checkUnique(&changed); err != nil {
			return nil, err
		}
	}
	if next != cur || !equalLinks(r.links, links) || s.quirks.alwaysTouch {
		changed.links = links
		changed.touch()
		if r = s.byID[id]; r == nil {
			return nil, scim.NotFound(id)
		}
		*r = changed
	}
	return s.resource(r, e.Want), nil
}

// Delete implements server.Store. Whoever referred to the resource no longer does.
func (s *store) Delete(_ context.Context, id string, c server.Cond) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return err
	}
	if err := c.Check(strconv.Itoa(r.version)); err != nil {
		return err
	}
	delete(s.byID, id)
	s.rows = slices.DeleteFunc(s.rows, func(other *row) bool { return other == r })
	s.gone = append(s.gone, r)
	if s.quirks.keepMembers {
		return nil
	}
	for _, other := range s.rows {
		for name, targets := range other.links {
			if i := slices.Index(targets, r); i >= 0 {
				other.links[name] = slices.Delete(slices.Clone(targets), i, i+1)
				other.touch()
			}
		}
	}
	return nil
}

// find returns the row of an id of this type.
func (s *store) find(id string) (*row, error) {
	if r := s.byID[id]; r != nil && r.typ == s.typ {
		return r, nil
	}
	return nil, scim.NotFound(id)
}

// resource returns a row as the server gets it, with the relations that are wanted.
func (m *Memory) resource(r *row, w *server.Want) *server.Resource {
	out := &server.Resource{
		ID: r.id, Version: strconv.Itoa(r.version), Created: r.created, Modified: r.modified,
		Attrs: r.doc, Raw: r.raw, Relations: make(map[string]iter.Seq2[server.Ref, error]),
	}
	for _, a := range r.typ.Schema.Attributes {
		if !a.Relation || !w.Has(a.Name) {
			continue
		}
		refs := r.refs(a.Name)
		if a.Mutability == schema.ReadOnly {
			refs = m.referrers(r)
		}
		out.Relations[a.Name] = stream(refs)
	}
	return out
}

// refs returns the values of a relation that clients write.
func (r *row) refs(relation string) []server.Ref {
	refs := make([]server.Ref, 0, len(r.links[relation]))
	for _, target := range r.links[relation] {
		refs = append(refs, target.ref(""))
	}
	return refs
}

// referrers returns the values of a derived relation (User.groups): who refers to the
// row, directly or through others (RFC 7643 §4.1.2).
func (m *Memory) referrers(r *row) []server.Ref {
	var refs []server.Ref
	seen := map[*row]bool{r: true}
	kind := "direct"
	for level := []*row{r}; len(level) > 0; kind = "indirect" {
		var above []*row
		for _, other := range m.rows {
			if !seen[other] && other.refersToAny(level) {
				seen[other] = true
				above = append(above, other)
				refs = append(refs, other.ref(kind))
			}
		}
		level = above
	}
	return refs
}

func (r *row) refersToAny(targets []*row) bool {
	for _, links := range r.links {
		for _, t := range targets {
			if slices.Contains(links, t) {
				return true
			}
		}
	}
	return false
}

func (r *row) ref(kind string) server.Ref {
	display, _ := r.doc["displayName"].(string)
	if display == "" {
		display, _ = r.doc["userName"].(string)
	}
	return server.Ref{Value: r.id, Type: r.typ.Name, Display: display, Kind: kind}
}

func stream(refs []server.Ref) iter.Seq2[server.Ref, error] {
	return func(yield func(server.Ref, error) bool) {
		for _, r := range refs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// set gives the row another document.
func (r *row) set(doc schema.Object) {
	r.doc, r.raw = doc, r.typ.Append(nil, doc)
}

// touch makes the row a new version. Times are told apart however fast one follows another.
func (r *row) touch() {
	r.version++
	if t := now(); t.After(r.modified) {
		r.modified = t
	} else {
		r.modified = r.modified.Add(time.Millisecond)
	}
}

// now is the time as it is sent, so that nothing changes on the way.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// checkUnique refuses a document with a value that is to be unique and that another
// resource of the type has (RFC 7643 §7).
func (m *Memory) checkUnique(r *row) error {
	if m.quirks.duplicates {
		return nil
	}
	for p := range r.typ.Paths() {
		if p.Attr.Name == "id" || p.Attr.Uniqueness == schema.UniqueNone {
			continue
		}
		for v := range p.Values(r.doc) {
			if m.taken(r, p, m.uniqueKey(p.Attr, v)) {
				return scim.Taken(p.String())
			}
		}
	}
	return nil
}

func (m *Memory) taken(r *row, p schema.Path, key any) bool {
	others := m.rows
	if m.quirks.blockNames {
		others = slices.Concat(m.rows, m.gone)
	}
	for _, other := range others {
		if other.typ != r.typ || other.id == r.id {
			continue
		}
		for v := range p.Values(other.doc) {
			if m.uniqueKey(p.Attr, v) == key {
				return true
			}
		}
	}
	return false
}

// uniqueKey returns the form in which a value is unique.
func (m *Memory) uniqueKey(a *schema.Attribute, v any) any {
	if m.quirks.exactNames {
		return v
	}
	return m.set.Key(a, v)
}
