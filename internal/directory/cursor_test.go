package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/server"
)

// query makes a query by cursor. by is "" or an attribute, with a minus in front for descending.
func (f *face) query(text, by string, count int) *server.Query {
	f.Helper()
	q := &server.Query{Type: f.typ, Start: 1, Count: count, ByCursor: true}
	if text != "" {
		e, err := filter.Parse(strings.ReplaceAll(text, "'", `"`), nil)
		assert.NoError(f, err)
		q.Filter, err = filter.Bind(e, f.typ, filter.OneType, nil)
		assert.NoError(f, err)
	}
	if name, descending := strings.CutPrefix(by, "-"); name != "" {
		p, err := f.typ.Resolve(name, nil)
		assert.NoError(f, err)
		q.Sort = []server.SortKey{{Path: p, Descending: descending}}
	}
	return q
}

// walk reads all pages of a query and calls between after each but the last.
func (f *face) walk(q *server.Query, between func()) (ids []string) {
	f.Helper()
	for {
		n := 0
		p, err := f.Find(f.Context(), q, func(r *server.Resource) error {
			n++
			ids = append(ids, r.ID)
			return nil
		})
		assert.NoError(f, err)
		assert.True(f, n <= q.Count)
		if q.After = p.Next; q.After == "" {
			return ids
		}
		between()
	}
}

// TestUntouchedRowsAreSeenOnce is CUR-28: a walk in any order, by an index or row by row, sees whoever was not touched
// once, while others come, change and go.
func TestUntouchedRowsAreSeenOnce(t *testing.T) {
	t.Parallel()
	const enterprise = scim.EnterpriseUserSchema
	orders := map[string][]string{
		"an index":   {"", "userName", "externalId", "displayName", "id", "meta.created", "meta.lastModified", enterprise + ":employeeNumber"},
		"row by row": {"title", "active", "emails.value", enterprise + ":manager.displayName"},
	}
	filters := []string{"", "active eq true", "title pr", "userName sw 'u'", "emails.value co 'a'", "not (displayName eq 'a')"}
	for name, orders := range orders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				word := rapid.SampledFrom([]string{"", "a", "A", "b", "B", "é", "zz"})
				document := func() string {
					n++
					parts := []string{fmt.Sprintf("'userName':'u%s%d','active':%v", word.Draw(rt, "userName"), n, rapid.Bool().Draw(rt, "active"))}
					for _, name := range []string{"externalId", "displayName", "title"} {
						if w := word.Draw(rt, name); w != "" {
							parts = append(parts, fmt.Sprintf("'%s':'%s'", name, w))
						}
					}
					if w := word.Draw(rt, "mail"); w != "" {
						parts = append(parts, fmt.Sprintf("'emails':[{'value':'%s@x'}]", w))
					}
					if w := word.Draw(rt, "number"); w != "" {
						parts = append(parts, fmt.Sprintf("'%s':{'employeeNumber':'%s','manager':{'value':'%s'}}", enterprise, w, w))
					}
					h.now.Add(time.Duration(rapid.IntRange(0, 1).Draw(rt, "later")) * time.Millisecond)
					return "{" + strings.Join(parts, ",") + "}"
				}
				var calm, restless []string
				for range rapid.IntRange(1, 7).Draw(rt, "calm") {
					calm = append(calm, h.users.create(document()).ID)
				}
				for range rapid.IntRange(0, 4).Draw(rt, "restless") {
					restless = append(restless, h.users.create(document()).ID)
				}
				text := rapid.SampledFrom(filters).Draw(rt, "filter")
				by := rapid.SampledFrom(orders).Draw(rt, "by")
				direction := rapid.SampledFrom([]string{"", "-"}).Draw(rt, "direction")
				matching := h.users.find(text)

				seen := map[string]int{}
				for _, id := range h.users.walk(h.users.query(text, direction+by, rapid.IntRange(1, 4).Draw(rt, "count")), func() {
					if len(restless) == 0 || rapid.IntRange(0, 2).Draw(rt, "write") == 0 && len(restless) < 6 {
						restless = append(restless, h.users.create(document()).ID)
						return
					}
					i := rapid.IntRange(0, len(restless)-1).Draw(rt, "whom")
					if rapid.Bool().Draw(rt, "gone") {
						h.users.delete(restless[i])
						restless = slices.Delete(restless, i, i+1)
					} else {
						h.users.put(restless[i], document())
					}
				}) {
					seen[id]++
				}
				for _, id := range calm {
					want := 0
					if slices.Contains(matching, id) {
						want = 1
					}
					if seen[id] != want {
						rt.Fatalf("%q by %s%s: %s was seen %d times, want %d", text, direction, by, id, seen[id], want)
					}
				}
				for _, id := range append(calm, restless...) {
					h.users.delete(id)
				}
			})
		})
	}
}

func TestLongKeysAreRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	for i := range 3 {
		h.users.create(fmt.Sprintf("{'userName':'u%d','title':'%s%d','externalId':'%s%d'}", i, strings.Repeat("x", 5000), i, strings.Repeat("y", 900), i))
	}
	_, err := h.users.Find(t.Context(), h.users.query("", "title", 2), func(*server.Resource) error {
		t.Error("something was sent before the refusal")
		return nil
	})
	refused(t, err, 400, scim.InvalidValue)
	assert.Equal(t, len(h.users.walk(h.users.query("", "title", 3), nil)), 3)
	assert.Equal(t, len(h.users.walk(h.users.query("", "externalId", 1), func() {})), 3)
}
