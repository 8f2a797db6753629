package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/muster-id/muster/scim/schema"
)

// meEndpoint stands for the resource of whoever the token belongs to (RFC 7644 §3.11).
const meEndpoint = "/Me"

// Get reads a resource (RFC 7644 §3.4.1). endpoint is that of its type: "/Users". An
// answer that is not that resource is an [Error] with [ErrAnswer].
func (c *Client) Get(ctx context.Context, endpoint, id string, w Want, options ...Option) (Document, error) {
	path, err := resourcePath(endpoint, id)
	if err != nil {
		return nil, err
	}
	doc, err := c.read(ctx, http.MethodGet, withQuery(path, w.values()), nil, options...)
	if err != nil {
		return nil, err
	}
	if doc.ID() != id {
		return nil, &Error{
			Status: http.StatusOK, Method: http.MethodGet, Endpoint: endpointOf(path),
			Err: fmt.Errorf("%w: it is not the resource that was asked for", ErrAnswer),
		}
	}
	return doc, nil
}

// Create adds a resource (RFC 7644 §3.3). The Document is nil if the answer has none that can be read.
func (c *Client) Create(ctx context.Context, endpoint string, doc schema.Object, options ...Option) (Document, error) {
	return c.write(ctx, http.MethodPost, endpoint, "", doc, options)
}

// Replace replaces a resource (RFC 7644 §3.5.1). The Document is nil if the answer has none that can be read.
func (c *Client) Replace(ctx context.Context, endpoint, id string, doc schema.Object, options ...Option) (Document, error) {
	path, err := resourcePath(endpoint, id)
	if err != nil {
		return nil, err
	}
	return c.write(ctx, http.MethodPut, path, id, doc, options)
}

// errEmptyPatch is a patch that no server takes (RFC 7644 §3.5.2).
var errEmptyPatch = errors.New("the patch has no operations")

// Patch changes a resource (RFC 7644 §3.5.2). A patch without operations is an error, and is not sent. The Document is nil if the answer has none that can be read, as that of
// 204. A server that does not know the method answers with [ErrUnsupported], which the client remembers: see
// [Client.Can] and [Client.Modify].
func (c *Client) Patch(ctx context.Context, endpoint, id string, p *Patch, options ...Option) (Document, error) {
	if p.Len() == 0 {
		return nil, errEmptyPatch
	}
	path, err := resourcePath(endpoint, id)
	if err != nil {
		return nil, err
	}
	doc, err := c.write(ctx, http.MethodPatch, path, id, p.message(), options)
	c.learn(FeaturePatch, err)
	return doc, err
}

// Delete removes a resource (RFC 7644 §3.6). That the server does not know it is no
// error, only not found: it may have been removed by an earlier attempt.
func (c *Client) Delete(ctx context.Context, endpoint, id string, options ...Option) (found bool, err error) {
	path, err := resourcePath(endpoint, id)
	if err != nil {
		return false, err
	}
	_, err = c.write(ctx, http.MethodDelete, path, id, nil, options)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Me reads the resource of whoever the token belongs to (RFC 7644 §3.11). Most tokens belong to nobody, and most
// servers answer with [ErrUnsupported] or [ErrNotFound]. To write it, use its own id; where that
// is not allowed, [Client.PatchMe].
func (c *Client) Me(ctx context.Context, w Want, options ...Option) (Document, error) {
	return c.read(ctx, http.MethodGet, withQuery(meEndpoint, w.values()), nil, options...)
}

// PatchMe changes the resource of whoever the token belongs to (RFC 7644 §3.11).
func (c *Client) PatchMe(ctx context.Context, p *Patch, options ...Option) (Document, error) {
	if p.Len() == 0 {
		return nil, errEmptyPatch
	}
	return c.write(ctx, http.MethodPatch, meEndpoint, "", p.message(), options)
}

// Edit makes of a resource, as it was just read, what it is to be; nil leaves it as it is. It may be asked several times.
// What it does not touch stays: it is handed all that the server showed.
type Edit func(now Document) (schema.Object, error)

// maxEdits bounds how often somebody else may be faster.
const maxEdits = 4

// Update reads a resource, edits it and replaces it on condition that nobody changed it in between (RFC 7644 §3.14); if
// somebody did, it begins again, three times at most. Where the server sends no versions, the last one wins. The
// Document is the resource as the server answered it, or as it was read if nothing was to be done.
func (c *Client) Update(ctx context.Context, endpoint, id string, edit Edit, options ...Option) (Document, error) {
	for n := 1; ; n++ {
		now, err := c.Get(ctx, endpoint, id, Want{})
		if err != nil {
			return nil, err
		}
		version := now.Version()
		next, err := edit(now)
		if err != nil {
			return nil, fmt.Errorf("edit the resource: %w", err)
		}
		if next == nil {
			return now, nil
		}
		doc, err := c.Replace(ctx, endpoint, id, next, append([]Option{IfMatch(version)}, options...)...)
		if !errors.Is(err, ErrPrecondition) || n == maxEdits {
			return doc, err
		}
	}
}

// Modify sends a patch, and where the server does not know PATCH, whatever its configuration says, replaces the
// resource with what edit makes of it. A refusal that does not say what was wrong with the patch (400 without scimType)
// is taken for one of the method too, and remembered as such once the replace succeeds.
func (c *Client) Modify(ctx context.Context, endpoint, id string, p *Patch, edit Edit, options ...Option) (Document, error) {
	if !c.Can(FeaturePatch) {
		return c.Update(ctx, endpoint, id, edit, options...)
	}
	doc, err := c.Patch(ctx, endpoint, id, p, options...)
	e, ok := errors.AsType[*Error](err)
	vague := ok && e.Status == http.StatusBadRequest && e.Type == ""
	if !vague && !errors.Is(err, ErrUnsupported) {
		return doc, err
	}
	replaced, uerr := c.Update(ctx, endpoint, id, edit, options...)
	if uerr != nil {
		if vague {
			return nil, err // it was about the patch after all
		}
		return nil, uerr
	}
	c.refuse(FeaturePatch)
	return replaced, nil
}

// Ensure creates a resource, or returns the one that is there already: where the server says that a value is taken
// (409), it is looked up by the value that doc has for attribute, such as userName or externalId (RFC 7644 §3.3). If
// none shows that value, or more than one does, the conflict is returned. It does not make the other resource like doc.
func (c *Client) Ensure(ctx context.Context, endpoint string, doc schema.Object, attribute string, options ...Option) (found Document, created bool, err error) {
	found, err = c.Create(ctx, endpoint, doc, options...)
	if !errors.Is(err, ErrUniqueness) {
		return found, err == nil, err
	}
	value := Document(doc).String(attribute)
	if value == "" {
		return nil, false, err
	}
	there, lerr := c.Lookup(ctx, endpoint, attribute, value)
	if lerr != nil {
		return nil, false, errors.Join(err, lerr)
	}
	return there, false, nil
}

// Lookup returns the one resource that has this value of an attribute, compared without case. The server's filter is
// not believed: a resource that does not show the value does not count. None is [ErrNotFound], several are
// [ErrConflict].
func (c *Client) Lookup(ctx context.Context, endpoint, attribute, value string) (Document, error) {
	const most = 1000 // of a server that ignores the filter
	var found Document
	n := 0
	for doc, err := range c.All(ctx, endpoint, Query{Filter: Eq(attribute, value)}) {
		if err != nil {
			return nil, err
		}
		if n++; n > most {
			return nil, fmt.Errorf("look up a resource by %s: the server ignores the filter", attribute)
		}
		if !strings.EqualFold(doc.String(attribute), value) {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("look up a resource by %s: %w: several have the value", attribute, ErrConflict)
		}
		found = doc
	}
	if found == nil {
		return nil, fmt.Errorf("look up a resource by %s: %w", attribute, ErrNotFound)
	}
	return found, nil
}

// read sends a request whose answer has to be a JSON object.
func (c *Client) read(ctx context.Context, method, path string, body schema.Object, options ...Option) (Document, error) {
	r, err := newCall(method, path, body, options)
	if err != nil {
		return nil, err
	}
	r.repeatable = true // also a search, which is a POST
	a, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	doc, err := a.document()
	if err != nil {
		return nil, a.unusable(r, err)
	}
	return doc, nil
}

// write sends a request that is done when the status says so, whatever the answer's body is, unless that is a
// page for people: then somebody else answered. id is that of the resource, if it has one.
func (c *Client) write(ctx context.Context, method, path, id string, body schema.Object, options []Option) (Document, error) {
	r, err := newCall(method, path, body, options)
	if err != nil {
		return nil, err
	}
	a, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	doc, err := a.document()
	if errors.Is(err, ErrWebPage) || err != nil && !errors.Is(err, ErrAnswer) {
		return nil, a.unusable(r, err) // the connection broke: nobody knows what was done
	}
	if r.readBack && doc.ID() == "" && method != http.MethodDelete {
		return c.readWritten(ctx, r, a, id)
	}
	return doc, nil
}

// readWritten reads a resource whose write was answered without it.
func (c *Client) readWritten(ctx context.Context, r *call, a *answer, id string) (Document, error) {
	endpoint := endpointOf(r.path)
	if id == "" {
		// Of the Location only the id is used, and only if it lies where the resource was to be made (G14).
		id = idIn(a.header.Get("Location"), endpoint)
	}
	if id == "" {
		return nil, a.unusable(r, fmt.Errorf("%w: it does not say which resource was written", ErrAnswer))
	}
	return c.Get(ctx, endpoint, id, Want{})
}

// idIn returns the id at the end of the URL of a resource; "" if it is none of that endpoint.
func idIn(location, endpoint string) string {
	if i := strings.IndexAny(location, "?#"); i >= 0 {
		location = location[:i]
	}
	rest, last := location, ""
	if i := strings.LastIndexByte(location, '/'); i >= 0 {
		rest, last = location[:i], location[i+1:]
	}
	id, err := url.PathUnescape(last)
	if err != nil || CheckID(id) != nil || !strings.HasSuffix(rest, endpoint) {
		return ""
	}
	return id
}

// document reads the body of a success. A version that only the ETag has is put where it belongs.
func (a *answer) document() (Document, error) {
	if a.err != nil {
		return nil, a.err
	}
	doc, err := parse(a.body)
	if err == nil {
		doc.setVersion(a.header.Get("ETag"))
	}
	return doc, err
}

// unusable is the error of a success that cannot be used.
func (a *answer) unusable(r *call, why error) *Error {
	return &Error{Status: a.status, Method: r.method, Endpoint: endpointOf(r.path), Err: why}
}
