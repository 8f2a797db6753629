package server_test

import (
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// users streams n users u00, u01, …, the odd ones as kept bytes.
func users(set *schema.Set, n int) iter.Seq2[*server.Resource, error] {
	return func(yield func(*server.Resource, error) bool) {
		for i := range n {
			doc := schema.Object{"schemas": []any{scim.UserSchema}, "userName": fmt.Sprintf("u%02d", i), "active": i%3 == 0}
			r := &server.Resource{ID: fmt.Sprint(i), Version: "1", Created: time.Unix(int64(i), 0), Attrs: doc}
			if i%2 == 1 {
				r.Attrs, r.Raw = nil, set.Type("User").Append(nil, doc)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	set := schema.Core(nil)
	typ := set.Type("User")
	path := func(name string) schema.Path {
		p, err := typ.Resolve(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, c := range map[string]struct {
		filter      string
		sort        []server.SortKey
		start, want int
		total       int
		ids         string
	}{
		"all":                   {"", nil, 1, 3, 10, "[0 1 2]"},
		"a page":                {"", nil, 9, 5, 10, "[8 9]"},
		"none wanted":           {"", nil, 1, 0, 10, "[]"},
		"behind the end":        {"", nil, 11, 5, 10, "[]"},
		"far behind the end":    {"", []server.SortKey{{Path: path("userName")}}, 1 << 30, 5, 10, "[]"},
		"filter":                {"active eq true", nil, 2, 2, 4, "[3 6]"},
		"filter on id and meta": {`id eq "4" and meta.created eq "1970-01-01T00:00:04Z" and meta.version pr`, nil, 1, 9, 1, "[4]"},
		"sorted down":           {"", []server.SortKey{{Path: path("userName"), Descending: true}}, 1, 3, 10, "[9 8 7]"},
		"two keys": {
			"", []server.SortKey{{Path: path("active"), Descending: true}, {Path: path("meta.created"), Descending: true}}, 1, 5, 10, "[9 6 3 0 8]",
		},
		"sorted, filtered, paged": {"active eq true", []server.SortKey{{Path: path("id"), Descending: true}}, 2, 2, 4, "[6 3]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &server.Query{Type: typ, Sort: c.sort, Start: c.start, Count: c.want, Want: &server.Want{}}
			if c.filter != "" {
				e, err := filter.Parse(c.filter, nil)
				if err == nil {
					q.Filter, err = filter.Bind(e, typ, filter.OneType, nil)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			ids := []string{}
			page, err := q.Scan(users(set, 10), func(r *server.Resource) error {
				ids = append(ids, r.ID)
				return nil
			})
			if err != nil || page.Total != c.total || fmt.Sprint(ids) != c.ids {
				t.Fatalf("got %v, %+v, %v; want %s of %d", ids, page, err, c.ids, c.total)
			}
		})
	}
	t.Run("errors end it", func(t *testing.T) {
		t.Parallel()
		gone := errors.New("gone")
		for _, sort := range [][]server.SortKey{nil, {{Path: path("userName")}}} {
			q := &server.Query{Type: typ, Sort: sort, Start: 1, Count: 9}
			if _, err := q.Scan(users(set, 3), func(*server.Resource) error { return gone }); !errors.Is(err, gone) {
				t.Fatalf("error of emit: got %v", err)
			}
			broken := func(yield func(*server.Resource, error) bool) { yield(nil, gone) }
			if _, err := q.Scan(broken, func(*server.Resource) error { return nil }); !errors.Is(err, gone) {
				t.Fatalf("error of a row: got %v", err)
			}
		}
	})
}

func TestReads(t *testing.T) {
	t.Parallel()
	set := schema.Core(nil)
	typ := set.Type("Group")
	for text, want := range map[string]bool{
		`displayName pr`: false,
		`members pr`:     true,
		`displayName eq "x" or members[value eq "1"]`:  true,
		`not (externalId pr and members.value eq "1")`: true,
	} {
		e, err := filter.Parse(text, nil)
		if err == nil {
			e, err = filter.Bind(e, typ, filter.OneType, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		q := &server.Query{Type: typ, Filter: e, Want: &server.Want{}}
		if got := q.Reads().Has("members"); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
	if (&server.Query{Type: typ}).Reads() != nil {
		t.Error("a query that wants everything reads everything")
	}
}
