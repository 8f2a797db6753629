//go:build interop

package interop

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

const (
	users  = "/Users"
	groups = "/Groups"
)

// TestLifecycle: our client leads somebody's working life in servers that we did
// not write. What it is answered is compared with what a reader of the RFCs
// expects, not with what the server happens to do: see faults_test.go for that.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.start(t)
			c, err := client.New(p.base, client.Options{
				HTTP:  loopback,
				Token: func(context.Context) (string, error) { return p.token, nil },
			})
			assert.NoError(t, err)
			l := &life{server: s, c: c}
			for _, step := range []struct {
				name string
				run  func(*testing.T)
			}{
				{"discovery", l.discovery},
				{"joiner", l.joiner},
				{"filters", l.find},
				{"pages", l.pages},
				{"mover", l.mover},
				{"etags", l.etags},
				{"groups", l.groups},
				{"bulk", l.bulk},
				{"leaver", l.leaver},
			} {
				if !t.Run(step.name, step.run) {
					return // what follows builds on it
				}
			}
		})
	}
}

// life is the working life of Ada.
type life struct {
	server
	c         *client.Client
	boss, ada string // ids of people
	team      string // id of their group
}

func (l *life) discovery(t *testing.T) {
	config, err := l.c.Config(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, config, l.config)
	for name, want := range map[string]string{"User": users, "Group": groups} {
		endpoint, err := l.c.Endpoint(t.Context(), name)
		assert.NoError(t, err)
		assert.Equal(t, endpoint, want)
	}
}

func (l *life) joiner(t *testing.T) {
	l.boss = l.create(t, users, person("grace", schema.Object{"displayName": "Grace Hopper"})).ID()
	doc := l.create(t, users, person("ada", schema.Object{
		"externalId": "hr-1", "displayName": "Ada Lovelace", "active": true,
		"name":   schema.Object{"givenName": "Ada", "familyName": "Lovelace"},
		"emails": []any{schema.Object{"value": "ada@example.com", "type": "work", "primary": true}},
		scim.EnterpriseUserSchema: schema.Object{
			"department": "Engines", "manager": schema.Object{"value": l.boss},
		},
	}))
	l.ada = doc.ID()
	assert.NotEqual(t, l.ada, l.boss)
	assert.Equal(t, doc.Type(), "User")
	assert.Contains(t, doc.Location(), users+"/"+l.ada)
	got := l.get(t, users, l.ada)
	assert.Equal(t, got.String("name", "familyName"), "Lovelace")
	assert.Equal(t, got.String(scim.EnterpriseUserSchema, "manager", "value"), l.boss)
	active, ok := got.Bool("active")
	assert.True(t, active && ok)

	_, err := l.c.Create(t.Context(), users, person("ADA", nil))
	assert.ErrorIs(t, err, client.ErrUniqueness)
	// C-15: what is there already is found, not made again.
	found, created, err := l.c.Ensure(t.Context(), users, person("ada", nil), "userName")
	assert.NoError(t, err)
	assert.False(t, created)
	assert.Equal(t, found.ID(), l.ada)
}

func (l *life) find(t *testing.T) {
	type question struct {
		filter string
		want   []string
	}
	questions := []question{
		{client.Eq("userName", "ada@example.com"), []string{l.ada}},
		{client.Eq("externalId", "hr-1"), []string{l.ada}},
		{`displayName co "Love" and active eq true`, []string{l.ada}},
		{`not (displayName co "Ada") and displayName pr`, []string{l.boss}},
		{client.Eq("userName", "nobody"), nil},
	}
	if l.filters {
		questions = append(questions,
			question{client.Eq("userName", "ADA@example.com"), []string{l.ada}},
			question{`emails[type eq "work" and value ew "@example.com"] and active eq true`, []string{l.ada}},
			question{client.Eq("name.familyName", "Lovelace"), []string{l.ada}},
			question{scim.EnterpriseUserSchema + `:department sw "Eng"`, []string{l.ada}},
		)
	}
	for _, tt := range questions {
		assert.Equal(t, l.all(t, users, client.Query{Filter: tt.filter}), tt.want, assert.Sprintf("%s", tt.filter))
	}
	page, err := l.c.Find(t.Context(), users, client.Query{
		Filter: client.Eq("displayName", "Ada Lovelace"), Want: client.Want{Attributes: []string{"userName"}}, Private: true,
	}, 1)
	assert.NoError(t, err)
	assert.Equal(t, len(page.Resources), 1)
	assert.Equal(t, page.Resources[0].String("userName"), "ada@example.com")
	assert.Equal(t, page.Resources[0].String("displayName"), "")
	_, err = l.c.Find(t.Context(), users, client.Query{Filter: "userName is ada"}, 1)
	assert.Equal(t, assert.ErrorAs[*client.Error](t, err).Type, scim.InvalidFilter)
}

func (l *life) pages(t *testing.T) {
	var made []string
	for i := range 25 {
		made = append(made, l.create(t, users, person(fmt.Sprintf("temp-%02d", i), schema.Object{"userType": "temp"})).ID())
	}
	q := client.Query{Filter: client.Eq("userType", "temp"), Count: 10}
	if l.config.Sort { // else they come in the order in which they were made
		q.SortBy, q.Descending = "userName", true
		slices.Reverse(made)
	}
	ways := []client.Paging{client.PageIndex, client.PageAuto}
	if l.config.Cursor {
		ways = append(ways, client.PageCursor)
	}
	for _, q.Paging = range ways {
		assert.Equal(t, l.all(t, users, q), made, assert.Sprintf("paging %d", q.Paging))
	}
}

func (l *life) mover(t *testing.T) {
	var p client.Patch
	p.Replace("title", "Countess")
	p.Replace("name.familyName", "King")
	p.Add("emails", []any{schema.Object{"value": "ada@home.example", "type": "home"}})
	p.Replace(client.Elements("emails", client.Eq("type", "work"), "value"), "king@example.com")
	p.Replace(client.Qualified(scim.EnterpriseUserSchema, "department"), "Analysis")
	p.Remove(client.Qualified(scim.EnterpriseUserSchema, "manager"))
	answer := l.patch(t, users, l.ada, &p)
	got := l.get(t, users, l.ada)
	for _, doc := range []client.Document{answer, got} {
		assert.Equal(t, doc.String("title"), "Countess")
		assert.Equal(t, doc.String("name", "givenName")+" "+doc.String("name", "familyName"), "Ada King")
		assert.Equal(t, values(doc, "emails"), []string{"ada@home.example", "king@example.com"})
		assert.Equal(t, doc.String(scim.EnterpriseUserSchema, "department"), "Analysis")
		assert.Nil(t, doc.Value(scim.EnterpriseUserSchema, "manager"))
	}
	put, err := l.c.Update(t.Context(), users, l.ada, func(now client.Document) (schema.Object, error) {
		now["nickName"] = "Enchantress"
		delete(now, "title")
		return schema.Object(now), nil
	})
	assert.NoError(t, err)
	assert.Equal(t, put.String("nickName"), "Enchantress")
	assert.Equal(t, l.get(t, users, l.ada).String("title"), "")

	var bad client.Patch
	bad.Replace("nope", "x")
	_, err = l.c.Patch(t.Context(), users, l.ada, &bad)
	status := assert.ErrorAs[*client.Error](t, err).Status
	assert.True(t, status == http.StatusBadRequest || l.lacks("unknown path"), assert.Sprintf("%d", status))
}

func (l *life) etags(t *testing.T) {
	before := l.get(t, users, l.ada)
	var p client.Patch
	p.Replace("title", "Lady")
	after := l.patch(t, users, l.ada, &p, client.IfMatch(before.Version()))
	assert.Equal(t, l.get(t, users, l.ada).String("title"), "Lady")
	if !l.config.ETag {
		return // that a condition hurts nobody is all
	}
	assert.NotEqual(t, before.Version(), "")
	assert.NotEqual(t, after.Version(), before.Version())
	_, err := l.c.Get(t.Context(), users, l.ada, client.Want{}, client.IfNoneMatch(after.Version()))
	assert.ErrorIs(t, err, client.ErrNotModified)
	if l.lacks("If-Match") {
		return
	}
	before["title"] = "lost"
	_, err = l.c.Replace(t.Context(), users, l.ada, schema.Object(before), client.IfMatch(before.Version()))
	assert.ErrorIs(t, err, client.ErrPrecondition)
	_, err = l.c.Delete(t.Context(), users, l.ada, client.IfMatch(before.Version()))
	assert.ErrorIs(t, err, client.ErrPrecondition)
	assert.Equal(t, l.get(t, users, l.ada).String("title"), "Lady")
}

func (l *life) groups(t *testing.T) {
	l.team = l.create(t, groups, schema.Object{
		"schemas": []any{scim.GroupSchema}, "displayName": "Engineers", "members": []any{schema.Object{"value": l.boss}},
	}).ID()
	var p client.Patch
	p.AddMembers(l.ada)
	l.patch(t, groups, l.team, &p)
	assert.Equal(t, values(l.get(t, groups, l.team), "members"), sorted(l.boss, l.ada))
	q := client.Query{Filter: client.Eq("members.value", l.ada), Want: client.Want{Excluded: []string{"members"}}}
	if !l.lacks("member filter") {
		assert.Equal(t, l.all(t, groups, q), []string{l.team})
	}
	var remove client.Patch
	remove.RemoveMembers(l.boss)
	l.patch(t, groups, l.team, &remove)
	assert.Equal(t, values(l.get(t, groups, l.team), "members"), []string{l.ada})
}

func (l *life) bulk(t *testing.T) {
	var b client.Bulk
	// The group comes first: the reference to somebody who is made later has to be resolved (RFC 7644 §3.7.2).
	intern := b.Create(users, person("intern", nil))
	b.Create(groups, schema.Object{
		"schemas": []any{scim.GroupSchema}, "displayName": "Interns", "members": []any{schema.Object{"value": intern, "type": "User"}},
	})
	b.Create(users, person("ada", nil)) // is there
	var p client.Patch
	p.Replace("nickName", "Amazing Grace")
	patches := !l.lacks("PATCH in bulk")
	if patches {
		b.Patch(users, l.boss, "", &p)
	}
	results, err := l.c.Bulk(t.Context(), &b)
	assert.NoError(t, err)
	assert.Equal(t, len(results), b.Len())
	assert.NoError(t, results[0].Err)
	assert.NoError(t, results[1].Err)
	assert.ErrorIs(t, results[2].Err, client.ErrUniqueness)
	assert.Equal(t, values(l.get(t, groups, results[1].ID), "members"), []string{results[0].ID})
	if patches {
		assert.NoError(t, results[3].Err)
		assert.Equal(t, l.get(t, users, l.boss).String("nickName"), "Amazing Grace")
	}
}

func (l *life) leaver(t *testing.T) {
	var p client.Patch
	p.Replace("active", false)
	l.patch(t, users, l.ada, &p)
	assert.Equal(t, l.all(t, users, client.Query{Filter: "active eq false"}), []string{l.ada})
	var out client.Patch
	out.RemoveMembers(l.ada)
	l.patch(t, groups, l.team, &out)
	assert.Equal(t, values(l.get(t, groups, l.team), "members"), nil)
	for i, want := range []bool{true, false} { // C-20: that somebody is gone already is no error
		found, err := l.c.Delete(t.Context(), users, l.ada)
		assert.NoError(t, err)
		assert.Equal(t, found, want, assert.Sprintf("delete %d", i+1))
	}
	_, err := l.c.Get(t.Context(), users, l.ada, client.Want{})
	assert.ErrorIs(t, err, client.ErrNotFound)
	assert.NotEqual(t, l.create(t, users, person("ada", nil)).ID(), l.ada)
}

// person is a User with a userName made of that, and attributes.
func person(name string, attributes schema.Object) schema.Object {
	doc := schema.Object{"schemas": []any{scim.UserSchema}, "userName": name + "@example.com"}
	for n, v := range attributes {
		doc[n] = v
		if n == scim.EnterpriseUserSchema {
			doc["schemas"] = []any{scim.UserSchema, n}
		}
	}
	return doc
}

func (l *life) create(t *testing.T, endpoint string, doc schema.Object) client.Document {
	t.Helper()
	made, err := l.c.Create(t.Context(), endpoint, doc)
	assert.NoError(t, err)
	assert.NotEqual(t, made.ID(), "")
	return made
}

func (l *life) get(t *testing.T, endpoint, id string) client.Document {
	t.Helper()
	doc, err := l.c.Get(t.Context(), endpoint, id, client.Want{})
	assert.NoError(t, err)
	return doc
}

// patch sends the operations and returns the resource, be the answer 200 or 204 (C-07).
func (l *life) patch(t *testing.T, endpoint, id string, p *client.Patch, options ...client.Option) client.Document {
	t.Helper()
	doc, err := l.c.Patch(t.Context(), endpoint, id, p, append(options, client.ReadBack())...)
	assert.NoError(t, err)
	return doc
}

// all returns the ids of what matches.
func (l *life) all(t *testing.T, endpoint string, q client.Query) (ids []string) {
	t.Helper()
	for doc, err := range l.c.All(t.Context(), endpoint, q) {
		assert.NoError(t, err)
		ids = append(ids, doc.ID())
	}
	return ids
}

// values returns the values of a multi-valued attribute, sorted.
func values(doc client.Document, attribute string) []string {
	list, _ := doc.Value(attribute).([]any)
	var values []string
	for _, v := range list {
		element, _ := v.(schema.Object)
		value, _ := element["value"].(string)
		values = append(values, value)
	}
	return sorted(values...)
}

func sorted(values ...string) []string {
	slices.Sort(values)
	return values
}
