package filter_test

import (
	"fmt"
	"testing"

	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

func TestSQL(t *testing.T) {
	t.Parallel()
	user := schema.Core(nil).Type("User")
	leaf := func(e filter.Expr) (filter.Condition, bool) {
		c, ok := e.(*filter.Compare)
		if !ok {
			return filter.Condition{}, false
		}
		cond := filter.Condition{Args: []any{c.Value}, Exact: true}
		switch {
		case c.Negated:
			return cond, false
		case c.Name == "userName":
			cond.Text = "u = ?"
		case c.Name == "title":
			cond.Text, cond.Exact = "t LIKE ?", false
		}
		return cond, cond.Text != ""
	}
	for _, c := range []struct{ in, text, args, exact string }{
		{`userName eq "a"`, "u = ?", "[a]", "exact"},
		{`title eq "a"`, "t LIKE ?", "[a]", "more"},
		{`nickName eq "a"`, "1 = 1", "[]", "more"},
		{`userName ne "a"`, "1 = 1", "[]", "more"},
		{`emails[value eq "a"]`, "1 = 1", "[]", "more"},
		{`userName eq "a" and userName eq "b"`, "(u = ? AND u = ?)", "[a b]", "exact"},
		{`userName eq "a" and nickName pr`, "(u = ? AND 1 = 1)", "[a]", "more"},
		{`userName eq "a" or userName eq "b"`, "(u = ? OR u = ?)", "[a b]", "exact"},
		{`userName eq "a" or nickName pr`, "1 = 1", "[]", "more"},
		{`userName eq "a" or title eq "b"`, "(u = ? OR t LIKE ?)", "[a b]", "more"},
		{`userName eq "a" and (userName eq "b" or title eq "c")`, "(u = ? AND (u = ? OR t LIKE ?))", "[a b c]", "more"},
		{`not (userName eq "a" and nickName eq "b")`, "1 = 1", "[]", "more"},
	} {
		e, err := filter.Parse(c.in, nil)
		if err == nil {
			e, err = filter.Bind(e, user, filter.OneType, nil)
		}
		if err != nil {
			t.Fatalf("%s: %v", c.in, err)
		}
		got := filter.SQL(e, leaf)
		exact := map[bool]string{true: "exact", false: "more"}[got.Exact]
		if got.Text != c.text || fmt.Sprint(got.Args) != c.args || exact != c.exact {
			t.Errorf("%s:\ngot  %s %v %s\nwant %s %s %s", c.in, got.Text, got.Args, exact, c.text, c.args, c.exact)
		}
	}
	if got := filter.SQL(nil, leaf); got.Text != "1 = 1" || !got.Exact {
		t.Errorf("no filter: got %+v", got)
	}
}
