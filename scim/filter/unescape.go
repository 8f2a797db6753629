package filter

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// Unescape returns a parsed filter with percent-encoding taken out of its string values: what a
// client means that encodes a value for a URL and then the whole filter again. It is not ok, and
// returns e itself, if nothing is encoded or the filter has anything but eq and and, where another
// reading could match more than what was asked for.
func Unescape(e Expr) (_ Expr, ok bool) {
	u := unescaper{exact: true}
	if out := u.expr(e); u.exact && u.changed {
		return out, true
	}
	return e, false
}

type unescaper struct{ exact, changed bool }

func (u *unescaper) expr(e Expr) Expr {
	switch e := e.(type) {
	case *And:
		out := &And{Terms: make([]Expr, len(e.Terms))}
		for i, t := range e.Terms {
			out.Terms[i] = u.expr(t)
		}
		return out
	case *Element:
		out := *e
		out.Inner = u.expr(e.Inner)
		return &out
	case *Compare:
		if e.Op == Eq {
			return u.compare(e)
		}
	}
	u.exact = false
	return e
}

func (u *unescaper) compare(c *Compare) Expr {
	s, ok := c.Value.(string)
	if !ok || !strings.Contains(s, "%") {
		return c
	}
	decoded, err := url.PathUnescape(s)
	if err != nil || decoded == s || !utf8.ValidString(decoded) || strings.Contains(decoded, "\x00") {
		return c
	}
	u.changed = true
	out := *c
	out.Value = decoded
	return &out
}
