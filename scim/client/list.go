package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Query is a search (RFC 7644 §3.4.2).
type Query struct {
	Filter string // see [Eq]; empty: everything
	Count  int    // resources of a page; 0: as the server likes
	Want   Want
}

// Eq returns the filter attribute eq "value", the value quoted as RFC 7644 §3.4.2.2 says.
func Eq(attribute, value string) string {
	b, _ := jsontext.AppendQuote([]byte(attribute+" eq "), value) // fails only on invalid UTF-8, which it replaces
	return string(b)
}

// Page is one answer to a [Query].
type Page struct {
	Resources []Document
	Total     int // as the server claims; -1: it claims nothing
}

// Find reads one page of the resources at an endpoint that match, from start (1-based). A query that makes
// the URL too long is sent as POST /.search (RFC 7644 §3.4.3).
func (c *Client) Find(ctx context.Context, endpoint string, q Query, start int) (*Page, error) {
	values := q.Want.values()
	message := schema.Object{"schemas": []any{scim.SearchRequestMessage}}
	if q.Filter != "" {
		values.Set("filter", q.Filter)
		message["filter"] = q.Filter
	}
	if q.Count > 0 {
		values.Set("count", strconv.Itoa(q.Count))
		message["count"] = int64(q.Count)
	}
	if start > 1 { // 1 is the default, and some servers know no paging
		values.Set("startIndex", strconv.Itoa(start))
		message["startIndex"] = int64(start)
	}
	if path := withQuery(endpoint, values); len(c.base)+len(path) <= maxURL {
		return page(c.read(ctx, http.MethodGet, path, nil))
	}
	list(message, "attributes", q.Want.Attributes)
	list(message, "excludedAttributes", q.Want.Excluded)
	return page(c.read(ctx, http.MethodPost, endpoint+"/.search", message))
}

func list(o schema.Object, name string, values []string) {
	for _, v := range values {
		have, _ := o[name].([]any)
		o[name] = append(have, v)
	}
}

func page(doc Document, err error) (*Page, error) {
	if err != nil {
		return nil, err
	}
	p := &Page{Total: -1}
	if n, err := strconv.Atoi(doc.String("totalResults")); err == nil && n >= 0 {
		p.Total = n
	}
	if !doc.has("Resources") && !doc.has("totalResults") && !doc.has("schemas") {
		return nil, &Error{Status: http.StatusOK, Err: fmt.Errorf("%w: it is no list", ErrAnswer)} // {} is not one without matches
	}
	resources, _ := doc.Value("Resources").([]any)
	for _, r := range resources {
		if o, ok := r.(schema.Object); ok {
			p.Resources = append(p.Resources, Document(o))
		}
	}
	return p, nil
}

// All yields the resources that match, page by page. The next page begins behind what was received, however many
// were asked for; an empty page ends it, and so does a page that begins with the resource that the page before
// began with, for then the server does not page. Whoever calls bounds how many to take: a server can go on for
// ever.
func (c *Client) All(ctx context.Context, endpoint string, q Query) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		received, first := 0, ""
		for {
			p, err := c.Find(ctx, endpoint, q, received+1)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(p.Resources) == 0 || received > 0 && p.Resources[0].ID() == first {
				return
			}
			first = p.Resources[0].ID()
			for _, r := range p.Resources {
				if !yield(r, nil) {
					return
				}
			}
			received += len(p.Resources)
			if p.Total >= 0 && received >= p.Total {
				return
			}
		}
	}
}
