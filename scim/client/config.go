package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Config is what a server says that it can do (RFC 7643 §5, RFC 9865 §4). It is a claim: servers deny what
// works and promise what does not, so the client goes by what it is answered; see [Client.Can].
type Config struct {
	Known          bool // the server publishes a configuration; false: what follows are the defaults
	Patch          bool // defaults to true
	Filter         bool // defaults to true
	Sort, ETag     bool // default to false
	ChangePassword bool // defaults to false
	MaxResults     int  // resources of a page; 0: not said, which is not "without limit"

	Bulk        bool // defaults to false
	MaxBulk     int  // operations of a bulk request; 0: not said
	MaxBulkSize int  // bytes of a bulk request; 0: not said

	Cursor, Index bool          // how lists are paged; default to false and true
	CursorFirst   bool          // a list is paged by cursor unless the client asks for an index
	PageSize      int           // resources of a page if the client does not say; 0: not said
	MaxPageSize   int           // most resources of a page; 0: not said
	CursorTimeout time.Duration // how long a cursor is valid; 0: not said

	// Async is when requests are answered before they are done (RFC 9967 §4): "request" (if asked, see [RespondAsync]) or
	// "long" (as the server likes). Defaults to "": never.
	Async string
}

// Config reads the ServiceProviderConfig (RFC 7644 §4). A server without one, or with one that makes no
// sense, gets the defaults, and so does each feature that it says nothing about. The error of any other
// answer leaves open what the server can do. The client remembers what it read for an hour.
func (c *Client) Config(ctx context.Context) (Config, error) {
	config := Config{Patch: true, Filter: true, Index: true}
	doc, err := c.read(ctx, http.MethodGet, "/ServiceProviderConfig", nil)
	if errors.Is(err, ErrNotFound) {
		// Where SCIM 1.1 has it, and some servers of 2.0.
		if plural, perr := c.read(ctx, http.MethodGet, "/ServiceProviderConfigs", nil); perr == nil {
			doc, err = plural, nil
		}
	}
	if e, ok := errors.AsType[*Error](err); ok && absent(e) {
		c.remember(config)
		return config, nil
	}
	if err != nil {
		return config, err
	}
	config.take(doc)
	c.remember(config)
	return config, nil
}

// take reads what a document says.
func (c *Config) take(doc Document) {
	for _, f := range []struct {
		to   *bool
		path [2]string
	}{
		{&c.Patch, [2]string{"patch", "supported"}},
		{&c.Filter, [2]string{"filter", "supported"}},
		{&c.Sort, [2]string{"sort", "supported"}},
		{&c.ETag, [2]string{"etag", "supported"}},
		{&c.ChangePassword, [2]string{"changePassword", "supported"}},
		{&c.Bulk, [2]string{"bulk", "supported"}},
		{&c.Cursor, [2]string{"pagination", "cursor"}},
		{&c.Index, [2]string{"pagination", "index"}},
	} {
		if yes, ok := doc.Bool(f.path[0], f.path[1]); ok {
			*f.to, c.Known = yes, true
		}
	}
	for _, n := range []struct {
		to   *int
		path [2]string
	}{
		{&c.MaxResults, [2]string{"filter", "maxResults"}},
		{&c.MaxBulk, [2]string{"bulk", "maxOperations"}},
		{&c.MaxBulkSize, [2]string{"bulk", "maxPayloadSize"}},
		{&c.PageSize, [2]string{"pagination", "defaultPageSize"}},
		{&c.MaxPageSize, [2]string{"pagination", "maxPageSize"}},
	} {
		*n.to = doc.positive(n.path[0], n.path[1])
	}
	c.CursorTimeout = time.Duration(min(doc.positive("pagination", "cursorTimeout"), 1<<31)) * time.Second
	c.CursorFirst = strings.EqualFold(doc.String("pagination", "defaultPaginationMethod"), "cursor") || c.Cursor && !c.Index
	if async := strings.ToLower(doc.String("securityEvents", "asyncRequest")); async == "long" || async == "request" {
		c.Async = async
	}
}

// positive returns the number that the document has there, as number or string; 0 if there is none above 0.
func (d Document) positive(path ...string) int {
	n, err := strconv.Atoi(d.String(path...))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// absent reports whether an answer says that there is nothing to be had: it cannot be
// used, or the path is not served, or not to us.
func absent(e *Error) bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNotAcceptable, http.StatusGone, http.StatusNotImplemented:
		return true
	}
	return errors.Is(e.Err, ErrAnswer)
}
