package feed_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/scim/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var set = schema.Core(nil)

func schemas() *schema.Set { return set }

func TestPositionsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := feed.Position{Epoch: rapid.Int64Min(0).Draw(t, "epoch"), Seq: store.Seq(rapid.Int64Min(0).Draw(t, "seq"))}
		got, err := feed.Parse(p.String())
		if err != nil || got != p {
			t.Fatalf("Parse(%q) = %v, %v", p, got, err)
		}
	})
	for _, s := range []string{"1", "1-", "-1", "1--2", "a-b", "01-2", "1-+2", "1-2 ", "1-2-3", "1-9223372036854775808", "½-1"} {
		_, err := feed.Parse(s)
		assert.ErrorIs(t, err, feed.ErrPosition, assert.Sprintf("%q", s))
	}
	got, err := feed.Parse("")
	assert.NoError(t, err)
	assert.Zero(t, got)
}

// documents is a feed that knows the documents of one change only.
type documents struct {
	store.Feed
	before, after string
}

func (d documents) Documents(context.Context, store.Tenant, *store.Change) (before, after []byte, err error) {
	if d.before != "" {
		before = []byte(d.before)
	}
	if d.after != "" {
		after = []byte(d.after)
	}
	return before, after, nil
}

func load(t *testing.T, row store.Change, before, after string) *feed.Change {
	t.Helper()
	c, err := feed.NewReader(documents{before: before, after: after}, store.Default, feed.Options{Schemas: schemas}).Load(t.Context(), 1, &row)
	assert.NoError(t, err)
	return c
}

func types(c *feed.Change) string {
	var names []string
	for e := range c.Events() {
		name := e.Type
		if e.Member != nil {
			name += "=" + e.Member.ID
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestEventsOfChanges(t *testing.T) {
	t.Parallel()
	edges := []store.EdgeChange{{Rel: store.Members, ChildID: "a"}, {Rel: store.Members, ChildID: "b", Removed: true}}
	for name, c := range map[string]struct {
		row  store.Change
		want string
	}{
		"nothing to tell":     {store.Change{Type: "User"}, ""},
		"created":             {store.Change{Type: "User", Events: store.EventCreated}, "user.created"},
		"updated and left":    {store.Change{Type: "User", Events: store.EventDeactivated | store.EventUpdated}, "user.updated user.deactivated"},
		"activated":           {store.Change{Type: "User", Events: store.EventActivated}, "user.activated"},
		"reactivated":         {store.Change{Type: "User", Events: store.EventReactivated}, "user.reactivated"},
		"rehired":             {store.Change{Type: "User", Events: store.EventRehired | store.EventUpdated}, "user.rehired user.updated"},
		"deleted":             {store.Change{Type: "User", Events: store.EventDeleted}, "user.deleted"},
		"group with members":  {store.Change{Type: "Group", Events: store.EventCreated, Edges: edges[:1]}, "group.created group.member_added=a"},
		"members only":        {store.Change{Type: "Group", Edges: edges}, "group.member_added=a group.member_removed=b"},
		"group that goes":     {store.Change{Type: "Group", Events: store.EventDeleted, Edges: edges[1:]}, "group.member_removed=b group.deleted"},
		"a type of one's own": {store.Change{Type: "Gerät-2", Events: store.EventCreated}, "ger_t_2.created"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := load(t, c.row, "", "")
			assert.Equal(t, types(change), c.want)
			assert.Equal(t, change.Len(), len(strings.Fields(c.want)))
		})
	}
}

func TestEventIDsAreStableAndDistinct(t *testing.T) {
	t.Parallel()
	row := store.Change{Seq: 7, Type: "User", ID: "x", Events: store.EventCreated | store.EventUpdated, At: time.UnixMilli(1)}
	again, otherHub, later := row, row, row
	otherHub.ID = "y"
	later.Seq = 8
	seen := map[string]string{}
	for name, r := range map[string]store.Change{"the change": row, "another hub's": otherHub, "a later one": later} {
		for e := range load(t, r, "", "").Events() {
			assert.Equal(t, seen[e.ID], "", assert.Sprintf("%s of %s", e.ID, name))
			seen[e.ID] = name
			assert.Equal(t, strings.Trim(e.ID, "abcdefghijklmnopqrstuvwxyz0123456789_"), "")
		}
	}
	assert.Equal(t, load(t, row, "", "").Event(1), load(t, again, "", "").Event(1))
}

func TestChangedAttributes(t *testing.T) {
	t.Parallel()
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	for name, c := range map[string]struct{ before, after, want string }{
		"nothing":             {`{"a":1}`, `{"a":1}`, ""},
		"created":             {"", `{"a":1}`, ""},
		"deleted":             {`{"a":1}`, "", ""},
		"one":                 {`{"a":1,"b":2}`, `{"a":1,"b":3}`, "b"},
		"came and went":       {`{"a":1}`, `{"b":1}`, "a b"},
		"inside":              {`{"name":{"familyName":"x","givenName":"y"}}`, `{"name":{"familyName":"z","givenName":"y"}}`, "name.familyName"},
		"came inside":         {`{}`, `{"name":{"familyName":"z"}}`, "name.familyName"},
		"went inside":         {`{"name":{"familyName":"z"}}`, `{}`, "name.familyName"},
		"multi-valued":        {`{"emails":[{"value":"a"}]}`, `{"emails":[{"value":"b"}]}`, "emails"},
		"extension":           {`{"` + enterprise + `":{"department":"x"}}`, `{"` + enterprise + `":{"department":"y"}}`, enterprise + ":department"},
		"inside an extension": {`{}`, `{"` + enterprise + `":{"manager":{"value":"1"}}}`, enterprise + ":manager.value"},
		"order only":          {`{"name":{"a":1,"b":2},"l":[{"x":1,"y":2}]}`, `{"l":[{"y":2,"x":1}],"name":{"b":2,"a":1}}`, ""},
		"large numbers":       {`{"n":9007199254740993}`, `{"n":9007199254740992}`, "n"},
		"schemas":             {`{"schemas":["a"]}`, `{"schemas":["a","b"]}`, ""},
		"another shape":       {`{"a":{"b":1}}`, `{"a":"x"}`, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, store.Change{Type: "User"}, c.before, c.after).Changed()
			assert.NoError(t, err)
			assert.Equal(t, strings.Join(got, " "), c.want)
		})
	}
	group := store.Change{Type: "Group", SameDoc: true, Edges: []store.EdgeChange{{Rel: store.Members, ChildID: "a"}}}
	got, err := load(t, group, "", `{"displayName":"x"}`).Changed()
	assert.NoError(t, err)
	assert.Equal(t, got, []string{"members"})
}

// Invariant 7: never-returned attributes leave by no document, wherever they stand.
func TestSec_G13_NeverReturnedAttributesAreDropped(t *testing.T) {
	t.Parallel()
	hidden := &schema.Attribute{Name: "pin", Type: schema.String, Returned: schema.ReturnedNever}
	typ := &schema.ResourceType{
		Name: "Badge", Endpoint: "/Badges",
		Schema: &schema.Schema{ID: "urn:example:Badge", Name: "Badge", Attributes: []*schema.Attribute{
			{Name: "serial", Type: schema.String},
			hidden,
			{Name: "locks", Type: schema.Complex, MultiValued: true, SubAttributes: []*schema.Attribute{{Name: "door", Type: schema.String}, hidden}},
		}},
		Extensions: []schema.Extension{{Schema: &schema.Schema{ID: "urn:example:Ext", Name: "Ext", Attributes: []*schema.Attribute{
			{Name: "colour", Type: schema.String}, hidden,
		}}}},
	}
	badges, err := schema.NewSet(nil, typ)
	assert.NoError(t, err)
	doc := `{"serial":"1","pin":"s3cret","locks":[{"door":"a","pin":"s3cret"},{"door":"pin"}],"urn:example:Ext":{"colour":"red","pin":"s3cret"},"old":{"pin":{}}}`
	r := feed.NewReader(documents{after: doc}, store.Default, feed.Options{Schemas: func() *schema.Set { return badges }})
	c, err := r.Load(t.Context(), 1, &store.Change{Type: "Badge"})
	assert.NoError(t, err)
	assert.Equal(t, string(c.After), `{"serial":"1","locks":[{"door":"a"},{"door":"pin"}],"urn:example:Ext":{"colour":"red"},"old":{"pin":{}}}`)
}

// TestSecretsOfTheSchemasInForce: an attribute that becomes never returned leaves no more, from the next change read on.
func TestSecretsOfTheSchemasInForce(t *testing.T) {
	t.Parallel()
	generation := func(returned schema.Returned) *schema.Set {
		set, err := schema.NewSet(nil, &schema.ResourceType{
			Name: "Badge", Endpoint: "/Badges",
			Schema: &schema.Schema{ID: "urn:example:Badge", Attributes: []*schema.Attribute{{Name: "pin", Returned: returned}}},
		})
		assert.NoError(t, err)
		return set
	}
	now := generation(schema.ReturnedDefault)
	r := feed.NewReader(documents{after: `{"pin":"1"}`}, store.Default, feed.Options{Schemas: func() *schema.Set { return now }})
	for _, step := range []struct {
		returned schema.Returned
		want     string
	}{{schema.ReturnedDefault, `{"pin":"1"}`}, {schema.ReturnedNever, `{}`}, {schema.ReturnedRequest, `{"pin":"1"}`}} {
		now = generation(step.returned)
		c, err := r.Load(t.Context(), 1, &store.Change{Type: "Badge"})
		assert.NoError(t, err)
		assert.Equal(t, string(c.After), step.want)
	}
}

func TestJSONOfAChange(t *testing.T) {
	t.Parallel()
	c := load(t, store.Change{
		Seq: 42, Type: "Group", ID: "g2", Person: "g1", Kind: store.Updated, Version: 3, Events: store.EventUpdated, Source: store.DefaultSource,
		At: time.Date(2026, 8, 1, 8, 0, 0, 250e6, time.UTC), Actor: "tok", RequestID: "req",
		Edges: []store.EdgeChange{{Rel: store.Members, ChildID: "u1", ChildType: "User"}},
	}, `{"displayName":"a"}`, `{"displayName":"b"}`)
	got, err := json.Marshal(c)
	assert.NoError(t, err)
	mark, _ := strings.CutPrefix(c.Event(0).ID, "evt_1_42_0_")
	want := jsontext.Value(`{"position":"1-42","seq":42,"at":"2026-08-01T08:00:00.25Z","resourceType":"Group","id":"g2","person":"g1","kind":"updated","version":3,
		"events":[{"id":"evt_1_42_0_` + mark + `","type":"group.updated"},
			{"id":"evt_1_42_1_` + mark + `","type":"group.member_added","member":{"id":"u1","type":"User"}}],
		"changed":["displayName","members"],"before":{"displayName":"a"},"after":{"displayName":"b"},"source":"default","actor":"tok","requestId":"req"}`)
	assert.NoError(t, want.Compact())
	assert.Equal(t, string(got), string(want))
}

func TestFollowMissesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "muster.db"), sqlite.Options{})
		assert.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		write := func(n int) {
			for range n {
				assert.NoError(t, db.Write(t.Context(), store.Default, &store.Op{Source: store.DefaultSource, Decide: func(v store.View) (*store.Rows, error) {
					r := &store.Resource{Num: v.NextNum(), Type: "User", Version: 1, Created: time.Now(), Modified: time.Now(), Body: []byte(`{"userName":"x"}`)}
					r.ID = "id-" + time.Now().String() + string(rune('a'+r.Num%26)) + strings.Repeat("x", int(r.Num))
					r.Person = r.ID
					return &store.Rows{Resources: []*store.Resource{r}, Changes: []*store.Change{{
						Num: r.Num, Type: r.Type, ID: r.ID, Person: r.ID, Kind: store.Created, Events: store.EventCreated, Version: 1, At: time.Now(), Source: 1,
					}}}, nil
				}}))
			}
		}
		write(150) // more than a page
		r := feed.NewReader(db, store.Default, feed.Options{Schemas: schemas})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			<-time.After(time.Hour) // of the fake clock
			write(10)
		}()
		next := store.Seq(51)
		for c, err := range r.Follow(ctx, feed.Position{Epoch: 1, Seq: 50}) {
			assert.NoError(t, err)
			assert.Equal(t, c.Position, feed.Position{Epoch: 1, Seq: next})
			if next++; next == 161 {
				cancel()
			}
		}
		assert.Equal(t, next, 161)

		// R18: a position of another history is refused, not taken for something near it.
		for _, p := range []feed.Position{{Epoch: 2, Seq: 1}, {Epoch: 0, Seq: 5}, {Epoch: 1, Seq: 161}} {
			_, err = r.Read(t.Context(), p, 10)
			assert.ErrorIs(t, err, feed.ErrHistory)
		}
		head, err := r.Head(t.Context())
		assert.NoError(t, err)
		page, err := r.Read(t.Context(), head, 10)
		assert.NoError(t, err)
		assert.Equal(t, len(page), 0)
		page, err = r.Read(t.Context(), feed.Position{}, 10)
		assert.NoError(t, err)
		assert.Equal(t, len(page), 10)
		assert.Equal(t, string(page[0].After), `{"userName":"x"}`)
	})
}

func FuzzParse(f *testing.F) {
	f.Add("1-42")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := feed.Parse(s)
		if err == nil && s != "" && p.String() != s {
			t.Errorf("Parse(%q) is %q", s, p)
		}
	})
}
