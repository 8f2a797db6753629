package directory_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

var (
	nameAttr  = &schema.Attribute{Name: "userName"}
	otherAttr = &schema.Attribute{Name: "displayName"}
)

// TestSec_C08_UserNameKeys has the pairs that names are confused by: whether they are one
// name, and whether the second is a name at all.
func TestSec_C08_UserNameKeys(t *testing.T) {
	t.Parallel()
	const (
		same = iota
		other
		refused
	)
	for _, tt := range []struct {
		title, a, b string
		want        int
	}{
		{"ASCII case", "Ada.Osei@Example.COM", "ada.osei@example.com", same},
		{"ASCII blanks stay", "Ada Osei", "ada  osei", other},
		{"composed and decomposed", "ren\u00e9", "rene\u0301", same},
		{"composed capital and decomposed small", "REN\u00c9", "rene\u0301", same},
		{"P-F-33 full-width letters", "\uff21\uff24\uff21", "ada", same},
		{"full-width with a symbol", "\uff21\uff24\uff21\u00ae", "ada\u00ae", same},
		{"half-width katakana", "\uff76\uff85", "\u30ab\u30ca", same},
		{"sharp s, small and capital", "stra\u00dfe", "STRA\u1e9eE", same},
		{"sharp s is not ss", "stra\u00dfe", "strasse", other},
		{"Turkish capital i with dot", "\u0130zmir", "izmir", other},
		{"Turkish small i without dot", "\u0131zmir", "izmir", other},
		{"final sigma", "\u03c3\u03bf\u03c6\u03cc\u03c2", "\u03a3\u039f\u03a6\u038c\u03a3", same},
		{"Cyrillic o", "b\u043eb", "bob", other},
		{"Kelvin sign", "\u212aarl", "karl", same},
		{"accent matters", "rene", "ren\u00e9", other},
		{"a symbol", "Ada\u00ae", "ada\u00ae", same},
		{"a typographic apostrophe", "O\u2019Brien", "o\u2019brien", same},
		{"mixed direction", "ADA\u05d0", "ada\u05d0", same},
		{"an emoji", "Ada\U0001f600", "ada\U0001f600", same},
		{"zero width joiner", "ada", "a\u200dda", refused},
		{"zero width space", "ada", "ad\u200ba", refused},
		{"zero width no-break space", "ada", "\ufeffada", refused},
		{"soft hyphen", "ada", "a\u00adda", refused},
		{"right-to-left override", "ada", "\u202eada", refused},
		{"right-to-left mark beside a symbol", "ada", "ada\u00ae\u200f", refused},
		{"control", "ada", "ada\u0007", refused},
		{"delete", "ada", "ada\u007f", refused},
		{"C1 control", "ada", "ada\u0085", refused},
		{"line separator", "ada", "ada\u2028x", refused},
		{"unassigned", "ada", "ada\U000e0fff", refused},
		{"private use", "ada", "ada\ue000", refused},
		{"a ligature", "fine", "\ufb01ne", refused},
		{"a joiner made legal by dropping a blank", "ada", "\u0915\u094d \u200d\u0937", refused},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			assert.NoError(t, directory.CheckUserName(tt.a))
			if tt.want == refused {
				err := assert.ErrorAs[*scim.Error](t, directory.CheckUserName(tt.b))
				assert.Equal(t, err.Status, 400)
				assert.Equal(t, err.Type, scim.InvalidValue)
			} else {
				assert.NoError(t, directory.CheckUserName(tt.b))
			}
			a, b := directory.Fold(nameAttr, tt.a), directory.Fold(nameAttr, tt.b)
			assert.Equal(t, a == b, tt.want == same, assert.Sprintf("keys %q and %q", a, b))
		})
	}
}

func TestJoinersAreLegalWhereTheyAreSpelling(t *testing.T) {
	t.Parallel()
	assert.NoError(t, directory.CheckUserName("\u0915\u094d\u200d\u0937")) // RFC 5892 appendix A.2
}

func TestOtherStringsKeepTheirWidth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		title, a, b string
		same        bool
	}{
		{"case", "Finance \u00c4", "FINANCE \u00e4", true},
		{"composed and decomposed", "Caf\u00e9", "cafe\u0301", true},
		{"width", "\uff21", "a", false},
		{"combining iota", "\u03b1\u0345", "\u1fb3", true},
		{"zero width joiner", "a\u200db", "ab", false},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			a, b := directory.Fold(otherAttr, tt.a), directory.Fold(otherAttr, tt.b)
			assert.Equal(t, a == b, tt.same, assert.Sprintf("keys %q and %q", a, b))
		})
	}
}

// TestSec_C08_KeyOfAKey proves that folding twice is folding once, first for every character
// alone and behind a letter, then for any text.
func TestSec_C08_KeyOfAKey(t *testing.T) {
	t.Parallel()
	check := func(tb interface{ Fatalf(string, ...any) }, s string) {
		for _, a := range []*schema.Attribute{nameAttr, otherAttr} {
			once := directory.Fold(a, s)
			if twice := directory.Fold(a, once); twice != once {
				tb.Fatalf("%s %q: key %q, key of the key %q", a.Name, s, once, twice)
			}
		}
	}
	for r := range rune(unicode.MaxRune + 1) {
		if !unicode.In(r, unicode.L, unicode.M, unicode.S) || unicode.In(r, unicode.Han, unicode.Hangul) {
			continue // nothing folds there
		}
		check(t, string(r))
		check(t, "\u03b1"+string(r)+"\u0301")
	}
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.String().Draw(t, "text")) })
}

// TestSec_C08_NamesThatDifferInCaseAreOne: no two accepted names that differ only in case have two keys.
func TestSec_C08_NamesThatDifferInCaseAreOne(t *testing.T) {
	t.Parallel()
	for r := range rune(unicode.MaxRune + 1) {
		next := unicode.SimpleFold(r)
		if next == r || directory.CheckUserName(string(r)) != nil || directory.CheckUserName(string(next)) != nil {
			continue
		}
		a, b := directory.Fold(nameAttr, string(r)), directory.Fold(nameAttr, string(next))
		assert.Equal(t, b, a, assert.Sprintf("%U and %U", r, next))
	}
}

func TestRefusalQuotesTheName(t *testing.T) {
	t.Parallel()
	err := directory.CheckUserName("a\u202e" + strings.Repeat("x", 500))
	assert.ErrorContains(t, err, `"a\u202exxx`)
	assert.NotContains(t, err.Error(), strings.Repeat("x", 100))
}
