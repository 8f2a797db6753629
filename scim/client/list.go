package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Query is a search (RFC 7644 §3.4.2).
type Query struct {
	Filter     string // see [Eq]; empty: everything
	Want       Want
	Count      int    // resources of a page; 0: as the server likes
	SortBy     string // attribute to sort by; servers may ignore it. Empty: the server's order
	Descending bool   // sort from high to low

	// Private sends the query in the body of a POST to /.search, as RFC 7644 §7.5.2 asks for where the filter has
	// personal data in it, which a URL shows to every log on the way. A server that cannot do that answers
	// with [ErrUnsupported] or [ErrNotFound]: the query is not sent in another way.
	Private bool
	// Paging is how [Client.All] goes from page to page. Defaults to PageAuto.
	Paging Paging
	// Max bounds how many resources All yields, against a server that never ends; behind it comes an error with
	// [ErrEndless]. Defaults to 10,000,000.
	Max int
}

// Page is one answer to a [Query].
type Page struct {
	Resources []Document
	Total     int    // as the server claims; -1: it claims nothing
	Next      string // cursor of the next page (RFC 9865 §2); empty: there is none, or pages have an index
	Previous  string // cursor of the page before; servers need not have it
}

// Find reads one page of the resources at an endpoint that match, from start (1-based). A query that makes
// the URL too long is sent as POST /.search (RFC 7644 §3.4.3), and so is one that a server finds too
// long or too sensitive for a URL. The empty endpoint is that of all types.
func (c *Client) Find(ctx context.Context, endpoint string, q Query, start int) (*Page, error) {
	return c.find(ctx, endpoint, q, position{start: start})
}

// FindCursor reads one page by cursor (RFC 9865): the first for an empty cursor, then that of [Page.Next]. The query
// has to stay the same from page to page.
func (c *Client) FindCursor(ctx context.Context, endpoint string, q Query, cursor string) (*Page, error) {
	return c.find(ctx, endpoint, q, position{byCursor: true, cursor: cursor})
}

// position is where a page begins.
type position struct {
	byCursor bool
	cursor   string
	start    int // from 1
}

func (c *Client) find(ctx context.Context, endpoint string, q Query, at position) (*Page, error) {
	path := withQuery(endpoint, q.values(at))
	if q.Private {
		return c.search(ctx, endpoint, q, at)
	}
	long := len(c.baseURL())+len(path) > maxURL
	if long && c.Can(FeatureSearch) {
		p, err := c.search(ctx, endpoint, q, at)
		if !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrNotFound) {
			return p, err
		}
		c.refuse(FeatureSearch)
	}
	doc, err := c.read(ctx, http.MethodGet, path, nil)
	p, err := page(http.MethodGet, endpoint, doc, err)
	if e, ok := errors.AsType[*Error](err); ok && !long && (e.Status == http.StatusRequestURITooLong || e.Type == scim.Sensitive) {
		return c.search(ctx, endpoint, q, at)
	}
	return p, err
}

// values is the query of a GET.
func (q Query) values(at position) url.Values {
	v := q.Want.values()
	if q.Filter != "" {
		v.Set("filter", q.Filter)
	}
	if q.SortBy != "" {
		v.Set("sortBy", q.SortBy)
		if q.Descending {
			v.Set("sortOrder", "descending")
		}
	}
	if q.Count > 0 {
		v.Set("count", strconv.Itoa(q.Count))
	}
	if at.byCursor {
		v.Set("cursor", at.cursor)
	} else if at.start > 1 { // 1 is the default, and some servers know no paging
		v.Set("startIndex", strconv.Itoa(at.start))
	}
	return v
}

// search sends the query as a message (RFC 7644 §3.4.3).
func (c *Client) search(ctx context.Context, endpoint string, q Query, at position) (*Page, error) {
	message := schema.Object{"schemas": []any{scim.SearchRequestMessage}}
	for name, v := range q.values(at) {
		switch name {
		case "count", "startIndex":
			n, _ := strconv.ParseInt(v[0], 10, 64) // it was made from a number
			message[name] = n
		case "attributes", "excludedAttributes":
			message[name] = strings.Split(v[0], ",")
		default:
			message[name] = v[0]
		}
	}
	doc, err := c.read(ctx, http.MethodPost, endpoint+"/.search", message)
	return page(http.MethodPost, endpoint, doc, err)
}

// page reads a ListResponse (RFC 7644 §3.4.2).
func page(method, endpoint string, doc Document, err error) (*Page, error) {
	if err != nil {
		return nil, err
	}
	p := &Page{Total: -1, Next: doc.String("nextCursor"), Previous: doc.String("previousCursor")}
	if n, err := strconv.Atoi(doc.String("totalResults")); err == nil && n >= 0 {
		p.Total = n
	}
	if !doc.has("Resources") && !doc.has("totalResults") && !doc.has("schemas") {
		// {} is not one without matches.
		return nil, &Error{Status: http.StatusOK, Method: method, Endpoint: endpointOf(endpoint), Err: fmt.Errorf("%w: it is no list", ErrAnswer)}
	}
	resources, _ := doc.Value("Resources").([]any)
	for _, r := range resources {
		if o, ok := r.(schema.Object); ok {
			p.Resources = append(p.Resources, Document(o))
		}
	}
	return p, nil
}
