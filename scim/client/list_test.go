package client_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim/client"
)

func TestC14_ALongQueryIsPosted(t *testing.T) {
	t.Parallel()
	s := pages(0, "0")
	c := open(t, s)
	_, err := c.Find(t.Context(), "/Users", client.Query{Filter: client.Eq("displayName", "a b+c")}, 1)
	assert.NoError(t, err)
	assert.Equal(t, s.sent[0], "GET https://app.example/scim/v2/Users?filter=displayName%20eq%20%22a%20b%2Bc%22")
	long := client.Eq("displayName", strings.Repeat("é", 1000))
	_, err = c.Find(t.Context(), "/Users", client.Query{Filter: long, Count: 10, Want: client.Want{Excluded: []string{"members"}}}, 1)
	assert.NoError(t, err)
	assert.Equal(t, s.sent[1], "POST https://app.example/scim/v2/Users/.search")
	assert.Equal(t, s.body, `{"count":10,"excludedAttributes":["members"],"filter":"displayName eq \"`+strings.Repeat("é", 1000)+`\"","schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}`)
	assert.Equal(t, s.last.URL.RawQuery, "")
}

// pages answers like a server with so many users that gives at most two a page.
func pages(total int, claim string) *fake {
	s := answering(0, "")
	s.answer = func(r *http.Request) (int, string) {
		if r.URL.Path == "/scim/v2/ServiceProviderConfig" {
			return 404, ""
		}
		start, _ := strconv.Atoi(r.URL.Query().Get("startIndex"))
		var ids []string
		for i := max(start, 1); i <= total && len(ids) < 2; i++ {
			ids = append(ids, strconv.Itoa(i))
		}
		return 200, listOf(claim, "", ids...)
	}
	return s
}

// listOf is a ListResponse of resources that have nothing but an id. An empty cursor is none.
func listOf(total, cursor string, ids ...string) string {
	resources := make([]string, len(ids))
	for i, id := range ids {
		resources[i] = fmt.Sprintf(`{"id":%q}`, id)
	}
	next := ""
	if cursor != "" {
		next = fmt.Sprintf(`,"nextCursor":%q`, cursor)
	}
	return `{"totalResults":` + total + next + `,"Resources":[` + strings.Join(resources, ",") + `]}`
}

// lists returns the requests that were for users, without their base.
func (s *fake) lists() []string {
	var lists []string
	for _, r := range s.sent {
		if _, after, ok := strings.Cut(r, "/scim/v2/Users"); ok {
			lists = append(lists, after)
		}
	}
	return lists
}

// walk returns the ids that All yields, and its error.
func walk(t *testing.T, c *client.Client, q client.Query) (ids string, err error) {
	t.Helper()
	for d, e := range c.All(t.Context(), "/Users", q) {
		if e != nil {
			return ids, e
		}
		ids += d.ID()
	}
	return ids, nil
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		s        *fake
		requests []string
		want     string
	}{
		{"C-02, P-G-12: the next page begins behind what was received", pages(3, "3"), []string{"?count=100", "?count=100&startIndex=3"}, "123"},
		{"C-02: claims too much", pages(3, "99"), []string{"?count=100", "?count=100&startIndex=3", "?count=100&startIndex=4"}, "123"},
		{"C-02: claims nonsense", pages(3, `"many"`), []string{"?count=100", "?count=100&startIndex=3", "?count=100&startIndex=4"}, "123"},
		{"C-02: claims nothing", pages(2, `null`), []string{"?count=100", "?count=100&startIndex=3"}, "12"},
		{"none", pages(0, "0"), []string{"?count=100"}, ""},
		{"C-02: no paging", answering(200, listOf("9", "", "1", "2")), []string{"?count=100", "?count=100&startIndex=3"}, "12"},
		{"resources without an id", answering(200, `{"totalResults":9,"Resources":[{},{}]}`), []string{"?count=100", "?count=100&startIndex=3"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := walk(t, open(t, c.s), client.Query{Count: 100})
			assert.NoError(t, err)
			assert.Equal(t, got, c.want)
			assert.Equal(t, c.s.lists(), c.requests)
		})
	}
}
