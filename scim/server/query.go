package server

import (
	"errors"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// maxStart is the largest startIndex told apart: no directory is that large, and sums
// with it overflow nowhere.
const maxStart = math.MaxInt32

// params is what a client asks of an answer, by the parameters of a URL or by a
// SearchRequest (RFC 7644 §3.4.2, §3.4.3).
type params struct {
	filter     filter.Expr // parsed, not bound; nil: none
	sortBy     string
	descending bool
	start      int // 1-based
	count      int
	byCursor   bool // cursor is given
	cursor     string
	attributes []string
	excluded   []string
}

// paramNames are the parameters that mean something, by folded name. Others are ignored
// (RFC 7644 §3.4.2). A name in another case is the same one: taking Filter for unknown
// would answer with everybody.
var paramNames = map[string]string{
	"filter": "filter", "sortby": "sortBy", "sortorder": "sortOrder", "startindex": "startIndex",
	"count": "count", "attributes": "attributes", "excludedattributes": "excludedAttributes",
	"cursor": "cursor",
}

// parameters are those of a URL that mean something. Their order in it is kept.
type parameters []parameter

type parameter struct{ name, value string }

// get returns the value of a parameter and whether it is given.
func (p parameters) get(name string) (value string, given bool) {
	for i := range p {
		if p[i].name == name {
			return p[i].value, true
		}
	}
	return "", false
}

// list returns the names that a parameter lists.
func (p parameters) list(name string) []string {
	s, _ := p.get(name)
	return splitNames(s)
}

// queryValues returns the known parameters of the URL. Only lists may be given
// twice; for the others no choice between two values would be safe.
func queryValues(raw string) (parameters, error) {
	if raw == "" {
		return nil, nil
	}
	var values parameters
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			return nil, scim.BadRequest(scim.InvalidValue, "the query is not percent-encoded as a URL is")
		}
		name, known := paramNames[foldASCII(key)]
		if !known {
			continue
		}
		fault := faultOf(name)
		value, err = url.QueryUnescape(value)
		switch {
		case err != nil:
			return nil, scim.BadRequest(fault, "parameter %s is not percent-encoded as a URL is", name)
		case !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0:
			return nil, scim.BadRequest(fault, "parameter %s is not text in UTF-8", name)
		}
		if i := slices.IndexFunc(values, func(p parameter) bool { return p.name == name }); i >= 0 {
			if name != "attributes" && name != "excludedAttributes" {
				return nil, scim.BadRequest(fault, "parameter %s is given twice", name)
			}
			values[i].value += "," + value
			continue
		}
		values = append(values, parameter{name, value})
	}
	return values, nil
}

// projectionParams reads what a request on one resource may ask: the rest is ignored.
func (c *call) projectionParams() (attributes, excluded []string, err error) {
	values, err := queryValues(c.r.URL.RawQuery)
	return values.list("attributes"), values.list("excludedAttributes"), err
}

// queryParams reads the parameters of a query by GET.
func (c *call) queryParams() (*params, error) {
	values, err := queryValues(c.r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	p := &params{count: c.Limits.DefaultResults}
	for _, v := range values {
		switch v.name {
		case "attributes":
			p.attributes = splitNames(v.value)
		case "excludedAttributes":
			p.excluded = splitNames(v.value)
		case "startIndex", "count":
			err = c.setPage(v.name, v.value, p)
		default:
			err = c.setText(p, v.name, v.value)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, p.choosePaging()
}

// searchParams reads the SearchRequest of a query by POST.
func (c *call) searchParams() (*params, error) {
	in, err := c.readObject(c.Limits.Body)
	if err != nil {
		return nil, err
	}
	if err := c.checkMessage(in, scim.SearchRequestMessage); err != nil {
		return nil, err
	}
	p := &params{count: c.Limits.DefaultResults}
	for key, v := range in {
		name := paramNames[foldASCII(key)]
		if v == nil || name == "" {
			continue
		}
		if err := c.setParam(p, name, v); err != nil {
			return nil, err
		}
	}
	return p, p.choosePaging()
}

// choosePaging completes the parameters. startIndex or cursor selects the way of paging; without either it is by index,
// as it was before there were cursors (RFC 9865 §2.4).
func (p *params) choosePaging() error {
	if p.start == 0 {
		p.start = 1
	} else if p.byCursor {
		return scim.BadRequest(scim.InvalidValue, "startIndex and cursor exclude each other; page by one of them")
	}
	return nil
}

// setParam takes over one member of a SearchRequest.
func (c *call) setParam(p *params, name string, v any) (err error) {
	switch name {
	case "attributes":
		p.attributes, err = listOfNames(name, v)
		return err
	case "excludedAttributes":
		p.excluded, err = listOfNames(name, v)
		return err
	case "startIndex", "count":
		n, ok := v.(schema.Number)
		if !ok {
			return scim.BadRequest(scim.InvalidValue, "%s is not an integer", name)
		}
		return c.setPage(name, string(n), p)
	}
	s, ok := v.(string)
	if !ok {
		return scim.BadRequest(faultOf(name), "%s is not a string", name)
	}
	return c.setText(p, name, s)
}

// faultOf returns the scimType of a parameter that cannot be read.
func faultOf(name string) scim.ErrorType {
	switch name {
	case "filter":
		return scim.InvalidFilter
	case "cursor":
		return scim.InvalidCursor
	}
	return scim.InvalidValue
}

// setText takes over one parameter that is text, from wherever it came.
func (c *call) setText(p *params, name, s string) (err error) {
	switch name {
	case "filter":
		p.filter, err = filter.Parse(s, c.d)
	case "sortBy":
		p.sortBy = strings.TrimSpace(s)
	case "sortOrder":
		p.descending, err = sortOrder(s)
	case "cursor":
		p.byCursor, p.cursor = true, s
	}
	return err
}

// setPage reads startIndex or count: integers that are too small or too large count as
// the nearest that makes sense (RFC 7644 §3.4.2.4, F16), anything else is refused (AMB-41).
func (c *call) setPage(name, s string, p *params) error {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // on overflow n is the nearest int64
		return scim.BadRequest(scim.InvalidValue, "%s is not an integer", name)
	}
	if name == "count" {
		p.count = int(min(max(n, 0), int64(c.Limits.Results)))
	} else {
		p.start = int(min(max(n, 1), maxStart))
	}
	return nil
}

func sortOrder(s string) (descending bool, err error) {
	switch foldASCII(strings.TrimSpace(s)) {
	case "", "ascending":
		return false, nil
	case "descending":
		return true, nil
	}
	return false, scim.BadRequest(scim.InvalidValue, "sortOrder is %s, not ascending or descending", scim.Quote(s))
}

// splitNames splits a list of attribute names at commas and drops blanks.
func splitNames(s string) []string {
	var names []string
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// listOfNames reads attributes or excludedAttributes of a SearchRequest: an array of
// names, or what they are in a URL.
func listOfNames(name string, v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return splitNames(v), nil
	case []any:
		var names []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, scim.BadRequest(scim.InvalidValue, "%s is not a list of strings", name)
			}
			names = append(names, splitNames(s)...)
		}
		return names, nil
	}
	return nil, scim.BadRequest(scim.InvalidValue, "%s is not a list of strings", name)
}

// checkMessage checks that a message declares to be what the endpoint takes (RFC 7644 §3.1).
func (c *call) checkMessage(in schema.Object, urn string) error {
	declared, _ := member(in, "schemas").([]any)
	for _, s := range declared {
		if s, ok := s.(string); ok && strings.EqualFold(s, urn) {
			return nil
		}
	}
	if len(declared) == 0 && c.d.Forgives(scim.MissingSchemas) {
		return nil
	}
	return scim.BadRequest(scim.InvalidSyntax, "schemas does not hold %s", scim.Quote(urn))
}

// query binds the parameters to a type: names are resolved and checked against it.
func (c *call) query(p *params, t *schema.ResourceType, scope filter.Scope) (*Query, error) {
	q := &Query{Type: t, Start: p.start, Count: p.count}
	if p.filter == nil {
		return q, nil
	}
	bound, err := filter.Bind(p.filter, t, scope, c.d)
	if err != nil {
		return nil, err
	}
	q.Filter, err = c.localize(bound, t)
	return q, err
}

// sortPath resolves sortBy (RFC 7644 §3.4.2.3). A complex multi-valued attribute sorts
// by its values; what is never returned would show by the order, so it is refused.
func (c *call) sortPath(name string, t *schema.ResourceType) (schema.Path, error) {
	path, err := t.Resolve(name, c.d)
	if err != nil {
		return path, noSortAttribute(t.Name, name)
	}
	if path.Attr != nil && path.Sub == nil && path.Attr.Type == schema.Complex && path.Attr.MultiValued {
		path.Sub = path.Attr.Sub("value")
	}
	leaf := path.Leaf()
	switch {
	case leaf == nil || leaf.Type == schema.Complex:
		return path, scim.BadRequest(scim.InvalidValue, "sortBy needs a sub-attribute of %s", scim.Quote(name))
	case path.Attr.Relation, leaf.Returned == schema.ReturnedNever, path.Attr.Returned == schema.ReturnedNever, leaf.Name == "$ref":
		return path, scim.BadRequest(scim.InvalidValue, "sortBy cannot order by %s", scim.Quote(name))
	}
	return path, nil
}

func noSortAttribute(of, name string) error {
	return scim.BadRequest(scim.InvalidValue, "sortBy names no attribute of %s: %s", of, scim.Quote(name))
}
