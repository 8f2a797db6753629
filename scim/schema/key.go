package schema

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Key returns the form in which the value v of attribute a is compared for equality
// and order: strings folded by Fold unless caseExact; a dateTime as its instant in
// UTC, a string of fixed width that sorts by time; references and binary as they are
// (RFC 7643 §2.3.6, §2.3.7); numbers and booleans as they are. It is what an index
// stores. The result is a string, bool, int64, float64 or nil.
func (s *Set) Key(a *Attribute, v any) any {
	x, ok := v.(string)
	if !ok {
		return v
	}
	return s.KeyText(a, x)
}

// KeyText is Key for a value that is a string.
func (s *Set) KeyText(a *Attribute, x string) string {
	if a.Type == String && !a.CaseExact {
		return s.Fold(a, x)
	}
	if a.Type == DateTime {
		if t, ok := ParseDateTime(x); ok {
			return t.Format(instantLayout)
		}
	}
	return x
}

// Compare orders two values of attribute a as RFC 7644 §3.4.2.3 demands: strings by
// their keys, instants by time, numbers by size, false before true. What has no
// value (nil) comes last.
func (s *Set) Compare(a *Attribute, x, y any) int {
	switch x := s.Key(a, x).(type) {
	case string:
		if y, ok := s.Key(a, y).(string); ok {
			return strings.Compare(x, y)
		}
	case int64:
		if y, ok := y.(int64); ok {
			return cmp.Compare(x, y)
		}
	case float64:
		if y, ok := y.(float64); ok {
			return cmp.Compare(x, y)
		}
	case bool:
		if y, ok := y.(bool); ok {
			return cmp.Compare(rank(x), rank(y))
		}
	case nil:
		if y == nil {
			return 0
		}
		return 1
	}
	return -1
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SimpleFold maps a string to its simple Unicode case folding: strings that differ
// only in case become the same. It does not normalise; whoever needs NFC or PRECIS
// gives NewSet a FoldFunc.
func SimpleFold(s string) string {
	upper := false
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		} else if isUpper(c) {
			upper = true
		}
	}
	if upper {
		return fold(s)
	}
	return s
}

// foldRune returns one and the same rune for all runes that differ in case only.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(lower(byte(r)))
	}
	least := r
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		least = min(least, o)
	}
	if least == r && unicode.SimpleFold(r) == r {
		return r // no other case, although ToLower may know one (U+0130)
	}
	return unicode.ToLower(least)
}
