package relational

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// TestSec_E02_ExpensiveSearches: of the searches that look at everything a tenant has two at a time; another one waits a
// little and is then sent away, and other tenants are not concerned.
func TestSec_E02_ExpensiveSearches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s searches
		leave, err := s.enter(t.Context(), 1)
		assert.NoError(t, err)
		_, err = s.enter(t.Context(), 1)
		assert.NoError(t, err)
		began := time.Now()
		_, err = s.enter(t.Context(), 1)
		assert.ErrorIs(t, err, store.ErrSearches)
		assert.Equal(t, time.Since(began), searchWait)
		_, err = s.enter(t.Context(), 2)
		assert.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.enter(ctx, 1)
		assert.ErrorIs(t, err, context.Canceled)

		time.AfterFunc(searchWait/2, leave)
		_, err = s.enter(t.Context(), 1)
		assert.NoError(t, err)
	})
}

func TestSec_E02_WhatIsExpensive(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	defer db.Close()
	set := schema.Core(nil)
	user := set.Type("User")
	for _, test := range []struct {
		filter, sort string
		want         bool
	}{
		{"", "", false},
		{"", "userName", false},
		{"", "title", true},
		{`userName eq "a"`, "", false},
		{`userName eq "a" and title eq "b"`, "", false},
		{`userName eq "a" or externalId eq "b" or emails.value eq "c"`, "", false},
		{`userName eq "a" or title eq "b"`, "", true},
		{`userName sw "a"`, "", false},
		{`userName co "a"`, "", true},
		{`title eq "b"`, "", true},
		{`not (userName eq "a")`, "", true},
	} {
		q := &store.Query{Type: user}
		if test.filter != "" {
			e, err := filter.Parse(test.filter, nil)
			assert.NoError(t, err)
			q.Filter, err = filter.Bind(e, user, filter.OneType, nil)
			assert.NoError(t, err)
		}
		if test.sort != "" {
			p, err := user.Resolve(test.sort, nil)
			assert.NoError(t, err)
			q.Sort = []store.SortKey{{Path: p}}
		}
		s := &search{db: db, tenant: store.Default, query: q}
		assert.NoError(t, db.read(t.Context(), s.compile))
		assert.Equal(t, s.expensive(), test.want, assert.Sprintf("%q by %q", test.filter, test.sort))
	}
}

// TestSec_D06_FiltersAreArguments: nothing of a filter's values is in the SQL.
func TestSec_D06_FiltersAreArguments(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	defer db.Close()
	set := schema.Core(nil)
	for _, text := range []string{
		"userName eq %s", "displayName co %s", "emails.value ew %s", "id eq %s", "emails[value sw %s]", "groups.value eq %s", "not (externalId eq %s)",
	} {
		e, err := filter.Parse(strings.ReplaceAll(text, "%s", `"'\"; DROP TABLE resource; --"`), nil)
		assert.NoError(t, err)
		e, err = filter.Bind(e, set.Type("User"), filter.OneType, nil)
		assert.NoError(t, err)
		s := &search{db: db, tenant: store.Default, query: &store.Query{Type: set.Type("User"), Filter: e}}
		assert.NoError(t, db.read(t.Context(), s.compile))
		from := s.from(s.term.via)
		assert.NotContains(t, from.text, "DROP")
	}
}
