package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

func testFind(t *testing.T, open OpenFunc) {
	t.Run("the database finds what filter.Match finds", func(t *testing.T) { testFindModel(t, open) })

	t.Run("pages of a list neither repeat nor lose anything while it grows", func(t *testing.T) {
		f := newFixture(t, open)
		var want []store.Num
		for i := range 25 {
			want = append(want, f.user(fmt.Sprint("u", i)).Num)
		}
		var got []store.Num
		for after := store.Num(0); ; {
			page := f.find(&store.Query{Type: f.set.Type(store.TypeUser), Start: 1, Count: 7, After: store.Position{Num: after}})
			if len(page) == 0 {
				break
			}
			if len(got) < len(want) {
				f.delete(f.user("comes and goes").ID)
			}
			for _, r := range page {
				got = append(got, r.Num)
			}
			after = got[len(got)-1]
		}
		assert.Equal(t, got, want)
	})

	t.Run("wildcards and bytes mean themselves", func(t *testing.T) { // D07
		f := newFixture(t, open)
		values := []string{"50%", "50x", "a_b", "acb", `c\d`, "c*d", "d?e", "dxe", "é", "e\u0301", "n\x00ul", "n", `q"q`, "'; DROP TABLE resource; --"}
		for i, v := range values {
			f.create(f.resource(store.TypeUser, schema.Object{"userName": fmt.Sprint("u", i), "displayName": v, "emails": []any{schema.Object{"value": v}}}))
		}
		for _, v := range values {
			if strings.ContainsRune(v, 0) {
				continue // no filter says that
			}
			for _, attr := range []string{"displayName", "emails.value"} {
				for _, op := range []string{"eq", "co", "sw", "ew"} {
					got := f.search(store.TypeUser, attr+" "+op+" "+quote(v))
					var want []store.Num
					for i, w := range values {
						if op == "eq" && v == w || op == "co" && strings.Contains(w, v) || op == "sw" && strings.HasPrefix(w, v) || op == "ew" && strings.HasSuffix(w, v) {
							want = append(want, store.Num(i+1))
						}
					}
					assert.Equal(t, got, want, assert.Sprintf("%s %s %q", attr, op, v))
				}
			}
		}
	})

	t.Run("an error of emit ends the search", func(t *testing.T) {
		f := newFixture(t, open)
		for i := range 3 {
			f.user(fmt.Sprint("u", i))
		}
		stop, n := errors.New("the client has left"), 0
		_, err := f.Find(t.Context(), store.Default, &store.Query{Type: f.set.Type(store.TypeUser), Start: 1, Count: 10}, func(*store.Resource) error {
			n++
			return stop
		})
		assert.ErrorIs(t, err, stop)
		assert.Equal(t, n, 1)
	})

	t.Run("emitting may write", func(t *testing.T) { // no transaction and no connection is held meanwhile
		f := newFixture(t, open)
		for i := range 5 {
			f.user(fmt.Sprint("u", i))
		}
		var found []string
		_, err := f.Find(t.Context(), store.Default, &store.Query{Type: f.set.Type(store.TypeUser), Start: 1, Count: 10}, func(r *store.Resource) error {
			found = append(found, r.ID)
			return nil
		})
		assert.NoError(t, err)
		_, err = f.Find(t.Context(), store.Default, &store.Query{Type: f.set.Type(store.TypeUser), Start: 1, Count: 10}, func(r *store.Resource) error {
			f.delete(r.ID)
			return nil
		})
		assert.NoError(t, err)
		assert.Equal(t, len(found), 5)
		assert.Equal(t, f.count(), 0)
	})
}

func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(err) // the test's own strings are valid
	}
	return string(b)
}

// bind reads a filter; "" is none.
func (f *fixture) bind(typ, text string) (filter.Expr, error) {
	if text == "" {
		return nil, nil
	}
	var d *scim.Dialect // strict
	e, err := filter.Parse(text, d)
	if err != nil {
		return nil, err
	}
	return filter.Bind(e, f.set.Type(typ), filter.AllTypes, d)
}

// search returns the numbers of what a filter finds.
func (f *fixture) search(typ, text string) (nums []store.Num) {
	f.t.Helper()
	e, err := f.bind(typ, text)
	assert.NoError(f.t, err)
	for _, r := range f.find(&store.Query{Type: f.set.Type(typ), Filter: e, Start: 1, Count: 1000, Doc: f.doc}) {
		nums = append(nums, r.Num)
	}
	return nums
}

func (f *fixture) find(q *store.Query) (rows []*store.Resource) {
	f.t.Helper()
	_, err := f.Find(f.t.Context(), store.Default, q, func(r *store.Resource) error {
		rows = append(rows, r)
		return nil
	})
	assert.NoError(f.t, err)
	return rows
}

// doc completes a document as the domain does: id, meta, members and groups.
func (f *fixture) doc(ctx context.Context, r *store.Resource) (schema.Object, error) {
	doc, err := f.set.Type(r.Type).Decode(r.Body)
	if err != nil {
		return nil, err
	}
	const layout = "2006-01-02T15:04:05.000Z"
	doc["id"] = r.ID
	doc["meta"] = schema.Object{
		"resourceType": r.Type, "created": r.Created.Format(layout), "lastModified": r.Modified.Format(layout), "version": fmt.Sprint(r.Version),
	}
	var members, groups []any
	for ref, err := range f.Children(ctx, store.Default, store.Members, r.Num, 0) {
		if err != nil {
			return nil, err
		}
		members = append(members, schema.Object{"value": ref.ID, "type": ref.Type, "display": ref.Display})
	}
	above, err := f.Ancestors(ctx, store.Default, store.Members, r.Num)
	if err != nil {
		return nil, err
	}
	for _, ref := range above {
		groups = append(groups, schema.Object{"value": ref.ID, "display": ref.Display})
	}
	if len(members) > 0 && r.Type == store.TypeGroup {
		doc["members"] = members
	}
	if len(groups) > 0 && r.Type == store.TypeUser {
		doc["groups"] = groups
	}
	return doc, nil
}

// testFindModel compares every way to search with the plain meaning of a query: evaluate the filter on all, sort, cut
// out the page.
func testFindModel(t *testing.T, open OpenFunc) {
	const populations = 4
	for seed := range populations {
		t.Run(fmt.Sprint("population ", seed), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, open)
			world := populate(f, seed)
			rapid.Check(t, func(rt *rapid.T) {
				typ := f.set.Type(rapid.SampledFrom([]string{store.TypeUser, store.TypeUser, store.TypeGroup}).Draw(rt, "type"))
				text := world.filters(3).Draw(rt, "filter")
				e, err := f.bind(typ.Name, text)
				if err != nil {
					rt.Skip(err)
				}
				q := &store.Query{Type: typ, Filter: e, Start: rapid.IntRange(0, 40).Draw(rt, "start"), Count: rapid.IntRange(0, 40).Draw(rt, "count"), Doc: f.doc}
				if rapid.Bool().Draw(rt, "sorted") {
					q.Sort = world.sorts(typ).Draw(rt, "sort")
				}
				if rapid.Bool().Draw(rt, "behind a position") {
					q.After = world.position(q, rapid.SampledFrom(world.all).Draw(rt, "after").Num)
				}
				q.Next = rapid.Bool().Draw(rt, "next")
				want, total, next := world.answer(q)
				var got []store.Num
				page, err := f.Find(t.Context(), store.Default, q, func(r *store.Resource) error {
					got = append(got, r.Num)
					return nil
				})
				if err != nil {
					rt.Fatalf("%s: %v", text, err)
				}
				if page.Total != total || !slices.Equal(got, want) {
					rt.Fatalf("%s\nsort %v start %d count %d after %v\n got %d: %v\nwant %d: %v",
						text, q.Sort, q.Start, q.Count, q.After, page.Total, got, total, want)
				}
				if diff := cmp.Diff(next, page.Next); diff != "" {
					rt.Fatalf("%s\nsort %v start %d count %d after %v: the next page (-want +got)\n%s", text, q.Sort, q.Start, q.Count, q.After, diff)
				}
			})
		})
	}
}

// world is a population: all live resources with their documents.
type world struct {
	set  *schema.Set
	all  []*store.Resource // in order of number
	docs map[store.Num]schema.Object
	ids  []string
}

// answer is what a query means.
func (w *world) answer(q *store.Query) (page []store.Num, total int, next *store.Position) {
	var matches []store.Num
	for _, r := range w.all {
		if r.Type == q.Type.Name && filter.Match(q.Filter, w.set, w.docs[r.Num]) {
			matches = append(matches, r.Num)
		}
	}
	total = len(matches)
	slices.SortFunc(matches, func(a, b store.Num) int { return w.compare(q, w.position(q, a), w.position(q, b)) })
	if q.After.Num > 0 {
		matches = slices.DeleteFunc(matches, func(n store.Num) bool { return w.compare(q, w.position(q, n), q.After) <= 0 })
	}
	from := min(max(q.Start, 1)-1, len(matches))
	to := min(from+q.Count, len(matches))
	if q.Next && from < to && to < len(matches) {
		at := w.position(q, matches[to-1])
		next = &at
	}
	return matches[from:to], total, next
}

// position returns the place of a resource in the order of a query.
func (w *world) position(q *store.Query, n store.Num) store.Position {
	at := store.Position{Num: n}
	for _, k := range q.Sort {
		at.Keys = append(at.Keys, w.set.Key(k.Path.Leaf(), first(k.Path, w.docs[n])))
	}
	return at
}

func (w *world) compare(q *store.Query, a, b store.Position) int {
	for i, k := range q.Sort {
		c := w.set.Compare(k.Path.Leaf(), a.Keys[i], b.Keys[i])
		if k.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return int(a.Num - b.Num)
}

// first returns what a document is sorted by; the population has no primary elements. An empty string is no value.
func first(p schema.Path, doc schema.Object) any {
	for v := range p.Values(doc) {
		if v == "" {
			return nil
		}
		return v
	}
	return nil
}

// words are values that differ by case, by bytes that mean something elsewhere, by length, or not at all.
var words = rapid.StringOfN(rapid.SampledFrom([]rune("aAbB%_\\é\u00c9ß😀 ")), 0, 3, -1)

// populate fills a store with a population that the seed determines: users, groups in groups and around cycles, and
// tombstones among them.
func populate(f *fixture, seed int) *world {
	users := rapid.Custom(func(rt *rapid.T) schema.Object {
		doc := schema.Object{"userName": words.Draw(rt, "userName")}
		maybe := func(o schema.Object, name string, v func() any) {
			if rapid.Bool().Draw(rt, "has "+name) {
				o[name] = v()
			}
		}
		word := func() any { return words.Draw(rt, "word") }
		for _, name := range []string{"externalId", "displayName", "title", "nickName"} {
			maybe(doc, name, word)
		}
		maybe(doc, "active", func() any { return rapid.Bool().Draw(rt, "active") })
		maybe(doc, "name", func() any { return schema.Object{"familyName": word()} })
		maybe(doc, "emails", func() any {
			return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) any {
				e := schema.Object{"type": rapid.SampledFrom([]string{"work", "home"}).Draw(rt, "type")}
				if rapid.IntRange(0, 4).Draw(rt, "has value") > 0 {
					e["value"] = words.Draw(rt, "value")
				}
				return e
			}), 1, 3).Draw(rt, "emails")
		})
		enterprise := schema.Object{}
		maybe(enterprise, "employeeNumber", word)
		maybe(enterprise, "manager", func() any { return schema.Object{"value": words.Draw(rt, "manager")} })
		if len(enterprise) > 0 {
			doc[scim.EnterpriseUserSchema] = enterprise
		}
		return doc
	})
	w := &world{set: f.set, docs: map[store.Num]schema.Object{}}
	pick := rapid.IntRange(0, 1<<30)
	draws := 0
	draw := func(n int) int {
		draws++
		return pick.Example(seed*100_000+draws) % n
	}
	var groups, all []*store.Resource
	for i := range 60 {
		var r *store.Resource
		if i%4 == 3 {
			r = f.resource(store.TypeGroup, schema.Object{"displayName": words.Example(seed*1000 + i)})
		} else {
			r = f.resource(store.TypeUser, users.Example(seed*1000+i))
		}
		r.Created = began.Add(time.Duration(draw(5)) * 500 * time.Microsecond).Truncate(time.Millisecond)
		r.Modified = r.Created.Add(time.Duration(draw(3)) * time.Second)
		r = f.create(r)
		if all = append(all, r); r.Type == store.TypeGroup {
			groups = append(groups, r)
		}
	}
	for range 60 {
		f.rows(store.Rows{Link: []store.Edge{edge(groups[draw(len(groups))], all[draw(len(all))])}})
		f.rows(store.Rows{Link: []store.Edge{edge(groups[draw(len(groups))], groups[draw(len(groups))])}})
	}
	gone := map[store.Num]bool{}
	for range 8 {
		if r := all[draw(len(all))]; !gone[r.Num] {
			gone[r.Num] = true
			f.delete(r.ID)
		}
	}
	for _, r := range all {
		w.ids = append(w.ids, r.ID)
		if gone[r.Num] {
			continue
		}
		doc, err := f.doc(f.t.Context(), f.get(r.ID))
		assert.NoError(f.t, err)
		w.all = append(w.all, r)
		w.docs[r.Num] = doc
	}
	return w
}

// filters generates filters of some depth, in the grammar of RFC 7644 §3.4.2.2.
func (w *world) filters(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(rt *rapid.T) string {
		kinds := 3
		if depth == 0 {
			kinds = 0
		}
		switch rapid.IntRange(-3, kinds).Draw(rt, "kind") {
		case 1:
			return w.filters(depth-1).Draw(rt, "left") + " and " + w.filters(depth-1).Draw(rt, "right")
		case 2:
			return "(" + w.filters(depth-1).Draw(rt, "left") + " or " + w.filters(depth-1).Draw(rt, "right") + ")"
		case 3:
			return "not (" + w.filters(depth-1).Draw(rt, "inner") + ")"
		}
		if depth == 3 && rapid.IntRange(0, 9).Draw(rt, "none") == 0 {
			return ""
		}
		return w.comparisons().Draw(rt, "leaf")
	})
}

func (w *world) comparisons() *rapid.Generator[string] {
	ops := rapid.SampledFrom([]string{"eq", "eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"})
	compare := func(rt *rapid.T, attr, value string) string {
		op := ops.Draw(rt, "op")
		if op == "pr" {
			return attr + " pr"
		}
		return attr + " " + op + " " + value
	}
	const urn = scim.EnterpriseUserSchema + ":"
	texts := rapid.SampledFrom([]string{
		"userName", "externalId", "displayName", "emails.value", "emails", "emails.type", "title", "name.familyName",
		urn + "employeeNumber", urn + "manager.value",
	})
	return rapid.Custom(func(rt *rapid.T) string {
		switch rapid.IntRange(0, 11).Draw(rt, "attribute") {
		case 0:
			return "active " + rapid.SampledFrom([]string{"eq true", "eq false", "ne true", "pr", "eq null"}).Draw(rt, "active")
		case 1:
			at := began.Add(time.Duration(rapid.IntRange(-1, 5).Draw(rt, "half ms")) * 500 * time.Microsecond)
			at = at.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "s")) * time.Second)
			zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", 2*3600)}).Draw(rt, "zone")
			return compare(rt, rapid.SampledFrom([]string{"meta.created", "meta.lastModified"}).Draw(rt, "time"),
				quote(at.In(zone).Format("2006-01-02T15:04:05.0000Z07:00")))
		case 2:
			return compare(rt, "id", quote(rapid.SampledFrom(append(w.ids, "0", "nobody")).Draw(rt, "id")))
		case 3:
			attr := rapid.SampledFrom([]string{"members.value", "members", "groups.value", "groups", "members.display", "groups.display"}).Draw(rt, "relation")
			return compare(rt, attr, quote(rapid.SampledFrom(append(w.ids, "nobody")).Draw(rt, "id")))
		case 4:
			value := quote(words.Draw(rt, "word"))
			inner := rapid.SampledFrom([]string{
				compare(rt, "value", value), compare(rt, "value", value) + ` and type eq "work"`,
				`type eq "work" or ` + compare(rt, "value", value), "not (" + compare(rt, "value", value) + ")",
			}).Draw(rt, "inner")
			return "emails[" + inner + "]"
		}
		return compare(rt, texts.Draw(rt, "text"), quote(words.Draw(rt, "word")))
	})
}

// sorts generates one or two keys, of attributes with and without an index.
func (w *world) sorts(t *schema.ResourceType) *rapid.Generator[[]store.SortKey] {
	var paths []schema.Path
	for _, name := range []string{"userName", "externalId", "displayName", "id", "meta.created", "meta.lastModified", "title", "name.familyName", "active"} {
		if p, err := t.Resolve(name, nil); err == nil {
			paths = append(paths, p)
		}
	}
	key := rapid.Custom(func(rt *rapid.T) store.SortKey {
		return store.SortKey{Path: rapid.SampledFrom(paths).Draw(rt, "by"), Descending: rapid.Bool().Draw(rt, "descending")}
	})
	return rapid.SliceOfN(key, 1, 2)
}
