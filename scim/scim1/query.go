package scim1

import (
	"net/url"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
)

// parameters are those of 1.1 (A3.2.2, A3.7), by folded name. Others are left out
// (A3.2.2): they mean nothing in 1.1, whatever they mean in 2.0.
var parameters = map[string]bool{
	"filter": true, "sortby": true, "sortorder": true, "startindex": true, "count": true, "attributes": true,
}

// query returns the query of the URL as 2.0 writes it. What is not encoded as it should
// be stays, for the server to refuse.
func query(raw string, d *scim.Dialect) (string, error) {
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			pairs = append(pairs, pair)
			continue
		}
		name := strings.ToLower(key)
		if !parameters[name] {
			continue
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			pairs = append(pairs, pair)
			continue
		}
		switch name {
		case "filter":
			if value, err = newFilter(value, d); err != nil {
				return "", err
			}
		case "sortby":
			value = newName(strings.TrimSpace(value))
		case "attributes":
			value = projection(value)
		}
		pairs = append(pairs, key+"="+url.QueryEscape(value))
	}
	return strings.Join(pairs, "&"), nil
}

// projection returns the attributes that a 1.1 client asks for. meta is always among what
// it gets, as id is (A3.2).
func projection(list string) string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, newName(name))
		}
	}
	if names == nil {
		return ""
	}
	return strings.Join(append(names, "meta"), ",")
}

// newFilter returns a filter of 1.1 as 2.0 writes it. The grammar is a part of that of
// 2.0 (A3.2.2.1), and what it lacks is refused unless scim.NewerFilter is on.
func newFilter(text string, d *scim.Dialect) (string, error) {
	e, err := filter.Parse(text, d)
	if err != nil {
		return "", err
	}
	if err := translate(e, d.Allows(scim.NewerFilter)); err != nil {
		return "", err
	}
	return filter.String(e), nil
}

// translate writes the names and language tags of a parsed filter as 2.0 does.
func translate(e filter.Expr, newer bool) error {
	refused := ""
	switch e := e.(type) {
	case *filter.And:
		return translateAll(e.Terms, newer)
	case *filter.Or:
		return translateAll(e.Terms, newer)
	case *filter.Not:
		if newer {
			return translate(e.Term, newer)
		}
		refused = "not"
	case *filter.Element:
		e.Name = newName(e.Name)
		if newer {
			return translate(e.Inner, newer)
		}
		refused = "attribute[…]"
	case *filter.Compare:
		e.Name = newName(e.Name)
		if tag, ok := e.Value.(string); ok && isLanguage(e.Name) {
			e.Value = newLanguage(tag)
		}
		if !newer && (e.Op == filter.Ne || e.Op == filter.Ew) {
			refused = string(e.Op)
		}
	}
	if refused != "" {
		return scim.BadRequest(scim.InvalidFilter, "filters of SCIM 1.1 have no %s; use eq, co, sw, gt, ge, lt, le or pr with and, or and parentheses", refused)
	}
	return nil
}

func translateAll(terms []filter.Expr, newer bool) error {
	for _, t := range terms {
		if err := translate(t, newer); err != nil {
			return err
		}
	}
	return nil
}
