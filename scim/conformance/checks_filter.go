package conformance

import (
	"slices"
	"strings"
)

// people makes four users. What is put behind of is asked of them alone.
func people(t *T) (of string, ids [4]string) {
	family := t.Name("family")
	of = t.HavingAnd(family)
	for i, more := range []Object{
		{"nickName": "x", "active": true, "title": "Tour Guide"},
		{"nickName": "x", "active": false},
		{"nickName": "y", "active": true, "emails": []any{Object{"value": "p@example.com", "type": "work", "primary": true}}},
		{"active": false, "emails": []any{Object{"value": "q@example.com", "type": "home"}}},
	} {
		more["name"] = Object{"familyName": family}
		ids[i] = t.User(more).ID()
	}
	return of, ids
}

var filterChecks = []*Check{
	{
		Name: "filter/offered", Rows: []string{"P-F-01"}, Reads: true,
		Title: "A filter is answered by it or refused, never ignored.",
		Fix:   "Where filters are not supported, answer 400 with invalidFilter or 501.",
		Run: func(t *T) {
			a := t.Get(t.Users() + Query("filter", `userName eq "muster-check-nobody-has-this-name"`))
			if a.Status == 200 && len(a.List().IDs()) > 0 {
				t.Failf("a filter that nobody matches was answered with %d users", len(a.IDs()))
			}
			if a.Status >= 500 && a.Status != 501 {
				t.Failf("it was answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "filter/eq-and-or-not", Rows: []string{"P-F-02", "P-F-12", "P-F-19"},
		Title: "eq, and, or, not and parentheses find exactly who matches.",
		Fix:   "Evaluate filters by RFC 7644 §3.4.2.2: not binds before and, and before or.",
		Run: func(t *T) {
			of, p := people(t)
			for filter, want := range map[string][]string{
				`active eq true`:                             {p[0], p[2]},
				`active eq true and nickName eq "x"`:         {p[0]},
				`(active eq true or nickName eq "x")`:        {p[0], p[1], p[2]},
				`not (active eq true)`:                       {p[1], p[3]},
				`not(active eq true)`:                        {p[1], p[3]},
				`(nickName eq "y" or active eq false)`:       {p[1], p[2], p[3]},
				`emails.value eq "p@example.com"`:            {p[2]},
				`emails[type eq "home"]`:                     {p[3]},
				`title pr`:                                   {p[0]},
				`title sw "tour"`:                            {p[0]},
				`title co "Guide"`:                           {p[0]},
				`title ew "guide"`:                           {p[0]},
				`emails[type eq "work" and value co "p@ex"]`: {p[2]},
			} {
				t.Find(t.Users(), of+filter).Finds(want...)
			}
		},
	},
	{
		Name: "filter/ne-of-absent", Rows: []string{"P-F-07", "AMB-05"},
		Title: "ne finds who has another value; who has none is found too, or not, but always the same.",
		Fix:   "Let ne be the opposite of eq.",
		Run: func(t *T) {
			of, p := people(t)
			got := t.Find(t.Users(), of+`nickName ne "x"`).IDs()
			found := strings.Join(got, " ")
			if !strings.Contains(found, p[2]) || strings.Contains(found, p[0]) {
				t.Failf("it found %q", got)
			}
			if len(got) == 1 {
				t.Warnf("who has no nickName is not found by ne")
			}
		},
	},
	{
		Name: "filter/false-primary", Rows: []string{"S-2.4-04", "AMB-07"},
		Title: "An element without primary counts as not primary.",
		Fix:   "Take an absent primary for false.",
		Run: func(t *T) {
			of, p := people(t)
			got := t.Find(t.Users(), of+`emails[primary eq false]`).IDs()
			if len(got) != 1 || got[0] != p[3] {
				t.Warnf("emails[primary eq false] found %q, not the one without primary", got)
			}
		},
	},
	{
		Name: "filter/case-of-operators", Rows: []string{"P-F-14"},
		Title: "Operators and attribute names are taken in any case.",
		Fix:   "Compare them without case.",
		Run: func(t *T) {
			of, p := people(t)
			t.Find(t.Users(), strings.TrimSuffix(of, " and ")+` AND Active Eq true AND USERNAME PR`).Finds(p[0], p[2])
		},
	},
	{
		Name: "filter/urn", Rows: []string{"P-F-17"},
		Title: "Attributes can be named with the URN of their schema.",
		Fix:   "Resolve urn:…:User:userName.",
		Run: func(t *T) {
			u := t.User(nil)
			t.NeedFilter()
			t.Find(t.Users(), userURN+`:userName eq "`+u.Text("userName")+`"`).Finds(u.ID())
		},
	},
	{
		Name: "filter/wrong", Rows: []string{"P-F-05", "P-F-16", "P-F-18", "P-F-26", "P-Q-04"}, Reads: true,
		Title: "A filter that the grammar does not allow is refused with 400 and invalidFilter.",
		Fix:   "Parse the whole filter, and refuse what is left over.",
		Run: func(t *T) {
			t.NeedFilter()
			for _, filter := range []string{
				`userName eq`, `userName pr "x"`, `userName regex "x"`, `eq "x"`, `(userName eq "x"`, `userName eq "x" and`,
				`userName eq "x" userName eq "y"`, `emails[value[a eq 1]]`, `name.familyName.first eq 1`, `userName eq "x`,
			} {
				a := t.Get(t.Users() + Query("filter", filter))
				if a.Status != 400 {
					t.Errorf("%s was answered with status %d", filter, a.Status)
					continue
				}
				a.Refused("invalidFilter", 400)
			}
			if a := t.Post(t.Users()+"/.search", Object{"schemas": []any{searchURN}, "filter": "userName eq"}); a.Status != 404 && a.Status != 501 {
				a.Refused("invalidFilter", 400)
			}
		},
	},
	{
		Name: "filter/wrong-type", Rows: []string{"P-F-32", "AMB-43"}, Reads: true,
		Title: "A value of the wrong type is refused or matches nobody; it is never a 500.",
		Fix:   "Answer 400 with invalidFilter.",
		Run: func(t *T) {
			t.NeedFilter()
			for _, filter := range []string{`active eq "nonsense"`, `userName eq 5`, `meta.created gt "yesterday"`, `active gt true`} {
				a := t.Get(t.Users() + Query("filter", filter, "count", "1"))
				if a.Status >= 500 {
					t.Errorf("%s was answered with status %d", filter, a.Status)
				} else if a.Status == 200 && len(a.List().IDs()) > 0 {
					t.Errorf("%s found somebody", filter)
				}
			}
		},
	},
	{
		Name: "filter/bounded", Rows: []string{"P-F-34"}, Reads: true,
		Title: "A filter that is too deep or too long is refused quickly.",
		Fix:   "Bound length and depth before parsing.",
		Run: func(t *T) {
			t.NeedFilter()
			deep := strings.Repeat("(", 2000) + `userName eq "x"` + strings.Repeat(")", 2000)
			a := t.Get(t.Users() + Query("filter", deep))
			if a.Status != 200 && (a.Status < 400 || a.Status >= 500) {
				t.Failf("2,000 parentheses were answered with status %d", a.Status)
			}
			if a.Status == 200 {
				t.Warnf("2,000 parentheses are evaluated")
			}
		},
	},
	{
		Name: "filter/schemas", Rows: []string{"P-F-28"},
		Title: "schemas can be asked for in a filter.",
		Fix:   "Treat schemas as the multi-valued attribute that it is.",
		Run: func(t *T) {
			t.NeedFilter()
			t.NeedEnterprise()
			u := t.User(Object{enterprise: Object{"department": "Research"}})
			a := t.Get(t.Users() + Query("filter", `userName eq "`+u.Text("userName")+`" and schemas eq "`+enterprise+`"`))
			if a.Status != 200 || !slices.Contains(a.List().IDs(), u.ID()) {
				t.Warnf("it is answered with status %d, and does not find who has the extension", a.Status)
				return
			}
			a.Finds(u.ID())
		},
	},
	{
		Name: "filter/encoding", Rows: []string{"P-1.2-01"},
		Title: "A value is found whatever characters of a URL it has.",
		Fix:   "Decode the query exactly once.",
		Run: func(t *T) {
			t.NeedFilter()
			for _, special := range []string{"a&b=c", "a+b", "a%26b", `a"b\c`, "ä/ö?#"} {
				u := t.User(Object{"nickName": t.s.marker + special})
				value := encode(t.s.marker + special)
				t.Find(t.Users(), `userName eq "`+u.Text("userName")+`" and nickName eq `+value).Finds(u.ID())
			}
		},
	},
}
