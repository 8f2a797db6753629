package client_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim/client"
)

const (
	offersCursors = `{"pagination":{"cursor":true,"index":true,"maxPageSize":2,"defaultPaginationMethod":"index"}}`
	offersNone    = `{"patch":{"supported":true}}`
)

// cursors answers like a server that pages by cursor, two a page, which is what its configuration says if config is not
// empty. Its cursors are c1, c2, … and a page without the parameter has none if index is set.
type cursors struct {
	*fake

	config string
	users  []string
	index  bool                                                         // pages by index unless asked for a cursor
	refuse func(q map[string][]string, n int) (status int, body string) // n counts the lists
	n      int
}

func cursorServer(t *testing.T, s *cursors) (*cursors, *client.Client) {
	t.Helper()
	s.fake = answering(0, "")
	s.answer = func(r *http.Request) (int, string) {
		if strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig") && s.config != "" {
			return 200, s.config
		}
		if !strings.HasSuffix(r.URL.Path, "/Users") {
			return 404, ""
		}
		s.n++
		q := r.URL.Query()
		if s.refuse != nil {
			if status, body := s.refuse(q, s.n); status != 0 {
				return status, body
			}
		}
		from, next := 0, ""
		switch {
		case q.Get("cursor") != "":
			from, _ = strconv.Atoi(q.Get("cursor")[1:])
		case q.Has("startIndex"):
			from, _ = strconv.Atoi(q.Get("startIndex"))
			from--
		}
		to := min(from+2, len(s.users))
		if to < len(s.users) && (q.Has("cursor") || !s.index) {
			next = "c" + strconv.Itoa(to)
		}
		return 200, listOf(strconv.Itoa(len(s.users)), next, s.users[from:to]...)
	}
	return s, open(t, s.fake)
}

var five = []string{"1", "2", "3", "4", "5"}

func TestCursors(t *testing.T) {
	t.Parallel()
	byIndex := func(q map[string][]string, _ int) (int, string) {
		if _, ok := q["cursor"]; ok {
			return 400, `{"scimType":"invalidValue","detail":"unknown parameter"}`
		}
		return 0, ""
	}
	for _, c := range []struct {
		name     string
		s        *cursors
		q        client.Query
		asked    bool // the configuration is read before
		requests []string
	}{
		{
			"CUR-16: a cursor that nobody asked for is followed", &cursors{users: five},
			client.Query{},
			false,
			[]string{"", "?cursor=c2", "?cursor=c4"},
		},
		{
			"CUR-C-01: what the configuration offers is used when a list goes on", &cursors{users: five, index: true, config: offersCursors},
			client.Query{},
			false,
			[]string{"", "?cursor=", "?cursor=c2", "?cursor=c4"},
		},
		{
			"C-19, CUR-01: and from the first page on if it is known", &cursors{users: five, index: true, config: offersCursors},
			client.Query{},
			true,
			[]string{"?cursor=", "?cursor=c2", "?cursor=c4"},
		},
		{
			"CUR-C-01: by index if it offers nothing else", &cursors{users: five, index: true, config: offersNone},
			client.Query{},
			true,
			[]string{"", "?startIndex=3", "?startIndex=5"},
		},
		{
			"CUR-C-01: by index if the offer does not hold", &cursors{users: five, index: true, config: offersCursors, refuse: byIndex},
			client.Query{},
			true,
			[]string{"?cursor=", "", "?startIndex=3", "?startIndex=5"},
		},
		{
			"CUR-08: only the cursor changes", &cursors{users: five, config: offersCursors},
			client.Query{Filter: "a pr", Count: 2, SortBy: "id", Want: client.Want{Attributes: []string{"id"}}},
			true,
			[]string{
				"?attributes=id&count=2&cursor=&filter=a%20pr&sortBy=id", "?attributes=id&count=2&cursor=c2&filter=a%20pr&sortBy=id",
				"?attributes=id&count=2&cursor=c4&filter=a%20pr&sortBy=id",
			},
		},
		{
			"CUR-21: no more than the server says", &cursors{users: five[:2], config: offersCursors},
			client.Query{Count: 100},
			true,
			[]string{"?count=2&cursor="},
		},
		{"by cursor, as the caller likes it", &cursors{users: five, index: true}, client.Query{Paging: client.PageCursor}, false, []string{"?cursor=", "?cursor=c2", "?cursor=c4"}},
		{"by index, as the caller likes it", &cursors{users: five, index: true, config: offersCursors}, client.Query{Paging: client.PageIndex}, true, []string{"", "?startIndex=3", "?startIndex=5"}},
		{
			"CUR-C-02: an expired cursor begins anew, nothing comes twice", &cursors{users: five, refuse: func(_ map[string][]string, n int) (int, string) {
				if n == 3 {
					return 400, `{"scimType":"expiredCursor"}`
				}
				return 0, ""
			}},
			client.Query{},
			false,
			[]string{"", "?cursor=c2", "?cursor=c4", "?cursor=", "?cursor=c2", "?cursor=c4"},
		},
		{
			"a count that is refused is left to the server", &cursors{users: five, refuse: func(q map[string][]string, _ int) (int, string) {
				if q["count"] != nil {
					return 400, `{"scimType":"invalidCount"}`
				}
				return 0, ""
			}},
			client.Query{Count: 500},
			false,
			[]string{"?count=500", "", "?cursor=c2", "?cursor=c4"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, cl := cursorServer(t, c.s)
			if c.asked {
				_, err := cl.Config(t.Context())
				assert.NoError(t, err)
			}
			got, err := walk(t, cl, c.q)
			assert.NoError(t, err)
			assert.Equal(t, got, strings.Join(s.users, ""))
			assert.Equal(t, s.lists(), c.requests)
		})
	}
	t.Run("CUR-C-01: a server that ignores cursor is not asked again", func(t *testing.T) {
		t.Parallel()
		s := pages(5, "5")
		index := s.answer
		s.answer = func(r *http.Request) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig") {
				return 200, offersCursors
			}
			return index(r)
		}
		c := open(t, s)
		for range 2 {
			got, err := walk(t, c, client.Query{})
			assert.NoError(t, err)
			assert.Equal(t, got, "12345")
		}
		assert.Equal(t, s.lists(), []string{"", "?cursor=", "?startIndex=3", "?startIndex=5", "", "?startIndex=3", "?startIndex=5"})
	})
}

func TestListsEnd(t *testing.T) {
	t.Parallel()
	n := 0
	for name, c := range map[string]struct {
		answer func(r *http.Request) (int, string)
		q      client.Query
		most   int // requests
	}{
		"a cursor that leads to itself":  {answer: func(*http.Request) (int, string) { return 200, listOf("9", "c", "1", "2") }, most: 3},
		"cursors that lead in a circle":  {answer: func(*http.Request) (int, string) { n++; return 200, listOf("9", strconv.Itoa(n%2), "1", "2") }, most: 14},
		"a cursor that always expires":   {answer: expiring, most: 9},
		"empty pages with new cursors":   {answer: func(*http.Request) (int, string) { n++; return 200, listOf("9", strconv.Itoa(n)) }, most: 14},
		"new resources without any end":  {answer: func(*http.Request) (int, string) { n++; return 200, listOf("null", "", strconv.Itoa(n)) }, q: client.Query{Max: 50}, most: 53},
		"a first page that never is one": {answer: func(*http.Request) (int, string) { return 400, `{"scimType":"invalidCount"}` }, q: client.Query{Count: 5}, most: 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := answering(0, "")
			s.answer = c.answer
			_, err := walk(t, open(t, s), c.q)
			if err == nil {
				t.Error("ended as if it were whole")
			}
			if e, ok := errors.AsType[*client.Error](err); !ok && !errors.Is(err, client.ErrEndless) {
				t.Errorf("got %v, %v", err, e)
			}
			if len(s.sent) > c.most {
				t.Errorf("%d requests", len(s.sent))
			}
		})
	}
}

func expiring(r *http.Request) (int, string) {
	if r.URL.Query().Get("cursor") != "" {
		return 400, `{"scimType":"expiredCursor"}`
	}
	return 200, listOf("9", "c", "1")
}

// TestPG06_WhatStaysIsNotMissed lists by index while others come and go: P-G-06, P-G-12, C-02.
func TestPG06_WhatStaysIsNotMissed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var users []string
		for i := range 5 + rnd.IntN(40) {
			users = append(users, fmt.Sprintf("%03d", i))
		}
		stays := slices.Clone(users)
		requests, changes, page := 0, 0, 1+rnd.IntN(5)
		s := answering(0, "")
		s.answer = func(r *http.Request) (int, string) {
			if !strings.HasSuffix(r.URL.Path, "/Users") {
				return 404, ""
			}
			if requests++; requests > 1 && changes < 8 {
				changes++
				switch rnd.IntN(3) {
				case 0:
					for range min(rnd.IntN(4), len(users)) {
						i := rnd.IntN(len(users))
						stays = slices.DeleteFunc(stays, func(id string) bool { return id == users[i] })
						users = slices.Delete(users, i, i+1)
					}
				case 1:
					users = slices.Insert(users, rnd.IntN(len(users)+1), fmt.Sprintf("new%d", requests))
				}
			}
			start, _ := strconv.Atoi(r.URL.Query().Get("startIndex"))
			from := min(max(start, 1)-1, len(users))
			return 200, listOf(strconv.Itoa(len(users)), "", users[from:min(from+page, len(users))]...)
		}
		seen := make(map[string]int)
		for d, err := range open(t, s).All(t.Context(), "/Users", client.Query{Paging: client.PageIndex}) {
			assert.NoError(t, err)
			seen[d.ID()]++
		}
		for _, id := range stays {
			if seen[id] != 1 {
				t.Fatalf("seed %d: %s came %d times", seed, id, seen[id])
			}
		}
		if requests > 200 {
			t.Fatalf("seed %d: %d requests", seed, requests)
		}
	}
}

func TestSearches(t *testing.T) {
	t.Parallel()
	private := client.Query{Filter: client.Eq("userName", "ada"), SortBy: "userName", Descending: true, Count: 2, Private: true}
	t.Run("C-14, P-7.5.2-01, P-Q-02: what is private goes into the body", func(t *testing.T) {
		t.Parallel()
		s := answering(200, listOf("1", "", "1"))
		_, err := open(t, s).Find(t.Context(), "/Users", private, 3)
		assert.NoError(t, err)
		assert.Equal(t, s.lists(), []string{"/.search"})
		assert.Equal(t, s.body, `{"count":2,"filter":"userName eq \"ada\"","schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"sortBy":"userName","sortOrder":"descending","startIndex":3}`)
	})
	t.Run("P-7.5.2-01: and is not sent in another way", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{404, 405, 501} {
			s := answering(status, "")
			_, err := walk(t, open(t, s), private)
			assert.NotNil(t, err)
			assert.Equal(t, s.lists(), []string{"/.search"})
		}
	})
	t.Run("what the server finds too sensitive", func(t *testing.T) {
		t.Parallel()
		for _, refusal := range []string{"403 sensitive", "414 "} {
			s := answering(0, "")
			s.answer = func(r *http.Request) (int, string) {
				if r.Method == http.MethodGet {
					status, _ := strconv.Atoi(refusal[:3])
					return status, `{"scimType":"` + refusal[4:] + `"}`
				}
				return 200, listOf("1", "", "1")
			}
			got, err := walk(t, open(t, s), client.Query{Filter: client.Eq("userName", "ada")})
			assert.NoError(t, err)
			assert.Equal(t, got, "1")
			assert.Equal(t, s.lists(), []string{"?filter=userName%20eq%20%22ada%22", "/.search"})
		}
	})
	t.Run("a long one where there is no .search", func(t *testing.T) {
		t.Parallel()
		s := answering(0, "")
		s.answer = func(r *http.Request) (int, string) {
			if r.Method == http.MethodPost {
				return 404, ""
			}
			return 200, listOf("0", "")
		}
		c := open(t, s)
		for range 2 {
			_, err := walk(t, c, client.Query{Filter: client.Eq("userName", strings.Repeat("a", 3000))})
			assert.NoError(t, err)
		}
		assert.Equal(t, len(s.sent), 3, assert.Sprintf("asked once, then known"))
	})
	t.Run("P-1.2-01, AMB-50: over all types", func(t *testing.T) {
		t.Parallel()
		s := answering(200, listOf("0", ""))
		_, err := open(t, s).Find(t.Context(), "", client.Query{Filter: client.Eq("userName", "a&b+c d%")}, 1)
		assert.NoError(t, err)
		assert.Equal(t, s.sent[0], "GET https://app.example/scim/v2?filter=userName%20eq%20%22a%26b%2Bc%20d%25%22")
	})
}

func FuzzList(f *testing.F) {
	f.Add([]byte(listOf("3", "", "1", "2")), []byte(listOf("3", "", "3")))
	f.Add([]byte(listOf("-1", "c", "1", "1")), []byte(listOf("1e9", "c", "1")))
	f.Add([]byte(`{"Resources":[1,null,{"id":[]}],"totalResults":"x","nextCursor":{}}`), []byte(`{"schemas":[]}`))
	f.Add([]byte(`{"Resources":{"id":"1"}}`), []byte(`<html>`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := answering(0, "")
		n := 0
		s.answer = func(*http.Request) (int, string) {
			if n++; n%2 == 1 {
				return 200, string(first)
			}
			return 200, string(second)
		}
		seen := make(map[string]bool)
		for d, err := range open(t, s).All(t.Context(), "/Users", client.Query{Max: 100}) {
			if id := d.ID(); err == nil && id != "" && seen[id] {
				t.Fatalf("%q came twice", id)
			} else if err == nil {
				seen[id] = true
			}
		}
		if n > 500 {
			t.Fatalf("%d requests", n)
		}
	})
}
