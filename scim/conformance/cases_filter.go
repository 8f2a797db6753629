package conformance

import "slices"

// filterCase is a check that asks one filter of the four people of people.
type filterCase struct {
	name   string
	rows   []string
	title  string
	filter string
	finds  []int // of the four, by index
	// or is what is to be said where the answer is another one, or a refusal, that some reading of the RFC allows.
	or string
}

func (c filterCase) check() *Check {
	return &Check{
		Name: "filter/" + c.name, Rows: c.rows, Title: c.title,
		Fix: "Evaluate " + c.filter + " as RFC 7644 §3.4.2.2 says.",
		Run: func(t *T) {
			of, p := people(t)
			a := t.Get(t.Users() + Query("filter", of+`(`+c.filter+`)`))
			var want []string
			for _, i := range c.finds {
				want = append(want, p[i])
			}
			if c.or != "" {
				if a.Status >= 500 {
					t.Failf("it was answered with status %d", a.Status)
				}
				if got := a.IDs(); a.Status != 200 || !slices.Equal(sorted(got), sorted(want)) {
					t.Warnf("%s", c.or)
				}
				return
			}
			a.List().Finds(want...)
		},
	}
}

// The four: 0 nickName x, active, title Tour Guide; 1 nickName x, inactive; 2 nickName y, active, work mail p@example.com,
// primary; 3 inactive, home mail q@example.com.
var filterCases = []filterCase{
	{name: "eq-string", rows: []string{"P-F-06"}, title: "eq finds a string without regard to case where caseExact is false.", filter: `nickName eq "X"`, finds: []int{0, 1}},
	{name: "eq-boolean", rows: []string{"P-F-06"}, title: "eq finds a boolean.", filter: `active eq false`, finds: []int{1, 3}},
	{name: "eq-null", rows: []string{"P-F-30"}, title: "eq null finds what is unassigned.", filter: `nickName eq null`, finds: []int{3}, or: "eq null does not find the unassigned"},
	{name: "ne-null", rows: []string{"P-F-30"}, title: "ne null finds what is assigned.", filter: `nickName ne null`, finds: []int{0, 1, 2}, or: "ne null does not find the assigned"},
	{name: "co", rows: []string{"P-F-08"}, title: "co finds a part in any case.", filter: `title co "R GUI"`, finds: []int{0}},
	{name: "sw", rows: []string{"P-F-08"}, title: "sw finds a beginning.", filter: `title sw "tour"`, finds: []int{0}},
	{name: "ew", rows: []string{"P-F-08"}, title: "ew finds an end.", filter: `title ew "IDE"`, finds: []int{0}},
	{name: "sw-equal", rows: []string{"P-F-08"}, title: "sw is satisfied by equality.", filter: `title sw "Tour Guide"`, finds: []int{0}},
	{name: "pr", rows: []string{"P-F-09"}, title: "pr finds what has a value.", filter: `nickName pr`, finds: []int{0, 1, 2}},
	{name: "pr-list", rows: []string{"P-F-09"}, title: "pr of a list finds who has an element.", filter: `emails pr`, finds: []int{2, 3}},
	{name: "pr-complex", rows: []string{"P-F-09"}, title: "pr of a complex attribute finds who has any of it.", filter: `name pr`, finds: []int{0, 1, 2, 3}},
	{name: "gt", rows: []string{"P-F-10"}, title: "gt compares strings in order.", filter: `nickName gt "x"`, finds: []int{2}},
	{name: "ge", rows: []string{"P-F-10"}, title: "ge includes what is equal.", filter: `nickName ge "x"`, finds: []int{0, 1, 2}},
	{name: "lt", rows: []string{"P-F-10"}, title: "lt compares strings in order.", filter: `nickName lt "y"`, finds: []int{0, 1}},
	{name: "le", rows: []string{"P-F-10"}, title: "le includes what is equal.", filter: `nickName le "x"`, finds: []int{0, 1}},
	{name: "date-gt", rows: []string{"P-F-10", "S-2.3.5-02"}, title: "Times are compared by instant, whatever their offset.", filter: `meta.created gt "2000-01-01T00:00:00+05:00"`, finds: []int{0, 1, 2, 3}},
	{name: "date-lt", rows: []string{"P-F-10"}, title: "Nobody was created before the year 2000.", filter: `meta.created lt "2000-01-01T00:00:00Z"`, finds: nil},
	{name: "and-before-or", rows: []string{"P-F-20", "P-F-13"}, title: "and binds before or.", filter: `nickName eq "y" or active eq true and nickName eq "x"`, finds: []int{0, 2}},
	{name: "group-before-and", rows: []string{"P-F-13"}, title: "Parentheses bind before and.", filter: `(nickName eq "y" or active eq true) and nickName eq "x"`, finds: []int{0}},
	{name: "not-before-and", rows: []string{"P-F-20"}, title: "not binds before and.", filter: `not (nickName eq "x") and active eq true`, finds: []int{2}},
	{name: "not-not", rows: []string{"P-F-12"}, title: "not of not is the same.", filter: `not (not (active eq true))`, finds: []int{0, 2}},
	{name: "any-element", rows: []string{"P-F-21"}, title: "A list matches if one of its elements does.", filter: `emails.type eq "home"`, finds: []int{3}},
	{name: "brackets", rows: []string{"P-F-15"}, title: "Brackets ask for one element that satisfies everything inside.", filter: `emails[type eq "home" and value eq "q@example.com"]`, finds: []int{3}},
	{name: "brackets-one-element", rows: []string{"P-F-15"}, title: "Two elements do not satisfy brackets together.", filter: `emails[type eq "work" and value eq "q@example.com"]`, finds: nil},
	{name: "brackets-not", rows: []string{"P-F-15"}, title: "not works inside brackets.", filter: `emails[not (type eq "work")]`, finds: []int{3}},
	{name: "brackets-or", rows: []string{"P-F-15"}, title: "or works inside brackets.", filter: `emails[type eq "work" or type eq "home"]`, finds: []int{2, 3}},
	{name: "list-by-value", rows: []string{"P-F-23", "AMB-06"}, title: "A list of complex values compared as a whole means its value.", filter: `emails co "p@example"`, finds: []int{2}, or: "emails co is not taken for emails.value co"},
	{name: "ne-list", rows: []string{"P-F-22"}, title: "ne of a list is answered without an error.", filter: `emails.type ne "work"`, finds: []int{0, 1, 3}, or: "ne of a list means that some element differs here"},
	{name: "primary", rows: []string{"P-F-21"}, title: "The primary element can be asked for.", filter: `emails[primary eq true]`, finds: []int{2}},
	{name: "names-in-any-case", rows: []string{"P-F-03", "P-F-14"}, title: "Attribute names and operators are taken in any case.", filter: `NICKNAME Eq "y" OR Active EQ false`, finds: []int{1, 2, 3}},
	{name: "full-name", rows: []string{"P-3.10-01", "P-3.10-02"}, title: "An attribute can be named with its URN.", filter: userURN + `:nickName eq "y"`, finds: []int{2}},
	{name: "full-name-in-capitals", rows: []string{"P-3.10-04"}, title: "The URN is taken in any case.", filter: `URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER:nickname eq "y"`, finds: []int{2}, or: "the URN in capitals is not understood"},
	{name: "default-value", rows: []string{"P-F-24"}, title: "What was defaulted is found as it is shown.", filter: `active pr`, finds: []int{0, 1, 2, 3}},
	{name: "unicode-escape", rows: []string{"P-F-29"}, title: "Escapes of JSON are understood in values.", filter: `nickName eq "\u0079"`, finds: []int{2}},
	{name: "empty-operand", rows: []string{"P-F-08"}, title: "An empty operand is answered without an error.", filter: `title co ""`, finds: []int{0}, or: "co of an empty text is refused, or finds somebody without the attribute"},
}

// wrongFilters are refused with invalidFilter.
var wrongFilters = []struct {
	name, title, filter string
	rows                []string
	or                  bool // the grammar allows it, so that finding nobody will do
}{
	{"no-value", "An operator without a value is refused.", `userName eq`, []string{"P-F-05"}, false},
	{"value-of-pr", "pr takes no value.", `userName pr "x"`, []string{"P-F-05"}, false},
	{"empty-group", "Empty parentheses are refused.", `()`, []string{"P-F-04"}, false},
	{"open-group", "A parenthesis that is not closed is refused.", `(userName eq "x"`, []string{"P-F-16"}, false},
	{"open-string", "A string that is not closed is refused.", `userName eq "x`, []string{"P-F-16"}, false},
	{"trailing-and", "and needs two sides.", `userName eq "x" and`, []string{"P-F-16"}, false},
	{"two-expressions", "Two expressions need an operator between them.", `userName eq "x" userName eq "y"`, []string{"P-F-16"}, false},
	{"unknown-operator", "An unknown operator is refused.", `userName regex "x"`, []string{"P-F-26"}, false},
	{"brackets-in-brackets", "Brackets in brackets are refused.", `emails[value[a eq 1]]`, []string{"P-F-18"}, false},
	{"three-levels", "A sub-attribute has no sub-attributes.", `name.familyName.first eq "x"`, []string{"P-F-18"}, false},
	{"order-of-booleans", "Booleans have no order.", `active gt true`, []string{"P-F-11"}, false},
	{"order-of-binary", "Binary values have no order.", `x509Certificates.value gt "a"`, []string{"P-F-11"}, false},
	{"foreign-in-brackets", "Inside brackets only sub-attributes may stand.", `emails[userName eq "x"]`, []string{"P-F-15"}, true},
	{"complex-as-value", "A complex attribute is not comparable as a whole.", `name eq "x"`, []string{"P-F-23"}, true},
}

func filterTable() []*Check {
	var list []*Check
	for _, c := range filterCases {
		list = append(list, c.check())
	}
	for _, c := range wrongFilters {
		list = append(list, &Check{
			Name: "filter/wrong-" + c.name, Rows: c.rows, Title: c.title, Reads: true,
			Fix: "Answer 400 with scimType invalidFilter.",
			Run: func(t *T) {
				t.NeedFilter()
				a := t.Get(t.Users() + Query("filter", c.filter))
				if c.or && a.Status == 200 && len(a.List().IDs()) == 0 {
					t.Warnf("it finds nobody; refuse it, so that the client knows")
					return
				}
				a.Refused("invalidFilter", 400)
			},
		})
	}
	return append(list,
		&Check{
			Name: "filter/unknown-attribute", Rows: []string{"P-F-31", "AMB-04"}, Reads: true,
			Title: "A filter on an unknown attribute is refused or finds nobody.",
			Fix:   "Answer 400 with invalidFilter: a client that misspells a name would take everybody's absence for a fact.",
			Run: func(t *T) {
				t.NeedFilter()
				a := t.Get(t.Users() + Query("filter", `favouriteColour eq "green"`))
				if a.Status == 200 && len(a.List().IDs()) == 0 {
					t.Warnf("it is answered as if the attribute existed")
					return
				}
				a.Refused("invalidFilter", 400)
			},
		},
		&Check{
			Name: "filter/id", Rows: []string{"S-3.1-09", "P-F-27"},
			Title: "id can be asked for, and is compared exactly.",
			Fix:   "Compare id with caseExact.",
			Run: func(t *T) {
				t.NeedFilter()
				u := t.User(nil)
				t.Find(t.Users(), `id eq "`+u.ID()+`"`).Finds(u.ID())
			},
		},
		&Check{
			Name: "filter/prepared-strings", Rows: []string{"P-F-33", "P-7.8-01"},
			Title: "A name is found however its letters are composed.",
			Fix:   "Normalise strings before comparing them (NFC).",
			Run: func(t *T) {
				t.NeedFilter()
				name := t.Name("rené")
				u := t.User(Object{"userName": name})
				a := t.Get(t.Users() + Query("filter", `userName eq "`+t.s.marker+name[len(t.s.marker):len(name)-len("é")]+"e\u0301"+`"`))
				if a.Status != 200 || len(a.IDs()) != 1 || a.IDs()[0] != u.ID() {
					t.Warnf("a decomposed é does not find a composed one")
				}
			},
		},
		&Check{
			Name: "filter/before-projection", Rows: []string{"P-F-36"},
			Title: "A filter sees attributes that are not asked for.",
			Fix:   "Filter stored values, then project.",
			Run: func(t *T) {
				of, p := people(t)
				t.Get(t.Users() + Query("filter", of+`title pr`, "attributes", "userName")).List().Finds(p[0])
			},
		},
		&Check{
			Name: "filter/user-name-in-any-case", Rows: []string{"P-F-03", "S-2.1-01"},
			Title: "userName is found by its name in any case.",
			Fix:   "Compare attribute names without case.",
			Run: func(t *T) {
				t.NeedFilter()
				u := t.User(nil)
				for _, name := range []string{"USERNAME", "username", "UserName"} {
					t.Find(t.Users(), name+` eq "`+u.Text("userName")+`"`).Finds(u.ID())
				}
			},
		},
		&Check{
			Name: "filter/second-element", Rows: []string{"P-F-21"},
			Title: "A list matches by any of its elements, not by the first alone.",
			Fix:   "Look at every element.",
			Run: func(t *T) {
				t.NeedFilter()
				u := t.User(twoMails)
				name := `userName eq "` + u.Text("userName") + `" and `
				t.Find(t.Users(), name+`emails.value eq "h@example.com"`).Finds(u.ID())
				t.Find(t.Users(), name+`emails[type eq "home"]`).Finds(u.ID())
			},
		},
		&Check{
			Name: "filter/group-by-member", Rows: []string{"P-F-21"},
			Title: "Groups are found by a member.",
			Fix:   "Support members.value eq: identity providers look memberships up that way.",
			Run: func(t *T) {
				t.NeedFilter()
				u := t.User(nil)
				g := t.Group(u.ID())
				t.Group()
				a := t.Get(t.Groups() + Query("filter", `members.value eq "`+u.ID()+`"`))
				if a.Status != 200 {
					t.Warnf("it is answered with status %d", a.Status)
					return
				}
				a.Finds(g.ID())
			},
		},
		&Check{
			Name: "filter/extension", Rows: []string{"P-3.10-05", "P-3.10-01"},
			Title: "An attribute of an extension is found by its full name, whose URN has a dot.",
			Fix:   "Match the longest known URN before looking for sub-attributes.",
			Run: func(t *T) {
				t.NeedFilter()
				t.NeedEnterprise()
				number := t.Name("number")
				u := t.User(Object{enterprise: Object{"employeeNumber": number}})
				t.Find(t.Users(), enterprise+`:employeeNumber eq "`+number+`"`).Finds(u.ID())
			},
		},
	)
}
