package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

func testFeed(t *testing.T, open OpenFunc) {
	t.Run("an empty feed", func(t *testing.T) {
		f := newFixture(t, open)
		h, err := f.Head(t.Context(), store.Default)
		assert.NoError(t, err)
		assert.Equal(t, h, store.Head{Epoch: 1})
		assert.Equal(t, len(f.feed()), 0)
	})

	t.Run("a change is read as it was written", func(t *testing.T) {
		f := newFixture(t, open)
		g, u, v := f.group("g"), f.user("u"), f.user("v")
		want := &store.Change{
			Num: g.Num, Type: g.Type, ID: g.ID, Person: "first", Kind: store.Updated, Events: store.EventUpdated | store.EventRehired,
			Version: 9, SameDoc: true, At: began.Add(time.Minute), Source: 3, Actor: "who", RequestID: "why", Lane: store.Urgent,
			Edges: []store.EdgeChange{{Rel: store.Members, Child: u.Num}, {Rel: store.Members, Child: v.Num, Removed: true}},
		}
		c := *want
		f.rows(store.Rows{Changes: []*store.Change{&c}})
		want.Seq = 4
		want.Edges = []store.EdgeChange{
			{Rel: store.Members, Child: u.Num, ChildID: u.ID, ChildType: u.Type},
			{Rel: store.Members, Child: v.Num, Removed: true, ChildID: v.ID, ChildType: v.Type},
		}
		got, err := f.Changes(t.Context(), store.Default, 3, 10)
		assert.NoError(t, err)
		assert.Equal(t, got, []*store.Change{want})
		assert.Equal(t, c.Seq, 4, assert.Sprintf("the writer learns the number"))
		h, err := f.Head(t.Context(), store.Default)
		assert.NoError(t, err)
		assert.Equal(t, h, store.Head{Epoch: 1, Seq: 4, At: want.At})
	})

	t.Run("pages, one resource, the urgent lane", func(t *testing.T) {
		f := newFixture(t, open)
		var users []*store.Resource
		for i := range 3 {
			users = append(users, f.user(fmt.Sprint("u", i)))
		}
		for i := range 12 {
			u := users[i%3]
			f.write(store.Keys{IDs: []string{u.ID}}, func(v store.View) (*store.Rows, error) {
				rows := updated(v.ByID(u.ID), u.Body)
				if i%4 == 0 {
					rows.Changes[0].Lane = store.Urgent
				}
				return rows, nil
			})
		}
		seqs := func(list []*store.Change, err error) (out []store.Seq) {
			assert.NoError(t, err)
			for _, c := range list {
				out = append(out, c.Seq)
			}
			return out
		}
		ctx := t.Context()
		assert.Equal(t, seqs(f.Changes(ctx, store.Default, 0, 4)), []store.Seq{1, 2, 3, 4})
		assert.Equal(t, seqs(f.Changes(ctx, store.Default, 13, 4)), []store.Seq{14, 15})
		assert.Equal(t, seqs(f.Changes(ctx, store.Default, 15, 4)), nil)
		assert.Equal(t, seqs(f.ChangesOf(ctx, store.Default, users[1].Num, 3, 12, 10)), []store.Seq{5, 8, 11})
		assert.Equal(t, seqs(f.ChangesOf(ctx, store.Default, users[1].Num, 3, 12, 2)), []store.Seq{5, 8})
		assert.Equal(t, seqs(f.UrgentAfter(ctx, store.Default, 4, 10)), []store.Seq{8, 12})
		assert.Equal(t, seqs(f.UrgentAfter(ctx, store.Default, 0, 2)), []store.Seq{4, 8})
	})

	t.Run("documents before and after form one chain", func(t *testing.T) {
		f := newFixture(t, open)
		body := func(name string) []byte { return f.resource(store.TypeUser, named(name)).Body }
		u := f.create(f.resource(store.TypeUser, named("one")))
		step := func(decide func(cur *store.Resource) *store.Rows) {
			f.write(store.Keys{Nums: []store.Num{u.Num}}, func(v store.View) (*store.Rows, error) { return decide(v.ByNum(u.Num)), nil })
		}
		same := func(cur *store.Resource) *store.Rows {
			rows := updated(cur, cur.Body)
			rows.Changes[0].SameDoc, rows.Changes[0].Before = true, nil
			return rows
		}
		step(same)
		step(func(cur *store.Resource) *store.Rows { return updated(cur, body("two")) })
		step(same)
		step(same)
		step(deleted)
		step(func(cur *store.Resource) *store.Rows {
			next := *cur
			next.Deleted, next.Body, next.Version = false, body("three"), cur.Version+1
			return &store.Rows{Cut: []store.Num{cur.Num}, Resources: []*store.Resource{&next}, Changes: []*store.Change{change(&next, store.Created)}}
		})
		step(same)

		want := []string{"- one", "one one", "one two", "two two", "two two", "two -", "- three", "three three"}
		documents := map[string]string{"": "-", string(body("one")): "one", string(body("two")): "two", string(body("three")): "three"}
		var got []string
		for _, c := range f.feed() {
			before, after, err := f.Documents(t.Context(), store.Default, c)
			assert.NoError(t, err)
			got = append(got, documents[string(before)]+" "+documents[string(after)])
		}
		assert.Equal(t, got, want)
	})

	t.Run("waiting ends with the next change, the context, or at once", func(t *testing.T) {
		f := newFixture(t, open)
		f.user("a")
		assert.NoError(t, f.Wait(t.Context(), store.Default, 0))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, f.Wait(ctx, store.Default, 1), context.Canceled)

		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := f.Wait(t.Context(), store.Default, 1); err != nil {
					t.Error(err)
				}
				if h, err := f.Head(t.Context(), store.Default); err != nil || h.Seq < 2 {
					t.Errorf("woken at head %d, %v", h.Seq, err)
				}
			})
		}
		f.user("b")
		wg.Wait()
	})

	t.Run("a reader that follows misses nothing", func(t *testing.T) { // P3
		f := newFixture(t, open)
		const writers, each = 4, 25
		errDone := errors.New("read to the end")
		read := make(chan error, 1)
		go func() {
			after := store.Seq(0)
			for after < writers*each {
				if err := f.Wait(t.Context(), store.Default, after); err != nil {
					read <- err
					return
				}
				list, err := f.Changes(t.Context(), store.Default, after, 7)
				if err != nil {
					read <- err
					return
				}
				for _, c := range list {
					if c.Seq != after+1 {
						read <- fmt.Errorf("change %d follows %d", c.Seq, after)
						return
					}
					after = c.Seq
					before, doc, err := f.Documents(t.Context(), store.Default, c)
					if err != nil || before != nil || doc == nil {
						read <- fmt.Errorf("documents of change %d: %q %q %w", c.Seq, before, doc, err)
						return
					}
				}
			}
			read <- errDone
		}()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					r := f.resource(store.TypeUser, schema.Object{"userName": fmt.Sprint(w, "-", i)})
					err := f.Write(t.Context(), store.Default, op(store.Keys{}, func(v store.View) (*store.Rows, error) { return created(v, r), nil }))
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		assert.ErrorIs(t, <-read, errDone)
	})
}

func testDeliveries(t *testing.T, open OpenFunc) {
	t.Run("cursors", func(t *testing.T) {
		f := newFixture(t, open)
		_, err := f.Cursor(t.Context(), store.Default, "a")
		assert.ErrorIs(t, err, store.ErrNotFound)
		f.rows(store.Rows{Cursors: []store.Cursor{{Target: "a", Seq: 5}, {Target: "b", Seq: 1}}})
		f.rows(store.Rows{Cursors: []store.Cursor{{Target: "a", Seq: 8}}})
		c, err := f.Cursor(t.Context(), store.Default, "a")
		assert.NoError(t, err)
		assert.Equal(t, c, store.Cursor{Target: "a", Seq: 8})
	})

	t.Run("detours", func(t *testing.T) {
		f := newFixture(t, open)
		detour := func(n store.Num, ahead bool, minutes int) store.Detour {
			return store.Detour{
				DetourKey: store.DetourKey{Target: "a", Num: n}, Ahead: ahead, From: 3, Upto: 9, Attempts: 2,
				Next: began.Add(time.Duration(minutes) * time.Minute), Reason: "timeout", Detail: "no answer",
			}
		}
		d1, d2, d3, d4 := detour(1, false, 9), detour(2, true, 0), detour(3, false, 1), detour(4, false, 5)
		elsewhere := d1
		elsewhere.Target = "b"
		f.rows(store.Rows{Detours: []store.Detour{d1, d2, d3, d4, elsewhere}})
		d4.Attempts, d4.Next = 3, time.Time{}
		f.rows(store.Rows{Detours: []store.Detour{d4}})
		list := func(got []store.Detour, err error) []store.Detour {
			assert.NoError(t, err)
			return got
		}
		ctx := t.Context()
		assert.Equal(t, list(f.Detours(ctx, store.Default, "a")), []store.Detour{d1, d2, d3, d4})
		assert.Equal(t, list(f.DueDetours(ctx, store.Default, "a", 2)), []store.Detour{d4, d3})
		of := list(f.DetoursOf(ctx, store.Default, "a", []store.Num{3, 2, 77}))
		slices.SortFunc(of, func(a, b store.Detour) int { return int(a.Num - b.Num) })
		assert.Equal(t, of, []store.Detour{d2, d3})
		n, err := f.CountDetours(ctx, store.Default, "a")
		assert.NoError(t, err)
		assert.Equal(t, n, 3)
		f.rows(store.Rows{Undetours: []store.DetourKey{d1.DetourKey, d2.DetourKey, d3.DetourKey}})
		assert.Equal(t, list(f.Detours(ctx, store.Default, "a")), []store.Detour{d4})
		assert.Equal(t, list(f.Detours(ctx, store.Default, "b")), []store.Detour{elsewhere})
	})

	t.Run("links, each account once", func(t *testing.T) {
		f := newFixture(t, open)
		link := store.Link{LinkKey: store.LinkKey{Target: "a", Num: 1}, Type: store.TypeUser, RemoteID: "r1", Digest: []byte{1, 2}}
		f.rows(store.Rows{Links: []store.Link{link}})
		link.Digest = []byte{3}
		f.rows(store.Rows{Links: []store.Link{link}})
		got, err := f.Link(t.Context(), store.Default, "a", 1)
		assert.NoError(t, err)
		assert.Equal(t, got, link)
		got, err = f.LinkByRemote(t.Context(), store.Default, "a", store.TypeUser, "r1")
		assert.NoError(t, err)
		assert.Equal(t, got, link)
		_, err = f.LinkByRemote(t.Context(), store.Default, "a", store.TypeGroup, "r1")
		assert.ErrorIs(t, err, store.ErrNotFound)
		_, err = f.Link(t.Context(), store.Default, "b", 1)
		assert.ErrorIs(t, err, store.ErrNotFound)

		other := link
		other.Num = 2
		err = f.Write(t.Context(), store.Default, op(store.Keys{}, func(store.View) (*store.Rows, error) {
			return &store.Rows{Links: []store.Link{other}}, nil
		}))
		assert.True(t, err != nil, assert.Sprintf("one account bound to two resources"))
		f.rows(store.Rows{Unlinks: []store.LinkKey{link.LinkKey}, Links: []store.Link{other}})
		got, err = f.LinkByRemote(t.Context(), store.Default, "a", store.TypeUser, "r1")
		assert.NoError(t, err)
		assert.Equal(t, got, other)
	})
}

func testTokens(t *testing.T, open OpenFunc) {
	f := newFixture(t, open)
	token := store.Token{
		Tenant: store.Default, ID: "t1", Source: store.DefaultSource, Name: "okta", Hash: [32]byte{1, 2, 3}, Hint: "wxyz", Profile: "compat",
		Created: began, Expires: began.AddDate(1, 0, 0),
	}
	other := token
	other.User = "person"
	other.ID, other.Hash, other.Expires = "t2", [32]byte{4}, time.Time{}
	f.rows(store.Rows{Tokens: []*store.Token{&token, &other}})
	got, err := f.TokenByHash(t.Context(), token.Hash)
	assert.NoError(t, err)
	assert.Equal(t, got, token)
	_, err = f.TokenByHash(t.Context(), [32]byte{1, 2})
	assert.ErrorIs(t, err, store.ErrNotFound)
	token.Revoked = began.Add(time.Hour)
	f.rows(store.Rows{Tokens: []*store.Token{&token}})
	list, err := f.Tokens(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, list, []store.Token{token, other})
}

// testTokenUse: what is noted of a token beside what it is.
func testTokenUse(t *testing.T, open OpenFunc) {
	f := newFixture(t, open)
	token := func(id string, expires time.Time) store.Token {
		k := store.Token{
			Tenant: store.Default, ID: id, Source: store.DefaultSource, Name: id, Hash: [32]byte{id[0]}, Profile: "compat",
			Scopes: "scim.read", Allow: "10.0.0.0/8", Created: began, Expires: expires,
		}
		f.rows(store.Rows{Tokens: []*store.Token{&k}})
		return k
	}
	a, b := token("a", began.Add(2*time.Hour)), token("b", began.Add(time.Hour))
	token("c", began.Add(72*time.Hour))
	f.rows(store.Rows{Used: []*store.TokenUse{{ID: "a", At: began, Address: "192.0.2.1", Networks: []string{"192.0.2.1/32"}}, {ID: "nobody", At: began}}})
	f.rows(store.Rows{Used: []*store.TokenUse{{ID: "a", Warned: 30}}})
	a.Revoked = began.Add(time.Minute)
	f.rows(store.Rows{Tokens: []*store.Token{&a}})
	a.Used, a.UsedFrom, a.Networks, a.Warned = began, "192.0.2.1", []string{"192.0.2.1/32"}, 30
	all, err := f.Tokens(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, all[:2], []store.Token{a, b})
	soon, err := f.ExpiringTokens(t.Context(), began, began.Add(3*time.Hour))
	assert.NoError(t, err)
	assert.Equal(t, soon, []store.Token{b}) // a was revoked, c has time
	none, err := f.ExpiringTokens(t.Context(), began.Add(time.Hour), began.Add(3*time.Hour))
	assert.NoError(t, err)
	assert.Equal(t, len(none), 0)
}

func testItems(t *testing.T, open OpenFunc) {
	f := newFixture(t, open)
	other := newTenant("other")
	assert.NoError(t, f.makeTenant(other))
	put := func(tenant store.Tenant, items ...*store.Item) error {
		return f.Write(t.Context(), tenant, op(store.Keys{}, func(store.View) (*store.Rows, error) { return &store.Rows{Items: items}, nil }))
	}
	a := &store.Item{Tenant: store.Default, Kind: "client", Name: "a", Key: "k1", Body: []byte("1")}
	b := &store.Item{Tenant: other.Tenant, Kind: "client", Name: "a", Key: "k2", Body: []byte("2"), Expires: began.Add(time.Hour)}
	assert.NoError(t, put(store.Default, a))
	assert.NoError(t, put(other.Tenant, b))
	if err := put(other.Tenant, &store.Item{Kind: "client", Name: "b", Key: "k1", Body: []byte("x")}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("the key of another tenant's item: %v", err)
	}
	assert.NoError(t, put(other.Tenant, &store.Item{Kind: "issuer", Name: "b", Key: "k1", Body: []byte("x")})) // of another kind
	a.Body = []byte("3")
	assert.NoError(t, put(store.Default, a))
	list, err := f.Items(t.Context(), store.Default, "client")
	assert.NoError(t, err)
	assert.Equal(t, list, []store.Item{*a})
	found, err := f.ItemByKey(t.Context(), "client", "k2")
	assert.NoError(t, err)
	assert.Equal(t, found, *b)
	all, err := f.AllItems(t.Context(), "client")
	assert.NoError(t, err)
	assert.Equal(t, all, []store.Item{*a, *b})
	n, err := f.Expire(t.Context(), began.Add(time.Hour), 10)
	assert.NoError(t, err)
	assert.Equal(t, n, 1)
	if _, err := f.ItemByKey(t.Context(), "client", "k2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what has expired: %v", err)
	}
	assert.NoError(t, put(store.Default, &store.Item{Kind: "client", Name: "a"}))
	list, err = f.Items(t.Context(), store.Default, "client")
	assert.NoError(t, err)
	assert.Equal(t, len(list), 0)
}

func testSecrets(t *testing.T, open OpenFunc) {
	dir := t.TempDir()
	st := open(t, dir)
	f := &fixture{t: t, Store: st, set: schema.Core(nil)}
	first := func(tenant store.Tenant, name, initial, want string) {
		t.Helper()
		got, err := f.FirstSecret(t.Context(), tenant, name, []byte(initial))
		assert.NoError(t, err)
		assert.Equal(t, string(got), want)
	}
	first(store.System, "key", "first", "first")
	first(store.System, "key", "second", "first")
	first(store.Default, "key", "second", "second")
	f.rows(store.Rows{Secrets: []*store.Secret{
		{Name: "a", Value: []byte("1")}, {Name: "b", Value: []byte("2")}, {Name: "c", Value: []byte("3")},
	}})
	f.rows(store.Rows{Secrets: []*store.Secret{
		{Name: "a", Value: []byte("x"), If: []byte("1")},
		{Name: "b", Value: []byte("x"), If: []byte("1")},
		{Name: "c"},
		{Name: "d", Value: []byte("x"), If: []byte("1")},
	}})
	assert.NoError(t, f.Close())
	f = reopen(t, open, dir)
	first(store.System, "key", "third", "first")
	all, err := f.Secrets(t.Context(), store.System, "", 10)
	assert.NoError(t, err)
	want := []store.Secret{
		{Tenant: store.System, Name: "key", Value: []byte("first")},
		{Tenant: store.Default, Name: "a", Value: []byte("x")},
		{Tenant: store.Default, Name: "b", Value: []byte("2")},
		{Tenant: store.Default, Name: "key", Value: []byte("second")},
	}
	assert.Equal(t, all, want)
	some, err := f.Secrets(t.Context(), store.Default, "a", 1)
	assert.NoError(t, err)
	assert.Equal(t, some, want[2:3])
	if _, err := f.Secret(t.Context(), store.Default, "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a removed secret: %v", err)
	}
}

func testReopen(t *testing.T, open OpenFunc) {
	dir := t.TempDir()
	st := open(t, dir)
	f := &fixture{t: t, Store: st, set: schema.Core(nil)}
	g, u := f.group("g"), f.user("u")
	f.link(g, u)
	f.rows(store.Rows{Cursors: []store.Cursor{{Target: "a", Seq: 2}}})
	want := f.feed()
	assert.NoError(t, f.Close())
	assert.NoError(t, f.Close(), assert.Sprintf("closing twice"))

	f = reopen(t, open, dir)
	assert.Equal(t, f.feed(), want)
	equal(t, f.get(u.ID), u)
	assert.Equal(t, f.children(nameAll(map[string]*store.Resource{"u": u}), g), []string{"u"})
	c, err := f.Cursor(t.Context(), store.Default, "a")
	assert.NoError(t, err)
	assert.Equal(t, c.Seq, 2)
	assert.NoError(t, f.Wait(t.Context(), store.Default, 2))
	v := f.user("v")
	assert.True(t, v.Num > u.Num)
	assert.Equal(t, len(f.feed()), len(want)+1)
}
