package directory_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/server"
)

// TestModel lets random people be hired, renamed, let go and hired again while random groups
// change, and compares everything that can be seen with a model that knows no store: the
// answers, the resources, the memberships, the events, and the documents along the feed.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ids := 0 // the same ones in every run, so that a failure repeats
		h := newHub(t, func(o *directory.Options) { o.NewID = func() string { ids++; return fmt.Sprintf("id-%03d", ids) } })
		m := &model{T: rt, h: h, people: map[string]*modelPerson{}, groups: map[string]*modelGroup{}, body: map[string]string{}}
		defer m.h.db.Close()
		rt.Repeat(map[string]func(*rapid.T){
			"create user":   m.createUser,
			"create group":  m.createGroup,
			"replace user":  m.replaceUser,
			"rename group":  m.renameGroup,
			"edit members":  m.editMembers,
			"delete user":   m.deleteUser,
			"delete group":  m.deleteGroup,
			"sweep":         m.sweep,
			"a day goes by": func(*rapid.T) { m.h.now.Add(24 * time.Hour) },
			"":              m.check,
		})
		m.checkFeed()
	})
}

type modelPerson struct {
	id, person       string
	name, ext, title string
	active, once     bool
	version          int
}

type modelGroup struct {
	id, name string
	members  map[string]bool
	waiting  map[string]time.Time // when it is forgotten
	version  int
	loose    int // versions that sweeping may have added
}

// modelEnded is what is left of somebody.
type modelEnded struct {
	ext, person string
	version     int
}

type model struct {
	*rapid.T
	h      *hub
	people map[string]*modelPerson
	groups map[string]*modelGroup
	ended  []modelEnded
	feed   []string          // what each change should say
	body   map[string]string // of people and groups by person, along the feed
	bodies [][2]string       // before and after of each change
}

var (
	modelNames = []string{"ada", "ADA", "bo", "Bo", "eve"}
	modelExts  = []string{"", "x1", "x2", "x3"}
)

func (p *modelPerson) json() string {
	ext := ""
	if p.ext != "" {
		ext = ",'externalId':'" + p.ext + "'"
	}
	return fmt.Sprintf("{'userName':'%s','active':%t,'title':'%s'%s}", p.name, p.active, p.title, ext)
}

func (m *model) drawPerson(t *rapid.T) modelPerson {
	return modelPerson{
		name:   rapid.SampledFrom(modelNames).Draw(t, "userName"),
		ext:    rapid.SampledFrom(modelExts).Draw(t, "externalId"),
		title:  rapid.SampledFrom([]string{"one", "two"}).Draw(t, "title"),
		active: rapid.Bool().Draw(t, "active"),
	}
}

// pick draws one of the keys of a map, or skips the action.
func pick[V any](t *rapid.T, from map[string]V, what string) string {
	if len(from) == 0 {
		t.Skip("there is none")
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(from))).Draw(t, what)
}

// tell notes a change that should be in the feed. An empty after is a deletion.
func (m *model) tell(typ, id, person string, version int, events, after string) {
	m.feed = append(m.feed, fmt.Sprintf("%s %s %s v%d %s", typ, id, person, version, events))
	m.bodies = append(m.bodies, [2]string{m.body[person], after})
	m.body[person] = after
}

func (m *model) nameTaken(name, but string) bool {
	for id, p := range m.people {
		if id != but && strings.EqualFold(p.name, name) {
			return true
		}
	}
	return false
}

func (m *model) status(err error, want int) {
	m.Helper()
	got := 0
	if e := scim.AsError(err); e != nil {
		got = e.Status
	} else if err != nil {
		m.Fatal(err)
	}
	if got != want {
		m.Fatalf("answered %d, want %d: %v", got, want, err)
	}
}

func (m *model) createUser(t *rapid.T) {
	p := m.drawPerson(t)
	r, err := m.h.users.tryCreate(p.json())
	if m.nameTaken(p.name, "") {
		m.status(err, 409)
		return
	}
	m.status(err, 0)
	p.id, p.person, p.version, p.once = r.ID, r.ID, 1, p.active
	events := "user.created"
	if former := m.former(p.ext); former != nil {
		p.person, p.version = former.person, former.version+1
		events = "user.rehired"
	}
	m.people[p.id] = &p
	m.tell("User", p.id, p.person, p.version, events, string(r.Raw))
	m.join(p.id, p.ext)
}

// former finds who comes back with an externalId: whose record with it ended last, if gone.
func (m *model) former(ext string) *modelEnded {
	if ext == "" {
		return nil
	}
	for _, e := range slices.Backward(m.ended) {
		if e.ext != ext {
			continue
		}
		for _, p := range m.people {
			if p.person == e.person {
				return nil
			}
		}
		// The version is that of the tombstone, whatever record the person is found by.
		for _, last := range slices.Backward(m.ended) {
			if last.person == e.person {
				return &last
			}
		}
	}
	return nil
}

// join puts somebody into the groups that wait for the externalId.
func (m *model) join(id, ext string) {
	for _, g := range m.groupsByAge() {
		until, waits := g.waiting[ext]
		if ext == "" || !waits {
			continue
		}
		delete(g.waiting, ext)
		if m.h.now.Now().After(until) || g.members[id] {
			continue
		}
		g.members[id] = true
		g.version++
		m.tell("Group", g.id, g.id, g.version, "+member", m.body[g.id])
	}
}

func (m *model) groupsByAge() []*modelGroup {
	return slices.SortedFunc(maps.Values(m.groups), func(a, b *modelGroup) int { return cmp.Compare(m.age(a.id), m.age(b.id)) })
}

// age returns the place of a resource's first change.
func (m *model) age(id string) int {
	return slices.IndexFunc(m.feed, func(s string) bool { return strings.Contains(s, id) })
}

func (m *model) replaceUser(t *rapid.T) {
	old := m.people[pick(t, m.people, "user")]
	p := m.drawPerson(t)
	p.id, p.person, p.version = old.id, old.person, old.version
	// Some writes change nothing but active, or nothing at all.
	if rapid.Bool().Draw(t, "only active") {
		p.name, p.ext, p.title = old.name, old.ext, old.title
	}
	r, err := m.h.users.tryPut(p.id, p.json(), server.Cond{})
	if m.nameTaken(p.name, p.id) {
		m.status(err, 409)
		return
	}
	m.status(err, 0)
	p.once = old.once || p.active
	rest := *old
	rest.active, rest.once = p.active, p.once
	var events []string
	if rest != p {
		events = append(events, "user.updated")
	}
	switch {
	case old.active && !p.active:
		events = append(events, "user.deactivated")
	case !old.active && p.active && old.once:
		events = append(events, "user.reactivated")
	case !old.active && p.active:
		events = append(events, "user.activated")
	}
	if len(events) == 0 {
		return
	}
	p.version++
	m.people[p.id] = &p
	m.tell("User", p.id, p.person, p.version, strings.Join(events, " "), string(r.Raw))
	if p.ext != old.ext {
		m.join(p.id, p.ext)
	}
}

func (m *model) deleteUser(t *rapid.T) {
	p := m.people[pick(t, m.people, "user")]
	m.h.now.Add(time.Second) // whose record ended last is told by the time
	m.status(m.h.users.Delete(m.h.Context(), p.id, server.Cond{}), 0)
	delete(m.people, p.id)
	m.ended = append(m.ended, modelEnded{p.ext, p.person, p.version + 1})
	for _, g := range m.groups {
		if g.members[p.id] {
			delete(g.members, p.id)
			g.loose++
		}
	}
	m.tell("User", p.id, p.person, p.version+1, "user.deleted", "")
}

func (m *model) createGroup(t *rapid.T) {
	g := &modelGroup{name: rapid.StringMatching("g[a-z]{6}").Draw(t, "name"), members: map[string]bool{}, waiting: map[string]time.Time{}, version: 1}
	refs := m.drawRefs(t)
	r, err := m.h.groups.tryCreate(group(g.name, refs...))
	m.status(err, 0)
	g.id = r.ID
	m.groups[g.id] = g
	m.apply(g, patch.LinkAdd, refs)
	events := append([]string{"group.created"}, difference(nil, g.members)...)
	m.tell("Group", g.id, g.id, 1, strings.Join(events, " "), string(r.Raw))
}

// drawRefs draws people, groups and values that name nobody.
func (m *model) drawRefs(t *rapid.T) []string {
	var from []string
	from = append(from, slices.Sorted(maps.Keys(m.people))...)
	from = append(from, slices.Sorted(maps.Keys(m.groups))...)
	from = append(from, "x1", "x2", "x3")
	return rapid.SliceOfN(rapid.SampledFrom(from), 0, 4).Draw(t, "members")
}

// apply does to the model what an operation does to the members.
func (m *model) apply(g *modelGroup, op patch.LinkOp, refs []string) {
	if op == patch.LinkSet || op == patch.LinkClear {
		clear(g.members)
		clear(g.waiting)
	}
	for _, ref := range refs {
		known := m.people[ref] != nil || m.groups[ref] != nil
		switch {
		case known && op == patch.LinkRemove:
			delete(g.members, ref)
		case known:
			g.members[ref] = true
		case op == patch.LinkRemove:
			delete(g.waiting, ref)
		default:
			g.waiting[ref] = m.h.now.Now().Add(7 * 24 * time.Hour)
		}
	}
}

// difference returns the events of members that came and went.
func difference(before, after map[string]bool) []string {
	var came, went []string
	for id := range after {
		if !before[id] {
			came = append(came, "+member")
		}
	}
	for id := range before {
		if !after[id] {
			went = append(went, "-member")
		}
	}
	return append(came, went...)
}

func (m *model) editMembers(t *rapid.T) {
	g := m.groups[pick(t, m.groups, "group")]
	edit := &server.Edit{Dialect: scim.NewDialect(scim.Compat())}
	before := *g
	before.members, before.waiting = maps.Clone(g.members), maps.Clone(g.waiting)
	itself := false
	for range rapid.IntRange(1, 3).Draw(t, "operations") {
		op := rapid.SampledFrom([]patch.LinkOp{patch.LinkAdd, patch.LinkRemove, patch.LinkSet, patch.LinkClear}).Draw(t, "op")
		link := patch.Link{Relation: "members", Op: op}
		var refs []string
		if op != patch.LinkClear {
			refs = m.drawRefs(t)
		}
		for _, ref := range refs {
			link.Refs = append(link.Refs, patch.Ref{Value: ref})
			itself = itself || ref == g.id && op != patch.LinkRemove
		}
		edit.Links = append(edit.Links, link)
		m.apply(g, op, refs)
	}
	_, err := m.h.groups.Update(m.h.Context(), g.id, edit)
	if itself {
		*g = before
		m.status(err, 400)
		return
	}
	m.status(err, 0)
	if events := difference(before.members, g.members); len(events) > 0 {
		g.version++
		m.tell("Group", g.id, g.id, g.version, strings.Join(events, " "), m.body[g.id])
	}
}

func (m *model) renameGroup(t *rapid.T) {
	g := m.groups[pick(t, m.groups, "group")]
	name := rapid.StringMatching("g[a-z]{6}").Draw(t, "name")
	r, err := m.h.groups.tryPatch(g.id, replace("displayName", "'"+name+"'"))
	m.status(err, 0)
	if name == g.name {
		return
	}
	g.name = name
	g.version++
	m.tell("Group", g.id, g.id, g.version, "group.updated", string(r.Raw))
}

func (m *model) deleteGroup(t *rapid.T) {
	g := m.groups[pick(t, m.groups, "group")]
	m.status(m.h.groups.Delete(m.h.Context(), g.id, server.Cond{}), 0)
	delete(m.groups, g.id)
	for _, other := range m.groups {
		if other.members[g.id] {
			delete(other.members, g.id)
			other.loose++
		}
	}
	m.tell("Group", g.id, g.id, g.version+1, "group.deleted", "")
}

func (m *model) sweep(*rapid.T) {
	_, err := m.h.db.Sweep(m.h.Context(), store.Default, m.h.now.Now(), 1000)
	m.status(err, 0)
}

// check compares all that a reader sees with the model.
func (m *model) check(*rapid.T) {
	for id, p := range m.people {
		r, err := m.h.users.Get(m.h.Context(), id, nil)
		m.status(err, 0)
		m.equal("body of "+p.name, string(r.Raw), m.body[p.person])
		m.equal("version of "+p.name, r.Version, fmt.Sprint(p.version))
		groups := []string{}
		for _, g := range m.groups {
			if g.members[id] {
				groups = append(groups, g.id)
			}
		}
		slices.Sort(groups)
		direct := []string{}
		for _, ref := range m.h.refs(r, "groups") {
			if ref.Kind == "direct" {
				direct = append(direct, ref.Value)
			}
		}
		slices.Sort(direct)
		m.equal("groups of "+p.name, fmt.Sprint(direct), fmt.Sprint(groups))
	}
	for id, g := range m.groups {
		r, err := m.h.groups.Get(m.h.Context(), id, nil)
		m.status(err, 0)
		members := []string{}
		for _, ref := range m.h.refs(r, "members") {
			members = append(members, ref.Value)
		}
		slices.Sort(members)
		m.equal("members of "+g.name, fmt.Sprint(members), fmt.Sprint(slices.Sorted(maps.Keys(g.members))))
		// Sweeping moves the version too, when it gets to it.
		var version int
		_, err = fmt.Sscan(r.Version, &version)
		m.status(err, 0)
		if version < g.version || version > g.version+g.loose {
			m.Fatalf("version of %s is %d, want %d to %d", g.name, version, g.version, g.version+g.loose)
		}
		g.loose -= version - g.version
		g.version = version
	}
}

// checkFeed compares the whole feed with what the model was told.
func (m *model) checkFeed() {
	changes := m.h.changes()
	m.equal("number of changes", fmt.Sprint(len(changes)), fmt.Sprint(len(m.feed)))
	for i, c := range changes {
		got := fmt.Sprintf("%s %s %s v%d %s", c.Type, c.ID, c.Person, c.Version, strings.Join(eventsOf(c), " "))
		m.equal(fmt.Sprintf("change %d", c.Seq), got, m.feed[i])
		before, after, err := m.h.db.Documents(m.h.Context(), store.Default, c)
		m.status(err, 0)
		m.equal(fmt.Sprintf("document before change %d", c.Seq), string(before), m.bodies[i][0])
		m.equal(fmt.Sprintf("document after change %d", c.Seq), string(after), m.bodies[i][1])
	}
}

func (m *model) equal(what, got, want string) {
	m.Helper()
	if got != want {
		m.Fatalf("%s\n got %s\nwant %s", what, got, want)
	}
}
