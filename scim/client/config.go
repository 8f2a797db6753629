package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"
)

// Config is what a server says that it can do (RFC 7643 §5). It is a claim: servers deny what
// works and promise what does not, so a caller that is refused goes by the refusal.
type Config struct {
	Known      bool // the server publishes a configuration; false: what follows are the defaults
	Patch      bool // defaults to true
	Filter     bool // defaults to true
	Sort, ETag bool // default to false
	MaxResults int  // resources of a page; 0: not said
}

// Config reads the ServiceProviderConfig (RFC 7644 §4). A server without one, or with one that makes no
// sense, gets the defaults, and so does each feature that it says nothing about. The error of any other
// answer leaves open what the server can do.
func (c *Client) Config(ctx context.Context) (Config, error) {
	defaults := Config{Patch: true, Filter: true}
	doc, err := c.read(ctx, http.MethodGet, "/ServiceProviderConfig", nil)
	if e, ok := errors.AsType[*Error](err); ok && absent(e) {
		return defaults, nil
	}
	if err != nil {
		return defaults, err
	}
	config := defaults
	for _, f := range []struct {
		name string
		to   *bool
	}{{"patch", &config.Patch}, {"filter", &config.Filter}, {"sort", &config.Sort}, {"etag", &config.ETag}} {
		if yes, ok := doc.Bool(f.name, "supported"); ok {
			*f.to, config.Known = yes, true
		}
	}
	if n, err := strconv.Atoi(doc.String("filter", "maxResults")); err == nil && n > 0 {
		config.MaxResults = n
	}
	return config, nil
}

// absent reports whether an answer says that there is no configuration to be had: it cannot be
// used, or the path is not served, or not to us.
func absent(e *Error) bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNotAcceptable, http.StatusGone, http.StatusNotImplemented:
		return true
	}
	return errors.Is(e.Err, ErrAnswer)
}
