package filter_test

import (
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
)

func TestUnescape(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"a value", `userName eq "a%40acme.test"`, `userName eq "a@acme.test"`},
		{"values joined by and", `userName eq "a%40b" and active eq true`, `userName eq "a@b" and active eq true`},
		{"inside an element", `emails[type eq "work" and value eq "a%2Bb"]`, `emails[type eq "work" and value eq "a+b"]`},
		{"once only", `userName eq "a%2540b"`, `userName eq "a%40b"`},
		{"a plus is a plus", `userName eq "a+b%40c"`, `userName eq "a+b@c"`},
		{"nothing to do", `userName eq "a@b"`, ``},
		{"no encoding", `userName eq "100%"`, ``},
		{"not text", `userName eq "a%ff"`, ``},
		{"a NUL", `userName eq "a%00"`, ``},
		{"other operators", `userName co "a%40b"`, ``},
		{"or", `userName eq "a%40b" or title pr`, ``},
		{"not", `not (userName eq "a%40b")`, ``},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := filter.Parse(tc.in, scim.NewDialect(scim.Strict()))
			if err != nil {
				t.Fatal(err)
			}
			before := filter.String(parsed)
			got, ok := filter.Unescape(parsed)
			if filter.String(parsed) != before {
				t.Errorf("Unescape altered its argument: %s", filter.String(parsed))
			}
			switch {
			case ok != (tc.want != ""):
				t.Errorf("%s: ok is %v", tc.in, ok)
			case ok && filter.String(got) != tc.want:
				t.Errorf("%s: got %s, want %s", tc.in, filter.String(got), tc.want)
			}
		})
	}
	if _, ok := filter.Unescape(nil); ok {
		t.Error("no filter: ok")
	}
}
