package schema_test

import (
	"math"
	"testing"

	"github.com/muster-id/muster/scim/schema"
)

func TestKey(t *testing.T) {
	set := schema.Core(nil)
	users := set.Type("User")
	device := device(t)
	instant := "2024-02-29T10:00:00.500000000Z"
	cases := []struct {
		name string
		typ  *schema.ResourceType
		attr string
		v    any
		want any
	}{
		{"S-4.1.1-02 userName in any case", users, "userName", "Ada.OSEI", "ada.osei"},
		{"S-3.1-12 externalId is exact", users, "externalId", "AbC", "AbC"},
		{"S-3.1-09 id is exact", users, "id", "AbC", "AbC"},
		{"S-3-06 schemas in any case", users, "schemas", "URN:x", "urn:x"},
		{"S-2.3.7-03 references are exact", users, "profileUrl", "https://X.test/A", "https://X.test/A"},
		{"S-2.3.6-02 binary is exact", users, "x509Certificates.value", "TUlJ", "TUlJ"},
		{"S-2.3.5-02 instant", users, "meta.created", "2024-02-29T10:00:00.5Z", instant},
		{"S-2.3.5-02 other offset", users, "meta.created", "2024-02-29T12:30:00.50000+02:30", instant},
		{"S-2.3.5-02 no offset is UTC", users, "meta.created", "2024-02-29T10:00:00.5", instant},
		{"end of the day", users, "meta.created", "2024-02-28T24:00:00Z", "2024-02-29T00:00:00.000000000Z"},
		{"boolean", users, "active", true, true},
		{"integer", device, "slots", int64(3), int64(3)},
		{"decimal", device, "weight", 1.5, 1.5},
		{"no value", users, "title", nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := set.Key(path(t, c.typ, c.attr).Leaf(), c.v); got != c.want {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
		})
	}

	folded := 0
	own, err := schema.NewSet(func(a *schema.Attribute, s string) string { folded++; return a.Name + "/" + s }, schema.User())
	if err != nil {
		t.Fatal(err)
	}
	typ := own.Type("User")
	if got := own.Key(path(t, typ, "title").Leaf(), "x"); got != "title/x" {
		t.Errorf("own fold: got %v", got)
	}
	if own.Key(path(t, typ, "externalId").Leaf(), "x"); folded != 1 {
		t.Errorf("the fold function was asked %d times, want once", folded)
	}
}

func TestSimpleFold(t *testing.T) {
	same := [][]string{
		{"straße", "STRAßE", "Straẞe"},
		{"σίσυφος", "ΣΊΣΥΦΟΣ", "Σίσυφοσ"},
		{"k", "K", "\u212a"},
		{"s", "S", "\u017f"},
		{"é", "É"},
		{"ǆ", "ǅ", "Ǆ"},
		{"μ", "Μ", "µ"},
		{"ꭰ", "Ꭰ"},
		{"a名前", "A名前"},
	}
	for _, forms := range same {
		for _, s := range forms {
			if got, want := schema.SimpleFold(s), schema.SimpleFold(forms[0]); got != want {
				t.Errorf("%q: got %q, want %q", s, got, want)
			}
		}
	}
	for _, pair := range [][2]string{{"i", "İ"}, {"i", "ı"}, {"e", "é"}, {"ss", "ß"}} {
		if schema.SimpleFold(pair[0]) == schema.SimpleFold(pair[1]) {
			t.Errorf("%q and %q became the same", pair[0], pair[1])
		}
	}
	for r := rune(0); r <= 0x1ffff; r++ {
		once := schema.SimpleFold(string(r))
		if twice := schema.SimpleFold(once); once != twice {
			t.Fatalf("%q: folds to %q, then to %q", r, once, twice)
		}
	}
}

func TestCompare(t *testing.T) {
	set := schema.Core(nil)
	users := set.Type("User")
	device := device(t)
	cases := []struct {
		name   string
		typ    *schema.ResourceType
		attr   string
		sorted []any // each before the next
	}{
		{"P-S-08 without case", users, "displayName", []any{"A", "b", "C"}},
		{"P-S-08 with case", users, "externalId", []any{"A", "C", "b"}},
		{"P-S-08 instants", users, "meta.created", []any{"2024-01-01T00:00:00+02:00", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.1Z", "2023-12-31T23:00:00-05:00"}},
		{"P-S-08 integers", device, "slots", []any{int64(math.MinInt64), int64(-1), int64(9), int64(10)}},
		{"P-S-08 decimals", device, "weight", []any{-1.5, 0.25, 9.0, 10.0}},
		{"booleans", users, "active", []any{false, true}},
		{"P-S-05 no value comes last", users, "displayName", []any{"z", nil}},
		{"P-S-05 no number comes last", device, "slots", []any{int64(9), nil}},
		{"P-S-05 no boolean comes last", users, "active", []any{true, nil}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := path(t, c.typ, c.attr).Leaf()
			for i, x := range c.sorted {
				for j, y := range c.sorted {
					got := set.Compare(a, x, y)
					if i < j && got >= 0 || i > j && got <= 0 || i == j && got != 0 {
						t.Errorf("Compare(%v, %v) = %d", x, y, got)
					}
				}
			}
		})
	}
	if set.Compare(path(t, users, "title").Leaf(), "ÉA", "éa") != 0 {
		t.Error("values that differ in case only are not equal")
	}
}

func TestParseDateTime(t *testing.T) {
	for _, ok := range []string{
		"2024-02-29T23:59:59Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.123456789012Z", "2024-01-01T24:00:00Z",
		"2024-01-01T00:00:00+14:00", "2024-01-01T00:00:00-00:00", "0001-01-01T00:00:00+14:00",
	} {
		if _, valid := schema.ParseDateTime(ok); !valid {
			t.Errorf("%s: refused", ok)
		}
	}
	for _, bad := range []string{
		"", "2024-01-01", "2024-01-01T", "2024-01-01t00:00:00Z", "2024-01-01T00:00:00z", "2024-01-01 00:00:00Z",
		"2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-00T00:00:00Z",
		"2024-01-01T24:00:01Z", "2024-01-01T25:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z", "2024-01-01T24:00:00.1Z",
		"2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+14:01", "2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00+0100",
		"2024-01-01T00:00Z", "24-01-01T00:00:00Z", "12024-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2024-01-01T00:00:00ZZ",
		"-2024-01-01T00:00:00Z", "9999-12-31T24:00:00Z", "2024-01-01T00:00:00Z ",
	} {
		if _, valid := schema.ParseDateTime(bad); valid {
			t.Errorf("%q: accepted", bad)
		}
	}
}
