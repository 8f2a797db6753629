package filter_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

func compat() *scim.Dialect { return scim.NewDialect(scim.Compat()) }

// The corpus of the project's checklist, section 12, that only the grammar decides.
var (
	validFilters = []string{
		`userName eq "bjensen"`, `USERNAME EQ "BJENSEN"`, `name.familyName co "O'Malley"`, `title pr`,
		`title pr and userType eq "Employee"`, `title pr or userType eq "Intern" and active eq true`,
		`not (title pr)`, `not(title pr)`, `NOT (title pr)`, `(title pr)`,
		`emails[type eq "work" and value co "@example.com"]`, `emails[not (type eq "work")]`,
		`emails.type eq "work"`, `emails co "example.com"`,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`, `meta.lastModified le "2011-05-13T06:42:34.000+02:00"`,
		`schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName sw "A"`,
		`urn:ietf:params:scim:schemas:core:2.0:User:name.givenName sw "B"`,
		`nickName eq null`, `active eq false`, `userName eq "a\"b"`, `externalId eq "\u0041"`,
		`members.value eq "id"`, `members[value eq "id"]`, `groups.value eq "id"`,
		`  userName   eq   "x"  `, `( title pr )`, `not  (  title pr  )`, `emails [ type eq "work" ]`,
		`userName eq ""`, `userName eq "😀"`, `userName eq "\ud83d\ude00"`, `members.$ref pr`,
		`(a pr or b pr) and c pr`, `a pr AND b pr OR c pr`,
		`x eq -1.5e3`, `x eq 0`, `a-b_c1 pr`,
	}
	invalidFilters = []string{
		``, ` `, `()`, `userName`, `userName eq`, `userName eq `, `eq "x"`, `userName eq 'x'`, `userName = "x"`,
		`userName eq "x" and`, `(userName eq "x"`, `userName eq "x")`, `emails[type eq "work"`, `emails[]`,
		`emails[type eq "work"][value eq "x"]`, `name.given.x eq "y"`, `1abc eq "x"`, `userName foo "x"`,
		`userName eq "x" xor title pr`, `not title pr`, `userName eq "unterminated`,
		`userName pr "x"`, `userName regex "x"`, `emails[value[a eq 1]]`, `a.b.c eq 1`, `emails[0].value eq "x"`,
		`userName eq "\x"`, `userName eq "\ud800"`, `userName eq "a` + "\x01" + `"`, `userName eq "\u0000"`,
		"userName eq \"\xff\"", "userName\teq \"x\"", `userName eq "x" "y"`, `userName eq x y`, `a pr and and b pr`,
		`a. pr`, `.a pr`, `emails[a.b pr]`, `emails[urn:x:y pr]`, `a pr b pr`, `userName eq and`, `userName eq (x)`,
		`userName eq <x>`, `userName eq {}`, `uſerName.x. pr`, `emails] pr`, `emails[type pr)`, `(emails[type pr)]`,
	}
	// forgiven by LooseFilter alone (F14, AMB-08, AMB-44).
	looseFilters = []string{
		`userName eq jane@acme.test`, `userName eq x`, `active eq True`, `name.familyName eq O'Malley`,
		`value eq"x"`, `userName eq"x"and title pr`, `(a pr)and(b pr)`, `a pr and(b pr)`, `(a pr)or b pr`,
		`emails[type eq "work"].value eq "x"`, `emails[type eq "work"].value pr`, `emails[type eq work]`, `externalId eq 01`,
	}
)

func TestParseCorpus(t *testing.T) {
	for _, s := range validFilters {
		if _, err := filter.Parse(s, nil); err != nil {
			t.Errorf("strict refuses %q: %v", s, err)
		}
		d := compat()
		if _, err := filter.Parse(s, d); err != nil {
			t.Errorf("compat refuses %q: %v", s, err)
		}
		if d.Used() != 0 {
			t.Errorf("%q counts a switch that it does not need", s)
		}
	}
	for _, s := range invalidFilters {
		for _, d := range []*scim.Dialect{nil, compat()} {
			e, err := filter.Parse(s, d)
			if got := scim.AsError(err); got == nil || got.Status != 400 || got.Type != scim.InvalidFilter {
				t.Errorf("%s: %q gives %v, %v", d.Profile().Name, s, e, err)
			}
		}
	}
	for _, s := range looseFilters {
		if _, err := filter.Parse(s, nil); err == nil {
			t.Errorf("strict takes %q", s)
		}
		d := compat()
		if _, err := filter.Parse(s, d); err != nil {
			t.Errorf("compat refuses %q: %v", s, err)
		} else if !d.Used().Has(scim.LooseFilter) {
			t.Errorf("the use of loose-filter by %q is not recorded", s)
		}
	}
}

func compare(name string, op filter.Op, v any) *filter.Compare {
	return &filter.Compare{Name: name, Op: op, Value: v}
}

func TestParseTree(t *testing.T) {
	a, b, c := compare("a", filter.Pr, nil), compare("b", filter.Pr, nil), compare("c", filter.Pr, nil)
	tests := []struct {
		name, filter string
		want         filter.Expr
	}{
		{"P-F-20 and binds before or", `a pr or b pr and c pr`, &filter.Or{Terms: []filter.Expr{a, &filter.And{Terms: []filter.Expr{b, c}}}}},
		{"P-F-20 not binds before and", `a pr and not (b pr) and c pr`, &filter.And{Terms: []filter.Expr{a, &filter.Not{Term: b}, c}}},
		{"P-F-13 group", `(a pr or b pr) and c pr`, &filter.And{Terms: []filter.Expr{&filter.Or{Terms: []filter.Expr{a, b}}, c}}},
		{"P-F-03 operator in any case", `a GE "x"`, compare("a", filter.Ge, "x")},
		{"P-F-29 escapes", `userName eq "a\"b\\c\u00e9\/\n"`, compare("userName", filter.Eq, "a\"b\\cé/\n")},
		{"P-F-29 surrogate pair", `a eq "\ud83d\ude00"`, compare("a", filter.Eq, "😀")},
		{"number as written", `a eq 1.50`, compare("a", filter.Eq, schema.Number("1.50"))},
		{"true", `a eq true`, compare("a", filter.Eq, true)},
		{"null", `a ne null`, compare("a", filter.Ne, nil)},
		{"bare word", `a eq True`, compare("a", filter.Eq, "True")},
		{"value path", `a[b pr]`, &filter.Element{Name: "a", Inner: b}},
		{
			"AMB-44 path with an operator", `a[b pr and c pr].d eq "x"`,
			&filter.Element{Name: "a", Inner: &filter.And{Terms: []filter.Expr{b, c, compare("d", filter.Eq, "x")}}},
		},
		{
			"AMB-44 path with an operator behind or", `a[b pr or c pr].d eq "x"`,
			&filter.Element{Name: "a", Inner: &filter.And{Terms: []filter.Expr{
				&filter.Or{Terms: []filter.Expr{b, c}}, compare("d", filter.Eq, "x"),
			}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := filter.Parse(tt.filter, compat())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %s, want %s", filter.String(got), filter.String(tt.want))
			}
		})
	}
}

func TestParseSaysWhere(t *testing.T) {
	tests := []struct{ filter, want string }{
		{`userName eq`, `filter at position 12: expected a value: "text" in double quotes, a number, true, false or null, found the end`},
		{`userName is "x"`, `filter at position 10: unknown operator "is"; use eq, ne, co, sw, ew, gt, ge, lt, le or pr`},
		{`displayName eq "é" nand title pr`, `filter at position 20: expected and, or, or the end of the filter, found "nand"`},
		{`(title pr`, `filter at position 10: expected and, or, or ), found the end`},
		{`title pr and not active pr`, `filter at position 18: expected ( behind not, found "active"`},
		{`userName eq "x`, `filter at position 13: text is not closed by a double quote`},
		{`emails[a.b eq 1]`, `filter at position 8: "a.b": only a plain sub-attribute can be named here`},
		{`emails[type eq "work"].value eq "x"`, `filter at position 23: a filter has nothing between ] and the next term; write attribute[… and sub-attribute eq "…"]`},
		{`value eq"x"`, `filter at position 9: expected a blank behind eq`},
		{"userName eq " + strings.Repeat("x", 100), `filter at position 13: expected a value: "text" in double quotes, a number, true, false or null, found "` + strings.Repeat("x", 64) + `…"`},
	}
	for _, tt := range tests {
		_, err := filter.Parse(tt.filter, nil)
		if e := scim.AsError(err); e == nil || e.Detail != tt.want {
			t.Errorf("%q\n got %v\nwant %s", tt.filter, err, tt.want)
		}
	}
}

func TestParsePath(t *testing.T) {
	typeWork := compare("type", filter.Eq, "work")
	valid := map[string]filter.Path{
		`userName`:                   {Name: "userName"},
		` name.familyName `:          {Name: "name.familyName"},
		`emails[type eq "work"]`:     {Name: "emails", Filter: typeWork},
		`emails[type eq "work"].V`:   {Name: "emails", Filter: typeWork, Sub: "V"},
		`members[value eq "a"].$ref`: {Name: "members", Filter: compare("value", filter.Eq, "a"), Sub: "$ref"},
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`: {
			Name: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
		},
		`urn:a:b:c[type eq "work"].x`: {Name: "urn:a:b:c", Filter: typeWork, Sub: "x"},
	}
	for s, want := range valid {
		got, err := filter.ParsePath(s, nil)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%q: got %+v, %v", s, got, err)
		}
	}
	invalid := []string{
		``, ` `, `emails[0].value`, `emails[]`, `emails[type eq "work"`, `emails[type eq "work"].`, `emails[type eq "work"].a.b`,
		`emails[type eq "work"][value eq "x"]`, `/userName`, `a.b.c`, `a b`, `emails[a[b eq 1]]`, `emails[type eq "work"] .value x`,
		`.value`, `name.`, `name..x`, `a"b`, `[type eq "work"]`, `userName eq "x"`,
	}
	for _, s := range invalid {
		for _, d := range []*scim.Dialect{nil, compat()} {
			got, err := filter.ParsePath(s, d)
			if e := scim.AsError(err); e == nil || e.Type != scim.InvalidPath || e.Status != 400 {
				t.Errorf("P-3.5.2-05 %q: got %+v, %v", s, got, err)
			}
		}
	}
	if _, err := filter.ParsePath(`addresses[type eq"work"].locality`, compat()); err != nil {
		t.Errorf("AMB-44: %v", err)
	}
}

// Nothing an input says makes the parser deep or slow, and the limits are exact.
func TestSec_C05_Limits(t *testing.T) {
	comparisons := func(n int) string { return strings.Repeat(`a pr and `, n-1) + `a pr` }
	nested := func(n int, open string) string { return strings.Repeat(open, n) + `a pr` + strings.Repeat(")", n) }
	long := func(n int) string { return `a eq "` + strings.Repeat("x", n-7) + `"` }
	inPath := func(f string) string { return `emails[` + f + `]` }

	within := []string{
		comparisons(filter.MaxComparisons), nested(filter.MaxNesting, "("), nested(filter.MaxNesting, "not("),
		long(filter.MaxLength), inPath(nested(filter.MaxNesting-1, "(")),
	}
	for _, s := range within {
		if _, err := filter.Parse(s, nil); err != nil {
			t.Errorf("at the limit: %.40s…: %v", s, err)
		}
	}
	beyond := []string{
		comparisons(filter.MaxComparisons + 1), nested(filter.MaxNesting+1, "("), nested(filter.MaxNesting+1, "not ("),
		long(filter.MaxLength + 1), inPath(nested(filter.MaxNesting, "(")), inPath(comparisons(filter.MaxComparisons + 1)),
		nested(100_000, "("), nested(100_000, "not ("), strings.Repeat("(", 1_000_000), strings.Repeat("[", 100_000),
		strings.Repeat("a[", 100_000), comparisons(1_000_000),
	}
	for _, s := range beyond {
		if _, err := filter.Parse(s, compat()); scim.AsError(err) == nil || scim.AsError(err).Type != scim.InvalidFilter {
			t.Errorf("beyond the limit: %.40s… (%d bytes): %v", s, len(s), err)
		}
		if _, err := filter.ParsePath(inPath(s), compat()); scim.AsError(err) == nil || scim.AsError(err).Type != scim.InvalidPath {
			t.Errorf("beyond the limit in a path: %.40s… (%d bytes): %v", s, len(s), err)
		}
	}
}

func TestStringReadsAgain(t *testing.T) {
	for _, s := range append(append([]string{}, validFilters...), looseFilters...) {
		e, err := filter.Parse(s, compat())
		if err != nil {
			t.Fatal(err)
		}
		again, err := filter.Parse(filter.String(e), nil)
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Errorf("%q prints as %q, which reads as %+v, %v", s, filter.String(e), again, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range append(append(append([]string{}, validFilters...), invalidFilters...), looseFilters...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		strict, err := filter.Parse(s, nil)
		e, looseErr := filter.Parse(s, compat())
		if err == nil && (looseErr != nil || !reflect.DeepEqual(e, strict)) {
			t.Fatalf("compat reads %q differently: %v", s, looseErr)
		}
		if looseErr != nil {
			if got := scim.AsError(looseErr); got == nil || got.Type != scim.InvalidFilter {
				t.Fatalf("%q: %v", s, looseErr)
			}
			return
		}
		printed := filter.String(e)
		again, err := filter.Parse(printed, nil)
		if len(printed) <= filter.MaxLength && (err != nil || !reflect.DeepEqual(e, again)) {
			t.Fatalf("%q prints as %q: %v", s, printed, err)
		}
		n := 0
		filter.Walk(e, func(filter.Expr) bool { n++; return true })
		if n == 0 || n > 2*filter.MaxComparisons {
			t.Fatalf("%q has %d leaves", s, n)
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add(`emails[type eq "work"].value`)
	f.Add(`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`)
	f.Add(`members[value eq "a" or value eq "b"]`)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := filter.ParsePath(s, compat())
		if err != nil {
			if e := scim.AsError(err); e == nil || e.Type != scim.InvalidPath {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		printed := p.Name
		if p.Filter != nil {
			printed += "[" + filter.String(p.Filter) + "]"
			if p.Sub != "" {
				printed += "." + p.Sub
			}
		}
		again, err := filter.ParsePath(printed, nil)
		if len(printed) <= filter.MaxLength && (err != nil || !reflect.DeepEqual(p, again)) {
			t.Fatalf("%q prints as %q: %v", s, printed, err)
		}
	})
}
