package directory

import (
	"errors"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// userName is the attribute whose values are names of people in the sense of RFC 8265.
const userName = "userName"

// NameKey returns what a User of a userName, or a Group of a displayName, is found by; "" if there is no such name.
func NameKey(typ, name string) string {
	set, attr := NewSet(), "displayName"
	if typ == store.TypeUser {
		attr = userName
	}
	t := set.Type(typ)
	if t == nil {
		return ""
	}
	p, err := t.Resolve(attr, nil)
	if err != nil {
		return ""
	}
	return store.KeyText(set, p.Leaf(), name)
}

// Fold maps a string to the form in which it is compared, indexed and kept unique. It is
// the one key function of the hub (C08): the same for writing and for asking, and
// Fold(a, Fold(a, s)) == Fold(a, s).
//
// A userName is folded by the PRECIS profile UsernameCaseMapped (RFC 8265 §3.3) and then
// without case, so that a final sigma is a sigma; a name that CheckUserName refuses is
// folded like any other string, which nothing stored can equal. Other strings are brought
// to NFC and folded by Unicode simple case folding; their width stays.
func Fold(a *schema.Attribute, s string) string {
	if plain(s) {
		return lowerASCII(s)
	}
	if a.Name == userName {
		if key, err := nameKey(s); err == nil {
			return foldCase(key)
		}
	}
	return foldCase(s)
}

var _ schema.FoldFunc = Fold

// NewSet returns the resource types of the hub: User with the Enterprise extension and Group,
// folded by Fold. Group.displayName is published as unique, which the default profile makes it.
func NewSet() *schema.Set { return schema.Core(Fold, schema.UniqueGroups()) }

// CheckUserName refuses a name that could be mistaken for another one or that no key can
// be made of (C08): control characters, characters that have no width or turn the writing
// direction, unassigned ones, and compatibility forms of letters.
func CheckUserName(s string) error {
	if plain(s) {
		return nil
	}
	if _, err := nameKey(s); err != nil {
		return scim.BadRequest(scim.InvalidValue, "userName %s has characters that a name cannot have: "+
			"controls, invisible or unassigned characters, or compatibility forms", scim.Quote(s))
	}
	return nil
}

// The PRECIS profiles of a userName. identifier and freeform are UsernameCaseMapped without
// its bidi rule, the latter also with blanks and symbols.
var (
	identifier = precis.NewIdentifier(precis.FoldWidth, precis.LowerCase(), precis.Norm(norm.NFC))
	freeform   = precis.NewFreeform(precis.FoldWidth, precis.LowerCase(), precis.Norm(norm.NFC))
)

var errNoLetters = errors.New("nothing but characters without width")

// nameKey maps a name by UsernameCaseMapped. Where only blanks, symbols, punctuation or
// mixed direction stand in its way, the same mappings apply without that check: real
// directories have "Ada Osei", "ada®" and names with Hebrew and Latin letters.
func nameKey(s string) (string, error) {
	key, err := precis.UsernameCaseMapped.String(s)
	if err == nil {
		return key, nil
	}
	rest := make([]rune, 0, len(s))
	for _, r := range s {
		if r == utf8.RuneError {
			return "", err
		}
		if !unicode.In(r, unicode.Zs, unicode.S, unicode.P) {
			rest = append(rest, r)
		}
	}
	if len(rest) > 0 {
		if _, err := identifier.String(string(rest)); err != nil {
			return "", err
		}
	}
	key, err = freeform.String(s)
	if err != nil {
		return "", err
	}
	if key == "" {
		return "", errNoLetters
	}
	return key, nil
}

// plain reports whether s is printable ASCII, which every rule here leaves alone but for case.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func lowerASCII(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// foldCase maps s to NFC and folds its case. Folding can make a sequence that NFC composes
// anew (U+0345 becomes a letter of its own), so it is repeated until nothing changes.
func foldCase(s string) string {
	const rounds = 4 // two suffice for every pair of characters; the rest is a guard
	for range rounds {
		folded := norm.NFC.String(schema.SimpleFold(norm.NFC.String(s)))
		if folded == s {
			return s
		}
		s = folded
	}
	return s
}
